// An owner of an event of CUDA's that tells when its stream reached it.
#pragma once

#include <cuda_runtime_api.h>

#include <cmath>
#include <cstdint>
#include <utility>

#include "cuda/cuda_error.hpp"

namespace levelscan {

// REQUIRES: made, recorded and read with its device selected. Errors: CudaError.
class TimingEvent {
 public:
  TimingEvent() = default;
  TimingEvent(TimingEvent&& other) noexcept : event_(std::exchange(other.event_, nullptr)) {}
  TimingEvent& operator=(TimingEvent&& other) noexcept {
    std::swap(event_, other.event_);
    return *this;
  }
  ~TimingEvent() {
    if (event_ == nullptr) return;
    static_cast<void>(cudaEventDestroy(event_));
    static_cast<void>(cudaGetLastError());
  }

  void create() { check(cudaEventCreateWithFlags(&event_, cudaEventDefault), "cudaEventCreate"); }

  void record(cudaStream_t stream) { check(cudaEventRecord(event_, stream), "cudaEventRecord"); }

  // From `begin` to here. REQUIRES: the streams of both have passed their last recordings.
  [[nodiscard]] uint64_t nanoseconds_since(TimingEvent const& begin) const {
    float milliseconds = 0;
    check(cudaEventElapsedTime(&milliseconds, begin.event_, event_), "cudaEventElapsedTime");
    return static_cast<uint64_t>(std::llround(1e6 * static_cast<double>(milliseconds)));
  }

 private:
  cudaEvent_t event_ = nullptr;
};

}  // namespace levelscan
