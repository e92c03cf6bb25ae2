#include "table/codec.hpp"

#include <fmt/core.h>
#include <lz4.h>
#include <snappy.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <limits>
#include <optional>

#include "table/coding.hpp"
#include "table/refusal.hpp"
#include "table/zlib_bzip2.hpp"

namespace levelscan {

struct DecompressionContext::State {
  struct ZstdDeleter {
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
  };
  std::unique_ptr<ZSTD_DCtx, ZstdDeleter> zstd;
  std::optional<Inflater> inflater_of_blocks;

  [[nodiscard]] Inflater& inflater() {
    return inflater_of_blocks ? *inflater_of_blocks : inflater_of_blocks.emplace();
  }
};

DecompressionContext::DecompressionContext() : state_(std::make_unique<State>()) {}
DecompressionContext::~DecompressionContext() = default;
DecompressionContext::DecompressionContext(DecompressionContext&&) noexcept = default;
DecompressionContext& DecompressionContext::operator=(DecompressionContext&&) noexcept = default;

DecompressionContext& DecompressionContext::of_this_thread() {
  thread_local DecompressionContext context;
  return context;
}

namespace {

enum class Family { kNone, kSnappy, kZlib, kBzip2, kLz4, kZstd, kOther };

constexpr uint64_t kBlockBytesMax = std::numeric_limits<uint32_t>::max();
// Format versions before it have no sizes, or others, before compressed bytes.
constexpr uint32_t kFormatVersionWithSizes = 2;
constexpr std::size_t kOldLz4SizeBytes = 8;
// Where bzip2 claims to give more bytes than this for each of its own, they are counted.
constexpr uint64_t kBzip2RatioTrusted = 1024;
constexpr uint8_t kZstdMagic[] = {0x28, 0xb5, 0x2f, 0xfd};

Family family_of(uint8_t type_byte) {
  switch (static_cast<Compression>(type_byte)) {
    case Compression::kNone: return Family::kNone;
    case Compression::kSnappy: return Family::kSnappy;
    case Compression::kZlib: return Family::kZlib;
    case Compression::kBzip2: return Family::kBzip2;
    case Compression::kLz4:
    case Compression::kLz4hc: return Family::kLz4;
    case Compression::kZstd:
    case Compression::kZstdNotFinal: return Family::kZstd;
    default: return Family::kOther;
  }
}

Error codec_error(uint8_t type_byte, BlockPlace const& place) {
  return unsupported_error(
      {fmt::format("{} compression", compression_name(type_byte)), std::string(place.file),
       place.offset,
       "rewrite the table with another codec (set the option and run a full compaction)"});
}

// The most bytes that `payload_bytes` of compressed input can stand for. Generous; keeps a forged
// size from allocating without end.
uint64_t uncompressed_bytes_max(Family family, uint64_t payload_bytes) {
  switch (family) {
    case Family::kNone: return payload_bytes;
    // A copy element of 3 bytes gives at most 64.
    case Family::kSnappy: return payload_bytes * 22 + 64;
    // Two bits, a length and a distance, give at most 258.
    case Family::kZlib: return payload_bytes * 1032 + 64;
    // A block takes some 40 bytes, and gives at most 900,000 that stand for 259 in each 5. That
    // keeps little out: see kBzip2RatioTrusted.
    case Family::kBzip2: return (payload_bytes / 32 + 1) * (uint64_t{47} << 20);
    // A length byte gives at most 255.
    case Family::kLz4: return payload_bytes * 255 + 64;
    // A block of 4 bytes gives at most 128 KiB.
    case Family::kZstd: return (payload_bytes / 4 + 1) * (uint64_t{128} << 10);
    case Family::kOther: return 0;
  }
  return 0;
}

// A payload as its codec's own library takes it.
struct CodecInput {
  Family family = Family::kNone;
  std::span<uint8_t const> body;
  std::optional<uint64_t> uncompressed_bytes;  // as the payload tells it
};

Error no_size_error(uint8_t type_byte, BlockPlace const& place) {
  return corruption_error(
      place.file, place.offset,
      fmt::format("{} block without a valid uncompressed size", compression_name(type_byte)));
}

Error forged_size_error(uint8_t type_byte, std::span<uint8_t const> payload, uint64_t bytes,
                        BlockPlace const& place) {
  return corruption_error(place.file, place.offset,
                          fmt::format("{} block of {} bytes claims to hold {} bytes",
                                      compression_name(type_byte), payload.size(), bytes));
}

// Format versions 0 and 1.
CodecInput split_old_payload(Family family, uint8_t type_byte, std::span<uint8_t const> payload,
                             BlockPlace const& place) {
  if (family == Family::kLz4) {
    if (payload.size() < kOldLz4SizeBytes) throw no_size_error(type_byte, place);
    return {family, payload.subspan(kOldLz4SizeBytes), load_fixed32(payload.data())};
  }
  bool const is_frame = payload.size() >= sizeof kZstdMagic &&
                        std::equal(std::begin(kZstdMagic), std::end(kZstdMagic), payload.begin());
  if (family == Family::kZlib && is_frame) {
    unsigned long long const bytes = ZSTD_getFrameContentSize(payload.data(), payload.size());
    if (bytes == ZSTD_CONTENTSIZE_UNKNOWN || bytes == ZSTD_CONTENTSIZE_ERROR)
      throw no_size_error(type_byte, place);
    return {Family::kZstd, payload, bytes};
  }
  return {family, payload, std::nullopt};
}

CodecInput split_payload(uint8_t type_byte, std::span<uint8_t const> payload,
                         uint32_t format_version, BlockPlace const& place) {
  Family const family = family_of(type_byte);
  CodecInput input{family, payload, payload.size()};
  switch (family) {
    case Family::kOther: throw codec_error(type_byte, place);
    case Family::kNone: return input;
    case Family::kSnappy: {
      std::size_t bytes = 0;
      if (!snappy::GetUncompressedLength(reinterpret_cast<char const*>(payload.data()),
                                         payload.size(), &bytes)) {
        throw no_size_error(type_byte, place);
      }
      input.uncompressed_bytes = bytes;
      break;
    }
    case Family::kZlib:
    case Family::kBzip2:
    case Family::kLz4:
      if (format_version < kFormatVersionWithSizes) {
        input = split_old_payload(family, type_byte, payload, place);
        break;
      }
      [[fallthrough]];
    case Family::kZstd: {
      uint32_t bytes = 0;
      uint8_t const* const end = payload.data() + payload.size();
      uint8_t const* const body = decode_varint32(payload.data(), end, bytes);
      if (body == nullptr) throw no_size_error(type_byte, place);
      input.body = {body, end};
      input.uncompressed_bytes = bytes;
    }
  }
  if (input.uncompressed_bytes &&
      *input.uncompressed_bytes >
          std::min(uncompressed_bytes_max(input.family, payload.size()), kBlockBytesMax)) {
    throw forged_size_error(type_byte, payload, *input.uncompressed_bytes, place);
  }
  return input;
}

bool decompress_lz4(std::span<uint8_t const> body, std::span<uint8_t> out,
                    std::span<uint8_t const> dictionary) {
  constexpr auto kIntMax = static_cast<std::size_t>(std::numeric_limits<int>::max());
  if (std::max({body.size(), out.size(), dictionary.size()}) > kIntMax) return false;
  int const written = LZ4_decompress_safe_usingDict(
      reinterpret_cast<char const*>(body.data()), reinterpret_cast<char*>(out.data()),
      static_cast<int>(body.size()), static_cast<int>(out.size()),
      reinterpret_cast<char const*>(dictionary.data()), static_cast<int>(dictionary.size()));
  return written >= 0 && static_cast<std::size_t>(written) == out.size();
}

bool decompress_zstd(std::span<uint8_t const> body, std::span<uint8_t> out,
                     CompressionDictionary const* dictionary, DecompressionContext::State& state) {
  if (dictionary != nullptr && dictionary->zstd() == nullptr) return false;
  if (!state.zstd) {
    state.zstd.reset(ZSTD_createDCtx());
    if (!state.zstd) throw Error(ErrorCode::kDevice, "no memory for a zstd decompression context");
  }
  std::size_t const written =
      dictionary != nullptr
          ? ZSTD_decompress_usingDDict(state.zstd.get(), out.data(), out.size(), body.data(),
                                       body.size(), dictionary->zstd())
          : ZSTD_decompressDCtx(state.zstd.get(), out.data(), out.size(), body.data(), body.size());
  return ZSTD_isError(written) == 0 && written == out.size();
}

std::span<uint8_t const> bytes_of(CompressionDictionary const* dictionary) {
  return dictionary != nullptr ? dictionary->bytes() : std::span<uint8_t const>();
}

bool decompress_body(CodecInput const& input, std::span<uint8_t> out,
                     CompressionDictionary const* dictionary, DecompressionContext::State& state) {
  switch (input.family) {
    case Family::kNone:
      if (!out.empty()) std::memcpy(out.data(), input.body.data(), out.size());
      return true;
    case Family::kSnappy:
      return snappy::RawUncompress(reinterpret_cast<char const*>(input.body.data()),
                                   input.body.size(), reinterpret_cast<char*>(out.data()));
    case Family::kZlib: return state.inflater().decompress(input.body, out, bytes_of(dictionary));
    case Family::kBzip2: return decompress_bzip2(input.body, out);
    case Family::kLz4: return decompress_lz4(input.body, out, bytes_of(dictionary));
    case Family::kZstd: return decompress_zstd(input.body, out, dictionary, state);
    case Family::kOther: return false;
  }
  return false;
}

}  // namespace

std::string compression_name(uint8_t type_byte) {
  switch (static_cast<Compression>(type_byte)) {
    case Compression::kNone: return "none";
    case Compression::kSnappy: return "snappy";
    case Compression::kZlib: return "zlib";
    case Compression::kBzip2: return "bzip2";
    case Compression::kLz4: return "lz4";
    case Compression::kLz4hc: return "lz4hc";
    case Compression::kXpress: return "xpress";
    case Compression::kZstd:
    case Compression::kZstdNotFinal: return "zstd";
  }
  return fmt::format("codec 0x{:02x}", type_byte);
}

bool compression_supported(uint8_t type_byte) { return family_of(type_byte) != Family::kOther; }

std::size_t uncompressed_size(uint8_t type_byte, std::span<uint8_t const> payload,
                              uint32_t format_version, BlockPlace const& place,
                              CompressionDictionary const* dictionary,
                              DecompressionContext& context) {
  CodecInput const input = split_payload(type_byte, payload, format_version, place);
  bool const is_trusted = input.family != Family::kBzip2 ||
                          input.uncompressed_bytes <= payload.size() * kBzip2RatioTrusted;
  if (input.uncompressed_bytes && is_trusted) return *input.uncompressed_bytes;
  std::optional<uint64_t> const bytes =
      input.family == Family::kZlib
          ? context.state().inflater().measure(input.body, bytes_of(dictionary), kBlockBytesMax)
          : measure_bzip2(input.body, kBlockBytesMax);
  if (input.uncompressed_bytes && bytes != input.uncompressed_bytes) {
    throw forged_size_error(type_byte, payload, *input.uncompressed_bytes, place);
  }
  if (!bytes) {
    throw corruption_error(
        place.file, place.offset,
        fmt::format("{} block that does not decompress", compression_name(type_byte)));
  }
  return *bytes;
}

void decompress(uint8_t type_byte, std::span<uint8_t const> payload, uint32_t format_version,
                std::span<uint8_t> out, BlockPlace const& place,
                CompressionDictionary const* dictionary, DecompressionContext& context) {
  CodecInput const input = split_payload(type_byte, payload, format_version, place);
  if (input.uncompressed_bytes.value_or(out.size()) != out.size() ||
      !decompress_body(input, out, dictionary, context.state())) {
    throw corruption_error(place.file, place.offset,
                           fmt::format("{} block does not decompress to {} bytes",
                                       compression_name(type_byte), out.size()));
  }
}

}  // namespace levelscan
