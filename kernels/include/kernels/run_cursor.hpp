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
    bool stands = placed && moves_forward(user_key);
    if (stands) {
      if (step == WalkStep::kEnd || comparison.order > 0) return Probe::kAbsent;
      bool is_beyond = false;
      if (!is_beyond_interval(user_key, is_beyond)) return fail();
      stands = !is_beyond;
    }
    if (!stands && !search(user_key)) return fail();
    return walk_on(stands, trailer);
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

  // Whether the next interval begins before (key, snapshot). False when its first entry is corrupt.
  LEVELSCAN_HOST_DEVICE bool is_beyond_interval(Bytes user_key, bool& is_beyond) const {
    uint32_t const next = interval + 1;
    if (next == run->interval_count) return true;
    uint32_t const place = next == end_of_block() ? block + 1 : block;
    Bytes key;
    uint64_t trailer;
    if (!first_key(*run, interval_bytes(*run, run->blocks[place], next), key, trailer)) {
      return false;
    }
    is_beyond = internal_key_less(run->order, key, trailer, user_key, seek_trailer(snapshot));
    return true;
  }

  // Goes before the interval that holds the first entry at or after (key, snapshot), or before the
  // one before it when that is the interval's first. False when a key on the way is corrupt.
  LEVELSCAN_HOST_DEVICE LEVELSCAN_INLINE bool search(Bytes user_key) {
    uint32_t before = 0;
    if (!intervals_before(*run, user_key, seek_trailer(snapshot), before)) return false;
    interval = before == 0 ? 0 : before - 1;
    block = block_of_interval(*run, interval, 0, run->block_count - 1);
    comparison.constant = user_key;
    open();
    placed = true;
    return true;
  }

  LEVELSCAN_HOST_DEVICE uint32_t end_of_block() const {
    return run->blocks[block].first_interval + run->blocks[block].restart_count;
  }

  // Goes before the interval's first entry.
  LEVELSCAN_HOST_DEVICE LEVELSCAN_INLINE void open() {
    walk =
        EntryWalk::over(run->data, interval_bytes(*run, run->blocks[block], interval), run->order);
    comparison = PrefixComparison::against(comparison.constant);
    goes_past_plain = may_have_plain_entries(walk);
  }

  // To the first entry that is not below the key and not newer than the snapshot. `stands`: the
  // walk stands on an entry already, which has been compared.
  LEVELSCAN_HOST_DEVICE LEVELSCAN_INLINE Probe walk_on(bool stands, uint64_t& trailer) {
    for (;;) {
      if (!stands) {
        step = walk.next();
        if (step == WalkStep::kEntry) comparison.advance(walk);
      }
      stands = false;
      if (step == WalkStep::kEntry) {
        if (comparison.order > 0) return Probe::kAbsent;
        if (comparison.order == 0 && walk.sequence() <= snapshot) {
          trailer = walk.trailer;
          return Probe::kFound;
        }
        if (goes_past_plain && comparison.order < 0) pass_lower_entries(walk, comparison);
        continue;
      }
      // No interval is empty.
      if (step == WalkStep::kCorrupt || !walk.started) return fail();
      if (interval + 1 == run->interval_count) return Probe::kAbsent;
      ++interval;
      if (interval == end_of_block()) ++block;
      open();
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
