// Write batches made by hand, operation by operation.
#include "version/write_batch.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/expect_error.hpp"
#include "support/wal_writer.hpp"

namespace levelscan {
namespace {

using namespace levelscan::testing;
using Kind = BatchOperation::Kind;

std::vector<BatchOperation> decode(std::string const& batch) {
  WriteBatchReader reader(bytes_of(batch), {"000012.log", 77});
  std::vector<BatchOperation> operations;
  BatchOperation operation;
  while (reader.next(operation)) operations.push_back(operation);
  return operations;
}

// [tag, tag with a column family, type of the entry, has a value]
struct EntryTags {
  uint8_t tag;
  uint8_t family_tag;
  EntryType type;
  bool has_value;
};
constexpr EntryTags kEntryTags[] = {
    {0x01, 0x05, EntryType::kValue, true},
    {0x00, 0x04, EntryType::kDeletion, false},
    {0x07, 0x08, EntryType::kSingleDeletion, false},
    {0x02, 0x06, EntryType::kMerge, true},
    {0x11, 0x10, EntryType::kBlobIndex, true},
    {0x16, 0x17, EntryType::kWideColumnEntity, true},
    {0x18, 0x19, EntryType::kValuePreferredSequence, true},
};

TEST(WriteBatch, EntriesOfAllTypes) {
  for (EntryTags const& tags : kEntryTags) {
    std::vector<std::string> const strings =
        tags.has_value ? std::vector<std::string>{"key", "value"} : std::vector<std::string>{"key"};
    std::string const batch = write_batch(
        99, 2,
        batch_operation(tags.tag, strings) + batch_operation_of(300, tags.family_tag, strings));
    std::vector<BatchOperation> const operations = decode(batch);
    ASSERT_EQ(operations.size(), 2u);
    for (BatchOperation const& operation : operations) {
      EXPECT_EQ(operation.kind, Kind::kEntry);
      EXPECT_EQ(operation.entry_type, tags.type);
      EXPECT_EQ(text_of(operation.key), "key");
      EXPECT_EQ(text_of(operation.value), tags.has_value ? "value" : "");
    }
    EXPECT_EQ(operations[0].column_family, 0u);
    EXPECT_EQ(operations[1].column_family, 300u);
    WriteBatchReader const reader(bytes_of(batch), {"", 0});
    EXPECT_EQ(reader.sequence(), 99u);
    EXPECT_EQ(reader.count(), 2u);
  }
}

TEST(WriteBatch, RangesAndMarkers) {
  std::string const batch = write_batch(
      1, 2,
      batch_operation(0x0f, {"a", "b"}) + batch_operation_of(5, 0x0e, {"c", "d"}) +
          batch_operation(0x03, {"log data"}) + batch_operation(0x0d, {}) +
          batch_operation(0x09, {}) + batch_operation(0x12, {}) + batch_operation(0x13, {}) +
          batch_operation(0x0a, {"xid"}) + batch_operation(0x0b, {"xid"}) +
          batch_operation(0x15, {"time", "xid"}) + batch_operation(0x0c, {"xid"}));
  std::vector<BatchOperation> const operations = decode(batch);
  std::vector<Kind> kinds;
  for (BatchOperation const& operation : operations) kinds.push_back(operation.kind);
  EXPECT_EQ(kinds,
            (std::vector<Kind>{Kind::kDeleteRange, Kind::kDeleteRange, Kind::kLogData, Kind::kNoop,
                               Kind::kBeginPrepare, Kind::kBeginPersistedPrepare,
                               Kind::kBeginUnprepare, Kind::kEndPrepare, Kind::kCommit,
                               Kind::kCommitWithTimestamp, Kind::kRollback}));
  EXPECT_EQ(operations[1].column_family, 5u);
  EXPECT_EQ(text_of(operations[1].value), "d");
  for (std::size_t i = 7; i < operations.size(); ++i) {
    EXPECT_EQ(text_of(operations[i].key), "xid") << i;
  }
}

TEST(WriteBatch, CutAnywhereIsCorruption) {
  std::string const batch = write_batch(1, 3,
                                        put("key", "value") + batch_operation_of(1, 0x04, {"key"}) +
                                            batch_operation(0x0f, {"a", std::string(200, 'b')}));
  EXPECT_EQ(decode(batch).size(), 3u);
  for (std::size_t length = kBatchHeaderBytes; length < batch.size(); ++length) {
    // A copy of exactly that size: ASan sees every overrun.
    std::string const cut = batch.substr(0, length);
    expect_error(ErrorCode::kCorruption, "000012.log at offset 77: write batch",
                 [&] { decode(cut); });
  }
}

TEST(WriteBatch, UnknownTagsAndWrongCountsAreCorruption) {
  for (uint8_t const tag : {uint8_t{0x14}, uint8_t{0x1a}, uint8_t{0x7f}, uint8_t{0xff}}) {
    expect_error(ErrorCode::kCorruption, "unknown tag", [&] {
      decode(write_batch(1, 1, batch_operation(tag, {"key", "value"})));
    });
  }
  expect_error(ErrorCode::kCorruption, "1 operations where 2 should be",
               [] { decode(write_batch(1, 2, put("key", "value"))); });
  expect_error(ErrorCode::kCorruption, "1 operations where 0 should be",
               [] { decode(write_batch(1, 0, put("key", "value"))); });
  EXPECT_TRUE(decode(write_batch(1, 0, "")).empty());
}

}  // namespace
}  // namespace levelscan
