// The block of range tombstones of hand-made tables: what is read from it, and what is corruption.
#include "version/table_tombstones.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "support/expect_error.hpp"
#include "support/hand_made_table.hpp"
#include "support/temporary_directory.hpp"
#include "version/database_version.hpp"

namespace levelscan {
namespace {

using namespace levelscan::testing;

using Entries = std::vector<std::pair<std::string, std::string>>;  // key, value

constexpr uint8_t kRangeDeletion = 0x0f;

std::string tombstone_key(std::string const& start, uint64_t sequence) {
  return internal_key(start, sequence, kRangeDeletion);
}

class TableTombstones : public ::testing::Test {
 protected:
  // Writes a table whose block of range tombstones has this payload, and reads it.
  std::vector<RangeTombstone> read(std::string const& payload, uint8_t type_byte = 0,
                                   uint64_t counted = 0) {
    HandMadeTable maker;
    HandMadeTable::Place const place = maker.append(payload, type_byte);
    offset_ = place.offset;
    return finish(maker, {{"rocksdb.range_del", place.handle()}}, counted);
  }

  std::vector<RangeTombstone> finish(HandMadeTable& maker, Entries more_metaindex,
                                     uint64_t counted) {
    std::string const properties =
        key_value_block({{"rocksdb.block.based.table.index.type", fixed(uint32_t{0})},
                         {"rocksdb.comparator", "leveldb.BytewiseComparator"},
                         {"rocksdb.num.range-deletions", varint(counted)}});
    more_metaindex.emplace_back("rocksdb.properties", maker.append(properties).handle());
    HandMadeTable::Place const index = maker.append(key_value_block({}));
    std::string const bytes = maker.finish(more_metaindex, index);
    TableMeta meta;
    meta.path = directory_ / "000007.sst";
    meta.smallest = internal_key("b", 100, kRangeDeletion);
    meta.largest = internal_key("y", kMaxSequence, kRangeDeletion);
    write_whole_file(meta.path, bytes);
    std::vector<Refusal> refusals;
    std::shared_ptr<Table const> const table =
        Table::open(meta.path, 7, bytes.size(), KeyOrder::kBytewise, refusals);
    EXPECT_TRUE(refusals.empty());
    EXPECT_TRUE(table->refusals().empty());
    std::vector<RangeTombstone> tombstones;
    append_table_tombstones(*table, meta, tombstones);
    return tombstones;
  }

  void expect_corrupt(std::string const& words, std::string const& payload) {
    SCOPED_TRACE(words);
    expect_error(ErrorCode::kCorruption, words, [&] { read(payload); });
    // With the place.
    expect_error(ErrorCode::kCorruption, "000007.sst", [&] { read(payload); });
    expect_error(ErrorCode::kCorruption, "offset " + std::to_string(offset_),
                 [&] { read(payload); });
  }

  uint64_t offset_ = 0;

 private:
  TemporaryDirectory directory_;
};

TEST_F(TableTombstones, AreReadInAnyOrderAndClippedToTheTablesBounds) {
  Entries const entries{{tombstone_key("m", 90), "n"},
                        {tombstone_key("a", 100), "zzz"},
                        {tombstone_key("c", 7), "m"},
                        {tombstone_key("z", 8), "zz"}};
  std::vector<RangeTombstone> const expected{
      {"m", "n", 90}, {"b", "y", 100, 100, kMaxSequence}, {"c", "m", 7}};
  EXPECT_EQ(read(key_value_block(entries)), expected);
  EXPECT_EQ(read(key_value_block(entries), 0, 4), expected);
  // Keys that share bytes, though no writer shares any here.
  EXPECT_EQ(read(key_value_block(
                {{tombstone_key("cat", 9), "d"}, {tombstone_key("catalog", 9), "d"}}, 16)),
            (std::vector<RangeTombstone>{{"cat", "d", 9}, {"catalog", "d", 9}}));
}

TEST_F(TableTombstones, OfAnEmptyBlockOrWithoutOneAreNone) {
  EXPECT_TRUE(read(key_value_block({})).empty());
  HandMadeTable maker;
  EXPECT_TRUE(finish(maker, {}, 0).empty());
}

TEST_F(TableTombstones, OverNoKeysAreNone) {
  EXPECT_TRUE(read(key_value_block({{tombstone_key("k", 9), "k"}})).empty());
}

TEST_F(TableTombstones, ThatAreCountedButMissingAreCorruption) {
  HandMadeTable maker;
  expect_error(ErrorCode::kCorruption, "3 range tombstones are counted",
               [&] { finish(maker, {}, 3); });
}

TEST_F(TableTombstones, ThatAreMalformedAreCorruption) {
  expect_corrupt("end before the start", key_value_block({{tombstone_key("n", 9), "m"}}));
  expect_corrupt("entry of type 0x01", key_value_block({{internal_key("m", 9), "n"}}));
  expect_corrupt("entry of type 0xff", key_value_block({{internal_key("m", 9, 0xff), "n"}}));
  expect_corrupt("without a trailer", key_value_block({{"1234567", "n"}}));
  expect_corrupt("without a trailer", key_value_block({{"", "n"}}));
  std::string const good = key_value_block({{tombstone_key("m", 9), "n"}});
  for (std::size_t i = 0; i < 3; ++i) {
    for (char const length : {'\x7f', '\xff'}) {
      std::string damaged = good;
      damaged[i] = length;
      expect_error(ErrorCode::kCorruption, "offset", [&] { read(damaged); });
    }
  }
  expect_error(ErrorCode::kCorruption, "offset", [&] { read(""); });
  expect_error(ErrorCode::kCorruption, "offset", [&] { read(std::string(4, '\xff')); });
}

TEST_F(TableTombstones, NoFlippedByteIsMoreThanCorruptionOrAnotherAnswer) {
  std::string const good = key_value_block(
      {{tombstone_key("c", 9), "d"}, {tombstone_key("m", 9), "nnnnnnnnnnnnnnnnnnnn"}});
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (int const mask : {0x01, 0x10, 0x80, 0xff}) {
      std::string damaged = good;
      damaged[i] = static_cast<char>(damaged[i] ^ mask);
      try {
        EXPECT_LE(read(damaged).size(), 2u);
      } catch (Error const& error) {
        EXPECT_TRUE(error.code() == ErrorCode::kCorruption ||
                    error.code() == ErrorCode::kUnsupported)
            << error.what();
      }
    }
  }
}

// A few bytes an entry stand for a key of a hundred thousand: gigabytes from a small file.
TEST_F(TableTombstones, WhoseKeysExpandWithoutMeasureAreCorruption) {
  std::string const long_start(100000, 'k');
  Entries entries;
  for (uint32_t i = 0; i < 20000; ++i) {
    entries.emplace_back(long_start + tombstone_key(fixed(i), 9), "y");
  }
  expect_error(ErrorCode::kCorruption, "many more bytes than the block has",
               [&] { read(key_value_block(entries, entries.size())); });
}

}  // namespace
}  // namespace levelscan
