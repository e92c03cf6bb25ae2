// The jump program of an expression, on the host. See kernels/predicate.hpp.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "query/expression.hpp"

namespace levelscan {

struct CompiledPredicate {
  std::vector<Instruction> instructions;
  std::vector<Field> fields;
  std::vector<std::string> column_names;  // [fields] NamedField::column
  std::vector<Constant> constants;
  std::vector<uint8_t> constant_bytes;
  bool reads_key = false;
};

// Negation moves into the leaves, jumps go forward only. Throws Error(kUsage) when the program
// grows beyond kInstructionsMax.
[[nodiscard]] CompiledPredicate compile_predicate(Expression const& expression);

}  // namespace levelscan
