// Write-ahead logs made by hand, record by record.
#include "version/wal_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zstd.h>

#include <string>
#include <vector>

#include "support/expect_error.hpp"
#include "support/wal_writer.hpp"
#include "table/coding.hpp"

namespace levelscan {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using namespace levelscan::testing;

constexpr uint64_t kLogNumber = 12;

struct ReadLog {
  std::vector<std::string> records;
  WalEnd end = WalEnd::kWhole;
  uint64_t end_offset = 0;
  std::string end_reason;
  bool is_damaged = false;
  std::map<uint32_t, uint16_t> timestamp_bytes;
};

ReadLog read_log(std::string const& bytes, uint64_t record_bytes_max = 1 << 20) {
  RandomAccessFile const file = RandomAccessFile::in_memory({bytes.begin(), bytes.end()}, "12.log");
  WalReader reader(file, kLogNumber, record_bytes_max);
  ReadLog log;
  while (auto const record = reader.next()) log.records.emplace_back(as_text(*record));
  EXPECT_FALSE(reader.next());
  log.end = reader.end();
  log.end_offset = reader.end_offset();
  log.end_reason = reader.end_reason();
  log.is_damaged = reader.is_damaged();
  log.timestamp_bytes = reader.timestamp_bytes();
  return log;
}

std::string zstd_frame(std::string const& text) {
  std::string frame(ZSTD_compressBound(text.size()), '\0');
  frame.resize(ZSTD_compress(frame.data(), frame.size(), text.data(), text.size(), 3));
  return frame;
}

TEST(WalReader, RecordsOfAllSizesComeBackAcrossBlocks) {
  std::vector<std::string> records;
  std::string log;
  for (std::size_t const bytes : {0u, 1u, 100u, 32761u, 32762u, 5u, 70000u, 32740u, 600000u, 3u}) {
    records.emplace_back(bytes, static_cast<char>('a' + records.size()));
    append_log_record(log, records.back());
  }
  ReadLog const read = read_log(log);
  EXPECT_EQ(read.records, records);
  EXPECT_EQ(read.end, WalEnd::kWhole);
  EXPECT_EQ(read.end_offset, log.size());
}

TEST(WalReader, ACutTailEndsTheLog) {
  std::string log;
  append_log_record(log, "first");
  std::size_t const first_bytes = log.size();
  append_log_record(log, std::string(40000, 's'));
  for (std::size_t length = 0; length <= log.size();
       length += length > 100 && length < 32700 ? 97 : 1) {
    ReadLog const read = read_log(log.substr(0, length));
    std::size_t const whole = length < first_bytes ? 0 : length < log.size() ? 1 : 2;
    EXPECT_EQ(read.records.size(), whole) << length;
    bool const at_an_end = length == 0 || length == first_bytes || length == log.size();
    EXPECT_EQ(read.end, at_an_end ? WalEnd::kWhole : WalEnd::kCutOff) << length;
    EXPECT_EQ(read.end_offset, whole == 0 ? 0 : whole == 1 ? first_bytes : log.size()) << length;
  }
}

TEST(WalReader, EveryFlippedBitTearsTheLog) {
  std::string log = log_fragment(1, "the first record");
  std::size_t const first_bytes = log.size();
  log += log_fragment(1, "the second");
  for (std::size_t i = 0; i < log.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string flipped = log;
      flipped[i] = static_cast<char>(flipped[i] ^ (1 << bit));
      ReadLog const read = read_log(flipped);
      EXPECT_EQ(read.records.size(), i < first_bytes ? 0u : 1u) << i << " " << bit;
      EXPECT_NE(read.end, WalEnd::kWhole) << i << " " << bit;
    }
  }
}

TEST(WalReader, ZerosArePreallocatedSpace) {
  std::string log = log_fragment(1, "first");
  EXPECT_EQ(read_log(log + std::string(100000, '\0')).records.size(), 1u);
  EXPECT_EQ(read_log(log + std::string(100000, '\0')).end, WalEnd::kWhole);
  EXPECT_TRUE(read_log(std::string(5000, '\0')).records.empty());
  EXPECT_EQ(read_log(std::string(5000, '\0')).end_offset, 5000u);
  // What stands in a block after them goes on.
  std::string gap = log;
  gap.resize(32768, '\0');
  EXPECT_THAT(read_log(gap + log_fragment(1, "second")).records, ElementsAre("first", "second"));
  EXPECT_EQ(read_log(log_fragment(2, "cut off") + std::string(100, '\0')).end, WalEnd::kTorn);
}

TEST(WalReader, RecyclableRecordsCarryTheirLogsNumber) {
  std::string const log =
      recyclable_fragment(5, kLogNumber, "whole") + recyclable_fragment(6, kLogNumber, "in ") +
      recyclable_fragment(7, kLogNumber, "three ") + recyclable_fragment(8, kLogNumber, "pieces");
  EXPECT_THAT(read_log(log).records, ElementsAre("whole", "in three pieces"));
  EXPECT_EQ(read_log(log).end, WalEnd::kWhole);
  std::string const old = recyclable_fragment(5, 7, "of an older log") + "anything";
  EXPECT_THAT(read_log(log + old).records, ElementsAre("whole", "in three pieces"));
  EXPECT_EQ(read_log(log + old).end, WalEnd::kOld);
  EXPECT_EQ(read_log(log + old).end_offset, log.size());
  EXPECT_EQ(read_log(old).end, WalEnd::kOld);
  EXPECT_EQ(read_log(log + recyclable_fragment(6, kLogNumber, "cut off") + old).end,
            WalEnd::kCutOff);
  EXPECT_EQ(read_log(log_fragment(1, "x") + recyclable_fragment(5, kLogNumber, "y")).end,
            WalEnd::kTorn);
}

// A writer that was killed leaves nothing of its own behind the place where its log ends.
TEST(WalReader, RecordsBehindItsEndGiveADamagedLogAway) {
  std::string const old = recyclable_fragment(5, 7, "of an older log") + "anything";
  std::string log = recyclable_fragment(5, kLogNumber, "first");
  log += recyclable_fragment(5, kLogNumber, "second");
  std::size_t const third = log.size();
  log += recyclable_fragment(5, kLogNumber, "third");
  EXPECT_FALSE(read_log(log + old).is_damaged);
  for (std::size_t at = 0; at < log.size(); ++at) {
    std::string damaged = log + old;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    ReadLog const read = read_log(damaged);
    EXPECT_LT(read.records.size(), 3u) << at;
    EXPECT_EQ(read.is_damaged, at < third || read.end == WalEnd::kTorn) << at;
  }
  for (std::size_t length = 0; length <= log.size(); ++length) {
    EXPECT_FALSE(read_log(log.substr(0, length)).is_damaged) << length;
    ReadLog const read = read_log(log.substr(0, length) + old);
    EXPECT_EQ(read.is_damaged, read.end == WalEnd::kTorn) << length;
  }

  // The next of its records is the first of a later block.
  log = recyclable_fragment(5, kLogNumber, "first") + std::string(kLogBlockBytes, 'x');
  log.resize(kLogBlockBytes);
  EXPECT_FALSE(read_log(log + old).is_damaged);
  EXPECT_TRUE(read_log(log + recyclable_fragment(8, kLogNumber, "last")).is_damaged);

  // One bit makes a plain record look like one of another log.
  log = log_fragment(1, "first") + log_fragment(1, "second") + log_fragment(1, "third");
  log[log_fragment(1, "first").size() + 6] = 5;
  EXPECT_THAT(read_log(log).records, ElementsAre("first"));
  EXPECT_EQ(read_log(log).end, WalEnd::kOld);
  EXPECT_TRUE(read_log(log).is_damaged);
}

TEST(WalReader, CompressedRecordsAreOneStreamEach) {
  std::string const header = log_fragment(9, fixed(uint32_t{7}));
  std::string const text = "text text text " + std::string(100000, 't');
  std::string const frame = zstd_frame(text);
  std::string const half = frame.substr(0, frame.size() / 2);
  std::string const log = header + log_fragment(1, zstd_frame("one")) + log_fragment(2, half) +
                          log_fragment(4, frame.substr(half.size())) +
                          log_fragment(1, zstd_frame("three")) + log_fragment(1, "");
  EXPECT_THAT(read_log(log).records, ElementsAre("one", text, "three", ""));
  expect_error(ErrorCode::kDevice, "more than 99 bytes", [&] { read_log(log, 99); });
  expect_error(ErrorCode::kCorruption, "12.log at offset 11",
               [&] { read_log(header + log_fragment(1, "no frame at all")); });
  EXPECT_EQ(read_log(header + header).end, WalEnd::kTorn);
  EXPECT_EQ(read_log(log_fragment(1, "x") + header).end, WalEnd::kTorn);
  EXPECT_EQ(read_log(log_fragment(9, "x")).end, WalEnd::kTorn);
  expect_error(ErrorCode::kUnsupported, "compressed with codec 4",
               [&] { read_log(log_fragment(9, fixed(uint32_t{4}))); });
}

TEST(WalReader, OtherRecordsAreUnderstoodSkippedOrRefused) {
  std::string const x = log_fragment(1, "x");
  std::string const sizes = fixed(uint32_t{3}) + fixed(uint16_t{8});
  EXPECT_EQ(read_log(log_fragment(10, sizes) + x).timestamp_bytes,
            (std::map<uint32_t, uint16_t>{{3, 8}}));
  EXPECT_EQ(read_log(recyclable_fragment(11, kLogNumber, sizes)).timestamp_bytes.size(), 1u);
  EXPECT_EQ(read_log(log_fragment(10, sizes + sizes)).end, WalEnd::kTorn);
  EXPECT_EQ(read_log(log_fragment(10, "abc")).end, WalEnd::kTorn);
  EXPECT_THAT(read_log(log_fragment(130, "predecessor") + x).records, ElementsAre("x"));
  EXPECT_THAT(read_log(recyclable_fragment(131, kLogNumber, "predecessor")).records, ElementsAre());
  EXPECT_THAT(read_log(log_fragment(0xc0, "?") + x).records, ElementsAre("x"));
  expect_error(ErrorCode::kUnsupported, "write-ahead log record type 12",
               [&] { read_log(log_fragment(12, "?")); });
}

TEST(WalReader, FragmentsOutOfStepTearTheLog) {
  for (std::string const& log :
       {log_fragment(3, "m"), log_fragment(4, "l"), log_fragment(2, "f") + log_fragment(1, "x"),
        log_fragment(2, "f") + log_fragment(2, "x")}) {
    EXPECT_TRUE(read_log(log).records.empty());
    EXPECT_EQ(read_log(log).end, WalEnd::kTorn);
  }
  // Early LevelDB left empty first fragments at the ends of blocks.
  EXPECT_THAT(read_log(log_fragment(2, "") + log_fragment(1, "x")).records, ElementsAre("x"));
  std::string crossing = log_fragment(1, "x");
  crossing[5] = '\x80';
  crossing.resize(32768 + 100, 'y');
  EXPECT_THAT(read_log(crossing).end_reason, HasSubstr("crosses its block"));
}

}  // namespace
}  // namespace levelscan
