#include "query/usage_error.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace levelscan {
namespace {

constexpr std::size_t kContextBytes = 60;  // shown on either side of the place

bool is_continuation(char byte) { return (static_cast<unsigned char>(byte) & 0xc0) == 0x80; }

}  // namespace

Error usage_error_at(std::string_view option, std::string_view text, std::size_t offset,
                     std::string const& message) {
  std::size_t begin = offset > kContextBytes ? offset - kContextBytes : 0;
  std::size_t end = std::min(text.size(), offset + kContextBytes);
  // Characters of UTF-8 stay whole.
  while (begin > 0 && is_continuation(text[begin])) --begin;
  while (end < text.size() && is_continuation(text[end])) ++end;

  std::string shown = begin > 0 ? "..." : "";
  std::size_t caret = shown.size();
  for (std::size_t i = begin; i < end; ++i) {
    auto const byte = static_cast<unsigned char>(text[i]);
    shown.push_back(byte < 0x20 || byte == 0x7f ? ' ' : text[i]);
    if (i < offset && !is_continuation(text[i])) ++caret;
  }
  if (end < text.size()) shown += "...";
  return {ErrorCode::kUsage, fmt::format("{}: {} (at column {})\n  {}\n  {:>{}}", option, message,
                                         offset + 1, shown, '^', caret + 1)};
}

}  // namespace levelscan
