// Scans cut into tasks: of similar bytes, side by side, together all that is asked for.
#ifdef LEVELSCAN_WITH_ROCKSDB

#include "plan/task_planner.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

#include "support/rocksdb_writer.hpp"
#include "support/temporary_directory.hpp"

namespace levelscan::testing {
namespace {

TEST(TaskPlanner, OverlappingTablesOfOneSpanAreCut) {
  TemporaryDirectory const directory;
  std::string const path = directory / "database";
  rocksdb::Options options = quiet_options();
  options.disable_auto_compactions = true;
  options.compression = rocksdb::kNoCompression;
  {
    auto const database = open_database(options, path);
    for (int file = 0; file < 12; ++file) {
      for (int i = 0; i < 1000; ++i) {
        put(*database, fmt::format("key{:06}", i * 12 + (i % 999 == 0 ? 0 : file)),
            std::string(100, 'v'));
      }
      flush(*database);
    }
  }
  DatabaseVersion const version = open_version(path);
  ASSERT_EQ(version.runs.size(), 12u);
  KeyRange const all;
  uint64_t const bytes = overlapping_bytes(version, all);
  ScanPlan const plan = plan_tasks(version, all, bytes / 3);
  EXPECT_GE(plan.tasks.size(), 3u);
  EXPECT_LE(plan.tasks.size(), 4u);
  EXPECT_EQ(plan.tasks.front().lower, all.lower);
  EXPECT_EQ(plan.tasks.back().upper, all.upper);
  for (std::size_t i = 1; i < plan.tasks.size(); ++i) {
    EXPECT_EQ(plan.tasks[i - 1].upper, plan.tasks[i].lower);
    EXPECT_FALSE(plan.tasks[i].is_empty(version.key_order));
  }
}

}  // namespace
}  // namespace levelscan::testing

#endif  // LEVELSCAN_WITH_ROCKSDB
