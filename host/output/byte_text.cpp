#include "output/byte_text.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#if !defined(__clang__)  // g++ 12 reports its own intrinsics (PR 105593)
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#endif

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace levelscan {
namespace {

constexpr char kHexDigits[] = "0123456789abcdef";

// A byte as it is written: up to 6 characters from the lowest byte on, then how many they are, and
// at the top a bit for what asks for quotes in CSV. In one word, so that an entry is one load.
using ByteText = uint64_t;
constexpr unsigned kSizeShift = 48;
constexpr ByteText kNeedsQuotes = ByteText{1} << 63;
constexpr ByteText kOneCharacter = ByteText{1} << kSizeShift;
constexpr std::size_t size_of(ByteText text) { return (text >> kSizeShift) & 7; }
static_assert(std::endian::native == std::endian::little);

enum class TextKind { kEscaped, kCsv, kJson };

constexpr ByteText text_of_byte(TextKind kind, uint8_t byte) {
  ByteText text = 0;
  auto const append = [&text](char c) {
    text |= ByteText{static_cast<uint8_t>(c)} << (8 * size_of(text));
    text += kOneCharacter;
  };
  if (byte < 0x20 || byte > 0x7e || byte == '\\') {
    if (kind == TextKind::kJson) append('\\');
    append('\\');
    if (byte == '\\') {
      if (kind == TextKind::kJson) append('\\');
      append('\\');
    } else {
      append('x');
      append(kHexDigits[byte >> 4]);
      append(kHexDigits[byte & 15]);
    }
    return text;
  }
  if (byte == '"' && kind == TextKind::kCsv) append('"');
  if (byte == '"' && kind == TextKind::kJson) append('\\');
  append(static_cast<char>(byte));
  return byte == ',' || byte == '"' ? text | kNeedsQuotes : text;
}

using ByteTexts = std::array<ByteText, 256>;
template <TextKind kKind>
constexpr ByteTexts make_byte_texts() {
  ByteTexts texts{};
  for (std::size_t byte = 0; byte < 256; ++byte) {
    texts[byte] = text_of_byte(kKind, static_cast<uint8_t>(byte));
  }
  return texts;
}
template <TextKind kKind>
constexpr ByteTexts kByteTexts = make_byte_texts<kKind>();

constexpr uint64_t each_byte(uint8_t byte) { return 0x0101010101010101u * byte; }

// The high bit of each byte of `word` that equals `byte` is set; so may be those of bytes above
// such a one, whose high bits mean nothing then.
constexpr uint64_t equal_bytes(uint64_t word, uint8_t byte) {
  uint64_t const difference = word ^ each_byte(byte);
  return (difference - each_byte(1)) & ~difference & each_byte(0x80);
}

// Not 0: some of the eight bytes need an escape.
constexpr uint64_t escapes_in(uint64_t word) {
  uint64_t const below_space = (word - each_byte(0x20)) & ~word;
  uint64_t const above_tilde = word | (word + each_byte(1));
  return ((below_space | above_tilde) & each_byte(0x80)) | equal_bytes(word, '\\');
}
static_assert(escapes_in(each_byte('~')) == 0 && escapes_in(each_byte(' ')) == 0);
static_assert(escapes_in(each_byte('a') ^ 'a' ^ 0x7f) != 0 &&
              escapes_in(each_byte('a') ^ 'a') != 0);
static_assert(escapes_in(each_byte('~') ^ '~' ^ '\\') != 0);
static_assert(escapes_in(each_byte('~') ^ (uint64_t{'~' ^ 0x1f} << 56)) != 0);

// Whether eight bytes stand as they are.
template <TextKind kKind>
constexpr bool is_plain(uint64_t word) {
  uint64_t other = escapes_in(word);
  if (kKind != TextKind::kEscaped) other |= equal_bytes(word, '"');
  if (kKind == TextKind::kCsv) other |= equal_bytes(word, ',');
  return other == 0;
}

static_assert(sizeof(ByteText) <= kTextSlack - 2);
// Where eight bytes are not plain, those behind them are mostly not either.
constexpr std::size_t kBytesWithoutTest = 64;

// Writes bytes as they are where eight together are plain, and else from the table, which takes no
// branch on what they are.
template <TextKind kKind>
char* write_by_table(ByteSpan bytes, char* to, bool& needs_quotes) {
  uint8_t const* from = bytes.data();
  uint8_t const* const end = from + bytes.size();
  ByteText all = 0;
  while (from != end) {
    std::size_t const left = static_cast<std::size_t>(end - from);
    if (left >= sizeof(uint64_t)) {
      uint64_t word;
      std::memcpy(&word, from, sizeof word);
      if (is_plain<kKind>(word)) {
        std::memcpy(to, &word, sizeof word);
        from += sizeof word;
        to += sizeof word;
        continue;
      }
    }
    uint8_t const* const stop = from + std::min(left, kBytesWithoutTest);
    for (; from != stop; ++from) {
      ByteText const text = kByteTexts<kKind>[*from];
      std::memcpy(to, &text, sizeof text);
      to += size_of(text);
      all |= text;
    }
  }
  needs_quotes = (all & kNeedsQuotes) != 0;
  return to;
}

#if defined(__x86_64__)

#define LEVELSCAN_WIDE __attribute__((target("avx512f,avx512bw,avx512vbmi,avx512vbmi2,popcnt")))

bool const has_wide_instructions =
    __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
    __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vbmi2") &&
    __builtin_cpu_supports("popcnt");

constexpr std::size_t kWideBytes = 64;
// A byte's text has four lanes here, so that a part of the bytes fills as many.
constexpr std::size_t kPartBytes = kWideBytes / 4;

using Lanes = std::array<uint8_t, kWideBytes>;

// [part] which byte each lane is of.
constexpr std::array<Lanes, kWideBytes / kPartBytes> kByteOfLane = [] {
  std::array<Lanes, kWideBytes / kPartBytes> lanes{};
  for (std::size_t part = 0; part < lanes.size(); ++part) {
    for (std::size_t i = 0; i < kWideBytes; ++i) {
      lanes[part][i] = static_cast<uint8_t>(part * kPartBytes + i / 4);
    }
  }
  return lanes;
}();

// From which bit on of the eight lanes around it each lane takes eight: where each byte fills four
// lanes, the third one's low half is then the byte's high half.
constexpr Lanes kNibbleShifts = [] {
  Lanes shifts{};
  for (std::size_t i = 0; i < kWideBytes; ++i) {
    shifts[i] = static_cast<uint8_t>((i / 4) % 2 * 32 + (i % 4 == 2 ? 4 : 0));
  }
  return shifts;
}();

LEVELSCAN_WIDE inline __m512i load_lanes(Lanes const& lanes) {
  return _mm512_loadu_si512(lanes.data());
}

LEVELSCAN_WIDE inline uint64_t first_bits(std::size_t count) {
  return count >= kWideBytes ? ~uint64_t{0} : (uint64_t{1} << count) - 1;
}

LEVELSCAN_WIDE inline __m512i load_wide(uint8_t const* from, std::size_t size) {
  return _mm512_maskz_loadu_epi8(first_bits(size), from);
}

// Writes the first `size` of up to 64 bytes. Each fills four lanes with the characters of its
// escape or with itself; the first of them, as many as belong to its text, are moved together.
template <TextKind kKind>
LEVELSCAN_WIDE inline char* write_wide(__m512i bytes, std::size_t size, char* to) {
  uint64_t const present = first_bits(size);
  uint64_t const escaped = _mm512_mask_cmpgt_epu8_mask(
      present, _mm512_sub_epi8(bytes, _mm512_set1_epi8(0x20)), _mm512_set1_epi8(0x7e - 0x20));
  uint64_t doubled = _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8('\\'));
  if (kKind == TextKind::kCsv) doubled |= _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8('"'));
  if ((escaped | doubled) == 0) {
    _mm512_storeu_si512(to, bytes);
    return to + size;
  }
  __m512i const escape_size = _mm512_set1_epi8(4);
  __m512i sizes = _mm512_maskz_set1_epi8(present, 1);
  sizes = _mm512_mask_set1_epi8(sizes, doubled, 2);
  sizes = _mm512_mask_mov_epi8(sizes, escaped, escape_size);
  __m512i const digits =
      _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<__m128i const*>(kHexDigits)));
  __m512i const place_in_text = _mm512_set1_epi32(0x03020100);
  for (std::size_t part = 0; part * kPartBytes < size; ++part) {
    __m512i const byte_of_lane = load_lanes(kByteOfLane[part]);
    __m512i const copies = _mm512_permutexvar_epi8(byte_of_lane, bytes);
    __m512i const size_of_text = _mm512_permutexvar_epi8(byte_of_lane, sizes);
    __m512i const nibbles = _mm512_multishift_epi64_epi8(load_lanes(kNibbleShifts), copies);
    // The digits repeat every 16 lanes, so that what is above a nibble doesn't matter.
    __m512i const escapes =
        _mm512_mask_mov_epi8(_mm512_permutexvar_epi8(nibbles, digits), 0x3333333333333333,
                             _mm512_set1_epi32('\\' | 'x' << 8));
    __m512i const characters =
        _mm512_mask_mov_epi8(copies, _mm512_cmpeq_epi8_mask(size_of_text, escape_size), escapes);
    uint64_t const kept = _mm512_cmpgt_epu8_mask(size_of_text, place_in_text);
    _mm512_storeu_si512(to, _mm512_maskz_compress_epi8(kept, characters));
    to += std::popcount(kept);
  }
  return to;
}

template <TextKind kKind>
LEVELSCAN_WIDE inline char* write_wide(ByteSpan bytes, char* to) {
  for (std::size_t at = 0; at < bytes.size(); at += kWideBytes) {
    std::size_t const left = bytes.size() - at;
    to = write_wide<kKind>(load_wide(&bytes[at], left), std::min(left, kWideBytes), to);
  }
  return to;
}

// Not 0: there is a byte that asks for quotes.
LEVELSCAN_WIDE inline uint64_t ask_for_quotes(__m512i bytes) {
  return _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(',')) |
         _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8('"'));
}

LEVELSCAN_WIDE char* write_csv_wide(ByteSpan bytes, char* to) {
  uint64_t asking = 0;
  for (std::size_t at = 0; at < bytes.size(); at += kWideBytes) {
    asking |= ask_for_quotes(load_wide(&bytes[at], bytes.size() - at));
  }
  // Quotes are written either way: whether they are needed is as good as random.
  std::size_t const quotes = asking != 0 ? 1 : 0;
  *to = '"';
  to = write_wide<TextKind::kCsv>(bytes, to + quotes);
  *to = '"';
  return to + quotes;
}

LEVELSCAN_WIDE char* write_escaped_wide(ByteSpan bytes, char* to) {
  return write_wide<TextKind::kEscaped>(bytes, to);
}

#endif

}  // namespace

char* write_escaped_by_table(ByteSpan bytes, char* to) {
  bool ignored;
  return write_by_table<TextKind::kEscaped>(bytes, to, ignored);
}

// Mostly no quotes are needed; where they are, what is written moves into them.
char* write_csv_by_table(ByteSpan bytes, char* to) {
  bool needs_quotes;
  char* const end = write_by_table<TextKind::kCsv>(bytes, to, needs_quotes);
  if (!needs_quotes) return end;
  std::memmove(to + 1, to, static_cast<std::size_t>(end - to));
  *to = '"';
  end[1] = '"';
  return end + 2;
}

char* write_hex(ByteSpan bytes, char* to) {
  for (uint8_t const byte : bytes) {
    *to++ = kHexDigits[byte >> 4];
    *to++ = kHexDigits[byte & 15];
  }
  return to;
}

char* write_json(ByteSpan bytes, char* to) {
  bool ignored;
  return write_by_table<TextKind::kJson>(bytes, to, ignored);
}

#if defined(__x86_64__)

char* write_escaped(ByteSpan bytes, char* to) {
  return has_wide_instructions ? write_escaped_wide(bytes, to) : write_escaped_by_table(bytes, to);
}

char* write_csv(ByteSpan bytes, char* to) {
  return has_wide_instructions ? write_csv_wide(bytes, to) : write_csv_by_table(bytes, to);
}

#else

char* write_escaped(ByteSpan bytes, char* to) { return write_escaped_by_table(bytes, to); }
char* write_csv(ByteSpan bytes, char* to) { return write_csv_by_table(bytes, to); }

#endif

}  // namespace levelscan
