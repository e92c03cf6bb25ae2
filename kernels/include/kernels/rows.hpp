// Kernels: the selected fields of the rows that were found, as cells and bytes in the result space.
//
// A row has `column_count` cells of 16 bytes each; a cell of bytes points into the result bytes.
// The rows' byte sizes are measured first and scanned, so that each row knows its place. Where the
// host reads the device's memory, cells may instead say where the bytes stand.
#pragma once

#include <cstdint>

#include "kernels/candidate.hpp"
#include "kernels/entry_value.hpp"
#include "kernels/predicate.hpp"
#include "kernels/run_view.hpp"

namespace levelscan {

inline constexpr uint32_t kTileRows = 128;

// One value of a result. Integers and floats stand in `bits` (f32 widened to f64); bytes at
// [bits, bits + size) of the result bytes, or at the address `bits`.
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
  Row row{{keys + candidate.key_offset, candidate.user_size},
          candidate.user_size,
          {runs[candidate.run].data + candidate.value_offset, candidate.value_size},
          sequence_of(candidate.trailer),
          {nullptr, 0}};
  if (type_of(candidate.trailer) != EntryType::kValue) {
    EntryValue const value = entry_value(type_of(candidate.trailer), row.value);
    row.value = value.value;
    row.entity = value.entity;
  }
  return row;
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
    uint8_t* bytes;                 // out; null: cells hold addresses, row_bytes_end isn't read
  };
  struct Shared {};

  template <class Block>
  LEVELSCAN_KERNEL void operator()(Block& block, Args const& args, Shared&) const {
    uint32_t const first = block.index() * kTileRows;
    uint32_t const left = args.rows.row_count - first;
    uint64_t const base = bytes_before(args, args.first_row);
    uint32_t const count = left < kTileRows ? left : kTileRows;
    if (args.bytes == nullptr && all_are_whole(args.rows)) {
      block.for_each(count, [&](uint32_t i) {
        Row const row =
            row_of(args.rows.runs, args.rows.candidates[args.rows.rows[args.first_row + first + i]],
                   args.rows.keys);
        Cell* const cells = args.cells + static_cast<uint64_t>(first + i) * args.rows.column_count;
        for (uint32_t c = 0; c < args.rows.column_count; ++c) {
          Bytes const& bytes =
              args.rows.columns[c].source == FieldSource::kKey ? row.key : row.value;
          cells[c] = Cell{reinterpret_cast<uint64_t>(bytes.data), bytes.size, ScalarKind::kBytes,
                          false, 0};
        }
      });
      return;
    }
    block.for_each(count, [&](uint32_t i) {
      uint32_t const r = args.first_row + first + i;
      Row const row =
          row_of(args.rows.runs, args.rows.candidates[args.rows.rows[r]], args.rows.keys);
      uint64_t at = bytes_before(args, r) - base;
      Cell* const cells = args.cells + static_cast<uint64_t>(first + i) * args.rows.column_count;
      for (uint32_t c = 0; c < args.rows.column_count; ++c) {
        Scalar const scalar = load_field(args.rows.columns[c], row);
        Cell cell{scalar.bits, 0, scalar.kind, scalar.negative, 0};
        if (scalar.kind == ScalarKind::kBytes) {
          cell.size = scalar.bytes.size;
          if (args.bytes == nullptr) {
            cell.bits = reinterpret_cast<uint64_t>(scalar.bytes.data);
          } else {
            cell.bits = at;
            memcpy(args.bytes + at, scalar.bytes.data, scalar.bytes.size);
            at += scalar.bytes.size;
          }
        }
        cells[c] = cell;
      }
    });
  }

 private:
  LEVELSCAN_HOST_DEVICE static bool all_are_whole(RowsArgs const& rows) {
    bool all = true;
    for (uint32_t c = 0; c < rows.column_count; ++c) all &= is_whole(rows.columns[c]);
    return all;
  }
  LEVELSCAN_HOST_DEVICE static uint64_t bytes_before(Args const& args, uint32_t row) {
    return args.bytes == nullptr || row == 0 ? 0 : args.row_bytes_end[row - 1];
  }
};

}  // namespace levelscan
