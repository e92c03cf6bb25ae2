#include "execute/run_reader.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "execute/tombstone_set.hpp"
#include "levelscan/error.hpp"
#include "plan/range_segments.hpp"
#include "table/block.hpp"
#include "table/codec.hpp"
#include "table/coding.hpp"
#include "table/key_comparison.hpp"

namespace levelscan {
namespace {

// One read; what it brings is still in the cache when it is checksummed.
constexpr uint64_t kReadBytes = 64 << 10;
// Between two blocks, that are rather read along than skipped: what aligns them.
constexpr uint64_t kGapBytesMax = 4 << 10;

Bytes bytes_of(std::string const& text) {
  return {reinterpret_cast<uint8_t const*>(text.data()), static_cast<uint32_t>(text.size())};
}

}  // namespace

RunReader::RunReader(DatabaseVersion const& version, uint32_t run_index, LevelBuffer& level,
                     PinnedBytes& read_area, PoolLayout const& layout, KeyBound const& upper,
                     std::span<KeyRange const> segments, TombstoneCover const& tombstones,
                     MappedTables const& mapped, DeviceCache* cache, ChecksumsBy checksums,
                     ScanStatistics& statistics)
    : run_(version.runs[run_index]),
      run_index_(run_index),
      level_(level),
      read_area_(read_area),
      blocks_max_(layout.blocks_max(run_index)),
      intervals_max_(layout.intervals_max(run_index)),
      upper_(upper),
      segments_(segments),
      tombstones_(tombstones),
      mapped_(mapped),
      cache_(cache),
      key_order_(version.key_order),
      check_key_order_(version.key_order_is_assumed),
      checksums_(checksums),
      statistics_(statistics) {
  for (TableMeta const& meta : run_.metas) {
    smallest_sequence_ = std::min(smallest_sequence_, meta.smallest_sequence);
  }
  if (!run_.metas.empty()) {
    // What the first and the last key begin with, those between them begin with as well.
    std::string_view const first = run_.metas.front().smallest_user_key();
    std::string_view const last = run_.metas.back().largest_user_key();
    auto const ends = std::mismatch(first.begin(), first.end(), last.begin(), last.end());
    common_start_ = first.substr(0, static_cast<std::size_t>(ends.first - first.begin()));
  }
  batch_.reserve(256);
  places_.reserve(256);
}

void RunReader::begin_fill(KeyBound const& cursor, uint64_t trailer, uint32_t blocks_max) {
  cursor_ = cursor;
  cursor_trailer_ = trailer;
  fill_blocks_max_ = blocks_max;
  mapping_ = nullptr;
  piece_.reset();
  entering_.reset();
  from_cache_ = false;
  used_bytes_ = 0;
  block_count_ = 0;
  interval_count_ = 0;
  has_key_prefixes_ = true;
  check_count_ = 0;
  any_crc32c_ = false;
  device_verifies_ = false;
  places_.clear();
  frontier_ = KeyBound::end();
  last_key_.clear();
  filled_ = true;
  segment_ = first_segment_beyond(segments_, cursor, key_order_);

  // The first table that ends at the cursor or later.
  std::string const target = make_internal_key(cursor.key, trailer);
  auto const found =
      std::partition_point(run_.metas.begin(), run_.metas.end(), [&](TableMeta const& meta) {
        if (cursor.side != BoundSide::kBefore) {
          return is_below(key_order_, meta.largest_user_key(), cursor);
        }
        return compare_internal_keys(key_order_, meta.largest, target) < 0;
      });
  table_index_ = static_cast<std::size_t>(found - run_.metas.begin());
  enter_table();
}

void RunReader::enter_table() {
  for (;; ++table_index_) {
    pass_hidden_tables();
    if (!filling_) return;
    if (entered_table_ != table_index_) {
      entered_table_.reset();
      index_.emplace(table());
      dictionary_ = table().dictionary();
      statistics_.bytes_read += index_->bytes_read() + table().dictionary_bytes();
      raw_ = true;
      loaded_index_block_.reset();
      entered_table_ = table_index_;
    }
    passed_ = KeyBound::before(meta().smallest_user_key());
    at_cursor_ = compare_bounds(key_order_, passed_, table_cursor_) <= 0;
    index_block_ =
        index_->find({{bytes_of(table_cursor_.key), table_cursor_.side}, lower_trailer()});
    if (index_block_ < index_->block_count()) return;
  }
}

void RunReader::pass_hidden_tables() {
  for (;; ++table_index_) {
    filling_ = table_index_ < run_.metas.size() &&
               is_below(key_order_, run_.metas[table_index_].smallest_user_key(), upper_);
    table_cursor_ = cursor_;
    table_cursor_trailer_ = cursor_trailer_;
    if (!filling_) return;
    TableMeta const& meta = run_.metas[table_index_];
    std::string_view const smallest = meta.smallest_user_key();
    std::string_view const largest = meta.largest_user_key();
    if (lies_between_segments(smallest, largest)) continue;
    if (!segments_.empty() &&
        compare_bounds(key_order_, segments_[segment_].lower, table_cursor_) > 0) {
      table_cursor_ = segments_[segment_].lower;
      table_cursor_trailer_ = UINT64_MAX;
    }
    if (tombstones_.bound_count == 0) return;
    std::optional<std::string> const hidden = hidden_until(
        tombstones_, is_below(key_order_, smallest, table_cursor_) ? table_cursor_.key : smallest,
        largest, meta.largest_sequence);
    if (!hidden) return;
    if (fill_blocks_max_ != kAnyBlocks) {  // only one user key is asked for
      filling_ = false;
      return;
    }
    table_cursor_ = KeyBound::before(*hidden);
    table_cursor_trailer_ = UINT64_MAX;
    if (!is_below(key_order_, largest, table_cursor_)) return;
  }
}

void RunReader::next_index_block() {
  std::string_view first;
  do {
    if (index_block_ + 1 == index_->block_count()) {
      ++table_index_;
      enter_table();
      return;
    }
    first = index_->user_separator(index_block_);
    passed_ = after_separator(first);
    at_cursor_ = false;
    ++index_block_;
  } while (lies_between_segments(first, last_key_of_index_block()));
}

std::string_view RunReader::last_key_of_index_block() const {
  bool const is_last = index_block_ + 1 == index_->block_count();
  return is_last ? meta().largest_user_key() : index_->user_separator(index_block_);
}

bool RunReader::lies_between_segments(std::optional<std::string_view> first,
                                      std::string_view last) {
  if (segments_.empty()) return false;
  while (first && segment_ < segments_.size() &&
         !is_below(key_order_, *first, segments_[segment_].upper)) {
    ++segment_;
  }
  return segment_ == segments_.size() || is_below(key_order_, last, segments_[segment_].lower);
}

bool RunReader::index_block_is_inside() const {
  return !at_cursor_ && is_below(key_order_, last_key_of_index_block(), upper_);
}

IndexView RunReader::prepare_index(ControlArena& arena, Device& device, StreamView stream) {
  Table const& current = table();
  load_index_block();
  if (!index_copied_) {
    device.copy_to_device_async(level_.index.device(), level_.index.host(), index_bytes_, stream);
    if (!device.info().mirrors_alias_host) statistics_.bytes_copied += index_bytes_;
    index_copied_ = true;
  }
  BlockPlace const place{current.path(), index_->block(index_block_).offset};
  BlockTail const tail = parse_block_tail({level_.index.host(), index_bytes_}, place);
  IndexEncoding const encoding = current.index_encoding();
  IndexView view{};
  view.index = level_.index.device();
  view.restarts_offset = tail.entries_end;
  view.restart_count = tail.entries_end == 0 ? 0 : tail.restart_count;
  view.user_keys = encoding.key_is_user_key;
  view.delta_encoded = encoding.value_is_delta_encoded;
  view.first_keys = encoding.has_first_keys;
  view.active = true;
  view.order = key_order_;
  view.lower_trailer = lower_trailer();
  view.lower = {arena.put(std::string_view(table_cursor_.key)), table_cursor_.side};
  view.upper = {arena.put(std::string_view(upper_.key)), upper_.side};
  return view;
}

void RunReader::load_index_block() {
  if (loaded_index_block_ == index_block_) return;
  loaded_index_block_.reset();
  BlockHandle const handle = index_->block(index_block_);
  uint64_t const stored_bytes = handle.size + kBlockTrailerBytes;
  if (stored_bytes > read_area_.size()) {
    throw NeedLayout{NeedLayout::Space::kReadArea, run_index_, stored_bytes};
  }
  std::span<uint8_t> const stored{read_area_.data(), stored_bytes};
  table().file().read(handle.offset, stored);
  statistics_.bytes_read += stored_bytes;
  // The host parses what it finds here, so this checksum is verified whatever was asked for.
  BlockPlace const place{table().path(), handle.offset};
  uint8_t const type = verify_block(stored, table().footer(), place);
  std::span<uint8_t const> const payload = stored.first(handle.size);
  std::size_t const bytes = uncompressed_size(type, payload, table().format_version(), place);
  if (bytes > level_.index.size()) {
    throw NeedLayout{NeedLayout::Space::kIndexBlock, run_index_, bytes};
  }
  decompress(type, payload, table().format_version(), {level_.index.host(), bytes}, place);
  if (type != 0) statistics_.bytes_decompressed += bytes;
  index_bytes_ = static_cast<uint32_t>(bytes);
  index_copied_ = false;
  index_cursor_.emplace(index_->cursor(index_block_, {level_.index.host(), bytes}));
  loaded_index_block_ = index_block_;
}

void RunReader::read_located(IndexRange const& located) {
  read_blocks(located);
  while (filling_ && index_block_is_inside()) {
    load_index_block();
    IndexRange whole{};
    whole.first_found = 1;
    read_blocks(whole);
  }
}

void RunReader::read_blocks(IndexRange const& located) {
  Table const& current = table();
  IndexCursor& cursor = *index_cursor_;
  if (cursor.empty() || located.first_found == 0) {
    next_index_block();
    return;
  }
  cursor.seek_to_entry(located.first.restart, located.first.skip);
  auto const is_last = [&] {
    return located.last_found != 0 && (cursor.restart_index() > located.last.restart ||
                                       (cursor.restart_index() == located.last.restart &&
                                        cursor.entries_into_restart() >= located.last.skip));
  };
  std::optional<IndexPosition> resident;  // the last block of this index block that is
  std::optional<std::string> passed_key;  // the separator before the cursor's, where it is known
  bool reached_upper = false;
  while (cursor.valid() && !reached_upper) {
    // Blocks that follow one another in the file, as many as one read should bring.
    uint64_t const room = level_.data.size() - used_bytes_;
    uint64_t const limit = raw_ ? std::min<uint64_t>(kReadBytes, room)
                                : std::min<uint64_t>({kReadBytes, read_area_.size(),
                                                      std::max<uint64_t>(room / 4, 32 << 10)});
    batch_.clear();
    while (cursor.valid() && !reached_upper) {
      if (!segments_.empty()) {
        bool const skipped = lies_between_segments(passed_key, as_text(cursor.user_key()));
        if (segment_ == segments_.size()) {
          // Nothing more is asked for, in this run either.
          reached_upper = true;
          break;
        }
        if (skipped) {
          passed_key = as_text(cursor.user_key());
          reached_upper = is_last();
          cursor.next();
          continue;
        }
      }
      BlockHandle const handle = cursor.handle();
      if (!batch_.empty()) {
        if (handle.offset - batch_.back().handle.end() > kGapBytesMax ||
            handle.end() - batch_.front().handle.offset > limit ||
            block_count_ + batch_.size() >= fill_blocks_max_) {
          break;
        }
      }
      batch_.push_back({handle, {cursor.restart_index(), cursor.entries_into_restart()}, segment_});
      if (!segments_.empty()) passed_key = as_text(cursor.user_key());
      reached_upper = is_last();
      cursor.next();
    }
    if (batch_.empty()) break;
    uint32_t appended = 0;
    Append const outcome =
        block_count_ >= fill_blocks_max_ ? Append::kFull : append_batch(current, appended);
    if (appended != 0) resident = batch_[appended - 1].position;
    if (outcome == Append::kFull) {
      if (resident) {
        cursor.seek_to_entry(resident->restart, resident->skip);
        end_fill_at(after_separator(as_text(cursor.user_key())));
      } else {
        // All that is resident was found by way of the index blocks before.
        end_fill_at(passed_);
      }
      return;
    }
    if (appended < batch_.size()) {
      cursor.seek_to_entry(batch_[appended].position.restart, batch_[appended].position.skip);
      segment_ = batch_[appended].segment;
      passed_key.reset();
      reached_upper = false;
    }
  }
  // A table's last separator may be shortened to something beyond the next table's start, so only a
  // separator with blocks behind it says that nothing more is asked for.
  bool const is_last_separator = !cursor.valid() && index_block_ + 1 == index_->block_count();
  if (reached_upper && !is_last_separator) {
    filling_ = false;
  } else {
    next_index_block();
  }
}

KeyBound RunReader::after_separator(std::string_view user_separator) const {
  return table().index_encoding().key_is_user_key ? KeyBound::after(user_separator)
                                                  : KeyBound::before(user_separator);
}

void RunReader::end_fill_at(KeyBound frontier) {
  frontier_ = std::move(frontier);
  filling_ = false;
}

void RunReader::mirror_data(Device& device, StreamView stream) {
  if (block_count_ == 0) return;
  std::size_t const list_bytes = block_count_ * sizeof(DataBlockRef);
  if (!from_cache_ && cache() != nullptr) {
    entering_ = cache()->reserve(used_bytes_);
    piece_ = entering_;
    statistics_.cache_misses += block_count_;
    for (Place const& place : places_) statistics_.cache_miss_bytes += place.stored_bytes;
  }
  if (mapping_ == nullptr && !from_cache_) {
    device.copy_to_device_async(device_data(), level_.data.host(), used_bytes_, stream);
  }
  device.copy_to_device_async(level_.blocks.device(), level_.blocks.host(), list_bytes, stream);
  std::size_t const check_bytes = check_count_ * sizeof(CheckedBlock);
  if (check_count_ != 0) {
    device.copy_to_device_async(level_.checks.device(), level_.checks.host(), check_bytes, stream);
  }
  if (!device.info().mirrors_alias_host) {
    statistics_.bytes_copied += used_bytes_ + list_bytes + check_bytes;
  }
}

void RunReader::verify_data(Device& device, ScanStatus* status, StreamView stream) {
  if (device_verifies_ || check_count_ == 0) return;
  device_verifies_ = true;
  device.verify_blocks_async(VerifyBlocks::Args{device_data(), level_.checks_device(), check_count_,
                                                any_crc32c_ ? 1u : 0u, run_index_, status},
                             stream);
}

void RunReader::verify_data_on_host() const {
  for (uint32_t i = 0; i < check_count_; ++i) {
    CheckedBlock const& checked = level_.checks_host()[i];
    Place const& place = places_[block_at(checked.offset)];
    verify(*run_.tables[place.table], {place.offset, checked.payload_bytes},
           level_.data.host() + checked.offset);
  }
}

void RunReader::enter_cache() {
  if (entering_ == nullptr) return;
  std::vector<DeviceCache::Block> blocks;
  blocks.reserve(block_count_);
  for (uint32_t i = 0; i < block_count_; ++i) {
    Place const& place = places_[i];
    blocks.push_back(
        {{run_index_, place.table, place.offset}, place.stored_bytes, level_.blocks_host()[i]});
  }
  cache_->enter(entering_, std::move(blocks), has_key_prefixes_, frontier_.side == BoundSide::kEnd);
  entering_.reset();
}

RunView RunReader::view() const {
  return RunView{mapping_ == nullptr ? device_data() : mapped_data_,
                 level_.blocks_device(),
                 block_count_,
                 interval_count_,
                 0,
                 0,
                 run_.largest_sequence,
                 smallest_sequence_,
                 key_order_,
                 has_key_prefixes_ ? static_cast<uint32_t>(common_start_.size()) : kNoKeyPrefixes};
}

RunView RunReader::host_view() const {
  RunView host = view();
  host.data = resident_data();
  host.blocks = level_.blocks_host();
  return host;
}

// The resident block that holds a byte, or the last one before it.
std::size_t RunReader::block_at(uint32_t data_offset) const {
  DataBlockRef const* const blocks = level_.blocks_host();
  auto const after = std::upper_bound(
      blocks, blocks + block_count_, data_offset,
      [](uint32_t offset, DataBlockRef const& block) { return offset < block.offset; });
  return after == blocks ? 0 : static_cast<std::size_t>(after - blocks) - 1;
}

std::string RunReader::place_of_data(uint32_t data_offset) const {
  if (block_count_ == 0) return fmt::format("level {}", run_.level);
  std::size_t const block = block_at(data_offset);
  uint32_t const block_offset = level_.blocks_host()[block].offset;
  Place const& place = places_[block];
  return fmt::format("{}: data block at offset {}, byte {}", run_.metas[place.table].path,
                     place.offset, data_offset - std::min(data_offset, block_offset));
}

std::string RunReader::place_of_index() const {
  if (!filling_ || !loaded_index_block_) return fmt::format("level {}", run_.level);
  return fmt::format("{}: index block at offset {}", table().path(),
                     index_->block(*loaded_index_block_).offset);
}

}  // namespace levelscan
