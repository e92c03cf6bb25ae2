// Expression trees to jump programs.
//
// A fragment is the code of one node, entered at its first instruction, with the jumps that leave
// it still open: those taken when the node is true and those taken when it is not. Joining
// fragments closes them at the next instruction, so every jump goes forward.
//
// Negation moves inwards by De Morgan's laws, which hold in three-valued logic. At a leaf it
// becomes the instruction's `negated`, not another comparison: `not (x < 5)` is true for NaN and `x
// >= 5` isn't. With negation gone, conjunction and disjunction never turn an unknown leaf into true
// where a false one would not, so that null leaves may count as false.
#include <fmt/core.h>

#include <optional>
#include <utility>
#include <vector>

#include "levelscan/error.hpp"
#include "query/compiled_predicate.hpp"

namespace levelscan {
namespace {

struct Jump {
  std::size_t instruction;
  bool when_true;
};

struct Fragment {
  std::optional<bool> known;  // no code: the node's value is the same for every row
  std::vector<Jump> on_true;
  std::vector<Jump> on_false;
};

// An instruction whose operands are still those of the expression.
struct Draft {
  Instruction instruction;
  uint32_t left_field;
  uint32_t right_field;          // unless right_literal
  Literal const* right_literal;  // owned by the expression
};

Comparison mirrored(Comparison comparison) {
  switch (comparison) {
    case Comparison::kLess: return Comparison::kGreater;
    case Comparison::kLessEqual: return Comparison::kGreaterEqual;
    case Comparison::kGreater: return Comparison::kLess;
    case Comparison::kGreaterEqual: return Comparison::kLessEqual;
    case Comparison::kEqual:
    case Comparison::kNotEqual:
    case Comparison::kIsNull: break;
  }
  return comparison;
}

Scalar scalar_of(Literal const& literal) {
  return Scalar{literal.kind, literal.negative, literal.bits,
                Bytes{reinterpret_cast<uint8_t const*>(literal.bytes.data()),
                      static_cast<uint32_t>(literal.bytes.size())}};
}

class PredicateCompiler {
 public:
  explicit PredicateCompiler(Expression const& expression) : expression_(expression) {}

  CompiledPredicate compile() {
    Fragment const root = emit(*expression_.root, false);
    if (root.known) return *root.known ? CompiledPredicate{} : never();
    close(root.on_true, kAccept);
    close(root.on_false, kReject);
    return finish();
  }

 private:
  Fragment emit(ExpressionNode const& node, bool negated) {
    switch (node.kind) {
      case ExpressionNode::Kind::kNot: return emit(*node.children.front(), !negated);
      case ExpressionNode::Kind::kAnd: return emit_chain(node, negated, negated);
      case ExpressionNode::Kind::kOr: return emit_chain(node, negated, !negated);
      case ExpressionNode::Kind::kCompare: break;
    }
    return emit_leaf(node, negated);
  }

  // A disjunction leaves at the first child that is true, a conjunction at the first that is not.
  Fragment emit_chain(ExpressionNode const& node, bool negated, bool is_disjunction) {
    std::size_t const begin = drafts_.size();
    Fragment chain;
    std::vector<Jump> onward;  // of the child before: to the next one
    bool empty = true;
    for (std::unique_ptr<ExpressionNode> const& child : node.children) {
      std::size_t const child_begin = drafts_.size();
      Fragment part = emit(*child, negated);
      if (part.known) {
        if (*part.known != is_disjunction) continue;  // changes nothing
        drafts_.resize(begin);
        return known(is_disjunction);
      }
      close(onward, child_begin);
      std::vector<Jump>& leaving = is_disjunction ? chain.on_true : chain.on_false;
      std::vector<Jump>& part_leaving = is_disjunction ? part.on_true : part.on_false;
      leaving.insert(leaving.end(), part_leaving.begin(), part_leaving.end());
      onward = std::move(is_disjunction ? part.on_false : part.on_true);
      empty = false;
    }
    if (empty) return known(!is_disjunction);
    (is_disjunction ? chain.on_false : chain.on_true) = std::move(onward);
    return chain;
  }

  Fragment emit_leaf(ExpressionNode const& node, bool negated) {
    bool const is_null_test = node.comparison == Comparison::kIsNull;
    bool const left_is_field = node.left.is_field;
    if (!left_is_field && (is_null_test || !node.right.is_field)) return fold(node, negated);

    Draft draft{};
    draft.instruction.comparison = left_is_field ? node.comparison : mirrored(node.comparison);
    draft.instruction.negated = negated;
    Operand const& left = left_is_field ? node.left : node.right;
    Operand const& right = left_is_field ? node.right : node.left;
    draft.left_field = left.field;
    if (!is_null_test && right.is_field) draft.right_field = right.field;
    if (!is_null_test && !right.is_field) {
      if (right.literal.kind == ScalarKind::kNull) return known(false);
      draft.right_literal = &right.literal;
      draft.instruction.right_is_constant = true;
    }
    if (drafts_.size() >= kInstructionsMax) {
      throw Error(ErrorCode::kUsage,
                  fmt::format("--where has more than {} comparisons", kInstructionsMax));
    }
    drafts_.push_back(draft);
    Fragment leaf;
    leaf.on_true.push_back({drafts_.size() - 1, true});
    leaf.on_false.push_back({drafts_.size() - 1, false});
    return leaf;
  }

  // A leaf of literals only. Null leaves are false however they are negated.
  static Fragment fold(ExpressionNode const& node, bool negated) {
    Literal const& left = node.left.literal;
    Literal const& right = node.right.literal;
    if (node.comparison == Comparison::kIsNull) {
      return known((left.kind == ScalarKind::kNull) != negated);
    }
    if (left.kind == ScalarKind::kNull || right.kind == ScalarKind::kNull) return known(false);
    return known(holds(node.comparison, compare_scalars(scalar_of(left), scalar_of(right))) !=
                 negated);
  }

  static Fragment known(bool value) {
    Fragment fragment;
    fragment.known = value;
    return fragment;
  }

  void close(std::vector<Jump> const& jumps, std::size_t target) {
    for (Jump const& jump : jumps) {
      Instruction& instruction = drafts_[jump.instruction].instruction;
      (jump.when_true ? instruction.on_true : instruction.on_false) = static_cast<uint16_t>(target);
    }
  }

  // The program that no row passes: the size of a key is never null.
  static CompiledPredicate never() {
    CompiledPredicate predicate;
    predicate.fields.push_back(Field{FieldSource::kKeySize, FieldType::kU64, false, false, 0, 8});
    predicate.column_names.emplace_back();
    predicate.instructions.push_back(
        Instruction{Comparison::kIsNull, false, false, OperandShape::kAny, 0, 0, kReject, kReject});
    return predicate;
  }

  // Numbers the fields and constants that the code really uses.
  CompiledPredicate finish() {
    CompiledPredicate predicate;
    field_numbers_.assign(expression_.fields.size(), std::nullopt);
    predicate.instructions.reserve(drafts_.size());
    for (Draft const& draft : drafts_) {
      Instruction instruction = draft.instruction;
      instruction.left = number_field(draft.left_field, predicate);
      if (draft.right_literal != nullptr) {
        instruction.right = add_constant(*draft.right_literal, predicate);
      } else if (instruction.comparison != Comparison::kIsNull) {
        instruction.right = number_field(draft.right_field, predicate);
      }
      instruction.shape = shape_of(instruction, predicate);
      predicate.instructions.push_back(instruction);
    }
    return predicate;
  }

  static OperandShape shape_of(Instruction const& instruction, CompiledPredicate const& predicate) {
    if (!instruction.right_is_constant || instruction.comparison == Comparison::kIsNull) {
      return OperandShape::kAny;
    }
    Field const& field = predicate.fields[instruction.left];
    Constant const& constant = predicate.constants[instruction.right];
    if (field.source != FieldSource::kValue || field.from_end || field.big_endian ||
        field.type > FieldType::kI64 || constant.kind != ScalarKind::kInteger) {
      return OperandShape::kAny;
    }
    bool const constant_is_included = is_signed_integer(field.type)
                                          ? constant.negative || constant.bits >> 63 == 0
                                          : !constant.negative;
    return constant_is_included ? OperandShape::kIntegerInValue : OperandShape::kAny;
  }

  uint16_t number_field(uint32_t field, CompiledPredicate& predicate) {
    std::optional<uint16_t>& number = field_numbers_[field];
    if (!number) {
      if (predicate.fields.size() > UINT16_MAX) {
        throw Error(ErrorCode::kUsage, "--where has too many columns");
      }
      number = static_cast<uint16_t>(predicate.fields.size());
      predicate.fields.push_back(expression_.fields[field].field);
      predicate.column_names.push_back(expression_.fields[field].column);
      if (predicate.fields.back().source == FieldSource::kKey) predicate.reads_key = true;
    }
    return *number;
  }

  static uint16_t add_constant(Literal const& literal, CompiledPredicate& predicate) {
    std::size_t const bytes_offset = predicate.constant_bytes.size();
    if (literal.bytes.size() > UINT32_MAX - bytes_offset) {
      throw Error(ErrorCode::kUsage, "--where has more than 4 GiB of text");
    }
    predicate.constants.push_back(
        Constant{literal.kind, literal.negative, static_cast<uint32_t>(bytes_offset),
                 static_cast<uint32_t>(literal.bytes.size()), literal.bits});
    predicate.constant_bytes.insert(predicate.constant_bytes.end(), literal.bytes.begin(),
                                    literal.bytes.end());
    // An instruction has at most one, so their number fits.
    return static_cast<uint16_t>(predicate.constants.size() - 1);
  }

  Expression const& expression_;
  std::vector<Draft> drafts_;
  std::vector<std::optional<uint16_t>> field_numbers_;  // of the expression's fields
};

}  // namespace

CompiledPredicate compile_predicate(Expression const& expression) {
  return PredicateCompiler(expression).compile();
}

}  // namespace levelscan
