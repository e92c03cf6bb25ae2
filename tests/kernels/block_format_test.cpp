// Varints and entry headers at their limits.
#include "kernels/block_format.hpp"

#include <gtest/gtest.h>

#include "kernels/internal_key.hpp"
#include "support/sst_builder.hpp"

namespace levelscan::test {
namespace {

struct Decoded {
  bool valid;
  uint64_t value;
  uint32_t offset;
};
Decoded varint32_of(std::string const& text) {
  std::vector<uint8_t> const bytes(text.begin(), text.end());
  Decoded decoded{false, 0, 0};
  uint32_t value = 0;
  decoded.valid =
      decode_varint32(bytes.data(), static_cast<uint32_t>(bytes.size()), decoded.offset, value);
  decoded.value = value;
  return decoded;
}
Decoded varint64_of(std::string const& text) {
  std::vector<uint8_t> const bytes(text.begin(), text.end());
  Decoded decoded{false, 0, 0};
  decoded.valid = decode_varint64(bytes.data(), static_cast<uint32_t>(bytes.size()), decoded.offset,
                                  decoded.value);
  return decoded;
}

TEST(BlockFormat, VarintsOfEverySize) {
  for (uint32_t bits = 0; bits < 64; ++bits) {
    for (uint64_t const value : {uint64_t{1} << bits, (uint64_t{1} << bits) - 1}) {
      std::string const text = varint(value);
      Decoded const wide = varint64_of(text);
      EXPECT_TRUE(wide.valid);
      EXPECT_EQ(wide.value, value);
      EXPECT_EQ(wide.offset, text.size());
      Decoded const narrow = varint32_of(text);
      EXPECT_EQ(narrow.valid, value <= UINT32_MAX) << value;
      if (narrow.valid) {
        EXPECT_EQ(narrow.value, value);
      }
      EXPECT_FALSE(varint64_of(text.substr(0, text.size() - 1)).valid) << "cut off";
    }
  }
}

TEST(BlockFormat, VarintsThatAreTooLong) {
  EXPECT_TRUE(varint32_of("\xff\xff\xff\xff\x0f").valid);
  EXPECT_FALSE(varint32_of("\xff\xff\xff\xff\x10").valid);
  EXPECT_FALSE(varint32_of("\xff\xff\xff\xff\xff\x01").valid);
  EXPECT_TRUE(varint64_of(std::string(9, '\xff') + "\x01").valid);
  EXPECT_FALSE(varint64_of(std::string(9, '\xff') + "\x02").valid);
  EXPECT_FALSE(varint64_of(std::string(10, '\xff') + "\x01").valid);
}

TEST(BlockFormat, EntriesMustEndInside) {
  auto const decodes = [](std::string const& text, uint32_t end) {
    std::vector<uint8_t> const bytes(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(end));
    EntryHeader entry;
    return decode_entry(bytes.data(), 0, end, entry);
  };
  for (uint32_t const value_size : {0u, 1u, 127u, 128u, 20000u}) {
    std::string const text = varint(0) + varint(9) + varint(value_size) + std::string(9, 'k') +
                             std::string(value_size, 'v');
    uint32_t const size = static_cast<uint32_t>(text.size());
    EXPECT_TRUE(decodes(text, size));
    for (uint32_t end = 0; end < size; end += end < 20 ? 1 : 997) EXPECT_FALSE(decodes(text, end));
  }
  std::string const huge = varint(UINT32_MAX) + varint(2) + varint(0) + "ab";
  EXPECT_FALSE(decodes(huge, static_cast<uint32_t>(huge.size()))) << "the key's size wraps";
  std::string const wrapping = varint(0) + varint(UINT32_MAX) + varint(2) + "ab";
  EXPECT_FALSE(decodes(wrapping, static_cast<uint32_t>(wrapping.size())));
  std::string const wide_value = varint(0) + varint(2) + varint(UINT32_MAX) + "ab";
  EXPECT_FALSE(decodes(wide_value, static_cast<uint32_t>(wide_value.size())));
}

TEST(BlockFormat, TrailersHoldSequenceAndType) {
  EXPECT_EQ(sequence_of(seek_trailer(77)), 77u);
  EXPECT_EQ(seek_trailer(kSequenceMax), UINT64_MAX);
  EXPECT_EQ(type_of(0x0107), EntryType::kSingleDeletion);
}

TEST(Bytes, ComparedAsMemcmpDoesAPrefixFirst) {
  auto const order = [](std::string const& a, std::string const& b) {
    return compare_bytes(
        Bytes{reinterpret_cast<uint8_t const*>(a.data()), static_cast<uint32_t>(a.size())},
        Bytes{reinterpret_cast<uint8_t const*>(b.data()), static_cast<uint32_t>(b.size())});
  };
  // Differences at every place around the eight bytes that are compared at once.
  for (std::size_t size = 0; size < 40; ++size) {
    std::string const text(size, 'm');
    EXPECT_EQ(order(text, text), 0);
    EXPECT_LT(order(text, text + '\0'), 0);
    EXPECT_GT(order(text + '\0', text), 0);
    for (std::size_t at = 0; at < size; ++at) {
      std::string other = text;
      other[at] = '\xff';
      EXPECT_LT(order(text, other), 0);
      other[at] = '\x01';
      EXPECT_GT(order(text, other), 0);
    }
  }
  EXPECT_LT(compare_bytes(Bytes{nullptr, 0}, Bytes{reinterpret_cast<uint8_t const*>("a"), 1}), 0);
}

}  // namespace
}  // namespace levelscan::test
