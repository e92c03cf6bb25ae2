// Tables built in memory, read by librocksdb's own reader of single tables.
#ifdef LEVELSCAN_WITH_ROCKSDB

#include "table/table_image.hpp"

#include <gtest/gtest.h>
#include <rocksdb/iterator.h>
#include <rocksdb/sst_file_reader.h>
#include <rocksdb/table_properties.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "kernels/internal_key.hpp"
#include "support/format_writer.hpp"
#include "support/random.hpp"
#include "support/rocksdb_writer.hpp"
#include "support/temporary_directory.hpp"
#include "table/table_reader.hpp"

namespace levelscan {
namespace {

using testing::bytes_of;
using testing::check_ok;

struct Entry {
  std::string key;
  uint64_t sequence;
  EntryType type;
  std::string value;

  [[nodiscard]] uint64_t trailer() const { return sequence << 8 | static_cast<uint64_t>(type); }
};

std::vector<Entry> random_entries(test::Random& random, uint32_t count) {
  std::vector<Entry> entries;
  for (uint32_t i = 0; i < count; ++i) {
    bool const is_deletion = random.one_in(5);
    entries.push_back({random.bytes(random.below(3)) + "key" + std::to_string(random.below(count)),
                       1 + i, is_deletion ? EntryType::kDeletion : EntryType::kValue,
                       is_deletion ? std::string() : random.bytes(random.below(100))});
  }
  std::sort(entries.begin(), entries.end(), [](Entry const& a, Entry const& b) {
    return a.key != b.key ? a.key < b.key : a.trailer() > b.trailer();
  });
  return entries;
}

TEST(TableImageOf, LibrocksdbReadsWhatWasPutIn) {
  testing::TemporaryDirectory const directory;
  test::Random random(test::base_seed());
  for (uint32_t const count : {1u, 2u, 50u, 3000u}) {
    SCOPED_TRACE(std::to_string(count) +
                 " entries, LEVELSCAN_SEED=" + std::to_string(test::base_seed()));
    std::vector<Entry> const entries = random_entries(random, count);
    TableImage image("leveldb.BytewiseComparator", 60 * count);
    uint64_t deletions = 0;
    for (Entry const& entry : entries) {
      image.add(bytes_of(entry.key), entry.trailer(), bytes_of(entry.value));
      deletions += entry.type == EntryType::kDeletion ? 1 : 0;
    }
    std::vector<uint8_t> const bytes = image.finish();
    std::string const path = directory / std::to_string(count) + ".sst";
    testing::write_whole_file(path, testing::text_of(bytes));

    rocksdb::SstFileReader reader(testing::quiet_options());
    check_ok(reader.Open(path));
    check_ok(reader.VerifyChecksum());
    auto const properties = reader.GetTableProperties();
    EXPECT_EQ(properties->num_entries, entries.size());
    EXPECT_EQ(properties->num_deletions, deletions);
    // Its iterator shows what a database would: the newest version of each key.
    std::vector<std::pair<std::string, std::string>> expected;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      bool const is_newest = i == 0 || entries[i - 1].key != entries[i].key;
      if (is_newest && entries[i].type == EntryType::kValue) {
        expected.emplace_back(entries[i].key, entries[i].value);
      }
    }
    std::vector<std::pair<std::string, std::string>> found;
    std::unique_ptr<rocksdb::Iterator> const iterator(reader.NewIterator(rocksdb::ReadOptions()));
    for (iterator->SeekToFirst(); iterator->Valid(); iterator->Next()) {
      found.emplace_back(iterator->key().ToString(), iterator->value().ToString());
    }
    check_ok(iterator->status());
    EXPECT_EQ(found, expected);

    std::vector<Refusal> refusals;
    auto const table =
        Table::open(RandomAccessFile::in_memory(bytes, "image"), 1, KeyOrder::kBytewise, refusals);
    ASSERT_NE(table, nullptr);
    EXPECT_TRUE(table->refusals().empty());
    EXPECT_EQ(table->properties().entries, entries.size());
  }
}

TEST(TableImageOf, AnEntryLargerThanABlockHasOneOfItsOwn) {
  TableImage image("leveldb.BytewiseComparator", 1000);
  std::string const large(100000, 'v');
  image.add(bytes_of("a"), 1 << 8 | 1, bytes_of("small"));
  image.add(bytes_of("b"), 2 << 8 | 1, bytes_of(large));
  image.add(bytes_of("c"), 3 << 8 | 1, bytes_of("small"));
  std::vector<Refusal> refusals;
  auto const table = Table::open(RandomAccessFile::in_memory(image.finish(), "image"), 1,
                                 KeyOrder::kBytewise, refusals);
  std::vector<std::string> values;
  std::vector<uint8_t> const index = table->read_index_block();
  for (IndexCursor cursor = table->index_cursor(index); cursor.valid(); cursor.next()) {
    for_each_entry(table->read_block(cursor.handle()), {"image", 0}, [&](auto, auto value) {
      values.push_back(testing::text_of(value));
      return true;
    });
  }
  EXPECT_EQ(values, (std::vector<std::string>{"small", large, "small"}));
}

}  // namespace
}  // namespace levelscan

#endif  // LEVELSCAN_WITH_ROCKSDB
