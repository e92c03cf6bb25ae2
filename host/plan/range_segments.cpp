#include "plan/range_segments.hpp"

#include <algorithm>
#include <optional>

#include "kernels/bytes.hpp"

namespace levelscan {

namespace {

// Where a range begins or ends.
struct RangeEnd {
  KeyBound const* bound;
  uint64_t prefix;  // what its key goes on with behind what all of them begin with
  uint32_t range;
  bool is_upper;
};

Bytes key_of(KeyBound const& bound) {
  return {reinterpret_cast<uint8_t const*>(bound.key.data()),
          static_cast<uint32_t>(bound.key.size())};
}

bool has_key(KeyBound const& bound) {
  return bound.side == BoundSide::kBefore || bound.side == BoundSide::kAfter;
}

// Sorted, most of them by their prefixes alone.
std::vector<RangeEnd> sorted_ends(std::vector<KeyRange> const& asked, KeyOrder key_order) {
  std::vector<RangeEnd> ends;
  ends.reserve(2 * asked.size());
  std::optional<Bytes> start;
  for (uint32_t r = 0; r < asked.size(); ++r) {
    if (asked[r].is_empty(key_order)) continue;
    for (KeyBound const* const bound : {&asked[r].lower, &asked[r].upper}) {
      ends.push_back({bound, 0, r, bound == &asked[r].upper});
      if (!has_key(*bound)) continue;
      Bytes const key = key_of(*bound);
      if (!start) start = key;
      start->size = common_prefix(start->data, key.data, std::min(start->size, key.size));
    }
  }
  for (RangeEnd& end : ends) {
    if (!has_key(*end.bound)) continue;
    Bytes const key = key_of(*end.bound);
    end.prefix = key_prefix_of({key.data + start->size, key.size - start->size});
  }
  std::sort(ends.begin(), ends.end(), [key_order](RangeEnd const& a, RangeEnd const& b) {
    if (a.prefix != b.prefix && has_key(*a.bound) && has_key(*b.bound)) {
      return (a.prefix < b.prefix) == (key_order == KeyOrder::kBytewise);
    }
    return compare_bounds(key_order, *a.bound, *b.bound) < 0;
  });
  return ends;
}

}  // namespace

RangeSegments cut_ranges(std::span<QueryRange const> ranges, KeyOrder key_order) {
  std::vector<KeyRange> asked;
  asked.reserve(ranges.size());
  for (QueryRange const& range : ranges) asked.push_back(range.keys.range(key_order));

  // A piece lies between two bounds next to each other.
  std::vector<KeyBound const*> bounds;
  std::vector<int64_t> beginning;  // [bounds] more than end there
  std::vector<RangeSegments::Span> pieces(asked.size());
  for (RangeEnd const& end : sorted_ends(asked, key_order)) {
    if (bounds.empty() || *bounds.back() != *end.bound) {
      bounds.push_back(end.bound);
      beginning.push_back(0);
    }
    uint32_t const place = static_cast<uint32_t>(bounds.size() - 1);
    RangeSegments::Span& piece = pieces[end.range];
    (end.is_upper ? piece.last : piece.first) = place;
    beginning.back() += end.is_upper ? -1 : 1;
  }

  RangeSegments result;
  result.segments.reserve(bounds.size());
  std::vector<uint32_t> segments_before(bounds.size() + 1, 0);
  int64_t holding = 0;
  for (std::size_t piece = 0; piece < bounds.size(); ++piece) {
    segments_before[piece] = static_cast<uint32_t>(result.segments.size());
    holding += beginning[piece];
    if (holding != 0) result.segments.push_back({*bounds[piece], *bounds[piece + 1]});
  }
  result.spans.reserve(pieces.size());
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
