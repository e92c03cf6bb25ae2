// XXH3, 64 bits wide, without a seed and with the default secret, as xxHash's specification
// (version 0.2) defines it. More than kXxh3ShortMax bytes are hashed by kXxh3Lanes accumulators
// that know nothing of each other, so that each can be a lane's.
#pragma once

#include <cstdint>

#include "kernels/bytes.hpp"
#include "kernels/portability.hpp"

namespace levelscan {

inline constexpr uint32_t kXxh3ShortMax = 240;
inline constexpr uint32_t kXxh3Lanes = 8;
inline constexpr uint32_t kXxh3SecretWords = 24;
inline constexpr uint32_t kXxh3StripeBytes = 8 * kXxh3Lanes;

// The words of the secret.
LEVELSCAN_HOST_DEVICE inline uint64_t xxh3_secret_word(uint32_t word) {
  switch (word) {
    case 0: return 0xbe4ba423396cfeb8;
    case 1: return 0x1cad21f72c81017c;
    case 2: return 0xdb979083e96dd4de;
    case 3: return 0x1f67b3b7a4a44072;
    case 4: return 0x78e5c0cc4ee679cb;
    case 5: return 0x2172ffcc7dd05a82;
    case 6: return 0x8e2443f7744608b8;
    case 7: return 0x4c263a81e69035e0;
    case 8: return 0xcb00c391bb52283c;
    case 9: return 0xa32e531b8b65d088;
    case 10: return 0x4ef90da297486471;
    case 11: return 0xd8acdea946ef1938;
    case 12: return 0x3f349ce33f76faa8;
    case 13: return 0x1d4f0bc7c7bbdcf9;
    case 14: return 0x3159b4cd4be0518a;
    case 15: return 0x647378d9c97e9fc8;
    case 16: return 0xc3ebd33483acc5ea;
    case 17: return 0xeb6313faffa081c5;
    case 18: return 0x49daf0b751dd0d17;
    case 19: return 0x9e68d429265516d3;
    case 20: return 0xfca1477d58be162b;
    case 21: return 0xce31d07ad1b8f88f;
    case 22: return 0x280416958f3acb45;
    default: return 0x7e404bbbcafbd7af;
  }
}

// RocksDB folds a block's type byte, times this, into the XXH3 of its payload, so that the payload
// is hashed by itself (table/format.cc).
inline constexpr uint32_t kXxh3TypeFactor = 0x6b9083d9;

namespace xxh3 {

inline constexpr uint64_t kPrime32_1 = 0x9e3779b1;
inline constexpr uint64_t kPrime32_2 = 0x85ebca77;
inline constexpr uint64_t kPrime32_3 = 0xc2b2ae3d;
inline constexpr uint64_t kPrime64_1 = 0x9e3779b185ebca87;
inline constexpr uint64_t kPrime64_2 = 0xc2b2ae3d27d4eb4f;
inline constexpr uint64_t kPrime64_3 = 0x165667b19e3779f9;
inline constexpr uint64_t kPrime64_4 = 0x85ebca77c2b2ae63;
inline constexpr uint64_t kPrime64_5 = 0x27d4eb2f165667c5;
inline constexpr uint64_t kPrimeMx1 = 0x165667919e3779f9;
inline constexpr uint64_t kPrimeMx2 = 0x9fb21c651e98df25;

// Eight bytes of the secret, from any byte on.
LEVELSCAN_HOST_DEVICE inline uint64_t secret_at(uint64_t const* secret, uint32_t byte) {
  uint64_t const word = secret[byte / 8];
  uint32_t const shift = byte % 8 * 8;
  return shift == 0 ? word : word >> shift | secret[byte / 8 + 1] << (64 - shift);
}

// The halves of the product of 128 bits, one xor the other.
LEVELSCAN_HOST_DEVICE inline uint64_t fold_product(uint64_t a, uint64_t b) {
  uint64_t const a_low = a & UINT32_MAX;
  uint64_t const a_high = a >> 32;
  uint64_t const b_low = b & UINT32_MAX;
  uint64_t const b_high = b >> 32;
  uint64_t const low = a_low * b_low;
  uint64_t const cross = a_high * b_low + (low >> 32);  // at most 2^64 - 2^32
  uint64_t const other = a_low * b_high + (cross & UINT32_MAX);
  uint64_t const high = a_high * b_high + (cross >> 32) + (other >> 32);
  return high ^ (other << 32 | (low & UINT32_MAX));
}

LEVELSCAN_HOST_DEVICE inline uint64_t rotate_left(uint64_t word, uint32_t bits) {
  return word << bits | word >> (64 - bits);
}

LEVELSCAN_HOST_DEVICE inline uint64_t swap_bytes(uint64_t word) {
  word = (word & 0x00ff00ff00ff00ff) << 8 | (word >> 8 & 0x00ff00ff00ff00ff);
  word = (word & 0x0000ffff0000ffff) << 16 | (word >> 16 & 0x0000ffff0000ffff);
  return word << 32 | word >> 32;
}

LEVELSCAN_HOST_DEVICE inline uint64_t avalanche(uint64_t hash) {
  hash = (hash ^ hash >> 37) * kPrimeMx1;
  return hash ^ hash >> 32;
}

LEVELSCAN_HOST_DEVICE inline uint64_t strong_avalanche(uint64_t hash) {
  hash = (hash ^ hash >> 33) * kPrime64_2;
  hash = (hash ^ hash >> 29) * kPrime64_3;
  return hash ^ hash >> 32;
}

LEVELSCAN_HOST_DEVICE inline uint64_t mix16(uint8_t const* bytes, uint64_t const* secret,
                                            uint32_t secret_byte) {
  return fold_product(load_unaligned<uint64_t>(bytes) ^ secret_at(secret, secret_byte),
                      load_unaligned<uint64_t>(bytes + 8) ^ secret_at(secret, secret_byte + 8));
}

LEVELSCAN_HOST_DEVICE inline uint64_t hash_up_to_16(Bytes bytes, uint64_t const* secret) {
  uint32_t const size = bytes.size;
  if (size == 0) return strong_avalanche(secret[7] ^ secret[8]);
  if (size < 4) {
    uint64_t const word = uint32_t{bytes.data[0]} << 16 | uint32_t{bytes.data[size / 2]} << 24 |
                          uint32_t{bytes.data[size - 1]} | size << 8;
    return strong_avalanche(word ^ ((secret[0] ^ secret[0] >> 32) & UINT32_MAX));
  }
  if (size <= 8) {
    uint64_t const first = load_unaligned<uint32_t>(bytes.data);
    uint64_t const last = load_unaligned<uint32_t>(bytes.data + size - 4);
    uint64_t hash = (last + (first << 32)) ^ secret[1] ^ secret[2];
    hash = (hash ^ rotate_left(hash, 49) ^ rotate_left(hash, 24)) * kPrimeMx2;
    hash = (hash ^ ((hash >> 35) + size)) * kPrimeMx2;
    return hash ^ hash >> 28;
  }
  uint64_t const low = load_unaligned<uint64_t>(bytes.data) ^ secret[3] ^ secret[4];
  uint64_t const high = load_unaligned<uint64_t>(bytes.data + size - 8) ^ secret[5] ^ secret[6];
  return avalanche(size + swap_bytes(low) + high + fold_product(low, high));
}

}  // namespace xxh3

// `secret`: [kXxh3SecretWords], as xxh3_secret_word() says. REQUIRES: bytes.size <= kXxh3ShortMax.
LEVELSCAN_HOST_DEVICE inline uint64_t xxh3_short(Bytes bytes, uint64_t const* secret) {
  uint32_t const size = bytes.size;
  if (size <= 16) return xxh3::hash_up_to_16(bytes, secret);
  uint64_t hash = size * xxh3::kPrime64_1;
  if (size <= 128) {
    for (uint32_t i = (size - 1) / 32 + 1; i-- > 0;) {
      hash += xxh3::mix16(bytes.data + 16 * i, secret, 32 * i);
      hash += xxh3::mix16(bytes.data + size - 16 * (i + 1), secret, 32 * i + 16);
    }
    return xxh3::avalanche(hash);
  }
  for (uint32_t i = 0; i < 8; ++i) hash += xxh3::mix16(bytes.data + 16 * i, secret, 16 * i);
  hash = xxh3::avalanche(hash);
  for (uint32_t i = 8; i < size / 16; ++i) {
    hash += xxh3::mix16(bytes.data + 16 * i, secret, 16 * (i - 8) + 3);
  }
  hash += xxh3::mix16(bytes.data + size - 16, secret, 8 * 17 - 17);
  return xxh3::avalanche(hash);
}

// One of the accumulators of `bytes`. REQUIRES: bytes.size > kXxh3ShortMax, and that the aligned
// words are readable that hold the first and the last of them.
LEVELSCAN_HOST_DEVICE inline uint64_t xxh3_lane(Bytes bytes, uint64_t const* secret,
                                                uint32_t lane) {
  constexpr uint32_t kBlockStripes = kXxh3SecretWords - kXxh3Lanes;
  uint64_t accumulator = xxh3::kPrime32_1;
  switch (lane) {
    case 0: accumulator = xxh3::kPrime32_3; break;
    case 1: accumulator = xxh3::kPrime64_1; break;
    case 2: accumulator = xxh3::kPrime64_2; break;
    case 3: accumulator = xxh3::kPrime64_3; break;
    case 4: accumulator = xxh3::kPrime64_4; break;
    case 5: accumulator = xxh3::kPrime32_2; break;
    case 6: accumulator = xxh3::kPrime64_5; break;
    default: break;
  }
  auto const accumulate = [&](uint8_t const* stripe, uint64_t key_word) {
    uint64_t const key = load_word(stripe + 8 * lane) ^ key_word;
    accumulator += load_word(stripe + 8 * (lane ^ 1)) + (key & UINT32_MAX) * (key >> 32);
  };
  // A stripe stands apart, at the end: it may overlap the one before.
  uint32_t const stripes = (bytes.size - 1) / kXxh3StripeBytes;
  uint32_t stripe_in_block = 0;
  for (uint32_t i = 0; i < stripes; ++i) {
    accumulate(bytes.data + std::size_t{i} * kXxh3StripeBytes, secret[stripe_in_block + lane]);
    if (++stripe_in_block == kBlockStripes) {
      stripe_in_block = 0;
      accumulator ^= accumulator >> 47 ^ secret[kBlockStripes + lane];
      accumulator *= xxh3::kPrime32_1;
    }
  }
  accumulate(bytes.data + bytes.size - kXxh3StripeBytes,
             xxh3::secret_at(secret, 8 * kBlockStripes - 7 + 8 * lane));
  return accumulator;
}

// The hash of `size` bytes from their accumulators, [kXxh3Lanes].
LEVELSCAN_HOST_DEVICE inline uint64_t xxh3_of_lanes(uint64_t const* accumulators, uint32_t size,
                                                    uint64_t const* secret) {
  uint64_t hash = size * xxh3::kPrime64_1;
  for (uint32_t i = 0; i < kXxh3Lanes; i += 2) {
    hash += xxh3::fold_product(accumulators[i] ^ xxh3::secret_at(secret, 11 + 8 * i),
                               accumulators[i + 1] ^ xxh3::secret_at(secret, 19 + 8 * i));
  }
  return xxh3::avalanche(hash);
}

}  // namespace levelscan
