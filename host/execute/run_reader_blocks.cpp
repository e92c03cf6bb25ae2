// How a fill makes blocks resident: mapped, read as they are, decompressed, or found in the cache;
// verified on the way or listed for the device to verify.
#include <algorithm>

#include "execute/run_reader.hpp"
#include "levelscan/error.hpp"
#include "table/block.hpp"
#include "table/codec.hpp"
#include "table/coding.hpp"
#include "table/key_comparison.hpp"

namespace levelscan {
namespace {

// As far as it pays.
void prefetch(uint8_t const* begin, std::size_t bytes) {
  constexpr std::size_t kLineBytes = 64;
  constexpr std::size_t kBytesMax = 8 << 10;
  for (std::size_t at = 0; at < std::min(bytes, kBytesMax); at += kLineBytes) {
    __builtin_prefetch(begin + at);
  }
}

}  // namespace

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
  for (std::size_t i = 0; i < batch_.size(); ++i) {
    BatchedBlock const& block = batch_[i];
    uint8_t const* const stored = area + (block.handle.offset - begin);
    verify(table, block.handle, stored);
    // Memory takes as long to come as a block to decompress: the next one's meanwhile.
    if (i + 1 < batch_.size()) {
      BlockHandle const& next = batch_[i + 1].handle;
      prefetch(area + (next.offset - begin), next.size + kBlockTrailerBytes);
    }
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

}  // namespace levelscan
