// All of Thrust that the CPU uses. It stands in a file of its own because Thrust names its systems
// by dereferenced null pointers (thrust/detail/reference.h), which UndefinedBehaviorSanitizer
// reports: this file is built without its null check, and the kernels with it.
#include "cpu/cpu_algorithms.hpp"

#include "algorithms.hpp"
#include "cpu/aggregate_rows.hpp"
#include "cpu/merge_rows.hpp"
#include "scratch_allocator.hpp"

namespace levelscan::cpu_algorithms {
namespace {

// Calls algorithm(policy) with a policy that takes its temporary memory from `scratch`.
template <class Algorithm>
auto run_algorithm(Scratch scratch, Algorithm&& algorithm) {
  ScratchAllocator allocator(scratch);
  return algorithm(thrust::cpp::par(allocator));
}

}  // namespace

// Ordering takes two copies of what it orders and its stretches, searching a value and a place.
std::size_t scratch_bytes(AlgorithmLimits const& limits) {
  std::size_t const candidates = limits.candidates_max;
  std::size_t const order = 2 * ScratchAllocator::rounded(sizeof(MergedRow) * candidates) +
                            ScratchAllocator::rounded(sizeof(uint32_t) * candidates);
  std::size_t const search =
      ScratchAllocator::rounded(sizeof(uint64_t)) + ScratchAllocator::rounded(sizeof(uint64_t));
  return order + search;
}

void scan_counts(IntervalCount* counts, uint32_t count, Scratch scratch) {
  run_algorithm(scratch,
                [&](auto const& policy) { algorithms::scan_counts(policy, counts, count); });
}

uint32_t select_alive(Candidate const* candidates, uint32_t count, uint32_t* rows,
                      Scratch scratch) {
  return run_algorithm(scratch, [&](auto const& policy) {
    return algorithms::select_alive(policy, candidates, count, rows);
  });
}

// Thrust's sort on a CPU knows nothing of stretches that are in order already.
void order_rows(uint32_t* rows, uint32_t count, CandidateLess less, Scratch scratch) {
  ScratchAllocator allocator(scratch);
  auto const allocate = [&](std::size_t bytes) {
    return static_cast<void*>(allocator.allocate(static_cast<std::ptrdiff_t>(bytes)));
  };
  MergedRow* const from = static_cast<MergedRow*>(allocate(sizeof(MergedRow) * count));
  MergedRow* const to = static_cast<MergedRow*>(allocate(sizeof(MergedRow) * count));
  uint32_t* const ends = static_cast<uint32_t*>(allocate(sizeof(uint32_t) * count));
  merge_rows(rows, count, less, from, to, ends);
}

void order_candidates(uint32_t* rows, uint32_t count, CandidateLess less, Scratch scratch) {
  run_algorithm(scratch,
                [&](auto const& policy) { algorithms::list_candidates(policy, rows, count); });
  order_rows(rows, count, less, scratch);
}

uint32_t keep_alive(Candidate const* candidates, uint32_t count, uint32_t* rows, Scratch scratch) {
  return run_algorithm(scratch, [&](auto const& policy) {
    return algorithms::keep_alive(policy, candidates, count, rows);
  });
}

void scan_row_bytes(uint64_t* row_bytes, uint32_t count, Scratch scratch) {
  run_algorithm(scratch,
                [&](auto const& policy) { algorithms::scan_row_bytes(policy, row_bytes, count); });
}

uint32_t rows_that_fit(uint64_t const* row_bytes_end, uint32_t first, uint32_t count,
                       uint64_t bytes_max, Scratch scratch) {
  return run_algorithm(scratch, [&](auto const& policy) {
    return algorithms::rows_that_fit(policy, row_bytes_end, first, count, bytes_max);
  });
}

Aggregate aggregate(AggregateRow const& source, uint32_t count) { return sum_rows(source, count); }

uint32_t aggregate_segments(AggregateRow const& source, uint32_t const* segments, uint32_t count,
                            uint32_t* sum_segments, Aggregate* sums) {
  return sum_segments_of_rows(source, segments, count, sum_segments, sums);
}

}  // namespace levelscan::cpu_algorithms
