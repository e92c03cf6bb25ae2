// The table of what runs on the GPU: one function for each kernel and each algorithm, enqueued on
// `stream` of the current device. All the device code of levelscan stands in launches.cu.
//
// Thread-safe for different streams. Errors: CudaError; DeviceError when scratch memory runs out.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "device/device.hpp"

namespace levelscan::launches {

// Throws CudaError when this build has no code for the current device.
void require_code();

void search_index(IndexSearch::Args const& args, cudaStream_t stream);
void narrow(Narrow::Args const& args, cudaStream_t stream);
void filter(FilterArgs const& args, uint32_t tile_count, cudaStream_t stream);
void gather(Gather::Args const& args, uint32_t tile_count, cudaStream_t stream);
void resolve_ranges(ResolveRanges::Args const& args, cudaStream_t stream);
void resolve_mark(ResolveMark::Args const& args, uint32_t tile_count, cudaStream_t stream);
void resolve_probe(ResolveProbe::Args const& args, cudaStream_t stream);
void resolve_merge(ResolveMerge::Args const& args, cudaStream_t stream);
void complete_deferred(CompleteDeferred::Args const& args, cudaStream_t stream);
void measure_rows(MeasureRows::Args const& args, cudaStream_t stream);
void emit_rows(EmitRows::Args const& args, cudaStream_t stream);

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
void locate_segments(LocateSegments::Args const& args, cudaStream_t stream);
[[nodiscard]] uint32_t aggregate_segments(AggregateRow const& source, uint32_t const* segments,
                                          uint32_t count, uint32_t* sum_segments, Aggregate* sums,
                                          Scratch scratch, cudaStream_t stream);
[[nodiscard]] Aggregate aggregate(AggregateRow const& source, uint32_t count, Scratch scratch,
                                  cudaStream_t stream);

}  // namespace levelscan::launches
