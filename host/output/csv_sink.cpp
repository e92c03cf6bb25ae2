#include "output/csv_sink.hpp"

#include <utility>

#include "output/row_text.hpp"

namespace levelscan {
namespace {

struct CsvFormat {
  BytesStyle style;

  void separate(std::size_t column, Text& text) const {
    if (column != 0) text += ',';
  }
  void append_null(Text&) const {}
  void append_bytes(ByteSpan bytes, Text& text) const { append_csv_bytes(bytes, style, text); }
  void append_text(std::string_view value, Text& text) const { append_csv_text(value, text); }
  void append_nonfinite(std::string_view name, Text& text) const { text += name; }
  void end_row(Text& text) const { text += '\n'; }
};

}  // namespace

CsvSink::CsvSink(BytesStyle style, std::vector<OutputColumn> columns, OutputFile& file)
    : style_(style), columns_(std::move(columns)), file_(file) {}

void CsvSink::begin() {
  Text text;
  for (std::size_t column = 0; column < columns_.size(); ++column) {
    if (column != 0) text += ',';
    append_csv_text(columns_[column].name, text);
  }
  text += '\n';
  file_.write(text);
}

void CsvSink::format(RowBatch const& batch, Text& text) const {
  append_rows(CsvFormat{style_}, columns_, batch, text);
}

void CsvSink::write(std::string_view text) { file_.write(text); }

void CsvSink::write_aggregates(std::vector<AggregateValue> const& values,
                               std::string_view const* range) {
  Text text;
  append_aggregates(CsvFormat{style_}, values, range, text);
  file_.write(text);
}

void CsvSink::finish() { file_.flush(); }

}  // namespace levelscan
