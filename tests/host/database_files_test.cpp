// Databases whose files don't all stand in one directory, table files without a database, and more
// tables than file descriptors.
#include "version/database_files.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rocksdb/sst_file_writer.h>
#include <rocksdb/utilities/backup_engine.h>
#include <rocksdb/utilities/checkpoint.h>

#include <filesystem>
#include <map>
#include <string>

#include "support/expect_error.hpp"
#include "support/format_writer.hpp"
#include "support/rocksdb_scan.hpp"
#include "support/rocksdb_writer.hpp"
#include "support/temporary_directory.hpp"
#include "version/table_files.hpp"

namespace levelscan::testing {
namespace {

namespace fs = std::filesystem;

class DatabaseFilesOf : public ::testing::Test {
 protected:
  [[nodiscard]] std::string beside(std::string const& name) const { return directory_ / name; }
  [[nodiscard]] std::string path() const { return beside("db"); }

  static void put_rows(rocksdb::DB& database, int first, int last, std::string const& value) {
    for (int i = first; i < last; ++i) put(database, fmt::format("key{:04}", i), value);
  }

 private:
  TemporaryDirectory directory_;
};

TEST_F(DatabaseFilesOf, ABackupIsScannedLikeTheDatabaseThatItIsOf) {
  auto const database = open_database(quiet_options(), path());
  rocksdb::BackupEngineOptions backup_options(beside("backups"));
  rocksdb::BackupEngine* raw = nullptr;
  check_ok(rocksdb::BackupEngine::Open(rocksdb::Env::Default(), backup_options, &raw));
  std::unique_ptr<rocksdb::BackupEngine> const engine(raw);
  std::vector<Rows> rows;
  for (int backup = 0; backup < 3; ++backup) {
    put_rows(*database, 50 * backup, 100 * backup + 100, fmt::format("backup {}", backup));
    if (backup != 1) flush(*database);  // the second one's newest rows are in its log
    check_ok(engine->CreateNewBackup(database.get()));
    rows.push_back(iterator_rows(*database));
  }
  // The directory of all backups stands for the newest; each can be named.
  expect_rows(beside("backups"), rows_query(), rows[2]);
  for (std::size_t backup = 0; backup < rows.size(); ++backup) {
    expect_rows(beside(fmt::format("backups/private/{}", backup + 1)), rows_query(), rows[backup]);
  }
}

TEST_F(DatabaseFilesOf, ABackupsListIsNotBelievedOutsideOfIt) {
  fs::create_directories(beside("backups/meta"));
  fs::create_directories(beside("backups/private/1"));
  write_whole_file(beside("backups/meta/1"), "1\n2\n1\nshared/../../000001.sst crc32 1\n");
  expect_error(ErrorCode::kCorruption, "backups/meta/1",
               [&] { static_cast<void>(DatabaseFiles::find(beside("backups"), {})); });
}

TEST_F(DatabaseFilesOf, ACheckpointIsADatabase) {
  auto const database = open_database(quiet_options(), path());
  put_rows(*database, 0, 300, "value");
  rocksdb::Checkpoint* raw = nullptr;
  check_ok(rocksdb::Checkpoint::Create(database.get(), &raw));
  std::unique_ptr<rocksdb::Checkpoint> const checkpoint(raw);
  check_ok(checkpoint->CreateCheckpoint(beside("checkpoint")));
  expect_rows(beside("checkpoint"), rows_query(), iterator_rows(*database));
}

TEST_F(DatabaseFilesOf, TablesInOtherDirectoriesAreFoundWhereTheCallerSays) {
  rocksdb::Options options = quiet_options();
  options.db_paths = {{path(), 1}, {beside("more"), uint64_t{1} << 40}};
  Rows rows;
  {
    auto const database = open_database(options, path());
    put_rows(*database, 0, 500, "value");
    flush(*database);
    check_ok(database->CompactRange({}, nullptr, nullptr));
    rocksdb::CompactRangeOptions compaction;
    compaction.change_level = true;
    compaction.target_path_id = 1;
    compaction.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
    check_ok(database->CompactRange(compaction, nullptr, nullptr));
    rows = iterator_rows(*database);
  }
  ASSERT_FALSE(fs::is_empty(beside("more")));
  expect_error(ErrorCode::kUnsupported, "table in another directory",
               [&] { require_scannable(open_version(path())); });
  OpenOptions open;
  open.table_directories = {beside("more") + "/"};
  expect_rows(path(), rows_query(), rows, open);
}

TEST_F(DatabaseFilesOf, MoreTablesThanDescriptorsAreOpenedWhenTheyAreRead) {
  rocksdb::Options options = quiet_options();
  options.target_file_size_base = 2000;
  Rows rows;
  {
    auto const database = open_database(options, path());
    put_rows(*database, 0, 2000, std::string(40, 'v'));
    flush(*database);
    check_ok(database->CompactRange({}, nullptr, nullptr));
    put_rows(*database, 500, 600, "newer");
    flush(*database);
    rows = iterator_rows(*database);
  }
  OpenOptions open;
  open.files_open_max = 3;
  DatabaseVersion const version = open_version(path(), open);
  ASSERT_GT(version.runs.back().tables.size(), 10u);
  expect_rows(path(), rows_query(), rows, open);
  // One that is gone is noticed, never taken for empty.
  fs::remove(version.runs.back().metas.back().path);
  Scanner scanner(version, tiny_options(1024));
  RowCollector collector;
  EXPECT_THROW(scanner.run(rows_query(), &collector), FileVanished);
}

class TableFilesOf : public DatabaseFilesOf {
 protected:
  using Change = std::function<void(rocksdb::SstFileWriter&)>;

  std::string write_file(std::string const& name, Change const& change,
                         rocksdb::Options const& options = quiet_options()) const {
    rocksdb::SstFileWriter writer(rocksdb::EnvOptions(), options);
    std::string const file = beside(name);
    check_ok(writer.Open(file));
    change(writer);
    check_ok(writer.Finish());
    return file;
  }

  static Rows scan_files(std::vector<std::string> const& paths) {
    Rows rows;
    for (uint32_t const bytes : {256u, 4096u}) {
      DatabaseVersion const version = open_table_files(paths, {});
      Scanner scanner(version, tiny_options(bytes));
      RowCollector collector;
      scanner.run(rows_query(), &collector);
      if (!rows.empty()) {
        EXPECT_EQ(collector.rows(), rows);
      }
      rows = collector.rows();
    }
    return rows;
  }
};

TEST_F(TableFilesOf, FilesAreRunsOfWhichTheFirstNamedIsTheNewest) {
  auto const range = [](int first, int last, int step, std::string const& value) {
    return [=](rocksdb::SstFileWriter& writer) {
      for (int i = first; i < last; i += step) {
        check_ok(writer.Put(fmt::format("key{:04}", i), value));
      }
    };
  };
  std::string const newer = write_file("newer.sst", range(0, 600, 3, "newer"));
  std::string const older = write_file("older.sst", range(0, 900, 2, "older"));
  std::map<std::string, std::string> expected;
  for (int i = 0; i < 900; i += 2) expected[fmt::format("key{:04}", i)] = "older";
  for (int i = 0; i < 600; i += 3) expected[fmt::format("key{:04}", i)] = "newer";
  EXPECT_EQ(scan_files({newer, older}), Rows(expected.begin(), expected.end()));
  EXPECT_EQ(scan_files({newer}).size(), 200u);
}

TEST_F(TableFilesOf, TablesOfADatabaseDecideBySequenceNumbers) {
  {
    auto const database = open_database(quiet_options(), path());
    put_rows(*database, 0, 300, "older");
    flush(*database);
    put_rows(*database, 100, 200, "newer");
    check_ok(database->Delete({}, "key0250"));
    check_ok(database->DeleteRange({}, database->DefaultColumnFamily(), "key0260", "key0270"));
    flush(*database);
  }
  DatabaseVersion const version = open_version(path());
  std::vector<std::string> paths;
  for (SortedRun const& run : version.runs) paths.push_back(run.metas[0].path);
  ASSERT_EQ(paths.size(), 2u);
  Rows const rows = scan_files(paths);
  EXPECT_EQ(rows.size(), 289u);
  std::swap(paths[0], paths[1]);
  EXPECT_EQ(scan_files(paths), rows);
}

TEST_F(TableFilesOf, FilesOfDifferentOrdersDoNotGoTogether) {
  auto const one = [](rocksdb::SstFileWriter& writer) { check_ok(writer.Put("key", "value")); };
  rocksdb::Options descending = quiet_options();
  descending.comparator = rocksdb::ReverseBytewiseComparator();
  std::string const a = write_file("a.sst", one);
  std::string const b = write_file("b.sst", one, descending);
  EXPECT_EQ(scan_files({b}).size(), 1u);
  expect_error(ErrorCode::kUsage, "comparator", [&] {
    static_cast<void>(open_table_files({a, b}, {}));
  });
}

}  // namespace
}  // namespace levelscan::testing
