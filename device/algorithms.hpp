// The device-wide algorithms, each written once over a Thrust execution policy: both peers
// instantiate them, the CPU with thrust::cpp::par, CUDA with thrust::cuda::par_nosync on a stream.
//
// Uses only what Thrust 1.17 and the CUDA Toolkit's CCCL both have. Arguments are as in Device.
#pragma once

#include <thrust/binary_search.h>
#include <thrust/copy.h>
#include <thrust/execution_policy.h>
#include <thrust/functional.h>
#include <thrust/iterator/counting_iterator.h>
#include <thrust/iterator/transform_iterator.h>
#include <thrust/reduce.h>
#include <thrust/remove.h>
#include <thrust/scan.h>
#include <thrust/sequence.h>
#include <thrust/sort.h>
#include <thrust/transform_reduce.h>

#include <cstdint>

#include "kernels/aggregate.hpp"
#include "kernels/candidate.hpp"

namespace levelscan::algorithms {

struct CandidateIsAlive {
  LEVELSCAN_HOST_DEVICE bool operator()(Candidate const& candidate) const {
    return candidate_is_alive(candidate);
  }
};

struct RowIsNotAlive {
  Candidate const* candidates;

  LEVELSCAN_HOST_DEVICE bool operator()(uint32_t row) const {
    return !candidate_is_alive(candidates[row]);
  }
};

struct AddRowBytes {
  LEVELSCAN_HOST_DEVICE uint64_t operator()(uint64_t a, uint64_t b) const { return a + b; }
};

// Bytes of the rows [first, row], from the inclusive sums over all rows.
struct RowBytesSince {
  uint64_t const* row_bytes_end;
  uint32_t first;

  LEVELSCAN_HOST_DEVICE uint64_t operator()(uint32_t row) const {
    return row_bytes_end[row] - (first == 0 ? 0 : row_bytes_end[first - 1]);
  }
};

template <class Policy>
void scan_counts(Policy const& policy, IntervalCount* counts, uint32_t count) {
  thrust::exclusive_scan(policy, counts, counts + count, counts, IntervalCount{0, 0},
                         AddIntervalCounts{});
}

template <class Policy>
uint32_t select_alive(Policy const& policy, Candidate const* candidates, uint32_t count,
                      uint32_t* rows) {
  thrust::counting_iterator<uint32_t> const places(0);
  uint32_t const* const end =
      thrust::copy_if(policy, places, places + count, candidates, rows, CandidateIsAlive{});
  return static_cast<uint32_t>(end - rows);
}

template <class Policy>
void list_candidates(Policy const& policy, uint32_t* rows, uint32_t count) {
  thrust::sequence(policy, rows, rows + count);
}

template <class Policy>
uint32_t keep_alive(Policy const& policy, Candidate const* candidates, uint32_t count,
                    uint32_t* rows) {
  uint32_t* const end = thrust::remove_if(policy, rows, rows + count, RowIsNotAlive{candidates});
  return static_cast<uint32_t>(end - rows);
}

template <class Policy>
void order_rows(Policy const& policy, uint32_t* rows, uint32_t count, CandidateLess less) {
  thrust::sort(policy, rows, rows + count, less);
}

template <class Policy>
void scan_row_bytes(Policy const& policy, uint64_t* row_bytes, uint32_t count) {
  thrust::inclusive_scan(policy, row_bytes, row_bytes + count, row_bytes, AddRowBytes{});
}

template <class Policy>
uint32_t rows_that_fit(Policy const& policy, uint64_t const* row_bytes_end, uint32_t first,
                       uint32_t count, uint64_t bytes_max) {
  // The sums are read where the algorithm runs, never by the caller.
  auto const needed_bytes = thrust::make_transform_iterator(
      thrust::counting_iterator<uint32_t>(first), RowBytesSince{row_bytes_end, first});
  auto const end =
      thrust::upper_bound(policy, needed_bytes, needed_bytes + (count - first), bytes_max);
  return static_cast<uint32_t>(end - needed_bytes);
}

template <class Policy>
Aggregate aggregate(Policy const& policy, AggregateRow const& source, uint32_t count) {
  thrust::counting_iterator<uint32_t> const rows(0);
  // The empty aggregate is the identity of the combination, so it can join anywhere.
  return thrust::transform_reduce(policy, rows, rows + count, source, empty_aggregate(),
                                  CombineAggregates{source});
}

template <class Policy>
uint32_t aggregate_segments(Policy const& policy, AggregateRow const& source,
                            uint32_t const* segments, uint32_t count, uint32_t* sum_segments,
                            Aggregate* sums) {
  auto const values =
      thrust::make_transform_iterator(thrust::counting_iterator<uint32_t>(0), source);
  auto const ends =
      thrust::reduce_by_key(policy, segments, segments + count, values, sum_segments, sums,
                            thrust::equal_to<uint32_t>{}, CombineAggregates{source});
  return static_cast<uint32_t>(ends.first - sum_segments);
}

}  // namespace levelscan::algorithms
