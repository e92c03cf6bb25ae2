// Conditions from text to jump program, against an evaluator that shares no code with either: it
// walks the random tree that the text was written from, with three-valued logic and 80-bit floats.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <variant>
#include <vector>

#include "kernels/predicate.hpp"
#include "levelscan/error.hpp"
#include "query/compiled_predicate.hpp"
#include "query/parser.hpp"
#include "query/schema.hpp"
#include "support/random.hpp"

namespace levelscan {
namespace {

static_assert(std::numeric_limits<long double>::digits >= 64);  // holds every 64-bit integer

enum class Truth { kFalse, kTrue, kNull };

struct Null {};
using Value = std::variant<Null, long double, std::string>;

struct TestRow {
  std::string key;
  std::string value;
  uint64_t sequence;
};

struct TestField {
  std::string name;
  std::string type;  // with its `be`; "bytes" to the end; "bytes[3]"
  bool in_key;
  bool from_end;
  std::size_t offset;
};

std::vector<TestField> const kTestFields = {
    {"a", "u8", false, false, 0},      {"b", "i8", false, false, 1},
    {"c", "u16be", false, false, 2},   {"d", "i16", false, false, 4},
    {"e", "u32", false, false, 6},     {"f", "i32be", false, false, 10},
    {"g", "u64", false, false, 14},    {"h", "i64", false, false, 14},
    {"i", "f64", false, false, 22},    {"j", "f32be", false, false, 30},
    {"k", "u64be", true, false, 0},    {"l", "i64be", true, true, 8},
    {"m", "bytes[3]", true, false, 1}, {"n", "bytes", false, true, 4},
    {"o", "u16", false, true, 2},      {"p", "f64be", false, true, 12},
    {"key", "bytes", true, false, 0},  {"value", "bytes", false, false, 0},
};

bool is_bytes(TestField const& field) { return field.type.rfind("bytes", 0) == 0; }

Value read(TestField const& field, TestRow const& row) {
  std::string const& source = field.in_key ? row.key : row.value;
  if (field.offset > source.size()) return Null{};
  std::string rest = source.substr(field.from_end ? source.size() - field.offset : field.offset);
  std::string type = field.type;
  if (type == "bytes") return rest;
  if (is_bytes(field)) return rest.size() < 3 ? Value(Null{}) : Value(rest.substr(0, 3));
  bool const big_endian = type.size() > 2 && type.substr(type.size() - 2) == "be";
  if (big_endian) type.resize(type.size() - 2);
  std::size_t const size = static_cast<std::size_t>(std::stoi(type.substr(1))) / 8;
  if (rest.size() < size) return Null{};
  rest.resize(size);
  if (big_endian) rest.assign(rest.rbegin(), rest.rend());  // now little-endian, as this machine
  auto const load = [&](auto number) -> Value {
    std::memcpy(&number, rest.data(), sizeof number);
    return static_cast<long double>(number);
  };
  if (type == "u8") return load(uint8_t{});
  if (type == "u16") return load(uint16_t{});
  if (type == "u32") return load(uint32_t{});
  if (type == "u64") return load(uint64_t{});
  if (type == "i8") return load(int8_t{});
  if (type == "i16") return load(int16_t{});
  if (type == "i32") return load(int32_t{});
  if (type == "i64") return load(int64_t{});
  if (type == "f32") return load(float{});
  return load(double{});
}

struct TestOperand {
  int field = -1;  // index into kTestFields; -2 key_size, -3 value_size, -4 seq; -1: a literal
  Value literal;
  std::string text;
};

Value value_of(TestOperand const& operand, TestRow const& row) {
  switch (operand.field) {
    case -1: return operand.literal;
    case -2: return static_cast<long double>(row.key.size());
    case -3: return static_cast<long double>(row.value.size());
    case -4: return static_cast<long double>(row.sequence);
    default: return read(kTestFields[static_cast<std::size_t>(operand.field)], row);
  }
}

template <class Type>
bool compare_as(std::string const& symbol, Type const& x, Type const& y) {
  if (symbol == "=" || symbol == "==") return x == y;
  if (symbol == "!=" || symbol == "<>") return x != y;
  if (symbol == "<") return x < y;
  if (symbol == "<=") return x <= y;
  if (symbol == ">") return x > y;
  return x >= y;
}

Truth compare_values(std::string const& symbol, Value const& x, Value const& y) {
  if (std::holds_alternative<Null>(x) || std::holds_alternative<Null>(y)) return Truth::kNull;
  bool const result = std::holds_alternative<std::string>(x)
                          ? compare_as(symbol, std::get<std::string>(x), std::get<std::string>(y))
                          : compare_as(symbol, std::get<long double>(x), std::get<long double>(y));
  return result ? Truth::kTrue : Truth::kFalse;
}

Truth negate(Truth truth) {
  return truth == Truth::kNull ? truth : truth == Truth::kTrue ? Truth::kFalse : Truth::kTrue;
}
Truth conjoin(Truth a, Truth b) {
  if (a == Truth::kFalse || b == Truth::kFalse) return Truth::kFalse;
  return a == Truth::kNull || b == Truth::kNull ? Truth::kNull : Truth::kTrue;
}
Truth disjoin(Truth a, Truth b) { return negate(conjoin(negate(a), negate(b))); }

struct TestNode {
  enum Kind { kOr, kAnd, kNot, kCompare, kBetween, kIn, kIsNull } kind = kCompare;
  bool negated = false;  // not between, not in, is not null
  std::string symbol;
  std::vector<TestOperand> operands;
  std::vector<std::unique_ptr<TestNode>> children;
};

Truth evaluate_tree(TestNode const& node, TestRow const& row) {
  Truth truth = Truth::kFalse;
  switch (node.kind) {
    case TestNode::kOr:
      for (auto const& child : node.children) truth = disjoin(truth, evaluate_tree(*child, row));
      return truth;
    case TestNode::kAnd:
      truth = Truth::kTrue;
      for (auto const& child : node.children) truth = conjoin(truth, evaluate_tree(*child, row));
      return truth;
    case TestNode::kNot: return negate(evaluate_tree(*node.children[0], row));
    default: break;
  }
  Value const left = value_of(node.operands[0], row);
  if (node.kind == TestNode::kCompare) {
    return compare_values(node.symbol, left, value_of(node.operands[1], row));
  }
  if (node.kind == TestNode::kIsNull) {
    truth = std::holds_alternative<Null>(left) ? Truth::kTrue : Truth::kFalse;
  } else if (node.kind == TestNode::kBetween) {
    truth = conjoin(compare_values(">=", left, value_of(node.operands[1], row)),
                    compare_values("<=", left, value_of(node.operands[2], row)));
  } else {
    for (std::size_t i = 1; i < node.operands.size(); ++i) {
      truth = disjoin(truth, compare_values("=", left, value_of(node.operands[i], row)));
    }
  }
  return node.negated ? negate(truth) : truth;
}

class Generator {
 public:
  explicit Generator(uint64_t seed) : random_(seed) {}

  uint64_t below(uint64_t bound) {
    return std::uniform_int_distribution<uint64_t>(0, bound - 1)(random_);
  }
  bool one_in(uint64_t n) { return below(n) == 0; }
  std::string pick(std::vector<std::string> const& words) { return words[below(words.size())]; }

  std::string keyword(std::string word) {
    for (char& c : word) {
      if (one_in(4)) c = static_cast<char>(std::toupper(c));
    }
    return word;
  }

  uint64_t interesting_bits() {
    static std::vector<uint64_t> const numbers = {0,
                                                  1,
                                                  2,
                                                  127,
                                                  128,
                                                  255,
                                                  256,
                                                  65535,
                                                  uint64_t{1} << 31,
                                                  (uint64_t{1} << 53),
                                                  (uint64_t{1} << 53) + 1,
                                                  uint64_t{1} << 63,
                                                  (uint64_t{1} << 63) - 1,
                                                  UINT64_MAX};
    return one_in(8) ? random_() : numbers[below(numbers.size())];
  }

  double interesting_double() {
    static std::vector<double> const numbers = {0.0,
                                                -0.0,
                                                0.5,
                                                1.0,
                                                -1.0,
                                                1.5,
                                                -1.5,
                                                255.0,
                                                9007199254740992.0,
                                                9223372036854775808.0,
                                                -9223372036854775808.0,
                                                18446744073709551616.0,
                                                1e300,
                                                -1e300,
                                                5e-324};
    return numbers[below(numbers.size())];
  }

  std::string some_bytes(std::size_t size_max) {
    std::string bytes(below(size_max + 1), '\0');
    for (char& c : bytes) c = pick({"a", "b", "'", "\\", std::string(1, '\0'), "\xff"})[0];
    return bytes;
  }

  TestRow row() {
    TestRow result;
    result.sequence = interesting_bits() >> 8;
    result.key = some_bytes(20);
    std::string value;
    while (value.size() < 40) {
      switch (below(5)) {
        case 0: value += packed(interesting_bits()); break;
        case 1: value += packed(one_in(4) ? std::nan("") : interesting_double()); break;
        case 2: value += packed(one_in(4) ? std::nanf("") : static_cast<float>(below(3))); break;
        case 3: value += some_bytes(3); break;
        default: value += std::string(1 + below(8), one_in(2) ? '\0' : '\1'); break;
      }
    }
    value.resize(one_in(2) ? value.size() : below(value.size() + 1));
    // The floats in place, so that NaN and equal numbers do meet the comparisons.
    if (value.size() >= 30 && one_in(2)) {
      double const number = one_in(3) ? std::nan("") : interesting_double();
      std::memcpy(value.data() + 22, &number, sizeof number);
    }
    result.value = value;
    return result;
  }

  TestOperand field(bool bytes) {
    TestOperand operand;
    if (!bytes && one_in(6)) {
      operand.field = -2 - static_cast<int>(below(3));
      operand.text = operand.field == -2 ? "key_size" : operand.field == -3 ? "value_size" : "seq";
      return operand;
    }
    do {
      operand.field = static_cast<int>(below(kTestFields.size()));
    } while (is_bytes(kTestFields[static_cast<std::size_t>(operand.field)]) != bytes);
    operand.text = kTestFields[static_cast<std::size_t>(operand.field)].name;
    return operand;
  }

  TestOperand literal(bool bytes) {
    TestOperand operand;
    if (bytes) {
      std::string const content = some_bytes(4);
      operand.literal = content;
      operand.text = one_in(2) ? "x'" : "'";
      for (char const c : content) {
        if (operand.text[0] == 'x') {
          operand.text += fmt::format("{:02x}", static_cast<unsigned char>(c));
        } else if (c == 'a' || c == 'b') {
          operand.text += c;
        } else if (c == '\'') {
          operand.text += one_in(2) ? "''" : "\\x27";
        } else {
          operand.text +=
              c == '\\' ? "\\\\" : fmt::format("\\x{:02X}", static_cast<unsigned char>(c));
        }
      }
      operand.text += '\'';
      return operand;
    }
    if (one_in(3)) {
      double const number =
          one_in(4) ? std::ldexp(static_cast<double>(random_()), -60) : interesting_double();
      operand.literal = static_cast<long double>(number);
      operand.text = fmt::format("{}", number);
      if (operand.text.find_first_of(".e") == operand.text.npos)
        operand.text += one_in(2) ? ".0" : ".";
      return operand;
    }
    uint64_t const bits = interesting_bits();
    bool const minus = bits <= (uint64_t{1} << 63) && one_in(2);
    operand.literal = minus ? -static_cast<long double>(bits) : static_cast<long double>(bits);
    operand.text = fmt::format("{}{}", minus ? "-" : "",
                               one_in(3) ? fmt::format("0x{:x}", bits) : std::to_string(bits));
    return operand;
  }

  TestOperand operand(bool bytes) {
    TestOperand result = one_in(2) ? field(bytes) : literal(bytes);
    if (one_in(12)) result.text = "(" + result.text + ")";
    return result;
  }

  std::unique_ptr<TestNode> tree(int depth) {
    auto node = std::make_unique<TestNode>();
    if (depth > 0 && !one_in(4)) {
      node->kind = static_cast<TestNode::Kind>(below(3));
      std::size_t const count = node->kind == TestNode::kNot ? 1 : 2 + below(3);
      for (std::size_t i = 0; i < count; ++i) node->children.push_back(tree(depth - 1));
      return node;
    }
    bool const bytes = one_in(3);
    node->operands.push_back(one_in(6) ? operand(bytes) : field(bytes));
    switch (below(6)) {
      case 0:
        node->kind = TestNode::kBetween;
        node->operands.push_back(operand(bytes));
        node->operands.push_back(operand(bytes));
        break;
      case 1:
        node->kind = TestNode::kIn;
        for (uint64_t i = 1 + below(4); i > 0; --i) node->operands.push_back(operand(bytes));
        break;
      case 2: node->kind = TestNode::kIsNull; break;
      default:
        node->symbol = pick({"=", "==", "!=", "<>", "<", "<=", ">", ">="});
        node->operands.push_back(operand(bytes));
        return node;
    }
    node->negated = one_in(2);
    return node;
  }

  // With only the parentheses that Python's precedence needs, and some more.
  std::string write(TestNode const& node) {
    switch (node.kind) {
      case TestNode::kOr: return join(node, {" " + keyword("or") + " ", "||"});
      case TestNode::kAnd: return join(node, {" " + keyword("and") + " ", "&&"});
      case TestNode::kNot: {
        std::string const child = write_child(*node.children[0], node.kind);
        return one_in(2) ? keyword("not") + " " + child : "!" + child;
      }
      case TestNode::kCompare:
        return node.operands[0].text + spaces() + node.symbol + spaces() + node.operands[1].text;
      case TestNode::kIsNull:
        return node.operands[0].text + " " + keyword("is") +
               (node.negated ? " " + keyword("not") : "") + " " + keyword("null");
      case TestNode::kBetween:
        return node.operands[0].text + (node.negated ? " " + keyword("not") : "") + " " +
               keyword("between") + " " + node.operands[1].text + " " + keyword("and") + " " +
               node.operands[2].text;
      case TestNode::kIn: break;
    }
    std::string text = node.operands[0].text + (node.negated ? " " + keyword("not") : "") + " " +
                       keyword("in") + spaces() + "(";
    for (std::size_t i = 1; i < node.operands.size(); ++i) {
      text += (i == 1 ? "" : ",") + spaces() + node.operands[i].text;
    }
    return text + ")";
  }

 private:
  template <class Number>
  static std::string packed(Number number) {
    std::string bytes(sizeof number, '\0');
    std::memcpy(bytes.data(), &number, sizeof number);
    return bytes;
  }

  std::string spaces() { return std::string(below(2), ' '); }

  std::string write_child(TestNode const& child, TestNode::Kind parent) {
    // Kinds are listed from the loosest to the tightest.
    bool const needed = child.kind < parent || (child.kind == parent && parent != TestNode::kNot);
    std::string const text = write(child);
    return needed || one_in(8) ? "(" + text + ")" : text;
  }

  std::string join(TestNode const& node, std::vector<std::string> const& separators) {
    std::string text;
    for (auto const& child : node.children) {
      if (!text.empty()) text += pick(separators);
      text += write_child(*child, node.kind);
    }
    return text;
  }

  std::mt19937_64 random_;
};

Schema test_schema() {
  Schema schema;
  for (TestField const& field : kTestFields) {
    if (field.name == "key" || field.name == "value") continue;
    schema.define(fmt::format("{}:{}@{}{}{}", field.name, field.type,
                              field.in_key ? "key" : "value", field.from_end ? '-' : '+',
                              field.offset));
  }
  return schema;
}

Predicate view_of(CompiledPredicate const& compiled) {
  return Predicate{compiled.instructions.data(),
                   compiled.fields.data(),
                   compiled.constants.data(),
                   compiled.constant_bytes.data(),
                   static_cast<uint32_t>(compiled.instructions.size()),
                   compiled.reads_key ? 1U : 0U};
}

Bytes bytes_of(std::string const& text) {
  return Bytes{reinterpret_cast<uint8_t const*>(text.data()), static_cast<uint32_t>(text.size())};
}

Row view_of(TestRow const& row) {
  return Row{bytes_of(row.key), static_cast<uint32_t>(row.key.size()), bytes_of(row.value),
             row.sequence};
}

void expect_well_formed(CompiledPredicate const& compiled) {
  bool reads_key = false;
  for (std::size_t i = 0; i < compiled.instructions.size(); ++i) {
    Instruction const& instruction = compiled.instructions[i];
    ASSERT_LT(instruction.left, compiled.fields.size());
    reads_key |= compiled.fields[instruction.left].source == FieldSource::kKey;
    if (instruction.comparison != Comparison::kIsNull) {
      ASSERT_LT(instruction.right,
                instruction.right_is_constant ? compiled.constants.size() : compiled.fields.size());
      reads_key |= !instruction.right_is_constant &&
                   compiled.fields[instruction.right].source == FieldSource::kKey;
    }
    for (uint16_t const target : {instruction.on_true, instruction.on_false}) {
      ASSERT_TRUE(target == kAccept || target == kReject ||
                  (target > i && target < compiled.instructions.size()));
    }
  }
  EXPECT_EQ(compiled.reads_key, reads_key);
}

TEST(PredicateCompiler, AgreesWithAThreeValuedTreeWalker) {
  uint64_t const seed = test::base_seed();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  Generator generator(seed);
  Schema const schema = test_schema();
  std::vector<TestRow> rows;
  for (int i = 0; i < 200; ++i) rows.push_back(generator.row());
  uint64_t truths[3] = {0, 0, 0};
  for (int round = 0; round < 3000; ++round) {
    std::unique_ptr<TestNode> const tree = generator.tree(4);
    std::string const text = generator.write(*tree);
    SCOPED_TRACE(text);
    Expression const expression = parse_expression(text, schema);
    EXPECT_EQ(expression.text, text);
    CompiledPredicate const compiled = compile_predicate(expression);
    ASSERT_NO_FATAL_FAILURE(expect_well_formed(compiled));
    Predicate const predicate = view_of(compiled);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      Truth const expected = evaluate_tree(*tree, rows[i]);
      ++truths[static_cast<int>(expected)];
      ASSERT_EQ(evaluate(predicate, view_of(rows[i])) == Verdict::kPasses, expected == Truth::kTrue)
          << "row " << i;
    }
  }
  for (uint64_t const count : truths) EXPECT_GT(count, 10000U);
}

bool passes(std::string const& text, TestRow const& row) {
  CompiledPredicate const compiled = compile_predicate(parse_expression(text, test_schema()));
  return evaluate(view_of(compiled), view_of(row)) == Verdict::kPasses;
}

TEST(PredicateCompiler, NegatedComparisonsHoldForNaN) {
  TestRow row{"", std::string(30, '\0'), 1};
  double const number = std::nan("");
  std::memcpy(row.value.data() + 22, &number, sizeof number);
  EXPECT_FALSE(passes("i < 5", row));
  EXPECT_FALSE(passes("i >= 5", row));
  EXPECT_TRUE(passes("not i < 5", row));
  EXPECT_TRUE(passes("not 5 < i", row));
  EXPECT_TRUE(passes("i not between 1 and 2", row));
  EXPECT_TRUE(passes("i != i", row));
  EXPECT_FALSE(passes("i = i", row));
}

TEST(PredicateCompiler, NullsMakeNeitherAComparisonNorItsNegationTrue) {
  TestRow const row{"", "", 1};
  EXPECT_FALSE(passes("a = 1", row));
  EXPECT_FALSE(passes("not a = 1", row));
  EXPECT_FALSE(passes("a in (1, 2)", row));
  EXPECT_FALSE(passes("a not in (1, 2)", row));
  EXPECT_TRUE(passes("a is null", row));
  EXPECT_FALSE(passes("a is not null", row));
  EXPECT_TRUE(passes("not (a = 1 and seq = 2)", row));
  EXPECT_FALSE(passes("not (a = 1 and seq = 1)", row));
}

TEST(PredicateCompiler, LiteralsAloneFold) {
  TestRow const row{"k", "v", 1};
  Schema const schema;
  EXPECT_TRUE(compile_predicate(parse_expression("1 = 1", schema)).instructions.empty());
  EXPECT_TRUE(
      compile_predicate(parse_expression("'a' < 'b' or key = 'x'", schema)).instructions.empty());
  EXPECT_TRUE(passes("1 < 2.5 and seq = 1", row));
  EXPECT_FALSE(passes("1 > 2.5 and seq = 1", row));
  EXPECT_FALSE(passes("1 is null", row));
  EXPECT_TRUE(passes("not 1 is null", row));
  CompiledPredicate const folded =
      compile_predicate(parse_expression("1 = 2 and key = 'x'", schema));
  EXPECT_EQ(evaluate(view_of(folded), view_of(row)), Verdict::kFails);
  EXPECT_FALSE(folded.reads_key);
}

TEST(PredicateCompiler, FieldsOfFoldedCodeAreNotRead) {
  CompiledPredicate const compiled =
      compile_predicate(parse_expression("(key = 'x' and 1 = 2) or value = 'v'", Schema()));
  EXPECT_FALSE(compiled.reads_key);
  EXPECT_EQ(compiled.fields.size(), 1U);
  EXPECT_EQ(compiled.instructions.size(), 1U);
}

TEST(PredicateCompiler, LongInListsAreChainsAndTooLongOnesAreRefused) {
  auto const in_list = [](uint32_t count) {
    std::string text = "seq in (0";
    for (uint32_t i = 1; i < count; ++i) text += fmt::format(",{}", i);
    return text + ")";
  };
  TestRow const row{"", "", kInstructionsMax - 1};
  EXPECT_TRUE(passes(in_list(kInstructionsMax), row));
  EXPECT_FALSE(passes(in_list(kInstructionsMax - 1), row));
  try {
    static_cast<void>(passes(in_list(kInstructionsMax + 1), row));
    FAIL() << "not refused";
  } catch (Error const& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUsage);
  }
}

}  // namespace
}  // namespace levelscan
