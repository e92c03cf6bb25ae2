#include "table/checksum.hpp"

#include <gtest/gtest.h>

#include <string>
#include <tuple>

#include "support/format_writer.hpp"

namespace levelscan {
namespace {

using testing::bytes_of;

TEST(Checksum, Crc32cAgreesWithRfc3720) {
  EXPECT_EQ(crc32c(bytes_of("123456789")), 0xe3069283u);
  EXPECT_EQ(crc32c({}), 0u);
  EXPECT_EQ(crc32c(bytes_of(std::string(32, '\0'))), 0x8a9136aau);
}

TEST(Checksum, Crc32cGoesOnFromAnEarlierPiece) {
  EXPECT_EQ(crc32c(bytes_of("56789"), crc32c(bytes_of("1234"))), 0xe3069283u);
}

// RocksDB's own vectors (table_test.cc, BuiltinChecksumTest.ChecksumSchemas): little-endian hex of
// the stored word, for an empty, a short and a long block under three compression types.
struct Vectors {
  ChecksumType type;
  char const* stored[3][3];  // [block][compression type none, snappy, zstd]
};
constexpr Vectors kVectors[] = {
    {ChecksumType::kNone,
     {{"00000000", "00000000", "00000000"},
      {"00000000", "00000000", "00000000"},
      {"00000000", "00000000", "00000000"}}},
    {ChecksumType::kCrc32c,
     {{"D28F2549", "052B2843", "46F8F711"},
      {"583F0355", "2F9B0A57", "ECE7DA1D"},
      {"943EF0AB", "43A2EDB1", "00E53D63"}}},
    {ChecksumType::kXxh32,
     {{"3EB065CF", "31F79238", "320D2E00"},
      {"4A2E5FB0", "0BD9F652", "B4107E50"},
      {"20F4D4BA", "8F1A1F99", "A191A338"}}},
    {ChecksumType::kXxh64,
     {{"682705DB", "30E7211B", "B7BB58E8"},
      {"B74655EF", "B6C8BBBE", "AED9E3B4"},
      {"0D4999FE", "F5932423", "6B31BAB1"}}},
    {ChecksumType::kXxh3,
     {{"C294D338", "1B174353", "2D0E20C8"},
      {"B37FB5E6", "6AFC258D", "5CE54616"},
      {"FA2D482E", "23AED845", "15B7BBDE"}}},
};

std::string hex_of(uint32_t value) {
  std::string hex;
  for (char const byte : testing::fixed(value)) {
    constexpr char kDigits[] = "0123456789ABCDEF";
    hex += kDigits[static_cast<uint8_t>(byte) >> 4];
    hex += kDigits[static_cast<uint8_t>(byte) & 15];
  }
  return hex;
}

TEST(Checksum, BlockChecksumsAgreeWithRocksdbsVectors) {
  std::string long_block;
  for (int i = 0; i < 100; ++i) long_block += "This is a long block!";
  std::string const blocks[] = {"", "This is a short block!", long_block};
  uint8_t const compression_types[] = {0, 1, 7};
  for (Vectors const& vectors : kVectors) {
    for (std::size_t block = 0; block < 3; ++block) {
      for (std::size_t type = 0; type < 3; ++type) {
        SCOPED_TRACE(std::string(checksum_name(vectors.type)) + " block " + std::to_string(block) +
                     " type " + std::to_string(type));
        std::string const contiguous = blocks[block] + static_cast<char>(compression_types[type]);
        EXPECT_EQ(
            hex_of(block_checksum(vectors.type, bytes_of(contiguous).data(), blocks[block].size())),
            vectors.stored[block][type]);
        EXPECT_EQ(
            hex_of(block_checksum(vectors.type, bytes_of(blocks[block]), compression_types[type])),
            vectors.stored[block][type]);
      }
    }
  }
}

TEST(Checksum, ContextsDependOnTheOffsetWhereThereIsABase) {
  EXPECT_EQ(checksum_context(0, 4711), 0u);
  EXPECT_EQ(checksum_context(0x12345678, 0), 0x12345678u);
  EXPECT_EQ(checksum_context(0x12345678, 0x10), 0x12345668u);
  // Both halves of the offset count, added up.
  EXPECT_EQ(checksum_context(0x12345678, 0x0000000300000005ULL), 0x12345678u ^ 8u);
  EXPECT_EQ(checksum_context(0x12345678, 0x00000001ffffffffULL), 0x12345678u);
}

}  // namespace
}  // namespace levelscan
