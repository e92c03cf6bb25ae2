#include "cuda/launches.hpp"

#include <thrust/system/cuda/execution_policy.h>
#include <thrust/system_error.h>

#include "algorithms.hpp"
#include "cuda/cuda_block.hpp"
#include "cuda/cuda_error.hpp"
#include "cuda/kernel_list.hpp"
#include "scratch_allocator.hpp"

namespace levelscan::launches {
namespace {

// The only __global__ function.
template <class Kernel>
__global__ void run_kernel(__grid_constant__ typename Kernel::Args const args) {
  __shared__ typename Kernel::Shared shared;
  CudaBlock block;
  Kernel{}(block, args, shared);
}

// Calls algorithm(policy) with a policy that enqueues on `stream` and takes its temporary memory
// from `scratch`. Scratch can serve the stream's next algorithm at once, because that runs later.
template <class Algorithm>
auto run_algorithm(Scratch scratch, cudaStream_t stream, char const* what, Algorithm&& algorithm) {
  ScratchAllocator allocator(scratch);
  try {
    return algorithm(thrust::cuda::par_nosync(allocator).on(stream));
  } catch (thrust::system_error const& error) {
    // Only the CUDA runtime's errors come this way.
    static_cast<void>(cudaGetLastError());
    throw CudaError(static_cast<cudaError_t>(error.code().value()), what);
  }
}

}  // namespace

template <class Kernel>
uint32_t threads_a_block(uint32_t items_a_block) {
  char const* const name = kKernels[kKernelIndex<Kernel>].name;
  cudaFuncAttributes attributes;
  check(cudaFuncGetAttributes(&attributes, run_kernel<Kernel>), name);
  int grid_size = 0;
  int block_size = 0;
  check(cudaOccupancyMaxPotentialBlockSize(&grid_size, &block_size, run_kernel<Kernel>, 0,
                                           static_cast<int>(items_a_block)),
        name);
  return static_cast<uint32_t>(block_size);
}

template <class Kernel>
void launch(typename Kernel::Args const& args, LaunchShape shape, cudaStream_t stream) {
  static_assert(sizeof(typename Kernel::Args) <= 4096, "the limit of kernel parameters");
  run_kernel<Kernel><<<shape.block_count, shape.thread_count, 0, stream>>>(args);
  check(cudaGetLastError(), kKernels[kKernelIndex<Kernel>].name);
}

#define LEVELSCAN_INSTANTIATE(Kernel, items)           \
  template uint32_t threads_a_block<Kernel>(uint32_t); \
  template void launch<Kernel>(Kernel::Args const&, LaunchShape, cudaStream_t);
LEVELSCAN_KERNELS(LEVELSCAN_INSTANTIATE)
#undef LEVELSCAN_INSTANTIATE

void scan_counts(IntervalCount* counts, uint32_t count, Scratch scratch, cudaStream_t stream) {
  run_algorithm(scratch, stream, "algorithm scan_counts",
                [&](auto const& policy) { algorithms::scan_counts(policy, counts, count); });
}

uint32_t select_alive(Candidate const* candidates, uint32_t count, uint32_t* rows, Scratch scratch,
                      cudaStream_t stream) {
  return run_algorithm(scratch, stream, "algorithm select_alive", [&](auto const& policy) {
    return algorithms::select_alive(policy, candidates, count, rows);
  });
}

void order_candidates(uint32_t* rows, uint32_t count, CandidateLess less, Scratch scratch,
                      cudaStream_t stream) {
  run_algorithm(scratch, stream, "algorithm order_candidates",
                [&](auto const& policy) { algorithms::list_candidates(policy, rows, count); });
  order_rows(rows, count, less, scratch, stream);
}

uint32_t keep_alive(Candidate const* candidates, uint32_t count, uint32_t* rows, Scratch scratch,
                    cudaStream_t stream) {
  return run_algorithm(scratch, stream, "algorithm keep_alive", [&](auto const& policy) {
    return algorithms::keep_alive(policy, candidates, count, rows);
  });
}

void order_rows(uint32_t* rows, uint32_t count, CandidateLess less, Scratch scratch,
                cudaStream_t stream) {
  run_algorithm(scratch, stream, "algorithm order_rows",
                [&](auto const& policy) { algorithms::order_rows(policy, rows, count, less); });
}

void scan_row_bytes(uint64_t* row_bytes, uint32_t count, Scratch scratch, cudaStream_t stream) {
  run_algorithm(scratch, stream, "algorithm scan_row_bytes",
                [&](auto const& policy) { algorithms::scan_row_bytes(policy, row_bytes, count); });
}

uint32_t rows_that_fit(uint64_t const* row_bytes_end, uint32_t first, uint32_t count,
                       uint64_t bytes_max, Scratch scratch, cudaStream_t stream) {
  return run_algorithm(scratch, stream, "algorithm rows_that_fit", [&](auto const& policy) {
    return algorithms::rows_that_fit(policy, row_bytes_end, first, count, bytes_max);
  });
}

Aggregate aggregate(AggregateRow const& source, uint32_t count, Scratch scratch,
                    cudaStream_t stream) {
  return run_algorithm(scratch, stream, "algorithm aggregate", [&](auto const& policy) {
    return algorithms::aggregate(policy, source, count);
  });
}

uint32_t aggregate_segments(AggregateRow const& source, uint32_t const* segments, uint32_t count,
                            uint32_t* sum_segments, Aggregate* sums, Scratch scratch,
                            cudaStream_t stream) {
  return run_algorithm(scratch, stream, "algorithm aggregate_segments", [&](auto const& policy) {
    return algorithms::aggregate_segments(policy, source, segments, count, sum_segments, sums);
  });
}

}  // namespace levelscan::launches
