// Aggregates over rows, one row after another. The values of the extremes stay at hand, where
// CombineAggregates, which joins sums in any order, has to load them again for each comparison.
#pragma once

#include <cstdint>

#include "kernels/aggregate.hpp"

namespace levelscan {

class AggregateSum {
 public:
  explicit AggregateSum(AggregateRow const& source) : source_(source) {}

  [[nodiscard]] Aggregate sum() const { return sum_; }

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

// The same of a little-endian integer at a fixed offset of the value, of which nothing is at hand
// but its bits. What is no plain value is loaded as any other field.
class IntegerSum {
 public:
  explicit IntegerSum(AggregateRow const& source)
      : source_(source),
        is_signed_(is_signed_integer(source.field.type)),
        turned_(is_signed_ ? uint64_t{1} << 63 : 0) {}

  [[nodiscard]] static bool is_of(Field const& field) {
    bool const is_integer = field.type != FieldType::kBytes && field.type != FieldType::kF32 &&
                            field.type != FieldType::kF64;
    return is_integer && field.source == FieldSource::kValue && !field.big_endian &&
           !field.from_end &&
           (field.size == 1 || field.size == 2 || field.size == 4 || field.size == 8);
  }

  [[nodiscard]] Aggregate sum() const {
    Aggregate sum = empty_aggregate();
    sum.count = count_;
    sum.sum_low = static_cast<uint64_t>(total_);
    sum.sum_high = static_cast<uint64_t>(total_ >> 64);
    if (source_.extremes) {
      sum.min_row = min_row_;
      sum.max_row = max_row_;
    }
    return sum;
  }

  // REQUIRES: as above.
  void add(uint32_t row) {
    uint64_t bits = 0;
    if (!load(row, bits)) return;
    ++count_;
    total_ += bits;
    if (is_signed_ && (bits >> 63) != 0) total_ -= Uint128{1} << 64;
    uint64_t const place = bits ^ turned_;  // in the order of the numbers
    if (place < min_ || min_row_ == kNoRow) {
      min_ = place;
      min_row_ = row;
    }
    if (place > max_ || max_row_ == kNoRow) {
      max_ = place;
      max_row_ = row;
    }
  }

 private:
  __extension__ typedef unsigned __int128 Uint128;

  // False where it is null.
  bool load(uint32_t row, uint64_t& bits) const {
    RowsArgs const& rows = source_.rows;
    Field const& field = source_.field;
    Candidate const& candidate = rows.candidates[rows.rows[row]];
    if (type_of(candidate.trailer) != EntryType::kValue) {
      Scalar const value = source_.scalar(row);
      bits = value.bits;
      return value.kind == ScalarKind::kInteger;
    }
    if (uint64_t{field.offset} + field.size > candidate.value_size) return false;
    uint8_t const* const from =
        rows.runs[candidate.run].data + candidate.value_offset + field.offset;
    switch (field.size) {
      case 1: bits = load_as<uint8_t, int8_t>(from); break;
      case 2: bits = load_as<uint16_t, int16_t>(from); break;
      case 4: bits = load_as<uint32_t, int32_t>(from); break;
      default: bits = load_unaligned<uint64_t>(from); break;
    }
    return true;
  }

  template <class Unsigned, class Signed>
  uint64_t load_as(uint8_t const* from) const {
    Unsigned const word = load_unaligned<Unsigned>(from);
    return is_signed_ ? static_cast<uint64_t>(int64_t{static_cast<Signed>(word)}) : word;
  }

  AggregateRow const& source_;
  bool is_signed_;
  uint64_t turned_;
  uint64_t count_ = 0;
  Uint128 total_ = 0;
  uint64_t min_ = UINT64_MAX;
  uint64_t max_ = 0;
  uint32_t min_row_ = kNoRow;
  uint32_t max_row_ = kNoRow;
};

template <class Sum>
[[nodiscard]] Aggregate sum_rows_by(AggregateRow const& source, uint32_t count) {
  Sum total(source);
  for (uint32_t row = 0; row < count; ++row) total.add(row);
  return total.sum();
}

template <class Sum>
[[nodiscard]] uint32_t sum_segments_by(AggregateRow const& source, uint32_t const* segments,
                                       uint32_t count, uint32_t* sum_segments, Aggregate* sums) {
  uint32_t sum_count = 0;
  for (uint32_t row = 0; row < count;) {
    uint32_t const segment = segments[row];
    Sum total(source);
    do total.add(row++);
    while (row < count && segments[row] == segment);
    sum_segments[sum_count] = segment;
    sums[sum_count++] = total.sum();
  }
  return sum_count;
}

// As Device::aggregate_async and Device::aggregate_segments_async.
[[nodiscard]] inline Aggregate sum_rows(AggregateRow const& source, uint32_t count) {
  return IntegerSum::is_of(source.field) ? sum_rows_by<IntegerSum>(source, count)
                                         : sum_rows_by<AggregateSum>(source, count);
}

[[nodiscard]] inline uint32_t sum_segments_of_rows(AggregateRow const& source,
                                                   uint32_t const* segments, uint32_t count,
                                                   uint32_t* sum_segments, Aggregate* sums) {
  return IntegerSum::is_of(source.field)
             ? sum_segments_by<IntegerSum>(source, segments, count, sum_segments, sums)
             : sum_segments_by<AggregateSum>(source, segments, count, sum_segments, sums);
}

}  // namespace levelscan
