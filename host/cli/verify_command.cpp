#include "cli/commands.hpp"
#include "levelscan/error.hpp"

namespace levelscan {

int run_verify_command(GlobalArguments const&, ScanArguments const&) {
  throw Error(ErrorCode::kDevice,
              "verify needs librocksdb, and this levelscan was built without it (LEVELSCAN_WITH_ROCKSDB)");
}

}  // namespace levelscan
