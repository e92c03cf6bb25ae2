#include "cli/commands.hpp"
#include "levelscan/error.hpp"

#if LEVELSCAN_WITH_ROCKSDB

#include <nlohmann/json.hpp>

#include "cli/interruption.hpp"
#include "peer/bench.hpp"
#include "peer/bench_report.hpp"

namespace levelscan {

int run_bench_command(GlobalArguments const& global, ScanArguments const& arguments,
                      BenchArguments const& bench) {
  if (arguments.database.paths.size() != 1) {
    throw Error(ErrorCode::kUsage, "bench: one database at a time");
  }
  if (arguments.snapshot) {
    throw Error(ErrorCode::kUsage,
                "bench: librocksdb opens a database read-only at its newest sequence number only; "
                "leave out --snapshot");
  }
  std::string const& path = arguments.database.paths.front();
  BenchOptions options;
  options.scanner = global.scanner;
  options.open = arguments.database.options;
  options.open.memory_bytes = global.scanner.memory_bytes;
  options.rounds = bench.rounds;
  options.cold = bench.cold;
  options.peak_memory = bench.peak_memory;
  options.only = bench.only;
  BenchReport const report = bench.open
                                 ? run_open_bench(path, options, &interrupted())
                                 : run_bench(path, make_query(arguments), options, &interrupted());
  return print_to_stdout(global.json ? bench_json(report, nlohmann::ordered_json::object())
                                     : bench_text(report));
}

}  // namespace levelscan

#else

namespace levelscan {

int run_bench_command(GlobalArguments const&, ScanArguments const&, BenchArguments const&) {
  throw Error(ErrorCode::kDevice,
              "bench needs librocksdb, and this levelscan was built without it "
              "(LEVELSCAN_WITH_ROCKSDB)");
}

}  // namespace levelscan

#endif
