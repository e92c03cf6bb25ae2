// Kernel: candidates whose value does not stand in their block get the value that the host worked
// out, and only now the predicate is tested on them.
//
// The host puts values into a space of their own. A view of it stands behind the views of the runs,
// without blocks: from here on such a candidate is one of that view, of the type that its value
// has, and every kernel after this one reads it as any other.
#pragma once

#include <cstdint>

#include "kernels/predicate.hpp"
#include "kernels/rows.hpp"
#include "kernels/scan_status.hpp"

namespace levelscan {

inline constexpr uint32_t kTileDeferred = 128;

struct DeferredValue {
  uint32_t candidate;  // its place
  uint32_t type;       // EntryType of the value: kValue or kWideColumnEntity
  uint32_t offset;     // into the space of values
  uint32_t size;
};
static_assert(sizeof(DeferredValue) == 16);

struct CompleteDeferred {
  struct Args {
    RunView const* runs;  // [run_count + 1] the last one's data is the space of values
    uint32_t run_count;
    uint32_t value_count;
    DeferredValue const* values;  // [value_count] of different candidates, each alive
    Candidate* candidates;
    uint8_t const* keys;
    Predicate predicate;
    ScanStatus* status;
  };

  struct Shared {
    uint32_t filtered;
  };

  // A block is a tile of kTileDeferred values; an item is a value.
  template <class Block>
  LEVELSCAN_KERNEL void operator()(Block& block, Args const& args, Shared& shared) const {
    uint32_t const first = block.index() * kTileDeferred;
    uint32_t const left = args.value_count - first;
    block.for_each(1, [&](uint32_t) { shared.filtered = 0; });
    block.for_each(left < kTileDeferred ? left : kTileDeferred, [&](uint32_t i) {
      DeferredValue const value = args.values[first + i];
      Candidate& candidate = args.candidates[value.candidate];
      candidate.run = args.run_count;
      candidate.trailer = (candidate.trailer & ~uint64_t{0xff}) | value.type;
      candidate.value_offset = value.offset;
      candidate.value_size = value.size;
      candidate.flags &= ~kCandidateDeferred;
      if (evaluate(args.predicate, row_of(args.runs, candidate, args.keys)) != Verdict::kPasses) {
        candidate.flags &= ~kCandidateAlive;
        block.fetch_add(shared.filtered, 1u);
      }
    });
    block.for_each(1, [&](uint32_t) {
      block.fetch_add(args.status->entries_filtered, static_cast<uint64_t>(shared.filtered));
    });
  }
};

}  // namespace levelscan
