// A place among the entries of a run, from which user keys are looked up. Who asks for keys in
// order moves it forward within a restart interval; for a key beyond it, or before the last one, it
// searches.
//
// It stands on the first entry that is not below the key it was last asked for. Where that key
// and the next one agree in more bytes than decided then, the entry is above the next one too:
// no byte of the entry is read again.
//
// A value in one lane.
#pragma once

#include <cstdint>

#include "kernels/plain_entries.hpp"
#include "kernels/prefix_comparison.hpp"
#include "kernels/run_view.hpp"

namespace levelscan {

enum class Probe : uint8_t { kAbsent, kFound, kCorrupt };

struct RunCursor {
  RunView const* run;
  uint64_t snapshot;
  bool placed;           // what follows means something
  WalkStep step;         // kEnd: behind the last entry
  bool goes_past_plain;  // may_have_plain_entries(walk)
  uint32_t block;        // that `interval` lies in
  uint32_t interval;     // that is walked
  EntryWalk walk;
  PrefixComparison comparison;  // with the key that was asked for

  LEVELSCAN_HOST_DEVICE static RunCursor over(RunView const& run, uint64_t snapshot) {
    RunCursor cursor;  // the rest is set when it is placed
    cursor.run = &run;
    cursor.snapshot = snapshot;
    cursor.placed = false;
    return cursor;
  }

  // Finds the newest version of `user_key` that the snapshot sees among the run's resident entries.
  // REQUIRES: the key asked for before is still there.
  LEVELSCAN_HOST_DEVICE LEVELSCAN_INLINE Probe newest_visible(Bytes user_key, uint64_t& trailer) {
    if (run->interval_count == 0) return Probe::kAbsent;
    bool const forward = placed && moves_forward(user_key);
    if (forward && (step == WalkStep::kEnd || comparison.order > 0)) return Probe::kAbsent;
    if (!(forward ? advance_interval() : search(user_key))) return fail();
    return walk_on(trailer);
  }

 private:
  LEVELSCAN_HOST_DEVICE Probe fail() {
    placed = false;
    return Probe::kCorrupt;
  }

  // Compares with `user_key` from now on, if it comes after the key before it.
  LEVELSCAN_HOST_DEVICE LEVELSCAN_INLINE bool moves_forward(Bytes user_key) {
    if (compare_keys(run->order, comparison.constant, user_key) >= 0) return false;
    if (step == WalkStep::kEnd) {
      comparison.constant = user_key;
    } else {
      comparison.move_to(walk, user_key);
    }
    return true;
  }

  // Goes to the interval that holds the first entry at or after (key, snapshot), or to the one
  // before it when that is the interval's first. False when a key on the way is corrupt.
  LEVELSCAN_HOST_DEVICE bool search(Bytes user_key) {
    comparison.constant = user_key;
    uint32_t before = 0;
    if (!intervals_before(*run, user_key, seek_trailer(snapshot), before)) return false;
    interval = before == 0 ? 0 : before - 1;
    block = block_of_interval(*run, interval, 0, run->block_count - 1);
    return open();
  }

  // The same for a key that is not before the walk's current entry.
  LEVELSCAN_HOST_DEVICE bool advance_interval() {
    uint32_t const next = interval + 1;
    if (next == run->interval_count) return true;
    uint32_t const place = next == end_of_block(block) ? block + 1 : block;
    Bytes key;
    uint64_t trailer;
    if (!first_key(*run, interval_bytes(*run, run->blocks[place], next), key, trailer)) {
      return false;
    }
    Bytes const asked = comparison.constant;
    bool const is_beyond =
        internal_key_less(run->order, key, trailer, asked, seek_trailer(snapshot));
    return !is_beyond || search(asked);
  }

  LEVELSCAN_HOST_DEVICE uint32_t end_of_block(uint32_t place) const {
    return run->blocks[place].first_interval + run->blocks[place].restart_count;
  }

  // Stands on the interval's first entry; none is empty.
  LEVELSCAN_HOST_DEVICE bool open() {
    walk =
        EntryWalk::over(run->data, interval_bytes(*run, run->blocks[block], interval), run->order);
    comparison = PrefixComparison::against(comparison.constant);
    goes_past_plain = may_have_plain_entries(walk);
    step = walk.next();
    placed = step == WalkStep::kEntry;
    if (placed) comparison.advance(walk);
    return placed;
  }

  LEVELSCAN_HOST_DEVICE Probe walk_on(uint64_t& trailer) {
    for (;;) {
      while (step == WalkStep::kEntry) {
        if (comparison.order > 0) return Probe::kAbsent;
        if (comparison.order == 0 && walk.sequence() <= snapshot) {
          trailer = walk.trailer;
          return Probe::kFound;
        }
        if (goes_past_plain && comparison.order < 0) pass_lower_entries(walk, comparison);
        step = walk.next();
        if (step == WalkStep::kEntry) comparison.advance(walk);
      }
      if (step == WalkStep::kCorrupt) return fail();
      if (interval + 1 == run->interval_count) return Probe::kAbsent;
      ++interval;
      if (interval == end_of_block(block)) ++block;
      if (!open()) return fail();
    }
  }
};

// Finds one key.
LEVELSCAN_HOST_DEVICE inline Probe newest_visible(RunView const& run, Bytes user_key,
                                                  uint64_t snapshot, uint64_t& trailer) {
  RunCursor cursor = RunCursor::over(run, snapshot);
  return cursor.newest_visible(user_key, trailer);
}

}  // namespace levelscan
