// The one check of every call of the CUDA runtime and every launch.
#pragma once

#include <cuda_runtime_api.h>

#include <string>

#include "device/device_error.hpp"

namespace levelscan {

class CudaError : public DeviceError {
 public:
  CudaError(cudaError_t status, std::string const& what);

  // True when nothing works in this process's CUDA context any more.
  [[nodiscard]] bool loses_device() const noexcept;

 private:
  cudaError_t status_;
};

// "cudaErrorInvalidValue (invalid argument)".
[[nodiscard]] std::string describe(cudaError_t status);

// `what`: the call, or the kernel that was launched. Throws CudaError and takes the error out of
// the runtime's own record, so that the next launch isn't blamed for it.
void check(cudaError_t status, char const* what);

}  // namespace levelscan
