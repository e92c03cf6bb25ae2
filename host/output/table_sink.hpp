// Rows as a table for people: aligned columns whose widths come from the first rows and stay.
// Numbers stand to the right, bytes to the left, null as "null".
//
// format() makes lines of cells with tabs between them (escaped bytes hold neither), which write()
// aligns. format() is thread-safe; the rest belongs to one thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "output/text_sink.hpp"

namespace levelscan {

class TableSink final : public TextSink {
 public:
  TableSink(BytesStyle style, std::vector<OutputColumn> columns, OutputFile& file);

  void begin() override {}
  void format(RowBatch const& batch, Text& text) const override;
  void write(std::string_view text) override;
  void write_aggregates(std::vector<AggregateValue> const& values,
                        std::string_view const* range) override;
  void finish() override;

 private:
  void lay_out();
  void append_aligned(std::string_view lines, std::string& text) const;
  void append_cell(std::size_t column, std::string_view cell, std::string& text) const;

  BytesStyle style_;
  std::vector<OutputColumn> columns_;
  OutputFile& file_;
  std::string first_rows_;  // until the widths are known
  std::size_t first_row_count_ = 0;
  std::vector<std::size_t> widths_;  // of each column; empty until the widths are known
};

}  // namespace levelscan
