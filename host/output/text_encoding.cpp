#include "output/text_encoding.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
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

// Escapes are a backslash and what is behind it. Within quotes, a quote has a second one before it
// in CSV and a backslash in JSON, where the escape's own backslash is escaped too.
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

constexpr std::size_t kByteTextMax = 5;
// Characters beyond the last one that a write may touch.
constexpr std::size_t kWriteSlack = sizeof(ByteText);
// Where eight bytes are not plain, those behind them are mostly not either.
constexpr std::size_t kBytesWithoutTest = 64;

// Writes bytes as they are where eight together are plain, and else from the table, which takes no
// branch on what they are. Returns where it ended.
template <TextKind kKind>
char* write_bytes(ByteSpan bytes, char* to, bool& needs_quotes) {
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

// Appends at most `bytes_max` characters that `write(from)` produces; it returns where it ended.
template <class Write>
void append_written(std::size_t bytes_max, std::string& text, Write const& write) {
  std::size_t const begin = text.size();
  text.resize(begin + bytes_max + kWriteSlack);
  char* const end = write(text.data() + begin);
  text.resize(static_cast<std::size_t>(end - text.data()));
}

template <class Float>
void append_shortest(Float value, std::string& text) {
  std::size_t const begin = text.size();
  fmt::format_to(std::back_inserter(text), "{}", value);
  if (text.find_first_of(".e", begin) == text.npos) text += ".0";
}

}  // namespace

void append_hex(ByteSpan bytes, std::string& text) {
  append_written(bytes.size() * 2, text, [&](char* to) {
    for (uint8_t const byte : bytes) {
      *to++ = kHexDigits[byte >> 4];
      *to++ = kHexDigits[byte & 15];
    }
    return to;
  });
}

void append_escaped(ByteSpan bytes, std::string& text) {
  append_written(bytes.size() * kByteTextMax, text, [&](char* to) {
    bool ignored;
    return write_bytes<TextKind::kEscaped>(bytes, to, ignored);
  });
}

void append_csv_bytes(ByteSpan bytes, BytesStyle style, std::string& text) {
  if (bytes.empty()) {
    text += "\"\"";
    return;
  }
  if (style == BytesStyle::kHex) {
    append_hex(bytes, text);
    return;
  }
  // Mostly no quotes are needed; where they are, what is written moves into them.
  append_written(bytes.size() * kByteTextMax + 2, text, [&](char* to) {
    bool needs_quotes;
    char* const end = write_bytes<TextKind::kCsv>(bytes, to, needs_quotes);
    if (!needs_quotes) return end;
    std::memmove(to + 1, to, static_cast<std::size_t>(end - to));
    *to = '"';
    end[1] = '"';
    return end + 2;
  });
}

void append_json_bytes(ByteSpan bytes, BytesStyle style, std::string& text) {
  text += '"';
  if (style == BytesStyle::kHex) {
    append_hex(bytes, text);
  } else {
    append_written(bytes.size() * kByteTextMax, text, [&](char* to) {
      bool ignored;
      return write_bytes<TextKind::kJson>(bytes, to, ignored);
    });
  }
  text += '"';
}

void append_json_text(std::string_view value, std::string& text) {
  text += '"';
  for (char const c : value) {
    if (c == '"' || c == '\\') {
      text += '\\';
      text += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      fmt::format_to(std::back_inserter(text), "\\u{:04x}", static_cast<unsigned>(c));
    } else {
      text += c;
    }
  }
  text += '"';
}

void append_csv_text(std::string_view value, std::string& text) {
  if (!value.empty() && value.find_first_of(",\"\r\n") == value.npos) {
    text += value;
    return;
  }
  text += '"';
  for (char const c : value) {
    if (c == '"') text += '"';
    text += c;
  }
  text += '"';
}

void append_integer(uint64_t bits, bool negative, std::string& text) {
  fmt::format_int const digits =
      negative ? fmt::format_int(static_cast<int64_t>(bits)) : fmt::format_int(bits);
  text.append(digits.data(), digits.size());
}

void append_integer(Int128 value, std::string& text) {
  fmt::format_to(std::back_inserter(text), "{}", value);
}

void append_float(double value, std::string& text) { append_shortest(value, text); }
void append_float(float value, std::string& text) { append_shortest(value, text); }

std::string_view nonfinite_name(double value) {
  return std::isnan(value) ? "nan" : value < 0 ? "-inf" : "inf";
}

}  // namespace levelscan
