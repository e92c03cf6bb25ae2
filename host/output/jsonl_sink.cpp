#include "output/jsonl_sink.hpp"

#include <utility>

#include "output/row_text.hpp"

namespace levelscan {
namespace {

struct JsonlFormat {
  BytesStyle style;
  std::vector<std::string> const& openings;
  std::size_t separators_max;

  char* separate(std::size_t column, char* to) const { return write_text(openings[column], to); }
  char* write_null(char* to) const { return write_text("null", to); }
  char* write_bytes(ByteSpan bytes, char* to) const { return write_json_bytes(bytes, style, to); }
  char* write_words(std::string_view value, char* to) const { return write_json_text(value, to); }
  char* write_nonfinite(std::string_view name, char* to) const {
    *to++ = '"';
    to = write_text(name, to);
    *to++ = '"';
    return to;
  }
  char* end_row(char* to) const { return write_text("}\n", to); }
};

}  // namespace

JsonlSink::JsonlSink(BytesStyle style, std::vector<OutputColumn> columns, OutputFile& file)
    : style_(style), columns_(std::move(columns)), file_(file) {
  for (OutputColumn const& column : columns_) {
    Text opening;
    opening += openings_.empty() ? '{' : ',';
    opening.append_written(words_text_max(column.name.size()),
                           [&](char* to) { return write_json_text(column.name, to); });
    opening += ':';
    separators_max_ += opening.size();
    openings_.emplace_back(opening.view());
  }
}

void JsonlSink::format(RowBatch const& batch, Text& text) const {
  append_rows(JsonlFormat{style_, openings_, separators_max_}, columns_, batch, text);
}

void JsonlSink::write(std::string_view text) { file_.write(text); }

void JsonlSink::write_aggregates(std::vector<AggregateValue> const& values,
                                 std::string_view const* range) {
  Text text;
  append_aggregates(JsonlFormat{style_, openings_, separators_max_}, values, range, text);
  file_.write(text);
}

void JsonlSink::finish() { file_.flush(); }

}  // namespace levelscan
