// The index of one table as a sequence of index blocks, in key order: the partitions of a two-level
// index, or the one block of any other.
//
//   two-level: the table's index block is the top level. It is encoded as any index block
//   (index_cursor.hpp), but its handles are those of the partitions, and its separators stand
//   between partitions: at or above the last separator of one, below the first of the next.
//
// The top level is read when this is made, and kept; partitions are read by whoever walks them, one
// at a time. Immutable after construction; thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/index_search.hpp"
#include "table/block_handle.hpp"
#include "table/index_cursor.hpp"
#include "table/table_reader.hpp"

namespace levelscan {

class TableIndex {
 public:
  // The table must outlive this. Throws Error as reading a block does; kCorruption where the top
  // level contradicts itself.
  explicit TableIndex(Table const& table);

  // 0 for a two-level index of no data blocks.
  [[nodiscard]] uint32_t block_count() const { return static_cast<uint32_t>(blocks_.size()); }
  [[nodiscard]] BlockHandle const& block(uint32_t i) const { return blocks_[i]; }

  // The user key of the separator after block `i`. REQUIRES: i + 1 < block_count().
  [[nodiscard]] std::string_view user_separator(uint32_t i) const;

  // The first block that may have a separator at or after the target; block_count() where there is
  // none.
  [[nodiscard]] uint32_t find(IndexTarget const& target) const;

  // A cursor over block `i`, uncompressed in `bytes`, which must outlive it. Throws Error
  // kCorruption where it does not belong between its neighbours.
  [[nodiscard]] IndexCursor cursor(uint32_t i, std::span<uint8_t const> bytes) const;

  // Bytes read from the file to make this.
  [[nodiscard]] uint64_t bytes_read() const { return bytes_read_; }

 private:
  // As stored. REQUIRES: the index has two levels.
  [[nodiscard]] std::string_view separator(uint32_t i) const;
  void read_top_level();

  Table const& table_;
  std::vector<BlockHandle> blocks_;
  // Of a two-level index: the separators one after another, and where each ends.
  std::string separators_;
  std::vector<std::size_t> separator_ends_;
  uint64_t bytes_read_ = 0;
};

// Calls `visit` with a cursor on each data block's entry, in key order, until it returns false. One
// index block is in memory at a time.
void for_each_data_block(Table const& table, std::function<bool(IndexCursor const&)> const& visit);

}  // namespace levelscan
