#include "version/wal_files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "support/expect_error.hpp"
#include "support/format_writer.hpp"
#include "support/temporary_directory.hpp"

namespace levelscan {
namespace {

using ::testing::ElementsAre;
using testing::expect_error;
using testing::TemporaryDirectory;
using testing::write_whole_file;

constexpr uint64_t kLogNumber = 12;

WalSearch search_of(TemporaryDirectory const& directory) {
  WalSearch search;
  search.database = directory.path();
  search.log_number_min = kLogNumber;
  search.tracked_number_min = kLogNumber;
  return search;
}

std::vector<std::string> paths(WalSearchResult const& result) {
  std::vector<std::string> found;
  for (WalFile const& log : result.logs) found.push_back(log.path);
  return found;
}

std::vector<std::string> features(WalSearchResult const& result) {
  std::vector<std::string> found;
  for (Refusal const& refusal : result.refusals) found.push_back(refusal.feature);
  return found;
}

TEST(WriteAheadLog, OnesFromTheColumnFamiliesLowestNumberOnCount) {
  TemporaryDirectory const directory;
  EXPECT_TRUE(find_write_ahead_logs(search_of(directory)).logs.empty());
  for (char const* const name :
       {"000011.log", "000103.log", "000012.log", "x13.log", "000013.log.bak", "LOG", ".log"}) {
    write_whole_file(directory / name, "x");
  }
  WalSearchResult const result = find_write_ahead_logs(search_of(directory));
  EXPECT_THAT(paths(result), ElementsAre(directory / "000012.log", directory / "000103.log"));
  EXPECT_TRUE(result.refusals.empty());
}

TEST(WriteAheadLog, TheOptionsFileSaysWhereTheyStand) {
  TemporaryDirectory const directory;
  TemporaryDirectory const logs;
  WalSearch search = search_of(directory);
  search.directory_option = logs.path();
  EXPECT_TRUE(find_write_ahead_logs(search).logs.empty());
  write_whole_file(logs / "000014.log", "rows");
  write_whole_file(directory / "000013.log", "");
  EXPECT_THAT(paths(find_write_ahead_logs(search)), ElementsAre(logs / "000014.log"));
  search.directory_option = directory.path() + "/";
  EXPECT_THAT(paths(find_write_ahead_logs(search)), ElementsAre(directory / "000013.log"));
}

TEST(WriteAheadLog, OnesInTwoDirectoriesAreRefusedUntilOneIsNamed) {
  TemporaryDirectory const directory;
  TemporaryDirectory const logs;
  write_whole_file(directory / "000012.log", "rows");
  write_whole_file(logs / "000012.log", "rows");
  WalSearch search = search_of(directory);
  search.directory_option = logs.path();
  EXPECT_THAT(features(find_write_ahead_logs(search)),
              ElementsAre("write-ahead logs in two directories"));
  for (TemporaryDirectory const* const named : {&directory, &logs}) {
    search.directory = named->path();
    WalSearchResult const result = find_write_ahead_logs(search);
    EXPECT_THAT(paths(result), ElementsAre(*named / "000012.log"));
    EXPECT_TRUE(result.refusals.empty());
  }
  search.directory = logs / "gone";
  expect_error(ErrorCode::kRuntime, "no directory",
               [&] { static_cast<void>(find_write_ahead_logs(search)); });
}

TEST(WriteAheadLog, AMissingDirectoryIsRefusedUnlessTheLogsStandWithTheDatabase) {
  TemporaryDirectory const directory;
  WalSearch search = search_of(directory);
  search.directory_option = directory / "gone";
  WalSearchResult const missing = find_write_ahead_logs(search);
  EXPECT_THAT(features(missing), ElementsAre("write-ahead log directory that is missing"));
  EXPECT_EQ(missing.refusals[0].file, directory / "gone");
  write_whole_file(directory / "000012.log", "");
  EXPECT_TRUE(find_write_ahead_logs(search).refusals.empty());
}

// Older releases name the database itself; a copy of it then names the original.
TEST(WriteAheadLog, ACopysOptionsMayNameTheOriginal) {
  TemporaryDirectory const original;
  TemporaryDirectory const copy;
  write_whole_file(original / "CURRENT", "MANIFEST-000005\n");
  write_whole_file(original / "000020.log", "rows of the original");
  WalSearch search = search_of(copy);
  search.directory_option = original.path();
  EXPECT_THAT(features(find_write_ahead_logs(search)),
              ElementsAre("write-ahead log directory that is another database"));
  write_whole_file(copy / "000012.log", "");
  EXPECT_TRUE(find_write_ahead_logs(search).refusals.empty());
  EXPECT_THAT(paths(find_write_ahead_logs(search)), ElementsAre(copy / "000012.log"));
}

TEST(WriteAheadLog, OnesThatTheManifestListsMustBeThere) {
  TemporaryDirectory const directory;
  WalSearch search = search_of(directory);
  search.tracked_logs = {{11, 500}, {12, 0}};
  EXPECT_TRUE(find_write_ahead_logs(search).refusals.empty());
  search.tracked_logs = {{13, 500}};
  EXPECT_THAT(features(find_write_ahead_logs(search)),
              ElementsAre("missing write-ahead log 000013 (500 bytes by the MANIFEST)"));
}

}  // namespace
}  // namespace levelscan
