// What a query hands back, as text: lists of aggregates (--agg) and of columns (--select).
//
//   aggregates  count() | count(f) | sum(f) | min(f) | max(f) | avg(f), separated by commas
//   columns     names, separated by commas
//
// Pure functions; thread-safe. Errors: Error(kUsage) that shows the place.
#pragma once

#include <string_view>
#include <vector>

#include "query/query.hpp"
#include "query/schema.hpp"

namespace levelscan {

// sum and avg take numbers only. Labels are without spaces: "sum(x)". None may stand there twice.
[[nodiscard]] std::vector<AggregateColumn> parse_aggregates(std::string_view text,
                                                            Schema const& schema);

// No column may stand there twice.
[[nodiscard]] std::vector<NamedField> parse_columns(std::string_view text, Schema const& schema);

}  // namespace levelscan
