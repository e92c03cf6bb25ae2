#include "output/table_sink.hpp"

#include <algorithm>
#include <utility>

#include "output/row_text.hpp"

namespace levelscan {
namespace {

constexpr std::size_t kLayoutRows = 1000;
constexpr std::size_t kWidthMax = 80;  // wider cells push their row to the right
constexpr std::string_view kColumnGap = "  ";

struct TableFormat {
  BytesStyle style;
  std::size_t separators_max;

  char* separate(std::size_t column, char* to) const {
    *to = '\t';
    return to + (column != 0 ? 1 : 0);
  }
  char* write_null(char* to) const { return write_text("null", to); }
  char* write_bytes(ByteSpan bytes, char* to) const {
    return style == BytesStyle::kHex ? write_hex(bytes, to) : write_escaped(bytes, to);
  }
  char* write_words(std::string_view value, char* to) const {
    return write_escaped(ByteSpan(reinterpret_cast<uint8_t const*>(value.data()), value.size()),
                         to);
  }
  char* write_nonfinite(std::string_view name, char* to) const { return write_text(name, to); }
  char* end_row(char* to) const {
    *to = '\n';
    return to + 1;
  }
};

// Takes what stands before `end` off the front of `text`, and the end too.
std::string_view take_until(char end, std::string_view& text) {
  std::size_t const size = std::min(text.find(end), text.size());
  std::string_view const taken = text.substr(0, size);
  text.remove_prefix(std::min(size + 1, text.size()));
  return taken;
}

}  // namespace

TableSink::TableSink(BytesStyle style, std::vector<OutputColumn> columns, OutputFile& file)
    : style_(style), columns_(std::move(columns)), file_(file) {}

void TableSink::format(RowBatch const& batch, Text& text) const {
  append_rows(TableFormat{style_, columns_.size() + 1}, columns_, batch, text);
}

void TableSink::write(std::string_view text) {
  if (!widths_.empty()) {
    std::string aligned;
    append_aligned(text, aligned);
    file_.write(aligned);
    return;
  }
  first_rows_ += text;
  first_row_count_ += static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  if (first_row_count_ >= kLayoutRows) lay_out();
}

void TableSink::write_aggregates(std::vector<AggregateValue> const& values,
                                 std::string_view const* range) {
  Text text;
  append_aggregates(TableFormat{style_, columns_.size() + 1}, values, range, text);
  write(text);
}

void TableSink::finish() {
  if (widths_.empty()) lay_out();
  file_.flush();
}

void TableSink::lay_out() {
  for (OutputColumn const& column : columns_) widths_.push_back(column.name.size());
  std::string_view rows = first_rows_;
  while (!rows.empty()) {
    std::string_view row = take_until('\n', rows);
    for (std::size_t& width : widths_) {
      width = std::max(width, std::min(kWidthMax, take_until('\t', row).size()));
    }
  }
  std::string text;
  for (std::size_t column = 0; column < columns_.size(); ++column) {
    append_cell(column, columns_[column].name, text);
  }
  text += '\n';
  for (std::size_t column = 0; column < columns_.size(); ++column) {
    append_cell(column, std::string(widths_[column], '-'), text);
  }
  text += '\n';
  append_aligned(first_rows_, text);
  first_rows_ = std::string();
  file_.write(text);
}

void TableSink::append_aligned(std::string_view lines, std::string& text) const {
  text.reserve(text.size() + lines.size() * 2);
  while (!lines.empty()) {
    std::string_view line = take_until('\n', lines);
    for (std::size_t column = 0; column < columns_.size(); ++column) {
      append_cell(column, take_until('\t', line), text);
    }
    text += '\n';
  }
}

void TableSink::append_cell(std::size_t column, std::string_view cell, std::string& text) const {
  if (column != 0) text += kColumnGap;
  std::size_t const padding = widths_[column] - std::min(widths_[column], cell.size());
  bool const is_last = column + 1 == columns_.size();
  if (!columns_[column].is_bytes) text.append(padding, ' ');
  text += cell;
  if (columns_[column].is_bytes && !is_last) text.append(padding, ' ');
}

}  // namespace levelscan
