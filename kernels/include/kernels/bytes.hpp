// Views of bytes and unaligned little- and big-endian loads, for host and device alike.
// Views own nothing; whoever hands one out says how long it lives.
#pragma once

#include <cstdint>
#include <cstring>

#include "kernels/portability.hpp"

namespace levelscan {

// A view of `size` bytes at `data`.
struct Bytes {
  uint8_t const* data;
  uint32_t size;
};

template <class Integer>
LEVELSCAN_HOST_DEVICE inline Integer load_unaligned(uint8_t const* from) {
#if defined(__CUDA_ARCH__)
  // A misaligned word is a fault on the device, so the bytes are gathered one at a time.
  Integer value = 0;
  for (uint32_t i = 0; i < sizeof(Integer); ++i) {
    value = static_cast<Integer>(value | (static_cast<Integer>(from[i]) << (8 * i)));
  }
  return value;
#else
  Integer value;
  std::memcpy(&value, from, sizeof value);  // the host is little-endian: asserted where it starts
  return value;
#endif
}

// Eight bytes, little-endian, from the aligned words that hold them: one or two loads where
// load_unaligned() takes eight on a device. REQUIRES: those words are readable whole.
LEVELSCAN_HOST_DEVICE inline uint64_t load_from_aligned_words(uint8_t const* from) {
  uint32_t const shift = static_cast<uint32_t>(reinterpret_cast<std::uintptr_t>(from) % 8) * 8;
  auto const* const words = reinterpret_cast<uint64_t const*>(from - shift / 8);
  return shift == 0 ? words[0] : words[0] >> shift | words[1] << (64 - shift);
}

// The way to load a word of many. REQUIRES: as above.
LEVELSCAN_HOST_DEVICE inline uint64_t load_word(uint8_t const* from) {
#if defined(__CUDA_ARCH__)
  return load_from_aligned_words(from);
#else
  return load_unaligned<uint64_t>(from);
#endif
}

// Big-endian, up to eight bytes: as an integer its order is the order of the bytes.
LEVELSCAN_HOST_DEVICE inline uint64_t load_big_endian(uint8_t const* from, uint32_t count) {
#if !defined(__CUDA_ARCH__)
  if (count == 8) return __builtin_bswap64(load_unaligned<uint64_t>(from));
#endif
  uint64_t value = 0;
  for (uint32_t i = 0; i < count; ++i) value = (value << 8) | from[i];
  return value;
}

// The first eight bytes, zero-padded, as an integer whose order is theirs.
LEVELSCAN_HOST_DEVICE inline uint64_t key_prefix_of(Bytes key) {
  uint32_t const count = key.size < 8 ? key.size : 8;
  return count == 0 ? 0 : load_big_endian(key.data, count) << (8 * (8 - count));
}

// The first `count` bytes of a prefix, up to eight.
LEVELSCAN_HOST_DEVICE inline uint64_t first_bytes(uint64_t prefix, uint32_t count) {
  return prefix & ~((UINT64_MAX >> (4 * count)) >> (4 * count));  // a shift by 64 isn't one
}

// The length of the common prefix of two byte strings, at most `limit`, which both have.
LEVELSCAN_HOST_DEVICE inline uint32_t common_prefix(uint8_t const* a, uint8_t const* b,
                                                    uint32_t limit) {
  uint32_t i = 0;
#if !defined(__CUDA_ARCH__)
  for (; i + 8 <= limit; i += 8) {
    uint64_t const difference = load_unaligned<uint64_t>(a + i) ^ load_unaligned<uint64_t>(b + i);
    if (difference != 0) return i + static_cast<uint32_t>(__builtin_ctzll(difference)) / 8;
  }
#endif
  while (i < limit && a[i] == b[i]) ++i;
  return i;
}

// Copies a few bytes. REQUIRES: they don't overlap.
LEVELSCAN_HOST_DEVICE LEVELSCAN_INLINE void copy_short(uint8_t* to, uint8_t const* from,
                                                       uint32_t count) {
#if !defined(__CUDA_ARCH__)
  // Two words that may overlap cover 8 to 16 bytes, two of twice the size as many again.
  if (count > 16) {
    if (count > 32) {
      std::memcpy(to, from, count);
      return;
    }
    struct TwoWords {
      uint64_t words[2];
    };
    TwoWords const first = load_unaligned<TwoWords>(from);
    TwoWords const last = load_unaligned<TwoWords>(from + count - sizeof last);
    std::memcpy(to, &first, sizeof first);
    std::memcpy(to + count - sizeof last, &last, sizeof last);
    return;
  }
  if (count >= 8) {
    uint64_t const first = load_unaligned<uint64_t>(from);
    uint64_t const last = load_unaligned<uint64_t>(from + count - 8);
    std::memcpy(to, &first, sizeof first);
    std::memcpy(to + count - 8, &last, sizeof last);
    return;
  }
#endif
  for (uint32_t i = 0; i < count; ++i) to[i] = from[i];
}

// Bytewise order: negative, zero or positive; a proper prefix comes first.
LEVELSCAN_HOST_DEVICE inline int compare_bytes(Bytes a, Bytes b) {
  uint32_t const limit = a.size < b.size ? a.size : b.size;
  uint32_t const common = common_prefix(a.data, b.data, limit);
  if (common < limit) return a.data[common] < b.data[common] ? -1 : 1;
  return a.size == b.size ? 0 : a.size < b.size ? -1 : 1;
}

}  // namespace levelscan
