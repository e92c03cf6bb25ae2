#include "execute/stage_timer.hpp"

namespace levelscan {
namespace {

// As profilers show it.
char const* name_of(uint64_t ScanStatistics::*stage) {
  if (stage == &ScanStatistics::fill_index_ns) return "fill_index";
  if (stage == &ScanStatistics::locate_ns) return "locate";
  if (stage == &ScanStatistics::fill_data_ns) return "fill_data";
  if (stage == &ScanStatistics::filter_ns) return "filter";
  if (stage == &ScanStatistics::resolve_ns) return "resolve";
  if (stage == &ScanStatistics::complete_ns) return "complete";
  return "emit";
}

}  // namespace

StageTimer::StageTimer(ScanStatistics& statistics, uint64_t ScanStatistics::*stage)
    : range_(name_of(stage)),
      nanoseconds_(statistics.*stage),
      begin_(std::chrono::steady_clock::now()) {}

StageTimer::~StageTimer() {
  auto const elapsed = std::chrono::steady_clock::now() - begin_;
  nanoseconds_ +=
      static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(elapsed).count());
}

}  // namespace levelscan
