#include "output/jsonl_sink.hpp"

#include <utility>

#include "output/row_text.hpp"

namespace levelscan {
namespace {

struct JsonlFormat {
  BytesStyle style;
  std::vector<std::string> const& openings;

  void separate(std::size_t column, Text& text) const { text += openings[column]; }
  void append_null(Text& text) const { text += "null"; }
  void append_bytes(ByteSpan bytes, Text& text) const { append_json_bytes(bytes, style, text); }
  void append_text(std::string_view value, Text& text) const { append_json_text(value, text); }
  void append_nonfinite(std::string_view name, Text& text) const {
    text += '"';
    text += name;
    text += '"';
  }
  void end_row(Text& text) const { text += "}\n"; }
};

}  // namespace

JsonlSink::JsonlSink(BytesStyle style, std::vector<OutputColumn> columns, OutputFile& file)
    : style_(style), columns_(std::move(columns)), file_(file) {
  for (OutputColumn const& column : columns_) {
    Text opening;
    opening += openings_.empty() ? '{' : ',';
    append_json_text(column.name, opening);
    opening += ':';
    openings_.emplace_back(opening.view());
  }
}

void JsonlSink::format(RowBatch const& batch, Text& text) const {
  append_rows(JsonlFormat{style_, openings_}, columns_, batch, text);
}

void JsonlSink::write(std::string_view text) { file_.write(text); }

void JsonlSink::write_aggregates(std::vector<AggregateValue> const& values,
                                 std::string_view const* range) {
  Text text;
  append_aggregates(JsonlFormat{style_, openings_}, values, range, text);
  file_.write(text);
}

void JsonlSink::finish() { file_.flush(); }

}  // namespace levelscan
