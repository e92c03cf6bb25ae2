#include "cuda/launches.hpp"

#include <thrust/system/cuda/execution_policy.h>
#include <thrust/system_error.h>

#include "algorithms.hpp"
#include "cuda/cuda_block.hpp"
#include "cuda/cuda_error.hpp"
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

// Threads per block where a tile is of another size than this, or there is but one block.
constexpr uint32_t kThreads = 128;

template <class Kernel>
void launch(typename Kernel::Args const& args, uint32_t block_count, uint32_t thread_count,
            cudaStream_t stream, char const* what) {
  static_assert(sizeof(typename Kernel::Args) <= 4096, "the limit of kernel parameters");
  if (block_count == 0) return;
  run_kernel<Kernel><<<block_count, thread_count, 0, stream>>>(args);
  check(cudaGetLastError(), what);
}

uint32_t tiles_over(uint32_t count, uint32_t tile) { return count / tile + (count % tile != 0); }

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

void require_code() {
  cudaFuncAttributes attributes;
  check(cudaFuncGetAttributes(&attributes, run_kernel<Filter>),
        "looking for code for this device's compute capability");
}

void search_index(IndexSearch::Args const& args, cudaStream_t stream) {
  launch<IndexSearch>(args, 1, kThreads, stream, "kernel IndexSearch");
}

void narrow(Narrow::Args const& args, cudaStream_t stream) {
  launch<Narrow>(args, 1, kThreads, stream, "kernel Narrow");
}

void filter(FilterArgs const& args, uint32_t tile_count, cudaStream_t stream) {
  launch<Filter>(args, tile_count, kTileIntervals, stream, "kernel Filter");
}

void gather(Gather::Args const& args, uint32_t tile_count, cudaStream_t stream) {
  launch<Gather>(args, tile_count, kTileIntervals, stream, "kernel Gather");
}

void resolve_ranges(ResolveRanges::Args const& args, cudaStream_t stream) {
  launch<ResolveRanges>(args, tiles_over(args.candidate_count, kTileCandidates), kThreads, stream,
                        "kernel ResolveRanges");
}

void resolve_mark(ResolveMark::Args const& args, uint32_t tile_count, cudaStream_t stream) {
  launch<ResolveMark>(args, tile_count, kTileIntervals, stream, "kernel ResolveMark");
}

void resolve_probe(ResolveProbe::Args const& args, cudaStream_t stream) {
  launch<ResolveProbe>(args, tiles_over(args.candidate_count, kTileCandidates), kThreads, stream,
                       "kernel ResolveProbe");
}

void resolve_merge(ResolveMerge::Args const& args, cudaStream_t stream) {
  launch<ResolveMerge>(args, tiles_over(args.candidate_count, kTileCandidates), kThreads, stream,
                       "kernel ResolveMerge");
}

void complete_deferred(CompleteDeferred::Args const& args, cudaStream_t stream) {
  launch<CompleteDeferred>(args, tiles_over(args.value_count, kTileDeferred), kThreads, stream,
                           "kernel CompleteDeferred");
}

void measure_rows(MeasureRows::Args const& args, cudaStream_t stream) {
  launch<MeasureRows>(args, tiles_over(args.rows.row_count, kTileRows), kThreads, stream,
                      "kernel MeasureRows");
}

void emit_rows(EmitRows::Args const& args, cudaStream_t stream) {
  launch<EmitRows>(args, tiles_over(args.rows.row_count, kTileRows), kThreads, stream,
                   "kernel EmitRows");
}

void locate_segments(LocateSegments::Args const& args, cudaStream_t stream) {
  launch<LocateSegments>(args, tiles_over(args.row_count, kTileRows), kThreads, stream,
                         "kernel LocateSegments");
}

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
