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
#include <type_traits>

#include "kernels/candidate.hpp"
#include "kernels/entry_value.hpp"
#include "kernels/filter_args.hpp"
#include "kernels/filter_progress.hpp"
#include "kernels/integer_test.hpp"
#include "kernels/key_builder.hpp"
#include "kernels/met_entry.hpp"
#include "kernels/narrow.hpp"
#include "kernels/plain_entries.hpp"
#include "kernels/predicate.hpp"
#include "kernels/run_view.hpp"
#include "kernels/scan_status.hpp"
#include "kernels/segment_cursor.hpp"
#include "kernels/shadow_list.hpp"
#include "kernels/tile.hpp"

namespace levelscan {

// Leading bytes of the current internal key that are kept for a predicate that reads keys. What
// lies beyond them is tested after the candidates' keys are written.
inline constexpr uint32_t kKeyWindowBytes = 64;

// Applies one entry of a walk to the leading bytes of the current internal key.
LEVELSCAN_HOST_DEVICE inline void update_key_window(EntryWalk const& walk, uint8_t* key_window) {
  uint32_t const key_size = walk.user_size + kTrailerBytes;
  uint32_t const end = key_size < kKeyWindowBytes ? key_size : kKeyWindowBytes;
  for (uint32_t i = walk.shared; i < end; ++i) key_window[i] = walk.delta()[i - walk.shared];
}

// Writes an entry of the walk's down. `builder`: KeyBuilder{} before the interval's first one.
LEVELSCAN_HOST_DEVICE LEVELSCAN_INLINE void write_candidate(CandidateSpace const& space,
                                                            uint32_t place, uint32_t key_offset,
                                                            uint32_t run, EntryWalk const& walk,
                                                            MetEntry const& entry, uint32_t flags,
                                                            uint32_t segment, KeyBuilder& builder) {
  uint8_t* const slot = space.keys + key_offset;
  if (builder.data == nullptr) builder = KeyBuilder::over(walk);
  builder.build(entry, slot);
  space.candidates[place] =
      Candidate{builder.prefix,     entry.trailer,    key_offset, entry.user_size,
                entry.value_offset, entry.value_size, run,        flags};
  if (space.segments != nullptr) space.segments[place] = segment;
}

// Whether the interval's first entry certainly is no older version of the one before it.
LEVELSCAN_HOST_DEVICE LEVELSCAN_INLINE bool is_new(RunView const& run, Interval const& bounds,
                                                   uint32_t interval,
                                                   FilterProgress const& progress) {
  Bytes first;
  uint64_t trailer;
  return interval == 0 ||
         (progress.stands_before(interval) && first_key(run, bounds, first, trailer) &&
          !progress.may_have(run, first));
}

// In place of a ShadowCursor where there is no list.
struct NoShadows {
  static constexpr uint32_t place = 0;

  LEVELSCAN_HOST_DEVICE bool at_end() const { return true; }
  LEVELSCAN_HOST_DEVICE bool meets() const { return false; }
  LEVELSCAN_HOST_DEVICE void advance(EntryWalk const&) {}
  LEVELSCAN_HOST_DEVICE void begin(EntryWalk const&, PrefixComparison const&) {}
};

template <class Block>
using Shadows = std::conditional_t<Block::kInOrder, ShadowCursor, NoShadows>;

// True when the last entry of the interval before `interval` has the same user key as its first
// entry and is visible: then the first entry is not its run's newest visible version.
template <class Block>
LEVELSCAN_KERNEL inline bool first_is_shadowed(Block& block, FilterArgs const& args, uint32_t r,
                                               uint32_t interval, Bytes first_user_key,
                                               FilterProgress const& progress,
                                               uint64_t& shadowing_trailer) {
  RunView const& run = args.runs[r];
  if (interval == 0) return false;
  if constexpr (Block::kInOrder) {
    if (progress.stands_before(interval) && !progress.may_have(run, first_user_key)) return false;
  }
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

// Brings the walk past plain entries as pass_values() does, with the predicate. REQUIRES: it
// doesn't read keys.
template <class WhatIsAbove, class StopsAt>
LEVELSCAN_HOST_DEVICE LEVELSCAN_INLINE PassedValues pass_plain_rows(EntryWalk& walk,
                                                                    FilterArgs const& args,
                                                                    WhatIsAbove& above,
                                                                    StopsAt const& stops_at) {
  Predicate const& predicate = args.predicate;
  uint64_t const snapshot = args.window.snapshot;
  // Where what fails is kept as well, the caller tests the predicate.
  if (predicate.instruction_count == 0 || args.keeps_shadows != 0) {
    return pass_values(
        walk, snapshot, above, [](Bytes, uint32_t, uint64_t) { return false; }, stops_at);
  }
  if (predicate.integer_test.size != 0) {
    IntegerTest const test = predicate.integer_test;
    return pass_values(
        walk, snapshot, above,
        [test](Bytes value, uint32_t, uint64_t) { return !holds(test, value); }, stops_at);
  }
  return pass_values(
      walk, snapshot, above,
      [&](Bytes value, uint32_t user_size, uint64_t trailer) {
        Row const row{{nullptr, 0}, user_size, value, sequence_of(trailer)};
        return evaluate(predicate, row) != Verdict::kPasses;
      },
      stops_at);
}

// The same as far as the segment goes.
template <class WhatIsAbove, class StopsAt>
LEVELSCAN_HOST_DEVICE LEVELSCAN_INLINE PassedValues pass_plain_rows(EntryWalk& walk,
                                                                    FilterArgs const& args,
                                                                    WhatIsAbove& above,
                                                                    SegmentCursor& segments,
                                                                    StopsAt const& stops_at) {
  if (segments.ends_with_walk()) return pass_plain_rows(walk, args, above, stops_at);
  BelowBound<WhatIsAbove> below{above, segments.bound.constant, segments.bound.common};
  PassedValues const passed = pass_plain_rows(walk, args, below, stops_at);
  segments.bound.common = below.common;
  above = below.above;
  return passed;
}

// The same beneath `shadows`.
template <class StopsAt>
LEVELSCAN_HOST_DEVICE LEVELSCAN_INLINE PassedValues
pass_plain_rows(EntryWalk& walk, FilterArgs const& args, ShadowCursor& shadows,
                SegmentCursor& segments, FilterTally& tally, StopsAt const& stops_at) {
  if (shadows.at_end()) {
    NothingAbove nothing{shadows.place};
    return pass_plain_rows(walk, args, nothing, segments, stops_at);
  }
  ShadowsAbove above = ShadowsAbove::of(shadows);
  PassedValues const passed = pass_plain_rows(walk, args, above, segments, stops_at);
  above.move(shadows);
  tally.seen += above.by_value + above.by_tombstone;
  tally.shadowed_value += above.by_value;
  tally.shadowed_tombstone += above.by_tombstone;
  return passed;
}

// Which of the shadows stand before an entry that pass_values() has come to: those before this.
template <class WhatIsAbove>
LEVELSCAN_HOST_DEVICE LEVELSCAN_INLINE uint32_t place_among_shadows(WhatIsAbove const& above) {
  return above.place;
}
template <class WhatIsAbove>
LEVELSCAN_HOST_DEVICE LEVELSCAN_INLINE uint32_t
place_among_shadows(BelowBound<WhatIsAbove> const& below) {
  return below.above.place;
}

// Brings the walk past plain entries, as far as there are any; take() is called for each that the
// predicate accepts or, with keeps_shadows, for any. Where blocks don't run in order, the walk
// stops on the first of these. REQUIRES: it is inside a segment, which there ends with it.
template <class Block, class Take>
LEVELSCAN_KERNEL LEVELSCAN_INLINE PassedValues
take_plain_rows(EntryWalk& walk, FilterArgs const& args, Shadows<Block>& shadows,
                SegmentCursor& segments, FilterTally& tally, Take const& take) {
  if constexpr (Block::kInOrder) {
    if (args.counts_rows != 0) {
      PassedValues const passed =
          pass_plain_rows(walk, args, shadows, segments, tally,
                          [](uint64_t, PlainEntry const&, auto const&) { return false; });
      tally.counted += passed.rows;
      return passed;
    }
    return pass_plain_rows(walk, args, shadows, segments, tally,
                           [&](uint64_t offset, PlainEntry const& entry, auto const& above) {
                             take(MetEntry::of(walk, offset, entry, place_among_shadows(above)));
                             return false;
                           });
  } else {
    NothingAbove nothing;
    PassedValues const passed = pass_plain_rows(
        walk, args, nothing, [](uint64_t, PlainEntry const&, NothingAbove const&) { return true; });
    if (passed.stopped) take(MetEntry::of(walk, 0));
    return passed;
  }
}

// The shadows from the interval's first entry on.
template <class Block>
LEVELSCAN_KERNEL LEVELSCAN_INLINE Shadows<Block> shadows_of(FilterArgs const& args,
                                                            RunView const& run,
                                                            Interval const& bounds,
                                                            uint32_t interval,
                                                            FilterProgress const& progress) {
  if constexpr (Block::kInOrder) {
    ShadowList const& list = args.shadows;
    uint32_t place = 0;
    Bytes first;
    uint64_t trailer;
    if (progress.stands_before(interval) && progress.shadow != kUnknownShadow) {
      place = progress.shadow;
    } else if (list.count != 0 && first_key(run, bounds, first, trailer)) {
      place = list.before(first, run.order);
    }
    return ShadowCursor::at(list, place);
  } else {
    return NoShadows{};
  }
}

// Whether the list has a newer entry than the walk's, `trailer` then; what it has that is older is
// dropped. REQUIRES: the snapshot sees the walk's entry.
template <class Shadows>
LEVELSCAN_KERNEL LEVELSCAN_INLINE bool meets_newer(Shadows const& shadows, EntryWalk const& walk,
                                                   FilterTally& tally, uint64_t& trailer) {
  if constexpr (std::is_same_v<Shadows, ShadowCursor>) {
    if (!shadows.meets()) return false;
    // The newest one comes first; the others are dropped already.
    Candidate& candidate = shadows.list->at(shadows.place);
    if (sequence_of(candidate.trailer) >= walk.sequence()) {
      trailer = candidate.trailer;
      return true;
    }
    if (candidate_is_alive(candidate)) {
      candidate.flags &= ~kCandidateAlive;
      tally.count_shadowed(!is_tombstone(walk.type()));
    }
  }
  return false;
}

// Where the walk over an interval begins among the segments, the first of which that the interval
// reaches into is in `span`. False when it reaches into none, or is damaged.
template <class Block>
LEVELSCAN_KERNEL LEVELSCAN_INLINE bool enter_interval(Block& block, FilterArgs const& args,
                                                      uint32_t r, uint32_t interval,
                                                      DataBlockRef const& data_block,
                                                      SegmentSpan span, FilterProgress& progress,
                                                      SegmentCursor& segments) {
  SegmentList const& list = args.segments;
  RunView const& run = args.runs[r];
  if (list.count == 0) {
    IntervalRange const& range = args.ranges[r];
    bool const whole = interval >= range.whole_first && interval < range.whole_last;
    segments = whole ? SegmentCursor::within(0) : SegmentCursor::at(list, args.window, 0, false);
    return whole || !is_inverted(args.window, run.order);
  }
  // The interval's keys go from its first one to the next interval's.
  Bytes first{nullptr, 0};
  Bytes next{nullptr, 0};
  uint64_t trailer;
  uint32_t place;
  bool inside = false;
  if (Block::kInOrder && progress.stands_before(interval)) {
    place = progress.segment;
    inside = progress.inside;
  } else {
    if (!first_key(run, interval_bytes(run, data_block, interval), first, trailer)) {
      report_fault(block, *args.status, ScanFault::kCorruptEntry, r, data_block.offset, 0);
      return false;
    }
    place = segments_before(list, span, run.order, first);
  }
  if (place >= list.count) {
    if constexpr (Block::kInOrder) progress.stand_before(interval + 1, place);
    return false;
  }
  bool whole = false;
  if (!inside && interval + 1 < run.interval_count) {
    bool const is_last = interval + 1 - data_block.first_interval == data_block.restart_count;
    DataBlockRef const& next_block = is_last ? (&data_block)[1] : data_block;
    if (!first_key(run, interval_bytes(run, next_block, interval + 1), next, trailer)) {
      report_fault(block, *args.status, ScanFault::kCorruptEntry, r, data_block.offset, 0);
      return false;
    }
    Segment const& segment = list.segments[place];
    if (begins_after(segment, run.order, next)) {
      if constexpr (Block::kInOrder) progress.stand_before(interval + 1, place);
      return false;
    }
    if constexpr (!Block::kInOrder) {
      whole = !begins_after(segment, run.order, first) && !ends_before(segment, run.order, next);
    }
  }
  segments =
      whole ? SegmentCursor::within(place) : SegmentCursor::at(list, args.window, place, inside);
  return true;
}

// Walks one interval and calls on_candidate(walk, entry, flags, segment) for each candidate in it
// that lies in the window, or in one of its segments. A candidate without kCandidateAlive among its
// flags only shadows. `key_window`: [kKeyWindowBytes] of this item's own in Shared.
template <class Block, class OnCandidate>
LEVELSCAN_KERNEL inline void filter_interval(Block& block, FilterArgs const& args, uint32_t r,
                                             uint32_t interval, DataBlockRef const& data_block,
                                             SegmentSpan span, uint8_t* key_window,
                                             FilterProgress& progress, FilterTally& tally,
                                             OnCandidate&& on_candidate) {
  RunView const& run = args.runs[r];
  Window const& window = args.window;
  bool const reads_key = args.predicate.reads_key != 0;
  SegmentCursor segments;
  if (!enter_interval(block, args, r, interval, data_block, span, progress, segments)) return;
  Interval const bounds = interval_bytes(run, data_block, interval);
  EntryWalk walk = EntryWalk::over(run.data, bounds, run.order);
  bool const keeps_shadows = args.keeps_shadows != 0;
  // Before an entry is counted it has to be certain that it's no older version.
  bool const first_is_new =
      !Block::kInOrder || args.counts_rows == 0 || is_new(run, bounds, interval, progress);
  Shadows<Block> shadows = shadows_of<Block>(args, run, bounds, interval, progress);
  bool newer_is_visible = false;  // the previous entry, when it has the same user key
  bool newer_is_value = false;

  bool const goes_past_plain = !reads_key && may_have_plain_entries(walk);

  auto const take = [&](uint32_t flags) {
    on_candidate(walk, MetEntry::of(walk, shadows.place), flags, segments.place);
  };
  auto const take_plain = [&](MetEntry const& entry) {
    uint32_t flags = kCandidateAlive;
    if (keeps_shadows) {
      Row const row{{nullptr, 0},
                    entry.user_size,
                    {run.data + entry.value_offset, entry.value_size},
                    sequence_of(entry.trailer)};
      if (evaluate(args.predicate, row) == Verdict::kFails) {
        ++tally.filtered;
        flags = 0;
      }
    } else if (entry.offset == walk.begin) {
      uint64_t newer = 0;
      if (first_is_shadowed(block, args, r, interval, Bytes{entry.delta, entry.user_size}, progress,
                            newer)) {
        tally.count_shadowed(!is_tombstone(type_of(newer)));
        return;
      }
    }
    on_candidate(walk, entry, flags, segments.place);
  };

  WalkStep step = WalkStep::kEntry;
  for (;;) {
    if (goes_past_plain) {
      if (Block::kInOrder ? segments.inside : segments.ends_with_walk()) {
        if (walk.started || first_is_new) {
          uint32_t const offset = walk.offset;
          PassedValues const plain =
              take_plain_rows<Block>(walk, args, shadows, segments, tally, take_plain);
          tally.seen += plain.failed + plain.rows;
          tally.filtered += plain.failed;
          if (walk.offset != offset) {
            newer_is_visible = true;
            newer_is_value = true;
          }
          if (plain.stopped) continue;
        }
      } else if (Block::kInOrder && walk.started) {
        pass_lower_entries(walk, segments.bound);
      }
    }
    step = walk.next();
    if (step != WalkStep::kEntry) break;
    if (reads_key) update_key_window(walk, key_window);
    bool const was_inside = segments.inside;
    if (was_inside) shadows.advance(walk);
    SegmentStep const at = segments.advance(args.segments, window, walk, [&] {
      if (!was_inside) shadows.begin(walk, segments.bound);
    });
    if (at == SegmentStep::kBefore) continue;
    if (at == SegmentStep::kBehind) {
      if constexpr (Block::kInOrder) progress.stand_before(interval + 1, segments.place);
      return;
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
    uint64_t above = 0;
    bool const is_beneath = meets_newer(shadows, walk, tally, above);
    if (!newer_is_value) {
      if (keeps_shadows) take(0);
      continue;
    }
    EntryValue value{{run.data + walk.value_offset, walk.value_size}, {nullptr, 0}};
    bool check_first = walk.first;
    if (type != EntryType::kValue) {
      uint64_t newer = above;
      if ((check_first &&
           first_is_shadowed(block, args, r, interval, Bytes{walk.delta(), walk.user_size},
                             progress, newer)) ||
          is_beneath) {
        tally.count_shadowed(!is_tombstone(type_of(newer)));
        continue;  // hidden, so it doesn't matter what it is
      }
      check_first = false;
      AbsentValue const absent = absent_value_of(args, type);
      if (absent == AbsentValue::kDeferred) {
        ++tally.deferred;
        take(kCandidateAlive | kCandidateDeferred);
        continue;
      }
      ValueFault const fault =
          absent == AbsentValue::kUnread ? ValueFault::kNone : check_entry_value(type, value.value);
      if (fault != ValueFault::kNone) {
        report_fault(block, *args.status, scan_fault_of(fault), r, walk.entry_offset,
                     static_cast<uint64_t>(type));
        return;
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
      if (keeps_shadows) take(0);
      continue;
    }
    // Where shadows are kept, the newer version is among the candidates.
    if (is_beneath || (check_first && !keeps_shadows)) {
      uint64_t newer = above;
      Bytes const user_key{walk.delta(), walk.user_size};
      if ((check_first && first_is_shadowed(block, args, r, interval, user_key, progress, newer)) ||
          is_beneath) {
        tally.count_shadowed(!is_tombstone(type_of(newer)));
        continue;
      }
    }
    take(verdict == Verdict::kUndecided ? kCandidateAlive | kCandidateUndecided : kCandidateAlive);
  }
  // No interval is empty.
  if (step == WalkStep::kCorrupt || !walk.started) {
    report_fault(block, *args.status, ScanFault::kCorruptEntry, r, walk.offset, 0);
    return;
  }
  if constexpr (Block::kInOrder) {
    progress =
        FilterProgress{interval + 1,  segments.place, segments.inside, args.shadows.count != 0,
                       shadows.place, walk.user_size, walk.shared,     walk.delta_offset};
  }
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
    uint32_t counted;
    FilterProgress progress;
    uint8_t key_window[kTileIntervals][kKeyWindowBytes];
  };

  // Whether what would be a candidate is only counted.
  template <class Block>
  LEVELSCAN_HOST_DEVICE static bool counts(FilterArgs const& args, uint32_t flags) {
    return Block::kInOrder && args.counts_rows != 0 && flags == kCandidateAlive;
  }

  // Lists what is left of the shadows up to the one at `end`.
  LEVELSCAN_HOST_DEVICE LEVELSCAN_INLINE static void list_shadows(FilterArgs const& args,
                                                                  uint32_t end) {
    ScanStatus& status = *args.status;
    for (; status.listed_shadows < end; ++status.listed_shadows) {
      uint32_t const row = args.shadows.order[status.listed_shadows];
      if (candidate_is_alive(args.shadows.candidates[row])) {
        args.space.rows[status.row_count++] = row;
      }
    }
  }

  // What the last block of a grid has to do.
  template <class Block>
  LEVELSCAN_HOST_DEVICE static void end_block(FilterArgs const& args, Tile const& tile) {
    if constexpr (Block::kInOrder) {
      // Only the lowest run's tiles come with shadows.
      if (args.space.rows != nullptr &&
          tile.first + tile.count == args.runs[tile.run].interval_count) {
        list_shadows(args, args.shadows.count);
      }
    }
  }

  // Writes a candidate behind those that are written down already, if there is room.
  LEVELSCAN_HOST_DEVICE static void write_down(FilterArgs const& args, uint32_t r,
                                               EntryWalk const& walk, MetEntry const& entry,
                                               uint32_t flags, uint32_t segment,
                                               KeyBuilder& builder) {
    ScanStatus& status = *args.status;
    uint32_t const key_size = entry.user_size + kTrailerBytes;
    if (status.written >= args.space.candidates_max ||
        status.written_key_bytes + key_size > args.space.key_bytes_max) {
      return;
    }
    uint32_t const place = static_cast<uint32_t>(status.written);
    write_candidate(args.space, place, static_cast<uint32_t>(status.written_key_bytes), r, walk,
                    entry, flags, segment, builder);
    if (args.space.rows != nullptr) {
      list_shadows(args, entry.shadow);
      args.space.rows[status.row_count++] = place;
    }
    ++status.written;
    status.written_key_bytes += key_size;
  }

  // A block is a tile of kTileIntervals intervals of one run; an item is an interval.
  template <class Block>
  LEVELSCAN_KERNEL void operator()(Block& block, Args const& args, Shared& shared) const {
    Tile const tile = tile_at(args.runs, args.run_count, args.first_tile + block.index());
    uint32_t const r = tile.run;
    RunView const& run = args.runs[r];
    IntervalRange const range = args.ranges[r];
    if (!tile.touches(range)) {
      block.for_each(tile.count, [&](uint32_t i) {
        args.counts[run.first_slot + tile.first + i] = IntervalCount{0, 0};
      });
      end_block<Block>(args, tile);
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
      shared.counted = 0;
      shared.progress.interval = 0;
      shared.progress.shadow = kUnknownShadow;
    });
    block.for_each(tile.count, [&](uint32_t i) {
      uint32_t const interval = tile.first + i;
      IntervalCount count{0, 0};
      if (interval >= range.first && interval < range.last) {
        FilterTally tally{0, 0, 0, 0, 0, 0};
        DataBlockRef const& data_block = shared.blocks.of_interval(run, i);
        KeyBuilder builder{};
        filter_interval(
            block, args, r, interval, data_block, shared.blocks.segments, shared.key_window[i],
            shared.progress, tally,
            [&](EntryWalk const& walk, MetEntry const& entry, uint32_t flags, uint32_t segment) {
              if constexpr (Block::kInOrder) {
                if (counts<Block>(args, flags)) {
                  ++tally.counted;
                  return;
                }
                write_down(args, r, walk, entry, flags, segment, builder);
              }
              ++count.candidates;
              count.key_bytes += entry.user_size + kTrailerBytes;
            });
        block.fetch_add(shared.seen, tally.seen);
        if (tally.filtered != 0) block.fetch_add(shared.filtered, tally.filtered);
        if (tally.shadowed_value != 0) block.fetch_add(shared.shadowed_value, tally.shadowed_value);
        if (tally.shadowed_tombstone != 0) {
          block.fetch_add(shared.shadowed_tombstone, tally.shadowed_tombstone);
        }
        if (tally.deferred != 0) block.fetch_add(shared.deferred, tally.deferred);
        if constexpr (Block::kInOrder) block.fetch_add(shared.counted, tally.counted);
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
      block.fetch_add(args.status->counted, static_cast<uint64_t>(shared.counted));
      block.fetch_add(args.totals[r].candidates, shared.candidates);
      block.fetch_add(args.totals[r].key_bytes, shared.key_bytes);
    });
    end_block<Block>(args, tile);
  }
};

}  // namespace levelscan
