// What is left of the CUDA device in a build without it.
#ifndef LEVELSCAN_HAVE_CUDA

#include <memory>
#include <string>

#include "device/device.hpp"
#include "device/profiler_range.hpp"

namespace levelscan {

std::string cuda_unavailable_reason() { return "levelscan was built without CUDA"; }

std::string cuda_description() { return {}; }

CudaBandwidth measure_cuda_bandwidth(int, std::size_t) {
  throw DeviceError(cuda_unavailable_reason());
}

std::unique_ptr<Device> make_cuda_device(int, bool) {
  throw DeviceError(cuda_unavailable_reason());
}

ProfilerRange::ProfilerRange(char const*) noexcept {}

ProfilerRange::~ProfilerRange() = default;

}  // namespace levelscan

#endif
