// Where rows go. Batches are formatted by many threads at once and written by one, in key order.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "kernels/rows.hpp"
#include "output/byte_text.hpp"
#include "output/text.hpp"

namespace levelscan {

// Rows in memory that belongs to the caller. Cell (row, column) stands at row * column_count +
// column.
struct RowBatch {
  Cell const* cells;
  uint8_t const* bytes;  // what cells of bytes point into; null: they hold addresses
  uint32_t row_count;
  uint32_t column_count;
  // What the rows' first column, `range`, says, which no cell holds; null: there is no such column.
  std::string_view const* range = nullptr;

  // REQUIRES: a cell of bytes.
  [[nodiscard]] ByteSpan bytes_of(Cell const& cell) const {
    if (bytes == nullptr) return {reinterpret_cast<uint8_t const*>(cell.bits), cell.size};
    return {bytes + cell.bits, cell.size};
  }
};

class RowSink {
 public:
  virtual ~RowSink() = default;

  // Appends the batch to `text` in a form that `write` takes. Thread-safe.
  virtual void format(RowBatch const& batch, Text& text) const = 0;

  // Takes formatted text in output order, whole batches at a time. One thread at a time.
  virtual void write(std::string_view text) = 0;
};

}  // namespace levelscan
