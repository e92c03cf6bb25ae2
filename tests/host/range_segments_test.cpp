// Ranges cut into disjoint segments: a key lies in exactly those ranges that hold its segment.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "plan/range_segments.hpp"
#include "support/random.hpp"

namespace levelscan::testing {
namespace {

std::optional<std::string> perhaps_key(test::Random& random, std::string const& start) {
  if (random.one_in(5)) return std::nullopt;
  std::string key(random.below(4), '\0');
  for (char& c : key) c = "ab\0\xff"[random.below(4)];
  return start + key;
}

TEST(RangeSegments, HoldTheKeysOfTheirRanges) {
  uint64_t const seed = test::base_seed();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  test::Random random(seed);
  for (int round = 0; round < 3000; ++round) {
    KeyOrder const order = round % 2 == 0 ? KeyOrder::kBytewise : KeyOrder::kReverseBytewise;
    // What all keys begin with, as those of most databases do.
    std::string const start = round % 3 == 0 ? "" : random.bytes(random.below(12));
    std::vector<QueryRange> ranges(random.below(9));
    for (QueryRange& range : ranges) {
      range.keys.from = perhaps_key(random, start);
      range.keys.to = perhaps_key(random, start);
    }
    RangeSegments const cut = cut_ranges(ranges, order);
    ASSERT_EQ(cut.spans.size(), ranges.size());
    ASSERT_LE(cut.segments.size(), std::max<std::size_t>(2 * ranges.size(), 1) - 1);
    for (std::size_t s = 0; s < cut.segments.size(); ++s) {
      ASSERT_FALSE(cut.segments[s].is_empty(order));
      if (s != 0) {
        ASSERT_LE(compare_bounds(order, cut.segments[s - 1].upper, cut.segments[s].lower), 0);
      }
    }
    for (int probe = 0; probe < 20; ++probe) {
      std::string const key = perhaps_key(random, start).value_or("");
      uint32_t const segment = static_cast<uint32_t>(
          std::find_if(cut.segments.begin(), cut.segments.end(),
                       [&](KeyRange const& range) { return range.holds(order, key); }) -
          cut.segments.begin());
      for (std::size_t r = 0; r < ranges.size(); ++r) {
        bool const held = segment < cut.segments.size() && cut.spans[r].holds(segment);
        ASSERT_EQ(held, ranges[r].keys.range(order).holds(order, key)) << "round " << round;
      }
    }
    KeyBound const bound = KeyBound::after(perhaps_key(random, start).value_or(""));
    uint32_t expected = 0;
    while (expected < cut.segments.size() &&
           compare_bounds(order, cut.segments[expected].upper, bound) <= 0) {
      ++expected;
    }
    ASSERT_EQ(first_segment_beyond(cut.segments, bound, order), expected);
  }
}

}  // namespace
}  // namespace levelscan::testing
