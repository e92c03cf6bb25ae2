// Conditions as text (--where) to trees.
//
//   condition   conjunction (or conjunction)*          also ||
//   conjunction negation (and negation)*               also &&
//   negation    not negation | test                    also !
//   test        value (== = != <> < <= > >=) value | value [not] between value and value
//             | value [not] in (value, ...) | value is [not] null | ( condition )
//   value       column | literal | ( value )
//
// Precedence is Python's: a negation takes in the whole comparison to its right. Comparisons don't
// chain. Literals are those of lexer.hpp, numbers with a minus too. Keywords may be written in any
// case. Pure functions; thread-safe.
#pragma once

#include <string_view>

#include "query/expression.hpp"
#include "query/schema.hpp"

namespace levelscan {

// Parentheses and negations within each other, so that no text exhausts the stack.
inline constexpr int kNestingMax = 200;

// Throws Error(kUsage) that shows the place: malformed text, unknown columns, bytes compared with
// numbers, constructs that are not supported.
[[nodiscard]] Expression parse_expression(std::string_view text, Schema const& schema);

}  // namespace levelscan
