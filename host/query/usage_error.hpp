// Usage errors that show where in the user's text they are.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "levelscan/error.hpp"

namespace levelscan {

// Three lines: what is wrong and in which option, the text (shortened when it is long), and a caret
// under byte `offset` of it. To be thrown by the caller.
[[nodiscard]] Error usage_error_at(std::string_view option, std::string_view text,
                                   std::size_t offset, std::string const& message);

}  // namespace levelscan
