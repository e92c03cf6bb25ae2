// Which librocksdb this program links. Pure functions; thread-safe.
#pragma once

#include <string>

namespace levelscan {

// "7.8.3".
[[nodiscard]] std::string rocksdb_version();

// Whether it was compiled with assertions, as Debian's is: they slow its iterator by about 1.4.
// Looked up in the library when this program's build was configured.
[[nodiscard]] bool rocksdb_has_assertions();

// "librocksdb 7.8.3 (compiled with assertions)".
[[nodiscard]] std::string describe_rocksdb();

}  // namespace levelscan
