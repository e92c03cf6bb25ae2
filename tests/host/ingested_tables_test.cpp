// Tables that were written outside the database and ingested: every entry is stored with sequence
// number 0, and another one counts. The expectation is librocksdb's iterator's rows.
#include <gtest/gtest.h>
#include <rocksdb/sst_file_writer.h>
#include <rocksdb/utilities/debug.h>

#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "support/expect_error.hpp"
#include "support/format_writer.hpp"
#include "support/rocksdb_no_sync.hpp"
#include "support/rocksdb_scan.hpp"
#include "support/rocksdb_tables.hpp"
#include "support/rocksdb_writer.hpp"
#include "support/temporary_directory.hpp"

namespace levelscan {
namespace {

using namespace levelscan::testing;
using IndexShorteningMode = rocksdb::BlockBasedTableOptions::IndexShorteningMode;

std::string key_of(uint32_t i) { return fmt::format("key{:06}", i); }

// How global sequence numbers are recorded, and how separators are: as internal keys (format
// version 2), which have stored sequence numbers, or as user keys.
struct Way {
  bool written_in_place;
  uint32_t format_version;
  IndexShorteningMode shortening;
};

class IngestedTables : public ::testing::TestWithParam<Way> {
 protected:
  IngestedTables() {
    options_ = quiet_options();
    options_.env = no_sync_env();
    set_table_options(options_, [](rocksdb::BlockBasedTableOptions& table) {
      table.block_size = 128;
      table.block_restart_interval = 3;
      table.format_version = GetParam().format_version;
      table.index_shortening = GetParam().shortening;
    });
  }

  rocksdb::DB& open() {
    database_ = open_database(options_, path());
    return *database_;
  }
  void close() {
    check_ok(database_->Close());
    database_.reset();
  }
  [[nodiscard]] std::string path() const { return directory_ / "database"; }

  // An empty value deletes; so does `deleted`, from the first to before the second.
  void ingest(Rows const& rows, rocksdb::IngestExternalFileOptions how = {},
              std::pair<std::string, std::string> const& deleted = {}) {
    std::string const file = directory_ / fmt::format("external{}.sst", ++files_);
    rocksdb::SstFileWriter writer(rocksdb::EnvOptions(), options_);
    check_ok(writer.Open(file));
    for (auto const& [key, value] : rows) {
      check_ok(value.empty() ? writer.Delete(key) : writer.Put(key, value));
    }
    if (deleted.first < deleted.second) {
      check_ok(writer.DeleteRange(deleted.first, deleted.second));
    }
    check_ok(writer.Finish());
    how.write_global_seqno = GetParam().written_in_place;
    check_ok(database_->IngestExternalFile({file}, how));
  }

  void hold_snapshot() { held_.push_back(database_->GetSnapshot()); }

  // Closes the database; every snapshot that was held, and none, sees what the iterator did.
  void expect_every_snapshot() {
    std::vector<std::pair<uint64_t, Rows>> expected;
    for (auto const* const snapshot : held_) {
      expected.emplace_back(snapshot->GetSequenceNumber(), iterator_rows(*database_, snapshot));
      database_->ReleaseSnapshot(snapshot);
    }
    held_.clear();
    expected.emplace_back(database_->GetLatestSequenceNumber(), iterator_rows(*database_));
    close();
    for (auto const& [sequence, rows] : expected) {
      SCOPED_TRACE(fmt::format("snapshot {}", sequence));
      Query query = rows_query();
      query.snapshot = sequence;
      expect_rows(path(), query, rows);
      if (HasFailure()) return;
    }
  }

  [[nodiscard]] std::size_t tables_with_global_sequence() const {
    std::size_t count = 0;
    for (SortedRun const& run : open_version(path()).runs) {
      for (TableMeta const& meta : run.metas) count += meta.global_sequence.value_or(0) != 0;
    }
    return count;
  }

  rocksdb::Options options_;
  TemporaryDirectory directory_;
  std::unique_ptr<rocksdb::DB> database_;
  std::vector<rocksdb::Snapshot const*> held_;
  int files_ = 0;
};
INSTANTIATE_TEST_SUITE_P(
    Ways, IngestedTables,
    ::testing::Values(Way{false, 5, IndexShorteningMode::kShortenSeparators},
                      Way{true, 5, IndexShorteningMode::kNoShortening},
                      Way{false, 2, IndexShorteningMode::kNoShortening},
                      Way{true, 2, IndexShorteningMode::kShortenSeparatorsAndSuccessor}),
    [](auto const& instance) {
      return fmt::format("{}Version{}Shortening{}",
                         instance.param.written_in_place ? "InTheTable" : "InTheManifest",
                         instance.param.format_version,
                         static_cast<int>(instance.param.shortening));
    });

TEST_P(IngestedTables, HideWhatIsOlderAndAreHiddenByWhatIsNewerAtEverySnapshot) {
  rocksdb::DB& database = open();
  for (uint32_t i = 0; i < 300; ++i) put(database, key_of(i), "old");
  flush_to_level(database, 4, 3000);
  hold_snapshot();
  Rows first;
  for (uint32_t i = 0; i < 300; i += 2) first.emplace_back(key_of(i), i % 6 == 0 ? "" : "first");
  ingest(first);
  hold_snapshot();
  for (uint32_t i = 0; i < 300; i += 3) put(database, key_of(i), "between");
  flush(database);
  hold_snapshot();
  Rows second;
  for (uint32_t i = 0; i < 300; i += 5) second.emplace_back(key_of(i), i % 7 == 0 ? "" : "second");
  ingest(second);
  hold_snapshot();
  for (uint32_t i = 0; i < 300; i += 11) check_ok(database.Delete({}, key_of(i)));
  flush(database);
  hold_snapshot();
  expect_every_snapshot();
  EXPECT_EQ(tables_with_global_sequence(), 2u);
}

TEST_P(IngestedTables, BetweenTwoTablesOfALevelCountLikeTheirs) {
  rocksdb::DB& database = open();
  // A snapshot keeps older versions alive, so that the ingested keys have neighbours of many.
  for (uint32_t round = 0; round < 30; ++round) {
    for (uint32_t i = 0; i < 40; i += 13) put(database, key_of(i), fmt::format("{}", round));
    hold_snapshot();
  }
  flush_to_level(database, 6, 1000);
  rocksdb::IngestExternalFileOptions how;
  Rows rows;
  for (uint32_t i = 14; i < 26; ++i) rows.emplace_back(key_of(i), "ingested");
  ingest(rows, how);
  hold_snapshot();
  rows.clear();
  for (uint32_t i = 10; i < 40; ++i) rows.emplace_back(key_of(i), i % 3 == 0 ? "" : "again");
  ingest(rows, how);
  expect_every_snapshot();
  EXPECT_EQ(tables_with_global_sequence(), 2u);
}

TEST_P(IngestedTables, IntoAnEmptyDatabaseKeepSequenceZero) {
  open();
  Rows rows;
  for (uint32_t i = 0; i < 200; ++i) rows.emplace_back(key_of(i), "ingested");
  rocksdb::IngestExternalFileOptions how;
  how.snapshot_consistency = false;
  ingest(rows, how);
  put(*database_, key_of(7), "newer");
  flush(*database_);
  expect_every_snapshot();
  EXPECT_EQ(tables_with_global_sequence(), 0u);
}

TEST_P(IngestedTables, BehindAreHiddenByWhatWasThere) {
  options_.allow_ingest_behind = true;
  options_.num_levels = 3;
  rocksdb::DB& database = open();
  for (uint32_t i = 0; i < 200; i += 2) put(database, key_of(i), "there");
  for (uint32_t i = 0; i < 200; i += 10) check_ok(database.Delete({}, key_of(i)));
  flush(database);
  rocksdb::IngestExternalFileOptions behind;
  behind.ingest_behind = true;
  Rows rows;
  for (uint32_t i = 0; i < 200; ++i) rows.emplace_back(key_of(i), "behind");
  ingest(rows, behind);
  expect_every_snapshot();
}

TEST_P(IngestedTables, DeleteRangesAtTheSequenceNumberThatTheyGot) {
  rocksdb::DB& database = open();
  for (uint32_t i = 0; i < 200; ++i) put(database, key_of(i), "old");
  flush_to_level(database, 5, 2000);
  for (uint32_t i = 0; i < 200; i += 4) put(database, key_of(i), "between");
  flush(database);
  hold_snapshot();
  ingest({{key_of(20), "ingested"}, {key_of(90), "ingested"}}, {}, {key_of(30), key_of(120)});
  hold_snapshot();
  for (uint32_t i = 0; i < 200; i += 9) put(database, key_of(i), "newer");
  flush(database);
  ingest({}, {}, {key_of(100), key_of(150)});
  expect_every_snapshot();
}

TEST_P(IngestedTables, MixedByCompactionTakeTheirSequenceNumbersAlong) {
  rocksdb::DB& database = open();
  for (uint32_t i = 0; i < 200; ++i) put(database, key_of(i), "old");
  flush(database);
  hold_snapshot();
  Rows rows;
  for (uint32_t i = 0; i < 200; i += 2) rows.emplace_back(key_of(i), i % 6 == 0 ? "" : "ingested");
  ingest(rows);
  hold_snapshot();
  move_level(database, 0, 3, 2000);
  for (uint32_t i = 0; i < 200; i += 4) put(database, key_of(i), "newer");
  flush(database);
  expect_every_snapshot();
  EXPECT_EQ(tables_with_global_sequence(), 0u);
}

TEST_P(IngestedTables, ShowTheGlobalSequenceNumberInTheFieldSeq) {
  rocksdb::DB& database = open();
  for (uint32_t i = 0; i < 60; ++i) put(database, key_of(i), "old");
  flush(database);
  Rows rows;
  for (uint32_t i = 0; i < 60; i += 2) rows.emplace_back(key_of(i), "ingested");
  ingest(rows);
  std::vector<rocksdb::KeyVersion> versions;
  check_ok(rocksdb::GetAllKeyVersions(&database, {}, {}, SIZE_MAX, &versions));
  close();
  Rows expected;  // of the newest version of each key
  uint64_t largest = 0;
  for (rocksdb::KeyVersion const& version : versions) {
    largest = std::max<uint64_t>(largest, version.sequence);
    if (!expected.empty() && expected.back().first == version.user_key) continue;
    expected.emplace_back(version.user_key, version.value);
  }
  Rows only;
  for (auto const& row : expected) {
    if (row.second == "ingested") only.push_back(row);
  }
  ASSERT_EQ(only.size(), 30u);
  Query query = rows_query();
  query.where = predicate(fmt::format("seq = {}", largest));
  expect_rows(path(), query, only);
  query.where = predicate("seq = 0");
  expect_rows(path(), query, {});
}

TEST_P(IngestedTables, WhoseOwnNumberContradictsTheManifestAreCorruption) {
  if (!GetParam().written_in_place) return;  // the table has no number of its own
  rocksdb::DB& database = open();
  put(database, key_of(1), "old");
  flush(database);
  ingest({{key_of(1), "ingested"}});
  close();
  TableMeta const meta = open_version(path()).runs.at(0).metas.at(0);
  ASSERT_TRUE(meta.global_sequence);
  std::string bytes = read_whole_file(meta.path);
  std::string const name = "global_seqno";
  std::size_t const at = bytes.find(name) + name.size();
  ASSERT_EQ(bytes.substr(at, 8), fixed(*meta.global_sequence));
  bytes.replace(at, 8, fixed(*meta.global_sequence + 1));
  write_whole_file(meta.path, bytes);
  expect_error(ErrorCode::kCorruption, "but the MANIFEST says",
               [&] { static_cast<void>(open_version(path())); });
}

}  // namespace
}  // namespace levelscan
