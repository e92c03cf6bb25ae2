// The command line as data, and the flags that fill it. Values; one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "execute/scanner.hpp"
#include "output/text_sink.hpp"
#include "query/query.hpp"
#include "version/database_version.hpp"

namespace CLI {
class App;
}  // namespace CLI

namespace levelscan {

enum class StatisticsStyle { kNone, kText, kJson };

// Flags that stand before or after any subcommand.
struct GlobalArguments {
  ScannerOptions scanner;
  StatisticsStyle statistics = StatisticsStyle::kNone;
  bool json = false;
  bool quiet = false;
  bool verbose = false;
};

// Which database, or which table files, and how to open them.
struct DatabaseArguments {
  std::vector<std::string> paths;  // one directory, or one or more files
  OpenOptions options;
};

// Flags that say what to scan and how to print it, as they were given.
struct ScanArguments {
  DatabaseArguments database;
  std::optional<std::string> from;
  std::optional<std::string> to;
  std::optional<std::string> prefix;
  std::optional<std::string> ranges;  // a file
  std::optional<std::string> where;
  std::optional<std::string> select;
  std::optional<std::string> aggregates;
  std::vector<std::string> fields;
  std::optional<uint64_t> limit;
  std::optional<uint64_t> snapshot;
  bool snapshot_held = false;
  std::optional<OutputFormat> format;
  bool hex = false;
  std::optional<std::string> output;
};

// How to measure.
struct BenchArguments {
  uint32_t rounds = 5;
  std::vector<std::string> only;  // names of contenders; empty: all
  bool cold = false;
  bool peak_memory = false;
  bool open = false;  // opening the database instead of scanning it
};

// All must outlive the parsing.
void add_global_flags(CLI::App& app, GlobalArguments& arguments);
void add_database_flags(CLI::App& command, DatabaseArguments& arguments);
void add_scan_flags(CLI::App& command, ScanArguments& arguments);
// --checksums, which excludes the flags of a scan. REQUIRES: those have been added.
void add_checksums_flag(CLI::App& command, bool& checksums);
// Those that say how to print: --format, --hex, -o.
void add_output_flags(CLI::App& command, ScanArguments& arguments);

// Those of a measurement: --rounds, --only, --cold, --peak-memory, --open.
void add_bench_flags(CLI::App& command, BenchArguments& arguments);

// "64MiB", "1G", "512K", "4096": K, M and G are powers of 1024. Throws Error(kUsage), which names
// the flag.
[[nodiscard]] uint64_t parse_size(std::string const& flag, std::string const& text);

// Checks everything that can be checked without the database. Throws Error(kUsage).
[[nodiscard]] Query make_query(ScanArguments const& arguments);

}  // namespace levelscan
