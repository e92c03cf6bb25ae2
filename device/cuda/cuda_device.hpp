// An NVIDIA GPU behind the CUDA runtime. Streams don't wait for the default stream; events have no
// timing, except those of a stream's clock (stream_clock.hpp); all launches stand in launches.cu.
//
// Every call selects the device for the calling thread and is checked. An error that leaves the
// CUDA context unusable marks the device lost: from then on each call throws at once, with the
// first message. Destruction functions say nothing: at exit the runtime may be gone before they
// run.
//
// Thread-safe, with a stream used by one thread at a time.
#pragma once

#include <cuda_runtime_api.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>

#include "cuda/kernel_list.hpp"
#include "cuda/stream_clock.hpp"
#include "device/device.hpp"

namespace levelscan {

class CudaDevice final : public Device {
 public:
  // REQUIRES: cuda_unavailable_reason() is empty. Throws DeviceError when there is no device
  // `ordinal` or this build has no code for it.
  explicit CudaDevice(int ordinal, bool tells_times = false);

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

  [[nodiscard]] std::optional<StageTimes> take_stage_times() override;

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
  // Runs operation() with this device selected.
  template <class Operation>
  auto run(Operation&& operation) const;
  // Runs operation(stream), which is for `stage`, and has it timed where times are told.
  template <class Operation>
  void enqueue(DeviceStage stage, StreamView view, Operation&& operation);
  template <class Kernel>
  void launch(DeviceStage stage, typename Kernel::Args const& args, uint32_t block_count,
              StreamView stream);
  // Enqueues algorithm(storage, storage_bytes, stream), one of launches.hpp.
  template <class Algorithm>
  void run_algorithm(DeviceStage stage, char const* name, Scratch scratch, StreamView stream,
                     Algorithm const& algorithm);
  void mark_lost(char const* message) const;

  int ordinal_;
  std::array<uint32_t, kKernelCount> thread_counts_{};  // in a block of each kernel
  DeviceInfo info_;
  std::optional<StreamTimeline> timeline_;  // none: times are not told
  mutable std::atomic<bool> lost_ = false;
  mutable std::mutex lost_mutex_;
  mutable std::string lost_message_;  // set once, before lost_
};

}  // namespace levelscan
