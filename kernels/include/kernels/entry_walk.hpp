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

// A restart interval. Offsets are from the same base as the bytes that it is walked over in.
struct Interval {
  uint32_t begin;  // first entry
  uint32_t end;    // after the last entry; begin == end when the restart array is corrupt
  // Where the block's values stand apart from its keys, they lie in [values_begin, values_end), and
  // every interval but the block's last has exactly entries_per_restart entries. values_end is 0
  // where they stand with the keys.
  uint32_t values_begin;
  uint32_t values_end;
  uint32_t entries_per_restart;
  uint64_t global_sequence;  // of the block's table, or kNoGlobalSequence

  [[nodiscard]] LEVELSCAN_HOST_DEVICE static Interval plain(uint32_t begin, uint32_t end) {
    return Interval{begin, end, 0, 0, 0, kNoGlobalSequence};
  }
  [[nodiscard]] LEVELSCAN_HOST_DEVICE bool values_are_apart() const { return values_end != 0; }
};

struct EntryWalk {
  uint8_t const* bytes;
  uint32_t begin;   // of the interval
  uint32_t offset;  // of the next entry
  uint32_t end;     // of the interval
  KeyOrder order;
  // As in Interval; `entries_left` of entries_per_restart.
  uint32_t values_begin;
  uint32_t values_end;
  uint32_t entries_left;
  uint64_t global_sequence;

  // The current entry. Offsets are from `bytes`.
  uint32_t entry_offset;
  uint32_t shared;        // as stored: bytes of the previous internal key
  uint32_t delta_offset;  // key bytes from `shared` on
  uint32_t user_size;     // of the user key
  uint32_t user_shared;   // leading bytes in common with the previous user key
  uint64_t trailer;       // that counts: with the table's global sequence number where it has one
  uint64_t stored_trailer;
  uint32_t value_offset;
  uint32_t value_size;
  bool same_user_key;  // as the previous entry's
  bool first;          // of the interval

  // The previous entry.
  bool started;  // there is a current entry
  uint32_t previous_user_size;
  uint64_t previous_stored_trailer;

  LEVELSCAN_HOST_DEVICE static EntryWalk over(uint8_t const* bytes, Interval const& interval,
                                              KeyOrder order) {
    EntryWalk walk;  // member by member: g++ clears the whole of it by a slow string instruction
    walk.bytes = bytes;
    walk.begin = interval.begin;
    walk.offset = interval.begin;
    walk.end = interval.end;
    walk.order = order;
    walk.values_begin = interval.values_begin;
    walk.values_end = interval.values_end;
    walk.entries_left = interval.entries_per_restart;
    walk.global_sequence = interval.global_sequence;
    walk.entry_offset = 0;
    walk.shared = 0;
    walk.delta_offset = 0;
    walk.user_size = 0;
    walk.user_shared = 0;
    walk.trailer = 0;
    walk.stored_trailer = 0;
    walk.value_offset = 0;
    walk.value_size = 0;
    walk.same_user_key = false;
    walk.first = false;
    walk.started = false;
    walk.previous_user_size = 0;
    walk.previous_stored_trailer = 0;
    return walk;
  }

  // The current entry's sequence number that counts.
  [[nodiscard]] LEVELSCAN_HOST_DEVICE uint64_t sequence() const { return sequence_of(trailer); }
  [[nodiscard]] LEVELSCAN_HOST_DEVICE EntryType type() const { return type_of(trailer); }

  // The key's bytes from `shared` on: [key_size - shared], the trailer included.
  LEVELSCAN_HOST_DEVICE uint8_t const* delta() const { return bytes + delta_offset; }

  // Byte `position` of the user key. REQUIRES: user_shared <= position < user_size.
  LEVELSCAN_HOST_DEVICE uint8_t user_byte(uint32_t position) const {
    if (position >= shared) return bytes[delta_offset + (position - shared)];
    return static_cast<uint8_t>(previous_stored_trailer >> (8 * (position - previous_user_size)));
  }

  LEVELSCAN_HOST_DEVICE LEVELSCAN_INLINE WalkStep next() {
    bool const apart = values_end != 0;
    if (offset >= end) return apart && !is_whole() ? WalkStep::kCorrupt : WalkStep::kEnd;
    EntryHeader entry;
    bool const decoded = apart ? decode_separated(entry) : decode_entry(bytes, offset, end, entry);
    if (!decoded || entry.key_size < kTrailerBytes) return WalkStep::kCorrupt;
    uint32_t const old_shared = shared;
    uint32_t const old_delta_offset = delta_offset;
    previous_user_size = user_size;
    previous_stored_trailer = stored_trailer;
    first = !started;
    if (entry.shared > (first ? 0 : previous_user_size + kTrailerBytes)) return WalkStep::kCorrupt;
    started = true;
    entry_offset = offset;
    shared = entry.shared;
    delta_offset = entry.delta_offset;
    user_size = entry.key_size - kTrailerBytes;
    value_offset = entry.value_offset;
    value_size = entry.value_size;
    offset = entry.next_offset;
    if (first) {
      user_shared = 0;
      same_user_key = false;
      stored_trailer = load_unaligned<uint64_t>(bytes + delta_offset + user_size);
      trailer = effective_trailer(stored_trailer, global_sequence);
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
      stored_trailer = load_unaligned<uint64_t>(bytes + delta_offset + (user_size - shared));
    } else if (user_size < previous_user_size) {
      stored_trailer = trailer_after_longer_key();
    } else {
      // The trailer's first bytes stand in the previous one.
      uint32_t const known = shared - user_size;
      uint32_t const skipped = user_size - previous_user_size;
      uint64_t value = previous_stored_trailer >> (8 * skipped);
      if (known < kTrailerBytes) {
        value &= (uint64_t{1} << (8 * known)) - 1;
        for (uint32_t i = known; i < kTrailerBytes; ++i) {
          value |= static_cast<uint64_t>(bytes[delta_offset + (i - known)]) << (8 * i);
        }
      }
      stored_trailer = value;
    }
    trailer = effective_trailer(stored_trailer, global_sequence);
    if (same_user_key && stored_trailer >= previous_stored_trailer) return WalkStep::kCorrupt;
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
        for (uint32_t at = begin; at < entry_offset; at = entry.next_offset) {
          // Every one has been decoded before.
          if (!decode_any_entry(bytes, at, end, values_end != 0, at == begin, entry)) break;
          if (entry.shared <= position && position < entry.key_size) {
            byte = bytes[entry.delta_offset + (position - entry.shared)];
          }
        }
      }
      value |= byte << (8 * i);
    }
    return value;
  }

 private:
  // RocksDB finds the restart points of such a block by counting, so the array that is used here
  // has to agree with the count.
  [[nodiscard]] LEVELSCAN_HOST_DEVICE bool is_whole() const {
    return entries_left == 0 || end == values_begin;
  }

  // Its value begins where the entry says, at a restart point, or where the previous one ended.
  LEVELSCAN_HOST_DEVICE LEVELSCAN_INLINE bool decode_separated(EntryHeader& entry) {
    if (entries_left == 0) return false;
    --entries_left;
    if (!decode_separated_entry(bytes, offset, end, !started, entry)) return false;
    uint32_t const values_size = values_end - values_begin;
    uint32_t const place = started ? value_offset + value_size - values_begin : entry.value_offset;
    if (place > values_size || entry.value_size > values_size - place) return false;
    entry.value_offset = values_begin + place;
    return true;
  }
};

}  // namespace levelscan
