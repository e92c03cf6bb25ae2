// What a bench measured, as a table for people and as lines of JSON for machines, with what it was
// measured on: the machine, the commit, the versions. Pure functions but for asking the machine.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "peer/bench.hpp"

namespace levelscan {

[[nodiscard]] std::string bench_text(BenchReport const& report);

// One line for each measurement; `more` is an object whose members each line begins with.
[[nodiscard]] std::string bench_json(BenchReport const& report, nlohmann::ordered_json const& more);

// Of two kinds of time.
struct Ratios {
  double elapsed = 0;  // 0: nothing to compare with was measured
  double cpu = 0;
};

// How often the measurement fits into the time of the faster iterator with as many threads, cold
// where it is cold.
[[nodiscard]] Ratios iterator_ratios(BenchReport const& report, Measurement const& measurement);

// How often the time of reading and checksumming fits into the measurement.
[[nodiscard]] Ratios read_ratios(BenchReport const& report, Measurement const& measurement);

}  // namespace levelscan
