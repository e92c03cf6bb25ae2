// Keeps one run's level buffer filled: finds the table for a key and the block of its index that
// leads there, reads it, and after the index search reads the located data blocks, verified and
// decompressed, until the data block is full; then the next index block, or the next table's. An
// index block that lies wholly inside the range needs no search. Belongs to one task; not
// thread-safe.
//
// The frontier says up to which place between user keys every entry of the run from the cursor on
// is resident. It is the place after the separator of the last resident block where the index holds
// user keys, and the place before it otherwise, because then the next block may go on with the same
// user key. At a table's end it is the place before the next table's smallest user key, for the
// same reason.
//
// A table that is mapped is not read: the resident blocks are then where the mapping has them, all
// of one table, and the level buffer's data block is unused. Compressed blocks are decompressed
// from there into the data block.
//
// Of uncompressed blocks that the device has a copy of, the device verifies the checksums, before
// it counts anything in them; the host touches only their ends and first keys. What is wrong with a
// block may have misled the host that far, so whatever it throws over such a block it verifies that
// first.
//
// With a cache on the device a fill goes there instead of to the level buffer's mirror, and stays
// when it has been verified. A fill that begins with a block of the cache takes its blocks from
// there as long as they follow one another: the host then never sees them.
//
// A fill starts anew at the cursor: the last block of the fill before is read once more when the
// cursor stands in it.
//
// Entries that a visible range tombstone hides need not be resident: all that they could shadow is
// older, and hidden as well. So a table is read from where the tombstones over its next key end,
// when those are newer than all that the table holds. And of a scan of many ranges only blocks are
// read that may hold keys of its segments: what is asked about those lies in the same blocks.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "device/device.hpp"
#include "execute/control_arena.hpp"
#include "execute/device_cache.hpp"
#include "execute/mapped_tables.hpp"
#include "execute/scan_result.hpp"
#include "kernels/index_search.hpp"
#include "kernels/run_view.hpp"
#include "kernels/tombstone_cover.hpp"
#include "pool/pool_layout.hpp"
#include "pool/scan_buffer.hpp"
#include "query/key_range.hpp"
#include "table/table_index.hpp"
#include "version/database_version.hpp"

namespace levelscan {

// Who verifies the checksums of data blocks.
enum class ChecksumsBy {
  kNobody,
  kHost,
  kDevice,  // those that it knows, of uncompressed blocks; the host the others
};

class RunReader {
 public:
  static constexpr uint32_t kAnyBlocks = UINT32_MAX;

  // All references outlive the reader. `upper`: the task's end; nothing from there on is read.
  // `segments`: all that is asked for; empty: everything. `tombstones`: at the scan's snapshot, in
  // host memory. `mapped`: the tables that need no reading. `cache`: null: there is none.
  RunReader(DatabaseVersion const& version, uint32_t run_index, LevelBuffer& level,
            PinnedBytes& read_area, PoolLayout const& layout, KeyBound const& upper,
            std::span<KeyRange const> segments, TombstoneCover const& tombstones,
            MappedTables const& mapped, DeviceCache* cache, ChecksumsBy checksums,
            ScanStatistics& statistics);

  // True when there may be entries from `cursor` on that are not resident.
  [[nodiscard]] bool is_dry(KeyBound const& cursor) const {
    return !filled_ || compare_bounds(key_order_, frontier_, cursor) <= 0;
  }

  // Empties the data block and begins to fill it from the cursor on, where that stands before a key
  // from the internal key (cursor.key, trailer) on: with kAnyBlocks as many SST blocks as there is
  // room for, else exactly `blocks_max`, if the run has as many. REQUIRES: no work in flight reads
  // or writes what is resident.
  void begin_fill(KeyBound const& cursor, uint64_t trailer, uint32_t blocks_max);

  // Between begin_fill and the end of the fill: there is an index block to be searched.
  [[nodiscard]] bool wants_index() const { return filling_; }

  // Reads that index block if another one is resident, enqueues its copy to the device, and says
  // what to search for. REQUIRES: wants_index(). Throws Error, NeedLayout.
  [[nodiscard]] IndexView prepare_index(ControlArena& arena, Device& device, StreamView stream);

  // Reads the blocks that the search located. Afterwards the fill is at its end, or wants another
  // index block searched. REQUIRES: wants_index(). Throws Error, NeedLayout.
  void read_located(IndexRange const& located);

  // Enqueues the copies of the data block and the block list. REQUIRES: !wants_index().
  void mirror_data(Device& device, StreamView stream);

  // Enqueues the verification of what the device has to verify of the last fill, unless it was
  // before; `run_index` goes with the fault. REQUIRES: mirror_data() was called after the fill.
  void verify_data(Device& device, ScanStatus* status, StreamView stream);

  // Verifies on the host what the device had to. Throws Error(kCorruption) at the first block that
  // is damaged.
  void verify_data_on_host() const;

  // Makes the resident data end at `frontier`, for a window that needs no more of it.
  void set_frontier(KeyBound frontier) { frontier_ = std::move(frontier); }

  [[nodiscard]] KeyBound const& frontier() const { return frontier_; }

  // What is resident. first_slot and first_tile are left to the caller.
  [[nodiscard]] RunView view() const;

  // The same in host memory, which is what the device's is a copy of. REQUIRES: !is_from_cache().
  [[nodiscard]] RunView host_view() const;

  // Lets other fills have the resident blocks, if they are in the cache's memory. REQUIRES: they
  // have been verified, as far as they are to be.
  void enter_cache();

  // The host can't see what is resident, because it was found in the cache.
  [[nodiscard]] bool is_from_cache() const { return from_cache_; }
  // From now on blocks that are wanted are read; what is resident has to be filled again, because
  // it may be there for one round alone.
  void leave_cache() {
    cache_ = nullptr;
    filled_ = false;
  }

  // Throws Error(kCorruption) if what is resident was not all there when it was looked at.
  void require_whole() const {
    if (mapping_ != nullptr) mapping_->require_whole();
  }

  // The file and offset of a resident data block, by an offset into the run's data.
  [[nodiscard]] std::string place_of_data(uint32_t data_offset) const;
  [[nodiscard]] std::string place_of_index() const;

 private:
  struct BatchedBlock {
    BlockHandle handle;
    IndexPosition position;
    uint32_t segment;  // the first that it may hold keys of
  };
  enum class Append { kDone, kFull };

  // What happens when a block of `bytes` bytes finds no room. Throws NeedLayout when the fill can't
  // do without it.
  [[nodiscard]] Append no_room(uint64_t bytes) const;
  // Stands on table_index_, or the next table that has anything to read, at the first index block
  // that leads to the cursor or beyond. Ends the fill where there is none before upper_.
  void enter_table();
  // Goes on to the first table from table_index_ on of which tombstones leave something to be read,
  // and says from where.
  void pass_hidden_tables();
  void next_index_block();
  // True when no segment holds keys from `first` (none: from those asked about before) to `last`,
  // both included. Asked about ascending keys.
  [[nodiscard]] bool lies_between_segments(std::optional<std::string_view> first,
                                           std::string_view last);
  // No key of the table by way of the index block stands after it.
  [[nodiscard]] std::string_view last_key_of_index_block() const;
  // Every separator of the index block but the table's last lies in the range of the fill.
  [[nodiscard]] bool index_block_is_inside() const;
  void load_index_block();
  void read_blocks(IndexRange const& located);
  // Reads and appends the batch; `appended` says how many of its blocks were.
  Append append_batch(Table const& table, uint32_t& appended);
  // `mapped`: the table's mapping; null: it is to be read.
  Append append_from(Table const& table, MappedFile const* mapped, uint32_t& appended);
  Append append_raw(Table const& table, uint32_t& appended);
  Append append_decoded(Table const& table, MappedFile const* mapped, uint32_t& appended);
  void verify(Table const& table, BlockHandle const& handle, uint8_t const* stored) const;
  // What the device computes of the table's blocks in this fill, if anything.
  [[nodiscard]] std::optional<BlockChecksum> checksum_by_device(Table const& table) const;
  // Lists the uncompressed block at `offset` of the level buffer, which the device is to verify.
  bool append_unverified(Table const& table, BlockHandle const& handle, uint32_t offset,
                         BlockChecksum checksum);
  // Lists the block of `bytes` at `offset` of the run's data. False when the block list is full.
  bool append_block(Table const& table, BlockHandle const& handle, uint32_t offset, uint32_t bytes);
  // The same for uncompressed blocks of a mapped table.
  Append append_mapped(Table const& table, MappedFile const& mapping, uint32_t& appended);
  // Blocks of the piece that the fill began with.
  Append append_cached(uint32_t& appended);
  // Null: the fill does without a cache.
  [[nodiscard]] DeviceCache* cache() const {
    return fill_blocks_max_ == kAnyBlocks && !check_key_order_ ? cache_ : nullptr;
  }
  [[nodiscard]] DeviceCache::Place place_in_cache(BlockHandle const& handle) const {
    return {run_index_, table_index_, handle.offset};
  }
  // Null: the table is to be read, or the fill is one that has to hold a number of blocks.
  [[nodiscard]] MappedFile const* mapping() const {
    return fill_blocks_max_ == kAnyBlocks ? mapped_.find(run_index_, table_index_) : nullptr;
  }
  [[nodiscard]] uint8_t const* resident_data() const {
    return mapping_ == nullptr ? level_.data.host() : mapped_data_;
  }
  [[nodiscard]] uint8_t* device_data() const {
    return piece_ == nullptr ? level_.data.device() : piece_->data();
  }
  // The frontier when all is resident up to a separator of the table.
  [[nodiscard]] KeyBound after_separator(std::string_view user_separator) const;
  void end_fill_at(KeyBound frontier);
  [[nodiscard]] std::size_t block_at(uint32_t data_offset) const;
  void set_key_prefix(DataBlockRef& block);
  // Walks a resident block and throws Error(kCorruption) unless its keys follow those before.
  void check_key_order(Table const& table, std::span<uint8_t const> block, BlockPlace const& place);
  [[nodiscard]] Table const& table() const { return *run_.tables[table_index_]; }
  [[nodiscard]] TableMeta const& meta() const { return run_.metas[table_index_]; }
  // Separators of an ingested table have stored sequence numbers; it has a user key only once.
  [[nodiscard]] uint64_t lower_trailer() const {
    return meta().global_sequence ? UINT64_MAX : table_cursor_trailer_;
  }

  SortedRun const& run_;
  uint32_t run_index_;
  LevelBuffer& level_;
  PinnedBytes& read_area_;
  uint32_t blocks_max_;     // of the level buffer
  uint32_t intervals_max_;  // of the level buffer
  KeyBound const& upper_;
  std::span<KeyRange const> segments_;
  TombstoneCover const& tombstones_;
  MappedTables const& mapped_;
  DeviceCache* cache_;
  KeyOrder key_order_;
  bool check_key_order_;
  ChecksumsBy checksums_;
  uint64_t smallest_sequence_ = UINT64_MAX;  // of the run
  std::string_view common_start_;            // of all its user keys
  ScanStatistics& statistics_;

  // The fill.
  KeyBound cursor_;
  uint64_t cursor_trailer_ = 0;
  KeyBound table_cursor_;  // the same, or what tombstones over the table's next keys leave of it
  uint64_t table_cursor_trailer_ = 0;
  uint32_t fill_blocks_max_ = 0;
  bool filling_ = false;
  bool filled_ = false;
  uint32_t segment_ = 0;  // the first that doesn't end before what is filled next
  std::size_t table_index_ = 0;
  uint32_t index_block_ = 0;  // of the table's index
  bool at_cursor_ = false;    // it may have separators before the cursor
  KeyBound passed_;           // the frontier if nothing is read by way of it

  // The table that was entered last.
  std::optional<std::size_t> entered_table_;
  std::optional<TableIndex> index_;
  std::shared_ptr<CompressionDictionary const> dictionary_;
  bool raw_ = true;  // its blocks were uncompressed so far
  std::optional<uint32_t> loaded_index_block_;
  bool index_copied_ = false;
  uint32_t index_bytes_ = 0;
  std::optional<IndexCursor> index_cursor_;  // over the loaded block
  std::vector<BatchedBlock> batch_;

  // What is resident.
  MappedFile const* mapping_ = nullptr;              // where it is; null: in the level buffer
  uint8_t const* mapped_data_ = nullptr;             // the first block there
  uint64_t mapped_offset_ = 0;                       // the same in the file
  std::shared_ptr<DeviceCache::Piece const> piece_;  // where it is on the device, if in the cache
  std::shared_ptr<DeviceCache::Piece> entering_;     // the same, until others may have it
  bool from_cache_ = false;                          // the fill found it there
  std::size_t piece_blocks_ = 0;                     // of the piece, that have been passed
  uint32_t used_bytes_ = 0;  // of the level buffer's data block, or as many elsewhere
  uint32_t block_count_ = 0;
  uint32_t interval_count_ = 0;
  bool has_key_prefixes_ = true;  // the resident blocks
  uint32_t check_count_ = 0;      // of them the device verifies
  bool any_crc32c_ = false;       // among those
  bool device_verifies_ = false;  // it was asked to
  KeyBound frontier_;
  std::string last_key_;  // internal; kept where key order is checked
  struct Place {
    std::size_t table;
    uint64_t offset;
    uint64_t stored_bytes;
  };
  std::vector<Place> places_;  // [block_count_] for messages
};

}  // namespace levelscan
