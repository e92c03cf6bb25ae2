#include "peer/rocksdb_build.hpp"

#include <fmt/core.h>
#include <rocksdb/version.h>

namespace levelscan {

std::string rocksdb_version() { return rocksdb::GetRocksVersionAsString(); }

bool rocksdb_has_assertions() { return LEVELSCAN_ROCKSDB_HAS_ASSERTIONS != 0; }

std::string describe_rocksdb() {
  return fmt::format("librocksdb {} (compiled {} assertions)", rocksdb_version(),
                     rocksdb_has_assertions() ? "with" : "without");
}

}  // namespace levelscan
