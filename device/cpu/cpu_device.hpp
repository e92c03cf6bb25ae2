// The CPU as a device: everything happens at once, in the calling thread, so streams and events
// have nothing to do.
//
// With CpuMirror::kAliasing device memory is host memory and the mirror of a pinned block is the
// block. With CpuMirror::kSeparate it stands in for a GPU: new pinned and device memory is filled
// with different bytes, so that what was not copied is seen.
//
// Thread-safe, but for the memory itself.
#pragma once

#include <cstddef>
#include <cstdint>

#include "device/device.hpp"

namespace levelscan {

// What new memory holds with CpuMirror::kSeparate.
inline constexpr unsigned char kNewPinnedByte = 0xa5;
inline constexpr unsigned char kNewDeviceByte = 0x5a;

class CpuDevice final : public Device {
 public:
  explicit CpuDevice(CpuMirror mirror);

  [[nodiscard]] DeviceInfo const& info() const noexcept override { return info_; }

  [[nodiscard]] void* allocate_pinned(std::size_t bytes) override;
  void free_pinned(void* pinned, std::size_t bytes) noexcept override;
  [[nodiscard]] void* allocate_device(std::size_t bytes) override;
  void free_device(void* device, std::size_t bytes) noexcept override;

  [[nodiscard]] StreamView create_stream() override;
  void destroy_stream(StreamView stream) noexcept override;
  void synchronize(StreamView stream) override;

  [[nodiscard]] EventView create_event() override;
  void destroy_event(EventView event) noexcept override;
  void record(EventView event, StreamView stream) override;
  void wait_async(StreamView stream, EventView event) override;

  void copy_to_device_async(void* device, void const* pinned, std::size_t bytes,
                            StreamView stream) override;
  void copy_to_host_async(void* pinned, void const* device, std::size_t bytes,
                          StreamView stream) override;
  void clear_async(void* device, std::size_t bytes, StreamView stream) override;

  void search_index_async(IndexSearch::Args const& args, StreamView stream) override;
  void narrow_async(Narrow::Args const& args, StreamView stream) override;
  void filter_async(FilterArgs const& args, uint32_t tile_count, StreamView stream) override;
  void gather_async(Gather::Args const& args, uint32_t tile_count, StreamView stream) override;
  void resolve_ranges_async(ResolveRanges::Args const& args, StreamView stream) override;
  void resolve_mark_async(ResolveMark::Args const& args, uint32_t tile_count,
                          StreamView stream) override;
  void resolve_probe_async(ResolveProbe::Args const& args, StreamView stream) override;
  void resolve_merge_async(ResolveMerge::Args const& args, StreamView stream) override;
  void complete_deferred_async(CompleteDeferred::Args const& args, StreamView stream) override;
  void pick_rows_async(PickRows::Args const& args, StreamView stream) override;
  void measure_rows_async(MeasureRows::Args const& args, StreamView stream) override;
  void fit_rows_async(FitRows::Args const& args, StreamView stream) override;
  void emit_rows_async(EmitRows::Args const& args, StreamView stream) override;
  void locate_segments_async(LocateSegments::Args const& args, StreamView stream) override;
  void verify_blocks_async(VerifyBlocks::Args const& args, StreamView stream) override;

  [[nodiscard]] std::size_t scratch_bytes(AlgorithmLimits const& limits) const override;
  void scan_counts_async(IntervalCount* counts, uint32_t count, Scratch scratch,
                         StreamView stream) override;
  void select_alive_async(Candidate const* candidates, uint32_t count, uint32_t* rows,
                          uint32_t* row_count, Scratch scratch, StreamView stream) override;
  void order_candidates_async(uint32_t* rows, uint32_t count, CandidateLess less, Scratch scratch,
                              StreamView stream) override;
  void keep_alive_async(Candidate const* candidates, uint32_t count, uint32_t* rows,
                        uint32_t* row_count, Scratch scratch, StreamView stream) override;
  void order_rows_async(uint32_t* rows, uint32_t count, CandidateLess less, Scratch scratch,
                        StreamView stream) override;
  void scan_row_bytes_async(uint64_t* row_bytes, uint32_t count, Scratch scratch,
                            StreamView stream) override;
  void aggregate_async(AggregateRow const& source, uint32_t count, Aggregate* sum, Scratch scratch,
                       StreamView stream) override;
  void aggregate_segments_async(AggregateRow const& source, uint32_t const* segments,
                                uint32_t count, uint32_t* sum_segments, Aggregate* sums,
                                uint32_t* sum_count, Scratch scratch, StreamView stream) override;

 private:
  DeviceInfo info_;
};

}  // namespace levelscan
