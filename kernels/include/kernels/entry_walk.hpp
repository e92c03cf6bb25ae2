// Walks the entries of one restart interval of a data block without rebuilding their keys.
//
// `shared` in a block counts bytes of the previous *internal* key, so it can reach into the
// previous entry's trailer: when one user key is another followed by bytes that happen to equal
// that trailer, and whenever two versions of a key share low trailer bytes. The walk keeps the
// previous trailer for exactly that. Where keys descend, a trailer can also share bytes with the
// user key before it; those are looked up again from the interval's start.
//
// Writers share as many bytes as they can, or (use_delta_encoding=false) none. Where the byte after
// the shared ones is at hand in the previous entry, the walk takes nothing on trust: it extends
// the shared length as far as the keys agree and reports keys that descend.
//
// A walk is a value in one lane; several walks may read the same bytes at once.
#pragma once

#include <cstdint>

#include "kernels/block_format.hpp"
#include "kernels/internal_key.hpp"
#include "kernels/key_order.hpp"

namespace levelscan {

enum class WalkStep : uint8_t { kEntry, kEnd, kCorrupt };

struct EntryWalk {
  uint8_t const* bytes;
  uint32_t begin;   // of the interval
  uint32_t offset;  // of the next entry
  uint32_t end;     // of the interval
  KeyOrder order;

  // The current entry. Offsets are from `bytes`.
  uint32_t entry_offset;
  uint32_t shared;        // as stored: bytes of the previous internal key
  uint32_t delta_offset;  // key bytes from `shared` on
  uint32_t user_size;     // of the user key
  uint32_t user_shared;   // leading bytes in common with the previous user key
  uint64_t trailer;
  uint32_t value_offset;
  uint32_t value_size;
  bool same_user_key;  // as the previous entry's
  bool first;          // of the interval

  // The previous entry.
  bool started;  // there is a current entry
  uint32_t previous_user_size;
  uint64_t previous_trailer;

  LEVELSCAN_HOST_DEVICE static EntryWalk over(uint8_t const* bytes, uint32_t begin, uint32_t end,
                                              KeyOrder order) {
    EntryWalk walk{};
    walk.bytes = bytes;
    walk.begin = begin;
    walk.offset = begin;
    walk.end = end;
    walk.order = order;
    return walk;
  }

  // The key's bytes from `shared` on: [key_size - shared], the trailer included.
  LEVELSCAN_HOST_DEVICE uint8_t const* delta() const { return bytes + delta_offset; }

  // Byte `position` of the user key. REQUIRES: user_shared <= position < user_size.
  LEVELSCAN_HOST_DEVICE uint8_t user_byte(uint32_t position) const {
    if (position >= shared) return bytes[delta_offset + (position - shared)];
    return static_cast<uint8_t>(previous_trailer >> (8 * (position - previous_user_size)));
  }

  LEVELSCAN_HOST_DEVICE LEVELSCAN_INLINE WalkStep next() {
    if (offset >= end) return WalkStep::kEnd;
    EntryHeader entry;
    if (!decode_entry(bytes, offset, end, entry) || entry.key_size < kTrailerBytes) {
      return WalkStep::kCorrupt;
    }
    uint32_t const old_shared = shared;
    uint32_t const old_delta_offset = delta_offset;
    previous_user_size = user_size;
    previous_trailer = trailer;
    first = !started;
    if (entry.shared > (first ? 0 : previous_user_size + kTrailerBytes)) return WalkStep::kCorrupt;
    started = true;
    entry_offset = offset;
    shared = entry.shared;
    delta_offset = entry.delta_offset;
    user_size = entry.key_size - kTrailerBytes;
    value_offset = entry.value_offset;
    value_size = entry.value_size;
    offset = entry.value_offset + entry.value_size;
    if (first) {
      user_shared = 0;
      same_user_key = false;
      trailer = load_unaligned<uint64_t>(bytes + delta_offset + user_size);
      return WalkStep::kEntry;
    }

    bool const descends = order == KeyOrder::kReverseBytewise;
    uint32_t const limit = user_size < previous_user_size ? user_size : previous_user_size;
    uint32_t common = shared < limit ? shared : limit;
    if (shared < limit && shared >= old_shared) {
      uint8_t const* const previous_bytes = bytes + old_delta_offset + (shared - old_shared);
      uint8_t const* const current_bytes = bytes + delta_offset;
      // Maximal sharing makes the first byte differ; only an unshared key takes the longer way.
      uint32_t const more = current_bytes[0] != previous_bytes[0]
                                ? 0
                                : common_prefix(previous_bytes, current_bytes, limit - shared);
      common += more;
      if (common < limit && (current_bytes[more] < previous_bytes[more]) != descends) {
        return WalkStep::kCorrupt;  // keys out of order
      }
    }
    user_shared = common;
    if (common == limit && user_size != previous_user_size &&
        (user_size < previous_user_size) != descends) {
      return WalkStep::kCorrupt;
    }
    same_user_key = common == user_size && user_size == previous_user_size;

    if (shared <= user_size) {
      trailer = load_unaligned<uint64_t>(bytes + delta_offset + (user_size - shared));
    } else if (user_size < previous_user_size) {
      trailer = trailer_after_longer_key();
    } else {
      // The trailer's first bytes stand in the previous one.
      uint32_t const known = shared - user_size;
      uint32_t const skipped = user_size - previous_user_size;
      uint64_t value = previous_trailer >> (8 * skipped);
      if (known < kTrailerBytes) {
        value &= (uint64_t{1} << (8 * known)) - 1;
        for (uint32_t i = known; i < kTrailerBytes; ++i) {
          value |= static_cast<uint64_t>(bytes[delta_offset + (i - known)]) << (8 * i);
        }
      }
      trailer = value;
    }
    if (same_user_key && trailer >= previous_trailer) return WalkStep::kCorrupt;
    return WalkStep::kEntry;
  }

  // The trailer of the current entry, which shares its first bytes with a longer user key before
  // it. Byte p of the key before stands in the last entry that shares no more than p bytes.
  LEVELSCAN_HOST_DEVICE uint64_t trailer_after_longer_key() const {
    uint32_t const known = shared - user_size;  // at most kTrailerBytes
    uint64_t value = 0;
    for (uint32_t i = 0; i < kTrailerBytes; ++i) {
      uint64_t byte = 0;
      if (i >= known) {
        byte = bytes[delta_offset + (i - known)];
      } else {
        uint32_t const position = user_size + i;
        EntryHeader entry;
        for (uint32_t at = begin; at < entry_offset; at = entry.value_offset + entry.value_size) {
          if (!decode_entry(bytes, at, end, entry)) break;  // every one has been decoded before
          if (entry.shared <= position && position < entry.key_size) {
            byte = bytes[entry.delta_offset + (position - entry.shared)];
          }
        }
      }
      value |= byte << (8 * i);
    }
    return value;
  }
};

}  // namespace levelscan
