// Aggregates of one field over rows: the value of one row, and how two values combine. The device's
// reduction does the rest. Combination is associative; only sums of floats depend on its order.
#pragma once

#include <cstdint>

#include "kernels/rows.hpp"

namespace levelscan {

inline constexpr uint32_t kNoRow = UINT32_MAX;

// count of non-null values; the exact 128-bit sum of integers, or a sum of floats; for min and max
// the place of the row that has it (the first of equals), so that bytes need no copy.
struct Aggregate {
  uint64_t count;
  uint64_t sum_low;  // two's complement
  uint64_t sum_high;
  double sum_float;
  uint32_t min_row;  // index into the rows, or kNoRow
  uint32_t max_row;

  // All but the extremes.
  LEVELSCAN_HOST_DEVICE LEVELSCAN_INLINE void add_sums(Aggregate const& other) {
    count += other.count;
    sum_low += other.sum_low;
    sum_high += other.sum_high + (sum_low < other.sum_low ? 1 : 0);
    sum_float += other.sum_float;
  }
};
static_assert(sizeof(Aggregate) == 40);

LEVELSCAN_HOST_DEVICE inline Aggregate empty_aggregate() {
  return Aggregate{0, 0, 0, 0.0, kNoRow, kNoRow};
}

struct AggregateRow {
  RowsArgs rows;
  Field field;
  bool extremes;  // whether min_row and max_row are asked for

  LEVELSCAN_HOST_DEVICE Scalar scalar(uint32_t row) const {
    return load_field(field, row_of(rows.runs, rows.candidates[rows.rows[row]], rows.keys));
  }

  LEVELSCAN_OUT_OF_LINE Aggregate operator()(uint32_t row) const { return of(row, scalar(row)); }

  // The aggregate of a row whose field has this value.
  LEVELSCAN_HOST_DEVICE LEVELSCAN_INLINE Aggregate of(uint32_t row, Scalar const& value) const {
    Aggregate aggregate = empty_aggregate();
    if (value.kind == ScalarKind::kNull) return aggregate;
    aggregate.count = 1;
    if (value.kind == ScalarKind::kInteger) {
      aggregate.sum_low = value.bits;
      aggregate.sum_high = value.negative ? UINT64_MAX : 0;
    } else if (value.kind == ScalarKind::kFloat) {
      aggregate.sum_float = bits_to_double(value.bits);
      if (aggregate.sum_float != aggregate.sum_float) return aggregate;  // NaN is no extreme
    }
    if (extremes) {
      aggregate.min_row = row;
      aggregate.max_row = row;
    }
    return aggregate;
  }
};

struct CombineAggregates {
  AggregateRow source;

  // Of two rows the one with the smaller or larger value; the first of equals.
  LEVELSCAN_OUT_OF_LINE uint32_t better(uint32_t a, uint32_t b, bool smallest) const {
    if (a == kNoRow) return b;
    if (b == kNoRow) return a;
    Ordering const ordering = compare_scalars(source.scalar(a), source.scalar(b));
    if (ordering == Ordering::kEqual) return a < b ? a : b;
    return (ordering == Ordering::kLess) == smallest ? a : b;
  }

  LEVELSCAN_HOST_DEVICE Aggregate operator()(Aggregate const& a, Aggregate const& b) const {
    Aggregate sum = a;
    sum.add_sums(b);
    sum.min_row = better(a.min_row, b.min_row, true);
    sum.max_row = better(a.max_row, b.max_row, false);
    return sum;
  }
};

}  // namespace levelscan
