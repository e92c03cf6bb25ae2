#include "cli/commands.hpp"
#include "levelscan/error.hpp"

#if LEVELSCAN_WITH_ROCKSDB

#include "cli/interruption.hpp"
#include "peer/demo.hpp"

namespace levelscan {

int run_demo_command(GlobalArguments const& global, DemoArguments const& arguments) {
  DemoOptions options;
  options.explains_backend = global.verbose;
  options.directory = arguments.directory;
  options.scanner = global.scanner;
  return run_demo(options, &interrupted());
}

}  // namespace levelscan

#else

namespace levelscan {

int run_demo_command(GlobalArguments const&, DemoArguments const&) {
  throw Error(ErrorCode::kDevice,
              "demo needs librocksdb, and this levelscan was built without it "
              "(LEVELSCAN_WITH_ROCKSDB)");
}

}  // namespace levelscan

#endif
