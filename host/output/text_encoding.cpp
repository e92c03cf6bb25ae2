#include "output/text_encoding.hpp"

#include <fmt/format.h>

#include <cmath>

namespace levelscan {
namespace {

template <class Float>
char* write_shortest(Float value, char* to) {
  char* const end = fmt::format_to(to, "{}", value);
  std::string_view const text(to, static_cast<std::size_t>(end - to));
  return text.find_first_of(".e") == text.npos ? write_text(".0", end) : end;
}

}  // namespace

char* write_json_text(std::string_view value, char* to) {
  *to++ = '"';
  for (char const c : value) {
    if (static_cast<unsigned char>(c) < 0x20) {
      to = fmt::format_to(to, "\\u{:04x}", static_cast<unsigned>(c));
      continue;
    }
    if (c == '"' || c == '\\') *to++ = '\\';
    *to++ = c;
  }
  *to++ = '"';
  return to;
}

char* write_csv_text(std::string_view value, char* to) {
  if (!value.empty() && value.find_first_of(",\"\r\n") == value.npos) return write_text(value, to);
  *to++ = '"';
  for (char const c : value) {
    if (c == '"') *to++ = '"';
    *to++ = c;
  }
  *to++ = '"';
  return to;
}

char* write_integer(uint64_t bits, bool negative, char* to) {
  fmt::format_int const digits =
      negative ? fmt::format_int(static_cast<int64_t>(bits)) : fmt::format_int(bits);
  return write_text({digits.data(), digits.size()}, to);
}

char* write_integer(Int128 value, char* to) { return fmt::format_to(to, "{}", value); }

char* write_float(double value, char* to) { return write_shortest(value, to); }
char* write_float(float value, char* to) { return write_shortest(value, to); }

std::string_view nonfinite_name(double value) {
  return std::isnan(value) ? "nan" : value < 0 ? "-inf" : "inf";
}

}  // namespace levelscan
