// A RowSink that writes text to an OutputFile: a header, rows or one row of aggregates, an end.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "execute/scan_result.hpp"
#include "output/output_file.hpp"
#include "output/row_sink.hpp"
#include "output/text_encoding.hpp"
#include "query/query.hpp"

namespace levelscan {

// A column as its values are printed.
struct OutputColumn {
  std::string name;
  bool single_precision = false;  // its floats were f32
  bool is_bytes = false;
};

// Of a query's rows or, where there are any, of its aggregates; in front `range` for a query of
// ranges.
[[nodiscard]] std::vector<OutputColumn> output_columns(Query const& query);

// begin(), then batches or write_aggregates(), then finish(), by one thread; format() by any.
class TextSink : public RowSink {
 public:
  // The header, where the format has one.
  virtual void begin() = 0;
  // `range`: whose they are, where the query is of ranges.
  virtual void write_aggregates(std::vector<AggregateValue> const& values,
                                std::string_view const* range = nullptr) = 0;
  // Hands everything to the file; does not complete it.
  virtual void finish() = 0;
};

enum class OutputFormat { kCsv, kJsonl, kTable };

// `file` must outlive the sink.
[[nodiscard]] std::unique_ptr<TextSink> make_text_sink(OutputFormat format, BytesStyle style,
                                                       std::vector<OutputColumn> columns,
                                                       OutputFile& file);

}  // namespace levelscan
