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
// lie in the same segment or the next one. Where items run at once there are more of them.
inline constexpr uint32_t kTileLocatedRows = 512;

struct LocateSegments {
  template <class Block>
  static constexpr uint32_t kItemRows = Block::kInOrder ? 16 : 4;
  static constexpr uint32_t kItems = kTileLocatedRows / 4;

  struct Args {
    SegmentList list;
    KeyOrder order;
    Candidate const* candidates;
    uint8_t const* keys;
    uint32_t const* rows;  // [row_count] places of the candidates, each of which lies in a segment
    uint32_t row_count;
    uint32_t* row_segments;  // [row_count] out: places in the list
    uint32_t* segment_rows;  // [list.count] added to: how many rows lie there
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
      uint32_t segment = args.list.count;
      uint32_t rows = 0;  // of the segment, not yet added
      for (uint32_t row = first; row < last; ++row) {
        Candidate const& candidate = args.candidates[args.rows[row]];
        Bytes const key{args.keys + candidate.key_offset, candidate.user_size};
        uint32_t const before = segment;
        if (segment + 1 < args.list.count &&
            ends_before(args.list.segments[segment], args.order, key)) {
          ++segment;
        }
        if (segment == args.list.count || !holds(args, segment, key)) {
          segment = segments_before(args.list, {0, args.list.count}, args.order, key);
          // Only of blocks whose keys are out of order comes a row that lies nowhere.
          if (segment == args.list.count) --segment;
        }
        if (segment != before) {
          if (rows != 0) block.fetch_add(args.segment_rows[before], rows);
          rows = 0;
        }
        ++rows;
        args.row_segments[row] = segment;
      }
      block.fetch_add(args.segment_rows[segment], rows);
    });
  }

  LEVELSCAN_HOST_DEVICE static bool holds(Args const& args, uint32_t place, Bytes key) {
    Segment const& segment = args.list.segments[place];
    return !begins_after(segment, args.order, key) && !ends_before(segment, args.order, key);
  }
};

}  // namespace levelscan
