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

RunReader::Append RunReader::append_batch(Table const& table, uint32_t& appended) {
  MappedFile const* const mapped = mapping();
  if (mapped == nullptr) return append_from(table, mapped, appended);
  try {
    Append const outcome = append_from(table, mapped, appended);
    // What is looked at where it is mapped is so again by the end of its round.
    if (mapping_ != mapped) mapped->require_whole();
    return outcome;
  } catch (Error const&) {
    mapped->require_whole();  // what is wrong with it otherwise
    throw;
  }
}

RunReader::Append RunReader::append_from(Table const& table, MappedFile const* mapped,
                                         uint32_t& appended) {
  if (DeviceCache* const cached = cache(); cached != nullptr) {
    if (from_cache_) return append_cached(appended);
    // A fill that has read a block may have to begin with it once more, and has got nowhere.
    if (block_count_ == 0 || block_count_ >= 2) {
      auto const piece = cached->find(place_in_cache(batch_.front().handle));
      if (piece != nullptr && block_count_ != 0) return Append::kFull;  // to go on with that
      if (piece != nullptr) {
        piece_ = piece;
        piece_blocks_ = 0;
        Append const outcome = append_cached(appended);
        from_cache_ = appended != 0;
        if (from_cache_) return outcome;
        piece_.reset();  // it doesn't fit: what can't be done without is said where it is read
      }
    }
  }
  MappedFile const* const from = raw_ ? mapped : nullptr;
  if (block_count_ == 0) mapping_ = from;
  // What is resident is all in one place.
  if (mapping_ != nullptr && mapping_ != from) return Append::kFull;
  if (mapping_ != nullptr) return append_mapped(table, *mapping_, appended);
  return raw_ ? append_raw(table, appended) : append_decoded(table, mapped, appended);
}

RunReader::Append RunReader::append_mapped(Table const& table, MappedFile const& mapping,
                                           uint32_t& appended) {
  uint64_t const begin = batch_.front().handle.offset;
  uint64_t const end = batch_.back().handle.end();
  uint8_t const* const stored = mapping.bytes(begin, end - begin).data();
  if (end - begin > level_.data.size() - used_bytes_) return no_room(end - begin);
  if (block_count_ == 0) {
    mapped_data_ = stored;
    mapped_offset_ = begin;
  } else if (begin < mapped_offset_ || end - mapped_offset_ > UINT32_MAX) {
    return Append::kFull;
  }
  for (std::size_t i = 0; i < batch_.size(); ++i) {
    BatchedBlock const& block = batch_[i];
    // Each page that is touched first waits for memory: the next block's meanwhile.
    if (i + 1 < batch_.size()) __builtin_prefetch(stored + (batch_[i + 1].handle.end() - begin));
    uint8_t const* const at = stored + (block.handle.offset - begin);
    verify(table, block.handle, at);
    if (at[block.handle.size] != 0) {
      raw_ = false;  // the caller comes back with the rest
      return Append::kDone;
    }
    if (!append_block(table, block.handle,
                      static_cast<uint32_t>(block.handle.offset - mapped_offset_),
                      static_cast<uint32_t>(block.handle.size))) {
      return Append::kFull;
    }
    used_bytes_ += static_cast<uint32_t>(block.handle.size) + kBlockTrailerBytes;
    statistics_.bytes_read += block.handle.size + kBlockTrailerBytes;
    ++appended;
  }
  return Append::kDone;
}

RunReader::Append RunReader::append_cached(uint32_t& appended) {
  for (BatchedBlock const& batched : batch_) {
    DeviceCache::Block const* const found =
        piece_->find(place_in_cache(batched.handle), piece_blocks_);
    if (found == nullptr || found->stored_bytes != batched.handle.size ||
        block_count_ == blocks_max_ ||
        found->ref.restart_count > intervals_max_ - interval_count_) {
      return Append::kFull;
    }
    DataBlockRef& block = level_.blocks_host()[block_count_++];
    block = found->ref;
    block.first_interval = interval_count_;
    interval_count_ += block.restart_count;
    has_key_prefixes_ = piece_->has_key_prefixes();
    places_.push_back({table_index_, batched.handle.offset, batched.handle.size});
    piece_blocks_ = static_cast<std::size_t>(found - piece_->blocks().data()) + 1;
    ++statistics_.cache_hits;
    statistics_.cache_hit_bytes += batched.handle.size;
    ++appended;
  }
  return Append::kDone;
}

RunReader::Append RunReader::no_room(uint64_t bytes) const {
  bool const counted = fill_blocks_max_ != kAnyBlocks;
  if (block_count_ != 0 && !counted) return Append::kFull;
  throw NeedLayout{NeedLayout::Space::kDataBlock, run_index_, used_bytes_ + bytes};
}

void RunReader::verify(Table const& table, BlockHandle const& handle, uint8_t const* stored) const {
  verify_block({stored, handle.size + kBlockTrailerBytes}, table.footer(),
               {table.path(), handle.offset}, checksums_ != ChecksumsBy::kNobody);
}

// A fill of a number of blocks may be for the host alone, and where keys are in an order that is
// only claimed it looks at all of them anyway.
std::optional<BlockChecksum> RunReader::checksum_by_device(Table const& table) const {
  if (checksums_ != ChecksumsBy::kDevice || fill_blocks_max_ != kAnyBlocks || check_key_order_) {
    return std::nullopt;
  }
  switch (table.footer().checksum_type) {
    case ChecksumType::kCrc32c: return BlockChecksum::kCrc32c;
    case ChecksumType::kXxh3: return BlockChecksum::kXxh3;
    default: return std::nullopt;
  }
}

bool RunReader::append_unverified(Table const& table, BlockHandle const& handle, uint32_t offset,
                                  BlockChecksum checksum) {
  uint8_t const* const stored = level_.data.host() + offset;
  uint32_t const bytes = static_cast<uint32_t>(handle.size);
  uint32_t const blocks_before = block_count_;
  try {
    if (!append_block(table, handle, offset, bytes)) return false;
  } catch (...) {
    verify(table, handle, stored);
    throw;
  }
  if (block_count_ == blocks_before) {
    verify(table, handle, stored);  // it is empty, and so not listed
    return true;
  }
  level_.checks_host()[check_count_++] = CheckedBlock{
      offset, bytes, checksum_context(table.footer().checksum_base, handle.offset), checksum};
  any_crc32c_ |= checksum == BlockChecksum::kCrc32c;
  return true;
}

// Uncompressed blocks: read straight into the data block, trailers and all.
RunReader::Append RunReader::append_raw(Table const& table, uint32_t& appended) {
  uint64_t const begin = batch_.front().handle.offset;
  uint64_t const bytes = batch_.back().handle.end() - begin;
  if (bytes > level_.data.size() - used_bytes_) {
    // The batch is a single block here: the others were kept within the room.
    return no_room(bytes);
  }
  uint32_t const base = used_bytes_;
  uint8_t* const to = level_.data.host() + base;
  table.file().read(begin, {to, bytes});
  statistics_.bytes_read += bytes;
  std::optional<BlockChecksum> const by_device = checksum_by_device(table);
  for (BatchedBlock const& block : batch_) {
    uint8_t const* const stored = to + (block.handle.offset - begin);
    if (!by_device) verify(table, block.handle, stored);
    if (stored[block.handle.size] != 0) {
      raw_ = false;  // the caller comes back with the rest
      return Append::kDone;
    }
    used_bytes_ = base + static_cast<uint32_t>(block.handle.offset - begin);
    uint32_t const block_bytes = static_cast<uint32_t>(block.handle.size);
    bool const appended_block =
        by_device ? append_unverified(table, block.handle, used_bytes_, *by_device)
                  : append_block(table, block.handle, used_bytes_, block_bytes);
    if (!appended_block) return Append::kFull;
    used_bytes_ += static_cast<uint32_t>(block.handle.size) + kBlockTrailerBytes;
    ++appended;
  }
  return Append::kDone;
}

// Blocks of any codec: read into the read area, decompressed into the data block.
RunReader::Append RunReader::append_decoded(Table const& table, MappedFile const* mapped,
                                            uint32_t& appended) {
  uint64_t const begin = batch_.front().handle.offset;
  uint64_t const bytes = batch_.back().handle.end() - begin;
  uint8_t const* area = read_area_.data();
  if (mapped != nullptr) {
    area = mapped->bytes(begin, bytes).data();
  } else {
    if (bytes > read_area_.size()) {
      throw NeedLayout{NeedLayout::Space::kReadArea, run_index_, bytes};
    }
    table.file().read(begin, {read_area_.data(), bytes});
  }
  statistics_.bytes_read += bytes;
  for (BatchedBlock const& block : batch_) {
    uint8_t const* const stored = area + (block.handle.offset - begin);
    verify(table, block.handle, stored);
    BlockPlace const place{table.path(), block.handle.offset};
    uint8_t const type = stored[block.handle.size];
    std::span<uint8_t const> const payload{stored, block.handle.size};
    std::size_t const size =
        uncompressed_size(type, payload, table.format_version(), place, dictionary_.get());
    if (size > level_.data.size() - used_bytes_) return no_room(size);
    std::span<uint8_t> const to{level_.data.host() + used_bytes_, size};
    decompress(type, payload, table.format_version(), to, place, dictionary_.get());
    if (type != 0) statistics_.bytes_decompressed += size;
    if (!append_block(table, block.handle, used_bytes_, static_cast<uint32_t>(size))) {
      return Append::kFull;
    }
    used_bytes_ += static_cast<uint32_t>(size);
    ++appended;
  }
  return Append::kDone;
}

bool RunReader::append_block(Table const& table, BlockHandle const& handle, uint32_t offset,
                             uint32_t bytes) {
  BlockPlace const place{table.path(), handle.offset};
  std::span<uint8_t const> const data{resident_data() + offset, bytes};
  BlockTail const tail = parse_data_block_tail(data, table.entries_per_restart() != 0, place);
  if (tail.entries_end == 0) {
    check_restarts(data, tail, place);
    return true;  // an empty block holds nothing
  }
  if (block_count_ == blocks_max_) return false;
  if (check_key_order_) check_key_order(table, data, place);
  if (tail.restart_count > intervals_max_ - interval_count_) {
    if (block_count_ != 0 && fill_blocks_max_ == kAnyBlocks) return false;
    throw NeedLayout{
        NeedLayout::Space::kDataBlock, run_index_,
        PoolLayout::data_block_bytes_for_intervals(interval_count_ + tail.restart_count)};
  }
  DataBlockRef& block = level_.blocks_host()[block_count_];
  block = DataBlockRef{offset,
                       offset + tail.entries_end,
                       offset + tail.restarts_offset,
                       tail.restart_count,
                       interval_count_,
                       table.entries_per_restart(),
                       meta().global_sequence.value_or(kNoGlobalSequence)};
  set_key_prefix(block);
  places_.push_back({table_index_, handle.offset, handle.size});
  ++block_count_;
  interval_count_ += tail.restart_count;
  return true;
}

// Without a first key that begins as the run's keys should there are no prefixes to search by.
void RunReader::set_key_prefix(DataBlockRef& block) {
  EntryHeader entry;
  if (!decode_any_entry(resident_data(), block.offset, block.entries_end,
                        block.entries_per_restart != 0, true, entry) ||
      entry.shared != 0 || entry.key_size < kTrailerBytes + common_start_.size()) {
    has_key_prefixes_ = false;
    return;
  }
  uint8_t const* const key = resident_data() + entry.delta_offset;
  uint32_t const skipped = static_cast<uint32_t>(common_start_.size());
  if (!std::equal(common_start_.begin(), common_start_.end(), key,
                  [](char a, uint8_t b) { return static_cast<uint8_t>(a) == b; })) {
    has_key_prefixes_ = false;
    return;
  }
  block.key_prefix = key_prefix_of(Bytes{key + skipped, entry.key_size - kTrailerBytes - skipped});
}

void RunReader::check_key_order(Table const& table, std::span<uint8_t const> block,
                                BlockPlace const& place) {
  for_each_data_entry(
      block, table.entries_per_restart(), place,
      [&](std::span<uint8_t const> key, std::span<uint8_t const>) {
        if (key.size() < kTrailerBytes) {
          throw corruption_error(place.file, place.offset, "a key without a trailer");
        }
        if (!last_key_.empty() && compare_internal_keys(key_order_, last_key_, as_text(key)) >= 0) {
          throw corruption_error(place.file, place.offset,
                                 "keys are not in the order that --comparator claims");
        }
        last_key_ = as_text(key);
        return true;
      });
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
