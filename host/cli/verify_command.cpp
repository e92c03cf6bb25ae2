#include "cli/commands.hpp"
#include "levelscan/error.hpp"

#if LEVELSCAN_WITH_ROCKSDB

#include <fmt/core.h>

#include "cli/interruption.hpp"
#include "peer/verify.hpp"

namespace levelscan {

int run_verify_command(GlobalArguments const& global, ScanArguments const& arguments) {
  Query const query = make_query(arguments);
  VerifyOptions options;
  options.scanner = global.scanner;
  options.open = arguments.database.options;
  options.open.memory_bytes = global.scanner.memory_bytes;
  if (global.quiet) options.differences_shown_max = 0;
  if (arguments.database.paths.size() != 1) {
    throw Error(ErrorCode::kUsage, "verify: one database at a time");
  }
  VerifyReport const report =
      verify_query(arguments.database.paths.front(), query, options, &interrupted());
  announce_backend(global, report.backend);
  std::string text;
  if (global.json) {
    text = fmt::format(
        "{{\"schema_version\":1,\"equal\":{},\"rows_expected\":{},\"rows_found\":{},"
        "\"differences\":{}}}\n",
        report.equal, report.rows_expected, report.rows_found, report.differences);
  } else {
    text = fmt::format("{}: {} rows by librocksdb, {} by levelscan, {} differences\n",
                       report.equal ? "equal" : "DIFFERENT", report.rows_expected,
                       report.rows_found, report.differences);
  }
  print_to_stdout(text);
  print_statistics(global, report.result.statistics);
  return report.equal ? 0 : static_cast<int>(ErrorCode::kDifference);
}

}  // namespace levelscan

#else

namespace levelscan {

int run_verify_command(GlobalArguments const&, ScanArguments const&) {
  throw Error(
      ErrorCode::kDevice,
      "verify needs librocksdb, and this levelscan was built without it (LEVELSCAN_WITH_ROCKSDB)");
}

}  // namespace levelscan

#endif
