#include <dirent.h>
#include <fmt/format.h>

#include "peer/bench.hpp"
#include "peer/rocksdb_reader.hpp"
#include "plan/task_planner.hpp"

namespace levelscan {
namespace {

// Tasks that a scan of everything is planned into.
constexpr uint64_t kTasks = 64;

std::size_t open_descriptors() {
  std::size_t count = 0;
  DIR* const directory = ::opendir("/proc/self/fd");
  if (directory == nullptr) return 0;
  while (::readdir(directory) != nullptr) ++count;
  ::closedir(directory);
  return count < 3 ? 0 : count - 3;  // ".", "..", and this directory's own
}

}  // namespace

BenchReport run_open_bench(std::string const& path, BenchOptions const& options,
                           std::atomic<bool> const* interrupted) {
  BenchReport report;
  report.path = path;
  report.query = "opening the database";
  report.rounds = options.rounds;
  report.verify_checksums = options.scanner.verify_checksums;
  std::size_t descriptors = 0;
  // This one stays open beside those that are measured, and leaves them the descriptors.
  OpenOptions frugal = options.open;
  frugal.files_open_max = 1;
  DatabaseVersion const version = open_version(path, frugal);
  for (SortedRun const& run : version.runs) {
    report.tables += run.tables.size();
    for (auto const& table : run.tables) report.entries += table->properties().entries;
  }
  report.runs = version.runs.size();
  report.file_bytes = overlapping_bytes(version, KeyRange{});

  ScannerOptions scanner_options = options.scanner;
  scanner_options.backend = Backend::kCpu;
  std::vector<Contender> contenders;
  contenders.push_back({"iterator-open", [&] { RocksdbReader(path, version); }});
  contenders.push_back({"open", [&] {
                          DatabaseVersion const opened = open_version(path, options.open);
                          descriptors = std::max(descriptors, open_descriptors());
                        }});
  contenders.push_back({"open-plan", [&] {
                          DatabaseVersion const opened = open_version(path, options.open);
                          Scanner const scanner(opened, scanner_options);
                          static_cast<void>(
                              plan_tasks(opened, KeyRange{}, 1 + report.file_bytes / kTasks));
                        }});
  run_rounds(contenders, 1, interrupted);
  for (Contender& contender : contenders) {
    contender.seconds.clear();
    contender.cpu_seconds.clear();
  }
  run_rounds(contenders, options.rounds, interrupted);
  report.remarks.push_back(fmt::format(
      "descriptors open at most while levelscan has the database open: {}", descriptors));
  char const* const texts[] = {"librocksdb, opening read-only", "levelscan, opening",
                               "levelscan, opening, pool, plan"};
  for (std::size_t i = 0; i < contenders.size(); ++i) {
    Measurement measurement;
    measurement.name = contenders[i].name;
    measurement.text = texts[i];
    measurement.is_levelscan = i > 0;
    measurement.seconds = spread_of(contenders[i].seconds);
    measurement.cpu_seconds = spread_of(contenders[i].cpu_seconds);
    report.measurements.push_back(std::move(measurement));
  }
  return report;
}

}  // namespace levelscan
