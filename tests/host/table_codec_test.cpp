#include "table/codec.hpp"

#include <bzlib.h>
#include <gtest/gtest.h>
#include <lz4.h>
#include <snappy.h>
#include <zlib.h>
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

// Raw deflate as RocksDB asks for it: windows of 16 KiB.
std::string deflated(std::string const& text) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -14, 8, Z_DEFAULT_STRATEGY),
            Z_OK);
  std::string out(deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string bzipped(std::string const& text) {
  std::string out(text.size() + text.size() / 100 + 600, '\0');
  auto bytes = static_cast<unsigned>(out.size());
  std::string input = text + '\0';
  EXPECT_EQ(BZ2_bzBuffToBuffCompress(out.data(), &bytes, input.data(),
                                     static_cast<unsigned>(text.size()), 1, 0, 30),
            BZ_OK);
  out.resize(bytes);
  return out;
}

std::string compress(uint8_t type, std::string const& text) {
  switch (type) {
    case 2: return varint(text.size()) + deflated(text);
    case 3: return varint(text.size()) + bzipped(text);
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

std::vector<uint8_t> decompressed(uint8_t type, std::string const& payload,
                                  uint32_t format_version = 5) {
  std::vector<uint8_t> out(uncompressed_size(type, bytes_of(payload), format_version, kPlace));
  decompress(type, bytes_of(payload), format_version, out, kPlace);
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

INSTANTIATE_TEST_SUITE_P(All, CodecOfType, ::testing::Values(0, 1, 2, 3, 4, 5, 7, 0x40));

// The form that format versions 0 and 1 have.
std::string compress_old(uint8_t type, std::string const& text) {
  switch (type) {
    case 2: return deflated(text);
    case 3: return bzipped(text);
    case 4:
    case 5: {
      std::string const with_size = compress(type, text);
      // The upper half of the old size means nothing.
      return testing::fixed(static_cast<uint32_t>(text.size())) + "?!?!" +
             with_size.substr(varint(text.size()).size());
    }
    default: return compress(type, text);
  }
}

TEST_P(CodecOfType, OldFormatVersionsFrameBlocksDifferently) {
  for (uint32_t const format_version : {0u, 1u}) {
    for (std::size_t const bytes : {std::size_t{1}, std::size_t{100}, std::size_t{16384},
                                    std::size_t{16385}, std::size_t{300000}}) {
      std::string const text = sample_text(bytes);
      std::string const payload = compress_old(type(), text);
      EXPECT_EQ(testing::text_of(decompressed(type(), payload, format_version)), text);
    }
  }
}

TEST_P(CodecOfType, OldFormsThatAreCutOrFlippedAreErrorsOrText) {
  if (type() == 0) return;
  std::string const payload = compress_old(type(), sample_text(2000));
  for (std::size_t length = 0; length < payload.size(); ++length) {
    std::string const cut = payload.substr(0, length);
    EXPECT_THROW(decompressed(type(), std::string(cut.data(), cut.size()), 1), Error) << length;
  }
  for (std::size_t i = 0; i < payload.size(); ++i) {
    std::string flipped = payload;
    flipped[i] = static_cast<char>(flipped[i] ^ 0x41);
    try {
      decompressed(type(), flipped, 1);
    } catch (Error const& error) {
      EXPECT_EQ(error.code(), ErrorCode::kCorruption);
    }
  }
}

TEST(Codec, TheZstdFramesOfLevelDbAreToldFromDeflate) {
  std::string const text = sample_text(5000);
  std::string const frame = compress(7, text).substr(varint(text.size()).size());
  EXPECT_EQ(testing::text_of(decompressed(2, frame, 0)), text);
  // From format version 2 on zlib is zlib.
  EXPECT_THROW(decompressed(2, frame, 2), Error);
  std::string forged = frame;
  forged[5] = forged[6] = '\xff';  // the frame's content size
  EXPECT_THROW(decompressed(2, forged, 0), Error);
}

TEST(Codec, AForgedSizeIsCorruptionBeforeAnyAllocation) {
  for (int const type : {1, 2, 4, 7}) {
    std::string const payload = varint(0xfffffff0) + "abcdefgh";
    expect_error(ErrorCode::kCorruption, "claims to hold", [&] {
      static_cast<void>(
          uncompressed_size(static_cast<uint8_t>(type), bytes_of(payload), 5, kPlace));
    });
  }
}

TEST(Codec, UnknownCodecsAreRefusedByName) {
  std::pair<uint8_t, char const*> const refused[] = {
      {6, "xpress compression"}, {8, "codec 0x08 compression"}, {0x81, "codec 0x81 compression"}};
  for (auto const& [type, name] : refused) {
    EXPECT_FALSE(compression_supported(type));
    expect_error(ErrorCode::kUnsupported, name, [&, t = type] {
      static_cast<void>(uncompressed_size(t, bytes_of("abc"), 5, kPlace));
    });
  }
}

}  // namespace
}  // namespace levelscan
