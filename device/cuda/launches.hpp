// The table of what runs on the GPU: the kernels and the algorithms, enqueued on `stream` of the
// current device. All the device code of levelscan stands in launches.cu.
//
// Thread-safe for different streams. Errors: CudaError, or what the algorithms return.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
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

// The algorithms are called as CUB's are. Without storage they enqueue nothing and tell how many
// bytes of it such a call needs; those bytes of device memory are theirs until they have run.
[[nodiscard]] cudaError_t scan_counts(void* storage, std::size_t& storage_bytes,
                                      IntervalCount* counts, uint32_t count, cudaStream_t stream);
[[nodiscard]] cudaError_t select_alive(void* storage, std::size_t& storage_bytes,
                                       Candidate const* candidates, uint32_t count, uint32_t* rows,
                                       uint32_t* row_count, cudaStream_t stream);
[[nodiscard]] cudaError_t keep_alive(void* storage, std::size_t& storage_bytes,
                                     Candidate const* candidates, uint32_t count, uint32_t* rows,
                                     uint32_t* row_count, cudaStream_t stream);
[[nodiscard]] cudaError_t order_rows(void* storage, std::size_t& storage_bytes, uint32_t* rows,
                                     uint32_t count, CandidateLess less, cudaStream_t stream);
[[nodiscard]] cudaError_t scan_row_bytes(void* storage, std::size_t& storage_bytes,
                                         uint64_t* row_bytes, uint32_t count, cudaStream_t stream);
[[nodiscard]] cudaError_t aggregate(void* storage, std::size_t& storage_bytes,
                                    AggregateRow const& source, uint32_t count, Aggregate* sum,
                                    cudaStream_t stream);
[[nodiscard]] cudaError_t aggregate_segments(void* storage, std::size_t& storage_bytes,
                                             AggregateRow const& source, uint32_t const* segments,
                                             uint32_t count, uint32_t* sum_segments,
                                             Aggregate* sums, uint32_t* sum_count,
                                             cudaStream_t stream);
// Writes 0, 1, 2 and so on to rows; needs no storage.
[[nodiscard]] cudaError_t list_candidates(uint32_t* rows, uint32_t count, cudaStream_t stream);

}  // namespace levelscan::launches
