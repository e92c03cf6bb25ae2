// Kernel: how many rows go over to the host at once, so that their bytes have room there.
#pragma once

#include <cstdint>

#include "kernels/portability.hpp"

namespace levelscan {

// As many rows as fit. Of none, `bytes` is what the first one needs.
struct FittedRows {
  uint64_t bytes;
  uint32_t count;
  uint32_t reserved;
};
static_assert(sizeof(FittedRows) == 16);

// One block with one item.
struct FitRows {
  struct Args {
    uint64_t const* row_bytes_end;  // inclusive sums of MeasureRows' sizes
    uint32_t first;
    uint32_t end;  // of the rows that may go. REQUIRES: first < end
    uint64_t bytes_max;
    FittedRows* fitted;  // out
  };
  struct Shared {};

  template <class Block>
  LEVELSCAN_KERNEL void operator()(Block& block, Args const& args, Shared&) const {
    block.for_each(1, [&](uint32_t) {
      uint64_t const before = args.first == 0 ? 0 : args.row_bytes_end[args.first - 1];
      uint32_t fit = args.first;  // rows below it fit
      for (uint32_t none = args.end; fit < none;) {
        uint32_t const middle = fit + (none - fit) / 2;
        if (args.row_bytes_end[middle] - before <= args.bytes_max) {
          fit = middle + 1;
        } else {
          none = middle;
        }
      }
      uint32_t const last = fit == args.first ? fit : fit - 1;
      *args.fitted = FittedRows{args.row_bytes_end[last] - before, fit - args.first, 0};
    });
  }
};

}  // namespace levelscan
