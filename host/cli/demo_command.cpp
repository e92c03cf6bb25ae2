#include "cli/commands.hpp"
#include "levelscan/error.hpp"

namespace levelscan {

int run_demo_command(GlobalArguments const&, DemoArguments const&) {
  throw Error(
      ErrorCode::kDevice,
      "demo needs librocksdb, and this levelscan was built without it (LEVELSCAN_WITH_ROCKSDB)");
}

}  // namespace levelscan
