// Kernel: where the candidates of some of the rows stand, so that these are rows of their own.
#pragma once

#include <cstdint>

#include "kernels/portability.hpp"
#include "kernels/rows.hpp"

namespace levelscan {

struct PickRows {
  struct Args {
    uint32_t const* rows;  // places of the candidates
    uint32_t* picked;      // [count] in: indices into `rows`; out: what stands there
    uint32_t count;
  };
  struct Shared {};

  template <class Block>
  LEVELSCAN_KERNEL void operator()(Block& block, Args const& args, Shared&) const {
    uint32_t const first = block.index() * kTileRows;
    uint32_t const left = args.count - first;
    block.for_each(left < kTileRows ? left : kTileRows,
                   [&](uint32_t i) { args.picked[first + i] = args.rows[args.picked[first + i]]; });
  }
};

}  // namespace levelscan
