// What lets one source compile under g++, clang and nvcc.
#pragma once

#if defined(__CUDACC__)
#define LEVELSCAN_HOST_DEVICE __host__ __device__
#define LEVELSCAN_KERNEL __device__
// For what a sort or a reduction calls: inlined into their unrolled loops it takes ptxas minutes.
#define LEVELSCAN_OUT_OF_LINE __host__ __device__ __noinline__
#else
#define LEVELSCAN_HOST_DEVICE
#define LEVELSCAN_KERNEL
#define LEVELSCAN_OUT_OF_LINE
#endif

// For the few functions that run once or more for every entry of a database.
#if defined(__CUDACC__)
#define LEVELSCAN_INLINE __forceinline__
#else
#define LEVELSCAN_INLINE inline __attribute__((always_inline))
#endif

// For a loop over entries that should keep what it needs in registers: on a CPU it is a function of
// its own, whatever is around it.
#if defined(__CUDACC__)
#define LEVELSCAN_LOOP __forceinline__
#else
#define LEVELSCAN_LOOP inline __attribute__((noinline))
#endif
