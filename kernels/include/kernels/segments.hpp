// The disjoint pieces of a window that a scan of many ranges looks at, and a kernel that tells in
// which of them a row lies.
#pragma once

#include <cstdint>

#include "kernels/candidate.hpp"
#include "kernels/key_order.hpp"
#include "kernels/rows.hpp"

namespace levelscan {

struct Segment {
  KeyBoundView lower;
  KeyBoundView upper;
};

// In key order, none empty, none over another.
struct SegmentList {
  Segment const* segments;  // [count]
  uint32_t count;           // 0: the whole window is looked at
};

// The number of segments that end before `key`.
LEVELSCAN_HOST_DEVICE inline uint32_t segments_before(SegmentList const& list, KeyOrder order,
                                                      Bytes key) {
  uint32_t low = 0;
  uint32_t high = list.count;
  while (low < high) {
    uint32_t const middle = low + (high - low) / 2;
    KeyBoundView const& upper = list.segments[middle].upper;
    if (is_below(compare_keys(order, key, upper.key), upper.side)) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

// A block is a tile of kTileRows rows; an item is a row.
struct LocateSegments {
  struct Args {
    SegmentList list;
    KeyOrder order;
    Candidate const* candidates;
    uint8_t const* keys;
    uint32_t const* rows;  // [row_count] places of the candidates, each of which lies in a segment
    uint32_t row_count;
    uint32_t* row_segments;  // [row_count] out: places in the list
  };
  struct Shared {};

  template <class Block>
  LEVELSCAN_KERNEL void operator()(Block& block, Args const& args, Shared&) const {
    uint32_t const first = block.index() * kTileRows;
    uint32_t const left = args.row_count - first;
    block.for_each(left < kTileRows ? left : kTileRows, [&](uint32_t i) {
      Candidate const& candidate = args.candidates[args.rows[first + i]];
      args.row_segments[first + i] = segments_before(
          args.list, args.order, Bytes{args.keys + candidate.key_offset, candidate.user_size});
    });
  }
};

}  // namespace levelscan
