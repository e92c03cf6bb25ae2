// Kernel: drops the candidates that a newer version shadows, from candidates in order.
//
// Strategy "merge": where most entries are candidates, those that only shadow are written down as
// well (FilterArgs::keeps_shadows), and all are ordered by user key, the newest version first. What
// shadows a candidate then stands right before it.
#pragma once

#include <cstdint>

#include "kernels/candidate.hpp"
#include "kernels/resolve_probe.hpp"
#include "kernels/scan_status.hpp"

namespace levelscan {

struct ResolveMerge {
  struct Args {
    uint32_t const* rows;  // [candidate_count] places of all candidates, in CandidateLess's order
    uint32_t candidate_count;
    Candidate* candidates;
    uint8_t const* keys;
    ScanStatus* status;
  };

  struct Shared {
    uint32_t shadowed_value;
    uint32_t shadowed_tombstone;
  };

  // A block is a tile of kTileCandidates places in the order; an item is a place.
  template <class Block>
  LEVELSCAN_KERNEL void operator()(Block& block, Args const& args, Shared& shared) const {
    uint32_t const first = block.index() * kTileCandidates;
    uint32_t const left = args.candidate_count - first;
    uint32_t const count = left < kTileCandidates ? left : kTileCandidates;
    block.for_each(1, [&](uint32_t) {
      shared.shadowed_value = 0;
      shared.shadowed_tombstone = 0;
    });
    block.for_each(count, [&](uint32_t i) {
      if (first + i == 0) return;
      Candidate const& newer = args.candidates[args.rows[first + i - 1]];
      Candidate& candidate = args.candidates[args.rows[first + i]];
      if (candidate.key_prefix != newer.key_prefix || candidate.user_size != newer.user_size) {
        return;
      }
      uint8_t const* const key = args.keys + candidate.key_offset;
      if (common_prefix(args.keys + newer.key_offset, key, candidate.user_size) <
          candidate.user_size) {
        return;
      }
      if (!candidate_is_alive(candidate)) return;
      candidate.flags &= ~kCandidateAlive;
      block.fetch_add(
          is_tombstone(type_of(newer.trailer)) ? shared.shadowed_tombstone : shared.shadowed_value,
          1u);
    });
    block.for_each(1, [&](uint32_t) {
      block.fetch_add(args.status->shadowed_value, static_cast<uint64_t>(shared.shadowed_value));
      block.fetch_add(args.status->shadowed_tombstone,
                      static_cast<uint64_t>(shared.shadowed_tombstone));
    });
  }
};

}  // namespace levelscan
