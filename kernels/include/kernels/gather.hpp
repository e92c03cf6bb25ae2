// Kernel: visits again the intervals that hold candidates and writes each candidate down, its
// internal key rebuilt. Where a candidate goes follows from the scanned counts, so the order is the
// order of keys within a run, whatever the lanes do.
//
// When all candidates don't fit, each run gets a share of the space, and its first candidate that
// doesn't fit is written one place after the others as a mark: the window has to end there.
#pragma once

#include <cstdint>

#include "kernels/filter.hpp"

namespace levelscan {

// Where a run's candidates go. A candidate fits when its index is below `candidates_max` and its
// key ends at or before `key_bytes_max`, both counted from the run's own bases.
struct CandidateShare {
  uint32_t candidate_base;
  uint32_t candidates_max;
  uint32_t key_base;
  uint32_t key_bytes_max;
  uint32_t mark_key_bytes_max;  // room for the mark's key behind key_bytes_max
  uint32_t marked;              // out: 1 when the mark was written
  uint32_t mark;                // out: its place in the candidates
};
static_assert(sizeof(CandidateShare) == 28);

struct Gather {
  struct Args {
    FilterArgs filter;
    CandidateShare* shares;  // [run_count]
    Candidate* candidates;
    uint8_t* keys;
  };

  struct Shared {
    TileBlocks blocks;
    uint8_t key_window[kTileIntervals][kKeyWindowBytes];
  };

  // Blocks and items as in Filter.
  template <class Block>
  LEVELSCAN_KERNEL void operator()(Block& block, Args const& args, Shared& shared) const {
    FilterArgs const& filter = args.filter;
    Tile const tile = tile_at(filter.runs, filter.run_count, block.index());
    uint32_t const r = tile.run;
    RunView const& run = filter.runs[r];
    IntervalRange const range = filter.ranges[r];
    if (!tile.touches(range)) return;
    TileBlocks::find(block, run, filter.segments, tile, shared.blocks, [] {});
    block.for_each(tile.count, [&](uint32_t i) {
      uint32_t const interval = tile.first + i;
      if (interval < range.first || interval >= range.last) return;
      // Exclusive sums over all runs' slots, and one slot more for the total.
      IntervalCount const before = filter.counts[run.first_slot + interval];
      IntervalCount const after = filter.counts[run.first_slot + interval + 1];
      if (before.candidates == after.candidates) return;
      IntervalCount const base = filter.counts[run.first_slot];
      DataBlockRef const& data_block = shared.blocks.of_interval(run, i);
      CandidateShare& share = args.shares[r];
      KeyBuilder builder{};
      uint64_t index = before.candidates - base.candidates;
      uint64_t key_start = before.key_bytes - base.key_bytes;
      FilterTally tally{0, 0, 0, 0, 0, 0};
      FilterProgress progress{};
      filter_interval(
          block, filter, r, interval, data_block, shared.blocks.segments, shared.key_window[i],
          progress, tally,
          [&](EntryWalk const& walk, MetEntry const& entry, uint32_t flags, uint32_t segment) {
            if (Filter::counts<Block>(filter, flags)) return;
            uint32_t const key_size = entry.user_size + kTrailerBytes;
            uint64_t const key_end = key_start + key_size;
            bool const fits = index < share.candidates_max && key_end <= share.key_bytes_max;
            bool const is_mark = !fits && key_start <= share.key_bytes_max &&
                                 (index == 0 || index - 1 < share.candidates_max);
            if (is_mark && key_size > share.mark_key_bytes_max) {
              report_fault(block, *filter.status, ScanFault::kKeyTooLarge, r, entry.offset,
                           key_size);
            } else if (fits || is_mark) {
              uint32_t const place = share.candidate_base + static_cast<uint32_t>(index);
              CandidateSpace const space{args.candidates, args.keys, 0, 0, filter.space.segments};
              write_candidate(space, place, share.key_base + static_cast<uint32_t>(key_start), r,
                              walk, entry, flags, segment, builder);
              if (is_mark) {
                share.marked = 1;
                share.mark = place;
              }
            }
            ++index;
            key_start = key_end;
          });
    });
  }
};

}  // namespace levelscan
