#include "peer/row_evaluator.hpp"

#include <cmath>
#include <cstring>
#include <optional>

#include "levelscan/error.hpp"

namespace levelscan {
namespace {

using Kind = PeerValue::Kind;

std::size_t bytes_of(FieldType type) {
  switch (type) {
    case FieldType::kU8:
    case FieldType::kI8: return 1;
    case FieldType::kU16:
    case FieldType::kI16: return 2;
    case FieldType::kU32:
    case FieldType::kI32:
    case FieldType::kF32: return 4;
    case FieldType::kU64:
    case FieldType::kI64:
    case FieldType::kF64: return 8;
    case FieldType::kBytes: break;
  }
  return 0;
}

bool is_signed(FieldType type) {
  return type == FieldType::kI8 || type == FieldType::kI16 || type == FieldType::kI32 ||
         type == FieldType::kI64;
}

PeerValue integer_value(Int128 integer) {
  PeerValue value;
  value.kind = Kind::kInteger;
  value.integer = integer;
  return value;
}

// Negative, zero or positive; nothing when one of them is NaN.
std::optional<int> compare_floats(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return std::nullopt;
  return a < b ? -1 : a > b ? 1 : 0;
}

std::optional<int> compare_integer_with_float(Int128 integer, double number) {
  if (std::isnan(number)) return std::nullopt;
  // Every integer of a row has at most 65 bits; beyond 2^100 the float decides by itself.
  if (std::fabs(number) >= std::ldexp(1.0, 100)) return number > 0 ? -1 : 1;
  double const floor = std::floor(number);
  Int128 const whole = static_cast<Int128>(floor);
  if (integer != whole) return integer < whole ? -1 : 1;
  return number > floor ? -1 : 0;
}

std::optional<int> compare_values(PeerValue const& a, PeerValue const& b) {
  if (a.kind == Kind::kBytes) {
    // Characters compare as unsigned in std::char_traits<char>.
    int const order = a.bytes.compare(b.bytes);
    return order < 0 ? -1 : order > 0 ? 1 : 0;
  }
  if (a.kind == Kind::kInteger && b.kind == Kind::kInteger) {
    return a.integer < b.integer ? -1 : a.integer > b.integer ? 1 : 0;
  }
  if (a.kind == Kind::kFloat && b.kind == Kind::kFloat) {
    return compare_floats(a.floating, b.floating);
  }
  if (a.kind == Kind::kInteger) return compare_integer_with_float(a.integer, b.floating);
  std::optional<int> const mirrored = compare_integer_with_float(b.integer, a.floating);
  if (!mirrored) return mirrored;
  return -*mirrored;
}

bool holds(Comparison comparison, std::optional<int> order) {
  if (!order) return comparison == Comparison::kNotEqual;
  switch (comparison) {
    case Comparison::kEqual: return *order == 0;
    case Comparison::kNotEqual: return *order != 0;
    case Comparison::kLess: return *order < 0;
    case Comparison::kLessEqual: return *order <= 0;
    case Comparison::kGreater: return *order > 0;
    case Comparison::kGreaterEqual: return *order >= 0;
    case Comparison::kIsNull: break;
  }
  return false;
}

enum class Family { kNone, kNumber, kBytes };

Family family_of_field(Field const& field) {
  return field.type == FieldType::kBytes ? Family::kBytes : Family::kNumber;
}

Family family_of_value(PeerValue const& value) {
  if (value.kind == Kind::kNull) return Family::kNone;
  return value.kind == Kind::kBytes ? Family::kBytes : Family::kNumber;
}

// What iterators call columns(): a plain value is the only column, and has no name.
std::optional<std::string_view> find_column(std::string_view name, PeerRow const& row) {
  if (row.columns == nullptr) return name.empty() ? std::optional(row.value) : std::nullopt;
  for (auto const& [column, value] : *row.columns) {
    if (column == name) return value;
  }
  return std::nullopt;
}

}  // namespace

PeerValue read_field(NamedField const& named, PeerRow const& row) {
  Field const& field = named.field;
  std::string_view source = row.value;
  switch (field.source) {
    case FieldSource::kKeySize: return integer_value(static_cast<Int128>(row.key.size()));
    case FieldSource::kValueSize: return integer_value(static_cast<Int128>(row.value.size()));
    case FieldSource::kSequence: return integer_value(static_cast<Int128>(row.sequence));
    case FieldSource::kKey: source = row.key; break;
    case FieldSource::kValue: break;
    case FieldSource::kColumn: {
      std::optional<std::string_view> const column = find_column(named.column, row);
      if (!column) return {};
      source = *column;
      break;
    }
  }
  if (field.offset > source.size()) return {};
  std::size_t const begin = field.from_end ? source.size() - field.offset : field.offset;
  std::string_view const rest = source.substr(begin);

  PeerValue value;
  if (field.type == FieldType::kBytes) {
    if (field.size != kToTheEnd && field.size > rest.size()) return {};
    value.kind = Kind::kBytes;
    value.bytes = field.size == kToTheEnd ? rest : rest.substr(0, field.size);
    return value;
  }

  std::size_t const size = bytes_of(field.type);
  if (size > rest.size()) return {};
  uint64_t bits = 0;
  for (std::size_t i = 0; i < size; ++i) {
    std::size_t const shift = 8 * (field.big_endian ? size - 1 - i : i);
    bits |= static_cast<uint64_t>(static_cast<unsigned char>(rest[i])) << shift;
  }
  if (field.type == FieldType::kF64) {
    value.kind = Kind::kFloat;
    std::memcpy(&value.floating, &bits, sizeof bits);
    return value;
  }
  if (field.type == FieldType::kF32) {
    uint32_t const narrow = static_cast<uint32_t>(bits);
    float number = 0;
    std::memcpy(&number, &narrow, sizeof narrow);
    value.kind = Kind::kFloat;
    value.single_precision = true;
    value.floating = static_cast<double>(number);
    return value;
  }
  Int128 integer = static_cast<Int128>(bits);
  if (is_signed(field.type)) {
    Int128 const modulus = static_cast<Int128>(1) << (8 * size);
    if (integer >= modulus / 2) integer -= modulus;
  }
  return integer_value(integer);
}

RowEvaluator::RowEvaluator(Expression const& expression) {
  nodes_.emplace_back();
  resolve(*expression.root, expression, 0);
}

RowEvaluator::Side RowEvaluator::resolve(Operand const& operand, Expression const& expression) {
  Side side;
  side.is_field = operand.is_field;
  if (operand.is_field) {
    side.field = expression.fields.at(operand.field);
    return side;
  }
  Literal const& literal = operand.literal;
  switch (literal.kind) {
    case ScalarKind::kInteger:
      side.literal =
          integer_value(literal.negative ? static_cast<Int128>(static_cast<int64_t>(literal.bits))
                                         : static_cast<Int128>(literal.bits));
      break;
    case ScalarKind::kFloat:
      side.literal.kind = Kind::kFloat;
      std::memcpy(&side.literal.floating, &literal.bits, sizeof literal.bits);
      break;
    case ScalarKind::kBytes:
      side.literal.kind = Kind::kBytes;
      literals_.push_back(literal.bytes);
      side.literal.bytes = literals_.back();
      break;
    case ScalarKind::kNull:
    case ScalarKind::kUnavailable: break;
  }
  return side;
}

void RowEvaluator::resolve(ExpressionNode const& node, Expression const& expression, uint32_t at) {
  Node resolved;
  resolved.kind = node.kind;
  resolved.comparison = node.comparison;
  if (node.kind == ExpressionNode::Kind::kCompare) {
    resolved.left = resolve(node.left, expression);
    if (node.comparison != Comparison::kIsNull) {
      resolved.right = resolve(node.right, expression);
      auto const family = [](Side const& side) {
        return side.is_field ? family_of_field(side.field.field) : family_of_value(side.literal);
      };
      Family const left = family(resolved.left);
      Family const right = family(resolved.right);
      if (left != Family::kNone && right != Family::kNone && left != right) {
        throw Error(ErrorCode::kUsage, "bytes do not compare with numbers: " + expression.text);
      }
    }
  }
  resolved.first_child = static_cast<uint32_t>(nodes_.size());
  resolved.child_count = static_cast<uint32_t>(node.children.size());
  nodes_[at] = resolved;
  nodes_.resize(nodes_.size() + node.children.size());
  for (uint32_t i = 0; i < resolved.child_count; ++i) {
    resolve(*node.children[i], expression, resolved.first_child + i);
  }
}

bool RowEvaluator::passes(PeerRow const& row) const { return evaluate(0, row) == Truth::kTrue; }

RowEvaluator::Truth RowEvaluator::evaluate(uint32_t at, PeerRow const& row) const {
  Node const& node = nodes_[at];
  switch (node.kind) {
    case ExpressionNode::Kind::kNot: {
      Truth const truth = evaluate(node.first_child, row);
      if (truth == Truth::kNull) return Truth::kNull;
      return truth == Truth::kTrue ? Truth::kFalse : Truth::kTrue;
    }
    case ExpressionNode::Kind::kAnd: {
      Truth least = Truth::kTrue;
      for (uint32_t i = 0; i < node.child_count && least != Truth::kFalse; ++i) {
        Truth const truth = evaluate(node.first_child + i, row);
        if (truth < least) least = truth;
      }
      return least;
    }
    case ExpressionNode::Kind::kOr: {
      Truth greatest = Truth::kFalse;
      for (uint32_t i = 0; i < node.child_count && greatest != Truth::kTrue; ++i) {
        Truth const truth = evaluate(node.first_child + i, row);
        if (truth > greatest) greatest = truth;
      }
      return greatest;
    }
    case ExpressionNode::Kind::kCompare: break;
  }
  PeerValue const left = node.left.is_field ? read_field(node.left.field, row) : node.left.literal;
  if (node.comparison == Comparison::kIsNull) {
    return left.kind == Kind::kNull ? Truth::kTrue : Truth::kFalse;
  }
  PeerValue const right =
      node.right.is_field ? read_field(node.right.field, row) : node.right.literal;
  if (left.kind == Kind::kNull || right.kind == Kind::kNull) return Truth::kNull;
  return holds(node.comparison, compare_values(left, right)) ? Truth::kTrue : Truth::kFalse;
}

void RowAggregate::add(PeerRow const& row) {
  if (column_.function == AggregateFunction::kCountRows) {
    ++count_;
    return;
  }
  PeerValue const value = read_field(column_.field, row);
  if (value.kind == Kind::kNull) return;
  ++count_;
  switch (column_.function) {
    case AggregateFunction::kSum:
    case AggregateFunction::kAvg:
      if (value.kind == Kind::kInteger) integer_sum_ += value.integer;
      if (value.kind == Kind::kFloat) float_sum_ += static_cast<long double>(value.floating);
      break;
    case AggregateFunction::kMin:
    case AggregateFunction::kMax: add_extreme(value); break;
    case AggregateFunction::kCountRows:
    case AggregateFunction::kCount: break;
  }
}

void RowAggregate::add(RowAggregate const& other) {
  count_ += other.count_;
  integer_sum_ += other.integer_sum_;
  float_sum_ += other.float_sum_;
  AggregateValue const& best = other.extreme_;
  if (best.kind == AggregateValue::Kind::kNull) return;
  PeerValue value;
  value.kind = best.kind == AggregateValue::Kind::kInteger ? Kind::kInteger
               : best.kind == AggregateValue::Kind::kFloat ? Kind::kFloat
                                                           : Kind::kBytes;
  value.single_precision = best.single_precision;
  value.floating = best.floating;
  value.integer = best.integer;
  value.bytes = best.bytes;
  add_extreme(value);
}

// Of equal values the first one stays.
void RowAggregate::add_extreme(PeerValue const& value) {
  if (value.kind == Kind::kFloat && std::isnan(value.floating)) return;
  bool better = extreme_.kind == AggregateValue::Kind::kNull;
  if (!better) {
    PeerValue best = value;  // the same kind
    best.integer = extreme_.integer;
    best.floating = extreme_.floating;
    best.bytes = extreme_.bytes;
    int const order = compare_values(value, best).value_or(0);
    better = column_.function == AggregateFunction::kMin ? order < 0 : order > 0;
  }
  if (!better) return;
  extreme_.kind = value.kind == Kind::kInteger ? AggregateValue::Kind::kInteger
                  : value.kind == Kind::kFloat ? AggregateValue::Kind::kFloat
                                               : AggregateValue::Kind::kBytes;
  extreme_.integer = value.integer;
  extreme_.floating = value.floating;
  extreme_.single_precision = value.single_precision;
  extreme_.bytes = value.bytes;
}

AggregateValue RowAggregate::value() const {
  AggregateValue result;
  bool const is_float =
      column_.field.field.type == FieldType::kF32 || column_.field.field.type == FieldType::kF64;
  switch (column_.function) {
    case AggregateFunction::kCountRows:
    case AggregateFunction::kCount:
      result.kind = AggregateValue::Kind::kInteger;
      result.integer = static_cast<Int128>(count_);
      return result;
    case AggregateFunction::kMin:
    case AggregateFunction::kMax: return extreme_;
    case AggregateFunction::kSum:
      if (count_ == 0) return result;
      if (is_float) {
        result.kind = AggregateValue::Kind::kFloat;
        result.floating = static_cast<double>(float_sum_);
      } else {
        result.kind = AggregateValue::Kind::kInteger;
        result.integer = integer_sum_;
      }
      return result;
    case AggregateFunction::kAvg:
      if (count_ == 0) return result;
      result.kind = AggregateValue::Kind::kFloat;
      result.floating =
          static_cast<double>((is_float ? float_sum_ : static_cast<long double>(integer_sum_)) /
                              static_cast<long double>(count_));
      return result;
  }
  return result;
}

}  // namespace levelscan
