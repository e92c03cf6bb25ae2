// Aggregates of one field, gathered window by window and task by task. Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "execute/scan_result.hpp"
#include "kernels/aggregate.hpp"
#include "query/query.hpp"

namespace levelscan {

// A scalar that owns its bytes.
struct OwnedScalar {
  ScalarKind kind = ScalarKind::kNull;
  bool negative = false;
  uint64_t bits = 0;
  std::string bytes;

  OwnedScalar() = default;
  explicit OwnedScalar(Scalar const& value);

  [[nodiscard]] Scalar view() const {
    return Scalar{
        kind,
        negative,
        bits,
        {reinterpret_cast<uint8_t const*>(bytes.data()), static_cast<uint32_t>(bytes.size())}};
  }
};

struct AggregateState {
  uint64_t count = 0;  // non-null values
  Int128 sum = 0;
  double sum_float = 0;
  OwnedScalar min;  // null: none yet
  OwnedScalar max;

  // Adds a window's counts and sums; the extremes follow with offer().
  void add(Aggregate const& window);
  void offer_min(Scalar const& value);
  void offer_max(Scalar const& value);
  void combine(AggregateState const& other);
};

// Where a state's next extremes stand among a round's rows.
struct ExtremeRows {
  AggregateState* state;
  uint32_t min_row;
  uint32_t max_row;
};

// Of one segment of the ranges that are asked about.
struct SegmentTotals {
  uint64_t rows = 0;
  std::vector<AggregateState> aggregates;  // [fields]

  explicit SegmentTotals(std::size_t field_count = 0) : aggregates(field_count) {}
  // REQUIRES: of no more fields than these.
  void combine(SegmentTotals const& other);
};

// Totals of those segments that have rows, by ascending segment.
class TotalsBySegment {
 public:
  struct Entry {
    uint32_t segment;
    SegmentTotals totals;
  };

  // REQUIRES: no segment before is larger. Combined with the totals that the segment has already.
  void append(uint32_t segment, SegmentTotals totals);
  // The same with each of the others.
  void append(TotalsBySegment others);
  void clear() { entries_.clear(); }

  [[nodiscard]] std::vector<Entry>& entries() { return entries_; }

 private:
  std::vector<Entry> entries_;
};

// The value of `column` over `rows` rows, from its field's state.
[[nodiscard]] AggregateValue aggregate_value(AggregateColumn const& column,
                                             AggregateState const& state, uint64_t rows);

}  // namespace levelscan
