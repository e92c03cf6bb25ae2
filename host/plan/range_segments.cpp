#include "plan/range_segments.hpp"

#include <algorithm>

namespace levelscan {

RangeSegments cut_ranges(std::span<QueryRange const> ranges, KeyOrder key_order) {
  auto const less = [key_order](KeyBound const& a, KeyBound const& b) {
    return compare_bounds(key_order, a, b) < 0;
  };
  std::vector<KeyRange> asked;
  std::vector<KeyBound> bounds;
  for (QueryRange const& range : ranges) {
    asked.push_back(range.keys.range(key_order));
    if (asked.back().is_empty(key_order)) continue;
    bounds.push_back(asked.back().lower);
    bounds.push_back(asked.back().upper);
  }
  std::sort(bounds.begin(), bounds.end(), less);
  bounds.erase(std::unique(bounds.begin(), bounds.end()), bounds.end());

  // A piece lies between two bounds next to each other.
  auto const place_of = [&](KeyBound const& bound) {
    return static_cast<uint32_t>(std::lower_bound(bounds.begin(), bounds.end(), bound, less) -
                                 bounds.begin());
  };
  std::vector<RangeSegments::Span> pieces(asked.size());
  std::vector<int64_t> beginning(bounds.size() + 1, 0);  // more than end there
  for (std::size_t r = 0; r < asked.size(); ++r) {
    if (asked[r].is_empty(key_order)) continue;
    pieces[r] = {place_of(asked[r].lower), place_of(asked[r].upper)};
    ++beginning[pieces[r].first];
    --beginning[pieces[r].last];
  }

  RangeSegments result;
  std::vector<uint32_t> segments_before(bounds.size() + 1, 0);
  int64_t holding = 0;
  for (std::size_t piece = 0; piece < bounds.size(); ++piece) {
    segments_before[piece] = static_cast<uint32_t>(result.segments.size());
    holding += beginning[piece];
    if (holding != 0) result.segments.push_back({bounds[piece], bounds[piece + 1]});
  }
  for (RangeSegments::Span const& span : pieces) {
    result.spans.push_back({segments_before[span.first], segments_before[span.last]});
  }
  return result;
}

uint32_t first_segment_beyond(std::span<KeyRange const> segments, KeyBound const& bound,
                              KeyOrder key_order) {
  auto const found =
      std::partition_point(segments.begin(), segments.end(), [&](KeyRange const& segment) {
        return compare_bounds(key_order, segment.upper, bound) <= 0;
      });
  return static_cast<uint32_t>(found - segments.begin());
}

}  // namespace levelscan
