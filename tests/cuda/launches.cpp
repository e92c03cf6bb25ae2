// The table of launches over the stand-in: kernels run on ShuffledBlock, algorithms as the CPU
// device runs them, in memory of their own. What CUB would take of the scratch isn't known here,
// except that a sort needs a second array.
#include "cuda/launches.hpp"

#include <cstddef>
#include <memory>
#include <vector>

#include "cpu/cpu_algorithms.hpp"
#include "cuda/cuda_error.hpp"
#include "cuda/kernel_list.hpp"
#include "cuda/stand_in.hpp"
#include "scratch_allocator.hpp"
#include "support/shuffled_block.hpp"

namespace levelscan::launches {
namespace {

test::CudaStandIn& stand_in() { return test::CudaStandIn::instance(); }

// Enqueues algorithm(scratch) on `stream`, for inputs of `count`. The scratch that a GPU would use
// must be device memory all the same.
template <class Algorithm>
void enqueue(char const* name, uint32_t count, Scratch scratch, cudaStream_t stream,
             Algorithm algorithm) {
  cudaError_t const status = stand_in().call(name, [&] {
    return stand_in().run_algorithm(name, {scratch.device, scratch.bytes}, stream, [=] {
      std::vector<std::byte> memory(cpu_algorithms::scratch_bytes({count, count}));
      algorithm(Scratch{memory.data(), memory.size()});
    });
  });
  check(status, name);
}

void take_second_array(uint32_t count, Scratch scratch) {
  static_cast<void>(
      ScratchAllocator(scratch).allocate(static_cast<std::ptrdiff_t>(count * sizeof(uint32_t))));
}

// Waits for what it returns.
template <class Value, class Algorithm>
Value value_of(char const* name, uint32_t count, Scratch scratch, cudaStream_t stream,
               Algorithm algorithm) {
  // Shared: where the wait fails, the algorithm may still run when nobody wants its value.
  auto const value = std::make_shared<Value>();
  enqueue(name, count, scratch, stream,
          [value, algorithm](Scratch own) { *value = algorithm(own); });
  check(cudaStreamSynchronize(stream), name);
  return *value;
}

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

void scan_counts(IntervalCount* counts, uint32_t count, Scratch scratch, cudaStream_t stream) {
  enqueue("scan_counts", count, scratch, stream,
          [=](Scratch own) { cpu_algorithms::scan_counts(counts, count, own); });
}

uint32_t select_alive(Candidate const* candidates, uint32_t count, uint32_t* rows, Scratch scratch,
                      cudaStream_t stream) {
  return value_of<uint32_t>("select_alive", count, scratch, stream, [=](Scratch own) {
    return cpu_algorithms::select_alive(candidates, count, rows, own);
  });
}

void order_candidates(uint32_t* rows, uint32_t count, CandidateLess less, Scratch scratch,
                      cudaStream_t stream) {
  take_second_array(count, scratch);
  enqueue("order_candidates", count, scratch, stream,
          [=](Scratch own) { cpu_algorithms::order_candidates(rows, count, less, own); });
}

uint32_t keep_alive(Candidate const* candidates, uint32_t count, uint32_t* rows, Scratch scratch,
                    cudaStream_t stream) {
  return value_of<uint32_t>("keep_alive", count, scratch, stream, [=](Scratch own) {
    return cpu_algorithms::keep_alive(candidates, count, rows, own);
  });
}

void order_rows(uint32_t* rows, uint32_t count, CandidateLess less, Scratch scratch,
                cudaStream_t stream) {
  take_second_array(count, scratch);
  enqueue("order_rows", count, scratch, stream,
          [=](Scratch own) { cpu_algorithms::order_rows(rows, count, less, own); });
}

void scan_row_bytes(uint64_t* row_bytes, uint32_t count, Scratch scratch, cudaStream_t stream) {
  enqueue("scan_row_bytes", count, scratch, stream,
          [=](Scratch own) { cpu_algorithms::scan_row_bytes(row_bytes, count, own); });
}

uint32_t rows_that_fit(uint64_t const* row_bytes_end, uint32_t first, uint32_t count,
                       uint64_t bytes_max, Scratch scratch, cudaStream_t stream) {
  return value_of<uint32_t>("rows_that_fit", count, scratch, stream, [=](Scratch own) {
    return cpu_algorithms::rows_that_fit(row_bytes_end, first, count, bytes_max, own);
  });
}

uint32_t aggregate_segments(AggregateRow const& source, uint32_t const* segments, uint32_t count,
                            uint32_t* sum_segments, Aggregate* sums, Scratch scratch,
                            cudaStream_t stream) {
  return value_of<uint32_t>("aggregate_segments", count, scratch, stream, [=](Scratch) {
    return cpu_algorithms::aggregate_segments(source, segments, count, sum_segments, sums);
  });
}

Aggregate aggregate(AggregateRow const& source, uint32_t count, Scratch scratch,
                    cudaStream_t stream) {
  return value_of<Aggregate>("aggregate", count, scratch, stream,
                             [=](Scratch) { return cpu_algorithms::aggregate(source, count); });
}

}  // namespace levelscan::launches
