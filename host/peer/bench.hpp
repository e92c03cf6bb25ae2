// `levelscan bench`: one query over one database by librocksdb's iterator and by levelscan, each
// with one thread and with all, on a GPU where there is one, and beside them what the machine needs
// to read, checksum, decompress and copy the same files. All in one process, round after round in
// turn; rows go through the same csv code into /dev/null. Before the rounds every contender runs
// once, which warms up, and is checked: all answers must be the same.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "execute/scanner.hpp"
#include "peer/rounds.hpp"
#include "query/query.hpp"
#include "version/database_version.hpp"

namespace levelscan {

struct BenchOptions {
  ScannerOptions scanner;  // threads: of those contenders that have more than one
  OpenOptions open;
  uint32_t rounds = 5;
  bool cold = false;              // each reader once more with the files not in memory
  bool peak_memory = false;       // first of all run readers in processes of their own
  std::vector<std::string> only;  // names of contenders; empty: all that this machine can
};

// Who ran. `name` is for flags and machines, `text` for people.
struct Measurement {
  std::string name;
  std::string text;
  uint32_t threads = 1;
  bool is_levelscan = false;
  Spread seconds;                            // elapsed
  Spread cpu_seconds;                        // of all threads
  std::optional<ScanStatistics> statistics;  // of levelscan's last run
  std::optional<uint64_t> peak_memory_bytes;
};

struct BenchReport {
  std::string path;
  std::string query;        // for people
  uint64_t file_bytes = 0;  // of the tables that overlap the range
  uint64_t tables = 0;
  uint64_t runs = 0;
  uint64_t entries = 0;    // by the tables' properties
  uint64_t rows_seen = 0;  // by an iterator: live rows in the range
  uint64_t rows_found = 0;
  uint64_t text_bytes = 0;  // of all rows as csv
  uint32_t rounds = 0;
  bool verify_checksums = true;
  std::vector<std::string> remarks;  // who could not run, and why
  std::vector<Measurement> measurements;

  [[nodiscard]] Measurement const* find(std::string_view name) const;
};

// Throws Error: kUsage (an unknown name, a query that an iterator can't answer), kDifference when
// two answers differ, and as scans do.
[[nodiscard]] BenchReport run_bench(std::string const& path, Query const& query,
                                    BenchOptions const& options,
                                    std::atomic<bool> const* interrupted = nullptr);

// Instead of a scan: opening the database, and planning a scan of all of it.
[[nodiscard]] BenchReport run_open_bench(std::string const& path, BenchOptions const& options,
                                         std::atomic<bool> const* interrupted = nullptr);

}  // namespace levelscan
