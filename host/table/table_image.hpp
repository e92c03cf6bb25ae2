// Builds a table in memory from entries in internal-key order, in the ordinary block-based format,
// so that rows that stand in no file are read by what reads tables.
//
//   data blocks, 16 entries between restart points, not compressed, no checksums
//   properties | metaindex | index, by internal key | footer of format version 5
//
// Not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "table/block_handle.hpp"

namespace levelscan {

class TableImage {
 public:
  // Bytes that an entry takes at most beyond its user key and its value.
  static constexpr uint64_t kEntryBytesMax = 3 * 5 + 8 + 4;

  // `bytes_expected`: about how many there will be, for the size of blocks.
  TableImage(std::string comparator, uint64_t bytes_expected);

  // REQUIRES: strictly after the entry before, in internal-key order; the user key and the value
  // have less than 2^31 bytes together.
  void add(std::span<uint8_t const> user_key, uint64_t trailer, std::span<uint8_t const> value);

  // The bytes of the table file. The builder is spent.
  [[nodiscard]] std::vector<uint8_t> finish();

 private:
  // Entries of a block, then restart points and their count.
  class Block {
   public:
    explicit Block(uint32_t restart_interval) : restart_interval_(restart_interval) {}
    void add(std::string_view key, std::span<uint8_t const> value);
    [[nodiscard]] bool empty() const { return entry_count_ == 0; }
    [[nodiscard]] std::size_t bytes() const { return bytes_.size(); }
    [[nodiscard]] std::string const& last_key() const { return last_key_; }
    // The whole block; the next one begins.
    [[nodiscard]] std::vector<uint8_t> finish();

   private:
    uint32_t restart_interval_;
    uint32_t entry_count_ = 0;
    std::vector<uint8_t> bytes_;
    std::vector<uint32_t> restarts_;
    std::string last_key_;
  };

  BlockHandle append_block(std::vector<uint8_t> const& block);
  void end_data_block();
  [[nodiscard]] std::vector<uint8_t> properties_block(uint64_t index_bytes) const;

  std::string comparator_;
  std::size_t data_block_bytes_;
  std::vector<uint8_t> file_;
  Block data_{16};
  Block index_{1};
  std::string internal_key_;

  uint64_t data_blocks_ = 0;
  uint64_t entries_ = 0;
  uint64_t deletions_ = 0;
  uint64_t merge_operands_ = 0;
  uint64_t raw_key_bytes_ = 0;
  uint64_t raw_value_bytes_ = 0;
};

}  // namespace levelscan
