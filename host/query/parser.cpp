#include "query/parser.hpp"

#include <fmt/core.h>

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>

#include "query/lexer.hpp"

namespace levelscan {
namespace {

using NodePointer = std::unique_ptr<ExpressionNode>;

constexpr uint64_t kNegativeMagnitudeMax = uint64_t{1} << 63;

// What a place in the text turned out to be: a value, or with `node` a condition.
struct Part {
  std::size_t offset = 0;
  Operand operand;
  NodePointer node;
};

struct Symbol {
  std::string_view text;
  Comparison comparison;
};
constexpr std::array<Symbol, 8> kComparisons = {{{"==", Comparison::kEqual},
                                                 {"=", Comparison::kEqual},
                                                 {"!=", Comparison::kNotEqual},
                                                 {"<>", Comparison::kNotEqual},
                                                 {"<", Comparison::kLess},
                                                 {"<=", Comparison::kLessEqual},
                                                 {">", Comparison::kGreater},
                                                 {">=", Comparison::kGreaterEqual}}};

std::optional<Comparison> comparison_of(Token const& token) {
  for (Symbol const& symbol : kComparisons) {
    if (token.is_symbol(symbol.text)) return symbol.comparison;
  }
  return std::nullopt;
}

NodePointer combine(ExpressionNode::Kind kind, std::vector<NodePointer> children) {
  auto node = std::make_unique<ExpressionNode>();
  node->kind = kind;
  node->children = std::move(children);
  return node;
}

NodePointer negate(NodePointer child) {
  std::vector<NodePointer> children;
  children.push_back(std::move(child));
  return combine(ExpressionNode::Kind::kNot, std::move(children));
}

NodePointer compare(Comparison comparison, Operand left, Operand right) {
  auto node = std::make_unique<ExpressionNode>();
  node->comparison = comparison;
  node->left = std::move(left);
  node->right = std::move(right);
  return node;
}

class Parser {
 public:
  Parser(std::string_view text, Schema const& schema) : schema_(schema), lexer_("--where", text) {
    expression_.text = text;
  }

  Expression parse() {
    Part part = parse_disjunction();
    if (lexer_.peek().kind != TokenKind::kEnd) lexer_.fail_expected("'and', 'or' or the end");
    require_condition(part);
    expression_.root = std::move(part.node);
    return std::move(expression_);
  }

 private:
  // Counts nested parentheses and negations while it lives.
  class Nesting {
   public:
    explicit Nesting(Parser& parser) : parser_(parser) {
      if (++parser_.nesting_ > kNestingMax) {
        parser_.lexer_.fail(parser_.lexer_.peek().offset,
                            fmt::format("nested more than {} deep", kNestingMax));
      }
    }
    Nesting(Nesting const&) = delete;
    Nesting& operator=(Nesting const&) = delete;
    ~Nesting() { --parser_.nesting_; }

   private:
    Parser& parser_;
  };

  bool take_or() { return lexer_.take_keyword("or") || lexer_.take_symbol("||"); }
  bool take_and() { return lexer_.take_keyword("and") || lexer_.take_symbol("&&"); }

  Part parse_disjunction() {
    Part part = parse_conjunction();
    if (!take_or()) return part;
    std::vector<NodePointer> children;
    do {
      require_condition(part);
      children.push_back(std::move(part.node));
      part = parse_conjunction();
    } while (take_or());
    require_condition(part);
    children.push_back(std::move(part.node));
    part.node = combine(ExpressionNode::Kind::kOr, std::move(children));
    return part;
  }

  Part parse_conjunction() {
    Part part = parse_negation();
    if (!take_and()) return part;
    std::vector<NodePointer> children;
    do {
      require_condition(part);
      children.push_back(std::move(part.node));
      part = parse_negation();
    } while (take_and());
    require_condition(part);
    children.push_back(std::move(part.node));
    part.node = combine(ExpressionNode::Kind::kAnd, std::move(children));
    return part;
  }

  Part parse_negation() {
    std::size_t const offset = lexer_.peek().offset;
    if (!lexer_.take_keyword("not") && !lexer_.take_symbol("!")) return parse_test();
    Nesting const nesting(*this);
    Part part = parse_negation();
    require_condition(part);
    part.node = negate(std::move(part.node));
    part.offset = offset;
    return part;
  }

  Part parse_test() {
    Part left = parse_primary();
    std::optional<Part> test = parse_rest_of_test(left);
    if (!test) return left;
    test->offset = left.offset;
    if (begins_rest_of_test()) {
      lexer_.fail(lexer_.peek().offset, "comparisons don't chain; join them with 'and'");
    }
    return std::move(*test);
  }

  bool begins_rest_of_test() const {
    Token const& token = lexer_.peek();
    return comparison_of(token) || token.is_keyword("between") || token.is_keyword("in") ||
           token.is_keyword("is") || token.is_keyword("not") || token.is_symbol("!");
  }

  // What makes a test of the value on its left; none when nothing does.
  std::optional<Part> parse_rest_of_test(Part& left) {
    std::optional<Comparison> const comparison = comparison_of(lexer_.peek());
    if (comparison) {
      require_value(left);
      lexer_.take();
      Part const right = parse_value();
      check_comparable(left, right);
      return condition(compare(*comparison, left.operand, right.operand));
    }
    if (lexer_.peek().is_keyword("is")) {
      require_value(left);
      lexer_.take();
      bool const negated = lexer_.take_keyword("not");
      if (!lexer_.take_keyword("null"))
        lexer_.fail_expected(negated ? "'null'" : "'null' or 'not null'");
      NodePointer node = compare(Comparison::kIsNull, left.operand, Operand{});
      return condition(negated ? negate(std::move(node)) : std::move(node));
    }
    bool const negated = lexer_.take_keyword("not");
    if (lexer_.peek().is_keyword("between")) {
      require_value(left);
      lexer_.take();
      return parse_between(left, negated);
    }
    if (lexer_.peek().is_keyword("in")) {
      require_value(left);
      lexer_.take();
      return parse_in(left, negated);
    }
    if (negated) lexer_.fail_expected("'in' or 'between'");
    return std::nullopt;
  }

  Part parse_between(Part const& left, bool negated) {
    Part const low = parse_value();
    if (!take_and()) lexer_.fail_expected("'and' (between A and B)");
    Part const high = parse_value();
    check_comparable(left, low);
    check_comparable(left, high);
    std::vector<NodePointer> children;
    children.push_back(compare(Comparison::kGreaterEqual, left.operand, low.operand));
    children.push_back(compare(Comparison::kLessEqual, left.operand, high.operand));
    NodePointer node = combine(ExpressionNode::Kind::kAnd, std::move(children));
    return condition(negated ? negate(std::move(node)) : std::move(node));
  }

  Part parse_in(Part const& left, bool negated) {
    if (!lexer_.take_symbol("(")) lexer_.fail_expected("'('");
    std::vector<NodePointer> children;
    do {
      Part const member = parse_value();
      check_comparable(left, member);
      children.push_back(compare(Comparison::kEqual, left.operand, member.operand));
    } while (lexer_.take_symbol(","));
    if (!lexer_.take_symbol(")")) lexer_.fail_expected("',' or ')'");
    NodePointer node = children.size() == 1
                           ? std::move(children.front())
                           : combine(ExpressionNode::Kind::kOr, std::move(children));
    return condition(negated ? negate(std::move(node)) : std::move(node));
  }

  Part parse_value() {
    Part part = parse_primary();
    require_value(part);
    return part;
  }

  // A value, or anything in parentheses.
  Part parse_primary() {
    Part part;
    part.offset = lexer_.peek().offset;
    if (lexer_.take_symbol("(")) {
      Nesting const nesting(*this);
      Part inner = parse_disjunction();
      inner.offset = part.offset;
      if (!lexer_.take_symbol(")")) lexer_.fail_expected("')'");
      part = std::move(inner);
    } else {
      part.operand = parse_operand();
    }
    refuse_arithmetic();
    return part;
  }

  Operand parse_operand() {
    Operand operand;
    Token const& next = lexer_.peek();
    switch (next.kind) {
      case TokenKind::kName: return parse_column();
      case TokenKind::kInteger:
      case TokenKind::kFloat: operand.literal = number_of(lexer_.take(), false); return operand;
      case TokenKind::kBytes:
        operand.literal.kind = ScalarKind::kBytes;
        operand.literal.bytes = lexer_.take().bytes;
        return operand;
      case TokenKind::kSymbol:
        if (next.is_symbol("-")) {
          Token const minus = lexer_.take();
          TokenKind const kind = lexer_.peek().kind;
          if (kind != TokenKind::kInteger && kind != TokenKind::kFloat) {
            lexer_.fail(minus.offset, "arithmetic ('-') is not supported");
          }
          operand.literal = number_of(lexer_.take(), true);
          return operand;
        }
        refuse_arithmetic();
        break;
      case TokenKind::kEnd: break;
    }
    lexer_.fail_expected("a column or a literal");
  }

  Operand parse_column() {
    if (lexer_.peek().is_keyword("null")) {
      lexer_.fail(lexer_.peek().offset,
                  "a comparison with null is never true; write 'is null' or 'is not null'");
    }
    if (!is_field_name(lexer_.peek().text)) lexer_.fail_expected("a column or a literal");
    Token const name = lexer_.take();
    if (lexer_.peek().is_symbol("(")) {
      lexer_.fail(name.offset, fmt::format("the function {}() is not supported", name.text));
    }
    NamedField const* const field = schema_.find(name.text);
    if (field == nullptr) lexer_.fail(name.offset, schema_.unknown_column_text(name.text));
    Operand operand;
    operand.is_field = true;
    operand.field = index_of(*field);
    return operand;
  }

  // The field's place in the expression's list.
  uint32_t index_of(NamedField const& field) {
    for (std::size_t i = 0; i < expression_.fields.size(); ++i) {
      if (expression_.fields[i].name == field.name) return static_cast<uint32_t>(i);
    }
    expression_.fields.push_back(field);
    return static_cast<uint32_t>(expression_.fields.size() - 1);
  }

  Literal number_of(Token const& token, bool minus) const {
    Literal literal;
    if (token.kind == TokenKind::kFloat) {
      literal.kind = ScalarKind::kFloat;
      literal.bits = double_to_bits(minus ? -token.floating : token.floating);
      return literal;
    }
    if (minus && token.integer > kNegativeMagnitudeMax) {
      lexer_.fail(token.offset, fmt::format("-{} doesn't fit a 64-bit integer", token.text));
    }
    literal.kind = ScalarKind::kInteger;
    literal.negative = minus && token.integer != 0;
    literal.bits = minus ? uint64_t{0} - token.integer : token.integer;
    return literal;
  }

  void refuse_arithmetic() const {
    for (std::string_view const symbol : {"+", "-", "*", "/", "%", "&", "|", "^"}) {
      if (lexer_.peek().is_symbol(symbol)) {
        lexer_.fail(lexer_.peek().offset,
                    fmt::format("arithmetic ('{}') is not supported", symbol));
      }
    }
  }

  bool is_bytes(Operand const& operand) const {
    return operand.is_field ? expression_.fields[operand.field].field.type == FieldType::kBytes
                            : operand.literal.kind == ScalarKind::kBytes;
  }

  void check_comparable(Part const& left, Part const& right) const {
    bool const left_is_bytes = is_bytes(left.operand);
    if (left_is_bytes == is_bytes(right.operand)) return;
    lexer_.fail(right.offset, left_is_bytes ? "bytes are compared with a number"
                                            : "a number is compared with bytes");
  }

  void require_condition(Part const& part) const {
    if (!part.node) lexer_.fail(part.offset, "a condition is expected here, and this is a value");
  }

  void require_value(Part const& part) const {
    if (part.node) lexer_.fail(part.offset, "a value is expected here, and this is a condition");
  }

  static Part condition(NodePointer node) {
    Part part;
    part.node = std::move(node);
    return part;
  }

  Schema const& schema_;
  Lexer lexer_;
  Expression expression_;
  int nesting_ = 0;
};

}  // namespace

Expression parse_expression(std::string_view text, Schema const& schema) {
  return Parser(text, schema).parse();
}

}  // namespace levelscan
