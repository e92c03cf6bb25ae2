// The short way of a walk over entries that need no thought: nearly all of most databases.
//
// An entry is plain when
//   - its lengths take one byte each, the value's at most two;
//   - it shares less than both its own and the previous user key have, and the first byte that it
//     does not share is larger than the previous key's, where that is at hand: then it has another
//     user key than the entry before, in ascending order, and its trailer stands in full behind it.
//
// What is not plain, and what is wrong, is left to EntryWalk::next(): after this a walk stands
// exactly where next() would have brought it. Only for walks whose keys ascend, whose values stand
// with them, and whose table has no global sequence number.
#pragma once

#include <cstdint>

#include "kernels/entry_walk.hpp"
#include "kernels/prefix_comparison.hpp"

namespace levelscan {

LEVELSCAN_HOST_DEVICE LEVELSCAN_INLINE bool may_have_plain_entries(EntryWalk const& walk) {
  return walk.order == KeyOrder::kBytewise && walk.values_end == 0 &&
         walk.global_sequence == kNoGlobalSequence;
}

// What the next entry is held against. Offsets are from the walk's bytes.
struct PreviousKey {
  uint32_t shared;
  uint32_t user_size;
  uint64_t start;  // its byte p is at start + p, for p from `shared` on; modulo 2^64

  // The key that a walk stands on. Before the first entry, which must share nothing, it is as if
  // there had been a key of one byte that shared one.
  LEVELSCAN_HOST_DEVICE static PreviousKey of(EntryWalk const& walk) {
    if (!walk.started) return PreviousKey{1, 1, 0};
    return PreviousKey{walk.shared, walk.user_size, uint64_t{walk.delta_offset} - walk.shared};
  }
};

struct PlainEntry {
  uint32_t shared;
  uint32_t non_shared;  // the trailer included
  uint32_t value_size;
  uint64_t delta_offset;
  uint64_t value_offset;

  // Reads the entry at `offset`. False unless it is plain and ends at or before `end`.
  LEVELSCAN_HOST_DEVICE LEVELSCAN_INLINE bool decode(uint8_t const* bytes, uint64_t offset,
                                                     uint64_t end, PreviousKey const& previous) {
    if (end - offset < sizeof(uint32_t)) return false;
    uint32_t const lengths = load_unaligned<uint32_t>(bytes + offset);
    shared = lengths & 0xff;
    non_shared = (lengths >> 8) & 0xff;
    value_size = (lengths >> 16) & 0xff;
    delta_offset = offset + 3;
    if ((lengths & 0x808080) != 0) {
      // 128 bytes and more take a second byte.
      if ((lengths & 0x80808080) != 0x800000) return false;
      value_size = (value_size & 0x7f) | (lengths >> 24) << 7;
      delta_offset = offset + 4;
    }
    value_offset = delta_offset + non_shared;
    // Where more than a trailer is not shared, the entry shares less than its user key has.
    if (next_offset() > end || non_shared <= kTrailerBytes || shared >= previous.user_size) {
      return false;
    }
    return shared < previous.shared || bytes[delta_offset] > bytes[previous.start + shared];
  }

  [[nodiscard]] LEVELSCAN_HOST_DEVICE LEVELSCAN_INLINE uint64_t next_offset() const {
    return value_offset + value_size;
  }
  [[nodiscard]] LEVELSCAN_HOST_DEVICE LEVELSCAN_INLINE uint32_t user_size() const {
    return shared + non_shared - kTrailerBytes;
  }
  [[nodiscard]] LEVELSCAN_HOST_DEVICE LEVELSCAN_INLINE uint64_t
  trailer(uint8_t const* bytes) const {
    return load_unaligned<uint64_t>(bytes + value_offset - kTrailerBytes);
  }
  [[nodiscard]] LEVELSCAN_HOST_DEVICE LEVELSCAN_INLINE PreviousKey key() const {
    return PreviousKey{shared, user_size(), delta_offset - shared};
  }
};

// Makes the walk stand on the plain entry at `offset`, which has been decoded before.
LEVELSCAN_HOST_DEVICE LEVELSCAN_LOOP void stand_on(EntryWalk& walk, uint64_t offset) {
  PlainEntry entry;
  // After this key any entry is in order: this never fails.
  PreviousKey const before_all{UINT32_MAX, UINT32_MAX, 0};
  if (!entry.decode(walk.bytes, offset, walk.end, before_all)) return;
  walk.first = offset == walk.begin;
  walk.started = true;
  walk.entry_offset = static_cast<uint32_t>(offset);
  walk.offset = static_cast<uint32_t>(entry.next_offset());
  walk.shared = entry.shared;
  walk.delta_offset = static_cast<uint32_t>(entry.delta_offset);
  walk.user_size = entry.user_size();
  walk.user_shared = entry.shared;
  walk.same_user_key = false;
  walk.value_offset = static_cast<uint32_t>(entry.value_offset);
  walk.value_size = entry.value_size;
  walk.stored_trailer = entry.trailer(walk.bytes);
  walk.trailer = walk.stored_trailer;
}

// What lies above an entry.
enum class Above : uint8_t {
  kNothing,
  kNewer,    // a newer entry of the same key
  kUnknown,  // the key is there, and what that means is to be found out
};

// Nothing lies above any entry.
struct NothingAbove {
  uint32_t place = 0;  // in the list of shadows, behind the last one

  LEVELSCAN_HOST_DEVICE LEVELSCAN_INLINE Above of(uint8_t const*, PlainEntry const&, uint64_t) {
    return Above::kNothing;
  }
  LEVELSCAN_HOST_DEVICE void count_hidden() {}
};

struct PassedValues {
  uint32_t failed;
  uint32_t rows;  // that neither fail nor have something newer above them
  bool stopped;   // the walk stands on the last of these
};

// Goes over plain entries that are values which the snapshot sees. Those that neither
// fails(value, user_size, trailer) holds for nor something newer lies above are rows:
// stops_at(offset, entry, what_is_above) is called for each, and ends it where it is true.
// REQUIRES: may_have_plain_entries(); the walk has not met an end or corruption.
template <class WhatIsAbove, class Fails, class StopsAt>
LEVELSCAN_HOST_DEVICE LEVELSCAN_LOOP PassedValues pass_values(EntryWalk& walk, uint64_t snapshot,
                                                              WhatIsAbove& what_is_above,
                                                              Fails const& fails,
                                                              StopsAt const& stops_at) {
  uint8_t const* const bytes = walk.bytes;
  uint64_t const end = walk.end;
  // Any trailer of a sequence number up to the snapshot is at most this.
  uint64_t const trailer_max = seek_trailer(snapshot);
  WhatIsAbove places = what_is_above;
  PassedValues result{0, 0, false};
  uint64_t offset = walk.offset;
  uint64_t last = offset;
  PreviousKey previous = PreviousKey::of(walk);
  PlainEntry entry;
  while (entry.decode(bytes, offset, end, previous)) {
    uint64_t const trailer = entry.trailer(bytes);
    if (trailer > trailer_max || type_of(trailer) != EntryType::kValue) break;
    Above const above = places.of(bytes, entry, trailer);
    if (above == Above::kUnknown) break;
    previous = entry.key();
    last = offset;
    offset = entry.next_offset();
    if (fails(Bytes{bytes + entry.value_offset, entry.value_size}, previous.user_size, trailer)) {
      ++result.failed;
    } else if (above == Above::kNewer) {
      places.count_hidden();
    } else {
      ++result.rows;
      if (stops_at(last, entry, places)) {
        result.stopped = true;
        break;
      }
    }
  }
  if (offset != last) stand_on(walk, last);
  what_is_above = places;
  return result;
}

// How the key of a plain entry, whose first `from` bytes `constant` begins with, goes on.
struct PlainComparison {
  uint32_t common;
  int order;

  LEVELSCAN_HOST_DEVICE LEVELSCAN_INLINE static PlainComparison of(uint8_t const* bytes,
                                                                   PlainEntry const& entry,
                                                                   Bytes constant, uint32_t from) {
    uint32_t const user_size = entry.user_size();
    uint32_t const limit = user_size < constant.size ? user_size : constant.size;
    // REQUIRES: from >= entry.shared.
    uint8_t const* const delta = bytes + entry.delta_offset - entry.shared;
    uint32_t const common = from + common_prefix(delta + from, constant.data + from, limit - from);
    if (common < limit) return {common, delta[common] < constant.data[common] ? -1 : 1};
    return {common, user_size == constant.size ? 0 : user_size < constant.size ? -1 : 1};
  }
};

// Goes over plain entries of any kind whose user keys lie below the comparison's constant, as the
// entry does that the walk stands on.
// REQUIRES: may_have_plain_entries(); the comparison has taken in the walk's current entry.
LEVELSCAN_HOST_DEVICE LEVELSCAN_LOOP void pass_lower_entries(EntryWalk& walk,
                                                             PrefixComparison& comparison) {
  uint8_t const* const bytes = walk.bytes;
  Bytes const constant = comparison.constant;
  uint64_t const end = walk.end;
  uint32_t common = comparison.common;
  uint64_t offset = walk.offset;
  uint64_t last = offset;
  PreviousKey previous = PreviousKey::of(walk);
  PlainEntry entry;
  while (entry.decode(bytes, offset, end, previous)) {
    // Where more is shared than what decided before, that decides again.
    if (entry.shared <= common) {
      PlainComparison const key = PlainComparison::of(bytes, entry, constant, entry.shared);
      if (key.order >= 0) break;
      common = key.common;
    }
    previous = entry.key();
    last = offset;
    offset = entry.next_offset();
  }
  if (offset != last) {
    stand_on(walk, last);
    comparison.common = common;
  }
}

}  // namespace levelscan
