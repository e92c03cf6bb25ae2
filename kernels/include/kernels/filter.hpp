// Kernel: decodes the restart intervals of all runs that the window touches, in parallel, and
// counts in each the entries that are candidates: inside the window, the newest version of their
// key in their run that the snapshot sees, and accepted by the predicate. Where blocks and items
// run in order it also writes them down, as long as there is room; elsewhere their places follow
// from the counts.
//
// The same test, as `IntervalFilter`, serves the gather kernel, which visits the same entries again
// to write the candidates down.
#pragma once

#include <cstdint>

#include "kernels/candidate.hpp"
#include "kernels/entry_value.hpp"
#include "kernels/integer_test.hpp"
#include "kernels/key_builder.hpp"
#include "kernels/narrow.hpp"
#include "kernels/plain_entries.hpp"
#include "kernels/predicate.hpp"
#include "kernels/run_view.hpp"
#include "kernels/scan_status.hpp"
#include "kernels/segments.hpp"

namespace levelscan {

inline constexpr uint32_t kTileIntervals = 64;
// Leading bytes of the current internal key that are kept for a predicate that reads keys. What
// lies beyond them is tested after the candidates' keys are written.
inline constexpr uint32_t kKeyWindowBytes = 64;

// Where candidates are written down.
struct CandidateSpace {
  Candidate* candidates;
  uint8_t* keys;
  uint32_t candidates_max;
  uint32_t key_bytes_max;
};

struct FilterArgs {
  RunView const* runs;          // [run_count]
  IntervalRange const* ranges;  // [run_count]
  uint32_t run_count;
  Window window;
  SegmentList segments;  // of the window
  Predicate predicate;
  AbsentValue merge_operands;
  AbsentValue blob_references;
  IntervalCount* counts;  // [slots of all runs] out of filter; in, scanned, of gather
  RunTotals* totals;      // [run_count] out of filter
  // Where a Block that runs in order puts the candidates as it meets them, while there is room.
  CandidateSpace space;
  // Not 0: what only shadows, tombstones and values that fail, is a candidate as well, one that is
  // not alive. Then all that resolution needs is among the candidates (ResolveMerge).
  uint32_t keeps_shadows;
  ScanStatus* status;
};

// What the walk over one interval counts besides its candidates.
struct FilterTally {
  uint32_t seen;
  uint32_t filtered;
  uint32_t shadowed_value;
  uint32_t shadowed_tombstone;
  uint32_t deferred;

  LEVELSCAN_HOST_DEVICE void count_shadowed(bool by_value) {
    if (by_value) {
      ++shadowed_value;
    } else {
      ++shadowed_tombstone;
    }
  }
};

LEVELSCAN_HOST_DEVICE inline ScanFault scan_fault_of(ValueFault fault) {
  switch (fault) {
    case ValueFault::kUnsupported: return ScanFault::kUnsupportedType;
    case ValueFault::kUnknown: return ScanFault::kUnknownType;
    case ValueFault::kVersion: return ScanFault::kEntityVersion;
    case ValueFault::kCorrupt:
    case ValueFault::kNone: break;
  }
  return ScanFault::kCorruptValue;
}

// Applies one entry of a walk to the leading bytes of the current internal key.
LEVELSCAN_HOST_DEVICE inline void update_key_window(EntryWalk const& walk, uint8_t* key_window) {
  uint32_t const key_size = walk.user_size + kTrailerBytes;
  uint32_t const end = key_size < kKeyWindowBytes ? key_size : kKeyWindowBytes;
  for (uint32_t i = walk.shared; i < end; ++i) key_window[i] = walk.delta()[i - walk.shared];
}

// Writes the walk's current entry down. `builder`: KeyBuilder{} before the interval's first one.
LEVELSCAN_HOST_DEVICE LEVELSCAN_INLINE void write_candidate(CandidateSpace const& space,
                                                            uint32_t place, uint32_t key_offset,
                                                            uint32_t run, EntryWalk const& walk,
                                                            uint32_t flags, KeyBuilder& builder) {
  uint8_t* const slot = space.keys + key_offset;
  if (builder.data == nullptr) builder = KeyBuilder::over(walk);
  builder.build(walk, slot);
  space.candidates[place] = Candidate{key_prefix_of(Bytes{slot, walk.user_size}),
                                      walk.trailer,
                                      key_offset,
                                      walk.user_size,
                                      walk.value_offset,
                                      walk.value_size,
                                      run,
                                      flags};
}

// True when the last entry of the interval before `interval` has the same user key as its first
// entry and is visible: then the first entry is not its run's newest visible version.
template <class Block>
LEVELSCAN_KERNEL inline bool first_is_shadowed(Block& block, FilterArgs const& args, uint32_t r,
                                               uint32_t interval, Bytes first_user_key,
                                               uint64_t& shadowing_trailer) {
  RunView const& run = args.runs[r];
  if (interval == 0) return false;
  Interval const previous = interval_bytes(run, interval - 1);
  EntryWalk walk = EntryWalk::over(run.data, previous, run.order);
  PrefixComparison comparison = PrefixComparison::against(first_user_key);
  bool const goes_past_plain = may_have_plain_entries(walk);
  WalkStep step = walk.next();
  for (; step == WalkStep::kEntry; step = walk.next()) {
    comparison.advance(walk);
    if (goes_past_plain && comparison.order < 0) pass_lower_entries(walk, comparison);
  }
  if (step == WalkStep::kCorrupt || !walk.started || comparison.order > 0) {
    report_fault(block, *args.status, ScanFault::kCorruptEntry, r, walk.offset, 0);
    return true;
  }
  shadowing_trailer = walk.trailer;
  return comparison.order == 0 && walk.sequence() <= args.window.snapshot;
}

LEVELSCAN_HOST_DEVICE inline AbsentValue absent_value_of(FilterArgs const& args, EntryType type) {
  return type == EntryType::kMerge       ? args.merge_operands
         : type == EntryType::kBlobIndex ? args.blob_references
                                         : AbsentValue::kRefused;
}

// Brings the walk past the plain entries that fail the predicate. REQUIRES: it doesn't read keys.
LEVELSCAN_HOST_DEVICE LEVELSCAN_INLINE PassedEntries pass_failing_entries(EntryWalk& walk,
                                                                          FilterArgs const& args) {
  Predicate const& predicate = args.predicate;
  uint64_t const snapshot = args.window.snapshot;
  // Where what fails is kept as well, the caller tests the predicate.
  if (predicate.instruction_count == 0 || args.keeps_shadows != 0) {
    return pass_failing_entries(walk, snapshot, [](Bytes, uint32_t, uint64_t) { return true; });
  }
  if (predicate.integer_test.size != 0) {
    IntegerTest const test = predicate.integer_test;
    return pass_failing_entries(
        walk, snapshot, [test](Bytes value, uint32_t, uint64_t) { return holds(test, value); });
  }
  return pass_failing_entries(walk, snapshot,
                              [&](Bytes value, uint32_t user_size, uint64_t trailer) {
                                Row const row{{nullptr, 0}, user_size, value, sequence_of(trailer)};
                                return evaluate(predicate, row) == Verdict::kPasses;
                              });
}

// Walks one interval and calls on_candidate(walk, flags) for each candidate in it that lies from
// `from` to `to`; with `whole` all of them do. Returns whether it met an entry beyond `to`.
// A candidate without kCandidateAlive among its flags only shadows.
template <class Block, class OnCandidate>
LEVELSCAN_KERNEL inline bool filter_between(Block& block, FilterArgs const& args, uint32_t r,
                                            uint32_t interval, DataBlockRef const& data_block,
                                            KeyBoundView const& from, KeyBoundView const& to,
                                            bool whole, uint8_t* key_window, FilterTally& tally,
                                            OnCandidate&& on_candidate) {
  RunView const& run = args.runs[r];
  Window const& window = args.window;
  bool const reads_key = args.predicate.reads_key != 0;
  Interval const bounds = interval_bytes(run, data_block, interval);
  EntryWalk walk = EntryWalk::over(run.data, bounds, run.order);
  PrefixComparison lower = PrefixComparison::against(from.key);
  PrefixComparison upper = PrefixComparison::against(to.key);
  bool const keeps_shadows = args.keeps_shadows != 0;
  bool newer_is_visible = false;  // the previous entry, when it has the same user key
  bool newer_is_value = false;

  bool const goes_past_plain = whole && !reads_key && may_have_plain_entries(walk);

  WalkStep step = WalkStep::kEntry;
  for (;;) {
    if (goes_past_plain) {
      PassedEntries const plain = pass_failing_entries(walk, args);
      tally.seen += plain.failed;
      tally.filtered += plain.failed;
      if (plain.passes) ++tally.seen;
      if (plain.passes || plain.failed != 0) {
        newer_is_visible = true;
        newer_is_value = true;
      }
      if (plain.passes && keeps_shadows) {
        Row const row{{nullptr, 0},
                      walk.user_size,
                      {run.data + walk.value_offset, walk.value_size},
                      walk.sequence()};
        bool const fails = evaluate(args.predicate, row) == Verdict::kFails;
        if (fails) ++tally.filtered;
        on_candidate(walk, fails ? 0 : kCandidateAlive);
        continue;
      }
      if (plain.passes) {
        uint64_t newer = 0;
        if (walk.first && first_is_shadowed(block, args, r, interval,
                                            Bytes{walk.delta(), walk.user_size}, newer)) {
          tally.count_shadowed(!is_tombstone(type_of(newer)));
          continue;
        }
        on_candidate(walk, kCandidateAlive);
        continue;
      }
    }
    step = walk.next();
    if (step != WalkStep::kEntry) break;
    if (reads_key) update_key_window(walk, key_window);
    if (!whole) {
      lower.advance(walk);
      if (to.side != BoundSide::kEnd) {
        upper.advance(walk);
        if (!is_below(upper.order, to.side)) return true;
      }
      if (is_below(lower.order, from.side)) continue;
    }
    ++tally.seen;
    bool const visible = walk.sequence() <= window.snapshot;
    EntryType const type = walk.type();
    if (walk.same_user_key && newer_is_visible) {
      tally.count_shadowed(newer_is_value);
      continue;
    }
    newer_is_visible = visible;
    newer_is_value = !is_tombstone(type);
    if (!visible) continue;
    if (!newer_is_value) {
      if (keeps_shadows) on_candidate(walk, 0);
      continue;
    }
    EntryValue value{{run.data + walk.value_offset, walk.value_size}, {nullptr, 0}};
    bool check_first = walk.first;
    if (type != EntryType::kValue) {
      uint64_t newer = 0;
      if (check_first &&
          first_is_shadowed(block, args, r, interval, Bytes{walk.delta(), walk.user_size}, newer)) {
        tally.count_shadowed(!is_tombstone(type_of(newer)));
        continue;  // hidden, so it doesn't matter what it is
      }
      check_first = false;
      AbsentValue const absent = absent_value_of(args, type);
      if (absent == AbsentValue::kDeferred) {
        ++tally.deferred;
        on_candidate(walk, kCandidateAlive | kCandidateDeferred);
        continue;
      }
      ValueFault const fault =
          absent == AbsentValue::kUnread ? ValueFault::kNone : check_entry_value(type, value.value);
      if (fault != ValueFault::kNone) {
        report_fault(block, *args.status, scan_fault_of(fault), r, walk.entry_offset,
                     static_cast<uint64_t>(type));
        return false;
      }
      value = entry_value(type, value.value);
    }
    uint32_t const key_at_hand =
        walk.user_size < kKeyWindowBytes ? walk.user_size : kKeyWindowBytes;
    Row const row{{key_window, reads_key ? key_at_hand : 0},
                  walk.user_size,
                  value.value,
                  walk.sequence(),
                  value.entity};
    Verdict const verdict = evaluate(args.predicate, row);
    if (verdict == Verdict::kFails) {
      ++tally.filtered;
      if (keeps_shadows) on_candidate(walk, 0);
      continue;
    }
    // Where shadows are kept, the newer version is among the candidates.
    if (check_first && !keeps_shadows) {
      uint64_t newer = 0;
      Bytes const user_key{walk.delta(), walk.user_size};
      if (first_is_shadowed(block, args, r, interval, user_key, newer)) {
        tally.count_shadowed(!is_tombstone(type_of(newer)));
        continue;
      }
    }
    on_candidate(walk, verdict == Verdict::kUndecided ? kCandidateAlive | kCandidateUndecided
                                                      : kCandidateAlive);
  }
  // No interval is empty.
  if (step == WalkStep::kCorrupt || !walk.started) {
    report_fault(block, *args.status, ScanFault::kCorruptEntry, r, walk.offset, 0);
  }
  return false;
}

// The same for the window, or for each of its segments that the interval reaches into, the first of
// which is in `span`. `key_window`: [kKeyWindowBytes] of this item's own in Shared.
//
// filter_between is inlined, and on a GPU two copies of it are more than the registers hold: this
// calls it in one place.
template <class Block, class OnCandidate>
LEVELSCAN_KERNEL inline void filter_interval(Block& block, FilterArgs const& args, uint32_t r,
                                             uint32_t interval, DataBlockRef const& data_block,
                                             SegmentSpan span, uint8_t* key_window,
                                             FilterTally& tally, OnCandidate&& on_candidate) {
  RunView const& run = args.runs[r];
  SegmentList const& list = args.segments;
  KeyBoundView from = args.window.lower;
  KeyBoundView to = args.window.upper;
  IntervalRange const& range = args.ranges[r];
  bool whole = interval >= range.whole_first && interval < range.whole_last;
  bool const has_next = interval + 1 < run.interval_count;
  // The interval's keys go from its first one to the next interval's.
  Bytes first{nullptr, 0};
  Bytes next{nullptr, 0};
  uint32_t s = 0;
  if (list.count != 0) {
    uint64_t trailer;
    if (!first_key(run, interval_bytes(run, data_block, interval), first, trailer) ||
        (has_next && !first_key(run, interval_bytes(run, interval + 1), next, trailer))) {
      report_fault(block, *args.status, ScanFault::kCorruptEntry, r, data_block.offset, 0);
      return;
    }
    s = segments_before(list, span, run.order, first);
    if (s >= list.count) return;
  }
  do {
    if (list.count != 0) {
      Segment const& segment = list.segments[s];
      if (has_next && begins_after(segment, run.order, next)) return;
      whole = has_next && !begins_after(segment, run.order, first) &&
              !ends_before(segment, run.order, next);
      from = segment.lower;
      to = segment.upper;
    }
    if (!filter_between(block, args, r, interval, data_block, from, to, whole, key_window, tally,
                        on_candidate)) {
      return;
    }
  } while (++s < list.count);
}

// Intervals [first, first + count) of one run: what one block of the grid visits.
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

struct Filter {
  using Args = FilterArgs;

  struct Shared {
    TileBlocks blocks;
    uint64_t candidates;
    uint64_t key_bytes;
    uint32_t seen;
    uint32_t filtered;
    uint32_t shadowed_value;
    uint32_t shadowed_tombstone;
    uint32_t deferred;
    uint8_t key_window[kTileIntervals][kKeyWindowBytes];
  };

  // Writes a candidate behind those that are written down already, if there is room.
  LEVELSCAN_HOST_DEVICE static void write_down(FilterArgs const& args, uint32_t r,
                                               EntryWalk const& walk, uint32_t flags,
                                               KeyBuilder& builder) {
    ScanStatus& status = *args.status;
    uint32_t const key_size = walk.user_size + kTrailerBytes;
    if (status.written >= args.space.candidates_max ||
        status.written_key_bytes + key_size > args.space.key_bytes_max) {
      return;
    }
    write_candidate(args.space, static_cast<uint32_t>(status.written),
                    static_cast<uint32_t>(status.written_key_bytes), r, walk, flags, builder);
    ++status.written;
    status.written_key_bytes += key_size;
  }

  // A block is a tile of kTileIntervals intervals of one run; an item is an interval.
  template <class Block>
  LEVELSCAN_KERNEL void operator()(Block& block, Args const& args, Shared& shared) const {
    Tile const tile = tile_at(args.runs, args.run_count, block.index());
    uint32_t const r = tile.run;
    RunView const& run = args.runs[r];
    IntervalRange const range = args.ranges[r];
    if (!tile.touches(range)) {
      block.for_each(tile.count, [&](uint32_t i) {
        args.counts[run.first_slot + tile.first + i] = IntervalCount{0, 0};
      });
      return;
    }
    TileBlocks::find(block, run, args.segments, tile, shared.blocks, [&] {
      shared.candidates = 0;
      shared.key_bytes = 0;
      shared.seen = 0;
      shared.filtered = 0;
      shared.shadowed_value = 0;
      shared.shadowed_tombstone = 0;
      shared.deferred = 0;
    });
    block.for_each(tile.count, [&](uint32_t i) {
      uint32_t const interval = tile.first + i;
      IntervalCount count{0, 0};
      if (interval >= range.first && interval < range.last) {
        FilterTally tally{0, 0, 0, 0, 0};
        DataBlockRef const& data_block = shared.blocks.of_interval(run, i);
        KeyBuilder builder{};
        filter_interval(block, args, r, interval, data_block, shared.blocks.segments,
                        shared.key_window[i], tally, [&](EntryWalk const& walk, uint32_t flags) {
                          if constexpr (Block::kInOrder) {
                            write_down(args, r, walk, flags, builder);
                          }
                          ++count.candidates;
                          count.key_bytes += walk.user_size + kTrailerBytes;
                        });
        block.fetch_add(shared.seen, tally.seen);
        if (tally.filtered != 0) block.fetch_add(shared.filtered, tally.filtered);
        if (tally.shadowed_value != 0) block.fetch_add(shared.shadowed_value, tally.shadowed_value);
        if (tally.shadowed_tombstone != 0) {
          block.fetch_add(shared.shadowed_tombstone, tally.shadowed_tombstone);
        }
        if (tally.deferred != 0) block.fetch_add(shared.deferred, tally.deferred);
        if (count.candidates != 0) {
          block.fetch_add(shared.candidates, count.candidates);
          block.fetch_add(shared.key_bytes, count.key_bytes);
        }
      }
      args.counts[run.first_slot + interval] = count;
    });
    block.for_each(1, [&](uint32_t) {
      block.fetch_add(args.status->entries_seen, static_cast<uint64_t>(shared.seen));
      block.fetch_add(args.status->entries_filtered, static_cast<uint64_t>(shared.filtered));
      block.fetch_add(args.status->shadowed_value, static_cast<uint64_t>(shared.shadowed_value));
      block.fetch_add(args.status->shadowed_tombstone,
                      static_cast<uint64_t>(shared.shadowed_tombstone));
      block.fetch_add(args.status->deferred, static_cast<uint64_t>(shared.deferred));
      block.fetch_add(args.totals[r].candidates, shared.candidates);
      block.fetch_add(args.totals[r].key_bytes, shared.key_bytes);
    });
  }
};

}  // namespace levelscan
