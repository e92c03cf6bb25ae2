#include "query/aggregates.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "query/lexer.hpp"

namespace levelscan {
namespace {

struct FunctionName {
  std::string_view name;
  AggregateFunction function;
};
constexpr std::array<FunctionName, 5> kFunctions = {{{"count", AggregateFunction::kCount},
                                                     {"sum", AggregateFunction::kSum},
                                                     {"min", AggregateFunction::kMin},
                                                     {"max", AggregateFunction::kMax},
                                                     {"avg", AggregateFunction::kAvg}}};

NamedField take_column(Lexer& lexer, Schema const& schema) {
  if (lexer.peek().kind != TokenKind::kName) lexer.fail_expected("a column");
  Token const name = lexer.take();
  NamedField const* const field = schema.find(name.text);
  if (field == nullptr) lexer.fail(name.offset, schema.unknown_column_text(name.text));
  return *field;
}

AggregateColumn take_aggregate(Lexer& lexer, Schema const& schema) {
  Token const& next = lexer.peek();
  auto const* const known =
      std::find_if(kFunctions.begin(), kFunctions.end(),
                   [&](FunctionName const& function) { return next.is_keyword(function.name); });
  if (known == kFunctions.end())
    lexer.fail_expected("count(), count(f), sum(f), min(f), max(f) or avg(f)");
  lexer.take();
  if (!lexer.take_symbol("(")) lexer.fail_expected("'('");

  AggregateColumn column{};
  column.function = known->function;
  std::size_t const offset = lexer.peek().offset;
  if (lexer.peek().is_symbol("*")) lexer.fail(offset, "rows are counted with count()");
  if (known->function == AggregateFunction::kCount && lexer.peek().is_symbol(")")) {
    column.function = AggregateFunction::kCountRows;
  } else {
    column.field = take_column(lexer, schema);
  }
  if (!lexer.take_symbol(")")) lexer.fail_expected("')'");

  bool const adds =
      column.function == AggregateFunction::kSum || column.function == AggregateFunction::kAvg;
  if (adds && column.field.field.type == FieldType::kBytes) {
    lexer.fail(offset,
               fmt::format("{} takes numbers, and '{}' is bytes", known->name, column.field.name));
  }
  column.label = fmt::format("{}({})", known->name, column.field.name);
  return column;
}

}  // namespace

std::vector<AggregateColumn> parse_aggregates(std::string_view text, Schema const& schema) {
  Lexer lexer("--agg", text);
  std::vector<AggregateColumn> columns;
  do {
    std::size_t const offset = lexer.peek().offset;
    AggregateColumn column = take_aggregate(lexer, schema);
    for (AggregateColumn const& other : columns) {
      if (other.label == column.label) lexer.fail(offset, fmt::format("{} twice", column.label));
    }
    columns.push_back(std::move(column));
  } while (lexer.take_symbol(","));
  if (lexer.peek().kind != TokenKind::kEnd) lexer.fail_expected("',' or the end");
  return columns;
}

std::vector<NamedField> parse_columns(std::string_view text, Schema const& schema) {
  Lexer lexer("--select", text);
  std::vector<NamedField> columns;
  do {
    std::size_t const offset = lexer.peek().offset;
    NamedField column = take_column(lexer, schema);
    for (NamedField const& other : columns) {
      if (other.name == column.name) lexer.fail(offset, fmt::format("'{}' twice", column.name));
    }
    columns.push_back(std::move(column));
  } while (lexer.take_symbol(","));
  if (lexer.peek().kind != TokenKind::kEnd) lexer.fail_expected("',' or the end");
  return columns;
}

}  // namespace levelscan
