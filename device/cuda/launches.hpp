// The table of what runs on the GPU: the kernels and the algorithms, enqueued on `stream` of the
// current device. All the device code of levelscan stands in launches.cu.
//
// Thread-safe for different streams. Errors: CudaError; DeviceError when scratch memory runs out.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "device/device.hpp"

namespace levelscan::launches {

struct LaunchShape {
  uint32_t block_count = 0;
  uint32_t thread_count = 0;  // in each block
};

// How many threads a block should have on the current device so that its multiprocessors are as
// full as they can be, `items_a_block` at most. Kernel: one of kernel_list.hpp. Throws CudaError,
// also when this build has no code for the device.
template <class Kernel>
[[nodiscard]] uint32_t threads_a_block(uint32_t items_a_block);

// Neither number of `shape` may be 0. Kernel: one of kernel_list.hpp.
template <class Kernel>
void launch(typename Kernel::Args const& args, LaunchShape shape, cudaStream_t stream);

// Those that return a value wait for it.
void scan_counts(IntervalCount* counts, uint32_t count, Scratch scratch, cudaStream_t stream);
[[nodiscard]] uint32_t select_alive(Candidate const* candidates, uint32_t count, uint32_t* rows,
                                    Scratch scratch, cudaStream_t stream);
void order_candidates(uint32_t* rows, uint32_t count, CandidateLess less, Scratch scratch,
                      cudaStream_t stream);
[[nodiscard]] uint32_t keep_alive(Candidate const* candidates, uint32_t count, uint32_t* rows,
                                  Scratch scratch, cudaStream_t stream);
void order_rows(uint32_t* rows, uint32_t count, CandidateLess less, Scratch scratch,
                cudaStream_t stream);
void scan_row_bytes(uint64_t* row_bytes, uint32_t count, Scratch scratch, cudaStream_t stream);
[[nodiscard]] uint32_t rows_that_fit(uint64_t const* row_bytes_end, uint32_t first, uint32_t count,
                                     uint64_t bytes_max, Scratch scratch, cudaStream_t stream);
[[nodiscard]] uint32_t aggregate_segments(AggregateRow const& source, uint32_t const* segments,
                                          uint32_t count, uint32_t* sum_segments, Aggregate* sums,
                                          Scratch scratch, cudaStream_t stream);
[[nodiscard]] Aggregate aggregate(AggregateRow const& source, uint32_t count, Scratch scratch,
                                  cudaStream_t stream);

}  // namespace levelscan::launches
