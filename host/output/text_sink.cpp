#include "output/text_sink.hpp"

#include <utility>

#include "output/csv_sink.hpp"
#include "output/jsonl_sink.hpp"
#include "output/table_sink.hpp"

namespace levelscan {

std::vector<OutputColumn> output_columns(Query const& query) {
  std::vector<OutputColumn> columns;
  if (query.ranges) columns.push_back({"range", false, true});
  for (AggregateColumn const& aggregate : query.aggregates) {
    bool const of_values = aggregate.function == AggregateFunction::kMin ||
                           aggregate.function == AggregateFunction::kMax;
    FieldType const type = aggregate.field.field.type;
    columns.push_back({aggregate.label, of_values && type == FieldType::kF32,
                       of_values && type == FieldType::kBytes});
  }
  if (!query.aggregates.empty()) return columns;
  for (NamedField const& column : query.columns) {
    columns.push_back({column.name, column.field.type == FieldType::kF32,
                       column.field.type == FieldType::kBytes});
  }
  return columns;
}

std::unique_ptr<TextSink> make_text_sink(OutputFormat format, BytesStyle style,
                                         std::vector<OutputColumn> columns, OutputFile& file) {
  switch (format) {
    case OutputFormat::kCsv: return std::make_unique<CsvSink>(style, std::move(columns), file);
    case OutputFormat::kJsonl: return std::make_unique<JsonlSink>(style, std::move(columns), file);
    case OutputFormat::kTable: break;
  }
  return std::make_unique<TableSink>(style, std::move(columns), file);
}

}  // namespace levelscan
