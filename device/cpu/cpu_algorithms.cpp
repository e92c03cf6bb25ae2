// All of Thrust that the CPU uses. It stands in a file of its own because Thrust names its systems
// by dereferenced null pointers (thrust/detail/reference.h), which UndefinedBehaviorSanitizer
// reports: this file is built without its null check, and the kernels with it.
#include "cpu/cpu_algorithms.hpp"

#include <thrust/copy.h>
#include <thrust/execution_policy.h>
#include <thrust/iterator/counting_iterator.h>
#include <thrust/remove.h>
#include <thrust/scan.h>
#include <thrust/sequence.h>

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

// Ordering takes two copies of what it orders and its stretches; nothing else takes anything.
std::size_t scratch_bytes(AlgorithmLimits const& limits) {
  std::size_t const candidates = limits.candidates_max;
  return 2 * ScratchAllocator::rounded(sizeof(MergedRow) * candidates) +
         ScratchAllocator::rounded(sizeof(uint32_t) * candidates);
}

void scan_counts(IntervalCount* counts, uint32_t count, Scratch scratch) {
  run_algorithm(scratch, [&](auto const& policy) {
    thrust::exclusive_scan(policy, counts, counts + count, counts, IntervalCount{0, 0},
                           AddIntervalCounts{});
  });
}

uint32_t select_alive(Candidate const* candidates, uint32_t count, uint32_t* rows,
                      Scratch scratch) {
  return run_algorithm(scratch, [&](auto const& policy) {
    thrust::counting_iterator<uint32_t> const places(0);
    uint32_t const* const end =
        thrust::copy_if(policy, places, places + count, rows, algorithms::RowIsAlive{candidates});
    return static_cast<uint32_t>(end - rows);
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
  run_algorithm(scratch, [&](auto const& policy) { thrust::sequence(policy, rows, rows + count); });
  order_rows(rows, count, less, scratch);
}

uint32_t keep_alive(Candidate const* candidates, uint32_t count, uint32_t* rows, Scratch scratch) {
  return run_algorithm(scratch, [&](auto const& policy) {
    algorithms::RowIsAlive const is_alive{candidates};
    uint32_t const* const end =
        thrust::remove_if(policy, rows, rows + count, [&](uint32_t row) { return !is_alive(row); });
    return static_cast<uint32_t>(end - rows);
  });
}

void scan_row_bytes(uint64_t* row_bytes, uint32_t count, Scratch scratch) {
  run_algorithm(scratch, [&](auto const& policy) {
    thrust::inclusive_scan(policy, row_bytes, row_bytes + count, row_bytes,
                           algorithms::AddRowBytes{});
  });
}

Aggregate aggregate(AggregateRow const& source, uint32_t count) { return sum_rows(source, count); }

uint32_t aggregate_segments(AggregateRow const& source, uint32_t const* segments, uint32_t count,
                            uint32_t* sum_segments, Aggregate* sums) {
  return sum_segments_of_rows(source, segments, count, sum_segments, sums);
}

}  // namespace levelscan::cpu_algorithms
