// What one block of a grid visits where a grid covers the restart intervals of all runs.
#pragma once

#include <cstdint>

#include "kernels/narrow.hpp"
#include "kernels/run_view.hpp"
#include "kernels/segments.hpp"

namespace levelscan {

inline constexpr uint32_t kTileIntervals = 64;

// Intervals [first, first + count) of one run.
struct Tile {
  uint32_t run;
  uint32_t first;
  uint32_t count;

  LEVELSCAN_HOST_DEVICE bool touches(IntervalRange const& range) const {
    return first < range.last && first + count > range.first;
  }
};

LEVELSCAN_HOST_DEVICE inline Tile tile_at(RunView const* runs, uint32_t run_count, uint32_t index) {
  uint32_t r = run_count - 1;
  while (r > 0 && runs[r].first_tile > index) --r;
  uint32_t const first = (index - runs[r].first_tile) * kTileIntervals;
  uint32_t const left = runs[r].interval_count - first;
  return Tile{r, first, left < kTileIntervals ? left : kTileIntervals};
}

// Where a key can't be read the whole list: whoever reads the interval reports it.
LEVELSCAN_HOST_DEVICE inline SegmentSpan segments_of(RunView const& run, SegmentList const& list,
                                                     Tile const& tile) {
  SegmentSpan span{0, list.count};
  if (list.count < 2) return span;
  Bytes key;
  uint64_t trailer;
  uint32_t const behind = tile.first + tile.count;
  if (behind < run.interval_count && first_key(run, interval_bytes(run, behind), key, trailer)) {
    span.last = segments_before(list, span, run.order, key);
  }
  if (first_key(run, interval_bytes(run, tile.first), key, trailer)) {
    span.first = segments_before(list, span, run.order, key);
  }
  return span;
}

// The data blocks that a tile's intervals lie in, and the segments in which the first that each
// interval reaches into is; one for each tile in Shared.
struct TileBlocks {
  uint32_t first;
  uint32_t last;
  SegmentSpan segments;
  uint32_t of[kTileIntervals];  // [tile.count] the block of each interval

  LEVELSCAN_HOST_DEVICE DataBlockRef const& of_interval(RunView const& run, uint32_t item) const {
    return run.blocks[of[item]];
  }

  // Two phases of the block. What else one item has to do first, `prepare` does in the first phase.
  template <class Block, class Prepare>
  LEVELSCAN_KERNEL static void find(Block& block, RunView const& run, SegmentList const& list,
                                    Tile const& tile, TileBlocks& blocks, Prepare&& prepare) {
    block.for_each(1, [&](uint32_t) {
      prepare();
      blocks.segments = segments_of(run, list, tile);
      blocks.first = block_of_interval(run, tile.first, 0, run.block_count - 1);
      blocks.last =
          block_of_interval(run, tile.first + tile.count - 1, blocks.first, run.block_count - 1);
    });
    block.for_each(blocks.last - blocks.first + 1, [&](uint32_t i) {
      DataBlockRef const& data_block = run.blocks[blocks.first + i];
      uint32_t const begin =
          data_block.first_interval > tile.first ? data_block.first_interval - tile.first : 0;
      uint32_t const end = data_block.first_interval + data_block.restart_count - tile.first;
      for (uint32_t k = begin; k < end && k < tile.count; ++k) blocks.of[k] = blocks.first + i;
    });
  }
};

LEVELSCAN_HOST_DEVICE inline uint32_t tiles_of(uint32_t interval_count) {
  return (interval_count + kTileIntervals - 1) / kTileIntervals;
}

}  // namespace levelscan
