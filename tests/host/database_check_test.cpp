// verify --checksums: every block of every live file is read, and each bad one named, once.
#ifdef LEVELSCAN_WITH_ROCKSDB

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rocksdb/filter_policy.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "support/cli_fixture.hpp"
#include "support/rocksdb_writer.hpp"
#include "version/database_check.hpp"
#include "version/database_version.hpp"

namespace levelscan {
namespace {

using ::testing::HasSubstr;
using testing::Outcome;

class DatabaseCheck : public testing::CliFixture {
 protected:
  DatabaseCheck() : database_(directory_ / "db") {}

  // Two levels, filters, snappy; two column families where asked for.
  void write_database(rocksdb::Options options = testing::quiet_options()) {
    options.compression = rocksdb::kSnappyCompression;
    testing::set_table_options(options, [](rocksdb::BlockBasedTableOptions& table) {
      table.block_size = 512;
      table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
    });
    testing::write_small_database(database_, options, [](rocksdb::DB& database) {
      testing::flush(database);
      testing::check_ok(database.CompactRange(rocksdb::CompactRangeOptions(), nullptr, nullptr));
      testing::put(database, "key1005", "newer");
      testing::check_ok(database.DeleteRange(rocksdb::WriteOptions(),
                                             database.DefaultColumnFamily(), "key1010", "key1020"));
    });
  }

  struct Found {
    CheckResult result;
    std::vector<std::string> problems;
  };
  [[nodiscard]] Found check(uint32_t threads = 2) const {
    Found found;
    CheckOptions options;
    options.threads = threads;
    options.on_problem = [&](Error const& error) { found.problems.emplace_back(error.what()); };
    found.result = check_database(database_, options);
    std::sort(found.problems.begin(), found.problems.end());
    return found;
  }

  // Every block of the tables: file and handle.
  [[nodiscard]] std::vector<std::pair<std::string, BlockHandle>> blocks() const {
    std::vector<std::pair<std::string, BlockHandle>> all;
    for (SortedRun const& run : open_version(database_).runs) {
      for (auto const& table : run.tables) {
        for (auto const& [name, handle] : table->metaindex())
          all.emplace_back(table->path(), handle);
        all.emplace_back(table->path(), table->footer().metaindex);
        all.emplace_back(table->path(), table->index_handle());
        std::vector<uint8_t> const index = table->read_index_block();
        for (IndexCursor cursor = table->index_cursor(index); cursor.valid(); cursor.next()) {
          all.emplace_back(table->path(), cursor.handle());
        }
      }
    }
    return all;
  }

  static void flip(std::string const& file, uint64_t offset) {
    std::string bytes = testing::read_whole_file(file);
    bytes.at(offset) = static_cast<char>(bytes.at(offset) ^ 0x40);
    testing::write_whole_file(file, bytes);
  }

  std::string database_;
};

TEST_F(DatabaseCheck, ReadsEachBlockOfASoundDatabaseOnce) {
  write_database();
  for (uint32_t const threads : {1U, 4U}) {
    Found const found = check(threads);
    EXPECT_THAT(found.problems, ::testing::IsEmpty());
    EXPECT_EQ(found.result.problems, 0U);
    EXPECT_EQ(found.result.unsupported, 0U);
    // CURRENT, MANIFEST, two tables, and the log that the closed database left.
    EXPECT_GE(found.result.read.files, 4U);
    EXPECT_EQ(found.result.read.files, found.result.read.files_total);
    EXPECT_EQ(found.result.read.blocks, blocks().size());
    EXPECT_EQ(found.result.read.bytes, found.result.read.bytes_total);
  }
}

TEST_F(DatabaseCheck, NamesEachBadBlockAndGoesOn) {
  write_database();
  for (auto const& [file, handle] : blocks()) {
    std::string const original = testing::read_whole_file(file);
    flip(file, handle.offset + handle.size / 2);
    Found const found = check();
    ASSERT_EQ(found.problems.size(), 1U) << file << " block at " << handle.offset;
    EXPECT_THAT(found.problems[0], HasSubstr(file));
    EXPECT_THAT(found.problems[0], HasSubstr("offset " + std::to_string(handle.offset)));
    EXPECT_THAT(found.problems[0], HasSubstr("checksum"));
    testing::write_whole_file(file, original);
  }
}

TEST_F(DatabaseCheck, NamesAllBadBlocksOfAFile) {
  write_database();
  std::set<std::string> expected;
  std::string const file = blocks().front().first;
  std::vector<BlockHandle> data;
  auto const version = open_version(database_);
  for (auto const& table : version.runs.back().tables) {
    std::vector<uint8_t> const index = table->read_index_block();
    for (IndexCursor cursor = table->index_cursor(index); cursor.valid(); cursor.next()) {
      flip(table->path(), cursor.handle().offset);
      expected.insert(table->path() + " at offset " + std::to_string(cursor.handle().offset));
    }
  }
  Found const found = check();
  EXPECT_GT(expected.size(), 5U);
  EXPECT_EQ(found.problems.size(), expected.size());
  for (std::string const& place : expected) {
    EXPECT_THAT(found.problems, ::testing::Contains(HasSubstr(place + ":")));
  }
}

TEST_F(DatabaseCheck, TablesOfAllColumnFamiliesAreRead) {
  {
    rocksdb::Options const options = testing::quiet_options();
    auto const database = testing::open_database(options, database_);
    rocksdb::ColumnFamilyHandle* other = nullptr;
    testing::check_ok(database->CreateColumnFamily(options, "other", &other));
    testing::check_ok(database->Put(rocksdb::WriteOptions(), other, "key", "value in the other"));
    testing::check_ok(database->Flush(rocksdb::FlushOptions(), other));
    testing::put(*database, "key", "value in the default one");
    testing::flush(*database);
    testing::check_ok(database->DestroyColumnFamilyHandle(other));
  }
  EXPECT_THAT(check().problems, ::testing::IsEmpty());
  std::size_t bad = 0;
  for (auto const& entry : std::filesystem::directory_iterator(database_)) {
    if (entry.path().extension() != ".sst") continue;
    flip(entry.path(), 3);
    ++bad;
  }
  EXPECT_EQ(bad, 2U);
  EXPECT_EQ(check().problems.size(), bad);
}

TEST_F(DatabaseCheck, RecordsOfBlobFilesAreRead) {
  rocksdb::Options options = testing::quiet_options();
  options.enable_blob_files = true;
  options.min_blob_size = 0;
  write_database(options);
  Found const sound = check();
  EXPECT_THAT(sound.problems, ::testing::IsEmpty());
  EXPECT_EQ(sound.result.read.bytes, sound.result.read.bytes_total);
  for (auto const& entry : std::filesystem::directory_iterator(database_)) {
    if (entry.path().extension() != ".blob") continue;
    std::string const original = testing::read_whole_file(entry.path());
    // The last byte of the last record's value; then its header's first byte, which ends the walk.
    flip(entry.path(), original.size() - 33);
    Found const found = check();
    EXPECT_THAT(found.problems,
                ::testing::ElementsAre(HasSubstr("blob record has another checksum")));
    EXPECT_EQ(found.result.read.blocks, sound.result.read.blocks);
    flip(entry.path(), 30);
    EXPECT_THAT(check().problems,
                ::testing::ElementsAre(HasSubstr("at offset 30: blob record's header")));
    testing::write_whole_file(entry.path(), original);
  }
}

TEST_F(DatabaseCheck, RecordsOfLogsAreRead) {
  write_database();
  {
    auto const database = testing::open_database(testing::quiet_options(), database_);
    for (int i = 0; i < 20; ++i) testing::put(*database, "unflushed" + std::to_string(i), "row");
  }
  EXPECT_THAT(check().problems, ::testing::IsEmpty());
  for (auto const& entry : std::filesystem::directory_iterator(database_)) {
    if (entry.path().extension() != ".log" || entry.file_size() == 0) continue;
    flip(entry.path(), 30);  // in the first record's batch
    EXPECT_THAT(check().problems,
                ::testing::ElementsAre(HasSubstr(entry.path().string() + " at offset ")));
  }
}

// What other builds wrote is whole.
TEST_F(DatabaseCheck, FixturesAreSound) {
  for (auto const& entry : std::filesystem::directory_iterator(LEVELSCAN_FIXTURES)) {
    if (!std::filesystem::exists(entry.path() / "CURRENT")) continue;
    database_ = entry.path();
    Found const found = check();
    EXPECT_EQ(found.result.problems, 0U)
        << database_ << ": " << ::testing::PrintToString(found.problems);
    if (found.result.unsupported == 0) {
      EXPECT_EQ(found.result.read.bytes, found.result.read.bytes_total) << database_;
    }
  }
}

TEST_F(DatabaseCheck, MissingCutAndForeignFilesAreNamed) {
  write_database();
  std::string const file = blocks().front().first;
  std::string const original = testing::read_whole_file(file);
  std::filesystem::resize_file(file, original.size() - 1);
  EXPECT_THAT(check().problems, ::testing::Contains(HasSubstr("but the MANIFEST says")));
  testing::write_whole_file(file, std::string(original.size(), 'x'));
  EXPECT_THAT(check().problems, ::testing::ElementsAre(HasSubstr("no table magic")));
  std::filesystem::remove(file);
  EXPECT_THAT(check().problems, ::testing::ElementsAre(HasSubstr("missing")));
}

TEST_F(DatabaseCheck, ExitCodesAndReportsOfTheProgram) {
  write_database();
  Outcome const good = run({"verify", database_, "--checksums"});
  EXPECT_EQ(good.exit_code, 0) << good.errors;
  EXPECT_THAT(good.output, HasSubstr(" 0 bad, 0 not checked\n"));
  EXPECT_EQ(good.errors, "");
  EXPECT_EQ(run({"verify", database_, "--checksums", "--from", "a"}).exit_code, 2);
  EXPECT_EQ(run({"verify", directory_.path(), "--checksums"}).exit_code, 3);

  auto const [file, handle] = blocks().back();
  flip(file, handle.offset);
  Outcome const bad = run({"verify", database_, "--checksums"});
  EXPECT_EQ(bad.exit_code, 4);
  EXPECT_THAT(bad.output, HasSubstr(file + " at offset " + std::to_string(handle.offset)));
  EXPECT_THAT(bad.output, HasSubstr(" 1 bad, 0 not checked\n"));
  nlohmann::json const json =
      nlohmann::json::parse(run({"verify", database_, "--checksums", "--json"}).output);
  EXPECT_EQ(json["bad"], 1);
  EXPECT_EQ(json["problems"][0]["exit_code"], 4);
  EXPECT_THAT(std::string(json["problems"][0]["message"]), HasSubstr(file));
}

}  // namespace
}  // namespace levelscan

#endif  // LEVELSCAN_WITH_ROCKSDB
