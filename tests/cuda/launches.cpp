// The table of launches over the stand-in: kernels run on ShuffledBlock, algorithms as the CPU
// device runs them, in memory of their own. How much storage CUB would ask for isn't known here;
// what is asked for instead grows with the items, and is overwritten when the algorithm runs.
#include "cuda/launches.hpp"

#include <cstddef>
#include <vector>

#include "cpu/cpu_algorithms.hpp"
#include "cuda/cuda_error.hpp"
#include "cuda/kernel_list.hpp"
#include "cuda/stand_in.hpp"
#include "support/shuffled_block.hpp"

namespace levelscan::launches {
namespace {

test::CudaStandIn& stand_in() { return test::CudaStandIn::instance(); }

// Where algorithms of CUB's ask for storage, and then use it.
struct Storage {
  void* device;
  std::size_t& bytes;
};

// An algorithm over `count` items that needs so many bytes of storage; algorithm(scratch) runs it.
template <class Algorithm>
cudaError_t run(char const* name, Storage storage, std::size_t bytes_needed, uint32_t count,
                cudaStream_t stream, Algorithm algorithm) {
  return stand_in().call(name, [&] {
    if (storage.device == nullptr) {
      storage.bytes = bytes_needed;
      return cudaSuccess;
    }
    return stand_in().run_algorithm(
        name, {storage.device, storage.bytes}, bytes_needed, stream, [=] {
          std::vector<std::byte> memory(cpu_algorithms::scratch_bytes({count, count}));
          algorithm(Scratch{memory.data(), memory.size()});
        });
  });
}

// CUB leaves room to align what it is given.
constexpr std::size_t kAlignment = 255;

std::size_t bytes_of_scan(uint32_t count) { return kAlignment + count / 128 * 36; }
std::size_t bytes_of_selection(uint32_t count) { return kAlignment + count / 256 * 20; }
std::size_t bytes_of_sort(uint32_t count) { return kAlignment + count * sizeof(uint32_t); }
std::size_t bytes_of_sums(uint32_t count) { return kAlignment + count / 128 * sizeof(Aggregate); }

}  // namespace

template <class Kernel>
uint32_t threads_a_block(uint32_t items_a_block) {
  check(stand_in().call("cudaFuncGetAttributes", [] { return cudaSuccess; }), "threads_a_block");
  return items_a_block;
}

template <class Kernel>
void launch(typename Kernel::Args const& args, LaunchShape shape, cudaStream_t stream) {
  static_assert(sizeof(typename Kernel::Args) <= 4096, "the limit of kernel parameters");
  char const* const name = kKernels[kKernelIndex<Kernel>].name;
  static_cast<void>(stand_in().call(name, [&] {
    return stand_in().launch(
        name, {shape.block_count, shape.thread_count, sizeof(typename Kernel::Shared)}, stream,
        [args, shape](uint64_t seed) {
          test::launch_shuffled<Kernel>(args, shape.block_count, seed);
        });
  }));
  check(cudaGetLastError(), name);
}

#define LEVELSCAN_INSTANTIATE(Kernel, items)           \
  template uint32_t threads_a_block<Kernel>(uint32_t); \
  template void launch<Kernel>(Kernel::Args const&, LaunchShape, cudaStream_t);
LEVELSCAN_KERNELS(LEVELSCAN_INSTANTIATE)
#undef LEVELSCAN_INSTANTIATE

cudaError_t scan_counts(void* storage, std::size_t& storage_bytes, IntervalCount* counts,
                        uint32_t count, cudaStream_t stream) {
  return run("scan_counts", {storage, storage_bytes}, bytes_of_scan(count), count, stream,
             [=](Scratch own) { cpu_algorithms::scan_counts(counts, count, own); });
}

cudaError_t select_alive(void* storage, std::size_t& storage_bytes, Candidate const* candidates,
                         uint32_t count, uint32_t* rows, uint32_t* row_count, cudaStream_t stream) {
  return run("select_alive", {storage, storage_bytes}, bytes_of_selection(count), count, stream,
             [=](Scratch own) {
               *row_count = cpu_algorithms::select_alive(candidates, count, rows, own);
             });
}

cudaError_t list_candidates(uint32_t* rows, uint32_t count, cudaStream_t stream) {
  return stand_in().call("list_candidates", [&] {
    return stand_in().launch("list_candidates", {1, 128, 0}, stream, [=](uint64_t) {
      for (uint32_t i = 0; i < count; ++i) rows[i] = i;
    });
  });
}

cudaError_t keep_alive(void* storage, std::size_t& storage_bytes, Candidate const* candidates,
                       uint32_t count, uint32_t* rows, uint32_t* row_count, cudaStream_t stream) {
  return run(
      "keep_alive", {storage, storage_bytes}, bytes_of_selection(count), count, stream,
      [=](Scratch own) { *row_count = cpu_algorithms::keep_alive(candidates, count, rows, own); });
}

cudaError_t order_rows(void* storage, std::size_t& storage_bytes, uint32_t* rows, uint32_t count,
                       CandidateLess less, cudaStream_t stream) {
  return run("order_rows", {storage, storage_bytes}, bytes_of_sort(count), count, stream,
             [=](Scratch own) { cpu_algorithms::order_rows(rows, count, less, own); });
}

cudaError_t scan_row_bytes(void* storage, std::size_t& storage_bytes, uint64_t* row_bytes,
                           uint32_t count, cudaStream_t stream) {
  return run("scan_row_bytes", {storage, storage_bytes}, bytes_of_scan(count), count, stream,
             [=](Scratch own) { cpu_algorithms::scan_row_bytes(row_bytes, count, own); });
}

cudaError_t aggregate(void* storage, std::size_t& storage_bytes, AggregateRow const& source,
                      uint32_t count, Aggregate* sum, cudaStream_t stream) {
  return run("aggregate", {storage, storage_bytes}, bytes_of_sums(count), count, stream,
             [=](Scratch) { *sum = cpu_algorithms::aggregate(source, count); });
}

cudaError_t aggregate_segments(void* storage, std::size_t& storage_bytes,
                               AggregateRow const& source, uint32_t const* segments, uint32_t count,
                               uint32_t* sum_segments, Aggregate* sums, uint32_t* sum_count,
                               cudaStream_t stream) {
  return run("aggregate_segments", {storage, storage_bytes}, bytes_of_sums(count), count, stream,
             [=](Scratch) {
               *sum_count =
                   cpu_algorithms::aggregate_segments(source, segments, count, sum_segments, sums);
             });
}

}  // namespace levelscan::launches
