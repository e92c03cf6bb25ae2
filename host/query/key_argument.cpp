#include "query/key_argument.hpp"

#include <fmt/core.h>

#include "levelscan/error.hpp"

namespace levelscan {
namespace {

// The value of a hex digit, or -1.
int digit_value(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return -1;
}

}  // namespace

std::optional<std::string> parse_hex(std::string_view digits) {
  if (digits.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  bytes.reserve(digits.size() / 2);
  for (std::size_t i = 0; i < digits.size(); i += 2) {
    int const high = digit_value(digits[i]);
    int const low = digit_value(digits[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes.push_back(static_cast<char>(high * 16 + low));
  }
  return bytes;
}

std::optional<std::string> unescape(std::string_view text, std::size_t& error_offset) {
  std::string bytes;
  bytes.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      bytes.push_back(text[i]);
      continue;
    }
    error_offset = i;
    if (i + 1 >= text.size()) return std::nullopt;
    if (text[i + 1] == '\\') {
      bytes.push_back('\\');
      i += 1;
      continue;
    }
    if (text[i + 1] != 'x' || i + 3 >= text.size()) return std::nullopt;
    std::optional<std::string> const byte = parse_hex(text.substr(i + 2, 2));
    if (!byte) return std::nullopt;
    bytes += *byte;
    i += 3;
  }
  return bytes;
}

std::string parse_key_argument(std::string_view option, std::string_view argument) {
  if (argument.substr(0, 2) == "0x") {
    std::string_view const digits = argument.substr(2);
    std::optional<std::string> const bytes = parse_hex(digits);
    if (bytes) return *bytes;
    throw Error(
        ErrorCode::kUsage,
        digits.size() % 2 != 0
            ? fmt::format("{} '{}': an odd number of hex digits", option, argument)
            : fmt::format("{} '{}': not hex digits (for text that begins with 0x write \\x30x)",
                          option, argument));
  }
  std::size_t error_offset = 0;
  std::optional<std::string> const bytes = unescape(argument, error_offset);
  if (bytes) return *bytes;
  throw Error(ErrorCode::kUsage,
              fmt::format("{} '{}': the backslash at column {} begins neither \\xNN nor \\\\",
                          option, argument, error_offset + 1));
}

}  // namespace levelscan
