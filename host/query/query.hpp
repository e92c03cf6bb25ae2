// What is asked of a database: a key range, a predicate, and either columns or aggregates.
#pragma once

#include <algorithm>
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

// One of many ranges that a query asks about at once.
struct QueryRange {
  std::string id;
  KeySelection keys;
};

struct Query {
  KeySelection keys;
  // Instead of `keys`: each row once for each range that holds it, or aggregates of each.
  std::optional<std::vector<QueryRange>> ranges;
  std::shared_ptr<Expression const> where;  // null: every row
  std::vector<NamedField> columns;          // of each row; unused with aggregates
  std::vector<AggregateColumn> aggregates;  // not empty: one row of aggregates instead of rows
  uint64_t limit = UINT64_MAX;              // output rows
  std::optional<uint64_t> snapshot;         // none: the newest sequence number
};

// Whether anything that is asked for, tested or aggregated lies in `source`.
[[nodiscard]] inline bool reads(Query const& query, FieldSource source) {
  auto const lies_there = [source](NamedField const& field) {
    return field.field.source == source;
  };
  if (query.where != nullptr &&
      std::any_of(query.where->fields.begin(), query.where->fields.end(), lies_there)) {
    return true;
  }
  if (query.aggregates.empty()) {
    return std::any_of(query.columns.begin(), query.columns.end(), lies_there);
  }
  return std::any_of(
      query.aggregates.begin(), query.aggregates.end(), [&](AggregateColumn const& column) {
        return column.function != AggregateFunction::kCountRows && lies_there(column.field);
      });
}

}  // namespace levelscan
