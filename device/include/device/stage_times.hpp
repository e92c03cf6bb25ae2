// What a device's own clock says of the work on its streams, where it has a clock.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace levelscan {

// What an operation on a stream is for.
enum class DeviceStage : uint8_t {
  kCopyIn,
  kClear,
  kSearch,    // of index blocks
  kVerify,    // checksums of data blocks
  kFilter,    // narrowing comes first
  kGather,    // the candidates' counts are summed up first
  kResolve,   // putting in order what is merged, too
  kComplete,  // values that don't stand in blocks
  kSelect,    // who is left, and in which order
  kEmit,      // rows, and in which segment each lies
  kAggregate,
  kCopyOut,
};

inline constexpr std::array<std::string_view, 12> kDeviceStageNames{
    "copy_in", "clear",    "search", "verify", "filter",    "gather",
    "resolve", "complete", "select", "emit",   "aggregate", "copy_out"};
inline constexpr std::size_t kDeviceStageCount = kDeviceStageNames.size();
static_assert(static_cast<std::size_t>(DeviceStage::kCopyOut) + 1 == kDeviceStageCount);

constexpr bool is_copy(DeviceStage stage) {
  return stage == DeviceStage::kCopyIn || stage == DeviceStage::kCopyOut;
}

// Nanoseconds. An operation takes from when its stream comes to it until the stream has done it:
// what the operation waits for (a busy device, its own launch) counts.
struct StageTimes {
  std::array<uint64_t, kDeviceStageCount> stages{};  // added up over streams
  // While one stream at least is at a copy; at anything else; at each of both kinds.
  uint64_t copying = 0;
  uint64_t computing = 0;
  uint64_t both = 0;

  [[nodiscard]] uint64_t of(DeviceStage stage) const {
    return stages[static_cast<std::size_t>(stage)];
  }
};

}  // namespace levelscan
