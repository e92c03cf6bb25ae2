// `levelscan demo`: makes a sample database with librocksdb, runs analytic scans over it with
// levelscan and with librocksdb's iterator, checks that every answer is the same, and prints both
// times. One thread at a time.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "execute/scanner.hpp"

namespace levelscan {

struct DemoOptions {
  std::string directory;  // where the database is kept; empty: below the temporary directory
  ScannerOptions scanner;
  bool explains_backend = false;  // on stderr
  uint32_t rounds = 3;            // of each scan, of both, in turn; the median counts
};

// The table goes to stdout, progress and differences to stderr. Returns the exit code: 0, or
// ErrorCode::kDifference. Throws Error.
[[nodiscard]] int run_demo(DemoOptions const& options,
                           std::atomic<bool> const* interrupted = nullptr);

}  // namespace levelscan
