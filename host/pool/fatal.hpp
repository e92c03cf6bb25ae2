// What happens when a programmer broke a rule that no caller can recover from: a message on stderr
// and abort. Thread-safe.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace levelscan {

[[noreturn]] inline void fatal(char const* message) noexcept {
  std::fprintf(stderr, "levelscan: fatal: %s\n", message);
  std::fflush(stderr);
  std::abort();
}

}  // namespace levelscan
