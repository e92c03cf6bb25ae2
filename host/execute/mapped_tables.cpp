#include "execute/mapped_tables.hpp"

namespace levelscan {
namespace {

// Linux lets a process have 65,530, and what else runs in it needs some.
constexpr std::size_t kMappingsMax = 8192;

}  // namespace

MappedTables::MappedTables(DatabaseVersion const& version, uint64_t bytes_max) {
  std::size_t mappings = 0;
  files_.reserve(version.runs.size());
  for (SortedRun const& run : version.runs) {
    std::vector<std::optional<MappedFile>>& files = files_.emplace_back(run.tables.size());
    for (std::size_t t = 0; t < run.tables.size() && mappings < kMappingsMax; ++t) {
      RandomAccessFile const& file = run.tables[t]->file();
      if (file.size() > bytes_max - bytes_) continue;
      files[t] = MappedFile::map(file);
      if (!files[t]) continue;
      bytes_ += file.size();
      ++mappings;
    }
  }
}

}  // namespace levelscan
