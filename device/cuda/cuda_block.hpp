// The GPU's thread block: lanes are threads, and a phase ends with a barrier. Kept tiny, because
// nothing but a GPU exercises it.
#pragma once

#include <cstdint>

#include "kernels/block.hpp"

namespace levelscan {

class CudaBlock {
 public:
  static constexpr bool kInOrder = false;

  __device__ uint32_t index() const { return blockIdx.x; }

  template <class Item>
  __device__ void for_each(uint32_t count, Item&& item) {
    for (uint32_t i = threadIdx.x; i < count; i += blockDim.x) item(i);
    __syncthreads();
  }

  __device__ uint32_t fetch_add(uint32_t& word, uint32_t n) { return atomicAdd(&word, n); }

  __device__ uint64_t fetch_add(uint64_t& word, uint64_t n) {
    static_assert(sizeof(uint64_t) == sizeof(unsigned long long));
    return atomicAdd(reinterpret_cast<unsigned long long*>(&word), n);
  }
};

static_assert(KernelBlock<CudaBlock>);

}  // namespace levelscan
