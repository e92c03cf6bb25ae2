// Kernel: drops the candidates that a newer version in another run shadows, from the newer side.
//
// Strategy "mark": every visible entry of every run looks up its user key among the candidates of
// the other runs, which stand in key order, and marks the one it is newer than. Unlike probing, its
// cost does not grow with the number of candidates: an entry of a run that has only newer ones is
// skipped.
#pragma once

#include <cstdint>

#include "kernels/filter.hpp"
#include "kernels/gather.hpp"

namespace levelscan {

struct ResolveMark {
  struct Args {
    FilterArgs filter;             // as it was for Filter
    CandidateShare const* shares;  // [run_count] exactly the candidates that there are
    Candidate* candidates;
    uint8_t const* keys;
  };

  struct Shared {
    TileBlocks blocks;
    uint32_t shadowed_value;
    uint32_t shadowed_tombstone;
    uint32_t may_shadow;  // some run has candidates that entries of this one can be newer than
    uint8_t key_window[kTileIntervals][kKeyWindowBytes];
  };

  // An entry that a walk stands on, and what is known of its key.
  struct Marker {
    EntryWalk const& walk;
    Interval interval;
    uint8_t const* key_window;  // the key's first kKeyWindowBytes bytes, or all of it
    uint64_t key_prefix;

    // The candidate's user key against the entry's, in key order: negative, zero or positive.
    LEVELSCAN_HOST_DEVICE int compare(Candidate const& candidate, uint8_t const* keys) const {
      return in_key_order(walk.order, compare_as_bytes(candidate, keys));
    }

    LEVELSCAN_HOST_DEVICE int compare_as_bytes(Candidate const& candidate,
                                               uint8_t const* keys) const {
      if (candidate.key_prefix != key_prefix) return candidate.key_prefix < key_prefix ? -1 : 1;
      Bytes const user_key{keys + candidate.key_offset, candidate.user_size};
      if (walk.user_size <= kKeyWindowBytes) {
        return compare_bytes(user_key, Bytes{key_window, walk.user_size});
      }
      uint32_t const limit = user_key.size < kKeyWindowBytes ? user_key.size : kKeyWindowBytes;
      uint32_t const common = common_prefix(user_key.data, key_window, limit);
      if (common < limit) return user_key.data[common] < key_window[common] ? -1 : 1;
      if (limit < kKeyWindowBytes) return -1;  // a proper prefix
      // Two long keys that begin alike: the interval is walked again to compare the rest.
      EntryWalk again = EntryWalk::over(walk.bytes, interval, walk.order);
      PrefixComparison comparison = PrefixComparison::against(user_key);
      while (again.next() == WalkStep::kEntry) {
        comparison.advance(again);
        if (again.entry_offset == walk.entry_offset) break;
      }
      return -in_key_order(walk.order, comparison.order);
    }
  };

  // Blocks and items as in Filter.
  template <class Block>
  LEVELSCAN_KERNEL void operator()(Block& block, Args const& args, Shared& shared) const {
    FilterArgs const& filter = args.filter;
    Tile const tile = tile_at(filter.runs, filter.run_count, block.index());
    RunView const& run = filter.runs[tile.run];
    IntervalRange const range = filter.ranges[tile.run];
    if (!tile.touches(range)) return;
    TileBlocks::find(block, run, SegmentList{nullptr, 0}, tile, shared.blocks, [&] {
      shared.shadowed_value = 0;
      shared.shadowed_tombstone = 0;
      shared.may_shadow = 0;
      for (uint32_t r = 0; r < filter.run_count; ++r) {
        if (r != tile.run && args.shares[r].candidates_max != 0 &&
            filter.runs[r].smallest_sequence <= run.largest_sequence) {
          shared.may_shadow = 1;
        }
      }
    });
    block.for_each(tile.count, [&](uint32_t i) {
      uint32_t const interval = tile.first + i;
      if (shared.may_shadow == 0 || interval < range.first || interval >= range.last) return;
      Interval const bounds = interval_bytes(run, shared.blocks.of_interval(run, i), interval);
      mark_from_interval(block, args, shared, tile.run, bounds, shared.key_window[i]);
    });
    block.for_each(1, [&](uint32_t) {
      block.fetch_add(filter.status->shadowed_value, static_cast<uint64_t>(shared.shadowed_value));
      block.fetch_add(filter.status->shadowed_tombstone,
                      static_cast<uint64_t>(shared.shadowed_tombstone));
    });
  }

  // Entries beyond the window mark nothing: all candidates lie in it.
  template <class Block>
  LEVELSCAN_KERNEL void mark_from_interval(Block& block, Args const& args, Shared& shared,
                                           uint32_t run_index, Interval const& bounds,
                                           uint8_t* key_window) const {
    FilterArgs const& filter = args.filter;
    RunView const& run = filter.runs[run_index];
    EntryWalk walk = EntryWalk::over(run.data, bounds, run.order);
    WalkStep step = walk.next();
    if (step == WalkStep::kEnd) step = WalkStep::kCorrupt;  // no interval is empty
    bool newer_is_visible = false;  // the previous entry, when it has the same user key
    for (; step == WalkStep::kEntry; step = walk.next()) {
      update_key_window(walk, key_window);
      uint64_t const sequence = walk.sequence();
      // What an older version shadows, the newer one before it has marked.
      bool const marked = walk.same_user_key && newer_is_visible;
      newer_is_visible = sequence <= filter.window.snapshot;
      if (marked || !newer_is_visible) continue;
      uint32_t const known = walk.user_size < kKeyWindowBytes ? walk.user_size : kKeyWindowBytes;
      Marker const marker{walk, bounds, key_window, key_prefix_of(Bytes{key_window, known})};
      bool const by_tombstone = is_tombstone(walk.type());
      for (uint32_t r = 0; r < filter.run_count; ++r) {
        uint32_t const candidate_count = args.shares[r].candidates_max;
        if (r == run_index || candidate_count == 0 || filter.runs[r].smallest_sequence > sequence) {
          continue;
        }
        Candidate* const candidates = args.candidates + args.shares[r].candidate_base;
        uint32_t low = 0;
        uint32_t high = candidate_count;
        while (low < high) {
          uint32_t const middle = low + (high - low) / 2;
          if (marker.compare(candidates[middle], args.keys) < 0) {
            low = middle + 1;
          } else {
            high = middle;
          }
        }
        if (low == candidate_count || marker.compare(candidates[low], args.keys) != 0) continue;
        uint64_t const candidate_sequence = sequence_of(candidates[low].trailer);
        if (candidate_sequence > sequence || (candidate_sequence == sequence && r < run_index)) {
          continue;
        }
        uint32_t const flags = block.fetch_add(candidates[low].flags, kCandidateMark);
        if ((flags & kCandidateAlive) != 0 && flags < kCandidateMark) {
          block.fetch_add(by_tombstone ? shared.shadowed_tombstone : shared.shadowed_value, 1u);
        }
      }
    }
    if (step == WalkStep::kCorrupt) {
      report_fault(block, *filter.status, ScanFault::kCorruptEntry, run_index, walk.offset, 0);
    }
  }
};

}  // namespace levelscan
