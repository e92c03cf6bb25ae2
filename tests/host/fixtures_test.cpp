// Databases that other builds of RocksDB and LevelDB wrote (tests/fixtures/), against the rows that
// those builds read from them. What levelscan refuses must be refused under its exact name.
//
//   NAME/       the database's files
//   NAME.rows   "[family]" begins a column family, then a line a row: key, tab, value; \xNN is a
//   byte
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <ostream>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "query/aggregates.hpp"
#include "query/key_argument.hpp"
#include "support/expect_error.hpp"
#include "support/scan_rows.hpp"

namespace levelscan {
namespace {

using namespace levelscan::testing;

struct Fixture {
  char const* name;
  // The feature for which it cannot be scanned; null: its rows come out, of every family.
  char const* refused = nullptr;
  char const* family = "default";  // that is refused
};

constexpr Fixture kFixtures[] = {
    {"leveldb-1.23-long-log"},
    {"leveldb-1.23-own-comparator", "comparator 'fixture.ShorterFirst'"},
    {"leveldb-1.23-snappy"},
    {"leveldb-1.23-uncompressed"},
    {"myrocks-10.11"},
    {"myrocks-10.11-reverse"},
    {"myrocks-10.11-reverse", "merge operands (operator 'Rdb_system_merge_op')", "__system__"},
    {"myrocks-10.11-two-phase"},
    {"rocksdb-10.7-transactions"},
    {"rocksdb-11.1-defaults"},
    {"rocksdb-11.9-compressed-log"},
    {"rocksdb-11.9-delete-range"},
    {"rocksdb-11.9-embedded-blobs", "embedded blobs"},
    {"rocksdb-11.9-families"},
    {"rocksdb-11.9-format-7"},
    {"rocksdb-11.9-indexes"},
    {"rocksdb-11.9-ingested"},
    {"rocksdb-11.9-own-compression", "compression manager 'FixtureManager'"},
    {"rocksdb-11.9-recycled-log"},
    {"rocksdb-11.9-separated"},
    {"rocksdb-11.9-super-blocks"},
    {"rocksdb-11.9-timed-put"},
    {"rocksdb-11.9-timestamps", "user-defined timestamps"},
    {"rocksdb-11.9-timestamps-not-kept", "user-defined timestamps"},
    {"rocksdb-11.9-uniform-keys"},
    {"rocksdb-11.9-unprepared-transaction",
     "transactions of the WritePrepared or WriteUnprepared policy"},
    {"rocksdb-11.9-wide-columns", "wide-column entities of another version than 1"},
    {"rocksdb-9.8-blobs"},
    {"rocksdb-9.8-checksums"},
    {"rocksdb-9.8-codecs"},
    {"rocksdb-9.8-column-families"},
    {"rocksdb-9.8-cuckoo-table", "cuckoo table format"},
    {"rocksdb-9.8-data-block-hash-index"},
    {"rocksdb-9.8-delete-range"},
    {"rocksdb-9.8-dictionaries"},
    {"rocksdb-9.8-format-0"},
    {"rocksdb-9.8-format-1"},
    {"rocksdb-9.8-format-2"},
    {"rocksdb-9.8-format-6"},
    {"rocksdb-9.8-indexes"},
    {"rocksdb-9.8-ingested"},
    {"rocksdb-9.8-plain-table", "plain table format"},
    {"rocksdb-9.8-recycled-log"},
    {"rocksdb-9.8-universal"},
    {"rocksdb-9.8-wide-columns"},
    {"rocksdbjni-9.8-atomic-flush"},
    {"rocksdbjni-9.8-block-layouts"},
    {"rocksdbjni-9.8-first-key-index"},
    {"rocksdbjni-9.8-gaps-in-the-log"},
    {"rocksdbjni-9.8-merge-max"},
    {"rocksdbjni-9.8-merge-put"},
    {"rocksdbjni-9.8-merge-stringappend"},
    {"rocksdbjni-9.8-merge-stringappendtest"},
    {"rocksdbjni-9.8-merge-uint64add"},
    {"rocksdbjni-9.8-own-comparator", "comparator 'fixture.ShorterFirst'"},
    {"rocksdbjni-9.8-own-merge-operator",
     "merge operands (operator 'CassandraValueMergeOperator')"},
    {"rocksdbjni-9.8-prepared-transaction", "prepared transaction"},
    {"rocksdbjni-9.8-reverse"},
    {"rocksdbjni-9.8-single-delete"},
    {"rocksdbjni-9.8-transactions"},
    {"rocksdbjni-9.8-zlib"},
};

std::string test_name(::testing::TestParamInfo<Fixture> const& info) {
  std::string name = info.param.name;
  if (info.param.family != std::string("default")) name += info.param.family;
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c == '-' || c == '.'; }, '_');
  return name;
}

void PrintTo(Fixture const& fixture, std::ostream* stream) { *stream << fixture.name; }

std::filesystem::path const kDirectory = LEVELSCAN_FIXTURES;

std::string unescaped(std::string_view text) {
  std::size_t error_offset = 0;
  std::optional<std::string> bytes = unescape(text, error_offset);
  if (!bytes) throw std::runtime_error(fmt::format("malformed text in a .rows file: {}", text));
  return *bytes;
}

// By column family.
std::map<std::string, Rows> read_rows(std::filesystem::path const& path) {
  std::ifstream file(path);
  std::map<std::string, Rows> families;
  Rows* rows = nullptr;
  for (std::string line; std::getline(file, line);) {
    std::size_t const tab = line.find('\t');
    if (tab == std::string::npos && line.starts_with('[') && line.ends_with(']')) {
      rows = &families[unescaped(std::string_view(line).substr(1, line.size() - 2))];
    } else if (tab != std::string::npos && rows != nullptr) {
      std::string_view const text = line;
      rows->emplace_back(unescaped(text.substr(0, tab)), unescaped(text.substr(tab + 1)));
    } else {
      throw std::runtime_error(fmt::format("{}: '{}' is no row", path.string(), line));
    }
  }
  return families;
}

template <typename Keeps>
Rows only(Rows const& rows, Keeps keeps) {
  Rows kept;
  std::copy_if(rows.begin(), rows.end(), std::back_inserter(kept), keeps);
  return kept;
}

// A database, and the column family of it to open.
struct Source {
  std::string path;
  OpenOptions open;
};

void expect_ranges(Source const& source, Rows const& rows) {
  if (rows.empty()) return;
  bool const descends = rows.front().first > rows.back().first;
  auto const before = [&](std::string const& a, std::string const& b) {
    return descends ? a > b : a < b;
  };
  std::string const first = rows[rows.size() / 4].first;
  std::string const last = rows[rows.size() * 3 / 4].first;
  std::string const after = first + '\0';  // no key, most likely
  Query query = rows_query();
  query.keys.from = first;
  query.keys.to = last;
  expect_rows(
      source.path, query,
      only(rows,
           [&](auto const& row) { return !before(row.first, first) && before(row.first, last); }),
      source.open);
  query.keys.from = after;
  query.keys.to.reset();
  expect_rows(source.path, query,
              only(rows, [&](auto const& row) { return !before(row.first, after); }), source.open);
  query.keys.from.reset();
  query.keys.to = after;
  expect_rows(source.path, query,
              only(rows, [&](auto const& row) { return before(row.first, after); }), source.open);
}

void expect_predicates(Source const& source, Rows const& rows) {
  Query query = rows_query();
  // Half of the rows, then few, then none.
  query.where = predicate("first >= 56", {"first:u8@value+0"});
  expect_rows(source.path, query,
              only(rows,
                   [&](auto const& row) {
                     return !row.second.empty() && static_cast<uint8_t>(row.second[0]) >= 56;
                   }),
              source.open);
  query.where = predicate("value_size > 20 and first < 64", {"first:u8@value+0"});
  expect_rows(source.path, query,
              only(rows,
                   [&](auto const& row) {
                     return row.second.size() > 20 && static_cast<uint8_t>(row.second[0]) < 64;
                   }),
              source.open);
  query.where = predicate("value == 'no such value'");
  expect_rows(source.path, query, {}, source.open);
}

void expect_aggregates(Source const& source, Rows const& rows) {
  Query query;
  query.aggregates = parse_aggregates("count(), sum(value_size)", Schema());
  Int128 bytes = 0;
  for (auto const& row : rows) bytes += static_cast<Int128>(row.second.size());
  DatabaseVersion const version = open_version(source.path, source.open);
  for (uint32_t const data_block_bytes : {512u, 1u << 20}) {
    Scanner scanner(version, tiny_options(data_block_bytes));
    ScanResult const result = scanner.run(query, nullptr);
    EXPECT_TRUE(result.aggregates.at(0).integer == static_cast<Int128>(rows.size()));
    EXPECT_TRUE(rows.empty() || result.aggregates.at(1).integer == bytes);
  }
}

class Fixtures : public ::testing::TestWithParam<Fixture> {
 protected:
  [[nodiscard]] static std::string path() { return kDirectory / GetParam().name; }
};

TEST_P(Fixtures, GiveTheRowsThatTheirBuildReads) {
  if (GetParam().refused != nullptr) {
    expect_error(ErrorCode::kUnsupported, GetParam().refused, [] {
      RowCollector collector;
      OpenOptions open;
      open.column_family = GetParam().family;
      DatabaseVersion const version = open_version(path(), open);
      Scanner scanner(version, tiny_options(4096));
      scanner.run(rows_query(), &collector);
    });
    return;
  }
  std::map<std::string, Rows> const families = read_rows(path() + ".rows");
  for (auto const& [family, rows] : families) {
    SCOPED_TRACE(fmt::format("column family {}", family));
    Source source{path(), {}};
    source.open.column_family = family;
    expect_rows(source.path, rows_query(), rows, source.open);
    expect_ranges(source, rows);
    expect_predicates(source, rows);
    expect_aggregates(source, rows);
  }
}

INSTANTIATE_TEST_SUITE_P(, Fixtures, ::testing::ValuesIn(kFixtures), test_name);

// The keys are decimal numbers of up to three digits, the shorter ones first.
TEST(FixtureOrder, OneThatIsVouchedForWronglyIsCorruption) {
  for (char const* const name : {"leveldb-1.23-own-comparator", "rocksdbjni-9.8-own-comparator"}) {
    SCOPED_TRACE(name);
    for (KeyOrder const order : {KeyOrder::kBytewise, KeyOrder::kReverseBytewise}) {
      OpenOptions open;
      open.comparators["fixture.ShorterFirst"] = order;
      expect_error(ErrorCode::kCorruption, "", [&] {
        RowCollector collector;
        DatabaseVersion const version = open_version(kDirectory / name, open);
        Scanner scanner(version, tiny_options(4096));
        scanner.run(rows_query(), &collector);
      });
    }
  }
}

TEST(FixtureTable, HasEveryDirectoryAndTheReadmeNamesIt) {
  std::set<std::string> listed;
  for (Fixture const& fixture : kFixtures) listed.insert(fixture.name);
  std::set<std::string> found;
  for (auto const& entry : std::filesystem::directory_iterator(kDirectory)) {
    std::string const name = entry.path().filename();
    if (entry.is_directory() && name != "producers") found.insert(name);
  }
  EXPECT_EQ(listed, found);
  std::ifstream file(kDirectory / "README.md");
  std::stringstream readme;
  readme << file.rdbuf();
  std::set<std::string> described;
  for (std::string const& name : found) {
    if (readme.str().find("`" + name + "`") != std::string::npos) described.insert(name);
  }
  EXPECT_EQ(described, found);
}

}  // namespace
}  // namespace levelscan
