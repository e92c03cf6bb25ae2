#include "table/refusal.hpp"

#include <fmt/core.h>

namespace levelscan {

std::string refusal_text(Refusal const& refusal) {
  std::string text =
      fmt::format("{}: {} in {}", refusal.code == ErrorCode::kDevice ? "memory" : "unsupported",
                  refusal.feature, refusal.file);
  if (refusal.offset) text += fmt::format(" at offset {}", *refusal.offset);
  if (!refusal.advice.empty()) text += "; " + refusal.advice;
  return text;
}

Error unsupported_error(Refusal const& refusal) { return {refusal.code, refusal_text(refusal)}; }

Error corruption_error(std::string_view file, uint64_t offset, std::string_view what) {
  return {ErrorCode::kCorruption,
          fmt::format("corruption: {} at offset {}: {}", file, offset, what)};
}

Error corruption_error(std::string_view file, std::string_view what) {
  return {ErrorCode::kCorruption, fmt::format("corruption: {}: {}", file, what)};
}

}  // namespace levelscan
