// The MANIFEST: log records, version edits and their replay.
#include <algorithm>

#include "fuzz/fuzz_support.hpp"
#include "fuzz/log_mutator.hpp"
#include "version/manifest.hpp"

namespace levelscan::fuzz {
namespace {

void check(ManifestVersion const& version, std::size_t bytes) {
  require(version.complete_bytes <= bytes, "more bytes of whole records than there are");
  for (ManifestFamily const& family : version.families) {
    for (std::size_t level = 0; level < family.levels.size(); ++level) {
      for (FileEntry const& file : family.levels[level]) {
        require(file.level == level, "a file under another level");
        require(file.smallest.size() >= kInternalTrailerBytes &&
                    file.largest.size() >= kInternalTrailerBytes,
                "a bound without a trailer");
        if (has_planted_bug) {
          static uint64_t bytes_of_level[7];  // RocksDB's default number of levels
          bytes_of_level[level] = file.file_bytes;
        }
      }
    }
  }
}

}  // namespace
}  // namespace levelscan::fuzz

using namespace levelscan;

int LLVMFuzzerTestOneInput(uint8_t const* data, std::size_t size) {
  fuzz::ExactBytes const log({data, size});
  std::string const path = "MANIFEST-000001";
  fuzz::accepts(path, [&] { fuzz::check(replay_manifest(log.span(), path), size); });
  return 0;
}

std::size_t LLVMFuzzerCustomMutator(uint8_t* data, std::size_t size, std::size_t size_max,
                                    unsigned int seed) {
  return fuzz::mutate_log(data, size, size_max, seed);
}
