#include "output/text_encoding.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <cstring>

namespace levelscan {
namespace {

constexpr char kHexDigits[] = "0123456789abcdef";

// What a byte asks for.
constexpr uint8_t kNeedsEscape = 1;  // in any text
constexpr uint8_t kNeedsQuotes = 2;  // in CSV

constexpr std::array<uint8_t, 256> make_byte_needs() {
  std::array<uint8_t, 256> needs{};
  for (std::size_t byte = 0; byte < 256; ++byte) {
    if (byte < 0x20 || byte > 0x7e || byte == '\\') needs[byte] |= kNeedsEscape;
    if (byte == ',' || byte == '"') needs[byte] |= kNeedsQuotes;
  }
  return needs;
}
constexpr std::array<uint8_t, 256> kByteNeeds = make_byte_needs();

constexpr uint64_t each_byte(uint8_t byte) { return 0x0101010101010101u * byte; }

// The high bit of each byte of `word` that equals `byte` is set; so may be those of bytes above
// such a one, whose high bits mean nothing then.
constexpr uint64_t equal_bytes(uint64_t word, uint8_t byte) {
  uint64_t const difference = word ^ each_byte(byte);
  return (difference - each_byte(1)) & ~difference & each_byte(0x80);
}

// Not 0: some of the eight bytes need kNeedsEscape.
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

// Writes bytes as they are where eight together are `plain`, and else one by one with
// write_byte(byte, to), which returns where it ended.
template <class Plain, class WriteByte>
char* write_words(ByteSpan bytes, char* to, Plain const& plain, WriteByte const& write_byte) {
  uint8_t const* from = bytes.data();
  uint8_t const* const end = from + bytes.size();
  for (; end - from >= 8; from += 8) {
    uint64_t word;
    std::memcpy(&word, from, sizeof word);
    if (plain(word)) {
      std::memcpy(to, &word, sizeof word);
      to += 8;
    } else {
      for (int i = 0; i < 8; ++i) to = write_byte(from[i], to);
    }
  }
  for (; from != end; ++from) to = write_byte(*from, to);
  return to;
}

// A backslash, and what is behind it.
char* write_escape(uint8_t byte, char* to) {
  to[0] = '\\';
  if (byte == '\\') {
    to[1] = '\\';
    return to + 2;
  }
  to[1] = 'x';
  to[2] = kHexDigits[byte >> 4];
  to[3] = kHexDigits[byte & 15];
  return to + 4;
}

// Four times as many characters at most. `needs`: gets what the bytes need beyond escapes.
char* write_escaped(ByteSpan bytes, char* to, uint8_t& needs) {
  return write_words(
      bytes, to,
      [&](uint64_t word) {
        return (escapes_in(word) | equal_bytes(word, ',') | equal_bytes(word, '"')) == 0;
      },
      [&](uint8_t byte, char* at) {
        needs = static_cast<uint8_t>(needs | kByteNeeds[byte]);
        if ((kByteNeeds[byte] & kNeedsEscape) != 0) return write_escape(byte, at);
        *at = static_cast<char>(byte);
        return at + 1;
      });
}

// Appends at most `bytes_max` characters that `write(from)` produces; it returns where it ended.
template <class Write>
void append_written(std::size_t bytes_max, std::string& text, Write const& write) {
  std::size_t const begin = text.size();
  text.resize(begin + bytes_max);
  char* const end = write(text.data() + begin);
  text.resize(static_cast<std::size_t>(end - text.data()));
}

// Before a double quote stands a second one in CSV, a backslash in JSON. In JSON the escape's own
// backslash is escaped too.
template <bool kIsJson>
void append_escaped_within_quotes(ByteSpan bytes, std::string& text) {
  append_written(bytes.size() * 5, text, [&](char* to) {
    return write_words(
        bytes, to, [](uint64_t word) { return (escapes_in(word) | equal_bytes(word, '"')) == 0; },
        [](uint8_t byte, char* at) {
          if ((kByteNeeds[byte] & kNeedsEscape) != 0) {
            if (kIsJson) *at++ = '\\';
            at = write_escape(byte, at);
            if (kIsJson && byte == '\\') *at++ = '\\';
            return at;
          }
          if (byte == '"') *at++ = kIsJson ? '\\' : '"';
          *at = static_cast<char>(byte);
          return at + 1;
        });
  });
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
  uint8_t needs = 0;
  append_written(bytes.size() * 4, text, [&](char* to) { return write_escaped(bytes, to, needs); });
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
  // Mostly no quotes are needed; where they are, it begins again within them.
  std::size_t const begin = text.size();
  uint8_t needs = 0;
  append_written(bytes.size() * 4, text, [&](char* to) { return write_escaped(bytes, to, needs); });
  if ((needs & kNeedsQuotes) == 0) return;
  text.resize(begin);
  text += '"';
  append_escaped_within_quotes<false>(bytes, text);
  text += '"';
}

void append_json_bytes(ByteSpan bytes, BytesStyle style, std::string& text) {
  text += '"';
  if (style == BytesStyle::kHex) {
    append_hex(bytes, text);
  } else {
    append_escaped_within_quotes<true>(bytes, text);
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
