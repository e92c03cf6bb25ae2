// The ranges of a query, which may lie over one another, cut into disjoint segments: each segment
// is scanned once, whatever the number of ranges that hold it. Pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "query/key_range.hpp"
#include "query/query.hpp"

namespace levelscan {

struct RangeSegments {
  // Segments [first, last).
  struct Span {
    uint32_t first = 0;
    uint32_t last = 0;

    [[nodiscard]] bool holds(uint32_t segment) const { return first <= segment && segment < last; }
  };

  std::vector<KeyRange> segments;  // in key order, none empty
  std::vector<Span> spans;         // [ranges] what each is made of
};

// Takes O(n log n) for n ranges, which become at most 2 n - 1 segments.
[[nodiscard]] RangeSegments cut_ranges(std::span<QueryRange const> ranges, KeyOrder key_order);

// The first segment that does not end at or before `bound`; segments.size() where all do.
[[nodiscard]] uint32_t first_segment_beyond(std::span<KeyRange const> segments,
                                            KeyBound const& bound, KeyOrder key_order);

}  // namespace levelscan
