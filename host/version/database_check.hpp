// Reads every block of every live file of a database: CURRENT, MANIFEST, the tables and blob files
// of all column families, write-ahead logs.
//
// Reads only, with as many threads as asked for, a table each at a time.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "levelscan/error.hpp"
#include "version/database_version.hpp"

namespace levelscan {

struct CheckProgress {
  uint64_t files = 0;
  uint64_t files_total = 0;
  uint64_t blocks = 0;
  uint64_t bytes = 0;        // of files that are done, and of blocks in others
  uint64_t bytes_total = 0;  // of all files, by the MANIFEST
};

struct CheckResult {
  CheckProgress read;
  uint64_t problems = 0;     // bad blocks and files
  uint64_t unsupported = 0;  // what could not be checked, by name
};

struct CheckOptions {
  OpenOptions open;
  uint32_t threads = 1;
  // Each may be called by any thread, one at a time.
  std::function<void(Error const&)> on_problem;
  std::function<void(CheckProgress const&)> on_progress;  // after each block; may be empty
  std::atomic<bool> const* interrupted = nullptr;
};

// Problems go to `options.on_problem`. Throws Error: kNotADatabase, kInterrupted, kRuntime.
[[nodiscard]] CheckResult check_database(std::string const& path, CheckOptions const& options);

}  // namespace levelscan
