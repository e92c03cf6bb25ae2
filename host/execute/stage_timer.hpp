// The time of a stage of a task, while it exists: in the statistics and for profilers.
#pragma once

#include <chrono>
#include <cstdint>

#include "device/profiler_range.hpp"
#include "execute/scan_result.hpp"

namespace levelscan {

class StageTimer {
 public:
  // `stage`: the member that the nanoseconds are added to.
  StageTimer(ScanStatistics& statistics, uint64_t ScanStatistics::*stage);
  StageTimer(StageTimer const&) = delete;
  StageTimer& operator=(StageTimer const&) = delete;
  ~StageTimer();

 private:
  ProfilerRange range_;
  uint64_t& nanoseconds_;
  std::chrono::steady_clock::time_point begin_;
};

}  // namespace levelscan
