#include "cuda/cuda_error.hpp"

namespace levelscan {

CudaError::CudaError(cudaError_t status, std::string const& what)
    : DeviceError(what + ": " + describe(status)), status_(status) {}

bool CudaError::loses_device() const noexcept {
  // The errors of which the runtime's documentation says that the process must be terminated and
  // relaunched, or that the device is out of order.
  switch (status_) {
    case cudaErrorAssert:
    case cudaErrorContained:
    case cudaErrorContextIsDestroyed:
    case cudaErrorCudartUnloading:
    case cudaErrorDeviceUninitialized:
    case cudaErrorDevicesUnavailable:
    case cudaErrorECCUncorrectable:
    case cudaErrorExternalDevice:
    case cudaErrorHardwareStackError:
    case cudaErrorIllegalAddress:
    case cudaErrorIllegalInstruction:
    case cudaErrorInvalidAddressSpace:
    case cudaErrorInvalidPc:
    case cudaErrorLaunchFailure:
    case cudaErrorLaunchTimeout:
    case cudaErrorMisalignedAddress:
    case cudaErrorMpsClientTerminated:
    case cudaErrorNvlinkUncorrectable:
    case cudaErrorSystemNotReady:
    case cudaErrorTensorMemoryLeak:
    case cudaErrorUnknown: return true;
    default: return false;
  }
}

std::string describe(cudaError_t status) {
  return std::string(cudaGetErrorName(status)) + " (" + cudaGetErrorString(status) + ")";
}

void check(cudaError_t status, char const* what) {
  if (status == cudaSuccess) return;
  static_cast<void>(cudaGetLastError());
  throw CudaError(status, what);
}

}  // namespace levelscan
