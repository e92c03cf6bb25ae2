#include "table/properties.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/expect_error.hpp"
#include "support/format_writer.hpp"
#include "support/hand_made_table.hpp"
#include "support/temporary_directory.hpp"
#include "table/table_reader.hpp"

namespace levelscan {
namespace {

using testing::expect_error;
using testing::fixed;
using testing::handle_bytes;
using testing::key_value_block;
using testing::TemporaryDirectory;
using testing::varint;

using Rows = std::vector<std::pair<std::string, std::string>>;

// A table of format version 5 without data blocks: empty index, properties, metaindex, footer.
std::string with_empty_index(testing::HandMadeTable& table, Rows metaindex_rows) {
  testing::HandMadeTable::Place const index = table.append(key_value_block({}));
  return table.finish(std::move(metaindex_rows), index);
}

// In order, as a properties block must be.
Rows common_properties() {
  return {{"rocksdb.block.based.table.index.type", fixed(uint32_t{0})},
          {"rocksdb.comparator", "leveldb.BytewiseComparator"},
          {"rocksdb.compression", "ZSTD"},
          {"rocksdb.data.size", varint(123456)},
          {"rocksdb.deleted.keys", varint(7)},
          {"rocksdb.index.key.is.user.key", varint(1)},
          {"rocksdb.index.value.is.delta.encoded", varint(1)},
          {"rocksdb.num.entries", varint(300)}};
}

Rows with(Rows rows, std::string const& name, std::string const& value) {
  std::erase_if(rows, [&](auto const& row) { return row.first == name; });
  rows.emplace_back(name, value);
  std::sort(rows.begin(), rows.end());
  return rows;
}

std::string table_bytes(Rows const& properties, Rows more_metaindex = {}) {
  testing::HandMadeTable table;
  more_metaindex.emplace_back("rocksdb.properties",
                              table.append(key_value_block(properties, 1000)).handle());
  return with_empty_index(table, std::move(more_metaindex));
}

class TableFile {
 public:
  std::shared_ptr<Table const> open(std::string const& bytes) {
    testing::write_whole_file(path(), bytes);
    refusals.clear();
    return Table::open(path(), 7, bytes.size(), KeyOrder::kBytewise, refusals);
  }
  [[nodiscard]] std::string path() const { return directory_ / "000007.sst"; }

  std::vector<Refusal> refusals;

 private:
  TemporaryDirectory directory_;
};

TEST(Properties, AreReadFromAHandMadeTable) {
  TableFile file;
  auto const table = file.open(table_bytes(common_properties()));
  ASSERT_TRUE(table);
  TableProperties const& properties = table->properties();
  EXPECT_EQ(properties.index_type, 0u);
  EXPECT_TRUE(properties.index_key_is_user_key);
  EXPECT_TRUE(properties.index_value_is_delta_encoded);
  EXPECT_EQ(properties.data_bytes, 123456u);
  EXPECT_EQ(properties.deletions, 7u);
  EXPECT_EQ(properties.entries, 300u);
  EXPECT_EQ(properties.compression, "ZSTD");
  EXPECT_EQ(properties.comparator, "leveldb.BytewiseComparator");
  EXPECT_TRUE(properties.user_timestamps_persisted);
  EXPECT_FALSE(properties.external_sst_version);
  EXPECT_EQ(properties.all.size(), common_properties().size());
  EXPECT_TRUE(table->refusals().empty());
  EXPECT_EQ(table->file_number(), 7u);
  std::vector<uint8_t> const index = table->read_index_block();
  EXPECT_FALSE(table->index_cursor(index).valid());
}

TEST(Properties, FeaturesThatAScanMayNotIgnoreAreRefusedByName) {
  struct Case {
    std::string property;
    std::string value;
    std::string feature;
  };
  Case const cases[] = {
      {"rocksdb.block.based.table.index.type", fixed(uint32_t{9}), "index type 9"},
      {"rocksdb.external_sst_file.version", fixed(uint32_t{3}),
       "ingested table (external_sst_file version 3)"},
      {"rocksdb.user.defined.timestamps.persisted", varint(0), "user-defined timestamps"},
      {"rocksdb.comparator", "leveldb.BytewiseComparator.u64ts", "user-defined timestamps"},
      {"rocksdb.embedded.blob.stats", "x", "embedded blobs"},
      {"rocksdb.compression", "Xpress", "Xpress compression"},
      {"rocksdb.compression", "MyManager;81;", "MyManager;81; compression"},
  };
  TableFile file;
  for (Case const& c : cases) {
    auto const table = file.open(table_bytes(with(common_properties(), c.property, c.value)));
    ASSERT_TRUE(table);
    ASSERT_EQ(table->refusals().size(), 1u) << c.feature;
    EXPECT_EQ(table->refusals()[0].feature, c.feature);
    EXPECT_EQ(table->refusals()[0].file, file.path());
    EXPECT_EQ(table->refusals()[0].offset, 0u);  // the properties block comes first here
    EXPECT_FALSE(table->refusals()[0].advice.empty());
  }
}

TEST(Properties, ATableWithoutThemIsAsLevelDbWritesIt) {
  TableFile file;
  testing::HandMadeTable maker(0);
  auto const table = file.open(with_empty_index(maker, {}));
  ASSERT_TRUE(table);
  EXPECT_TRUE(file.refusals.empty());
  EXPECT_TRUE(table->refusals().empty());
  EXPECT_FALSE(table->has_two_level_index());
  EXPECT_FALSE(table->index_encoding().key_is_user_key);
  EXPECT_FALSE(table->index_encoding().value_is_delta_encoded);
  EXPECT_FALSE(table->index_encoding().has_first_keys);
  EXPECT_TRUE(table->properties().comparator.empty());
}

TEST(Properties, TheCompressionDictionaryIsReadOnceForAllWhoHoldIt) {
  TableFile file;
  testing::HandMadeTable maker;
  std::string const properties = maker.append(key_value_block(common_properties())).handle();
  std::string const dictionary_handle = maker.append("what rows look like").handle();
  auto const table =
      file.open(with_empty_index(maker, {{"rocksdb.compression_dict", dictionary_handle},
                                         {"rocksdb.properties", properties}}));
  ASSERT_TRUE(table);
  EXPECT_TRUE(table->refusals().empty());
  EXPECT_EQ(table->dictionary_bytes(), 19u);
  auto const dictionary = table->dictionary();
  ASSERT_TRUE(dictionary);
  EXPECT_EQ(testing::text_of(dictionary->bytes()), "what rows look like");
  EXPECT_EQ(table->dictionary(), dictionary);
  // None, and an empty one, are none.
  EXPECT_FALSE(file.open(table_bytes(common_properties()))->dictionary());
  EXPECT_FALSE(file.open(table_bytes(common_properties(),
                                     {{"rocksdb.compression_dict", handle_bytes(0, 0)}}))
                   ->dictionary());
}

TEST(Properties, AGlobalSequenceWrittenInPlaceIsNoCorruption) {
  std::string bytes = table_bytes(
      with(with(common_properties(), "rocksdb.external_sst_file.version", fixed(uint32_t{2})),
           "rocksdb.external_sst_file.global_seqno", fixed(uint64_t{0})));
  // Entries share prefixes; the name's end is in the bytes whole, the value follows it.
  std::size_t const name = bytes.find("global_seqno");
  ASSERT_NE(name, std::string::npos);
  bytes.replace(name + std::string("global_seqno").size(), 8, fixed(uint64_t{4711}));
  TableFile file;
  auto const table = file.open(bytes);
  ASSERT_TRUE(table);
  EXPECT_EQ(table->properties().global_sequence, 4711u);
  EXPECT_EQ(table->properties().all.at("rocksdb.external_sst_file.global_seqno"),
            fixed(uint64_t{4711}));
  EXPECT_TRUE(table->refusals().empty());
}

TEST(Properties, MalformedOnesAreCorruption) {
  TableFile file;
  auto const open = [&](Rows const& rows) {
    return [&file, rows] { file.open(table_bytes(rows)); };
  };
  expect_error(ErrorCode::kCorruption, "malformed property rocksdb.num.entries",
               open(with(common_properties(), "rocksdb.num.entries", "\x80")));
  expect_error(ErrorCode::kCorruption, "malformed property rocksdb.num.entries",
               open(with(common_properties(), "rocksdb.num.entries", varint(3) + "x")));
  expect_error(ErrorCode::kCorruption, "malformed property rocksdb.block.based.table.index.type",
               open(with(common_properties(), "rocksdb.block.based.table.index.type", "xyz")));
  Rows unordered = common_properties();
  std::swap(unordered[1], unordered[2]);
  expect_error(ErrorCode::kCorruption, "out of order", open(unordered));
}

TEST(TableFileOf, MissingOrOfAnotherSizeIsCorruption) {
  TemporaryDirectory const directory;
  std::vector<Refusal> refusals;
  std::string const path = directory / "000007.sst";
  expect_error(ErrorCode::kCorruption, "missing",
               [&] { Table::open(path, 7, 1000, KeyOrder::kBytewise, refusals); });
  testing::write_whole_file(path, table_bytes(common_properties()));
  expect_error(ErrorCode::kCorruption, "the MANIFEST says 1000",
               [&] { Table::open(path, 7, 1000, KeyOrder::kBytewise, refusals); });
}

TEST(TableFileOf, NoFlippedByteReadsOutOfBounds) {
  TableFile file;
  std::string const good = table_bytes(
      with(common_properties(), "rocksdb.external_sst_file.global_seqno", fixed(uint64_t{0})));
  auto const reference = file.open(good)->properties().all;
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (int const mask : {0x01, 0x10, 0x80, 0xff}) {
      std::string flipped = good;
      flipped[i] = static_cast<char>(flipped[i] ^ mask);
      try {
        auto const table = file.open(flipped);
        // A global sequence may differ: it is rewritten in place.
        if (table && table->properties().global_sequence == 0u) {
          EXPECT_EQ(table->properties().all, reference) << i;
        }
        EXPECT_EQ(file.refusals.size(), table ? 0u : 1u);
      } catch (Error const& error) {
        EXPECT_EQ(error.code(), ErrorCode::kCorruption) << error.what();
      }
    }
  }
}

// Format version 6: the index is found by the metaindex, every block's checksum has its context.
std::string table_bytes_with_context(bool with_index) {
  testing::HandMadeTable table(6, 0xc0ffee);
  Rows metaindex = {{"rocksdb.properties",
                     table
                         .append(key_value_block(
                             with(common_properties(), "rocksdb.external_sst_file.global_seqno",
                                  fixed(uint64_t{0})),
                             1000))
                         .handle()}};
  if (with_index) return with_empty_index(table, metaindex);
  std::string const metaindex_block = key_value_block(metaindex);
  testing::HandMadeTable::Place const place = table.append(metaindex_block);
  std::string const whole = table.finish({}, place);
  std::string const before = whole.substr(0, place.offset + place.size + 5);
  return before + testing::footer_with_context(1, 0xc0ffee, static_cast<uint32_t>(place.size), 6,
                                               before.size());
}

TEST(TableFileOf, Version6NamesItsIndexInTheMetaindex) {
  TableFile file;
  auto const table = file.open(table_bytes_with_context(true));
  ASSERT_TRUE(table);
  EXPECT_EQ(table->format_version(), 6u);
  std::vector<uint8_t> const index = table->read_index_block();
  EXPECT_FALSE(table->index_cursor(index).valid());
  expect_error(ErrorCode::kCorruption, "names no index block",
               [&] { file.open(table_bytes_with_context(false)); });
}

TEST(TableFileOf, AGlobalSequenceIsWrittenInPlaceUnderAChecksumWithContextToo) {
  std::string bytes = table_bytes_with_context(true);
  std::size_t const name = bytes.find("global_seqno");
  ASSERT_NE(name, std::string::npos);
  bytes.replace(name + std::string("global_seqno").size(), 8, fixed(uint64_t{4711}));
  TableFile file;
  auto const table = file.open(bytes);
  ASSERT_TRUE(table);
  EXPECT_EQ(table->properties().global_sequence, 4711u);
}

TEST(TableFileOf, CutAnywhereIsAnError) {
  TableFile file;
  std::string const good = table_bytes(common_properties());
  for (std::size_t length = 0; length < good.size(); ++length) {
    EXPECT_THROW(file.open(good.substr(0, length)), Error) << length;
  }
}

}  // namespace
}  // namespace levelscan
