#include "support/random_query.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>
#include <utility>

namespace levelscan::test {
namespace {

using Node = std::unique_ptr<ExpressionNode>;

bool is_bytes(NamedField const& field) { return field.field.type == FieldType::kBytes; }

Node comparison_node(Comparison comparison, Operand left, Operand right) {
  auto node = std::make_unique<ExpressionNode>();
  node->kind = ExpressionNode::Kind::kCompare;
  node->comparison = comparison;
  node->left = std::move(left);
  node->right = std::move(right);
  return node;
}

Node node_of(ExpressionNode::Kind kind, std::vector<Node> children) {
  auto node = std::make_unique<ExpressionNode>();
  node->kind = kind;
  node->children = std::move(children);
  return node;
}

Node negated(Node child) {
  std::vector<Node> children;
  children.push_back(std::move(child));
  return node_of(ExpressionNode::Kind::kNot, std::move(children));
}

Operand integer_operand(int64_t number) {
  Operand operand;
  operand.literal.kind = ScalarKind::kInteger;
  operand.literal.negative = number < 0;
  operand.literal.bits = static_cast<uint64_t>(number);
  return operand;
}

Operand unsigned_operand(uint64_t number) {
  Operand operand;
  operand.literal.kind = ScalarKind::kInteger;
  operand.literal.bits = number;
  return operand;
}

Operand float_operand(double number) {
  Operand operand;
  operand.literal.kind = ScalarKind::kFloat;
  std::memcpy(&operand.literal.bits, &number, sizeof number);
  return operand;
}

std::string hex_literal(std::string const& bytes) {
  std::string text = "x'";
  for (char const c : bytes) text += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return text + "'";
}

std::string text_literal(std::string const& bytes) {
  std::string text = "'";
  for (char const c : bytes) {
    unsigned char const byte = static_cast<unsigned char>(c);
    if (c == '\'') {
      text += "''";
    } else if (c == '\\') {
      text += "\\\\";
    } else if (byte < 0x20 || byte >= 0x7f) {
      text += fmt::format("\\x{:02x}", byte);
    } else {
      text += c;
    }
  }
  return text + "'";
}

}  // namespace

RandomQueries::RandomQueries(Random& random, std::function<bool(SampleRow&)> sample)
    : random_(random), sample_(std::move(sample)) {
  define_fields();
}

void RandomQueries::define_fields() {
  std::vector<std::string> const numbers{"u8",    "u16",   "u32",   "u64",   "i8",    "i16",
                                         "i32",   "i64",   "f32",   "f64",   "u16be", "u32be",
                                         "u64be", "i16be", "i32be", "i64be", "f32be", "f64be"};
  uint32_t const count = random_.between(4, 12);
  for (uint32_t i = 0; i < count; ++i) {
    std::string type = random_.pick(numbers);
    if (random_.one_in(5)) type = fmt::format("bytes[{}]", random_.between(1, 9));
    if (random_.one_in(8)) type = "bytes";
    bool const in_key = random_.one_in(3);
    bool const from_end = random_.one_in(4);
    uint32_t offset = random_.one_in(8) ? random_.below(100) : random_.below(in_key ? 6 : 20);
    if (from_end) offset += 1;
    if (type == "f64" && !in_key && !from_end && random_.one_in(2)) offset = 8;
    if (type == "f32" && !in_key && !from_end && random_.one_in(2)) offset = 4;
    char const* const column = random_.one_in(3) ? "column()" : "column(c)";
    char const* const place = in_key ? "key" : random_.one_in(6) ? column : "value";
    schema_.define(fmt::format("f{}:{}@{}{}{}", i, type, place, from_end ? "-" : "+", offset));
  }
}

std::string RandomQueries::keyword(char const* lower_case) {
  std::string word = lower_case;
  if (random_.one_in(4)) {
    for (char& c : word) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return " " + word + " ";
}

Operand RandomQueries::field_operand(NamedField const& field) {
  Operand operand;
  operand.is_field = true;
  operand.field = static_cast<uint32_t>(fields_.size());
  fields_.push_back(field);
  return operand;
}

Operand RandomQueries::draw_bytes_literal(NamedField const& field, std::string& text) {
  std::string bytes;
  SampleRow row;
  if (!random_.one_in(6) && sample_(row)) {
    std::string_view const source = field.field.source == FieldSource::kKey ? row.key : row.value;
    std::size_t const offset = std::min<std::size_t>(field.field.offset, source.size());
    bytes = source.substr(field.field.from_end ? source.size() - offset : offset);
    if (field.field.size != kToTheEnd && bytes.size() > field.field.size) {
      bytes.resize(field.field.size);
    }
    if (random_.one_in(4) && !bytes.empty()) bytes.resize(random_.below(bytes.size()));
    if (random_.one_in(4)) bytes += random_.bytes(random_.between(1, 8));
    if (random_.one_in(6) && !bytes.empty()) bytes.back() = random_.damaged(bytes.back());
  } else {
    bytes = random_.bytes(random_.below(5));
  }
  if (bytes.size() > 400) bytes.resize(400);
  Operand operand;
  operand.literal.kind = ScalarKind::kBytes;
  operand.literal.bytes = bytes;
  text += random_.one_in(2) ? hex_literal(bytes) : text_literal(bytes);
  return operand;
}

Operand RandomQueries::draw_number_literal(NamedField const& field, std::string& text) {
  if (random_.one_in(4)) {
    double const number = random_.pick(std::vector<double>{
        0.5, -0.5, 127.5, 255.0, 256.25, 1e19, -1e19, 18446744073709551616.0, 9223372036854775808.0,
        -9223372036854775808.0, 9007199254740993.0, 1e300, -1.5, 3.25, 1.0, 0.0, -128.5});
    std::string digits = fmt::format("{:.17g}", number);
    if (digits.find_first_of(".e") == std::string::npos) digits += ".0";
    text += digits;
    return float_operand(number);
  }
  if (random_.one_in(3)) {
    int64_t const number = random_.pick(std::vector<int64_t>{
        0, 1, -1, 127, 128, -128, -129, 255, 256, 32767, -32768, 65535, 2147483647, -2147483648,
        INT64_MAX, INT64_MIN, static_cast<int64_t>(random_.below(1000))});
    text += fmt::format("{}", number);
    return integer_operand(number);
  }
  if (random_.one_in(5)) {
    uint64_t const number = random_.pick(
        std::vector<uint64_t>{UINT64_MAX, uint64_t{1} << 63, UINT64_MAX - 1, random_.next()});
    text += random_.one_in(3) ? fmt::format("0x{:x}", number) : fmt::format("{}", number);
    return unsigned_operand(number);
  }
  // As large as some row's field, roughly.
  SampleRow row;
  uint64_t number = random_.below(256);
  if (sample_(row)) {
    std::string_view const source = field.field.source == FieldSource::kKey ? row.key : row.value;
    if (field.field.source == FieldSource::kKeySize) {
      number = row.key.size();
    } else if (field.field.source == FieldSource::kValueSize) {
      number = row.value.size();
    } else if (field.field.source == FieldSource::kSequence) {
      number = random_.below(2000);
    } else if (!field.field.from_end && field.field.offset + field.field.size <= source.size()) {
      number = 0;
      for (uint32_t i = 0; i < field.field.size && i < 8; ++i) {
        uint32_t const at = field.field.big_endian ? i : field.field.size - 1 - i;
        number = number << 8 | static_cast<unsigned char>(source[field.field.offset + at]);
      }
    }
  }
  text += fmt::format("{}", number);
  return unsigned_operand(number);
}

Operand RandomQueries::draw_literal(NamedField const& field, std::string& text) {
  return is_bytes(field) ? draw_bytes_literal(field, text) : draw_number_literal(field, text);
}

std::unique_ptr<ExpressionNode> RandomQueries::draw_test(std::string& text) {
  NamedField const& field = draw_field();
  static std::vector<std::pair<char const*, Comparison>> const comparisons{
      {"=", Comparison::kEqual},     {"==", Comparison::kEqual},
      {"!=", Comparison::kNotEqual}, {"<>", Comparison::kNotEqual},
      {"<", Comparison::kLess},      {"<=", Comparison::kLessEqual},
      {">", Comparison::kGreater},   {">=", Comparison::kGreaterEqual}};
  uint32_t const form = random_.below(10);
  if (form == 0) {
    bool const is_not = random_.one_in(2);
    text += field.name + keyword("is") + (is_not ? keyword("not") : "") + "null";
    Node node = comparison_node(Comparison::kIsNull, field_operand(field), {});
    return is_not ? negated(std::move(node)) : std::move(node);
  }
  if (form == 1) {
    bool const is_not = random_.one_in(3);
    text += field.name + (is_not ? keyword("not") : "") + keyword("between");
    std::vector<Node> children;
    Operand const low = draw_literal(field, text);
    text += keyword("and");
    Operand const high = draw_literal(field, text);
    children.push_back(comparison_node(Comparison::kGreaterEqual, field_operand(field), low));
    children.push_back(comparison_node(Comparison::kLessEqual, field_operand(field), high));
    Node node = node_of(ExpressionNode::Kind::kAnd, std::move(children));
    return is_not ? negated(std::move(node)) : std::move(node);
  }
  if (form == 2) {
    bool const is_not = random_.one_in(3);
    text += field.name + (is_not ? keyword("not") : "") + keyword("in") + "(";
    std::vector<Node> children;
    for (uint32_t i = random_.between(1, 4); i > 0; --i) {
      if (!children.empty()) text += ", ";
      Operand const literal = draw_literal(field, text);
      children.push_back(comparison_node(Comparison::kEqual, field_operand(field), literal));
    }
    text += ")";
    Node node = children.size() == 1 ? std::move(children.front())
                                     : node_of(ExpressionNode::Kind::kOr, std::move(children));
    return is_not ? negated(std::move(node)) : std::move(node);
  }
  auto const& [symbol, comparison] = random_.pick(comparisons);
  if (form == 3) {
    // Two fields of one family.
    NamedField const* other = &draw_field();
    for (int i = 0; i < 50 && is_bytes(*other) != is_bytes(field); ++i) other = &draw_field();
    if (is_bytes(*other) == is_bytes(field)) {
      text += fmt::format("{} {} {}", field.name, symbol, other->name);
      Operand const left = field_operand(field);
      return comparison_node(comparison, left, field_operand(*other));
    }
  }
  if (form == 4) {
    Operand const literal = draw_literal(field, text);
    text += fmt::format(" {} {}", symbol, field.name);
    return comparison_node(comparison, literal, field_operand(field));
  }
  text += fmt::format("{} {} ", field.name, symbol);
  Operand const literal = draw_literal(field, text);
  return comparison_node(comparison, field_operand(field), literal);
}

// Children of a conjunction or a negation stand in parentheses where they must, and now and then
// where they need not.
std::unique_ptr<ExpressionNode> RandomQueries::draw_node(uint32_t depth, std::string& text) {
  using Kind = ExpressionNode::Kind;
  if (depth == 0 || random_.one_in(3)) return draw_test(text);
  Kind const kind = random_.pick(std::vector<Kind>{Kind::kAnd, Kind::kOr, Kind::kNot});
  auto const draw_child = [&](bool needs_parentheses_of_or, bool needs_parentheses_of_and) {
    std::string child_text;
    Node child = draw_node(depth - 1, child_text);
    bool const parenthesized = (child->kind == Kind::kOr && needs_parentheses_of_or) ||
                               (child->kind == Kind::kAnd && needs_parentheses_of_and) ||
                               random_.one_in(5);
    text += parenthesized ? "(" + child_text + ")" : child_text;
    return child;
  };
  if (kind == Kind::kNot) {
    text += random_.one_in(3) ? "!" : "not ";
    text += '(';
    Node child = draw_node(depth - 1, text);
    text += ')';
    return negated(std::move(child));
  }
  std::vector<Node> children;
  for (uint32_t i = random_.between(2, 4); i > 0; --i) {
    if (!children.empty()) {
      text += kind == Kind::kAnd ? (random_.one_in(3) ? " && " : keyword("and"))
                                 : (random_.one_in(3) ? " || " : keyword("or"));
    }
    // `a between 1 and 2` is a conjunction in the tree, but binds as a test.
    children.push_back(draw_child(kind == Kind::kAnd, false));
  }
  return node_of(kind, std::move(children));
}

Expression RandomQueries::draw_predicate() {
  Expression expression;
  fields_.clear();
  expression.root = draw_node(random_.below(4), expression.text);
  expression.fields = std::move(fields_);
  return expression;
}

NamedField const& RandomQueries::draw_field() {
  for (;;) {
    NamedField const& field = random_.pick(schema_.fields());
    if (uses_sequence_ || field.field.source != FieldSource::kSequence) return field;
  }
}

std::string RandomQueries::draw_bound() {
  SampleRow row;
  if (random_.one_in(8) || !sample_(row)) return random_.bytes(random_.below(6));
  std::string bound(row.key);
  switch (random_.below(5)) {
    case 0:
      if (!bound.empty()) bound.resize(random_.below(bound.size()));
      break;
    case 1: bound += random_.bytes(random_.between(1, 9)); break;
    case 2: bound.push_back('\0'); break;
    default: break;
  }
  return bound;
}

std::vector<NamedField> RandomQueries::draw_columns() {
  std::vector<NamedField> columns;
  std::set<std::string> names;
  for (uint32_t i = random_.between(1, 5); i > 0; --i) {
    NamedField const& field = random_.one_in(3) ? schema_.fields()[random_.below(2)] : draw_field();
    if (names.insert(field.name).second) columns.push_back(field);
  }
  return columns;
}

std::vector<AggregateColumn> RandomQueries::draw_aggregates() {
  static std::vector<std::pair<char const*, AggregateFunction>> const functions{
      {"count", AggregateFunction::kCount},
      {"sum", AggregateFunction::kSum},
      {"min", AggregateFunction::kMin},
      {"max", AggregateFunction::kMax},
      {"avg", AggregateFunction::kAvg}};
  std::vector<AggregateColumn> aggregates;
  std::set<std::string> labels;
  for (uint32_t i = random_.between(1, 4); i > 0; --i) {
    AggregateColumn column;
    column.label = "count()";
    if (!random_.one_in(4)) {
      column.field = draw_field();
      auto const& [name, function] = random_.pick(functions);
      bool const sums = function == AggregateFunction::kSum || function == AggregateFunction::kAvg;
      if (sums && is_bytes(column.field)) continue;
      column.function = function;
      column.label = fmt::format("{}({})", name, column.field.name);
    }
    if (labels.insert(column.label).second) aggregates.push_back(std::move(column));
  }
  if (aggregates.empty()) {
    aggregates.push_back({AggregateFunction::kCountRows, {}, "count()"});
  }
  return aggregates;
}

}  // namespace levelscan::test
