#include "output/csv_sink.hpp"

#include <utility>

#include "output/row_text.hpp"

namespace levelscan {
namespace {

struct CsvFormat {
  BytesStyle style;
  std::size_t separators_max;

  char* separate(std::size_t column, char* to) const {
    *to = ',';
    return to + (column != 0 ? 1 : 0);
  }
  char* write_null(char* to) const { return to; }
  char* write_bytes(ByteSpan bytes, char* to) const { return write_csv_bytes(bytes, style, to); }
  char* write_words(std::string_view value, char* to) const { return write_csv_text(value, to); }
  char* write_nonfinite(std::string_view name, char* to) const { return write_text(name, to); }
  char* end_row(char* to) const {
    *to = '\n';
    return to + 1;
  }
};

}  // namespace

CsvSink::CsvSink(BytesStyle style, std::vector<OutputColumn> columns, OutputFile& file)
    : style_(style), columns_(std::move(columns)), file_(file) {}

void CsvSink::begin() {
  Text text;
  for (std::size_t column = 0; column < columns_.size(); ++column) {
    if (column != 0) text += ',';
    std::string_view const name = columns_[column].name;
    text.append_written(words_text_max(name.size()),
                        [&](char* to) { return write_csv_text(name, to); });
  }
  text += '\n';
  file_.write(text);
}

void CsvSink::format(RowBatch const& batch, Text& text) const {
  append_rows(CsvFormat{style_, columns_.size() + 1}, columns_, batch, text);
}

void CsvSink::write(std::string_view text) { file_.write(text); }

void CsvSink::write_aggregates(std::vector<AggregateValue> const& values,
                               std::string_view const* range) {
  Text text;
  append_aggregates(CsvFormat{style_, columns_.size() + 1}, values, range, text);
  file_.write(text);
}

void CsvSink::finish() { file_.flush(); }

}  // namespace levelscan
