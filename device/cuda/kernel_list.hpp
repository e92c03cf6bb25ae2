// Every kernel that levelscan launches, once, with the items of its largest phase in a block: more
// threads than that would idle.
#pragma once

#include <cstddef>
#include <cstdint>

#include "device/device.hpp"

namespace levelscan {

// A kernel of a single block has as many items as there are runs.
inline constexpr uint32_t kSingleBlockItems = 128;

#define LEVELSCAN_KERNELS(X)                \
  X(IndexSearch, IndexSearch::kItems)       \
  X(Narrow, kSingleBlockItems)              \
  X(Filter, kTileIntervals)                 \
  X(Gather, kTileIntervals)                 \
  X(ResolveRanges, kTileCandidates)         \
  X(ResolveMark, kTileIntervals)            \
  X(ResolveProbe, kTileCandidates)          \
  X(ResolveMerge, kTileCandidates)          \
  X(CompleteDeferred, kTileDeferred)        \
  X(PickRows, kTileRows)                    \
  X(MeasureRows, kTileRows)                 \
  X(FitRows, 1)                             \
  X(EmitRows, kTileRows)                    \
  X(LocateSegments, LocateSegments::kItems) \
  X(VerifyBlocks, kTileCheckedLanes)

struct KernelTraits {
  char const* name;        // as errors and profiles show it
  uint32_t items_a_block;  // at most
};

inline constexpr KernelTraits kKernels[] = {
#define LEVELSCAN_KERNEL_TRAITS(Kernel, items) {#Kernel, items},
    LEVELSCAN_KERNELS(LEVELSCAN_KERNEL_TRAITS)
#undef LEVELSCAN_KERNEL_TRAITS
};
inline constexpr std::size_t kKernelCount = sizeof(kKernels) / sizeof(kKernels[0]);

namespace detail {
enum class KernelIndex : std::size_t {
#define LEVELSCAN_KERNEL_INDEX(Kernel, items) k##Kernel,
  LEVELSCAN_KERNELS(LEVELSCAN_KERNEL_INDEX)
#undef LEVELSCAN_KERNEL_INDEX
};
template <class Kernel>
struct IndexOf;
#define LEVELSCAN_KERNEL_INDEX_OF(Kernel, items)                 \
  template <>                                                    \
  struct IndexOf<Kernel> {                                       \
    static constexpr KernelIndex value = KernelIndex::k##Kernel; \
  };
LEVELSCAN_KERNELS(LEVELSCAN_KERNEL_INDEX_OF)
#undef LEVELSCAN_KERNEL_INDEX_OF
}  // namespace detail

// A kernel's place in kKernels.
template <class Kernel>
inline constexpr std::size_t kKernelIndex =
    static_cast<std::size_t>(detail::IndexOf<Kernel>::value);

}  // namespace levelscan
