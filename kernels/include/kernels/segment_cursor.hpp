// Where a walk is among the parts of a window that a scan looks at. A walk goes once through an
// interval, whatever the number of segments that it reaches into.
#pragma once

#include <cstdint>

#include "kernels/plain_entries.hpp"
#include "kernels/prefix_comparison.hpp"
#include "kernels/run_view.hpp"
#include "kernels/segments.hpp"

namespace levelscan {

enum class SegmentStep : uint8_t { kBefore, kInside, kBehind };

// Kept up entry by entry by one comparison, with the place where the next segment begins or the one
// ends that the walk is in. Without a list the window is the only segment. A value in one lane.
struct SegmentCursor {
  uint32_t place;  // of the segment that the walk is in, or comes to
  bool inside;
  BoundSide side;          // of the bound; kEnd: nothing ends before the walk does
  PrefixComparison bound;  // of the entry with it

  LEVELSCAN_HOST_DEVICE static SegmentCursor at(SegmentList const& list, Window const& window,
                                                uint32_t place, bool inside) {
    KeyBoundView next = bound_of(list, window, place, inside);
    if (!inside && next.side == BoundSide::kStart) {
      inside = true;
      next = bound_of(list, window, place, inside);
    }
    return SegmentCursor{place, inside, next.side, PrefixComparison::against(next.key)};
  }
  // All of a walk's entries are in the segment.
  LEVELSCAN_HOST_DEVICE static SegmentCursor within(uint32_t place) {
    return SegmentCursor{place, true, BoundSide::kEnd, PrefixComparison::against({nullptr, 0})};
  }

  [[nodiscard]] LEVELSCAN_HOST_DEVICE bool ends_with_walk() const {
    return inside && side == BoundSide::kEnd;
  }

  // Takes in the walk's current entry. on_begin() is called where it is in a segment that the
  // entry before was not in, while `bound` still is that segment's begin. REQUIRES: called for
  // every entry that pass_lower_entries and BelowBound do not go over; not called any more after
  // kBehind.
  template <class OnBegin>
  LEVELSCAN_HOST_DEVICE LEVELSCAN_INLINE SegmentStep advance(SegmentList const& list,
                                                             Window const& window,
                                                             EntryWalk const& walk,
                                                             OnBegin const& on_begin) {
    if (ends_with_walk()) return SegmentStep::kInside;
    bound.advance(walk);
    while (!is_below(bound.order, side)) {
      if (inside) {
        if (++place >= list.count) return SegmentStep::kBehind;
      } else {
        on_begin();
      }
      inside = !inside;
      KeyBoundView const next = bound_of(list, window, place, inside);
      side = next.side;
      if (side == BoundSide::kEnd) break;
      bound.move_to(walk, next.key);
    }
    return inside ? SegmentStep::kInside : SegmentStep::kBefore;
  }

  LEVELSCAN_HOST_DEVICE static KeyBoundView bound_of(SegmentList const& list, Window const& window,
                                                     uint32_t place, bool inside) {
    if (list.count == 0) return inside ? window.upper : window.lower;
    Segment const& segment = list.segments[place];
    return inside ? segment.upper : segment.lower;
  }
};

// In place of what lies above entries, where a segment may end among them: the walk itself has to
// look at the entry that does not lie below `bound`.
template <class WhatIsAbove>
struct BelowBound {
  WhatIsAbove above;
  Bytes bound;
  uint32_t common;  // as in PrefixComparison, with the entry before, which lies below it

  LEVELSCAN_HOST_DEVICE LEVELSCAN_INLINE Above of(uint8_t const* bytes, PlainEntry const& entry,
                                                  uint64_t trailer) {
    // Where more is shared than what decided before, that decides again.
    if (entry.shared <= common) {
      PlainComparison const key = PlainComparison::of(bytes, entry, bound, entry.shared);
      if (key.order >= 0) return Above::kUnknown;
      common = key.common;
    }
    return above.of(bytes, entry, trailer);
  }
  LEVELSCAN_HOST_DEVICE void count_hidden() { above.count_hidden(); }
};

}  // namespace levelscan
