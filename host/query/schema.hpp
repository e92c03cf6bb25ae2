// The columns of a query: the built-in ones and the fields that the user defined.
//
//   NAME:TYPE@PLACE     amount:u32@value+8   customer:u64be@key+0   tail:bytes@key-4
//
//   type    u8 u16 u32 u64 i8 i16 i32 i64 f32 f64, with `be` for big-endian; bytes[N]; bytes (to
//           the end)
//   place   key+N, value+N, column(NAME)+N: N bytes from the start of the key, of the value, or of
//   a
//           column of a wide-column entity; key-N, value-N, column(NAME)-N: N bytes before the end
//
// A column's name is written as keys are (key_argument.hpp). A row without that column has null
// there: a plain value has only the default column, column(), which is the value.
//
// Const member functions are thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "query/expression.hpp"

namespace levelscan {

// Throws Error(kUsage) with the definition when it is malformed.
[[nodiscard]] NamedField parse_field(std::string_view definition);

class Schema {
 public:
  // key, value, key_size, value_size, seq.
  Schema();

  // Adds a field. Throws Error(kUsage) when it is malformed or its name is taken.
  void define(std::string_view definition);

  // Null when there is no such column. Names are case-sensitive.
  [[nodiscard]] NamedField const* find(std::string_view name) const;

  // In order of definition, built-in ones first.
  [[nodiscard]] std::vector<NamedField> const& fields() const { return fields_; }

  // "unknown column 'x' (there are key, value, ...)".
  [[nodiscard]] std::string unknown_column_text(std::string_view name) const;

 private:
  std::vector<NamedField> fields_;
};

}  // namespace levelscan
