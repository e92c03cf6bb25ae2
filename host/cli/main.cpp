// The program `levelscan`. stdout carries data only; everything else goes to stderr.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <functional>
#include <string>
#include <vector>

#include "cli/commands.hpp"
#include "cli/failure.hpp"
#include "cli/interruption.hpp"
#include "levelscan/error.hpp"

namespace levelscan {
namespace {

constexpr int kUsageExitCode = static_cast<int>(ErrorCode::kUsage);

// CLI11 takes arguments last first. It reads "--name=" as a name without a value, and would take
// the word after a bare --stats for its value.
std::vector<std::string> reversed_arguments(int argc, char const* const* argv) {
  std::vector<std::string> arguments;
  for (int i = argc - 1; i > 0; --i) {
    std::string argument = argv[i];
    if (argument.size() > 3 && argument.substr(0, 2) == "--" &&
        argument.find('=') + 1 == argument.size()) {
      argument.pop_back();
      arguments.emplace_back();
    }
    if (argument == "--stats") arguments.emplace_back("text");
    arguments.push_back(std::move(argument));
  }
  return arguments;
}

int run(int argc, char const* const* argv) {
  GlobalArguments global;
  ScanArguments scan;
  ScanArguments verify;
  bool verify_checksums = false;
  ScanArguments bench_scan;
  BenchArguments bench;
  DemoArguments demo;
  DatabaseArguments info;
  std::function<int()> command;

  CLI::App app{"Scans RocksDB databases on GPUs, exactly as RocksDB's iterator would."};
  app.name("levelscan");
  app.set_version_flag("--version", "levelscan " LEVELSCAN_VERSION);
  app.require_subcommand(1);
  add_global_flags(app, global);
  auto const add_command = [&](std::string const& name, std::string const& help,
                               std::function<int()> const& function) {
    CLI::App* const subcommand = app.add_subcommand(name, help);
    subcommand->fallthrough();  // global flags may stand after it
    subcommand->footer("Flags for all subcommands: levelscan --help");
    subcommand->callback([&command, function] { command = function; });
    return subcommand;
  };

  CLI::App* const scan_command = add_command("scan", "Rows or aggregates of a database",
                                             [&] { return run_scan_command(global, scan); });
  add_scan_flags(*scan_command, scan);
  add_output_flags(*scan_command, scan);
  add_database_flags(*add_command("info", "What a database holds, and whether it can be scanned",
                                  [&] { return run_info_command(global, info); }),
                     info);
  CLI::App* const verify_command =
      add_command("verify", "Compare a scan with RocksDB's own iterator, or read every block", [&] {
        return verify_checksums ? run_check_command(global, verify.database)
                                : run_verify_command(global, verify);
      });
  add_scan_flags(*verify_command, verify);
  add_checksums_flag(*verify_command, verify_checksums);
  CLI::App* const bench_command =
      add_command("bench", "Measure a scan against RocksDB's iterator and the machine's limits",
                  [&] { return run_bench_command(global, bench_scan, bench); });
  add_scan_flags(*bench_command, bench_scan);
  add_bench_flags(*bench_command, bench);
  add_command("demo", "Make a sample database, scan it, compare with RocksDB",
              [&] { return run_demo_command(global, demo); })
      ->add_option("--directory", demo.directory, "Keep the sample database here")
      ->type_name("DIR");
  add_command("doctor", "What this machine and this build can do",
              [&] { return run_doctor_command(global); });

  try {
    app.parse(reversed_arguments(argc, argv));
  } catch (CLI::ParseError const& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // help, version
    print_message(fmt::format("{} (--help tells more)", error.what()));
    return kUsageExitCode;
  }
  return command();
}

}  // namespace
}  // namespace levelscan

int main(int argc, char** argv) {
  using namespace levelscan;
  install_signal_handlers();
  try {
    return run(argc, argv);
  } catch (...) {
    Failure const failure = describe_failure(std::current_exception());
    print_message(failure.message);
    return failure.exit_code;
  }
}
