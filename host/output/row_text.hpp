// Batches and aggregates as text, for any format that has
//   void separate(std::size_t column, Text&)        before each cell
//   void append_null(Text&)
//   void append_bytes(ByteSpan, Text&)
//   void append_text(std::string_view, Text&)       words of the user's own
//   void append_nonfinite(std::string_view name, Text&)
//   void end_row(Text&)
// as const member functions. Pure functions; thread-safe.
#pragma once

#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "execute/scan_result.hpp"
#include "kernels/predicate.hpp"
#include "output/row_sink.hpp"
#include "output/text_encoding.hpp"
#include "output/text_sink.hpp"

namespace levelscan {

template <class Format>
void append_number(Format const& format, double value, bool single_precision, Text& text) {
  if (!std::isfinite(value)) {
    format.append_nonfinite(nonfinite_name(value), text);
  } else if (single_precision) {
    append_float(static_cast<float>(value), text);
  } else {
    append_float(value, text);
  }
}

// REQUIRES: as many columns as the batch has, and one more in front for its range.
template <class Format>
void append_rows(Format const& format, std::vector<OutputColumn> const& columns,
                 RowBatch const& batch, Text& text) {
  Cell const* cell = batch.cells;
  std::size_t const column_count = columns.size();
  for (uint32_t row = 0; row < batch.row_count; ++row) {
    std::size_t column = 0;
    if (batch.range != nullptr) {
      format.separate(column++, text);
      format.append_text(*batch.range, text);
    }
    for (; column < column_count; ++column, ++cell) {
      format.separate(column, text);
      switch (cell->kind) {
        case ScalarKind::kInteger: append_integer(cell->bits, cell->negative, text); break;
        case ScalarKind::kFloat:
          append_number(format, bits_to_double(cell->bits), columns[column].single_precision, text);
          break;
        case ScalarKind::kBytes: format.append_bytes(batch.bytes_of(*cell), text); break;
        case ScalarKind::kNull:
        case ScalarKind::kUnavailable: format.append_null(text); break;
      }
    }
    format.end_row(text);
  }
}

// `range`: what stands in the column in front; null: there is none.
template <class Format>
void append_aggregates(Format const& format, std::vector<AggregateValue> const& values,
                       std::string_view const* range, Text& text) {
  std::size_t column = 0;
  if (range != nullptr) {
    format.separate(column++, text);
    format.append_text(*range, text);
  }
  for (AggregateValue const& value : values) {
    format.separate(column++, text);
    switch (value.kind) {
      case AggregateValue::Kind::kNull: format.append_null(text); break;
      case AggregateValue::Kind::kInteger: append_integer(value.integer, text); break;
      case AggregateValue::Kind::kFloat:
        append_number(format, value.floating, value.single_precision, text);
        break;
      case AggregateValue::Kind::kBytes:
        format.append_bytes(
            ByteSpan(reinterpret_cast<uint8_t const*>(value.bytes.data()), value.bytes.size()),
            text);
        break;
    }
  }
  format.end_row(text);
}

}  // namespace levelscan
