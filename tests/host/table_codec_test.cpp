#include "table/codec.hpp"

#include <gtest/gtest.h>
#include <lz4.h>
#include <snappy.h>
#include <zstd.h>

#include <random>
#include <string>
#include <vector>

#include "support/expect_error.hpp"
#include "support/format_writer.hpp"

namespace levelscan {
namespace {

using testing::bytes_of;
using testing::expect_error;
using testing::varint;

constexpr BlockPlace kPlace{"000007.sst", 4711};

std::string compress(uint8_t type, std::string const& text) {
  switch (type) {
    case 1: {
      std::string out;
      snappy::Compress(text.data(), text.size(), &out);
      return out;
    }
    case 4:
    case 5: {
      std::string out(static_cast<std::size_t>(LZ4_compressBound(static_cast<int>(text.size()))),
                      '\0');
      int const bytes = LZ4_compress_default(text.data(), out.data(), static_cast<int>(text.size()),
                                             static_cast<int>(out.size()));
      out.resize(static_cast<std::size_t>(bytes));
      return varint(text.size()) + out;
    }
    case 7:
    case 0x40: {
      std::string out(ZSTD_compressBound(text.size()), '\0');
      out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
      return varint(text.size()) + out;
    }
    default: return text;
  }
}

std::string sample_text(std::size_t bytes) {
  std::mt19937_64 random(bytes);
  std::string text;
  while (text.size() < bytes) text += "order-" + std::to_string(random() % 1000) + ";";
  text.resize(bytes);
  return text;
}

std::vector<uint8_t> decompressed(uint8_t type, std::string const& payload) {
  std::vector<uint8_t> out(uncompressed_size(type, bytes_of(payload), 5, kPlace));
  decompress(type, bytes_of(payload), 5, out, kPlace);
  return out;
}

class CodecOfType : public ::testing::TestWithParam<int> {
 protected:
  uint8_t type() const { return static_cast<uint8_t>(GetParam()); }
};

TEST_P(CodecOfType, BlocksOfEverySizeComeBack) {
  for (std::size_t const bytes :
       {std::size_t{0}, std::size_t{1}, std::size_t{100}, std::size_t{4096}, std::size_t{300000}}) {
    std::string const text = sample_text(bytes);
    EXPECT_EQ(testing::text_of(decompressed(type(), compress(type(), text))), text);
  }
}

TEST_P(CodecOfType, HighlyCompressibleBlocksPassTheSizeCheck) {
  std::string const text(5'000'000, 'x');
  EXPECT_EQ(testing::text_of(decompressed(type(), compress(type(), text))), text);
}

TEST_P(CodecOfType, AnotherLengthThanTheBlocksOwnIsCorruption) {
  std::string const payload = compress(type(), sample_text(1000));
  for (std::size_t const bytes : {std::size_t{999}, std::size_t{1001}, std::size_t{0}}) {
    std::vector<uint8_t> out(bytes);
    expect_error(ErrorCode::kCorruption, "000007.sst at offset 4711",
                 [&] { decompress(type(), bytes_of(payload), 5, out, kPlace); });
  }
}

TEST_P(CodecOfType, CutAndFlippedBlocksAreErrorsOrText) {
  if (type() == 0) return;  // stored bytes have no structure to break
  std::string const text = sample_text(2000);
  std::string const payload = compress(type(), text);
  for (std::size_t length = 0; length < payload.size(); ++length) {
    std::string const cut = payload.substr(0, length);
    EXPECT_THROW(decompressed(type(), std::string(cut.data(), cut.size())), Error) << length;
  }
  for (std::size_t i = 0; i < payload.size(); ++i) {
    std::string flipped = payload;
    flipped[i] = static_cast<char>(flipped[i] ^ 0x41);
    try {
      decompressed(type(), flipped);  // checksums catch what still decompresses
    } catch (Error const& error) {
      EXPECT_EQ(error.code(), ErrorCode::kCorruption);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, CodecOfType, ::testing::Values(0, 1, 4, 5, 7, 0x40));

TEST(Codec, AForgedSizeIsCorruptionBeforeAnyAllocation) {
  for (int const type : {1, 4, 7}) {
    std::string const payload = varint(0xfffffff0) + "abcdefgh";
    expect_error(ErrorCode::kCorruption, "claims to hold", [&] {
      static_cast<void>(
          uncompressed_size(static_cast<uint8_t>(type), bytes_of(payload), 5, kPlace));
    });
  }
}

TEST(Codec, UnknownCodecsAreRefusedByName) {
  std::pair<uint8_t, char const*> const refused[] = {{2, "zlib compression"},
                                                     {3, "bzip2 compression"},
                                                     {6, "xpress compression"},
                                                     {0x81, "codec 0x81 compression"}};
  for (auto const& [type, name] : refused) {
    EXPECT_FALSE(compression_supported(type));
    expect_error(ErrorCode::kUnsupported, name, [&, t = type] {
      static_cast<void>(uncompressed_size(t, bytes_of("abc"), 5, kPlace));
    });
  }
}

TEST(Codec, OldFormatVersionsAreRefused) {
  expect_error(ErrorCode::kUnsupported, "lz4 compression in format_version 1",
               [] { static_cast<void>(uncompressed_size(4, bytes_of("abc"), 1, kPlace)); });
}

}  // namespace
}  // namespace levelscan
