// Entries whose value is not simply the bytes that stand in the block, on databases that librocksdb
// wrote. The expectation is what its iterator shows: value(), and columns() for fields of columns.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rocksdb/wide_columns.h>

#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "peer/verify.hpp"
#include "query/aggregates.hpp"
#include "support/expect_error.hpp"
#include "support/format_writer.hpp"
#include "support/random.hpp"
#include "support/rocksdb_no_sync.hpp"
#include "support/rocksdb_scan.hpp"
#include "support/rocksdb_tables.hpp"
#include "support/rocksdb_writer.hpp"
#include "support/temporary_directory.hpp"

namespace levelscan {
namespace {

using namespace levelscan::testing;

std::string key_of(uint32_t i) { return fmt::format("key{:06}", i); }

class ScanValues : public ::testing::Test {
 protected:
  rocksdb::DB& open(std::size_t block_bytes, int restart_interval,
                    rocksdb::Options options = quiet_options()) {
    options.env = no_sync_env();
    set_table_options(options, [&](rocksdb::BlockBasedTableOptions& table) {
      table.block_size = block_bytes;
      table.block_restart_interval = restart_interval;
      table.checksum = rocksdb::kNoChecksum;
    });
    database_ = open_database(options, path());
    return *database_;
  }

  void close() {
    check_ok(database_->Close());
    database_.reset();
  }

  void put_entity(std::string const& key, std::map<std::string, std::string> const& columns) {
    rocksdb::WideColumns wide;
    for (auto const& [name, value] : columns) wide.emplace_back(name, value);
    check_ok(database_->PutEntity({}, database_->DefaultColumnFamily(), key, wide));
  }

  // Replaces bytes in the only table, whose blocks are uncompressed and have no checksums.
  void replace_in_table(std::string const& from, std::string const& to) {
    ASSERT_EQ(from.size(), to.size());
    std::string const table = open_version(path()).runs.at(0).metas.at(0).path;
    std::string bytes = read_whole_file(table);
    std::size_t const at = bytes.find(from);
    ASSERT_NE(at, std::string::npos);
    ASSERT_EQ(bytes.find(from, at + 1), std::string::npos);
    bytes.replace(at, from.size(), to);
    write_whole_file(table, bytes);
  }

  void expect_scan_fails(ErrorCode code, std::string const& text) {
    RowCollector collector;
    expect_error(code, text, [&] {
      DatabaseVersion const version = open_version(path());
      Scanner scanner(version, tiny_options(4096));
      scanner.run(rows_query(), &collector);
    });
  }

  [[nodiscard]] std::string path() const { return directory_ / "database"; }

  std::unique_ptr<rocksdb::DB> database_;

 private:
  TemporaryDirectory directory_;
};

TEST_F(ScanValues, AnEntityShowsItsDefaultColumnOrNothing) {
  rocksdb::DB& database = open(300, 4);
  for (uint32_t i = 0; i < 300; ++i) {
    switch (i % 5) {
      case 0: put_entity(key_of(i), {{"", "default" + std::to_string(i)}, {"a", "x"}}); break;
      case 1: put_entity(key_of(i), {{"a", "only" + std::to_string(i)}}); break;
      case 2: put_entity(key_of(i), {}); break;
      default: put(database, key_of(i), "plain" + std::to_string(i));
    }
  }
  flush_to_level(database, 6, 3000);
  // Hidden, hiding, and deleted.
  for (uint32_t i = 0; i < 100; ++i) put(database, key_of(i * 2), "newer" + std::to_string(i));
  flush_to_level(database, 3);
  for (uint32_t i = 0; i < 100; ++i) put_entity(key_of(i * 3), {{"", "newest"}, {"b", "y"}});
  for (uint32_t i = 0; i < 60; ++i) check_ok(database.Delete({}, key_of(i * 5)));
  flush(database);
  Rows const rows = iterator_rows(database);
  ASSERT_EQ(rows.size(), 240u);
  close();
  ScanStatistics const statistics = expect_rows(path(), rows_query(), rows);
  EXPECT_GT(statistics.shadowed_value, 0u);
  EXPECT_GT(statistics.shadowed_tombstone, 0u);
}

TEST_F(ScanValues, PredicatesAndAggregatesReadColumnsAsTheIteratorShowsThem) {
  rocksdb::DB& database = open(300, 4);
  levelscan::test::Random random(17);
  for (uint32_t i = 0; i < 400; ++i) {
    std::map<std::string, std::string> columns;
    if (!random.one_in(3)) columns[""] = random.bytes(random.below(9));
    if (!random.one_in(3)) columns["n"] = random.bytes(random.below(9));
    if (random.one_in(3)) columns[std::string("z\0", 2)] = random.bytes(4);
    if (random.one_in(4)) {
      put(database, key_of(i), random.bytes(random.below(9)));
    } else {
      put_entity(key_of(i), columns);
    }
    if (i == 200) flush_to_level(database, 6, 2000);
  }
  flush(database);
  close();

  Schema schema;
  schema.define("n:u32@column(n)+0");
  schema.define("tail:u8@column(n)-1");
  schema.define("z:bytes@column(z\\x00)+1");
  schema.define("d:u16@column()+0");
  schema.define("v:u16@value+0");
  std::vector<std::string> const wheres{
      "n < 1000000000", "n is null", "tail >= 128 or z > 'k'", "d is not null and not d < 9000",
      "d != v",         "z is null"};
  VerifyOptions options;
  options.scanner = tiny_options(1024);
  uint64_t rows = 0;
  for (std::string const& where : wheres) {
    SCOPED_TRACE(where);
    Query query;
    query.where = std::make_shared<Expression const>(parse_expression(where, schema));
    query.columns = parse_columns("n,tail,z,d,v,value_size", schema);
    VerifyReport report = verify_query(path(), query, options);
    EXPECT_TRUE(report.equal) << report.differences << " differences";
    rows += report.rows_found;
    query.aggregates =
        parse_aggregates("count(), count(n), sum(n), min(tail), max(z), min(z), avg(d)", schema);
    report = verify_query(path(), query, options);
    EXPECT_TRUE(report.equal) << report.differences << " differences";
  }
  EXPECT_GT(rows, 400u);
}

TEST_F(ScanValues, TimedPutsShowTheirValueWithoutTheSequenceNumber) {
  rocksdb::DB& database = open(300, 1);
  for (uint32_t i = 0; i < 100; ++i) put(database, key_of(i), "value" + std::to_string(i));
  uint64_t const sequence = database.GetLatestSequenceNumber() + 1;
  put(database, "key000050x", "timed" + fixed<uint64_t>(7));
  flush(database);
  Rows rows = iterator_rows(database);
  close();
  replace_in_table(internal_key("key000050x", sequence, 0x01),
                   internal_key("key000050x", sequence, 0x18));
  ASSERT_EQ(rows.at(51).first, "key000050x");
  rows[51].second = "timed";
  expect_rows(path(), rows_query(), rows);

  Query query = rows_query();
  query.where = predicate("value_size == 5 and value == 'timed'");
  expect_rows(path(), query, {rows[51]});
}

TEST_F(ScanValues, ATimedPutTooShortForItsSequenceNumberIsCorruption) {
  rocksdb::DB& database = open(300, 1);
  for (uint32_t i = 0; i < 100; ++i) put(database, key_of(i), "value");
  flush(database);
  close();
  replace_in_table(internal_key(key_of(60), 61, 0x01), internal_key(key_of(60), 61, 0x18));
  expect_scan_fails(ErrorCode::kCorruption, "value of an entry of type 0x18");
}

TEST_F(ScanValues, EntitiesOfAnotherVersionAreRefusedAndForgedOnesAreCorruption) {
  rocksdb::DB& database = open(300, 1);
  for (uint32_t i = 0; i < 100; ++i) put(database, key_of(i), "value");
  put_entity("key000050x", {{"col", "value of it"}});
  flush(database);
  close();
  // version | n | 3 col | 11
  replace_in_table(std::string("\x01\x01\x03") + "col\x0b",
                   std::string("\x02\x01\x03") + "col\x0b");
  expect_scan_fails(ErrorCode::kUnsupported, "wide-column entities of another version");
  replace_in_table(std::string("\x02\x01\x03") + "col\x0b",
                   std::string("\x01\x7f\x03") + "col\x0b");
  expect_scan_fails(ErrorCode::kCorruption, "value of an entry of type 0x16");
}

}  // namespace
}  // namespace levelscan
