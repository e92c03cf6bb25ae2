// A predicate as a tree: what the parser makes, the compiler turns into a jump program for the
// kernels, and a reference evaluator can walk. Immutable after parsing.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "kernels/predicate.hpp"

namespace levelscan {

// A field under the name that the user gave it. What it may name itself stands in `column`: its
// field's own view is empty until the field is copied to where it is loaded.
struct NamedField {
  std::string name;
  Field field;
  std::string column = {};  // of a wide-column entity: FieldSource::kColumn
};

struct Literal {
  ScalarKind kind = ScalarKind::kNull;
  bool negative = false;  // integer below zero
  uint64_t bits = 0;      // integer (two's complement when negative) or the bits of an f64
  std::string bytes;
};

struct Operand {
  bool is_field = false;
  uint32_t field = 0;  // index into Expression's field list
  Literal literal;
};

// `between` and `in` arrive here as conjunctions and disjunctions of comparisons.
struct ExpressionNode {
  enum class Kind { kCompare, kAnd, kOr, kNot };
  Kind kind = Kind::kCompare;
  Comparison comparison = Comparison::kEqual;  // kCompare; kIsNull looks at `left` alone
  Operand left;
  Operand right;
  std::vector<std::unique_ptr<ExpressionNode>> children;  // kAnd, kOr: two or more; kNot: one
};

struct Expression {
  std::string text;  // as written
  std::vector<NamedField> fields;
  std::unique_ptr<ExpressionNode> root;
};

}  // namespace levelscan
