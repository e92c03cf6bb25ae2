// Kernel: which of each run's resident restart intervals can hold keys of the window.
#pragma once

#include <cstdint>

#include "kernels/run_view.hpp"
#include "kernels/scan_status.hpp"

namespace levelscan {

// Intervals [first, last) of a run; those in [whole_first, whole_last) lie in the window entirely.
struct IntervalRange {
  uint32_t first;
  uint32_t last;
  uint32_t whole_first;
  uint32_t whole_last;
};

struct Narrow {
  struct Args {
    RunView const* runs;    // [run_count]
    IntervalRange* ranges;  // [run_count] out
    uint32_t run_count;
    Window window;
    ScanStatus* status;
  };
  struct Shared {};

  // One block; an item is a run.
  template <class Block>
  LEVELSCAN_KERNEL void operator()(Block& block, Args const& args, Shared&) const {
    block.for_each(args.run_count, [&](uint32_t r) {
      RunView const& run = args.runs[r];
      IntervalRange range{0, 0, 0, 0};
      if (run.interval_count != 0) {
        uint32_t below_lower = 0;
        uint32_t below_upper = 0;
        if (!intervals_below(run, args.window.lower, below_lower) ||
            !intervals_below(run, args.window.upper, below_upper)) {
          report_fault(block, *args.status, ScanFault::kCorruptEntry, r, 0, 0);
        } else {
          range.first = below_lower == 0 ? 0 : below_lower - 1;
          range.last = below_upper;
          range.whole_first = below_lower;
          // The next interval's first key is below the upper bound, so all of this one is.
          range.whole_last = args.window.upper.side != BoundSide::kEnd && below_upper != 0
                                 ? below_upper - 1
                                 : below_upper;
        }
      }
      args.ranges[r] = range;
    });
  }
};

}  // namespace levelscan
