#include "table/index_cursor.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "table/coding.hpp"
#include "table/key_comparison.hpp"
#include "table/refusal.hpp"

namespace levelscan {
bool separator_less(std::span<uint8_t const> a, std::span<uint8_t const> b,
                    IndexEncoding const& encoding) {
  return (encoding.key_is_user_key
              ? compare_user_keys(encoding.key_order, as_text(a), as_text(b))
              : compare_internal_keys(encoding.key_order, as_text(a), as_text(b))) < 0;
}

IndexCursor::IndexCursor(std::span<uint8_t const> block, IndexEncoding encoding,
                         uint64_t blocks_end, BlockPlace place)
    : block_(block),
      encoding_(encoding),
      blocks_end_(blocks_end),
      place_(place),
      tail_(parse_block_tail(block, place)) {
  check_restarts(block_, tail_, place_);
  seek_to_first();
}

void IndexCursor::seek_to_first() {
  if (empty()) {
    valid_ = false;
  } else {
    seek_to_restart(0);
  }
}

void IndexCursor::seek_to_restart(uint32_t restart_index) {
  restart_index_ = restart_index;
  entries_into_restart_ = 0;
  next_entry_offset_ = restart_offset(restart_index);
  has_previous_ = false;
  decode_entry();
}

void IndexCursor::seek_to_entry(uint32_t restart_index, uint32_t ordinal) {
  seek_to_restart(restart_index);
  for (uint32_t i = 0; i < ordinal && valid_; ++i) next();
}

void IndexCursor::next() {
  ++entries_into_restart_;
  if (restart_index_ + 1 < tail_.restart_count) {
    uint32_t const next_restart = restart_offset(restart_index_ + 1);
    if (next_entry_offset_ > next_restart) fail("restart point inside an entry");
    if (next_entry_offset_ == next_restart) {
      ++restart_index_;
      entries_into_restart_ = 0;
    }
  }
  if (next_entry_offset_ == tail_.entries_end) {
    valid_ = false;
    return;
  }
  decode_entry();
}

std::span<uint8_t const> IndexCursor::user_key() const {
  std::span<uint8_t const> const bytes(key_);
  return encoding_.key_is_user_key ? bytes : bytes.first(bytes.size() - kTrailerBytes);
}

uint32_t IndexCursor::restart_offset(uint32_t restart_index) const {
  return load_fixed32(block_.data() + tail_.entries_end + restart_index * sizeof(uint32_t));
}

void IndexCursor::fail(char const* what) const {
  throw corruption_error(
      place_.file, place_.offset,
      fmt::format("index entry {} bytes into the block: {}", entry_offset_, what));
}

void IndexCursor::check_first_key(std::span<uint8_t const> first_key) const {
  if (first_key.size() < kTrailerBytes) fail("first key without a trailer");
}

void IndexCursor::decode_entry() {
  valid_ = false;
  entry_offset_ = next_entry_offset_;
  ByteReader reader(block_.subspan(entry_offset_, tail_.entries_end - entry_offset_));
  uint32_t shared = 0;
  uint32_t non_shared = 0;
  uint32_t value_bytes = 0;
  std::span<uint8_t const> suffix;
  if (!reader.read_varint32(shared) || !reader.read_varint32(non_shared)) fail("malformed lengths");
  if (!encoding_.value_is_delta_encoded && !reader.read_varint32(value_bytes))
    fail("malformed lengths");
  if (!reader.read_bytes(non_shared, suffix)) fail("key beyond the entries");
  std::size_t const previous_bytes = has_previous_ ? key_.size() : 0;
  if (shared > previous_bytes) fail("shares more bytes than the key before has");
  if (shared > 0 && entries_into_restart_ == 0) fail("shares bytes at a restart point");

  previous_key_.swap(key_);
  key_.assign(previous_key_.begin(), previous_key_.begin() + shared);
  key_.insert(key_.end(), suffix.begin(), suffix.end());
  if (!encoding_.key_is_user_key && key_.size() < kTrailerBytes)
    fail("internal key without a trailer");
  if (has_previous_ && !separator_less(previous_key_, key_, encoding_)) {
    fail("separator out of order");
  }

  BlockHandle handle;
  if (encoding_.value_is_delta_encoded) {
    if (shared == 0) {
      if (!reader.read_varint64(handle.offset) || !reader.read_varint64(handle.size))
        fail("malformed handle");
    } else {
      uint64_t encoded = 0;
      if (!reader.read_varint64(encoded)) fail("malformed handle");
      // Modulo 2^64; a sum that is out of range is caught below.
      handle.size = handle_.size + static_cast<uint64_t>(zigzag_decode(encoded));
      handle.offset = handle_.end();
    }
    std::span<uint8_t const> first_key;
    if (encoding_.has_first_keys) {
      if (!reader.read_length_prefixed(first_key)) fail("malformed first key");
      check_first_key(first_key);
    }
  } else {
    std::span<uint8_t const> value;
    if (!reader.read_bytes(value_bytes, value)) fail("handle beyond the entries");
    std::optional<BlockHandle> const parsed = parse_block_handle(value);
    if (!parsed) fail("malformed handle");
    handle = *parsed;
    if (encoding_.has_first_keys) {
      ByteReader first_key_reader(value);
      std::span<uint8_t const> first_key;
      if (!first_key_reader.read_length_prefixed(first_key)) fail("malformed first key");
      check_first_key(first_key);
      value = value.subspan(first_key_reader.position());
    }
    if (!value.empty()) fail("bytes after the handle");
  }
  if (!block_handle_in_bounds(handle, blocks_end_)) fail("data block outside the file");
  if (has_previous_ && handle.offset < handle_.end()) fail("data block overlaps the one before");

  handle_ = handle;
  next_entry_offset_ = entry_offset_ + static_cast<uint32_t>(reader.position());
  has_previous_ = true;
  valid_ = true;
}

}  // namespace levelscan
