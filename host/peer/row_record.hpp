// Result rows as byte strings that are equal exactly when the rows are: how a scan's rows and an
// iterator's are brought side by side.
//
//   record:  size u32 of what follows | cell*
//   cell:    'n' | 'i' integer i128 | 'f' bits of an f64 | 'b' size u32, bytes
//
// In the machine's byte order; every NaN is written as the same one. Pure functions; thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "output/row_sink.hpp"
#include "peer/row_evaluator.hpp"

namespace levelscan {

// Appends the record of one row of a batch.
void append_record(RowBatch const& batch, uint32_t row, Text& text);

// Appends the record of the selected columns of a row, and behind them its range where there is
// one.
void append_record(std::vector<NamedField> const& columns, PeerRow const& row, Text& text,
                   std::string_view const* range = nullptr);

// Takes the first record, without its size, off `text`. REQUIRES: `text` begins with one.
[[nodiscard]] std::string_view take_record(std::string_view& text);

// The bytes of the record's first cell; empty when it has none.
[[nodiscard]] std::string_view first_cell_bytes(std::string_view record);

// For people: cells separated by commas, bytes as text with \xNN.
[[nodiscard]] std::string describe_record(std::string_view record);
[[nodiscard]] std::string describe_bytes(std::string_view bytes);
[[nodiscard]] std::string describe_integer(Int128 integer);

// A sink that hands over one record after the other, in output order.
class RecordSink : public RowSink {
 public:
  void format(RowBatch const& batch, Text& text) const final;
  void write(std::string_view text) final;

 protected:
  virtual void take(std::string_view record) = 0;
};

}  // namespace levelscan
