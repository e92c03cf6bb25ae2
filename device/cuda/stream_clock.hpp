// How long the operations on streams take, by CUDA's events, and which of them ran at the same
// time. An event is recorded before and behind each operation; all events are made with their
// stream.
#pragma once

#include <cuda_runtime_api.h>

#include <array>
#include <cstdint>
#include <mutex>
#include <vector>

#include "cuda/timing_event.hpp"
#include "device/stage_times.hpp"

namespace levelscan {

// What the streams of a device did, on one time line. 24 bytes for each operation until take().
//
// Thread-safe.
class StreamTimeline {
 public:
  struct Interval {
    uint64_t begin_ns;  // since the first stream's beginning
    uint64_t end_ns;
    DeviceStage stage;
  };

  // Records `event` on `stream`, waits for it, and returns its place.
  [[nodiscard]] uint64_t place_ns(TimingEvent& event, cudaStream_t stream);
  void add(std::vector<Interval> const& intervals);
  // Of what was added since the last call.
  [[nodiscard]] StageTimes take();

 private:
  std::mutex mutex_;
  TimingEvent origin_;
  bool has_origin_ = false;
  std::vector<Interval> intervals_;
};

// Of one stream. Used by one thread at a time, with the stream's device selected. Errors:
// CudaError.
class StreamClock {
 public:
  // Operations whose times can be waited for; one more waits for the stream first.
  static constexpr uint32_t kOperationsMax = 64;

  // REQUIRES: stream and timeline outlive it.
  StreamClock(cudaStream_t stream, StreamTimeline& timeline);

  // Around an operation. One that fails has no end.
  void begin(DeviceStage stage);
  void end();
  // REQUIRES: the stream has been waited for since the last end().
  void collect();

 private:
  struct Operation {
    TimingEvent begin;
    TimingEvent end;
    DeviceStage stage = DeviceStage::kCopyIn;
  };

  cudaStream_t stream_;
  StreamTimeline& timeline_;
  // The last one that was read: times are told from it on, so that they are short, because CUDA
  // tells them as floats.
  TimingEvent reference_;
  uint64_t reference_ns_ = 0;
  std::array<Operation, kOperationsMax> operations_;
  uint32_t count_ = 0;
  std::vector<StreamTimeline::Interval> read_;
};

}  // namespace levelscan
