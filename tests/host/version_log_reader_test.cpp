#include "version/log_reader.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/expect_error.hpp"
#include "support/format_writer.hpp"

namespace levelscan {
namespace {

using testing::append_log_record;
using testing::bytes_of;
using testing::expect_error;
using testing::log_fragment;

std::string const kPath = "MANIFEST-000005";

struct ReadLog {
  std::vector<std::string> records;
  uint64_t complete_bytes = 0;
};

ReadLog read_log(std::string const& bytes) {
  std::vector<uint8_t> const exact(bytes.begin(),
                                   bytes.end());  // exact size: ASan sees every overrun
  LogReader reader(exact, kPath);
  ReadLog log;
  std::vector<uint8_t> record;
  while (reader.next(record)) log.records.push_back(testing::text_of(record));
  log.complete_bytes = reader.complete_bytes();
  return log;
}

TEST(LogReader, RecordsOfAllSizesComeBackAcrossBlocks) {
  std::vector<std::string> records;
  std::string log;
  for (std::size_t const bytes : {0u, 1u, 100u, 32761u, 32762u, 5u, 70000u, 32740u, 200000u, 3u}) {
    records.emplace_back(bytes, static_cast<char>('a' + records.size()));
    append_log_record(log, records.back());
  }
  ReadLog const read = read_log(log);
  EXPECT_EQ(read.records, records);
  EXPECT_EQ(read.complete_bytes, log.size());
}

TEST(LogReader, BlockEndsOfEveryLengthArePadding) {
  for (std::size_t left = 0; left < 16; ++left) {
    std::vector<std::string> const records = {std::string(32768 - 7 - left, 'x'), "after the edge"};
    std::string log;
    for (std::string const& record : records) append_log_record(log, record);
    EXPECT_EQ(read_log(log).records, records) << left;
  }
}

TEST(LogReader, ACutTailIsAWriteInProgress) {
  std::string log;
  append_log_record(log, "first");
  std::size_t const first_bytes = log.size();
  append_log_record(log, std::string(40000, 's'));
  std::size_t const second_bytes = log.size();
  append_log_record(log, "third");
  for (std::size_t length = 0; length <= log.size();
       length += length > 100 && length < 32700 ? 97 : 1) {
    ReadLog const read = read_log(log.substr(0, length));
    std::size_t const whole = length < first_bytes    ? 0
                              : length < second_bytes ? 1
                              : length < log.size()   ? 2
                                                      : 3;
    EXPECT_EQ(read.records.size(), whole) << length;
    EXPECT_LE(read.complete_bytes, length);
  }
}

TEST(LogReader, EveryFlippedBitIsNoticed) {
  std::string log;
  append_log_record(log, "the first record");
  append_log_record(log, "the second");
  std::vector<std::string> const records = read_log(log).records;
  for (std::size_t i = 0; i < log.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string flipped = log;
      flipped[i] = static_cast<char>(flipped[i] ^ (1 << bit));
      EXPECT_THROW(read_log(flipped), Error) << "byte " << i << " bit " << bit;
    }
  }
}

TEST(LogReader, PreallocatedZerosEndTheLog) {
  std::string log;
  append_log_record(log, "first");
  EXPECT_EQ(read_log(log + std::string(100000, '\0')).records.size(), 1u);
  EXPECT_TRUE(read_log(std::string(5000, '\0')).records.empty());
  std::string const more = log + std::string(100, '\0') + log;
  expect_error(ErrorCode::kCorruption, "zeros before the end", [&] { read_log(more); });
}

TEST(LogReader, FragmentsOutOfStepAreCorruption) {
  expect_error(ErrorCode::kCorruption, "without a beginning",
               [] { read_log(log_fragment(3, "m")); });
  expect_error(ErrorCode::kCorruption, "without a beginning",
               [] { read_log(log_fragment(4, "l")); });
  expect_error(ErrorCode::kCorruption, "begins inside another",
               [] { read_log(log_fragment(2, "f") + log_fragment(1, "x")); });
  EXPECT_EQ(read_log(log_fragment(2, "a") + log_fragment(3, "b") + log_fragment(4, "c")).records,
            std::vector<std::string>{"abc"});
}

TEST(LogReader, RecordsThatCrossABlockAreCorruption) {
  std::string log = log_fragment(1, "x");
  log[5] = '\x80';  // length 0x8001 in a block that goes on
  log.resize(32768, 'y');
  expect_error(ErrorCode::kCorruption, "crosses its block", [&] { read_log(log); });
}

TEST(LogReader, OtherRecordTypesAreRefusedUnlessTheyMayBeSkipped) {
  expect_error(ErrorCode::kUnsupported, "log record type 9",
               [] { read_log(log_fragment(9, "zstd")); });
  expect_error(ErrorCode::kUnsupported, "log record type 5",
               [] { read_log(log_fragment(5, "abcd")); });
  EXPECT_EQ(read_log(log_fragment(0x84, "?") + log_fragment(1, "x")).records,
            std::vector<std::string>{"x"});
}

}  // namespace
}  // namespace levelscan
