#include "device/profiler_range.hpp"

#include <nvtx3/nvToolsExt.h>

namespace levelscan {

ProfilerRange::ProfilerRange(char const* name) noexcept { static_cast<void>(nvtxRangePushA(name)); }

ProfilerRange::~ProfilerRange() { static_cast<void>(nvtxRangePop()); }

}  // namespace levelscan
