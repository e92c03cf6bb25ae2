#include "cli/library_versions.hpp"

#include <bzlib.h>
#include <fmt/core.h>
#include <lz4.h>
#include <snappy-stubs-public.h>
#include <xxhash.h>
#include <zlib.h>
#include <zstd.h>

#include <thrust/version.h>

namespace levelscan {

std::vector<LibraryVersion> library_versions() {
  auto const packed = [](unsigned version) {
    return fmt::format("{}.{}.{}", version / 10000, version / 100 % 100, version % 100);
  };
  return {{"snappy", fmt::format("{}.{}.{}", SNAPPY_MAJOR, SNAPPY_MINOR, SNAPPY_PATCHLEVEL)},
          {"zlib", zlibVersion()},
          {"bzip2", BZ2_bzlibVersion()},
          {"lz4", LZ4_versionString()},
          {"zstd", ZSTD_versionString()},
          {"xxhash", packed(XXH_VERSION_NUMBER)},
          {"fmt", packed(FMT_VERSION)},
          {"Thrust", fmt::format("{}.{}.{}", THRUST_MAJOR_VERSION, THRUST_MINOR_VERSION,
                                 THRUST_SUBMINOR_VERSION)}};
}

}  // namespace levelscan
