// The functions of the CUDA runtime that levelscan calls, answered by the stand-in. One that is
// missing here doesn't link.
#include <cuda_runtime_api.h>

#include <cstring>

#include "cuda/stand_in.hpp"

using levelscan::test::CudaStandIn;

namespace {

CudaStandIn& stand_in() { return CudaStandIn::instance(); }

}  // namespace

extern "C" {

cudaError_t cudaGetLastError() { return stand_in().take_last_error(); }

char const* cudaGetErrorName(cudaError_t status) {
  switch (status) {
    case cudaErrorMemoryAllocation: return "cudaErrorMemoryAllocation";
    case cudaErrorIllegalAddress: return "cudaErrorIllegalAddress";
    case cudaErrorLaunchFailure: return "cudaErrorLaunchFailure";
    case cudaErrorInvalidValue: return "cudaErrorInvalidValue";
    case cudaErrorCudartUnloading: return "cudaErrorCudartUnloading";
    default: return "cudaError";
  }
}

char const* cudaGetErrorString(cudaError_t) { return "from the stand-in"; }

cudaError_t cudaDriverGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}

cudaError_t cudaGetDeviceCount(int* count) {
  return stand_in().call("cudaGetDeviceCount", [&] {
    *count = CudaStandIn::kDeviceCount;
    return cudaSuccess;
  });
}

cudaError_t cudaSetDevice(int ordinal) {
  return stand_in().call("cudaSetDevice", [&] { return stand_in().select_device(ordinal); });
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int) {
  return stand_in().call("cudaGetDeviceProperties", [&] {
    *properties = {};
    std::strcpy(properties->name, "stand-in");
    properties->major = 9;
    properties->totalGlobalMem = stand_in().device_bytes_all();
    properties->multiProcessorCount = 4;
    return cudaSuccess;
  });
}

cudaError_t cudaMemGetInfo(size_t* free_bytes, size_t* all_bytes) {
  return stand_in().call("cudaMemGetInfo", [&] {
    *free_bytes = stand_in().device_bytes_free();
    *all_bytes = stand_in().device_bytes_all();
    return cudaSuccess;
  });
}

cudaError_t cudaMalloc(void** memory, size_t bytes) {
  return stand_in().call("cudaMalloc", [&] { return stand_in().allocate_device(memory, bytes); });
}

cudaError_t cudaFree(void* memory) {
  return stand_in().destroy("cudaFree", [&] { return stand_in().free_device(memory); });
}

cudaError_t cudaHostAlloc(void** memory, size_t bytes, unsigned) {
  return stand_in().call("cudaHostAlloc",
                         [&] { return stand_in().allocate_pinned(memory, bytes); });
}

cudaError_t cudaFreeHost(void* memory) {
  return stand_in().destroy("cudaFreeHost", [&] { return stand_in().free_pinned(memory); });
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  return stand_in().call("cudaStreamCreateWithFlags",
                         [&] { return stand_in().create_stream(stream, flags); });
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  return stand_in().destroy("cudaStreamDestroy", [&] { return stand_in().destroy_stream(stream); });
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  return stand_in().call("cudaStreamSynchronize", [&] { return stand_in().synchronize(stream); });
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  return stand_in().call("cudaStreamWaitEvent", [&] { return stand_in().wait(stream, event); });
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
  return stand_in().call("cudaEventCreateWithFlags",
                         [&] { return stand_in().create_event(event, flags); });
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  return stand_in().destroy("cudaEventDestroy", [&] { return stand_in().destroy_event(event); });
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  return stand_in().call("cudaEventRecord", [&] { return stand_in().record(event, stream); });
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t begin, cudaEvent_t end) {
  return stand_in().call("cudaEventElapsedTime",
                         [&] { return stand_in().elapsed(milliseconds, begin, end); });
}

cudaError_t cudaMemcpyAsync(void* to, void const* from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  return stand_in().call("cudaMemcpyAsync",
                         [&] { return stand_in().copy(to, from, bytes, kind, stream); });
}

cudaError_t cudaMemsetAsync(void* memory, int value, size_t bytes, cudaStream_t stream) {
  return stand_in().call("cudaMemsetAsync",
                         [&] { return stand_in().set(memory, value, bytes, stream); });
}

}  // extern "C"
