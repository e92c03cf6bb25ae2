// How fast a card copies: what `doctor` tells of it.
#include <cuda_runtime_api.h>

#include "cuda/cuda_device.hpp"
#include "cuda/cuda_error.hpp"
#include "cuda/timing_event.hpp"
#include "device/memory.hpp"

namespace levelscan {
namespace {

constexpr int kCopies = 10;

// A stream that waits for no other.
class Stream {
 public:
  Stream() {
    check(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
  }
  Stream(Stream const&) = delete;
  Stream& operator=(Stream const&) = delete;
  ~Stream() {
    static_cast<void>(cudaStreamDestroy(stream_));
    static_cast<void>(cudaGetLastError());
  }
  [[nodiscard]] cudaStream_t get() const { return stream_; }

 private:
  cudaStream_t stream_ = nullptr;
};

// Bytes a second.
double copy_rate(void* to, void const* from, std::size_t bytes, cudaMemcpyKind kind,
                 cudaStream_t stream) {
  TimingEvent begin;
  TimingEvent end;
  begin.create();
  end.create();
  auto const copy = [&] {
    check(cudaMemcpyAsync(to, from, bytes, kind, stream), "cudaMemcpyAsync");
  };
  copy();  // the first one may wake the card
  begin.record(stream);
  for (int i = 0; i < kCopies; ++i) copy();
  end.record(stream);
  check(cudaStreamSynchronize(stream), "cudaStreamSynchronize");
  auto const nanoseconds = static_cast<double>(end.nanoseconds_since(begin));
  return nanoseconds > 0 ? 1e9 * kCopies * static_cast<double>(bytes) / nanoseconds : 0;
}

}  // namespace

CudaBandwidth measure_cuda_bandwidth(int ordinal, std::size_t bytes) {
  CudaDevice device(ordinal);
  MirroredBytes const memory(device, bytes);
  DeviceBytes const copy(device, bytes);
  check(cudaSetDevice(ordinal), "cudaSetDevice");
  Stream const stream;
  return {copy_rate(memory.device(), memory.host(), bytes, cudaMemcpyHostToDevice, stream.get()),
          copy_rate(copy.data(), memory.device(), bytes, cudaMemcpyDeviceToDevice, stream.get())};
}

}  // namespace levelscan
