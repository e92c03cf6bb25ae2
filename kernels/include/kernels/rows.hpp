// Kernels: the selected fields of the rows that were found, as cells and bytes in the result space.
//
// A row has `column_count` cells of 16 bytes each; a cell of bytes points into the result bytes.
// The rows' byte sizes are measured first and scanned, so that each row knows its place.
#pragma once

#include <cstdint>

#include "kernels/candidate.hpp"
#include "kernels/entry_value.hpp"
#include "kernels/predicate.hpp"
#include "kernels/run_view.hpp"

namespace levelscan {

inline constexpr uint32_t kTileRows = 128;

// One value of a result. Integers and floats stand in `bits` (f32 widened to f64); bytes at
// [bits, bits + size) of the result bytes.
struct Cell {
  uint64_t bits;
  uint32_t size;
  ScalarKind kind;
  bool negative;
  uint16_t reserved;
};
static_assert(sizeof(Cell) == 16);

struct RowsArgs {
  RunView const* runs;
  Candidate const* candidates;
  uint8_t const* keys;
  uint32_t const* rows;  // [row_count] places of the candidates, in output order
  Field const* columns;  // [column_count]
  uint32_t column_count;
  uint32_t row_count;
};

LEVELSCAN_HOST_DEVICE inline Row row_of(RunView const* runs, Candidate const& candidate,
                                        uint8_t const* keys) {
  Bytes const stored{runs[candidate.run].data + candidate.value_offset, candidate.value_size};
  EntryValue const value = entry_value(type_of(candidate.trailer), stored);
  return Row{{keys + candidate.key_offset, candidate.user_size},
             candidate.user_size,
             value.value,
             sequence_of(candidate.trailer),
             value.entity};
}

struct MeasureRows {
  struct Args {
    RowsArgs rows;
    uint64_t* row_bytes;  // [row_count] out: bytes that the row needs in the result bytes
  };
  struct Shared {};

  template <class Block>
  LEVELSCAN_KERNEL void operator()(Block& block, Args const& args, Shared&) const {
    uint32_t const first = block.index() * kTileRows;
    uint32_t const left = args.rows.row_count - first;
    block.for_each(left < kTileRows ? left : kTileRows, [&](uint32_t i) {
      Row const row =
          row_of(args.rows.runs, args.rows.candidates[args.rows.rows[first + i]], args.rows.keys);
      uint64_t bytes = 0;
      for (uint32_t c = 0; c < args.rows.column_count; ++c) {
        Scalar const scalar = load_field(args.rows.columns[c], row);
        if (scalar.kind == ScalarKind::kBytes) bytes += scalar.bytes.size;
      }
      args.row_bytes[first + i] = bytes;
    });
  }
};

struct EmitRows {
  struct Args {
    RowsArgs rows;                  // row_count: rows to emit now
    uint32_t first_row;             // index into rows.rows and row_bytes_end of the first of them
    uint64_t const* row_bytes_end;  // inclusive sums of MeasureRows' sizes
    Cell* cells;                    // [row_count * column_count] out
    uint8_t* bytes;                 // out
  };
  struct Shared {};

  template <class Block>
  LEVELSCAN_KERNEL void operator()(Block& block, Args const& args, Shared&) const {
    uint32_t const first = block.index() * kTileRows;
    uint32_t const left = args.rows.row_count - first;
    uint64_t const base = args.first_row == 0 ? 0 : args.row_bytes_end[args.first_row - 1];
    block.for_each(left < kTileRows ? left : kTileRows, [&](uint32_t i) {
      uint32_t const r = args.first_row + first + i;
      Row const row =
          row_of(args.rows.runs, args.rows.candidates[args.rows.rows[r]], args.rows.keys);
      uint64_t at = (r == 0 ? 0 : args.row_bytes_end[r - 1]) - base;
      Cell* const cells = args.cells + static_cast<uint64_t>(first + i) * args.rows.column_count;
      for (uint32_t c = 0; c < args.rows.column_count; ++c) {
        Scalar const scalar = load_field(args.rows.columns[c], row);
        Cell cell{scalar.bits, 0, scalar.kind, scalar.negative, 0};
        if (scalar.kind == ScalarKind::kBytes) {
          cell.bits = at;
          cell.size = scalar.bytes.size;
          memcpy(args.bytes + at, scalar.bytes.data, scalar.bytes.size);
          at += scalar.bytes.size;
        }
        cells[c] = cell;
      }
    });
  }
};

}  // namespace levelscan
