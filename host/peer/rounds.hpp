// Measurements that take turns: in each round every contender runs once, so that what disturbs the
// machine meanwhile disturbs all of them. Processor time is measured beside the elapsed: on a
// machine that others use too it moves less. One thread.
#pragma once

#include <time.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "levelscan/error.hpp"

namespace levelscan {

template <class Function>
double seconds_of(Function const& function) {
  auto const begin = std::chrono::steady_clock::now();
  function();
  std::chrono::duration<double> const elapsed = std::chrono::steady_clock::now() - begin;
  return elapsed.count();
}

// Of all threads of this process.
inline double processor_seconds() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

struct Spread {
  double median = 0;
  double least = 0;
  double most = 0;
};

// REQUIRES: not empty.
inline Spread spread_of(std::vector<double> numbers) {
  std::sort(numbers.begin(), numbers.end());
  return {numbers[numbers.size() / 2], numbers.front(), numbers.back()};
}

struct Contender {
  std::string name;
  std::function<void()> run;
  std::function<void()> prepare = {};  // before each run, outside of its time; may be empty
  // Of each measured round.
  std::vector<double> seconds = {};
  std::vector<double> cpu_seconds = {};
};

// Runs `rounds` rounds that are measured.
inline void run_rounds(std::vector<Contender>& contenders, uint32_t rounds,
                       std::atomic<bool> const* interrupted) {
  for (uint32_t round = 0; round < rounds; ++round) {
    for (Contender& contender : contenders) {
      if (interrupted != nullptr && *interrupted) {
        throw Error(ErrorCode::kInterrupted, "interrupted");
      }
      if (contender.prepare) contender.prepare();
      double const cpu_begin = processor_seconds();
      contender.seconds.push_back(seconds_of(contender.run));
      contender.cpu_seconds.push_back(processor_seconds() - cpu_begin);
    }
  }
}

}  // namespace levelscan
