// Kernel: drops the candidates that a newer range tombstone hides.
//
// Tombstones of all runs count, whatever their level: sequence numbers decide. What is dropped here
// could only have shadowed what the same tombstone hides as well, so it doesn't matter whether this
// comes before or after the other runs are asked; before leaves them less to do.
#pragma once

#include <cstdint>

#include "kernels/candidate.hpp"
#include "kernels/resolve_probe.hpp"
#include "kernels/scan_status.hpp"
#include "kernels/tombstone_cover.hpp"

namespace levelscan {

struct ResolveRanges {
  struct Args {
    TombstoneCover cover;
    Candidate* candidates;  // [candidate_count]
    uint8_t const* keys;
    uint32_t candidate_count;
    ScanStatus* status;
  };

  struct Shared {
    uint32_t shadowed;
  };

  // A block is a tile of kTileCandidates candidates; an item is a candidate.
  template <class Block>
  LEVELSCAN_KERNEL void operator()(Block& block, Args const& args, Shared& shared) const {
    uint32_t const first = block.index() * kTileCandidates;
    uint32_t const left = args.candidate_count - first;
    uint32_t const count = left < kTileCandidates ? left : kTileCandidates;
    block.for_each(1, [&](uint32_t) { shared.shadowed = 0; });
    block.for_each(count, [&](uint32_t i) {
      Candidate& candidate = args.candidates[first + i];
      if (!candidate_is_alive(candidate)) return;
      Bytes const user_key{args.keys + candidate.key_offset, candidate.user_size};
      uint64_t const sequence = sequence_of(candidate.trailer);
      if (newest_tombstone_over(args.cover, user_key, sequence) <= sequence) return;
      candidate.flags &= ~kCandidateAlive;
      block.fetch_add(shared.shadowed, 1u);
    });
    block.for_each(1, [&](uint32_t) {
      block.fetch_add(args.status->shadowed_range, static_cast<uint64_t>(shared.shadowed));
    });
  }
};

}  // namespace levelscan
