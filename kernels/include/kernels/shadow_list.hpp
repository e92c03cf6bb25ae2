// What the runs above the lowest one hold, in order: all that can be newer than an entry of the
// lowest.
#pragma once

#include <cstdint>

#include "kernels/candidate.hpp"
#include "kernels/plain_entries.hpp"
#include "kernels/prefix_comparison.hpp"

namespace levelscan {

struct ShadowList {
  uint32_t const* order;  // [count] places of candidates, in CandidateLess's order
  uint32_t count;
  Candidate* candidates;
  uint8_t const* keys;

  [[nodiscard]] LEVELSCAN_HOST_DEVICE Candidate& at(uint32_t place) const {
    return candidates[order[place]];
  }
  [[nodiscard]] LEVELSCAN_HOST_DEVICE Bytes key_at(uint32_t place) const {
    Candidate const& candidate = at(place);
    return Bytes{keys + candidate.key_offset, candidate.user_size};
  }

  // The number of them whose user keys come before `user_key`.
  [[nodiscard]] LEVELSCAN_HOST_DEVICE uint32_t before(Bytes user_key, KeyOrder key_order) const {
    uint32_t low = 0;
    uint32_t high = count;
    while (low < high) {
      uint32_t const middle = low + (high - low) / 2;
      if (compare_keys(key_order, key_at(middle), user_key) < 0) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }
};

// The first of a list that is not below the entry that a walk stands on. A value in one lane.
struct ShadowCursor {
  ShadowList const* list;
  uint32_t place;
  PrefixComparison comparison;  // of the entry with the key at `place`

  LEVELSCAN_HOST_DEVICE static ShadowCursor at(ShadowList const& list, uint32_t place) {
    ShadowCursor cursor{&list, place, PrefixComparison::against(Bytes{nullptr, 0})};
    if (!cursor.at_end()) cursor.comparison.constant = list.key_at(place);
    return cursor;
  }

  [[nodiscard]] LEVELSCAN_HOST_DEVICE bool at_end() const { return place >= list->count; }

  // Takes in the walk's current entry after others that were left out. `begin`: of the entry with a
  // key that it does not come before. REQUIRES: the entry is the first of its interval that
  // doesn't.
  LEVELSCAN_HOST_DEVICE void begin(EntryWalk const& walk, PrefixComparison const& begin) {
    while (!at_end() && compare_keys(walk.order, list->key_at(place), begin.constant) < 0) ++place;
    comparison = begin;
    for (; !at_end(); ++place) {
      comparison.move_to(walk, list->key_at(place));
      if (comparison.order <= 0) return;
    }
  }

  // Takes in the walk's current entry. REQUIRES: called for every entry that ShadowsAbove does not
  // go over, from begin() on where there was one.
  LEVELSCAN_HOST_DEVICE LEVELSCAN_INLINE void advance(EntryWalk const& walk) {
    if (at_end()) return;
    comparison.advance(walk);
    while (comparison.order > 0) {
      if (++place == list->count) return;
      comparison.move_to(walk, list->key_at(place));
    }
  }

  // Whether the entry's user key is in the list.
  [[nodiscard]] LEVELSCAN_HOST_DEVICE bool meets() const {
    return !at_end() && comparison.order == 0;
  }
};

// The same over plain entries.
struct ShadowsAbove {
  ShadowList const* list;
  uint32_t place;
  Bytes constant;   // the key at `place`
  uint32_t common;  // as in PrefixComparison, with the entry before
  uint32_t by_value = 0;
  uint32_t by_tombstone = 0;

  // REQUIRES: the entry before is below `constant`, or equal.
  LEVELSCAN_HOST_DEVICE static ShadowsAbove of(ShadowCursor const& cursor) {
    return {cursor.list, cursor.place, cursor.comparison.constant, cursor.comparison.common};
  }
  LEVELSCAN_HOST_DEVICE void move(ShadowCursor& cursor) const {
    cursor.place = place;
    cursor.comparison.constant = constant;
    cursor.comparison.common = common;
    cursor.comparison.order = -1;
  }

  LEVELSCAN_HOST_DEVICE LEVELSCAN_INLINE Above of(uint8_t const* bytes, PlainEntry const& entry,
                                                  uint64_t trailer) {
    // Where more is shared than what decided before, that decides again.
    if (entry.shared > common || place == list->count) return Above::kNothing;
    PlainComparison key = PlainComparison::of(bytes, entry, constant, entry.shared);
    while (key.order > 0) {
      if (++place == list->count) return Above::kNothing;
      Bytes const next = list->key_at(place);
      uint32_t const limit = constant.size < next.size ? constant.size : next.size;
      uint32_t const agree = common_prefix(constant.data, next.data, limit);
      constant = next;
      if (agree > key.common) continue;
      key = agree < key.common ? PlainComparison{agree, -1}
                               : PlainComparison::of(bytes, entry, next, agree);
    }
    common = key.common;
    if (key.order < 0) return Above::kNothing;
    if (sequence_of(list->at(place).trailer) >= sequence_of(trailer)) return Above::kNewer;
    common = entry.shared;  // whoever looks again begins where the entry does
    return Above::kUnknown;
  }

  LEVELSCAN_HOST_DEVICE void count_hidden() {
    if (is_tombstone(type_of(list->at(place).trailer))) {
      ++by_tombstone;
    } else {
      ++by_value;
    }
  }
};

}  // namespace levelscan
