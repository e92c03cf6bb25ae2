#include "version/wal_check.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "support/format_writer.hpp"
#include "support/temporary_directory.hpp"

namespace levelscan {
namespace {

using testing::TemporaryDirectory;
using testing::write_whole_file;

constexpr uint64_t kLogNumber = 12;

std::vector<Refusal> check(TemporaryDirectory const& directory,
                           std::map<uint64_t, uint64_t> const& tracked = {}) {
  return check_write_ahead_logs(directory.path(), kLogNumber, tracked);
}

void write_options(TemporaryDirectory const& directory, std::string const& name,
                   std::string const& wal_dir) {
  write_whole_file(directory / name,
                   "[Version]\n  rocksdb_version=7.8.3\n\n[DBOptions]\n  wal_dir=" + wal_dir +
                       "\n  max_open_files=-1\n[CFOptions \"default\"]\n  wal_dir=/not/this\n");
}

TEST(WriteAheadLog, NoneOrEmptyOrZeroHoldsNothing) {
  TemporaryDirectory const directory;
  EXPECT_TRUE(check(directory).empty());
  write_whole_file(directory / "000012.log", "");
  write_whole_file(directory / "000013.log", std::string(3 << 20, '\0'));
  EXPECT_TRUE(check(directory).empty());
}

TEST(WriteAheadLog, OneWithBytesIsRefusedByName) {
  TemporaryDirectory const directory;
  write_whole_file(directory / "000012.log", std::string(2 << 20, '\0') + "x");
  auto const refusals = check(directory);
  ASSERT_EQ(refusals.size(), 1u);
  EXPECT_EQ(refusals[0].feature, "unflushed data in the write-ahead log (2097153 bytes)");
  EXPECT_EQ(refusals[0].file, directory / "000012.log");
  EXPECT_NE(refusals[0].advice.find("Flush()"), std::string::npos);
}

TEST(WriteAheadLog, OldOnesAndOtherFilesDoNotCount) {
  TemporaryDirectory const directory;
  write_whole_file(directory / "000011.log", "flushed");
  write_whole_file(directory / "x13.log", "another program's");
  write_whole_file(directory / "000013.log.bak", "x");
  write_whole_file(directory / "LOG", "x");
  EXPECT_TRUE(check(directory).empty());
}

TEST(WriteAheadLog, TheNewestOptionsFileSaysWhereTheyStand) {
  TemporaryDirectory const directory;
  TemporaryDirectory const logs;
  write_options(directory, "OPTIONS-000007", "/nowhere/at/all");
  write_options(directory, "OPTIONS-000010", logs.path());
  EXPECT_EQ(wal_directory_option(directory.path()), logs.path());
  EXPECT_TRUE(check(directory).empty());
  write_whole_file(logs / "000014.log", "rows");
  ASSERT_EQ(check(directory).size(), 1u);
  EXPECT_EQ(check(directory)[0].file, logs / "000014.log");
}

TEST(WriteAheadLog, EscapedPathsAreRead) {
  TemporaryDirectory const directory;
  write_options(directory, "OPTIONS-000007", "/a\\:b\\#c\\\\d");
  EXPECT_EQ(wal_directory_option(directory.path()), "/a:b#c\\d");
}

TEST(WriteAheadLog, AMissingDirectoryIsRefusedUnlessTheLogsStandWithTheDatabase) {
  TemporaryDirectory const directory;
  write_options(directory, "OPTIONS-000007", directory / "gone");
  auto const refusals = check(directory);
  ASSERT_EQ(refusals.size(), 1u);
  EXPECT_EQ(refusals[0].feature, "write-ahead log directory that is missing");
  EXPECT_EQ(refusals[0].file, directory / "gone");
  write_whole_file(directory / "000012.log", "");
  EXPECT_TRUE(check(directory).empty());
}

// Older releases name the database itself; a copy of it then names the original.
TEST(WriteAheadLog, ACopysOptionsMayNameTheOriginal) {
  TemporaryDirectory const original;
  TemporaryDirectory const copy;
  write_whole_file(original / "CURRENT", "MANIFEST-000005\n");
  write_whole_file(original / "000020.log", "rows of the original");
  write_options(copy, "OPTIONS-000007", original.path());
  ASSERT_EQ(check(copy).size(), 1u);
  EXPECT_EQ(check(copy)[0].feature, "write-ahead log directory that is another database");
  write_whole_file(copy / "000012.log", "");
  EXPECT_TRUE(check(copy).empty());
  write_options(original, "OPTIONS-000007", original.path() + "/");
  EXPECT_EQ(check(original).size(), 1u);
  EXPECT_EQ(check(original)[0].file, original / "000020.log");
}

TEST(WriteAheadLog, OnesThatTheManifestListsMustBeThere) {
  TemporaryDirectory const directory;
  EXPECT_TRUE(check(directory, {{11, 500}, {12, 0}}).empty());
  auto const refusals = check(directory, {{13, 500}});
  ASSERT_EQ(refusals.size(), 1u);
  EXPECT_EQ(refusals[0].feature, "missing write-ahead log 000013 (500 bytes by the MANIFEST)");
}

}  // namespace
}  // namespace levelscan
