#include "table/codec.hpp"

#include <fmt/core.h>
#include <lz4.h>
#include <snappy.h>
#include <zstd.h>

#include <cstring>
#include <limits>

#include "table/coding.hpp"
#include "table/refusal.hpp"

namespace levelscan {

struct DecompressionContext::State {
  struct ZstdDeleter {
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
  };
  std::unique_ptr<ZSTD_DCtx, ZstdDeleter> zstd;
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

enum class Family { kNone, kSnappy, kLz4, kZstd, kOther };

Family family_of(uint8_t type_byte) {
  switch (static_cast<Compression>(type_byte)) {
    case Compression::kNone: return Family::kNone;
    case Compression::kSnappy: return Family::kSnappy;
    case Compression::kLz4:
    case Compression::kLz4hc: return Family::kLz4;
    case Compression::kZstd:
    case Compression::kZstdNotFinal: return Family::kZstd;
    default: return Family::kOther;
  }
}

Error codec_error(uint8_t type_byte, BlockPlace const& place) {
  return unsupported_error({fmt::format("{} compression", compression_name(type_byte)),
                            std::string(place.file), place.offset,
                            "rewrite the table with snappy, lz4, zstd or no compression "
                            "(set the option and run a full compaction)"});
}

// The most bytes that `payload_bytes` of compressed input can stand for. Generous; keeps a forged
// size from allocating without end.
uint64_t uncompressed_bytes_max(Family family, uint64_t payload_bytes) {
  switch (family) {
    case Family::kNone: return payload_bytes;
    // A copy element of 3 bytes gives at most 64.
    case Family::kSnappy: return payload_bytes * 22 + 64;
    // A length byte gives at most 255.
    case Family::kLz4: return payload_bytes * 255 + 64;
    // A block of 4 bytes gives at most 128 KiB.
    case Family::kZstd: return (payload_bytes / 4 + 1) * (uint64_t{128} << 10);
    case Family::kOther: return 0;
  }
  return 0;
}

struct SizedPayload {
  std::size_t uncompressed_bytes = 0;
  std::span<uint8_t const> body;  // what the codec's own library is given
};

SizedPayload split_payload(Family family, uint8_t type_byte, std::span<uint8_t const> payload,
                           uint32_t format_version, BlockPlace const& place) {
  SizedPayload result{payload.size(), payload};
  if (family == Family::kNone) return result;
  if (family == Family::kSnappy) {
    if (!snappy::GetUncompressedLength(reinterpret_cast<char const*>(payload.data()),
                                       payload.size(), &result.uncompressed_bytes)) {
      throw corruption_error(place.file, place.offset, "snappy block without a valid size");
    }
  } else {
    if (format_version < 2) {
      throw unsupported_error({fmt::format("{} compression in format_version {}",
                                           compression_name(type_byte), format_version),
                               std::string(place.file), place.offset,
                               std::string(kReadWithRocksdbAdvice)});
    }
    uint32_t bytes = 0;
    uint8_t const* const end = payload.data() + payload.size();
    uint8_t const* const body = decode_varint32(payload.data(), end, bytes);
    if (body == nullptr) {
      throw corruption_error(
          place.file, place.offset,
          fmt::format("{} block without a valid uncompressed size", compression_name(type_byte)));
    }
    result.uncompressed_bytes = bytes;
    result.body = {body, end};
  }
  if (result.uncompressed_bytes > uncompressed_bytes_max(family, payload.size()) ||
      result.uncompressed_bytes > std::numeric_limits<uint32_t>::max()) {
    throw corruption_error(
        place.file, place.offset,
        fmt::format("{} block of {} bytes claims to hold {} bytes", compression_name(type_byte),
                    payload.size(), result.uncompressed_bytes));
  }
  return result;
}

bool decompress_lz4(std::span<uint8_t const> body, std::span<uint8_t> out) {
  constexpr auto kIntMax = static_cast<std::size_t>(std::numeric_limits<int>::max());
  if (body.size() > kIntMax || out.size() > kIntMax) return false;
  int const written = LZ4_decompress_safe(
      reinterpret_cast<char const*>(body.data()), reinterpret_cast<char*>(out.data()),
      static_cast<int>(body.size()), static_cast<int>(out.size()));
  return written >= 0 && static_cast<std::size_t>(written) == out.size();
}

bool decompress_zstd(std::span<uint8_t const> body, std::span<uint8_t> out,
                     DecompressionContext::State& state) {
  if (!state.zstd) {
    state.zstd.reset(ZSTD_createDCtx());
    if (!state.zstd) throw Error(ErrorCode::kDevice, "no memory for a zstd decompression context");
  }
  std::size_t const written =
      ZSTD_decompressDCtx(state.zstd.get(), out.data(), out.size(), body.data(), body.size());
  return ZSTD_isError(written) == 0 && written == out.size();
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
                              uint32_t format_version, BlockPlace const& place) {
  Family const family = family_of(type_byte);
  if (family == Family::kOther) throw codec_error(type_byte, place);
  return split_payload(family, type_byte, payload, format_version, place).uncompressed_bytes;
}

void decompress(uint8_t type_byte, std::span<uint8_t const> payload, uint32_t format_version,
                std::span<uint8_t> out, BlockPlace const& place, DecompressionContext& context) {
  Family const family = family_of(type_byte);
  if (family == Family::kOther) throw codec_error(type_byte, place);
  SizedPayload const sized = split_payload(family, type_byte, payload, format_version, place);
  bool good = sized.uncompressed_bytes == out.size();
  if (good && family == Family::kNone) {
    if (!out.empty()) std::memcpy(out.data(), payload.data(), out.size());
  } else if (good && family == Family::kSnappy) {
    good = snappy::RawUncompress(reinterpret_cast<char const*>(sized.body.data()),
                                 sized.body.size(), reinterpret_cast<char*>(out.data()));
  } else if (good && family == Family::kLz4) {
    good = decompress_lz4(sized.body, out);
  } else if (good) {
    good = decompress_zstd(sized.body, out, context.state());
  }
  if (!good) {
    throw corruption_error(place.file, place.offset,
                           fmt::format("{} block does not decompress to {} bytes",
                                       compression_name(type_byte), out.size()));
  }
}

}  // namespace levelscan
