// verify --checksums: every block of every live file.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "cli/commands.hpp"
#include "cli/interruption.hpp"
#include "levelscan/error.hpp"
#include "version/database_check.hpp"

namespace levelscan {
namespace {

using Clock = std::chrono::steady_clock;

// One line on a terminal, written over again a few times a second.
class ProgressLine {
 public:
  explicit ProgressLine(bool shown) : shown_(shown && ::isatty(STDERR_FILENO) == 1) {}

  void update(CheckProgress const& progress) {
    constexpr std::chrono::milliseconds kInterval{200};
    if (!shown_ || Clock::now() - last_ < kInterval) return;
    last_ = Clock::now();
    double const percent = progress.bytes_total == 0
                               ? 100.0
                               : 100.0 * static_cast<double>(progress.bytes) /
                                     static_cast<double>(progress.bytes_total);
    fmt::print(stderr, "\r{} of {} files, {} blocks, {:.0f} %\x1b[K", progress.files,
               progress.files_total, progress.blocks, percent);
  }
  void clear() {
    if (shown_ && last_ != Clock::time_point()) fmt::print(stderr, "\r\x1b[K");
  }

 private:
  bool shown_;
  Clock::time_point last_;
};

uint32_t threads_of(GlobalArguments const& global) {
  return global.scanner.threads != 0 ? global.scanner.threads
                                     : std::max(1U, std::thread::hardware_concurrency());
}

std::string report_json(CheckResult const& result, std::vector<Error> const& problems) {
  nlohmann::ordered_json json = {{"schema_version", 1},
                                 {"files", result.read.files},
                                 {"blocks", result.read.blocks},
                                 {"bytes", result.read.bytes},
                                 {"bad", result.problems},
                                 {"not_checked", result.unsupported},
                                 {"problems", nlohmann::ordered_json::array()}};
  for (Error const& problem : problems) {
    json["problems"].push_back(
        {{"exit_code", static_cast<int>(problem.code())}, {"message", problem.what()}});
  }
  return json.dump() + "\n";
}

}  // namespace

int run_check_command(GlobalArguments const& global, DatabaseArguments const& arguments) {
  ProgressLine progress(!global.quiet);
  std::vector<Error> problems;  // of --json, which is written at the end
  bool corrupt = false;
  bool failed = false;
  CheckOptions options;
  options.open = arguments.options;
  options.threads = threads_of(global);
  options.interrupted = &interrupted();
  options.on_progress = [&](CheckProgress const& read) { progress.update(read); };
  options.on_problem = [&](Error const& problem) {
    corrupt = corrupt || problem.code() == ErrorCode::kCorruption;
    failed = failed || problem.code() == ErrorCode::kRuntime;
    progress.clear();
    if (global.json) {
      problems.push_back(problem);
    } else {
      print_to_stdout(fmt::format("{}\n", problem.what()));
    }
  };
  CheckResult const result = check_database(arguments.paths.front(), options);
  progress.clear();
  if (global.json) {
    print_to_stdout(report_json(result, problems));
  } else {
    print_to_stdout(fmt::format("{} files, {} blocks, {} bytes read: {} bad, {} not checked\n",
                                result.read.files, result.read.blocks, result.read.bytes,
                                result.problems, result.unsupported));
  }
  if (corrupt) return static_cast<int>(ErrorCode::kCorruption);
  if (failed) return static_cast<int>(ErrorCode::kRuntime);
  if (result.problems > 0) return static_cast<int>(ErrorCode::kDevice);
  return result.unsupported > 0 ? static_cast<int>(ErrorCode::kUnsupported) : 0;
}

}  // namespace levelscan
