// What is asked of a database: a key range, a predicate, and either columns or aggregates.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "query/expression.hpp"
#include "query/key_range.hpp"

namespace levelscan {

enum class AggregateFunction : uint8_t { kCountRows, kCount, kSum, kMin, kMax, kAvg };

struct AggregateColumn {
  AggregateFunction function = AggregateFunction::kCountRows;
  NamedField field;   // unused by kCountRows
  std::string label;  // "sum(x)"
};

struct Query {
  KeySelection keys;
  std::shared_ptr<Expression const> where;  // null: every row
  std::vector<NamedField> columns;          // of each row; unused with aggregates
  std::vector<AggregateColumn> aggregates;  // not empty: one row of aggregates instead of rows
  uint64_t limit = UINT64_MAX;              // output rows
  std::optional<uint64_t> snapshot;         // none: the newest sequence number
};

}  // namespace levelscan
