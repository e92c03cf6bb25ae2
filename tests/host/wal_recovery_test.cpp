// Databases with rows in their write-ahead logs only: what is read must be what librocksdb recovers
// from the same files, whole, cut off at every byte and with every byte changed.
#ifdef LEVELSCAN_WITH_ROCKSDB

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rocksdb/utilities/transaction.h>
#include <rocksdb/utilities/transaction_db.h>
#include <rocksdb/write_batch.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "support/expect_error.hpp"
#include "support/format_writer.hpp"
#include "support/random.hpp"
#include "support/recovered_rows.hpp"
#include "support/rocksdb_scan.hpp"
#include "support/rocksdb_writer.hpp"
#include "support/temporary_directory.hpp"
#include "version/write_batch.hpp"

namespace levelscan {
namespace {

using namespace levelscan::testing;
using test::Random;
using ::testing::Contains;
using ::testing::HasSubstr;

// A database that stays open, and a copy of its files as a program that was killed leaves them.
class WalRecovery : public ::testing::Test {
 protected:
  ~WalRecovery() override { close(); }

  [[nodiscard]] std::string path() const { return directory_ / "db"; }
  [[nodiscard]] std::string copy() const { return directory_ / "copy"; }

  void open(rocksdb::Options const& options = quiet_options(),
            std::vector<std::string> const& families = {"default"}) {
    close();
    rocksdb::DBOptions database_options(options);
    database_options.create_missing_column_families = true;
    std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
    for (std::string const& family : families) descriptors.emplace_back(family, options);
    rocksdb::DB* raw = nullptr;
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    check_ok(rocksdb::DB::Open(database_options, path(), descriptors, &handles, &raw));
    database_.reset(raw);
    names_ = families;
    for (std::size_t i = 0; i < families.size(); ++i) families_[families[i]] = handles[i];
  }
  void close() {
    for (auto const& [name, family] : families_) {
      check_ok(database_->DestroyColumnFamilyHandle(family));
    }
    families_.clear();
    database_.reset();
  }

  void put(std::string const& key, std::string const& value,
           std::string const& family = "default") {
    check_ok(database_->Put(rocksdb::WriteOptions(), families_.at(family), key, value));
  }
  void put_unlogged(std::string const& key, std::string const& value) {
    rocksdb::WriteOptions options;
    options.disableWAL = true;
    check_ok(database_->Put(options, key, value));
  }
  void erase(std::string const& key, std::string const& family = "default") {
    check_ok(database_->Delete(rocksdb::WriteOptions(), families_.at(family), key));
  }
  void flush(std::string const& family = "default") {
    check_ok(database_->Flush(rocksdb::FlushOptions(), families_.at(family)));
  }
  // A batch over all column families, with operations of all kinds but merges.
  void write_batch(Random& random) {
    rocksdb::WriteBatch batch;
    uint32_t const operations = random.below(6) + 1;
    for (uint32_t i = 0; i < operations; ++i) {
      auto* const family = families_.at(names_[random.below(names_.size())]);
      std::string const key = "key" + std::to_string(random.below(30));
      switch (random.below(8)) {
        case 0: check_ok(batch.Delete(family, key)); break;
        case 1: check_ok(batch.SingleDelete(family, "single" + std::to_string(i))); break;
        case 2:
        case 3:
          check_ok(batch.DeleteRange(family, key, key + (random.one_in(2) ? "5" : "")));
          break;
        case 4: check_ok(batch.PutLogData("a remark")); break;
        default:
          check_ok(
              batch.Put(family, key, std::string(random.below(40), static_cast<char>('a' + i))));
      }
    }
    check_ok(database_->Write(rocksdb::WriteOptions(), &batch));
  }

  // Expects both to recover the same from the copy. Returns what it is; with no error there.
  Recovered expect_same(std::string const& what = "") {
    Recovered const wanted = recovered_by_librocksdb(copy(), names_);
    Recovered const found = recovered_by_levelscan(copy(), names_);
    EXPECT_EQ(found.error.empty(), wanted.error.empty())
        << what << "\nlevelscan: " << found.error << "\nlibrocksdb: " << wanted.error;
    if (found.error.empty() && wanted.error.empty() && found.refusals.empty()) {
      EXPECT_EQ(found.rows, wanted.rows) << what;
      EXPECT_EQ(found.last_sequence, wanted.last_sequence) << what;
    }
    return found;
  }
  // The same, and nothing is refused.
  void expect_same_rows(std::string const& what = "") {
    Recovered const found = expect_same(what);
    EXPECT_EQ(found.error, "") << what;
    EXPECT_THAT(found.refusals, ::testing::IsEmpty()) << what;
  }

  TemporaryDirectory directory_{quick_directory()};
  std::unique_ptr<rocksdb::DB> database_;
  std::vector<std::string> names_;
  std::map<std::string, rocksdb::ColumnFamilyHandle*> families_;
};

TEST_F(WalRecovery, RowsOfADatabaseThatWasNeverFlushed) {
  open();
  for (int i = 0; i < 300; ++i) put("key" + std::to_string(i), "value" + std::to_string(i));
  for (int i = 0; i < 300; i += 3) erase("key" + std::to_string(i));
  for (int i = 0; i < 300; i += 5) put("key" + std::to_string(i), "again");
  Rows const expected = iterator_rows(*database_);
  copy_database(path(), copy());
  expect_same_rows();
  DatabaseVersion const version = open_version(copy());
  ASSERT_EQ(version.runs.size(), 1u);
  EXPECT_EQ(version.runs[0].level, kUnflushedLevel);
  EXPECT_EQ(version.last_sequence, 460u);
  EXPECT_EQ(version.unflushed->entries, 460u);
  expect_rows(copy(), rows_query(), expected);
}

TEST_F(WalRecovery, UnflushedRowsShadowThoseInTables) {
  open();
  for (int i = 0; i < 400; ++i) put("key" + std::to_string(i), "flushed");
  flush();
  check_ok(database_->CompactRange(rocksdb::CompactRangeOptions(), nullptr, nullptr));
  for (int i = 0; i < 400; i += 2) put("key" + std::to_string(i), "newer, in a table of L0");
  flush();
  for (int i = 0; i < 400; i += 3) erase("key" + std::to_string(i));
  for (int i = 0; i < 400; i += 5) put("key" + std::to_string(i), "newest, in the log");
  for (int i = 400; i < 450; ++i) put("key" + std::to_string(i), "new");
  Rows const expected = iterator_rows(*database_);
  copy_database(path(), copy());
  expect_same_rows();
  EXPECT_EQ(open_version(copy()).runs.size(), 3u);
  expect_rows(copy(), rows_query(), expected);
  Query query = rows_query();
  query.where = predicate("value = 'flushed'");
  Rows flushed;
  for (auto const& row : expected) {
    if (row.second == "flushed") flushed.push_back(row);
  }
  expect_rows(copy(), query, flushed);
}

TEST_F(WalRecovery, UnflushedRangeTombstonesHideRowsOfTables) {
  open();
  for (int i = 100; i < 400; ++i) put("key" + std::to_string(i), "flushed");
  flush();
  auto const erase_range = [this](std::string const& start, std::string const& end) {
    check_ok(database_->DeleteRange(rocksdb::WriteOptions(), families_.at("default"), start, end));
  };
  erase_range("key150", "key250");
  for (int i = 140; i < 160; ++i) put("key" + std::to_string(i), "unflushed");
  erase_range("key155", "key156");
  erase_range("key156", "key156");
  Rows const expected = iterator_rows(*database_);
  EXPECT_EQ(expected.size(), 200u + 9u);
  copy_database(path(), copy());
  expect_same_rows();
  EXPECT_EQ(open_version(copy()).unflushed->range_tombstones, 2u);
  expect_rows(copy(), rows_query(), expected);
}

TEST_F(WalRecovery, OneOfNothingButRangeTombstones) {
  open();
  for (int i = 100; i < 400; ++i) put("key" + std::to_string(i), "flushed");
  flush();
  check_ok(
      database_->DeleteRange(rocksdb::WriteOptions(), families_.at("default"), "key1", "key3"));
  Rows const expected = iterator_rows(*database_);
  copy_database(path(), copy());
  EXPECT_EQ(open_version(copy()).runs.size(), 1u);
  expect_rows(copy(), rows_query(), expected);
}

TEST_F(WalRecovery, ReverseOrder) {
  rocksdb::Options options = quiet_options();
  options.comparator = rocksdb::ReverseBytewiseComparator();
  open(options);
  for (int i = 100; i < 300; ++i) put("key" + std::to_string(i), "flushed");
  flush();
  for (int i = 100; i < 300; i += 3) put("key" + std::to_string(i), "unflushed");
  for (int i = 100; i < 300; i += 5) erase("key" + std::to_string(i));
  check_ok(
      database_->DeleteRange(rocksdb::WriteOptions(), families_.at("default"), "key220", "key210"));
  Rows const expected = iterator_rows(*database_);
  copy_database(path(), copy());
  expect_rows(copy(), rows_query(), expected);
}

TEST_F(WalRecovery, AProgramThatExitsWithoutClosing) {
  pid_t const child = ::fork();
  if (child == 0) {
    auto* const database = open_database(quiet_options(), path()).release();
    for (int i = 0; i < 50; ++i) testing::put(*database, "key" + std::to_string(i), "value");
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  copy_database(path(), copy());
  names_ = {"default"};
  expect_same_rows();
  EXPECT_EQ(rows_of_version(open_version(path())).size(), 50u);
}

TEST_F(WalRecovery, LargeRecordsSpanBlocks) {
  open();
  for (std::size_t const bytes : {1u, 30000u, 40000u, 200000u, 32700u, 5u, 1000000u, 32741u}) {
    put("key" + std::to_string(bytes), std::string(bytes, 'v'));
  }
  copy_database(path(), copy());
  expect_same_rows();
}

TEST_F(WalRecovery, CompressedLogs) {
  rocksdb::Options options = quiet_options();
  options.wal_compression = rocksdb::kZSTD;
  open(options);
  Random random(7);
  for (int i = 0; i < 100; ++i) write_batch(random);
  put("long", std::string(500000, 'x'));
  std::string noise;
  for (int i = 0; i < 100000; ++i) noise += static_cast<char>(random.below(256));
  put("noise", noise);
  put("after", "it");
  copy_database(path(), copy());
  expect_same_rows();
  std::string const log = log_files(copy()).back();
  std::string const bytes = read_whole_file(log);
  for (std::size_t length = 0; length < bytes.size();
       length += length < 1000 ? 13 : bytes.size() / 40) {
    write_whole_file(log, bytes.substr(0, length));
    expect_same_rows("cut at " + std::to_string(length));
  }
}

TEST_F(WalRecovery, RecycledLogs) {
  rocksdb::Options options = quiet_options();
  options.recycle_log_file_num = 2;
  // With others librocksdb 7.8 takes the option back.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kSkipAnyCorruptedRecords;
  open(options);
  Random random(8);
  for (int round = 0; round < 6; ++round) {
    for (int i = 0; i < 30 - 4 * round; ++i) write_batch(random);
    copy_database(path(), copy());
    expect_same_rows("round " + std::to_string(round));
    flush();
  }
  put("last", "row");
  copy_database(path(), copy());
  expect_same_rows();
  std::string const bytes = read_whole_file(log_files(copy()).back());
  EXPECT_GT(bytes.size(), 500u) << "the log is expected to be an old one's file";
}

TEST_F(WalRecovery, WritesWithoutTheLogLeaveGaps) {
  open();
  for (int i = 0; i < 100; ++i) {
    if (i % 3 == 0) {
      put_unlogged("key" + std::to_string(i % 40), "unlogged");
    } else {
      put("key" + std::to_string(i % 40), "logged" + std::to_string(i));
    }
  }
  copy_database(path(), copy());
  expect_same_rows();
}

TEST_F(WalRecovery, BatchesOverSeveralColumnFamiliesInSeveralLogs) {
  open(quiet_options(), {"default", "orders", "customers"});
  Random random(9);
  for (int round = 0; round < 5; ++round) {
    for (int i = 0; i < 20; ++i) write_batch(random);
    // The others go on needing the logs so far.
    if (round % 2 == 0) flush("orders");
    if (round == 3) flush("customers");
    copy_database(path(), copy());
    EXPECT_GE(log_files(copy()).size(), round == 0 ? 1u : 2u);
    expect_same_rows("round " + std::to_string(round));
  }
}

TEST_F(WalRecovery, WritesToADroppedColumnFamilyStillTakeSequenceNumbers) {
  open(quiet_options(), {"default", "dropped"});
  Random random(10);
  for (int i = 0; i < 50; ++i) write_batch(random);
  check_ok(database_->DropColumnFamily(families_.at("dropped")));
  check_ok(database_->DestroyColumnFamilyHandle(families_.at("dropped")));
  families_.erase("dropped");
  names_ = {"default"};
  for (int i = 0; i < 20; ++i) write_batch(random);
  copy_database(path(), copy());
  expect_same_rows();
}

TEST_F(WalRecovery, LogsThatARecoveryKept) {
  rocksdb::Options options = quiet_options();
  options.avoid_flush_during_recovery = true;
  options.avoid_flush_during_shutdown = true;
  Random random(11);
  for (int opening = 0; opening < 4; ++opening) {
    open(options);
    for (int i = 0; i < 15; ++i) write_batch(random);
    copy_database(path(), copy());
    EXPECT_EQ(log_files(copy()).size(), static_cast<std::size_t>(opening) + 1);
    expect_same_rows("opening " + std::to_string(opening));
  }
}

// The test that matters: a log that ends anywhere.
TEST_F(WalRecovery, ALogCutOffAtEveryByte) {
  open(quiet_options(), {"default", "orders"});
  Random random(12);
  put("flushed", "row");
  flush();
  for (int i = 0; i < 12; ++i) write_batch(random);
  copy_database(path(), copy());
  std::string const log = log_files(copy()).back();
  std::string const bytes = read_whole_file(log);
  ASSERT_GT(bytes.size(), 500u);
  ASSERT_LT(bytes.size(), 5000u);
  for (std::size_t length = 0; length <= bytes.size(); ++length) {
    write_whole_file(log, bytes.substr(0, length));
    expect_same_rows("cut at " + std::to_string(length));
    if (HasFailure()) return;
  }
}

TEST_F(WalRecovery, AFirstLogCutOffAtEveryByteBeforeASecondOne) {
  open(quiet_options(), {"default", "orders"});
  Random random(13);
  for (int i = 0; i < 8; ++i) write_batch(random);
  flush("orders");
  for (int i = 0; i < 8; ++i) write_batch(random);
  copy_database(path(), copy());
  std::vector<std::string> const logs = log_files(copy());
  ASSERT_EQ(logs.size(), 2u);
  std::string const bytes = read_whole_file(logs[0]);
  uint32_t corrupt = 0;
  for (std::size_t length = 0; length <= bytes.size(); ++length) {
    write_whole_file(logs[0], bytes.substr(0, length));
    // Where a family was flushed after the place, both refuse to open it.
    corrupt += expect_same("cut at " + std::to_string(length)).error.empty() ? 0u : 1u;
    if (HasFailure()) return;
  }
  EXPECT_GT(corrupt, bytes.size() / 2);
}

// Writers that recover from a torn log go on with the next sequence number in another one.
TEST_F(WalRecovery, ATornLogAndTheOneThatGoesOnFromIt) {
  rocksdb::Options options = quiet_options();
  options.avoid_flush_during_recovery = true;
  options.avoid_flush_during_shutdown = true;
  Random random(14);
  open(options);
  for (int i = 0; i < 12; ++i) write_batch(random);
  close();
  std::string const first = log_files(path()).at(0);
  std::string const bytes = read_whole_file(first);
  write_whole_file(first, bytes.substr(0, bytes.size() - 5));
  open(options);
  for (int i = 0; i < 12; ++i) write_batch(random);
  copy_database(path(), copy());
  ASSERT_EQ(log_files(copy()).size(), 2u);
  expect_same_rows();
  EXPECT_TRUE(open_version(copy()).unflushed->logs.at(1).counts);
  // With more cut off, the second one no longer goes on from it.
  std::string const log = log_files(copy()).at(0);
  uint32_t passed_over = 0;
  for (std::size_t length = 0; length < bytes.size(); length += 3) {
    write_whole_file(log, bytes.substr(0, length));
    expect_same_rows("cut at " + std::to_string(length));
    if (HasFailure()) return;
    passed_over += open_version(copy()).unflushed->logs.at(1).counts ? 0u : 1u;
  }
  EXPECT_GT(passed_over, 100u);
}

TEST_F(WalRecovery, EveryByteChanged) {
  open(quiet_options(), {"default", "orders"});
  Random random(15);
  put("flushed", "row");
  flush();
  for (int i = 0; i < 10; ++i) write_batch(random);
  copy_database(path(), copy());
  std::string const log = log_files(copy()).back();
  std::string bytes = read_whole_file(log);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    char const original = bytes[i];
    bytes[i] = static_cast<char>(original ^ (1 << random.below(8)));
    write_whole_file(log, bytes);
    expect_same_rows("byte " + std::to_string(i));
    bytes[i] = original;
    if (HasFailure()) return;
  }
}

TEST_F(WalRecovery, EveryByteOfTheFirstOfTwoLogsChanged) {
  rocksdb::Options options = quiet_options();
  options.avoid_flush_during_recovery = true;
  options.avoid_flush_during_shutdown = true;
  Random random(16);
  open(options);
  for (int i = 0; i < 12; ++i) write_batch(random);
  open(options);
  for (int i = 0; i < 6; ++i) write_batch(random);
  copy_database(path(), copy());
  ASSERT_EQ(log_files(copy()).size(), 2u);
  std::string const log = log_files(copy()).front();
  std::string bytes = read_whole_file(log);
  uint32_t refused = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    char const original = bytes[i];
    bytes[i] = static_cast<char>(original ^ (1 << random.below(8)));
    write_whole_file(log, bytes);
    // A type of recyclable records looks like the end of a recycled log.
    std::vector<std::string> const refusals = expect_same("byte " + std::to_string(i)).refusals;
    for (std::string const& refusal : refusals) EXPECT_THAT(refusal, HasSubstr("recycled"));
    refused += refusals.empty() ? 0u : 1u;
    bytes[i] = original;
    if (HasFailure()) return;
  }
  EXPECT_LT(refused, 20u);
}

// Whether a batch is free of what librocksdb 7.8 doesn't know, can't read without an operator, or
// takes for granted (markers of transactions).
bool is_plain(std::string const& batch) {
  try {
    WriteBatchReader reader(bytes_of(batch), {"batch", 0});
    BatchOperation operation;
    while (reader.next(operation)) {
      bool const is_plain_entry = operation.kind == BatchOperation::Kind::kEntry &&
                                  (operation.entry_type == EntryType::kValue ||
                                   operation.entry_type == EntryType::kDeletion ||
                                   operation.entry_type == EntryType::kSingleDeletion);
      if (!is_plain_entry && operation.kind != BatchOperation::Kind::kDeleteRange &&
          operation.kind != BatchOperation::Kind::kLogData) {
        return false;
      }
    }
  } catch (Error const&) {
    // Both should say that it makes no sense.
  }
  return true;
}

// Batches that don't make sense, with checksums that fit.
TEST_F(WalRecovery, EveryByteOfABatchChangedUnderAFittingChecksum) {
  open(quiet_options(), {"default", "orders"});
  Random random(17);
  put("first", "row");
  std::size_t const begin = read_whole_file(log_files(path()).back()).size();
  for (int i = 0; i < 8; ++i) write_batch(random);
  copy_database(path(), copy());
  std::string const log = log_files(copy()).back();
  std::string const bytes = read_whole_file(log);
  constexpr std::size_t kSequenceBytes = 8;  // librocksdb asserts that they ascend
  uint32_t opened = 0;
  uint32_t failed = 0;
  for (std::size_t at = begin; at < bytes.size();) {
    uint32_t const length = load_fixed16(bytes_of(bytes).data() + at + 4);
    std::string const record = bytes.substr(at + 7, length);
    for (std::size_t i = kSequenceBytes; i < length; ++i) {
      std::string changed = record;
      changed[i] = static_cast<char>(changed[i] ^ (1 << random.below(8)));
      if (!is_plain(changed)) continue;
      write_whole_file(log, std::string(bytes).replace(at, 7 + length, log_fragment(1, changed)));
      Recovered const found =
          expect_same("byte " + std::to_string(i) + " of the record at " + std::to_string(at));
      if (HasFailure()) return;
      ++(found.error.empty() ? opened : failed);
    }
    at += 7 + length;
  }
  EXPECT_GT(opened, 100u);
  EXPECT_GT(failed, 100u);
}

// Every write has one sequence number and one key: what is seen at any moment must be a prefix of
// the writes, wherever they stand.
TEST_F(WalRecovery, APrefixOfTheWritesOfAWriterThatGoesOn) {
  rocksdb::Options options = quiet_options();
  options.disable_auto_compactions = false;
  options.level0_file_num_compaction_trigger = 3;
  open(options);
  auto const key_of = [](uint64_t sequence) { return "key" + std::to_string(1000000 + sequence); };
  constexpr uint64_t kWrites = 6000;
  std::atomic<bool> done = false;
  std::thread writer([&] {
    for (uint64_t i = 1; i <= kWrites; ++i) {
      put(key_of(i), "value");
      if (i % 300 == 0) flush();
    }
    done = true;
  });
  uint64_t versions = 0;
  uint64_t with_unflushed_rows = 0;
  while (!done) {
    try {
      DatabaseVersion const version = open_version(path());
      RowMap expected;
      for (uint64_t i = 1; i <= version.last_sequence; ++i) expected.emplace(key_of(i), "value");
      EXPECT_EQ(rows_of_version(version).size(), expected.size());
      EXPECT_EQ(rows_of_version(version), expected);
      ++versions;
      with_unflushed_rows += version.unflushed->entries > 0 ? 1u : 0u;
    } catch (Error const& error) {
      // Too fast a writer is said to be one.
      EXPECT_EQ(error.code(), ErrorCode::kRuntime) << error.what();
    }
    if (HasFailure()) break;
  }
  writer.join();
  EXPECT_GT(versions, 0u);
  EXPECT_GT(with_unflushed_rows, 0u);
  EXPECT_EQ(rows_of_version(open_version(path())).size(), kWrites);
}

class TransactionWal : public WalRecovery {
 protected:
  void open_transactions(
      rocksdb::TxnDBWritePolicy policy = rocksdb::TxnDBWritePolicy::WRITE_COMMITTED) {
    rocksdb::TransactionDBOptions options;
    options.write_policy = policy;
    check_ok(rocksdb::TransactionDB::Open(quiet_options(), options, path(), &transactions_));
    database_.reset(transactions_);
    names_ = {"default"};
  }
  std::unique_ptr<rocksdb::Transaction> prepare(std::string const& name,
                                                std::string const& prefix) {
    std::unique_ptr<rocksdb::Transaction> transaction(
        transactions_->BeginTransaction(rocksdb::WriteOptions()));
    check_ok(transaction->SetName(name));
    for (int i = 0; i < 5; ++i) {
      check_ok(transaction->Put(prefix + std::to_string(i), name + std::to_string(i)));
    }
    check_ok(transaction->Delete(prefix + "3"));
    check_ok(transaction->Prepare());
    return transaction;
  }
  void flush_all() { testing::flush(*database_); }
  // What the transactional database itself shows, which it must do after a recovery too.
  void expect_rows_of_the_open_database() {
    RowMap expected;
    for (auto const& [key, value] : iterator_rows(*database_)) expected.emplace(key, value);
    // No log goes away while it is copied: RocksDB waits for those that are going before it tells
    // which there are.
    check_ok(database_->DisableFileDeletions());
    rocksdb::VectorLogPtr logs;
    check_ok(database_->GetSortedWalFiles(logs));
    copy_database(path(), copy());
    check_ok(database_->EnableFileDeletions());
    DatabaseVersion const version = open_version(copy());
    EXPECT_THAT(version.refusals, ::testing::IsEmpty());
    EXPECT_EQ(rows_of_version(version), expected);
    EXPECT_EQ(version.last_sequence, database_->GetLatestSequenceNumber());
  }

  rocksdb::TransactionDB* transactions_ = nullptr;
};

TEST_F(TransactionWal, CommittedTransactionsCountWithTheirCommit) {
  open_transactions();
  testing::put(*database_, "a0", "before");
  auto const first = prepare("first", "a");
  testing::put(*database_, "b1", "between the prepare and the commit");
  auto const second = prepare("second", "b");
  check_ok(second->Commit());
  testing::put(*database_, "c0", "after one commit");
  auto const third = prepare("third", "c");
  check_ok(third->Rollback());
  check_ok(first->Commit());
  expect_rows_of_the_open_database();
}

TEST_F(TransactionWal, ACommitMayStandInALaterLogThanItsPrepare) {
  open_transactions();
  auto const first = prepare("first", "a");
  testing::put(*database_, "x", "flushed");
  flush_all();
  check_ok(first->Commit());
  testing::put(*database_, "y", "unflushed");
  expect_rows_of_the_open_database();
  auto const second = prepare("second", "b");
  check_ok(second->Commit());
  flush_all();
  testing::put(*database_, "z", "unflushed");
  expect_rows_of_the_open_database();
}

TEST_F(TransactionWal, OnesThatAreStillPreparedAreRefused) {
  open_transactions();
  testing::put(*database_, "a0", "before");
  auto const transaction = prepare("prepared", "a");
  copy_database(path(), copy());
  DatabaseVersion const version = open_version(copy());
  ASSERT_EQ(version.refusals.size(), 1u);
  EXPECT_EQ(version.refusals[0].feature, "prepared transaction");
  EXPECT_EQ(version.refusals[0].file, log_files(copy()).back());
  EXPECT_TRUE(version.refusals[0].offset);
  expect_error(ErrorCode::kUnsupported, "commit or roll back", [&] { require_scannable(version); });
  check_ok(transaction->Rollback());
}

TEST_F(TransactionWal, OtherWritePoliciesAreRefused) {
  open_transactions(rocksdb::TxnDBWritePolicy::WRITE_PREPARED);
  auto const transaction = prepare("first", "a");
  check_ok(transaction->Commit());
  copy_database(path(), copy());
  expect_error(ErrorCode::kUnsupported, "WritePrepared",
               [&] { require_scannable(open_version(copy())); });
}

}  // namespace
}  // namespace levelscan

#endif  // LEVELSCAN_WITH_ROCKSDB
