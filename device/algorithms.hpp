// What the device-wide algorithms do with their items, on either peer: the CPU's are Thrust's or
// its own (cpu/cpu_algorithms.cpp), CUDA's are CUB's (cuda/launches.cu).
#pragma once

#include <cstdint>

#include "kernels/candidate.hpp"

namespace levelscan::algorithms {

struct RowIsAlive {
  Candidate const* candidates;

  LEVELSCAN_HOST_DEVICE bool operator()(uint32_t row) const {
    return candidate_is_alive(candidates[row]);
  }
};

struct AddRowBytes {
  LEVELSCAN_HOST_DEVICE uint64_t operator()(uint64_t a, uint64_t b) const { return a + b; }
};

}  // namespace levelscan::algorithms
