// What a window's segments take up in a scan buffer, by which a layout has room for some and a
// window has as many as there is room for.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/aggregate.hpp"
#include "kernels/segments.hpp"

namespace levelscan {

// Of the result space: what is summed up of one run's rows in a segment, and in which that is.
inline constexpr std::size_t kSegmentSumBytes = sizeof(Aggregate) + sizeof(uint32_t);

// Of the result space: how many rows a segment has, and sums of those of `summed_runs` runs.
[[nodiscard]] constexpr std::size_t segment_result_bytes(std::size_t summed_runs) {
  return sizeof(uint32_t) + summed_runs * kSegmentSumBytes;
}

// Of the control block: a segment and the keys of its bounds, of `key_bytes` each.
[[nodiscard]] constexpr std::size_t segment_control_bytes(std::size_t key_bytes) {
  return sizeof(Segment) + 2 * key_bytes;
}

}  // namespace levelscan
