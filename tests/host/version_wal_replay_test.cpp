// Write-ahead logs made by hand and replayed: which operations count, with which sequence numbers.
#include "version/wal_replay.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "support/expect_error.hpp"
#include "support/temporary_directory.hpp"
#include "support/wal_writer.hpp"
#include "table/block.hpp"
#include "table/coding.hpp"
#include "table/table_reader.hpp"

namespace levelscan {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using namespace levelscan::testing;

class WalReplay : public ::testing::Test {
 protected:
  WalReplay() {
    request_.families[0] = {"default", 10, false, KeyOrder::kBytewise};
    request_.families[1] = {"orders", 10, false, KeyOrder::kBytewise};
    request_.memory_bytes = 1 << 20;
  }

  void add_log(uint64_t number, std::vector<std::string> const& batches,
               std::string const& tail = "") {
    std::string log;
    for (std::string const& batch : batches) append_log_record(log, batch);
    std::string const path = directory_ / std::to_string(number) + ".log";
    write_whole_file(path, log + tail);
    request_.logs.push_back({number, path});
  }

  WalContents replay() { return replay_write_ahead_logs(request_); }

  // "key@sequence:type=value", in internal-key order.
  std::vector<std::string> entries() {
    WalContents contents = replay();
    refusals_.clear();
    for (Refusal const& refusal : contents.refusals) refusals_.push_back(refusal.feature);
    last_sequence_ = contents.last_sequence.value_or(0);
    logs_ = contents.logs;
    std::vector<std::string> found;
    if (contents.entries.count() == 0) return found;
    std::vector<Refusal> refusals;
    auto const table = Table::open(
        contents.entries.build("leveldb.BytewiseComparator", KeyOrder::kBytewise, "log").table, 1,
        KeyOrder::kBytewise, refusals);
    std::vector<uint8_t> const index = table->read_index_block();
    for (IndexCursor cursor = table->index_cursor(index); cursor.valid(); cursor.next()) {
      std::vector<uint8_t> const block = table->read_block(cursor.handle());
      for_each_entry(block, {"", 0}, [&](auto key, auto value) {
        uint64_t const trailer = load_fixed64(key.data() + key.size() - 8);
        found.push_back(text_of(key.first(key.size() - 8)) + "@" + std::to_string(trailer >> 8) +
                        ":" + std::to_string(trailer & 0xff) + "=" + text_of(value));
        return true;
      });
    }
    return found;
  }

  TemporaryDirectory directory_;
  WalReplayRequest request_;
  std::vector<std::string> refusals_;  // features, of the last entries()
  uint64_t last_sequence_ = 0;
  std::vector<WalSummary> logs_;
};

std::string erase(std::string const& key) { return batch_operation(0x00, {key}); }
std::string erase_range(std::string const& start, std::string const& end) {
  return batch_operation(0x0f, {start, end});
}

TEST_F(WalReplay, EveryOperationTakesASequenceNumber) {
  add_log(12, {write_batch(5, 4,
                           put("b", "1") + batch_operation_of(1, 0x05, {"x", "of orders"}) +
                               batch_operation_of(9, 0x05, {"x", "of a dropped family"}) +
                               put("a", "2")),
               write_batch(9, 1, batch_operation(0x03, {"log data"}) + erase("b")),
               write_batch(30, 1, put("b", "after a gap"))});
  EXPECT_THAT(entries(), ElementsAre("a@8:1=2", "b@30:1=after a gap", "b@9:0=", "b@5:1=1"));
  EXPECT_EQ(last_sequence_, 30u);
  EXPECT_THAT(refusals_, IsEmpty());
  request_.column_family = 1;
  EXPECT_THAT(entries(), ElementsAre("x@6:1=of orders"));
}

TEST_F(WalReplay, NothingInNoLogs) {
  EXPECT_THAT(entries(), IsEmpty());
  EXPECT_FALSE(replay().last_sequence);
  add_log(12, {});
  EXPECT_FALSE(replay().last_sequence);
}

TEST_F(WalReplay, LogsBelowAFamilysNumberDoNotCountForIt) {
  request_.families[0].log_number = 13;
  add_log(12, {write_batch(5, 2, put("a", "flushed") + batch_operation_of(1, 0x05, {"b", "not"}))});
  add_log(13, {write_batch(7, 1, put("c", "unflushed"))});
  EXPECT_THAT(entries(), ElementsAre("c@7:1=unflushed"));
  request_.column_family = 1;
  EXPECT_THAT(entries(), ElementsAre("b@6:1=not"));
}

TEST_F(WalReplay, EmptyRangesTakeNoNumberWhereTheyWouldBeApplied) {
  request_.families[1].log_number = 13;
  add_log(12, {write_batch(5, 4,
                           erase_range("k", "k") + put("a", "") +
                               batch_operation_of(1, 0x0e, {"k", "k"}) + put("b", ""))});
  EXPECT_THAT(entries(), ElementsAre("a@5:1=", "b@7:1="));
  EXPECT_EQ(last_sequence_, 7u);
  EXPECT_THAT(replay().range_tombstones, IsEmpty());
}

TEST_F(WalReplay, RangesAreKeptAsTheyAre) {
  add_log(12, {write_batch(5, 2, put("a", "") + erase_range("a", "c"))});
  WalContents const contents = replay();
  ASSERT_EQ(contents.range_tombstones.size(), 1u);
  EXPECT_EQ(contents.range_tombstones[0].start, "a");
  EXPECT_EQ(contents.range_tombstones[0].end, "c");
  EXPECT_EQ(contents.range_tombstones[0].sequence, 6u);
  EXPECT_EQ(contents.entries.count(), 1u);
  EXPECT_EQ(contents.logs.at(0).entries, 2u);
}

// RocksDB's recovery stops at one, since writing it failed.
TEST_F(WalReplay, ARangeThatEndsBeforeItStartsEndsTheLog) {
  add_log(12, {write_batch(5, 3, put("a", "") + erase_range("c", "b") + put("d", "")),
               write_batch(8, 1, put("e", ""))});
  EXPECT_THAT(entries(), ElementsAre("a@5:1="));
  EXPECT_EQ(last_sequence_, 5u);
  EXPECT_THAT(logs_.at(0).end_reason, HasSubstr("ends before it starts"));
  request_.families[0].key_order = KeyOrder::kReverseBytewise;
  EXPECT_THAT(entries(), ElementsAre("a@5:1=", "d@7:1=", "e@8:1="));
}

TEST_F(WalReplay, AfterATornLogOneCountsThatGoesOn) {
  add_log(12, {write_batch(5, 2, put("a", "") + put("b", ""))}, "torn");
  add_log(13, {write_batch(9, 1, put("lost", "")), write_batch(7, 1, put("lost", ""))});
  add_log(14, {});
  add_log(15, {write_batch(7, 1, put("c", "")), write_batch(20, 1, put("d", ""))});
  EXPECT_THAT(entries(), ElementsAre("a@5:1=", "b@6:1=", "c@7:1=", "d@20:1="));
  EXPECT_EQ(last_sequence_, 20u);
  EXPECT_FALSE(logs_.at(1).counts);
  EXPECT_TRUE(logs_.at(3).counts);
}

TEST_F(WalReplay, AColumnFamilyFlushedAfterATornLogIsCorruption) {
  add_log(12, {write_batch(5, 1, put("a", ""))}, "torn");
  EXPECT_THAT(entries(), ElementsAre("a@5:1="));
  request_.families[1].log_number = 13;
  EXPECT_THAT(entries(), ElementsAre("a@5:1="));  // it has no tables
  request_.families[1].has_tables = true;
  expect_error(ErrorCode::kCorruption, "column family 'orders'", [&] { replay(); });
  add_log(14, {write_batch(6, 1, put("b", ""))});
  EXPECT_THAT(entries(), ElementsAre("a@5:1=", "b@6:1="));
}

TEST_F(WalReplay, AGapAfterARecycledLogIsRefused) {
  add_log(12, {},
          recyclable_fragment(5, 12, write_batch(5, 1, put("a", ""))) +
              recyclable_fragment(5, 3, "of an older log"));
  add_log(13, {write_batch(6, 1, put("b", ""))});
  EXPECT_THAT(entries(), ElementsAre("a@5:1=", "b@6:1="));
  EXPECT_THAT(refusals_, IsEmpty());
  request_.logs.pop_back();
  add_log(13, {write_batch(8, 1, put("b", ""))});
  static_cast<void>(entries());
  EXPECT_THAT(refusals_, ElementsAre(HasSubstr("recycled")));
}

TEST_F(WalReplay, SequenceNumbersThatGoBackAreRefused) {
  add_log(12, {write_batch(5, 2, put("a", "") + put("b", "")), write_batch(6, 1, put("c", ""))});
  static_cast<void>(entries());
  EXPECT_THAT(refusals_, ElementsAre(HasSubstr("WritePrepared")));
}

TEST_F(WalReplay, RecordsThatAreNoBatchesEndTheLog) {
  add_log(12, {write_batch(5, 1, put("a", "")), "too short", write_batch(6, 1, put("b", ""))});
  EXPECT_THAT(entries(), ElementsAre("a@5:1="));
  request_.logs.clear();
  add_log(13, {write_batch(5, 1, put("a", "")), write_batch(uint64_t{1} << 56, 1, put("b", ""))});
  EXPECT_THAT(entries(), ElementsAre("a@5:1="));
  request_.logs.clear();
  add_log(14, {write_batch(5, 1, put("a", "") + "\x7f")});
  expect_error(ErrorCode::kCorruption, "14.log at offset 0: write batch: unknown tag",
               [&] { replay(); });
}

TEST_F(WalReplay, EntriesThatStandTwiceCountOnce) {
  add_log(12, {write_batch(5, 1, put("a", "same"))});
  add_log(13, {write_batch(5, 1, put("a", "same"))});
  EXPECT_THAT(entries(), ElementsAre("a@5:1=same"));
}

class WalTransactions : public WalReplay {
 protected:
  static std::string prepare(std::string const& name, uint32_t count, std::string const& operations,
                             uint64_t sequence, uint8_t begin = 0x09) {
    return write_batch(sequence, count,
                       batch_operation(begin, {}) + operations + batch_operation(0x0a, {name}));
  }
  static std::string commit(std::string const& name, uint64_t sequence) {
    return write_batch(sequence, 0, batch_operation(0x0b, {name}));
  }
  static std::string rollback(std::string const& name, uint64_t sequence) {
    return write_batch(sequence, 0, batch_operation(0x0c, {name}));
  }
};

TEST_F(WalTransactions, CountFromTheirCommitOn) {
  request_.two_phase_commit = true;
  add_log(12, {prepare("t1", 2, put("a", "t1") + erase("b"), 5), write_batch(5, 1, put("a", "x")),
               prepare("t2", 1, put("c", "t2"), 6)});
  add_log(13, {commit("t1", 6), write_batch(8, 1, put("b", "y")), rollback("t2", 9),
               commit("flushed long ago", 9)});
  EXPECT_THAT(entries(), ElementsAre("a@6:1=t1", "a@5:1=x", "b@8:1=y", "b@7:0="));
  EXPECT_THAT(refusals_, IsEmpty());
  // The commit's log decides, not the one of the prepared section.
  request_.families[0].log_number = 13;
  EXPECT_THAT(entries(), ElementsAre("a@6:1=t1", "b@8:1=y", "b@7:0="));
}

TEST_F(WalTransactions, PreparedOnesAreRefusedByPlace) {
  request_.two_phase_commit = true;
  add_log(12, {write_batch(5, 1, put("a", "x")), prepare("t1", 1, put("b", ""), 6)});
  WalContents const contents = replay();
  ASSERT_EQ(contents.refusals.size(), 1u);
  EXPECT_EQ(contents.refusals[0].feature, "prepared transaction");
  EXPECT_EQ(contents.refusals[0].file, request_.logs[0].path);
  EXPECT_EQ(contents.refusals[0].offset, 7u + write_batch(5, 1, put("a", "x")).size());
}

TEST_F(WalTransactions, OtherPoliciesAreRefused) {
  request_.two_phase_commit = true;
  for (uint8_t const begin : {uint8_t{0x12}, uint8_t{0x13}}) {
    request_.logs.clear();
    add_log(12, {prepare("t1", 1, put("b", ""), 6, begin), commit("t1", 7)});
    static_cast<void>(entries());
    EXPECT_THAT(refusals_, ElementsAre(HasSubstr("WritePrepared or WriteUnprepared")));
  }
  // WriteUnprepared writes a transaction in parts.
  request_.logs.clear();
  add_log(12, {prepare("t1", 1, put("a", ""), 6, 0x13), prepare("t1", 1, put("b", ""), 7, 0x13)});
  static_cast<void>(entries());
  EXPECT_THAT(refusals_, ElementsAre(HasSubstr("WritePrepared or WriteUnprepared"),
                                     HasSubstr("prepared transaction")));
}

TEST_F(WalTransactions, InADatabaseThatSaysItHasNoneAreRefused) {
  add_log(12, {prepare("t1", 1, put("b", ""), 6), commit("t1", 6)});
  static_cast<void>(entries());
  EXPECT_THAT(refusals_, ElementsAre(HasSubstr("two-phase commits")));
}

TEST_F(WalTransactions, MarkersOutOfPlaceAreCorruption) {
  request_.two_phase_commit = true;
  add_log(12, {write_batch(5, 0, batch_operation(0x0a, {"t1"}))});
  expect_error(ErrorCode::kCorruption, "no beginning", [&] { replay(); });
  request_.logs.clear();
  add_log(13, {write_batch(5, 0, batch_operation(0x09, {}))});
  expect_error(ErrorCode::kCorruption, "without an end", [&] { replay(); });
  for (std::string const& marker :
       {batch_operation(0x09, {}), batch_operation(0x0b, {"t0"}), batch_operation(0x0c, {"t0"}),
        batch_operation(0x15, {"12345678", "t0"})}) {
    request_.logs.clear();
    add_log(14, {prepare("t1", 2, put("a", "x") + marker + put("b", "y"), 5), commit("t1", 5)});
    expect_error(ErrorCode::kCorruption, "without an end", [&] { replay(); });
  }
  request_.logs.clear();
  add_log(15, {prepare("t1", 1, put("a", "x"), 5), prepare("t1", 1, put("b", "y"), 5),
               commit("t1", 5)});
  expect_error(ErrorCode::kCorruption, "prepared twice", [&] { replay(); });
}

TEST_F(WalReplay, EntriesBeyondTheMemoryAreCountedAndNotKept) {
  std::vector<std::string> batches;
  for (uint64_t i = 0; i < 1000; ++i) {
    batches.push_back(
        write_batch(5 + i, 1, put("key" + std::to_string(i), std::string(1000, 'v'))));
  }
  add_log(12, batches);
  request_.memory_bytes = 100000;
  WalContents const contents = replay();
  EXPECT_EQ(contents.entries.count(), 1000u);
  EXPECT_TRUE(contents.entries.exceeds_memory());
  EXPECT_GT(contents.entries.memory_needed(), 2000000u);
  request_.memory_bytes = contents.entries.memory_needed();
  EXPECT_FALSE(replay().entries.exceeds_memory());
  EXPECT_EQ(entries().size(), 1000u);
}

TEST_F(WalReplay, ALogThatVanishedIsAnError) {
  request_.logs.push_back({12, directory_ / "000012.log"});
  expect_error(ErrorCode::kRuntime, "vanished", [&] { replay(); });
}

}  // namespace
}  // namespace levelscan
