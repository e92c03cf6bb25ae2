// The statistics of a scan as one line of JSON, and as text for people. Pure functions;
// thread-safe.
#pragma once

#include <string>

#include "execute/scan_result.hpp"

namespace levelscan {

// No line end.
[[nodiscard]] std::string statistics_json(ScanStatistics const& statistics);

// A few lines, each with its line end.
[[nodiscard]] std::string statistics_text(ScanStatistics const& statistics);

}  // namespace levelscan
