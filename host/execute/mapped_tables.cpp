#include "execute/mapped_tables.hpp"

namespace levelscan {
namespace {

// Linux lets a process have 65,530 areas of memory. A table takes up to three, and what else runs
// in the process needs some.
constexpr std::size_t kMappingsMax = 4096;

}  // namespace

MappedTables::MappedTables(DatabaseVersion const& version, PoolLayout const& layout,
                           uint64_t bytes_max) {
  std::size_t mappings = 0;
  files_.reserve(version.runs.size());
  for (SortedRun const& run : version.runs) {
    std::vector<std::optional<MappedFile>>& files = files_.emplace_back(run.tables.size());
    for (std::size_t t = 0; t < run.tables.size() && mappings < kMappingsMax; ++t) {
      RandomAccessFile const& file = run.tables[t]->file();
      // A fill ends where a mapping does: of small tables there would be too little in it.
      if (file.size() < layout.runs[files_.size() - 1].data_block_bytes) continue;
      if (file.size() > bytes_max - bytes_) continue;
      files[t] = MappedFile::map(file);
      if (!files[t]) continue;
      bytes_ += file.size();
      ++mappings;
    }
  }
}

}  // namespace levelscan
