// Keeps one run's level buffer filled: finds the table for a key, reads its index block, and after
// the index search reads the located data blocks, verified and decompressed, until the data block
// is full. Belongs to one task; not thread-safe.
//
// The frontier says up to which user key (exclusive) every entry of the run at or after the cursor
// is resident. It is the separator of the last resident block; inclusive, and so its successor,
// only where the index holds user keys, because otherwise the next block may go on with the same
// user key. At a table's end it is the next table's smallest user key, for the same reason.
//
// A fill starts anew at the cursor: the last block of the fill before is read once more when the
// cursor stands in it.
//
// Entries that a visible range tombstone hides need not be resident: all that they could shadow is
// older, and hidden as well. So a table is read from where the tombstones over its next key end,
// when those are newer than all that the table holds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "device/device.hpp"
#include "execute/control_arena.hpp"
#include "execute/scan_result.hpp"
#include "kernels/index_search.hpp"
#include "kernels/run_view.hpp"
#include "kernels/tombstone_cover.hpp"
#include "pool/pool_layout.hpp"
#include "pool/scan_buffer.hpp"
#include "version/database_version.hpp"

namespace levelscan {

// An exclusive upper bound on user keys; none: everything.
using Frontier = std::optional<std::string>;

class RunReader {
 public:
  static constexpr uint32_t kAnyBlocks = UINT32_MAX;

  // All references outlive the reader. `upper`: the task's end; nothing from there on is read.
  // `tombstones`: at the scan's snapshot, in host memory.
  RunReader(SortedRun const& run, uint32_t run_index, LevelBuffer& level, PinnedBytes& read_area,
            PoolLayout const& layout, std::optional<std::string> const& upper,
            TombstoneCover const& tombstones, bool verify_checksums, ScanStatistics& statistics);

  // True when there may be entries at or after `cursor` that are not resident.
  [[nodiscard]] bool is_dry(std::string_view cursor) const {
    return !filled_ || (frontier_ && *frontier_ <= cursor);
  }

  // Empties the data block and begins to fill it from the first entry at or after the internal key
  // (cursor, trailer) on: with kAnyBlocks as many SST blocks as there is room for, else exactly
  // `blocks_max`, if the run has as many.
  void begin_fill(std::string const& cursor, uint64_t trailer, uint32_t blocks_max);

  // Between begin_fill and the end of the fill: there is a table whose index is to be searched.
  [[nodiscard]] bool wants_index() const { return filling_; }

  // Reads the table's index block if another one is resident, enqueues its copy to the device, and
  // says what to search for. REQUIRES: wants_index(). Throws Error, NeedLayout.
  [[nodiscard]] IndexView prepare_index(ControlArena& arena, Device& device, StreamView stream);

  // Reads the blocks that the search located. Afterwards the fill is at its end, or wants the next
  // table's index. REQUIRES: wants_index(). Throws Error, NeedLayout.
  void read_located(IndexRange const& located);

  // Enqueues the copies of the data block and the block list. REQUIRES: !wants_index().
  void mirror_data(Device& device, StreamView stream);

  // Makes the resident data end at `frontier`, for a window that needs no more of it.
  void set_frontier(std::string frontier) { frontier_ = std::move(frontier); }

  [[nodiscard]] Frontier const& frontier() const { return frontier_; }

  // What is resident. first_slot and first_tile are left to the caller.
  [[nodiscard]] RunView view() const;

  // The file and offset of a resident data block, by an offset into the level buffer's data block.
  [[nodiscard]] std::string place_of_data(uint32_t data_offset) const;
  [[nodiscard]] std::string place_of_index() const;

 private:
  struct BatchedBlock {
    BlockHandle handle;
    IndexPosition position;
  };
  enum class Append { kDone, kFull };

  // What happens when a block of `bytes` bytes finds no room. Throws NeedLayout when the fill can't
  // do without it.
  [[nodiscard]] Append no_room(uint64_t bytes) const;
  void load_index(Table const& table);
  // Reads and appends the batch; `appended` says how many of its blocks were.
  Append append_batch(Table const& table, uint32_t& appended);
  Append append_raw(Table const& table, uint32_t& appended);
  Append append_decoded(Table const& table, uint32_t& appended);
  void verify(Table const& table, BlockHandle const& handle, uint8_t const* stored) const;
  // Lists the block of `bytes` at the end of what is used. False when the block list is full.
  bool append_block(Table const& table, BlockHandle const& handle, uint32_t bytes);
  void end_fill_at_separator(Table const& table, IndexCursor& cursor, IndexPosition position);
  void next_table();
  // Says whether table_index_ has anything to read, after going past what is hidden.
  void begin_table();
  [[nodiscard]] Table const& table() const { return *run_.tables[table_index_]; }

  SortedRun const& run_;
  uint32_t run_index_;
  LevelBuffer& level_;
  PinnedBytes& read_area_;
  uint32_t blocks_max_;     // of the level buffer
  uint32_t intervals_max_;  // of the level buffer
  std::optional<std::string> const& upper_;
  TombstoneCover const& tombstones_;
  bool verify_checksums_;
  uint64_t smallest_sequence_ = UINT64_MAX;  // of the run
  ScanStatistics& statistics_;

  // The fill.
  std::string cursor_;  // where the table is read from, or the table's start if that is later
  uint64_t cursor_trailer_ = 0;
  uint32_t fill_blocks_max_ = 0;
  bool filling_ = false;
  bool filled_ = false;
  std::size_t table_index_ = 0;
  std::optional<std::size_t> index_table_;  // whose index block is resident
  bool index_copied_ = false;
  uint32_t index_bytes_ = 0;
  std::optional<IndexCursor> index_cursor_;  // over it
  bool raw_ = true;                          // the table's blocks were uncompressed so far
  std::vector<BatchedBlock> batch_;

  // What is resident.
  uint32_t used_bytes_ = 0;
  uint32_t block_count_ = 0;
  uint32_t interval_count_ = 0;
  Frontier frontier_;
  struct Place {
    std::size_t table;
    uint64_t offset;
  };
  std::vector<Place> places_;  // [block_count_] for messages
};

}  // namespace levelscan
