// The disjoint pieces of a window that a scan of many ranges looks at, and a kernel that tells of
// rows in which of them they lie.
#pragma once

#include <cstdint>

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

// Segments [first, last) of a list.
struct SegmentSpan {
  uint32_t first;
  uint32_t last;
};

LEVELSCAN_HOST_DEVICE inline bool ends_before(Segment const& segment, KeyOrder order, Bytes key) {
  return !is_below(compare_keys(order, key, segment.upper.key), segment.upper.side);
}
LEVELSCAN_HOST_DEVICE inline bool begins_after(Segment const& segment, KeyOrder order, Bytes key) {
  return is_below(compare_keys(order, key, segment.lower.key), segment.lower.side);
}

// The number of segments that end before `key`. REQUIRES: all before the span do, none behind it.
LEVELSCAN_HOST_DEVICE inline uint32_t segments_before(SegmentList const& list, SegmentSpan span,
                                                      KeyOrder order, Bytes key) {
  while (span.first < span.last) {
    uint32_t const middle = span.first + (span.last - span.first) / 2;
    if (ends_before(list.segments[middle], order, key)) {
      span.first = middle + 1;
    } else {
      span.last = middle;
    }
  }
  return span.first;
}

// A block is a tile of kTileLocatedRows rows; an item is a few of them, of which neighbours mostly
// lie in the same segment. Where items run at once there are more of them.
inline constexpr uint32_t kTileLocatedRows = 512;

struct LocateSegments {
  template <class Block>
  static constexpr uint32_t kItemRows = Block::kInOrder ? kTileLocatedRows : 4;
  static constexpr uint32_t kItems = kTileLocatedRows / 4;

  struct Args {
    uint32_t const* candidate_segments;  // as the filter tells them
    uint32_t const* rows;                // [row_count] places of the candidates
    uint32_t row_count;
    uint32_t* row_segments;  // [row_count] out: places in the list of segments
    uint32_t* segment_rows;  // [segments] added to: how many rows lie there
  };
  struct Shared {};

  template <class Block>
  LEVELSCAN_KERNEL void operator()(Block& block, Args const& args, Shared&) const {
    constexpr uint32_t kRows = kItemRows<Block>;
    static_assert(kTileLocatedRows % kRows == 0 && kTileLocatedRows / kRows <= kItems);
    block.for_each(kTileLocatedRows / kRows, [&](uint32_t i) {
      uint32_t const first = block.index() * kTileLocatedRows + i * kRows;
      if (first >= args.row_count) return;
      uint32_t const left = args.row_count - first;
      uint32_t const last = first + (left < kRows ? left : kRows);
      uint32_t segment = args.candidate_segments[args.rows[first]];
      uint32_t begin = first;  // of the rows of the segment that are not yet added
      for (uint32_t row = first; row < last; ++row) {
        uint32_t const next = args.candidate_segments[args.rows[row]];
        args.row_segments[row] = next;
        if (next == segment) continue;
        block.fetch_add(args.segment_rows[segment], row - begin);
        segment = next;
        begin = row;
      }
      block.fetch_add(args.segment_rows[segment], last - begin);
    });
  }
};

}  // namespace levelscan
