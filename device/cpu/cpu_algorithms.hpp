// The device-wide algorithms in the calling thread. Arguments are as in Device; counts and sums are
// returned.
//
// Thread-safe. Errors: DeviceError when scratch memory runs out.
#pragma once

#include <cstddef>
#include <cstdint>

#include "device/device.hpp"

namespace levelscan::cpu_algorithms {

[[nodiscard]] std::size_t scratch_bytes(AlgorithmLimits const& limits);

void scan_counts(IntervalCount* counts, uint32_t count, Scratch scratch);
[[nodiscard]] uint32_t select_alive(Candidate const* candidates, uint32_t count, uint32_t* rows,
                                    Scratch scratch);
void order_candidates(uint32_t* rows, uint32_t count, CandidateLess less, Scratch scratch);
[[nodiscard]] uint32_t keep_alive(Candidate const* candidates, uint32_t count, uint32_t* rows,
                                  Scratch scratch);
void order_rows(uint32_t* rows, uint32_t count, CandidateLess less, Scratch scratch);
void scan_row_bytes(uint64_t* row_bytes, uint32_t count, Scratch scratch);
[[nodiscard]] uint32_t aggregate_segments(AggregateRow const& source, uint32_t const* segments,
                                          uint32_t count, uint32_t* sum_segments, Aggregate* sums);
[[nodiscard]] Aggregate aggregate(AggregateRow const& source, uint32_t count);

}  // namespace levelscan::cpu_algorithms
