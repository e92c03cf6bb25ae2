// What conditions may look like, and how those that may not are refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "levelscan/error.hpp"
#include "query/parser.hpp"

namespace levelscan {
namespace {

using ::testing::HasSubstr;

Schema schema() {
  Schema result;
  result.define("a:u32@value+0");
  result.define("b:f64@value+4");
  result.define("name:bytes[4]@value+12");
  return result;
}

std::string operand_text(Operand const& operand, Expression const& expression) {
  if (operand.is_field) return expression.fields[operand.field].name;
  Literal const& literal = operand.literal;
  if (literal.kind == ScalarKind::kBytes) return "'" + literal.bytes + "'";
  if (literal.kind == ScalarKind::kFloat) return std::to_string(bits_to_double(literal.bits));
  return literal.negative ? std::to_string(static_cast<int64_t>(literal.bits))
                          : std::to_string(literal.bits);
}

// The tree with all its parentheses.
std::string tree_text(ExpressionNode const& node, Expression const& expression) {
  if (node.kind == ExpressionNode::Kind::kCompare) {
    std::string const left = operand_text(node.left, expression);
    switch (node.comparison) {
      case Comparison::kIsNull: return left + " null";
      case Comparison::kEqual: return left + "=" + operand_text(node.right, expression);
      case Comparison::kNotEqual: return left + "!=" + operand_text(node.right, expression);
      case Comparison::kLess: return left + "<" + operand_text(node.right, expression);
      case Comparison::kLessEqual: return left + "<=" + operand_text(node.right, expression);
      case Comparison::kGreater: return left + ">" + operand_text(node.right, expression);
      case Comparison::kGreaterEqual: return left + ">=" + operand_text(node.right, expression);
    }
  }
  std::string text = node.kind == ExpressionNode::Kind::kAnd  ? "and("
                     : node.kind == ExpressionNode::Kind::kOr ? "or("
                                                              : "not(";
  for (auto const& child : node.children) {
    if (text.back() != '(') text += ", ";
    text += tree_text(*child, expression);
  }
  return text + ")";
}

std::string parsed(std::string const& text) {
  Expression const expression = parse_expression(text, schema());
  return tree_text(*expression.root, expression);
}

std::string refusal(std::string const& text) {
  try {
    static_cast<void>(parse_expression(text, schema()));
  } catch (Error const& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUsage);
    return error.what();
  }
  return "not refused: " + text;
}

TEST(ExpressionParser, PrecedenceIsPythons) {
  EXPECT_EQ(parsed("a=1 or a=2 and b=3"), "or(a=1, and(a=2, b=3))");
  EXPECT_EQ(parsed("a=1 and a=2 or b=3"), "or(and(a=1, a=2), b=3)");
  EXPECT_EQ(parsed("a=1 and (a=2 or b=3) and a=4"), "and(a=1, or(a=2, b=3), a=4)");
  EXPECT_EQ(parsed("a between 1 and 2 and b=3 || a=5"), "or(and(and(a>=1, a<=2), b=3), a=5)");
}

TEST(ExpressionParser, NegationTakesInTheWholeComparison) {
  EXPECT_EQ(parsed("not a = 1 and a = 2"), "and(not(a=1), a=2)");
  EXPECT_EQ(parsed("! a = 1 && a = 2"), "and(not(a=1), a=2)");
  EXPECT_EQ(parsed("not not a in (1, 2)"), "not(not(or(a=1, a=2)))");
}

TEST(ExpressionParser, KeywordsAreCaseInsensitiveAndColumnsAreNot) {
  EXPECT_EQ(parsed("a Between 1 AND 2 Or b IS not NULL"), "or(and(a>=1, a<=2), not(b null))");
  EXPECT_THAT(refusal("Key = 'x'"), HasSubstr("unknown column 'Key'"));
}

TEST(ExpressionParser, SugarBecomesComparisons) {
  EXPECT_EQ(parsed("a between 1 and 2"), "and(a>=1, a<=2)");
  EXPECT_EQ(parsed("a not between 1 and 2"), "not(and(a>=1, a<=2))");
  EXPECT_EQ(parsed("a in (1)"), "a=1");
  EXPECT_EQ(parsed("a not in (1, b)"), "not(or(a=1, a=b))");
  EXPECT_EQ(parsed("a is not null"), "not(a null)");
  EXPECT_EQ(parsed("5 <> a"), "5!=a");
  EXPECT_EQ(parsed("((a)) == (5)"), "a=5");
}

TEST(ExpressionParser, LiteralsReachTheEndsOfTheirTypes) {
  EXPECT_EQ(parsed("a = 18446744073709551615"), "a=18446744073709551615");
  EXPECT_EQ(parsed("a = 0xffffffffffffffff"), "a=18446744073709551615");
  EXPECT_EQ(parsed("a = -9223372036854775808"), "a=-9223372036854775808");
  EXPECT_EQ(parsed("a = -0"), "a=0");
  EXPECT_EQ(parsed("b = -1.5e1"), "b=-15.000000");
  EXPECT_EQ(parsed("b = .5"), "b=0.500000");
  EXPECT_EQ(parsed("name = 'it''s \\\\ \\x41'"), "name='it's \\ A'");
  EXPECT_EQ(parsed("name = X'4142'"), "name='AB'");
  EXPECT_THAT(refusal("a = 18446744073709551616"), HasSubstr("doesn't fit a 64-bit integer"));
  EXPECT_THAT(refusal("a = -9223372036854775809"), HasSubstr("doesn't fit a 64-bit integer"));
  EXPECT_THAT(refusal("b = 1e999"), HasSubstr("doesn't fit a 64-bit float"));
}

TEST(ExpressionParser, WhatIsNotSupportedIsNamed) {
  EXPECT_THAT(refusal("a + 1 = 2"), HasSubstr("arithmetic ('+') is not supported"));
  EXPECT_THAT(refusal("a -1 = 2"), HasSubstr("arithmetic ('-') is not supported"));
  EXPECT_THAT(refusal("a = -b"), HasSubstr("arithmetic ('-') is not supported"));
  EXPECT_THAT(refusal("(a) & 1 = 2"), HasSubstr("arithmetic ('&') is not supported"));
  EXPECT_THAT(refusal("a % 2 = 0"), HasSubstr("arithmetic ('%') is not supported"));
  EXPECT_THAT(refusal("starts_with(name, 'x')"), HasSubstr("starts_with() is not supported"));
  EXPECT_THAT(refusal("contains (name, 'x')"), HasSubstr("contains() is not supported"));
}

TEST(ExpressionParser, ComparisonsThatMeanNothingAreRefused) {
  EXPECT_THAT(refusal("1 < a < 3"), HasSubstr("don't chain"));
  EXPECT_THAT(refusal("a = 1 is null"), HasSubstr("don't chain"));
  EXPECT_THAT(refusal("(a = 1) = 2"), HasSubstr("a value is expected here"));
  EXPECT_THAT(refusal("a"), HasSubstr("a condition is expected here"));
  EXPECT_THAT(refusal("not a"), HasSubstr("a condition is expected here"));
  EXPECT_THAT(refusal("a = 1 and 5"), HasSubstr("a condition is expected here"));
  EXPECT_THAT(refusal("a = 'x'"), HasSubstr("a number is compared with bytes"));
  EXPECT_THAT(refusal("name in ('x', 5)"), HasSubstr("bytes are compared with a number"));
  EXPECT_THAT(refusal("name between 'a' and seq"), HasSubstr("bytes are compared with a number"));
  EXPECT_THAT(refusal("a = null"), HasSubstr("is null"));
  EXPECT_THAT(refusal("A = 1"), HasSubstr("unknown column 'A' (there are key, value, key_size"));
}

TEST(ExpressionParser, MalformedTextIsRefused) {
  for (char const* text : {"",
                           " ",
                           "a =",
                           "= 1",
                           "a = = 1",
                           "a = 1 2",
                           "a = 1)",
                           "(a = 1",
                           "a in ()",
                           "a in (1",
                           "a in 1",
                           "a between 1",
                           "a between 1 or 2",
                           "a is 5",
                           "a is not",
                           "a not 5",
                           "a = 1 and",
                           "and a = 1",
                           "a = 'x",
                           "a = x'0",
                           "name = x'0'",
                           "name = x'zz'",
                           "name = '\\q'",
                           "a = 0x",
                           "a = 1e",
                           "a = 12abc",
                           "a = \"x\"",
                           "a = #",
                           "a ! = 1",
                           "not",
                           "a = 1 | a = 2",
                           "\xc3\xa4 = 1"}) {
    EXPECT_THAT(refusal(text), HasSubstr("--where: ")) << text;
    EXPECT_THAT(refusal(text), ::testing::Not(HasSubstr("not refused"))) << text;
  }
}

TEST(ExpressionParser, ErrorsShowThePlace) {
  EXPECT_EQ(
      refusal("a = 1 and x = 2"),
      "--where: unknown column 'x' (there are key, value, key_size, value_size, seq, a, b, name) "
      "(at column 11)\n"
      "  a = 1 and x = 2\n"
      "            ^");
  std::string const lines = refusal(std::string(500, ' ') + "a = = 1" + std::string(500, ' '));
  EXPECT_THAT(lines, HasSubstr("(at column 505)"));
  std::size_t const caret = lines.rfind('^') - lines.rfind('\n');
  std::size_t const text_line = lines.find('\n');
  EXPECT_EQ(lines[text_line + caret], '=');
  EXPECT_LT(lines.size(), 400U);
}

TEST(ExpressionParser, DeepNestingIsRefusedAndLongChainsAreNot) {
  auto const nested = [](int depth, std::string const& open, std::string const& close) {
    std::string text = "a = 1";
    for (int i = 0; i < depth; ++i) text = open + text + close;
    return text;
  };
  EXPECT_EQ(parsed(nested(kNestingMax, "(", ")")), "a=1");
  EXPECT_THAT(refusal(nested(kNestingMax + 1, "(", ")")), HasSubstr("nested more than"));
  EXPECT_THAT(refusal(nested(kNestingMax + 1, "not ", "")), HasSubstr("nested more than"));
  EXPECT_THAT(refusal(std::string(1000000, '(')), HasSubstr("nested more than"));
  EXPECT_THAT(refusal(std::string(1000000, '!')), HasSubstr("nested more than"));
  std::string chain = "a = 1";
  for (int i = 0; i < 20000; ++i) chain += " or a = 1 and b = 2";
  EXPECT_EQ(parse_expression(chain, schema()).root->children.size(), 20001U);
}

}  // namespace
}  // namespace levelscan
