// The subcommands, a file each. Each returns its exit code or throws; failure.hpp tells what an
// exception stands for.
#pragma once

#include <string>

#include "cli/arguments.hpp"

namespace levelscan {

int run_scan_command(GlobalArguments const& global, ScanArguments const& arguments);
int run_info_command(GlobalArguments const& global, DatabaseArguments const& arguments);
int run_doctor_command(GlobalArguments const& global);
int run_verify_command(GlobalArguments const& global, ScanArguments const& arguments);
// verify --checksums.
int run_check_command(GlobalArguments const& global, DatabaseArguments const& arguments);

struct DemoArguments {
  std::string directory;
};
int run_demo_command(GlobalArguments const& global, DemoArguments const& arguments);

int run_bench_command(GlobalArguments const& global, ScanArguments const& arguments,
                      BenchArguments const& bench);

// Opens what the arguments name, and says on stderr what is remarkable about it.
[[nodiscard]] DatabaseVersion open_database(GlobalArguments const& global,
                                            DatabaseArguments const& arguments);

// Checks --snapshot against the newest sequence number: above it is a usage error, below it a
// remark on stderr, unless the snapshot is held.
void check_snapshot(ScanArguments const& arguments, uint64_t last_sequence);

// Writes text to stdout; a reader that has gone is no failure. Returns the exit code.
int print_to_stdout(std::string const& text);

// As --stats asks for.
void print_statistics(GlobalArguments const& global, ScanStatistics const& statistics);

// With -v: which backend runs, and why.
void announce_backend(GlobalArguments const& global, BackendChoice const& choice);

}  // namespace levelscan
