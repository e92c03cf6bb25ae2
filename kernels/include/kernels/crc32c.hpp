// CRC-32C (RFC 3720) in pieces: what several lanes make of neighbouring pieces is put together to
// the CRC of all their bytes.
//
// A state is the register of the shift: a CRC begins with kCrc32cBegin and ends inverted. It is a
// polynomial over GF(2), the highest power in the lowest bit. Going over n bytes more multiplies a
// state by x^(8n), modulo the polynomial, and adds what those bytes make of a state of zero.
#pragma once

#include <cstdint>

#include "kernels/portability.hpp"

namespace levelscan {

inline constexpr uint32_t kCrc32cBegin = UINT32_MAX;
inline constexpr uint32_t kCrc32cTableEntries = 256;

// `state` after one byte of zeros, eight divisions by x later.
LEVELSCAN_HOST_DEVICE inline uint32_t crc32c_table_entry(uint32_t state) {
  constexpr uint32_t kPolynomial = 0x82f63b78;
  for (uint32_t bit = 0; bit < 8; ++bit) {
    state = (state >> 1) ^ ((state & 1) != 0 ? kPolynomial : 0);
  }
  return state;
}

// `table`: of crc32c_table_entry() for [kCrc32cTableEntries] states.
LEVELSCAN_HOST_DEVICE inline uint32_t crc32c_next(uint32_t const* table, uint32_t state,
                                                  uint8_t byte) {
  return table[(state ^ byte) & 0xff] ^ (state >> 8);
}

// The product of two states.
LEVELSCAN_HOST_DEVICE inline uint32_t crc32c_multiply(uint32_t a, uint32_t b) {
  constexpr uint32_t kPolynomial = 0x82f63b78;
  uint32_t product = 0;
  for (uint32_t bit = 1U << 31; bit != 0; bit >>= 1) {
    product ^= (a & bit) != 0 ? b : 0;
    b = (b >> 1) ^ ((b & 1) != 0 ? kPolynomial : 0);
  }
  return product;
}

// x^(8 * bytes).
LEVELSCAN_HOST_DEVICE inline uint32_t crc32c_power(uint32_t bytes) {
  uint32_t power = 1U << 31;         // x^0
  uint32_t square = 1U << (31 - 8);  // x^8, then x^16, x^32, ...
  for (; bytes != 0; bytes >>= 1) {
    if ((bytes & 1) != 0) power = crc32c_multiply(power, square);
    square = crc32c_multiply(square, square);
  }
  return power;
}

// What files store in place of a CRC, because a CRC of bytes that hold CRCs is weak.
[[nodiscard]] LEVELSCAN_HOST_DEVICE constexpr uint32_t crc32c_mask(uint32_t crc) {
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8U;
}

}  // namespace levelscan
