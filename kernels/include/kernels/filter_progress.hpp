// Where a filter whose intervals are walked one after another stands between two of them.
#pragma once

#include <cstdint>

#include "kernels/run_view.hpp"

namespace levelscan {

inline constexpr uint32_t kUnknownShadow = UINT32_MAX;

// Where a Block that runs in order stands: behind the last entry of an interval. Elsewhere it isn't
// known.
struct FilterProgress {
  uint32_t interval;  // the next one; 0: not known
  uint32_t segment;   // as in SegmentCursor
  bool inside;
  // Whether the entry is known by what follows: only beneath a list of shadows. Elsewhere an
  // interval's first entry asks the interval before, which also shows keys that descend from one
  // to the next.
  bool has_key;
  uint32_t shadow;  // place among FilterArgs::shadows, as far as the entry; or kUnknownShadow
  // The entry's key, as in EntryWalk.
  uint32_t user_size;
  uint32_t shared;
  uint32_t delta_offset;

  // Behind entries that no segment holds, as far as `place`.
  LEVELSCAN_HOST_DEVICE void stand_before(uint32_t next, uint32_t place) {
    interval = next;
    segment = place;
    inside = false;
    has_key = false;
  }
  LEVELSCAN_HOST_DEVICE bool stands_before(uint32_t next) const {
    return interval != 0 && interval == next;
  }
  // False when the entry certainly has another user key. REQUIRES: stands_before() its interval.
  LEVELSCAN_HOST_DEVICE bool may_have(RunView const& run, Bytes user_key) const {
    if (!has_key) return true;
    if (user_key.size != user_size) return false;
    if (shared >= user_size) return true;
    uint32_t const own = user_size - shared;
    return common_prefix(run.data + delta_offset, user_key.data + shared, own) == own;
  }
};

}  // namespace levelscan
