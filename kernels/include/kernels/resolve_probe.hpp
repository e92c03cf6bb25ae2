// Kernel: drops the candidates that a newer version in another run shadows.
//
// Strategy "probe": each candidate looks up its user key in every run that can hold something
// newer. The lookup sees unfiltered entries: a newer value that fails the predicate, or a
// tombstone, hides an older value that passes. All entries of the window are resident, so absence
// is certain.
#pragma once

#include <cstdint>

#include "kernels/candidate.hpp"
#include "kernels/predicate.hpp"
#include "kernels/rows.hpp"
#include "kernels/run_cursor.hpp"
#include "kernels/run_view.hpp"
#include "kernels/scan_status.hpp"

namespace levelscan {

inline constexpr uint32_t kTileCandidates = 128;

struct ResolveProbe {
  struct Args {
    RunView const* runs;  // [run_count] in the order of the runs: on equal sequences the first wins
    uint32_t run_count;
    uint32_t candidate_count;
    uint64_t snapshot;
    Candidate* candidates;  // [candidate_count]
    uint8_t const* keys;
    Predicate predicate;
    ScanStatus* status;
  };

  struct Shared {
    uint32_t shadowed_value;
    uint32_t shadowed_tombstone;
    uint32_t filtered;
  };

  // A block is a tile of kTileCandidates candidates. Where items run in order, one of them asks
  // run after run for all of the tile, which stand in key order but for the change from one run's
  // to the next's; elsewhere an item is a candidate.
  template <class Block>
  LEVELSCAN_KERNEL void operator()(Block& block, Args const& args, Shared& shared) const {
    uint32_t const first = block.index() * kTileCandidates;
    uint32_t const left = args.candidate_count - first;
    uint32_t const count = left < kTileCandidates ? left : kTileCandidates;
    block.for_each(1, [&](uint32_t) {
      shared.shadowed_value = 0;
      shared.shadowed_tombstone = 0;
      shared.filtered = 0;
    });
    if constexpr (Block::kInOrder) {
      block.for_each(args.run_count, [&](uint32_t r) {
        RunCursor cursor = RunCursor::over(args.runs[r], args.snapshot);
        for (uint32_t i = 0; i < count; ++i) {
          ask(block, args, shared, r, args.candidates[first + i],
              [&](Bytes key, uint64_t& newer) { return cursor.newest_visible(key, newer); });
        }
      });
      block.for_each(count, [&](uint32_t i) { decide(block, args, shared, first + i); });
    } else {
      block.for_each(count, [&](uint32_t i) {
        for (uint32_t r = 0; r < args.run_count; ++r) {
          ask(block, args, shared, r, args.candidates[first + i], [&](Bytes key, uint64_t& newer) {
            return newest_visible(args.runs[r], key, args.snapshot, newer);
          });
        }
        decide(block, args, shared, first + i);
      });
    }
    block.for_each(1, [&](uint32_t) {
      block.fetch_add(args.status->shadowed_value, static_cast<uint64_t>(shared.shadowed_value));
      block.fetch_add(args.status->shadowed_tombstone,
                      static_cast<uint64_t>(shared.shadowed_tombstone));
      block.fetch_add(args.status->entries_filtered, static_cast<uint64_t>(shared.filtered));
    });
  }

 private:
  // Drops the candidate when `newest_visible(key, trailer)` of run `r` is newer.
  template <class Block, class NewestVisible>
  LEVELSCAN_KERNEL LEVELSCAN_INLINE static void ask(Block& block, Args const& args, Shared& shared,
                                                    uint32_t r, Candidate& candidate,
                                                    NewestVisible&& newest_visible) {
    uint64_t const sequence = sequence_of(candidate.trailer);
    if (r == candidate.run || args.runs[r].largest_sequence < sequence ||
        !candidate_is_alive(candidate)) {
      return;
    }
    uint64_t newer = 0;
    Bytes const user_key{args.keys + candidate.key_offset, candidate.user_size};
    Probe const probe = newest_visible(user_key, newer);
    if (probe == Probe::kCorrupt) {
      report_fault(block, *args.status, ScanFault::kCorruptEntry, r, 0, 0);
    }
    if (probe != Probe::kFound) return;
    uint64_t const newer_sequence = sequence_of(newer);
    if (newer_sequence < sequence) return;
    if (newer_sequence == sequence && r > candidate.run) return;
    candidate.flags &= ~kCandidateAlive;
    block.fetch_add(
        is_tombstone(type_of(newer)) ? shared.shadowed_tombstone : shared.shadowed_value, 1u);
  }

  // Tests the predicate where the filter could not: now the whole key is at hand.
  template <class Block>
  LEVELSCAN_KERNEL static void decide(Block& block, Args const& args, Shared& shared,
                                      uint32_t place) {
    Candidate& candidate = args.candidates[place];
    if (!candidate_is_alive(candidate) || (candidate.flags & kCandidateUndecided) == 0) return;
    Row const row = row_of(args.runs, candidate, args.keys);
    if (evaluate(args.predicate, row) == Verdict::kPasses) {
      candidate.flags &= ~kCandidateUndecided;
    } else {
      candidate.flags &= ~(kCandidateAlive | kCandidateUndecided);
      block.fetch_add(shared.filtered, 1u);
    }
  }
};

}  // namespace levelscan
