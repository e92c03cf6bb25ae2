#include "table/checksum.hpp"

#define XXH_STATIC_LINKING_ONLY  // for states on the stack
#include <isa-l/crc.h>
#include <xxhash.h>
#if defined(__x86_64__) && __has_include(<xxh_x86dispatch.h>)
#include <xxh_x86dispatch.h>  // XXH3 with the widest vectors that this processor has: up to twice as fast
#endif

#include <algorithm>

#include "kernels/xxh3.hpp"  // kXxh3TypeFactor

namespace levelscan {
namespace {

uint32_t fold_xxh3(std::span<uint8_t const> payload, uint8_t type_byte) {
  auto const low = static_cast<uint32_t>(XXH3_64bits(payload.data(), payload.size()));
  return low ^ (type_byte * kXxh3TypeFactor);
}

}  // namespace

std::string_view checksum_name(ChecksumType type) {
  switch (type) {
    case ChecksumType::kNone: return "none";
    case ChecksumType::kCrc32c: return "crc32c";
    case ChecksumType::kXxh32: return "xxh32";
    case ChecksumType::kXxh64: return "xxh64";
    case ChecksumType::kXxh3: return "xxh3";
  }
  return "unknown";
}

uint32_t crc32c(std::span<uint8_t const> bytes, uint32_t crc) {
  // isa-l neither inverts its start value nor its result, and takes an int length.
  constexpr std::size_t kPieceBytesMax = std::size_t{1} << 30;
  uint32_t state = ~crc;
  while (!bytes.empty()) {
    std::size_t const piece_bytes = std::min(bytes.size(), kPieceBytesMax);
    // Its parameter lacks a const; the bytes are only read.
    state =
        crc32_iscsi(const_cast<unsigned char*>(bytes.data()), static_cast<int>(piece_bytes), state);
    bytes = bytes.subspan(piece_bytes);
  }
  return ~state;
}

uint32_t block_checksum(ChecksumType type, uint8_t const* payload, std::size_t payload_bytes) {
  std::size_t const covered_bytes = payload_bytes + 1;
  switch (type) {
    case ChecksumType::kNone: return 0;
    case ChecksumType::kCrc32c: return crc32c_mask(crc32c({payload, covered_bytes}));
    case ChecksumType::kXxh32: return XXH32(payload, covered_bytes, 0);
    case ChecksumType::kXxh64: return static_cast<uint32_t>(XXH64(payload, covered_bytes, 0));
    case ChecksumType::kXxh3: return fold_xxh3({payload, payload_bytes}, payload[payload_bytes]);
  }
  return 0;
}

uint32_t block_checksum(ChecksumType type, std::span<uint8_t const> payload,
                        uint8_t compression_type_byte) {
  switch (type) {
    case ChecksumType::kNone: return 0;
    case ChecksumType::kCrc32c: {
      uint32_t const crc = crc32c(payload);
      return crc32c_mask(crc32c({&compression_type_byte, 1}, crc));
    }
    case ChecksumType::kXxh32: {
      XXH32_state_t state;
      XXH32_reset(&state, 0);
      XXH32_update(&state, payload.data(), payload.size());
      XXH32_update(&state, &compression_type_byte, 1);
      return XXH32_digest(&state);
    }
    case ChecksumType::kXxh64: {
      XXH64_state_t state;
      XXH64_reset(&state, 0);
      XXH64_update(&state, payload.data(), payload.size());
      XXH64_update(&state, &compression_type_byte, 1);
      return static_cast<uint32_t>(XXH64_digest(&state));
    }
    case ChecksumType::kXxh3: return fold_xxh3(payload, compression_type_byte);
  }
  return 0;
}

}  // namespace levelscan
