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
constexpr uint8_t kNeedsJson = 4;    // in JSON, beyond the escape

constexpr std::array<uint8_t, 256> make_byte_needs() {
  std::array<uint8_t, 256> needs{};
  for (std::size_t byte = 0; byte < 256; ++byte) {
    if (byte < 0x20 || byte > 0x7e || byte == '\\') needs[byte] |= kNeedsEscape;
    if (byte == ',' || byte == '"') needs[byte] |= kNeedsQuotes;
    if (byte == '"') needs[byte] |= kNeedsJson;
  }
  return needs;
}
constexpr std::array<uint8_t, 256> kByteNeeds = make_byte_needs();

uint8_t needs_of(ByteSpan bytes) {
  uint8_t needs = 0;
  for (uint8_t const byte : bytes) needs = static_cast<uint8_t>(needs | kByteNeeds[byte]);
  return needs;
}

void append_plain(ByteSpan bytes, std::string& text) {
  text.append(reinterpret_cast<char const*>(bytes.data()), bytes.size());
}

// Appends at most `bytes_max` characters that `write(from)` produces; it returns where it ended.
template <class Write>
void append_written(std::size_t bytes_max, std::string& text, Write const& write) {
  std::size_t const begin = text.size();
  text.resize(begin + bytes_max);
  char* const end = write(text.data() + begin);
  text.resize(static_cast<std::size_t>(end - text.data()));
}

// `quote` is written before a double quote: a second one in CSV, a backslash in JSON. In JSON the
// escape's own backslash is escaped too.
template <bool kIsJson>
void append_escaped_within_quotes(ByteSpan bytes, std::string& text) {
  append_written(bytes.size() * 5, text, [&](char* to) {
    for (uint8_t const byte : bytes) {
      uint8_t const needs = kByteNeeds[byte];
      if ((needs & kNeedsEscape) != 0) {
        if (kIsJson) *to++ = '\\';
        *to++ = '\\';
        if (byte == '\\') {
          if (kIsJson) *to++ = '\\';
          *to++ = '\\';
        } else {
          *to++ = 'x';
          *to++ = kHexDigits[byte >> 4];
          *to++ = kHexDigits[byte & 15];
        }
        continue;
      }
      if (byte == '"') *to++ = kIsJson ? '\\' : '"';
      *to++ = static_cast<char>(byte);
    }
    return to;
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
  if ((needs_of(bytes) & kNeedsEscape) == 0) {
    append_plain(bytes, text);
    return;
  }
  append_written(bytes.size() * 4, text, [&](char* to) {
    for (uint8_t const byte : bytes) {
      if ((kByteNeeds[byte] & kNeedsEscape) == 0) {
        *to++ = static_cast<char>(byte);
      } else if (byte == '\\') {
        *to++ = '\\';
        *to++ = '\\';
      } else {
        *to++ = '\\';
        *to++ = 'x';
        *to++ = kHexDigits[byte >> 4];
        *to++ = kHexDigits[byte & 15];
      }
    }
    return to;
  });
}

void append_csv_bytes(ByteSpan bytes, BytesStyle style, std::string& text) {
  if (bytes.empty()) {
    text += "\"\"";
  } else if (style == BytesStyle::kHex) {
    append_hex(bytes, text);
  } else if ((needs_of(bytes) & kNeedsQuotes) == 0) {
    append_escaped(bytes, text);
  } else {
    text += '"';
    append_escaped_within_quotes<false>(bytes, text);
    text += '"';
  }
}

void append_json_bytes(ByteSpan bytes, BytesStyle style, std::string& text) {
  text += '"';
  if (style == BytesStyle::kHex) {
    append_hex(bytes, text);
  } else if ((needs_of(bytes) & (kNeedsEscape | kNeedsJson)) == 0) {
    append_plain(bytes, text);
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
