#include "output/text_encoding.hpp"

#include <fmt/format.h>

#include <cmath>

namespace levelscan {
namespace {

template <class Float>
void append_shortest(Float value, Text& text) {
  std::size_t const begin = text.size();
  text.format("{}", value);
  if (text.view().find_first_of(".e", begin) == std::string_view::npos) text += ".0";
}

}  // namespace

void append_json_text(std::string_view value, Text& text) {
  text += '"';
  for (char const c : value) {
    if (c == '"' || c == '\\') {
      text += '\\';
      text += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      text.format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      text += c;
    }
  }
  text += '"';
}

void append_csv_text(std::string_view value, Text& text) {
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

void append_integer(uint64_t bits, bool negative, Text& text) {
  fmt::format_int const digits =
      negative ? fmt::format_int(static_cast<int64_t>(bits)) : fmt::format_int(bits);
  text.append(digits.data(), digits.size());
}

void append_integer(Int128 value, Text& text) { text.format("{}", value); }

void append_float(double value, Text& text) { append_shortest(value, text); }
void append_float(float value, Text& text) { append_shortest(value, text); }

std::string_view nonfinite_name(double value) {
  return std::isnan(value) ? "nan" : value < 0 ? "-inf" : "inf";
}

}  // namespace levelscan
