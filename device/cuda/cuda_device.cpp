#include "cuda/cuda_device.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "cuda/cuda_error.hpp"
#include "cuda/launches.hpp"

namespace levelscan {
namespace {

// What a StreamView stands for.
struct Stream {
  cudaStream_t handle = nullptr;
  std::unique_ptr<StreamClock> clock;  // null: times are not told
};

Stream& stream_of(StreamView stream) { return *static_cast<Stream*>(stream.handle); }
cudaEvent_t event_of(EventView event) { return static_cast<cudaEvent_t>(event.handle); }

// "13.0" for 13000.
std::string version_text(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

std::string free_memory_text() {
  std::size_t free_bytes = 0;
  std::size_t all_bytes = 0;
  if (cudaMemGetInfo(&free_bytes, &all_bytes) != cudaSuccess) {
    static_cast<void>(cudaGetLastError());
    return "how much memory the device has is not known";
  }
  return "the device has " + std::to_string(free_bytes) + " bytes free of " +
         std::to_string(all_bytes);
}

// For calls that destroy: what they are given belongs to a device, so none is selected, and their
// status is dropped, also from the runtime's record: the next launch shall not be blamed for it.
void ignore(cudaError_t) noexcept { static_cast<void>(cudaGetLastError()); }

void check_algorithm(cudaError_t status, char const* name) {
  if (status != cudaSuccess) check(status, (std::string("algorithm ") + name).c_str());
}

// Bytes of temporary storage that algorithm(storage, storage_bytes, stream) of launches.hpp needs.
template <class Algorithm>
std::size_t storage_needed(char const* name, Algorithm const& algorithm, cudaStream_t stream) {
  std::size_t bytes = 0;
  check_algorithm(algorithm(nullptr, bytes, stream), name);
  return bytes;
}

uint32_t tiles_over(uint32_t count, uint32_t tile) { return count / tile + (count % tile != 0); }

}  // namespace

template <class Operation>
auto CudaDevice::run(Operation&& operation) const {
  if (lost_.load(std::memory_order_acquire)) {
    throw DeviceError("the CUDA device was lost: " + lost_message_);
  }
  try {
    check(cudaSetDevice(ordinal_), "cudaSetDevice");
    return std::forward<Operation>(operation)();
  } catch (CudaError const& error) {
    if (error.loses_device()) mark_lost(error.what());
    throw;
  }
}

template <class Operation>
void CudaDevice::enqueue(DeviceStage stage, StreamView view, Operation&& operation) {
  run([&] {
    Stream const& stream = stream_of(view);
    if (stream.clock != nullptr) stream.clock->begin(stage);
    operation(stream.handle);
    if (stream.clock != nullptr) stream.clock->end();
  });
}

void CudaDevice::mark_lost(char const* message) const {
  std::lock_guard const lock(lost_mutex_);
  if (lost_.load(std::memory_order_relaxed)) return;
  lost_message_ = message;
  lost_.store(true, std::memory_order_release);
}

CudaDevice::CudaDevice(int ordinal, bool tells_times) : ordinal_(ordinal) {
  if (tells_times) timeline_.emplace();
  int device_count = 0;
  check(cudaGetDeviceCount(&device_count), "cudaGetDeviceCount");
  if (ordinal < 0 || ordinal >= device_count) {
    throw DeviceError("there is no CUDA device " + std::to_string(ordinal) + ", only " +
                      std::to_string(device_count) + " counted from 0");
  }
  check(cudaSetDevice(ordinal), "cudaSetDevice");
  cudaDeviceProp properties;
  check(cudaGetDeviceProperties(&properties, ordinal), "cudaGetDeviceProperties");
#define LEVELSCAN_THREADS_A_BLOCK(Kernel, items) \
  thread_counts_[kKernelIndex<Kernel>] = launches::threads_a_block<Kernel>(items);
  LEVELSCAN_KERNELS(LEVELSCAN_THREADS_A_BLOCK)
#undef LEVELSCAN_THREADS_A_BLOCK
  info_.backend = "cuda";
  info_.name = properties.name;
  info_.memory_bytes = properties.totalGlobalMem;
  info_.mirrors_alias_host = false;
}

void* CudaDevice::allocate_pinned(std::size_t bytes) {
  return run([&] {
    void* pinned = nullptr;
    cudaError_t const status = cudaHostAlloc(&pinned, bytes, cudaHostAllocPortable);
    if (status == cudaErrorMemoryAllocation) {
      static_cast<void>(cudaGetLastError());
      throw DeviceError("cudaHostAlloc: no pinned host memory for " + std::to_string(bytes) +
                        " bytes: " + describe(status));
    }
    check(status, "cudaHostAlloc");
    return pinned;
  });
}

void CudaDevice::free_pinned(void* pinned, std::size_t) noexcept { ignore(cudaFreeHost(pinned)); }

void* CudaDevice::allocate_device(std::size_t bytes) {
  return run([&] {
    void* device = nullptr;
    cudaError_t const status = cudaMalloc(&device, bytes);
    if (status == cudaErrorMemoryAllocation) {
      static_cast<void>(cudaGetLastError());
      throw DeviceError("cudaMalloc: no device memory for " + std::to_string(bytes) + " bytes, " +
                        free_memory_text() + ": " + describe(status));
    }
    check(status, "cudaMalloc");
    return device;
  });
}

void CudaDevice::free_device(void* device, std::size_t) noexcept { ignore(cudaFree(device)); }

StreamView CudaDevice::create_stream() {
  return run([&] {
    auto stream = std::make_unique<Stream>();
    check(cudaStreamCreateWithFlags(&stream->handle, cudaStreamNonBlocking),
          "cudaStreamCreateWithFlags");
    try {
      if (timeline_) stream->clock = std::make_unique<StreamClock>(stream->handle, *timeline_);
    } catch (...) {
      ignore(cudaStreamDestroy(stream->handle));
      throw;
    }
    return StreamView{stream.release()};
  });
}

void CudaDevice::destroy_stream(StreamView view) noexcept {
  std::unique_ptr<Stream> const stream(&stream_of(view));
  ignore(cudaStreamDestroy(stream->handle));
}

void CudaDevice::synchronize(StreamView view) {
  run([&] {
    Stream const& stream = stream_of(view);
    check(cudaStreamSynchronize(stream.handle), "cudaStreamSynchronize");
    if (stream.clock != nullptr) stream.clock->collect();
  });
}

EventView CudaDevice::create_event() {
  return run([&] {
    cudaEvent_t event = nullptr;
    check(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "cudaEventCreateWithFlags");
    return EventView{event};
  });
}

void CudaDevice::destroy_event(EventView event) noexcept {
  ignore(cudaEventDestroy(event_of(event)));
}

void CudaDevice::record(EventView event, StreamView stream) {
  run([&] {
    check(cudaEventRecord(event_of(event), stream_of(stream).handle), "cudaEventRecord");
  });
}

void CudaDevice::wait_async(StreamView stream, EventView event) {
  run([&] {
    check(cudaStreamWaitEvent(stream_of(stream).handle, event_of(event), 0), "cudaStreamWaitEvent");
  });
}

std::optional<StageTimes> CudaDevice::take_stage_times() {
  if (!timeline_) return std::nullopt;
  return timeline_->take();
}

void CudaDevice::copy_to_device_async(void* device, void const* pinned, std::size_t bytes,
                                      StreamView stream) {
  if (bytes == 0 || device == pinned) return;
  enqueue(DeviceStage::kCopyIn, stream, [&](cudaStream_t on) {
    check(cudaMemcpyAsync(device, pinned, bytes, cudaMemcpyHostToDevice, on),
          "cudaMemcpyAsync to the device");
  });
}

void CudaDevice::copy_to_host_async(void* pinned, void const* device, std::size_t bytes,
                                    StreamView stream) {
  if (bytes == 0 || device == pinned) return;
  enqueue(DeviceStage::kCopyOut, stream, [&](cudaStream_t on) {
    check(cudaMemcpyAsync(pinned, device, bytes, cudaMemcpyDeviceToHost, on),
          "cudaMemcpyAsync to the host");
  });
}

void CudaDevice::clear_async(void* device, std::size_t bytes, StreamView stream) {
  if (bytes == 0) return;
  enqueue(DeviceStage::kClear, stream, [&](cudaStream_t on) {
    check(cudaMemsetAsync(device, 0, bytes, on), "cudaMemsetAsync");
  });
}

template <class Kernel>
void CudaDevice::launch(DeviceStage stage, typename Kernel::Args const& args, uint32_t block_count,
                        StreamView stream) {
  if (block_count == 0) return;
  enqueue(stage, stream, [&](cudaStream_t on) {
    launches::launch<Kernel>(args, {block_count, thread_counts_[kKernelIndex<Kernel>]}, on);
  });
}

void CudaDevice::search_index_async(IndexSearch::Args const& args, StreamView stream) {
  launch<IndexSearch>(DeviceStage::kSearch, args, args.run_count, stream);
}

void CudaDevice::narrow_async(Narrow::Args const& args, StreamView stream) {
  launch<Narrow>(DeviceStage::kFilter, args, 1, stream);
}

void CudaDevice::filter_async(FilterArgs const& args, uint32_t tile_count, StreamView stream) {
  launch<Filter>(DeviceStage::kFilter, args, tile_count, stream);
}

void CudaDevice::gather_async(Gather::Args const& args, uint32_t tile_count, StreamView stream) {
  launch<Gather>(DeviceStage::kGather, args, tile_count, stream);
}

void CudaDevice::resolve_ranges_async(ResolveRanges::Args const& args, StreamView stream) {
  launch<ResolveRanges>(DeviceStage::kResolve, args,
                        tiles_over(args.candidate_count, kTileCandidates), stream);
}

void CudaDevice::resolve_mark_async(ResolveMark::Args const& args, uint32_t tile_count,
                                    StreamView stream) {
  launch<ResolveMark>(DeviceStage::kResolve, args, tile_count, stream);
}

void CudaDevice::resolve_probe_async(ResolveProbe::Args const& args, StreamView stream) {
  launch<ResolveProbe>(DeviceStage::kResolve, args,
                       tiles_over(args.candidate_count, kTileCandidates), stream);
}

void CudaDevice::resolve_merge_async(ResolveMerge::Args const& args, StreamView stream) {
  launch<ResolveMerge>(DeviceStage::kResolve, args,
                       tiles_over(args.candidate_count, kTileCandidates), stream);
}

void CudaDevice::complete_deferred_async(CompleteDeferred::Args const& args, StreamView stream) {
  launch<CompleteDeferred>(DeviceStage::kComplete, args,
                           tiles_over(args.value_count, kTileDeferred), stream);
}

void CudaDevice::pick_rows_async(PickRows::Args const& args, StreamView stream) {
  launch<PickRows>(DeviceStage::kAggregate, args, tiles_over(args.count, kTileRows), stream);
}

void CudaDevice::measure_rows_async(MeasureRows::Args const& args, StreamView stream) {
  launch<MeasureRows>(DeviceStage::kEmit, args, tiles_over(args.rows.row_count, kTileRows), stream);
}

void CudaDevice::fit_rows_async(FitRows::Args const& args, StreamView stream) {
  launch<FitRows>(DeviceStage::kEmit, args, 1, stream);
}

void CudaDevice::emit_rows_async(EmitRows::Args const& args, StreamView stream) {
  launch<EmitRows>(DeviceStage::kEmit, args, tiles_over(args.rows.row_count, kTileRows), stream);
}

void CudaDevice::locate_segments_async(LocateSegments::Args const& args, StreamView stream) {
  launch<LocateSegments>(DeviceStage::kEmit, args, tiles_over(args.row_count, kTileLocatedRows),
                         stream);
}

void CudaDevice::verify_blocks_async(VerifyBlocks::Args const& args, StreamView stream) {
  launch<VerifyBlocks>(DeviceStage::kVerify, args, tiles_over(args.block_count, kTileCheckedBlocks),
                       stream);
}

std::size_t CudaDevice::scratch_bytes(AlgorithmLimits const& limits) const {
  uint32_t const intervals = limits.intervals_max;
  uint32_t const candidates = limits.candidates_max;
  AggregateRow const source{};
  return run([&] {
    std::size_t most_bytes = 0;
    auto const ask = [&](char const* name, auto const& algorithm) {
      most_bytes = std::max(most_bytes, storage_needed(name, algorithm, nullptr));
    };
    ask("scan_counts", [&](void* storage, std::size_t& bytes, cudaStream_t stream) {
      return launches::scan_counts(storage, bytes, nullptr, intervals, stream);
    });
    ask("select_alive", [&](void* storage, std::size_t& bytes, cudaStream_t stream) {
      return launches::select_alive(storage, bytes, nullptr, candidates, nullptr, nullptr, stream);
    });
    ask("keep_alive", [&](void* storage, std::size_t& bytes, cudaStream_t stream) {
      return launches::keep_alive(storage, bytes, nullptr, candidates, nullptr, nullptr, stream);
    });
    ask("order_rows", [&](void* storage, std::size_t& bytes, cudaStream_t stream) {
      return launches::order_rows(storage, bytes, nullptr, candidates, CandidateLess{}, stream);
    });
    ask("scan_row_bytes", [&](void* storage, std::size_t& bytes, cudaStream_t stream) {
      return launches::scan_row_bytes(storage, bytes, nullptr, candidates, stream);
    });
    ask("aggregate", [&](void* storage, std::size_t& bytes, cudaStream_t stream) {
      return launches::aggregate(storage, bytes, source, candidates, nullptr, stream);
    });
    ask("aggregate_segments", [&](void* storage, std::size_t& bytes, cudaStream_t stream) {
      return launches::aggregate_segments(storage, bytes, source, nullptr, candidates, nullptr,
                                          nullptr, nullptr, stream);
    });
    return most_bytes;
  });
}

template <class Algorithm>
void CudaDevice::run_algorithm(DeviceStage stage, char const* name, Scratch scratch,
                               StreamView stream, Algorithm const& algorithm) {
  enqueue(stage, stream, [&](cudaStream_t on) {
    std::size_t bytes = storage_needed(name, algorithm, on);
    if (bytes > scratch.bytes) {
      throw DeviceError(std::string("scratch memory is too small: algorithm ") + name + " needs " +
                        std::to_string(bytes) + " bytes, and there are " +
                        std::to_string(scratch.bytes));
    }
    check_algorithm(algorithm(scratch.device, bytes, on), name);
  });
}

void CudaDevice::scan_counts_async(IntervalCount* counts, uint32_t count, Scratch scratch,
                                   StreamView stream) {
  if (count == 0) return;
  run_algorithm(DeviceStage::kGather, "scan_counts", scratch, stream,
                [&](void* storage, std::size_t& bytes, cudaStream_t on) {
                  return launches::scan_counts(storage, bytes, counts, count, on);
                });
}

void CudaDevice::select_alive_async(Candidate const* candidates, uint32_t count, uint32_t* rows,
                                    uint32_t* row_count, Scratch scratch, StreamView stream) {
  if (count == 0) return clear_async(row_count, sizeof *row_count, stream);
  run_algorithm(DeviceStage::kSelect, "select_alive", scratch, stream,
                [&](void* storage, std::size_t& bytes, cudaStream_t on) {
                  return launches::select_alive(storage, bytes, candidates, count, rows, row_count,
                                                on);
                });
}

void CudaDevice::order_candidates_async(uint32_t* rows, uint32_t count, CandidateLess less,
                                        Scratch scratch, StreamView stream) {
  if (count == 0) return;
  enqueue(DeviceStage::kResolve, stream, [&](cudaStream_t on) {
    check_algorithm(launches::list_candidates(rows, count, on), "list_candidates");
  });
  run_algorithm(DeviceStage::kResolve, "order_rows", scratch, stream,
                [&](void* storage, std::size_t& bytes, cudaStream_t on) {
                  return launches::order_rows(storage, bytes, rows, count, less, on);
                });
}

void CudaDevice::keep_alive_async(Candidate const* candidates, uint32_t count, uint32_t* rows,
                                  uint32_t* row_count, Scratch scratch, StreamView stream) {
  if (count == 0) return clear_async(row_count, sizeof *row_count, stream);
  run_algorithm(DeviceStage::kSelect, "keep_alive", scratch, stream,
                [&](void* storage, std::size_t& bytes, cudaStream_t on) {
                  return launches::keep_alive(storage, bytes, candidates, count, rows, row_count,
                                              on);
                });
}

void CudaDevice::order_rows_async(uint32_t* rows, uint32_t count, CandidateLess less,
                                  Scratch scratch, StreamView stream) {
  if (count < 2) return;
  run_algorithm(DeviceStage::kSelect, "order_rows", scratch, stream,
                [&](void* storage, std::size_t& bytes, cudaStream_t on) {
                  return launches::order_rows(storage, bytes, rows, count, less, on);
                });
}

void CudaDevice::scan_row_bytes_async(uint64_t* row_bytes, uint32_t count, Scratch scratch,
                                      StreamView stream) {
  if (count == 0) return;
  run_algorithm(DeviceStage::kEmit, "scan_row_bytes", scratch, stream,
                [&](void* storage, std::size_t& bytes, cudaStream_t on) {
                  return launches::scan_row_bytes(storage, bytes, row_bytes, count, on);
                });
}

void CudaDevice::aggregate_async(AggregateRow const& source, uint32_t count, Aggregate* sum,
                                 Scratch scratch, StreamView stream) {
  run_algorithm(DeviceStage::kAggregate, "aggregate", scratch, stream,
                [&](void* storage, std::size_t& bytes, cudaStream_t on) {
                  return launches::aggregate(storage, bytes, source, count, sum, on);
                });
}

void CudaDevice::aggregate_segments_async(AggregateRow const& source, uint32_t const* segments,
                                          uint32_t count, uint32_t* sum_segments, Aggregate* sums,
                                          uint32_t* sum_count, Scratch scratch, StreamView stream) {
  if (count == 0) return clear_async(sum_count, sizeof *sum_count, stream);
  run_algorithm(DeviceStage::kAggregate, "aggregate_segments", scratch, stream,
                [&](void* storage, std::size_t& bytes, cudaStream_t on) {
                  return launches::aggregate_segments(storage, bytes, source, segments, count,
                                                      sum_segments, sums, sum_count, on);
                });
}

std::string cuda_unavailable_reason() {
  int driver_version = 0;
  cudaError_t status = cudaDriverGetVersion(&driver_version);
  int device_count = 0;
  if (status == cudaSuccess && driver_version != 0) status = cudaGetDeviceCount(&device_count);
  static_cast<void>(cudaGetLastError());
  if (status == cudaSuccess && driver_version == 0) {
    return "this machine has no NVIDIA driver (libcuda.so.1 cannot be loaded)";
  }
  if (status != cudaSuccess) return "CUDA does not start: " + describe(status);
  if (device_count == 0) return "this machine has no CUDA device";
  return {};
}

std::string cuda_description() {
  int driver_version = 0;
  int runtime_version = 0;
  int device_count = 0;
  if (!cuda_unavailable_reason().empty() || cudaDriverGetVersion(&driver_version) != cudaSuccess ||
      cudaRuntimeGetVersion(&runtime_version) != cudaSuccess ||
      cudaGetDeviceCount(&device_count) != cudaSuccess) {
    static_cast<void>(cudaGetLastError());
    return {};
  }
  std::string text;
  for (int ordinal = 0; ordinal < device_count; ++ordinal) {
    if (ordinal != 0) text += '\n';
    text += std::to_string(ordinal) + ": ";
    cudaDeviceProp properties;
    cudaError_t const status = cudaGetDeviceProperties(&properties, ordinal);
    if (status != cudaSuccess) {
      static_cast<void>(cudaGetLastError());
      text += describe(status);
      continue;
    }
    text += std::string(properties.name) + ", compute capability " +
            std::to_string(properties.major) + "." + std::to_string(properties.minor) + ", " +
            std::to_string(properties.multiProcessorCount) + " multiprocessors, " +
            std::to_string(properties.totalGlobalMem >> 20) + " MiB, driver for CUDA " +
            version_text(driver_version) + ", runtime " + version_text(runtime_version);
  }
  return text;
}

std::unique_ptr<Device> make_cuda_device(int ordinal, bool tells_times) {
  std::string const reason = cuda_unavailable_reason();
  if (!reason.empty()) throw DeviceError(reason);
  return std::make_unique<CudaDevice>(ordinal, tells_times);
}

}  // namespace levelscan
