// Where kernels run. A Device has memory, streams, events, copies both ways, and one function for
// each kernel and each device-wide algorithm. Behind it stand two peers, the CPU and CUDA, and in
// tests decorators that count or fail calls.
//
// Streams: work enqueued on one stream runs in order. A function whose name ends in _async may
// return before its work is done; what it was given stays valid and untouched until then. Nothing
// but synchronize() waits: what the host wants to know of the device is copied to it.
//
// Thread-safety: all functions may be called by several threads at once, with a stream used by one
// thread at a time. Errors: DeviceError. Destruction functions don't throw.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "device/device_error.hpp"
#include "device/stage_times.hpp"
#include "kernels/aggregate.hpp"
#include "kernels/complete_deferred.hpp"
#include "kernels/filter.hpp"
#include "kernels/fit_rows.hpp"
#include "kernels/gather.hpp"
#include "kernels/index_search.hpp"
#include "kernels/narrow.hpp"
#include "kernels/pick_rows.hpp"
#include "kernels/resolve_mark.hpp"
#include "kernels/resolve_merge.hpp"
#include "kernels/resolve_probe.hpp"
#include "kernels/resolve_ranges.hpp"
#include "kernels/rows.hpp"
#include "kernels/segments.hpp"
#include "kernels/verify_blocks.hpp"

namespace levelscan {

struct DeviceInfo {
  std::string backend;              // "cpu" or "cuda"
  std::string name;                 // a person's name for it
  std::size_t memory_bytes = 0;     // device memory in all
  bool mirrors_alias_host = false;  // the mirror of a pinned block is the block itself: no copies
  bool runs_in_order = false;       // as Block::kInOrder says of its blocks
};

// Views of a stream and an event. The device that made one destroys it.
struct StreamView {
  void* handle = nullptr;
};
struct EventView {
  void* handle = nullptr;
};

// Temporary device memory for an algorithm, at least Device::scratch_bytes for its largest input.
struct Scratch {
  void* device = nullptr;
  std::size_t bytes = 0;
};

// The largest inputs that the algorithms will meet.
struct AlgorithmLimits {
  uint32_t intervals_max = 0;
  uint32_t candidates_max = 0;
};

inline constexpr std::size_t kAllocationAlignment = 256;

class Device {
 public:
  Device() = default;
  Device(Device const&) = delete;
  Device& operator=(Device const&) = delete;
  virtual ~Device() = default;

  [[nodiscard]] virtual DeviceInfo const& info() const noexcept = 0;

  // Host memory that copies can take at full speed, and device memory. Aligned to
  // kAllocationAlignment; contents undefined. `bytes` > 0. Throws DeviceError with the number of
  // bytes when there is not enough.
  [[nodiscard]] virtual void* allocate_pinned(std::size_t bytes) = 0;
  virtual void free_pinned(void* pinned, std::size_t bytes) noexcept = 0;
  [[nodiscard]] virtual void* allocate_device(std::size_t bytes) = 0;
  virtual void free_device(void* device, std::size_t bytes) noexcept = 0;

  [[nodiscard]] virtual StreamView create_stream() = 0;
  virtual void destroy_stream(StreamView stream) noexcept = 0;
  virtual void synchronize(StreamView stream) = 0;

  [[nodiscard]] virtual EventView create_event() = 0;
  virtual void destroy_event(EventView event) noexcept = 0;
  virtual void record(EventView event, StreamView stream) = 0;
  // Work enqueued on `stream` from now on waits for the event's last recording; an event that was
  // never recorded holds nothing up.
  virtual void wait_async(StreamView stream, EventView event) = 0;

  // Of the operations that were waited for since the last call; none where the device has no clock
  // of its own, or was not asked to look at it.
  [[nodiscard]] virtual std::optional<StageTimes> take_stage_times() { return std::nullopt; }

  // Copies between pinned and device memory. Nothing happens when both are the same address.
  virtual void copy_to_device_async(void* device, void const* pinned, std::size_t bytes,
                                    StreamView stream) = 0;
  virtual void copy_to_host_async(void* pinned, void const* device, std::size_t bytes,
                                  StreamView stream) = 0;
  virtual void clear_async(void* device, std::size_t bytes, StreamView stream) = 0;

  // Kernels. Every pointer in the arguments is to device memory.
  virtual void search_index_async(IndexSearch::Args const& args, StreamView stream) = 0;
  virtual void narrow_async(Narrow::Args const& args, StreamView stream) = 0;
  // `tile_count`: over all runs, see RunView::first_tile. A launch of no tiles does nothing.
  virtual void filter_async(FilterArgs const& args, uint32_t tile_count, StreamView stream) = 0;
  virtual void gather_async(Gather::Args const& args, uint32_t tile_count, StreamView stream) = 0;
  virtual void resolve_ranges_async(ResolveRanges::Args const& args, StreamView stream) = 0;
  virtual void resolve_mark_async(ResolveMark::Args const& args, uint32_t tile_count,
                                  StreamView stream) = 0;
  virtual void resolve_probe_async(ResolveProbe::Args const& args, StreamView stream) = 0;
  virtual void resolve_merge_async(ResolveMerge::Args const& args, StreamView stream) = 0;
  virtual void complete_deferred_async(CompleteDeferred::Args const& args, StreamView stream) = 0;
  virtual void pick_rows_async(PickRows::Args const& args, StreamView stream) = 0;
  virtual void measure_rows_async(MeasureRows::Args const& args, StreamView stream) = 0;
  virtual void fit_rows_async(FitRows::Args const& args, StreamView stream) = 0;
  virtual void emit_rows_async(EmitRows::Args const& args, StreamView stream) = 0;
  virtual void locate_segments_async(LocateSegments::Args const& args, StreamView stream) = 0;
  virtual void verify_blocks_async(VerifyBlocks::Args const& args, StreamView stream) = 0;

  // Algorithms. Counts and sums that they write stand in device memory, like everything else. One
  // that needs more than its scratch throws DeviceError.

  // What they need at most for inputs of these sizes.
  [[nodiscard]] virtual std::size_t scratch_bytes(AlgorithmLimits const& limits) const = 0;
  // Exclusive sums in place: counts[0, count).
  virtual void scan_counts_async(IntervalCount* counts, uint32_t count, Scratch scratch,
                                 StreamView stream) = 0;
  // Writes the places of the candidates that are alive to rows, in order, and how many they are.
  virtual void select_alive_async(Candidate const* candidates, uint32_t count, uint32_t* rows,
                                  uint32_t* row_count, Scratch scratch, StreamView stream) = 0;
  // Writes the places of all candidates to rows, in CandidateLess's order.
  virtual void order_candidates_async(uint32_t* rows, uint32_t count, CandidateLess less,
                                      Scratch scratch, StreamView stream) = 0;
  // Keeps those of rows[0, count) whose candidates are alive, in order, and writes how many.
  virtual void keep_alive_async(Candidate const* candidates, uint32_t count, uint32_t* rows,
                                uint32_t* row_count, Scratch scratch, StreamView stream) = 0;
  // Sorts rows[0, count) in CandidateLess's order. Fewer than two need no scratch.
  virtual void order_rows_async(uint32_t* rows, uint32_t count, CandidateLess less, Scratch scratch,
                                StreamView stream) = 0;
  // Inclusive sums in place: row_bytes[0, count).
  virtual void scan_row_bytes_async(uint64_t* row_bytes, uint32_t count, Scratch scratch,
                                    StreamView stream) = 0;
  // Reduces over rows [0, count).
  virtual void aggregate_async(AggregateRow const& source, uint32_t count, Aggregate* sum,
                               Scratch scratch, StreamView stream) = 0;
  // Reduces over the rows [0, count) of each run of equal segments[row]: sums[i] is that of
  // sum_segments[i]; both have room for as many as there are. Writes how many these are.
  virtual void aggregate_segments_async(AggregateRow const& source, uint32_t const* segments,
                                        uint32_t count, uint32_t* sum_segments, Aggregate* sums,
                                        uint32_t* sum_count, Scratch scratch,
                                        StreamView stream) = 0;
};

// How the CPU device mirrors pinned memory.
enum class CpuMirror {
  kAliasing,  // the mirror is the pinned block: production
  kSeparate,  // memory of its own, so that a forgotten copy is a wrong answer: tests
};

[[nodiscard]] std::unique_ptr<Device> make_cpu_device(CpuMirror mirror);

// What stands in the way of CUDA on this machine; empty when nothing does. Never throws.
[[nodiscard]] std::string cuda_unavailable_reason();

// One line for each CUDA device, for people. Empty without CUDA.
[[nodiscard]] std::string cuda_description();

// Bytes a second.
struct CudaBandwidth {
  double pinned_to_device = 0;
  double within_device = 0;  // each byte counts once, though it is read and written
};

// Of copies of `bytes` each, between events. Takes as much pinned and twice as much device memory.
// Throws DeviceError.
[[nodiscard]] CudaBandwidth measure_cuda_bandwidth(int ordinal, std::size_t bytes);

// Throws DeviceError with cuda_unavailable_reason() where there is no such device. `tells_times`:
// see take_stage_times(); costs every operation two events.
[[nodiscard]] std::unique_ptr<Device> make_cuda_device(int ordinal, bool tells_times = false);

}  // namespace levelscan
