// A refusal: something a database holds that levelscan cannot answer exactly, with where it is and
// what to do. Also the texts of corruption errors, so that all of them name file, offset and what
// is wrong. Values; safe to copy between threads.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "levelscan/error.hpp"

namespace levelscan {

// The advice that fits most refusals of things stored inside tables.
inline constexpr std::string_view kReadWithRocksdbAdvice =
    "read this database with RocksDB itself, or rewrite it without the feature";

struct Refusal {
  std::string feature;             // the feature's name, as docs/FORMAT.md lists it
  std::string file;                // path of the file that holds it
  std::optional<uint64_t> offset;  // bytes from the file's start, where a place can be named
  std::string advice;              // what the user can do about it
  ErrorCode code = ErrorCode::kUnsupported;  // kDevice: it takes more memory than it may

  bool operator==(Refusal const&) const = default;
};

// One line: "unsupported: FEATURE in FILE at offset N; ADVICE", or "memory: ..."
[[nodiscard]] std::string refusal_text(Refusal const& refusal);

// Each returns an Error to be thrown by the caller.
// `unsupported_error` has the refusal's code.
[[nodiscard]] Error unsupported_error(Refusal const& refusal);
[[nodiscard]] Error corruption_error(std::string_view file, uint64_t offset, std::string_view what);
[[nodiscard]] Error corruption_error(std::string_view file, std::string_view what);

}  // namespace levelscan
