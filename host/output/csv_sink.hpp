// Rows as CSV (RFC 4180, lines end with \n): a header line, null an empty cell, bytes as
// text_encoding.hpp says, floats that are not finite as nan, inf, -inf.
// format() is thread-safe; the rest belongs to one thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "output/text_sink.hpp"

namespace levelscan {

class CsvSink final : public TextSink {
 public:
  CsvSink(BytesStyle style, std::vector<OutputColumn> columns, OutputFile& file);

  void begin() override;
  void format(RowBatch const& batch, Text& text) const override;
  void write(std::string_view text) override;
  void write_aggregates(std::vector<AggregateValue> const& values,
                        std::string_view const* range) override;
  void finish() override;

 private:
  BytesStyle style_;
  std::vector<OutputColumn> columns_;
  OutputFile& file_;
};

}  // namespace levelscan
