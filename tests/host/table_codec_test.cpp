#include "table/codec.hpp"

#include <bzlib.h>
#include <gtest/gtest.h>
#include <lz4.h>
#include <snappy.h>
#include <zdict.h>
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

// As RocksDB does it with what it sampled, and with what Zstandard made of the samples.
std::string compress_with(uint8_t type, std::string const& text, std::string const& dictionary) {
  std::string out(text.size() * 2 + 1000, '\0');
  switch (type) {
    case 2: {
      z_stream stream{};
      EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, -14, 8, Z_DEFAULT_STRATEGY), Z_OK);
      EXPECT_EQ(deflateSetDictionary(&stream, bytes_of(dictionary).data(),
                                     static_cast<uInt>(dictionary.size())),
                Z_OK);
      stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
      stream.avail_in = static_cast<uInt>(text.size());
      stream.next_out = reinterpret_cast<Bytef*>(out.data());
      stream.avail_out = static_cast<uInt>(out.size());
      EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
      out.resize(stream.total_out);
      deflateEnd(&stream);
      break;
    }
    case 4: {
      LZ4_stream_t* const stream = LZ4_createStream();
      LZ4_loadDict(stream, dictionary.data(), static_cast<int>(dictionary.size()));
      int const bytes =
          LZ4_compress_fast_continue(stream, text.data(), out.data(), static_cast<int>(text.size()),
                                     static_cast<int>(out.size()), 1);
      LZ4_freeStream(stream);
      out.resize(static_cast<std::size_t>(bytes));
      break;
    }
    default: {
      ZSTD_CCtx* const context = ZSTD_createCCtx();
      out.resize(ZSTD_compress_usingDict(context, out.data(), out.size(), text.data(), text.size(),
                                         dictionary.data(), dictionary.size(), 3));
      ZSTD_freeCCtx(context);
    }
  }
  return varint(text.size()) + out;
}

std::vector<uint8_t> decompressed_with(uint8_t type, std::string const& payload,
                                       CompressionDictionary const* dictionary,
                                       uint32_t format_version = 5) {
  std::vector<uint8_t> out(
      uncompressed_size(type, bytes_of(payload), format_version, kPlace, dictionary));
  decompress(type, bytes_of(payload), format_version, out, kPlace, dictionary);
  return out;
}

std::vector<uint8_t> copy_of(std::string const& text) { return {text.begin(), text.end()}; }

std::string trained_dictionary(uint32_t number) {
  std::string samples;
  std::vector<std::size_t> sizes;
  for (std::size_t i = 0; i < 2000; ++i) {
    std::string const sample = std::to_string(number) + "-customer-" +
                               std::to_string(i * 7919 % 1000) + sample_text(40 + i);
    samples += sample;
    sizes.push_back(sample.size());
  }
  std::string dictionary(4096, '\0');
  dictionary.resize(ZDICT_trainFromBuffer(dictionary.data(), dictionary.size(), samples.data(),
                                          sizes.data(), static_cast<unsigned>(sizes.size())));
  EXPECT_FALSE(ZDICT_isError(dictionary.size()));
  return dictionary;
}

TEST(Codec, BlocksComeBackWithTheDictionaryTheyWereCompressedAgainst) {
  std::string const text = sample_text(3000);
  for (std::string const& bytes : {sample_text(2000), trained_dictionary(1)}) {
    CompressionDictionary const dictionary(copy_of(bytes));
    for (uint8_t const type : {uint8_t{2}, uint8_t{4}, uint8_t{7}}) {
      std::string const payload = compress_with(type, text, bytes);
      EXPECT_EQ(testing::text_of(decompressed_with(type, payload, &dictionary)), text);
      EXPECT_LT(payload.size(), compress(type, text).size()) << "the dictionary served for nothing";
    }
    // Snappy and bzip2 take none.
    for (uint8_t const type : {uint8_t{0}, uint8_t{1}, uint8_t{3}}) {
      EXPECT_EQ(testing::text_of(decompressed_with(type, compress(type, text), &dictionary)), text);
    }
  }
}

TEST(Codec, AnOldFormsSizeIsFoundWithTheDictionaryToo) {
  std::string const text = sample_text(3000);
  std::string const bytes = sample_text(2000);
  CompressionDictionary const dictionary(copy_of(bytes));
  std::string const payload = compress_with(2, text, bytes).substr(varint(text.size()).size());
  EXPECT_EQ(testing::text_of(decompressed_with(2, payload, &dictionary, 1)), text);
}

TEST(Codec, AnotherDictionaryIsCorruptionOrOtherText) {
  std::string const text = sample_text(3000);
  CompressionDictionary const other(copy_of(trained_dictionary(2)));
  CompressionDictionary const short_one(copy_of("x"));
  for (uint8_t const type : {uint8_t{2}, uint8_t{4}, uint8_t{7}}) {
    std::string const payload =
        compress_with(type, text, type == 7 ? trained_dictionary(1) : text.substr(0, 2000));
    for (CompressionDictionary const* const wrong :
         {static_cast<CompressionDictionary const*>(nullptr), &other, &short_one}) {
      try {
        EXPECT_NE(testing::text_of(decompressed_with(type, payload, wrong)), text);
        EXPECT_NE(type, 7);  // its frames name their dictionary
      } catch (Error const& error) {
        EXPECT_EQ(error.code(), ErrorCode::kCorruption);
      }
    }
  }
}

TEST(Codec, WhatOnlyLooksLikeADictionaryOfZstdIsCorruption) {
  // The magic of a trained one, and nothing behind it.
  CompressionDictionary const broken(copy_of(std::string("\x37\xa4\x30\xec", 4) + "nothing"));
  EXPECT_EQ(broken.zstd(), nullptr);
  expect_error(ErrorCode::kCorruption, "zstd block does not decompress",
               [&] { decompressed_with(7, compress(7, sample_text(100)), &broken); });
}

TEST(Codec, AForgedSizeIsCorruptionBeforeAnyAllocation) {
  for (int const type : {1, 2, 4, 7}) {
    std::string const payload = varint(0xfffffff0) + "abcdefgh";
    expect_error(ErrorCode::kCorruption, "claims to hold", [&] {
      static_cast<void>(
          uncompressed_size(static_cast<uint8_t>(type), bytes_of(payload), 5, kPlace));
    });
  }
  // A stream of bzip2 can give this much, and has to show that it does.
  std::string const zeros(3'000'000, '\0');
  std::string const payload = compress(3, zeros);
  std::string const stream = payload.substr(varint(zeros.size()).size());
  EXPECT_EQ(uncompressed_size(3, bytes_of(payload), 5, kPlace), zeros.size());
  for (std::size_t const claimed : {zeros.size() - 1, zeros.size() + 1, 12 * zeros.size()}) {
    expect_error(ErrorCode::kCorruption, "claims to hold", [&] {
      std::string const forged = varint(claimed) + stream;
      static_cast<void>(uncompressed_size(3, bytes_of(forged), 5, kPlace));
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
