// What is left of the CUDA device in a build without it.
#ifndef LEVELSCAN_HAVE_CUDA

#include <memory>
#include <string>

#include "device/device.hpp"

namespace levelscan {

std::string cuda_unavailable_reason() { return "levelscan was built without CUDA"; }

std::string cuda_description() { return {}; }

CudaBandwidth measure_cuda_bandwidth(int, std::size_t) {
  throw DeviceError(cuda_unavailable_reason());
}

std::unique_ptr<Device> make_cuda_device(int) { throw DeviceError(cuda_unavailable_reason()); }

}  // namespace levelscan

#endif
