#include "execute/aggregate_state.hpp"

#include <utility>

namespace levelscan {
namespace {

bool is_float(FieldType type) { return type == FieldType::kF32 || type == FieldType::kF64; }

Int128 integer_of(OwnedScalar const& value) {
  return value.negative ? static_cast<Int128>(static_cast<int64_t>(value.bits))
                        : static_cast<Int128>(value.bits);
}

AggregateValue extreme_value(OwnedScalar const& value, FieldType type) {
  AggregateValue result;
  switch (value.kind) {
    case ScalarKind::kInteger:
      result.kind = AggregateValue::Kind::kInteger;
      result.integer = integer_of(value);
      break;
    case ScalarKind::kFloat:
      result.kind = AggregateValue::Kind::kFloat;
      result.floating = bits_to_double(value.bits);
      result.single_precision = type == FieldType::kF32;
      break;
    case ScalarKind::kBytes:
      result.kind = AggregateValue::Kind::kBytes;
      result.bytes = value.bytes;
      break;
    case ScalarKind::kNull:
    case ScalarKind::kUnavailable: break;
  }
  return result;
}

}  // namespace

OwnedScalar::OwnedScalar(Scalar const& value)
    : kind(value.kind), negative(value.negative), bits(value.bits) {
  if (kind == ScalarKind::kBytes) {
    bytes.assign(reinterpret_cast<char const*>(value.bytes.data), value.bytes.size);
  }
}

void AggregateState::add(Aggregate const& window) {
  count += window.count;
  __extension__ typedef unsigned __int128 Uint128;
  Uint128 const bits = (static_cast<Uint128>(window.sum_high) << 64) | window.sum_low;
  sum += static_cast<Int128>(bits);
  sum_float += window.sum_float;
}

void AggregateState::offer_min(Scalar const& value) {
  if (value.kind == ScalarKind::kNull) return;
  if (min.kind == ScalarKind::kNull || compare_scalars(value, min.view()) == Ordering::kLess) {
    min = OwnedScalar(value);
  }
}

void AggregateState::offer_max(Scalar const& value) {
  if (value.kind == ScalarKind::kNull) return;
  if (max.kind == ScalarKind::kNull || compare_scalars(value, max.view()) == Ordering::kGreater) {
    max = OwnedScalar(value);
  }
}

void AggregateState::combine(AggregateState const& other) {
  count += other.count;
  sum += other.sum;
  sum_float += other.sum_float;
  offer_min(other.min.view());
  offer_max(other.max.view());
}

void SegmentTotals::combine(SegmentTotals const& other) {
  rows += other.rows;
  for (std::size_t i = 0; i < other.aggregates.size(); ++i) {
    aggregates[i].combine(other.aggregates[i]);
  }
}

void TotalsBySegment::append(uint32_t segment, SegmentTotals totals) {
  if (!entries_.empty() && entries_.back().segment == segment) {
    entries_.back().totals.combine(totals);
  } else {
    entries_.push_back({segment, std::move(totals)});
  }
}

void TotalsBySegment::append(TotalsBySegment others) {
  if (entries_.empty()) {
    entries_.swap(others.entries_);
    return;
  }
  for (Entry& entry : others.entries_) append(entry.segment, std::move(entry.totals));
}

AggregateValue aggregate_value(AggregateColumn const& column, AggregateState const& state,
                               uint64_t rows) {
  AggregateValue result;
  switch (column.function) {
    case AggregateFunction::kCountRows:
    case AggregateFunction::kCount:
      result.kind = AggregateValue::Kind::kInteger;
      result.integer = column.function == AggregateFunction::kCount ? state.count : rows;
      break;
    case AggregateFunction::kSum:
      if (state.count == 0) break;
      if (is_float(column.field.field.type)) {
        result.kind = AggregateValue::Kind::kFloat;
        result.floating = state.sum_float;
      } else {
        result.kind = AggregateValue::Kind::kInteger;
        result.integer = state.sum;
      }
      break;
    case AggregateFunction::kAvg:
      if (state.count == 0) break;
      result.kind = AggregateValue::Kind::kFloat;
      result.floating =
          (is_float(column.field.field.type) ? state.sum_float : static_cast<double>(state.sum)) /
          static_cast<double>(state.count);
      break;
    case AggregateFunction::kMin: return extreme_value(state.min, column.field.field.type);
    case AggregateFunction::kMax: return extreme_value(state.max, column.field.field.type);
  }
  return result;
}

}  // namespace levelscan
