// Random schemas, predicates and queries over given rows. Predicates come as a tree and as text
// with the same meaning, so that the parser is under test as well. Not thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "query/expression.hpp"
#include "query/query.hpp"
#include "query/schema.hpp"
#include "support/random.hpp"

namespace levelscan::test {

// A row to draw literals and bounds from.
struct SampleRow {
  std::string_view key;
  std::string_view value;
};

class RandomQueries {
 public:
  // `sample` draws a row; there may be none. `random` outlives this.
  RandomQueries(Random& random, std::function<bool(SampleRow&)> sample);

  [[nodiscard]] Schema const& schema() const { return schema_; }

  // Whether what is drawn from now on may ask for a row's sequence number. It may at first.
  void use_sequence(bool use) { uses_sequence_ = use; }

  // A predicate. Its `text` is for the parser; its tree for a reference evaluator.
  [[nodiscard]] Expression draw_predicate();

  // A bound that is a key, nearly one, or neither.
  [[nodiscard]] std::string draw_bound();

  // One to five columns, none twice.
  [[nodiscard]] std::vector<NamedField> draw_columns();

  // One to four aggregates, none twice.
  [[nodiscard]] std::vector<AggregateColumn> draw_aggregates();

 private:
  void define_fields();
  [[nodiscard]] std::unique_ptr<ExpressionNode> draw_node(uint32_t depth, std::string& text);
  [[nodiscard]] std::unique_ptr<ExpressionNode> draw_test(std::string& text);
  [[nodiscard]] NamedField const& draw_field();
  [[nodiscard]] Operand field_operand(NamedField const& field);
  // A literal that a field could be compared with, near to values that there are.
  [[nodiscard]] Operand draw_literal(NamedField const& field, std::string& text);
  [[nodiscard]] Operand draw_bytes_literal(NamedField const& field, std::string& text);
  [[nodiscard]] Operand draw_number_literal(NamedField const& field, std::string& text);
  [[nodiscard]] std::string keyword(char const* lower_case);

  Random& random_;
  std::function<bool(SampleRow&)> sample_;
  Schema schema_;
  bool uses_sequence_ = true;
  std::vector<NamedField> fields_;  // of the predicate being drawn
};

}  // namespace levelscan::test
