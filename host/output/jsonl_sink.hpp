// Rows as JSON, one object a line: integers in full, null as null, bytes as strings of the text
// that text_encoding.hpp describes, floats that are not finite as the strings "nan", "inf", "-inf".
// format() is thread-safe; the rest belongs to one thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "output/text_sink.hpp"

namespace levelscan {

class JsonlSink final : public TextSink {
 public:
  JsonlSink(BytesStyle style, std::vector<OutputColumn> columns, OutputFile& file);

  void begin() override {}
  void format(RowBatch const& batch, Text& text) const override;
  void write(std::string_view text) override;
  void write_aggregates(std::vector<AggregateValue> const& values,
                        std::string_view const* range) override;
  void finish() override;

 private:
  BytesStyle style_;
  std::vector<OutputColumn> columns_;
  std::vector<std::string> openings_;  // what stands before each cell: {"first":  ,"second":
  std::size_t separators_max_ = sizeof "}\n";
  OutputFile& file_;
};

}  // namespace levelscan
