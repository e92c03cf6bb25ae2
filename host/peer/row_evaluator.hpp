// Predicates, fields and aggregates over one row, told as plainly as possible: the reference that
// the kernels' answers are compared with. It shares the definitions of fields and expressions with
// them, and none of their code.
//
// Logic is three-valued: a comparison with null is null, `not null` is null, and only true keeps a
// row. Integers and floats compare by their mathematical value; bytes compare unsigned, a prefix
// first; of the comparisons with a NaN only `!=` is true.
//
// RowEvaluator is immutable after construction and thread-safe; evaluating allocates nothing.
// RowAggregate is not thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "execute/scan_result.hpp"
#include "query/expression.hpp"
#include "query/query.hpp"

namespace levelscan {

using PeerColumns = std::vector<std::pair<std::string_view, std::string_view>>;  // name, value

// A row as an iterator hands it out. The bytes belong to the caller.
struct PeerRow {
  std::string_view key;
  std::string_view value;
  uint64_t sequence = 0;
  PeerColumns const* columns = nullptr;  // null: the row is a plain value
};

// The value of a field in a row. Bytes are the row's own.
struct PeerValue {
  enum class Kind : uint8_t { kNull, kInteger, kFloat, kBytes };
  Kind kind = Kind::kNull;
  bool single_precision = false;  // a float that was an f32
  double floating = 0;
  Int128 integer = 0;
  std::string_view bytes;
};

// Null when the field lies outside the row's bytes.
[[nodiscard]] PeerValue read_field(NamedField const& field, PeerRow const& row);

class RowEvaluator {
 public:
  // Throws Error(kUsage) when bytes are compared with numbers.
  explicit RowEvaluator(Expression const& expression);
  RowEvaluator(RowEvaluator const&) = delete;
  RowEvaluator& operator=(RowEvaluator const&) = delete;

  // Whether the expression is true of the row: neither false nor null.
  [[nodiscard]] bool passes(PeerRow const& row) const;

 private:
  enum class Truth : uint8_t { kFalse, kNull, kTrue };
  struct Side {
    bool is_field = false;
    NamedField field{};
    PeerValue literal;
  };
  struct Node {
    ExpressionNode::Kind kind = ExpressionNode::Kind::kCompare;
    Comparison comparison = Comparison::kEqual;
    Side left;
    Side right;
    uint32_t first_child = 0;  // children are next to each other
    uint32_t child_count = 0;
  };

  void resolve(ExpressionNode const& node, Expression const& expression, uint32_t at);
  [[nodiscard]] Side resolve(Operand const& operand, Expression const& expression);
  [[nodiscard]] Truth evaluate(uint32_t at, PeerRow const& row) const;

  std::vector<Node> nodes_;           // [0] is the root
  std::deque<std::string> literals_;  // of bytes; the nodes point into them
};

// One aggregate, row by row.
class RowAggregate {
 public:
  explicit RowAggregate(AggregateColumn const& column) : column_(column) {}

  void add(PeerRow const& row);
  // So many rows of which nothing is read. REQUIRES: kCountRows.
  void add_rows(uint64_t rows) { count_ += rows; }
  // The rows of another one of the same column.
  void add(RowAggregate const& other);
  [[nodiscard]] AggregateValue value() const;

 private:
  void add_extreme(PeerValue const& value);

  AggregateColumn column_;
  uint64_t count_ = 0;  // rows, or rows where the field is not null
  Int128 integer_sum_ = 0;
  long double float_sum_ = 0;
  AggregateValue extreme_;
};

}  // namespace levelscan
