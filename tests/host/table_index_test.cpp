#include "table/table_index.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "support/expect_error.hpp"
#include "support/format_writer.hpp"
#include "support/hand_made_table.hpp"
#include "support/temporary_directory.hpp"

namespace levelscan {
namespace {

using testing::expect_error;
using testing::fixed;
using testing::HandMadeTable;
using testing::internal_key;
using testing::key_value_block;
using testing::TemporaryDirectory;
using testing::text_of;
using testing::varint;

using Place = HandMadeTable::Place;
using Rows = HandMadeTable::Rows;

struct Separator {
  std::string user_key;
  uint64_t sequence;
};

std::string as_stored(Separator const& separator, bool user_keys) {
  return user_keys ? separator.user_key : internal_key(separator.user_key, separator.sequence);
}

// The place before (key, trailer).
IndexTarget before(std::string const& key, uint64_t trailer = UINT64_MAX) {
  return {{{testing::bytes_of(key).data(), static_cast<uint32_t>(key.size())}, BoundSide::kBefore},
          trailer};
}

std::string properties_block(uint32_t index_type, bool user_keys) {
  return key_value_block({{"rocksdb.block.based.table.index.type", fixed(index_type)},
                          {"rocksdb.index.key.is.user.key", varint(user_keys ? 1 : 0)}});
}

// A table with a two-level index: a data block of nothing for each separator, partitions of
// `partition_blocks` of them.
class TwoLevelTable {
 public:
  TwoLevelTable(std::vector<Separator> const& separators, std::size_t partition_blocks,
                bool user_keys)
      : user_keys_(user_keys) {
    std::vector<std::string> handles;
    for (std::size_t i = 0; i < separators.size(); ++i) {
      handles.push_back(bytes_.append(key_value_block({})).handle());
      if (i % 3 == 2) bytes_.append_gap(7);
    }
    for (std::size_t begin = 0; begin < separators.size(); begin += partition_blocks) {
      Rows entries;
      std::size_t const end = std::min(begin + partition_blocks, separators.size());
      for (std::size_t i = begin; i < end; ++i)
        entries.emplace_back(as_stored(separators[i], user_keys), handles[i]);
      partitions_.push_back(bytes_.append(key_value_block(entries, 2)));
      top_.emplace_back(entries.back().first, partitions_.back().handle());
    }
  }

  // The entries of the top level; tests break them.
  [[nodiscard]] Rows& top() { return top_; }
  [[nodiscard]] std::vector<Place> const& partitions() const { return partitions_; }
  [[nodiscard]] uint64_t size() const { return partitions_.back().offset; }

  std::shared_ptr<Table const> open() {
    HandMadeTable bytes = bytes_;
    Place const index = bytes.append(key_value_block(top_, 1));
    std::string const file = bytes.finish(
        {{"rocksdb.properties", bytes.append(properties_block(2, user_keys_)).handle()}}, index);
    testing::write_whole_file(path(), file);
    std::vector<Refusal> refusals;
    auto table = Table::open(path(), 7, file.size(), KeyOrder::kBytewise, refusals);
    EXPECT_TRUE(refusals.empty());
    return table;
  }
  [[nodiscard]] std::string path() const { return directory_ / "000007.sst"; }

 private:
  bool user_keys_;
  HandMadeTable bytes_;
  std::vector<Place> partitions_;
  Rows top_;
  TemporaryDirectory directory_;
};

std::vector<Separator> some_separators() {
  std::vector<Separator> separators;
  for (int i = 0; i < 40; ++i)
    separators.push_back(
        {"key" + std::to_string(100 + i * 2), uint64_t{50} + static_cast<uint64_t>(i % 7)});
  return separators;
}

TEST(TableIndexOf, AMonolithicIndexIsOneBlock) {
  HandMadeTable bytes;
  Place const data = bytes.append(key_value_block({}));
  Place const index = bytes.append(key_value_block({{internal_key("k", 9), data.handle()}}));
  TemporaryDirectory const directory;
  std::string const file = bytes.finish({}, index);
  testing::write_whole_file(directory / "t", file);
  std::vector<Refusal> refusals;
  auto const table = Table::open(directory / "t", 7, file.size(), KeyOrder::kBytewise, refusals);
  TableIndex const table_index(*table);
  ASSERT_EQ(table_index.block_count(), 1u);
  EXPECT_EQ(table_index.block(0), (BlockHandle{index.offset, index.size}));
  EXPECT_EQ(table_index.bytes_read(), 0u);
  for (char const* const key : {"", "k", "z"}) EXPECT_EQ(table_index.find(before(key)), 0u);
  std::vector<BlockHandle> seen;
  for_each_data_block(*table, [&](IndexCursor const& cursor) {
    seen.push_back(cursor.handle());
    return true;
  });
  EXPECT_EQ(seen, (std::vector<BlockHandle>{{data.offset, data.size}}));
}

TEST(TableIndexOf, PartitionsAreFoundByTheirSeparators) {
  std::vector<Separator> const separators = some_separators();
  for (bool const user_keys : {false, true}) {
    for (std::size_t const partition_blocks : {1u, 3u, 7u, 40u, 100u}) {
      TwoLevelTable maker(separators, partition_blocks, user_keys);
      auto const table = maker.open();
      ASSERT_TRUE(table);
      TableIndex const index(*table);
      ASSERT_EQ(index.block_count(), maker.partitions().size());
      EXPECT_GT(index.bytes_read(), 0u);
      for (uint32_t i = 0; i < index.block_count(); ++i) {
        EXPECT_EQ(index.block(i).offset, maker.partitions()[i].offset);
      }
      for (int number = 95; number < 185; ++number) {
        std::string const key = "key" + std::to_string(number);
        for (uint64_t const trailer : {UINT64_MAX, uint64_t{52} << 8 | 1, uint64_t{0}}) {
          auto const first =
              std::find_if(separators.begin(), separators.end(), [&](Separator const& separator) {
                if (separator.user_key != key) return separator.user_key > key;
                return user_keys || (separator.sequence << 8 | 1) <= trailer;
              });
          std::size_t const expected =
              first == separators.end()
                  ? index.block_count()
                  : static_cast<std::size_t>(first - separators.begin()) / partition_blocks;
          EXPECT_EQ(index.find(before(key, trailer)), expected) << key << ' ' << trailer;
        }
      }
    }
  }
}

TEST(TableIndexOf, AllDataBlocksAreVisitedInOrderUntilTheVisitorHasEnough) {
  std::vector<Separator> const separators = some_separators();
  TwoLevelTable maker(separators, 7, false);
  auto const table = maker.open();
  std::vector<std::string> seen;
  for_each_data_block(*table, [&](IndexCursor const& cursor) {
    seen.push_back(text_of(cursor.user_key()));
    return true;
  });
  ASSERT_EQ(seen.size(), separators.size());
  for (std::size_t i = 0; i < seen.size(); ++i) EXPECT_EQ(seen[i], separators[i].user_key);
  std::size_t count = 0;
  for_each_data_block(*table, [&](IndexCursor const&) { return ++count < 10; });
  EXPECT_EQ(count, 10u);
}

TEST(TableIndexOf, AnIndexOfNoDataBlocksHasNoPartitions) {
  TwoLevelTable maker(some_separators(), 7, false);
  maker.top().clear();
  auto const table = maker.open();
  TableIndex const index(*table);
  EXPECT_EQ(index.block_count(), 0u);
  EXPECT_EQ(index.find(before("key")), 0u);
  for_each_data_block(*table, [](IndexCursor const&) {
    ADD_FAILURE();
    return true;
  });
}

TEST(TableIndexOf, WhatContradictsItselfIsCorruption) {
  auto const walk = [](TwoLevelTable& maker) {
    return
        [&maker] { for_each_data_block(*maker.open(), [](IndexCursor const&) { return true; }); };
  };
  {  // The top level as its own partition: no endless descent.
    TwoLevelTable maker(some_separators(), 7, false);
    uint64_t const top_offset =
        maker.partitions().back().offset + maker.partitions().back().size + 5;
    maker.top().back().second = testing::handle_bytes(top_offset, 40);
    expect_error(ErrorCode::kCorruption, "overlaps the top level", walk(maker));
  }
  {
    TwoLevelTable maker(some_separators(), 7, false);
    maker.top().back().second = testing::handle_bytes(uint64_t{1} << 40, 40);
    expect_error(ErrorCode::kCorruption, "outside the file", walk(maker));
  }
  {  // A partition twice.
    TwoLevelTable maker(some_separators(), 7, false);
    maker.top()[1].second = maker.top()[0].second;
    expect_error(ErrorCode::kCorruption, "overlaps the one before", walk(maker));
  }
  {  // Partitions whose separators don't stand where the top level says.
    TwoLevelTable maker(some_separators(), 7, false);
    maker.top()[1].first = internal_key("key113x", 1);
    expect_error(ErrorCode::kCorruption, "outside its place", walk(maker));
  }
  {
    TwoLevelTable maker(some_separators(), 7, true);
    maker.top()[0].first = "key114";
    expect_error(ErrorCode::kCorruption, "outside its place", walk(maker));
  }
  {  // A partition without entries: it is a data block here.
    TwoLevelTable maker(some_separators(), 7, false);
    maker.top()[0].second = testing::handle_bytes(0, key_value_block({}).size());
    expect_error(ErrorCode::kCorruption, "without entries", walk(maker));
  }
}

}  // namespace
}  // namespace levelscan
