// Checksums of table blocks and log records.
//
//   block:  D = payload || compression type u8; the stored u32 after it is, by the footer's
//   checksum type,
//     0 none    0
//     1 crc32c  masked CRC-32C of D: rotate right by 15, add 0xa282ead8
//     2 xxh32   XXH32(D), seed 0
//     3 xxh64   low 32 bits of XXH64(D), seed 0
//     4 xxh3    low 32 bits of XXH3_64(payload), xor type * 0x6b9083d9
//   From format version 6 on the stored word is that plus checksum_context() of the block's offset,
//   so that a block in another's place is noticed. All modulo 2^32.
//
// Pure functions; thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "kernels/crc32c.hpp"  // crc32c_mask()

namespace levelscan {

enum class ChecksumType : uint8_t { kNone = 0, kCrc32c = 1, kXxh32 = 2, kXxh64 = 3, kXxh3 = 4 };

inline constexpr uint8_t kChecksumTypeMax = 4;

[[nodiscard]] std::string_view checksum_name(ChecksumType type);

// Checksum of a block whose type byte stands directly after its payload, as in the file.
// REQUIRES: payload_bytes + 1 bytes readable at `payload`.
[[nodiscard]] uint32_t block_checksum(ChecksumType type, uint8_t const* payload,
                                      std::size_t payload_bytes);

// The same for a payload and a type byte that stand apart.
[[nodiscard]] uint32_t block_checksum(ChecksumType type, std::span<uint8_t const> payload,
                                      uint8_t compression_type_byte);

// What is added to the checksum of the block at `offset` of a table whose footer has this `base`;
// 0 without one.
[[nodiscard]] constexpr uint32_t checksum_context(uint32_t base, uint64_t offset) {
  if (base == 0) return 0;
  return base ^ (static_cast<uint32_t>(offset) + static_cast<uint32_t>(offset >> 32));
}

// CRC-32C of bytes going on from `crc` (0 at the start), as RFC 3720 defines it: "123456789" gives
// 0xe3069283.
[[nodiscard]] uint32_t crc32c(std::span<uint8_t const> bytes, uint32_t crc = 0);

}  // namespace levelscan
