#include "execute/entry_versions.hpp"

#include <algorithm>

namespace levelscan {

VersionsEnd append_versions(RunView const& run, uint32_t run_index, Bytes user_key,
                            uint64_t trailer, std::vector<EntryVersion>& versions) {
  if (run.interval_count == 0) return VersionsEnd::kUnknown;
  uint32_t before = 0;
  if (!intervals_before(run, user_key, trailer, before)) return VersionsEnd::kCorrupt;
  for (uint32_t i = before == 0 ? 0 : before - 1; i < run.interval_count; ++i) {
    Interval const interval = interval_bytes(run, i);
    EntryWalk walk = EntryWalk::over(run.data, interval, run.order);
    PrefixComparison comparison = PrefixComparison::against(user_key);
    WalkStep step = walk.next();
    if (step == WalkStep::kEnd) return VersionsEnd::kCorrupt;  // no interval is empty
    for (; step == WalkStep::kEntry; step = walk.next()) {
      comparison.advance(walk);
      if (comparison.order > 0) return VersionsEnd::kKnown;
      if (comparison.order < 0 || walk.trailer > trailer) continue;
      auto const* const value = reinterpret_cast<char const*>(run.data + walk.value_offset);
      versions.push_back({walk.trailer, run_index, {value, walk.value_size}});
      if (type_of(walk.trailer) != EntryType::kMerge) return VersionsEnd::kKnown;
    }
    if (step == WalkStep::kCorrupt) return VersionsEnd::kCorrupt;
  }
  return VersionsEnd::kUnknown;
}

void sort_versions(std::vector<EntryVersion>& versions) {
  std::stable_sort(versions.begin(), versions.end(),
                   [](EntryVersion const& a, EntryVersion const& b) {
                     return sequence_of(a.trailer) > sequence_of(b.trailer);
                   });
  std::size_t kept = 0;
  for (EntryVersion const& version : versions) {
    if (kept != 0 && sequence_of(versions[kept - 1].trailer) == sequence_of(version.trailer)) {
      continue;
    }
    versions[kept++] = version;
    if (type_of(version.trailer) != EntryType::kMerge) break;
  }
  versions.resize(kept);
}

}  // namespace levelscan
