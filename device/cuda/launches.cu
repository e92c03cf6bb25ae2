#include "cuda/launches.hpp"

#include <thrust/iterator/counting_iterator.h>
#include <thrust/iterator/transform_iterator.h>

#include <cub/device/device_for.cuh>
#include <cub/device/device_merge_sort.cuh>
#include <cub/device/device_reduce.cuh>
#include <cub/device/device_scan.cuh>
#include <cub/device/device_select.cuh>

#include "algorithms.hpp"
#include "cuda/cuda_block.hpp"
#include "cuda/cuda_error.hpp"
#include "cuda/kernel_list.hpp"

namespace levelscan::launches {
namespace {

// The only __global__ function.
template <class Kernel>
__global__ void run_kernel(__grid_constant__ typename Kernel::Args const args) {
  __shared__ typename Kernel::Shared shared;
  CudaBlock block;
  Kernel{}(block, args, shared);
}

struct WritePlace {
  uint32_t* rows;

  __device__ void operator()(uint32_t place) const { rows[place] = place; }
};

auto values_of_rows(AggregateRow const& source) {
  return thrust::make_transform_iterator(thrust::counting_iterator<uint32_t>(0), source);
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

cudaError_t scan_counts(void* storage, std::size_t& storage_bytes, IntervalCount* counts,
                        uint32_t count, cudaStream_t stream) {
  return cub::DeviceScan::ExclusiveScan(storage, storage_bytes, counts, counts, AddIntervalCounts{},
                                        IntervalCount{0, 0}, count, stream);
}

cudaError_t select_alive(void* storage, std::size_t& storage_bytes, Candidate const* candidates,
                         uint32_t count, uint32_t* rows, uint32_t* row_count, cudaStream_t stream) {
  return cub::DeviceSelect::If(storage, storage_bytes, thrust::counting_iterator<uint32_t>(0), rows,
                               row_count, count, algorithms::RowIsAlive{candidates}, stream);
}

cudaError_t list_candidates(uint32_t* rows, uint32_t count, cudaStream_t stream) {
  return cub::DeviceFor::Bulk(count, WritePlace{rows}, stream);
}

cudaError_t keep_alive(void* storage, std::size_t& storage_bytes, Candidate const* candidates,
                       uint32_t count, uint32_t* rows, uint32_t* row_count, cudaStream_t stream) {
  return cub::DeviceSelect::If(storage, storage_bytes, rows, row_count, count,
                               algorithms::RowIsAlive{candidates}, stream);
}

cudaError_t order_rows(void* storage, std::size_t& storage_bytes, uint32_t* rows, uint32_t count,
                       CandidateLess less, cudaStream_t stream) {
  return cub::DeviceMergeSort::SortKeys(storage, storage_bytes, rows, count, less, stream);
}

cudaError_t scan_row_bytes(void* storage, std::size_t& storage_bytes, uint64_t* row_bytes,
                           uint32_t count, cudaStream_t stream) {
  return cub::DeviceScan::InclusiveScan(storage, storage_bytes, row_bytes, row_bytes,
                                        algorithms::AddRowBytes{}, count, stream);
}

cudaError_t aggregate(void* storage, std::size_t& storage_bytes, AggregateRow const& source,
                      uint32_t count, Aggregate* sum, cudaStream_t stream) {
  // The empty aggregate is the identity of the combination, so it can join anywhere.
  return cub::DeviceReduce::Reduce(storage, storage_bytes, values_of_rows(source), sum, count,
                                   CombineAggregates{source}, empty_aggregate(), stream);
}

cudaError_t aggregate_segments(void* storage, std::size_t& storage_bytes,
                               AggregateRow const& source, uint32_t const* segments, uint32_t count,
                               uint32_t* sum_segments, Aggregate* sums, uint32_t* sum_count,
                               cudaStream_t stream) {
  return cub::DeviceReduce::ReduceByKey(storage, storage_bytes, segments, sum_segments,
                                        values_of_rows(source), sums, sum_count,
                                        CombineAggregates{source}, count, stream);
}

}  // namespace levelscan::launches
