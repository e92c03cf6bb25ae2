// Aggregates over rows, one row after another. The values of the extremes stay at hand, where
// CombineAggregates, which joins sums in any order, has to load them again for each comparison.
#pragma once

#include <cstdint>

#include "kernels/aggregate.hpp"

namespace levelscan {

class AggregateSum {
 public:
  explicit AggregateSum(AggregateRow const& source) : source_(source) {}

  [[nodiscard]] Aggregate const& sum() const { return sum_; }

  // REQUIRES: rows ascend, so that of equals the first is kept.
  void add(uint32_t row) {
    Scalar const value = source_.scalar(row);
    Aggregate const one = source_.of(row, value);
    sum_.add_sums(one);
    if (one.min_row == kNoRow) return;
    if (sum_.min_row == kNoRow) {
      sum_.min_row = row;
      sum_.max_row = row;
      min_ = value;
      max_ = value;
      return;
    }
    if (compare_scalars(value, min_) == Ordering::kLess) {
      sum_.min_row = row;
      min_ = value;
    }
    if (compare_scalars(value, max_) == Ordering::kGreater) {
      sum_.max_row = row;
      max_ = value;
    }
  }

 private:
  AggregateRow const& source_;
  Aggregate sum_ = empty_aggregate();
  Scalar min_{};
  Scalar max_{};
};

// As Device::aggregate and Device::aggregate_segments.
[[nodiscard]] inline Aggregate sum_rows(AggregateRow const& source, uint32_t count) {
  AggregateSum total(source);
  for (uint32_t row = 0; row < count; ++row) total.add(row);
  return total.sum();
}

[[nodiscard]] inline uint32_t sum_segments_of_rows(AggregateRow const& source,
                                                   uint32_t const* segments, uint32_t count,
                                                   uint32_t* sum_segments, Aggregate* sums) {
  uint32_t sum_count = 0;
  for (uint32_t row = 0; row < count;) {
    uint32_t const segment = segments[row];
    AggregateSum total(source);
    do total.add(row++);
    while (row < count && segments[row] == segment);
    sum_segments[sum_count] = segment;
    sums[sum_count++] = total.sum();
  }
  return sum_count;
}

}  // namespace levelscan
