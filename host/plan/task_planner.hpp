// Cuts a scan into tasks: contiguous key ranges of similar bytes, cut at user keys.
// Pure functions over an open version; reads index blocks only of tables that are cut.
#pragma once

#include <cstdint>
#include <vector>

#include "query/key_range.hpp"
#include "version/database_version.hpp"

namespace levelscan {

struct ScanPlan {
  std::vector<KeyRange> tasks;  // disjoint, ascending, together the whole range
  uint64_t bytes_planned = 0;   // of the tables that overlap the range
};

// `task_bytes`: what a task should cover; 0: the whole range is one task.
// REQUIRES: the version has no refusals. Throws Error as reading index blocks does.
[[nodiscard]] ScanPlan plan_tasks(DatabaseVersion const& version, KeyRange const& range,
                                  uint64_t task_bytes);

// Bytes of the tables that overlap the range.
[[nodiscard]] uint64_t overlapping_bytes(DatabaseVersion const& version, KeyRange const& range);

}  // namespace levelscan
