#include "table/coding.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "support/format_writer.hpp"

namespace levelscan {
namespace {

using testing::bytes_of;
using testing::varint;

TEST(Coding, VarintsOfEveryLengthComeBack) {
  for (uint32_t bit = 0; bit < 64; ++bit) {
    for (uint64_t const value :
         {(uint64_t{1} << bit) - 1, uint64_t{1} << bit, (uint64_t{1} << bit) + 1}) {
      std::string const bytes = varint(value);
      uint8_t const* const begin = bytes_of(bytes).data();
      uint64_t decoded = 0;
      EXPECT_EQ(decode_varint64(begin, begin + bytes.size(), decoded), begin + bytes.size());
      EXPECT_EQ(decoded, value);
      uint32_t decoded32 = 0;
      bool const fits = value <= std::numeric_limits<uint32_t>::max();
      EXPECT_EQ(decode_varint32(begin, begin + bytes.size(), decoded32) != nullptr, fits) << value;
      if (fits) {
        EXPECT_EQ(decoded32, value);
      }
    }
  }
}

TEST(Coding, CutVarintsAreRejected) {
  std::string const bytes = varint(std::numeric_limits<uint64_t>::max());
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    std::vector<uint8_t> const exact(bytes.begin(),
                                     bytes.begin() + static_cast<std::ptrdiff_t>(length));
    uint64_t value = 0;
    EXPECT_EQ(decode_varint64(exact.data(), exact.data() + length, value), nullptr);
  }
}

TEST(Coding, OverlongVarintsAreRejected) {
  std::vector<uint8_t> const eleven(11, 0x80);
  uint64_t value = 0;
  EXPECT_EQ(decode_varint64(eleven.data(), eleven.data() + eleven.size(), value), nullptr);
  uint32_t value32 = 0;
  EXPECT_EQ(decode_varint32(eleven.data(), eleven.data() + eleven.size(), value32), nullptr);
}

TEST(Coding, ZigzagGivesBackSignedNumbers) {
  int64_t constexpr kMin = std::numeric_limits<int64_t>::min();
  int64_t constexpr kMax = std::numeric_limits<int64_t>::max();
  for (int64_t const value : {int64_t{0}, int64_t{-1}, int64_t{1}, int64_t{-4711}, kMin, kMax}) {
    std::string const bytes = testing::zigzag(value);
    uint64_t encoded = 0;
    ASSERT_NE(
        decode_varint64(bytes_of(bytes).data(), bytes_of(bytes).data() + bytes.size(), encoded),
        nullptr);
    EXPECT_EQ(zigzag_decode(encoded), value);
  }
}

TEST(Coding, ReaderStopsAtTheEndAndDoesNotMoveOnFailure) {
  std::string const bytes =
      testing::fixed(uint32_t{7}) + testing::prefixed("abc") + varint(300) + "xy";
  ByteReader reader(bytes_of(bytes));
  uint32_t fixed = 0;
  std::span<uint8_t const> body;
  uint64_t number = 0;
  ASSERT_TRUE(reader.read_fixed32(fixed));
  EXPECT_EQ(fixed, 7u);
  ASSERT_TRUE(reader.read_length_prefixed(body));
  EXPECT_EQ(testing::text_of(body), "abc");
  ASSERT_TRUE(reader.read_varint64(number));
  EXPECT_EQ(number, 300u);
  std::size_t const position = reader.position();
  EXPECT_FALSE(reader.read_fixed32(fixed));
  EXPECT_FALSE(reader.read_fixed64(number));
  EXPECT_FALSE(reader.read_bytes(3, body));
  EXPECT_FALSE(reader.read_length_prefixed(body));  // 'x' claims 120 bytes
  EXPECT_EQ(reader.position(), position);
  EXPECT_EQ(reader.remaining(), 2u);
  ASSERT_TRUE(reader.read_bytes(2, body));
  EXPECT_TRUE(reader.empty());
}

}  // namespace
}  // namespace levelscan
