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

#define LEVELSCAN_WIDE \
  __attribute__((target("avx512f,avx512bw,avx512vbmi,avx512vbmi2,bmi2,popcnt")))

bool const has_wide_instructions =
    __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
    __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vbmi2") &&
    __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt");

constexpr std::size_t kWideBytes = 64;
// A byte's text has four lanes here, so that a part of the bytes fills as many.
constexpr std::size_t kPartBytes = kWideBytes / 4;

template <class Lane>
using Lanes = std::array<Lane, kWideBytes / sizeof(Lane)>;

// Constants are loaded: compilers would build each of them anew in an integer register.
struct alignas(kWideBytes) WideConstants {
  Lanes<uint8_t> space = all(' ');
  Lanes<uint8_t> backslash = all('\\');
  Lanes<uint8_t> quote = all('"');
  Lanes<uint8_t> comma = all(',');
  Lanes<uint8_t> x = all('x');
  Lanes<uint8_t> printable_max = all('~' - ' ');
  Lanes<uint8_t> none = all(0x80);  // no character of any text
  Lanes<uint8_t> digits{};          // again and again: what is above a nibble doesn't matter
  Lanes<uint32_t> transposed{};     // four by four words

  constexpr WideConstants() {
    for (std::size_t i = 0; i < digits.size(); ++i)
      digits[i] = static_cast<uint8_t>(kHexDigits[i % 16]);
    for (uint32_t i = 0; i < transposed.size(); ++i) transposed[i] = i % 4 * 4 + i / 4;
  }

 private:
  static constexpr Lanes<uint8_t> all(uint8_t value) {
    Lanes<uint8_t> lanes{};
    lanes.fill(value);
    return lanes;
  }
};
constexpr WideConstants kWide;

template <class Lane>
LEVELSCAN_WIDE inline __m512i load(Lanes<Lane> const& lanes) {
  return _mm512_load_si512(lanes.data());
}

// Up to 64 bytes, spaces behind them.
struct WideBytes {
  __m512i bytes;
  __m512i transposed;  // and what is known of each, by its place there
  uint64_t escaped;
  uint64_t doubled;
  uint64_t asks_for_quotes;
};

template <TextKind kKind>
LEVELSCAN_WIDE inline WideBytes read_wide(uint8_t const* from, std::size_t size) {
  uint64_t const present = _bzhi_u64(~uint64_t{0}, static_cast<unsigned>(size));
  WideBytes wide;
  wide.bytes = _mm512_mask_loadu_epi8(load(kWide.space), present, from);
  wide.transposed = _mm512_permutexvar_epi32(load(kWide.transposed), wide.bytes);
  wide.escaped = _mm512_cmpgt_epu8_mask(_mm512_sub_epi8(wide.transposed, load(kWide.space)),
                                        load(kWide.printable_max));
  wide.doubled = _mm512_cmpeq_epi8_mask(wide.transposed, load(kWide.backslash));
  wide.asks_for_quotes = 0;
  if (kKind == TextKind::kCsv) {
    uint64_t const quotes = _mm512_cmpeq_epi8_mask(wide.transposed, load(kWide.quote));
    wide.doubled |= quotes;
    wide.asks_for_quotes = quotes | _mm512_cmpeq_epi8_mask(wide.transposed, load(kWide.comma));
  }
  return wide;
}

// Writes those of 64 lanes that hold a character.
LEVELSCAN_WIDE inline char* write_characters(__m512i lanes, char* to) {
  uint64_t const kept = _mm512_testn_epi8_mask(lanes, load(kWide.none));
  _mm512_storeu_si512(to, _mm512_maskz_compress_epi8(kept, lanes));
  return to + std::popcount(kept);
}

// Writes the first `size` of them, at least one. Each byte has four lanes for its text, where those
// that it doesn't need hold no character.
LEVELSCAN_WIDE inline char* write_wide(WideBytes const& wide, std::size_t size, char* to) {
  if ((wide.escaped | wide.doubled) == 0) {
    _mm512_storeu_si512(to, wide.bytes);
    return to + size;
  }
  __m512i const none = load(kWide.none);
  __m512i const digits = load(kWide.digits);
  __m512i const bytes = wide.transposed;
  __m512i const first = _mm512_mask_mov_epi8(bytes, wide.escaped, load(kWide.backslash));
  __m512i const second = _mm512_mask_mov_epi8(_mm512_mask_mov_epi8(none, wide.doubled, bytes),
                                              wide.escaped, load(kWide.x));
  __m512i const third =
      _mm512_mask_permutexvar_epi8(none, wide.escaped, _mm512_srli_epi16(bytes, 4), digits);
  __m512i const fourth = _mm512_mask_permutexvar_epi8(none, wide.escaped, bytes, digits);

  // Interleaved twice, they stand behind each other, of one word of each 16 bytes at a time: after
  // the transposition, of the first 16 bytes, the second, and so on.
  __m512i const low_12 = _mm512_unpacklo_epi8(first, second);
  __m512i const low_34 = _mm512_unpacklo_epi8(third, fourth);
  to = write_characters(_mm512_unpacklo_epi16(low_12, low_34), to);
  if (size <= kPartBytes) return to - (kPartBytes - size);  // the spaces behind them
  to = write_characters(_mm512_unpackhi_epi16(low_12, low_34), to);
  if (size <= 2 * kPartBytes) return to - (2 * kPartBytes - size);
  __m512i const high_12 = _mm512_unpackhi_epi8(first, second);
  __m512i const high_34 = _mm512_unpackhi_epi8(third, fourth);
  to = write_characters(_mm512_unpacklo_epi16(high_12, high_34), to);
  if (size <= 3 * kPartBytes) return to - (3 * kPartBytes - size);
  to = write_characters(_mm512_unpackhi_epi16(high_12, high_34), to);
  return to - (4 * kPartBytes - size);
}

template <TextKind kKind>
LEVELSCAN_WIDE inline char* write_wide(ByteSpan bytes, char* to) {
  for (std::size_t at = 0; at < bytes.size(); at += kWideBytes) {
    std::size_t const size = std::min(bytes.size() - at, kWideBytes);
    to = write_wide(read_wide<kKind>(&bytes[at], size), size, to);
  }
  return to;
}

// Quotes are written either way: whether they are needed is as good as random.
LEVELSCAN_WIDE char* write_csv_wide(ByteSpan bytes, char* to) {
  *to = '"';
  std::size_t quotes;
  if (bytes.size() <= kWideBytes) {
    WideBytes const wide = read_wide<TextKind::kCsv>(bytes.data(), bytes.size());
    quotes = wide.asks_for_quotes != 0 ? 1 : 0;
    to = write_wide(wide, bytes.size(), to + quotes);
  } else if (bytes.size() <= 2 * kWideBytes) {
    std::size_t const left = bytes.size() - kWideBytes;
    WideBytes const first = read_wide<TextKind::kCsv>(bytes.data(), kWideBytes);
    WideBytes const second = read_wide<TextKind::kCsv>(&bytes[kWideBytes], left);
    quotes = (first.asks_for_quotes | second.asks_for_quotes) != 0 ? 1 : 0;
    to = write_wide(first, kWideBytes, to + quotes);
    to = write_wide(second, left, to);
  } else {
    uint64_t asking = 0;
    for (std::size_t at = 0; at < bytes.size(); at += kWideBytes) {
      std::size_t const size = std::min(bytes.size() - at, kWideBytes);
      asking |= read_wide<TextKind::kCsv>(&bytes[at], size).asks_for_quotes;
    }
    quotes = asking != 0 ? 1 : 0;
    to = write_wide<TextKind::kCsv>(bytes, to + quotes);
  }
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
