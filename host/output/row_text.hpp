// Batches and aggregates as text, for any format that has
//   std::size_t separators_max                               room for all that separates a row
//   char* separate(std::size_t column, char* to)             before each cell
//   char* write_null(char* to)                               as a number has room for
//   char* write_bytes(ByteSpan, char* to)
//   char* write_words(std::string_view, char* to)            of the user's own
//   char* write_nonfinite(std::string_view name, char* to)   as a number has room for
//   char* end_row(char* to)
// as const members. Room is made for a row at a time, so that nothing in between asks for it: where
// the text ends stays in a register. Pure functions; thread-safe.
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
char* write_number(Format const& format, double value, bool single_precision, char* to) {
  if (!std::isfinite(value)) return format.write_nonfinite(nonfinite_name(value), to);
  return single_precision ? write_float(static_cast<float>(value), to) : write_float(value, to);
}

// `range`: what stands in the column in front; null: there is none.
inline std::size_t range_text_max(std::string_view const* range) {
  return range == nullptr ? 0 : words_text_max(range->size());
}

// REQUIRES: as many columns as the batch has, and one more in front for its range.
template <class Format>
void append_rows(Format const& format, std::vector<OutputColumn> const& columns,
                 RowBatch const& batch, Text& text) {
  Cell const* cell = batch.cells;
  std::size_t const column_count = columns.size();
  std::size_t const row_max =
      format.separators_max + range_text_max(batch.range) + batch.column_count * kNumberTextMax;
  char* to = text.end();
  for (uint32_t row = 0; row < batch.row_count; ++row) {
    std::size_t size_max = row_max;
    for (uint32_t i = 0; i < batch.column_count; ++i) {
      if (cell[i].kind == ScalarKind::kBytes) size_max += bytes_text_max(cell[i].size);
    }
    to = text.room(to, size_max);
    std::size_t column = 0;
    if (batch.range != nullptr) {
      to = format.separate(column++, to);
      to = format.write_words(*batch.range, to);
    }
    for (; column < column_count; ++column, ++cell) {
      to = format.separate(column, to);
      switch (cell->kind) {
        case ScalarKind::kInteger: to = write_integer(cell->bits, cell->negative, to); break;
        case ScalarKind::kFloat:
          to = write_number(format, bits_to_double(cell->bits), columns[column].single_precision,
                            to);
          break;
        case ScalarKind::kBytes: to = format.write_bytes(batch.bytes_of(*cell), to); break;
        case ScalarKind::kNull:
        case ScalarKind::kUnavailable: to = format.write_null(to); break;
      }
    }
    to = format.end_row(to);
  }
  text.end_at(to);
}

// `range` as above.
template <class Format>
void append_aggregates(Format const& format, std::vector<AggregateValue> const& values,
                       std::string_view const* range, Text& text) {
  std::size_t size_max =
      format.separators_max + range_text_max(range) + values.size() * kNumberTextMax;
  for (AggregateValue const& value : values) {
    if (value.kind == AggregateValue::Kind::kBytes) size_max += bytes_text_max(value.bytes.size());
  }
  char* to = text.room(text.end(), size_max);
  std::size_t column = 0;
  if (range != nullptr) {
    to = format.separate(column++, to);
    to = format.write_words(*range, to);
  }
  for (AggregateValue const& value : values) {
    to = format.separate(column++, to);
    switch (value.kind) {
      case AggregateValue::Kind::kNull: to = format.write_null(to); break;
      case AggregateValue::Kind::kInteger: to = write_integer(value.integer, to); break;
      case AggregateValue::Kind::kFloat:
        to = write_number(format, value.floating, value.single_precision, to);
        break;
      case AggregateValue::Kind::kBytes:
        to = format.write_bytes(
            ByteSpan(reinterpret_cast<uint8_t const*>(value.bytes.data()), value.bytes.size()), to);
        break;
    }
  }
  text.end_at(format.end_row(to));
}

}  // namespace levelscan
