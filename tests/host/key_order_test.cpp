// Databases whose comparator isn't the default one: which orders are known, which may be vouched
// for, and what a scan of descending keys gives.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

#include "query/key_range.hpp"
#include "support/expect_error.hpp"
#include "support/named_comparator.hpp"
#include "support/random.hpp"
#include "support/rocksdb_scan.hpp"
#include "support/rocksdb_writer.hpp"
#include "support/temporary_directory.hpp"

namespace levelscan::testing {
namespace {

using ::testing::HasSubstr;

TEST(KeyOrder, SelectionsBecomeOneRangeInEitherOrder) {
  uint64_t const seed = test::base_seed();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937_64 random(seed);
  auto const some_key = [&] {
    std::string key(random() % 4, '\0');
    for (char& c : key) c = "ab\xff\x80"[random() % 4];
    return key;
  };
  auto const perhaps_key = [&] {
    return random() % 3 == 0 ? std::nullopt : std::optional<std::string>(some_key());
  };
  for (int round = 0; round < 40000; ++round) {
    KeySelection const selection{perhaps_key(), perhaps_key(), perhaps_key()};
    KeyOrder const order = round % 2 == 0 ? KeyOrder::kBytewise : KeyOrder::kReverseBytewise;
    auto const before = [&](std::string const& a, std::string const& b) {
      return order == KeyOrder::kBytewise ? a < b : b < a;
    };
    std::string const key = some_key();
    bool const inside =
        (!selection.from || !before(key, *selection.from)) &&
        (!selection.to || before(key, *selection.to)) &&
        (!selection.prefix || key.compare(0, selection.prefix->size(), *selection.prefix) == 0);
    KeyRange const range = selection.range(order);
    ASSERT_EQ(range.holds(order, key), inside) << round;
    if (inside) {
      ASSERT_FALSE(range.is_empty(order)) << round;
    }
  }
}

TEST(KeyOrder, BoundsStandBetweenKeys) {
  std::vector<KeyBound> const ascending{
      KeyBound::start(),    KeyBound::before("a"),  KeyBound::after("a"), KeyBound::before("ab"),
      KeyBound::after("b"), KeyBound::before("b0"), KeyBound::end()};
  for (std::size_t i = 0; i < ascending.size(); ++i) {
    for (std::size_t j = 0; j < ascending.size(); ++j) {
      int const order = compare_bounds(KeyOrder::kBytewise, ascending[i], ascending[j]);
      EXPECT_EQ(order < 0, i < j) << i << ' ' << j;
      EXPECT_EQ(order == 0, i == j) << i << ' ' << j;
    }
  }
  EXPECT_GT(
      compare_bounds(KeyOrder::kReverseBytewise, KeyBound::before("a"), KeyBound::before("ab")), 0);
}

class KeyOrderOf : public ::testing::Test {
 protected:
  [[nodiscard]] std::string path() const { return directory_ / "db"; }

  // Several versions and files, on several levels; returns the iterator's rows.
  Rows write(rocksdb::Comparator const* comparator) {
    rocksdb::Options options = quiet_options();
    options.comparator = comparator;
    set_table_options(options, [](rocksdb::BlockBasedTableOptions& table) {
      table.block_size = 128;
      table.block_restart_interval = 4;
      table.index_block_restart_interval = 3;
    });
    options.target_file_size_base = 2000;
    auto const database = open_database(options, path());
    std::mt19937_64 random(7);
    for (int round = 0; round < 4; ++round) {
      for (int i = 0; i < 300; ++i) {
        // Prefixes of one another, and bytes as trailers have them.
        std::string key = fmt::format("k{:03}", random() % 200);
        if (random() % 3 == 0) key += std::string(random() % 4, '\x01');
        if (random() % 8 == 0) {
          check_ok(database->Delete({}, key));
        } else {
          put(*database, key, fmt::format("value {} {}", round, i));
        }
      }
      flush(*database);
      if (round == 1) check_ok(database->CompactRange({}, nullptr, nullptr));
    }
    return iterator_rows(*database);
  }

  void scan_vouched_for(KeyOrder order, std::string const& name) const {
    OpenOptions options;
    options.comparators[name] = order;
    DatabaseVersion const version = open_version(path(), options);
    Scanner scanner(version, tiny_options(512));
    RowCollector collector;
    scanner.run(rows_query(), &collector);
    rows_ = collector.rows();
  }

  mutable Rows rows_;  // of the last scan that was vouched for

 private:
  TemporaryDirectory directory_;
};

TEST_F(KeyOrderOf, DescendingKeysComeInTheirOrder) {
  Rows const expected = write(rocksdb::ReverseBytewiseComparator());
  ASSERT_GT(expected.size(), 100u);
  ASSERT_GT(expected.front().first, expected.back().first);
  expect_rows(path(), rows_query(), expected);
  // --from comes first in that order, and a prefix bounds from the prefix's last key to itself.
  Query part = rows_query();
  part.keys.from = "k150";
  part.keys.to = "k051\x01";
  Rows within;
  std::copy_if(expected.begin(), expected.end(), std::back_inserter(within),
               [](auto const& row) { return row.first <= "k150" && row.first > "k051\x01"; });
  expect_rows(path(), part, within);
  Query prefixed = rows_query();
  prefixed.keys.prefix = "k01";
  within.clear();
  std::copy_if(expected.begin(), expected.end(), std::back_inserter(within),
               [](auto const& row) { return row.first.starts_with("k01"); });
  expect_rows(path(), prefixed, within);
}

TEST_F(KeyOrderOf, MyrocksComparatorsAreKnown) {
  EXPECT_EQ(known_key_order("RocksDB_SE_v3.10"), KeyOrder::kBytewise);
  EXPECT_EQ(known_key_order("rev:RocksDB_SE_v3.10"), KeyOrder::kReverseBytewise);
  NamedComparator const comparator("rev:RocksDB_SE_v3.10", reverse_bytewise);
  Rows const expected = write(&comparator);
  expect_rows(path(), rows_query(), expected);
}

TEST_F(KeyOrderOf, AnUnknownComparatorIsRefusedUntilItsOrderIsVouchedFor) {
  for (KeyOrder const order : {KeyOrder::kBytewise, KeyOrder::kReverseBytewise}) {
    NamedComparator const comparator("mine=1",
                                     order == KeyOrder::kBytewise ? bytewise : reverse_bytewise);
    std::filesystem::remove_all(path());
    Rows const expected = write(&comparator);
    expect_error(ErrorCode::kUnsupported, "comparator 'mine=1'",
                 [&] { require_scannable(open_version(path())); });
    scan_vouched_for(order, "mine=1");
    EXPECT_EQ(rows_, expected);
    // The other order is noticed.
    KeyOrder const other =
        order == KeyOrder::kBytewise ? KeyOrder::kReverseBytewise : KeyOrder::kBytewise;
    expect_error(ErrorCode::kCorruption, "", [&] { scan_vouched_for(other, "mine=1"); });
  }
}

// Every key that is read is compared with the one before it, whichever blocks and intervals they
// stand in.
TEST_F(KeyOrderOf, AnOrderThatIsVouchedForIsCheckedOnEveryKey) {
  // As bytes, but for one pair of neighbours.
  NamedComparator const comparator("nearly", [](std::string_view a, std::string_view b) {
    auto const rank = [](std::string_view key) {
      return key == "k1100" ? "k1101" : key == "k1101" ? "k1100" : key;
    };
    return rank(a).compare(rank(b));
  });
  rocksdb::Options options = quiet_options();
  options.comparator = &comparator;
  for (int const restart_interval : {1, 2, 16}) {
    std::filesystem::remove_all(path());
    set_table_options(options, [&](rocksdb::BlockBasedTableOptions& table) {
      table.block_size = restart_interval == 1 ? 10 : 4096;
      table.block_restart_interval = restart_interval;
    });
    {
      auto const database = open_database(options, path());
      for (int i = 1000; i < 1200; ++i) put(*database, fmt::format("k{}", i), "value");
      flush(*database);
    }
    expect_error(ErrorCode::kCorruption, "",
                 [&] { scan_vouched_for(KeyOrder::kBytewise, "nearly"); });
  }
}

}  // namespace
}  // namespace levelscan::testing
