#include "query/schema.hpp"

#include <fmt/core.h>

#include <array>
#include <charconv>
#include <optional>
#include <system_error>

#include "levelscan/error.hpp"
#include "query/key_argument.hpp"
#include "query/lexer.hpp"

namespace levelscan {
namespace {

struct TypeName {
  std::string_view name;
  FieldType type;
  uint32_t size;  // bytes
};

constexpr std::array<TypeName, 10> kNumberTypes = {{
    {"u8", FieldType::kU8, 1},
    {"u16", FieldType::kU16, 2},
    {"u32", FieldType::kU32, 4},
    {"u64", FieldType::kU64, 8},
    {"i8", FieldType::kI8, 1},
    {"i16", FieldType::kI16, 2},
    {"i32", FieldType::kI32, 4},
    {"i64", FieldType::kI64, 8},
    {"f32", FieldType::kF32, 4},
    {"f64", FieldType::kF64, 8},
}};

bool starts_with(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

// A decimal number that is less than kToTheEnd; none when it is anything else.
std::optional<uint32_t> parse_count(std::string_view digits) {
  uint32_t value = 0;
  char const* const end = digits.data() + digits.size();
  std::from_chars_result const result = std::from_chars(digits.data(), end, value);
  if (result.ec != std::errc() || result.ptr != end || value == kToTheEnd) return std::nullopt;
  return value;
}

bool parse_type(std::string_view type, Field& field) {
  if (type == "bytes") {
    field.type = FieldType::kBytes;
    field.size = kToTheEnd;
    return true;
  }
  if (starts_with(type, "bytes[") && type.back() == ']') {
    std::optional<uint32_t> const size = parse_count(type.substr(6, type.size() - 7));
    if (!size || *size == 0) return false;
    field.type = FieldType::kBytes;
    field.size = *size;
    return true;
  }
  if (type.size() > 2 && type.substr(type.size() - 2) == "be") {
    field.big_endian = true;
    type.remove_suffix(2);
  }
  for (TypeName const& known : kNumberTypes) {
    if (type == known.name) {
      field.type = known.type;
      field.size = known.size;
      return true;
    }
  }
  return false;
}

bool parse_place(std::string_view place, NamedField& named) {
  Field& field = named.field;
  std::string_view offset;
  if (starts_with(place, "key")) {
    field.source = FieldSource::kKey;
    offset = place.substr(3);
  } else if (starts_with(place, "value")) {
    field.source = FieldSource::kValue;
    offset = place.substr(5);
  } else if (starts_with(place, "column(")) {
    field.source = FieldSource::kColumn;
    place.remove_prefix(7);
    std::size_t const close = place.rfind(')');  // the name may hold others
    if (close == place.npos) return false;
    named.column = parse_key_argument("--field", place.substr(0, close));
    offset = place.substr(close + 1);
  }
  if (offset.size() < 2 || (offset.front() != '+' && offset.front() != '-')) return false;
  field.from_end = offset.front() == '-';
  std::optional<uint32_t> const count = parse_count(offset.substr(1));
  if (!count) return false;
  field.offset = *count;
  return true;
}

[[noreturn]] void fail(std::string_view definition, std::string const& message) {
  throw Error(ErrorCode::kUsage, fmt::format("--field '{}': {}", definition, message));
}

Field built_in(FieldSource source, FieldType type) {
  return Field{source, type, false, false, 0, type == FieldType::kBytes ? kToTheEnd : 8};
}

}  // namespace

NamedField parse_field(std::string_view definition) {
  std::size_t const colon = definition.find(':');
  std::size_t const at = definition.find('@', colon == definition.npos ? 0 : colon);
  if (colon == definition.npos || at == definition.npos) {
    fail(definition, "NAME:TYPE@PLACE is expected, as in amount:u32@value+8");
  }
  std::string_view const name = definition.substr(0, colon);
  std::string_view const type = definition.substr(colon + 1, at - colon - 1);
  std::string_view const place = definition.substr(at + 1);
  NamedField field{std::string(name),
                   Field{FieldSource::kKey, FieldType::kBytes, false, false, 0, 0}};
  if (!is_field_name(name)) {
    fail(definition,
         fmt::format("'{}' is no name for a field: letters, digits and _, no keyword", name));
  }
  if (!parse_type(type, field.field)) {
    fail(definition,
         fmt::format("'{}' is no type: u8 u16 u32 u64 i8 i16 i32 i64 f32 f64 ('be' appended "
                     "for big-endian), bytes[N], bytes",
                     type));
  }
  if (!parse_place(place, field)) {
    fail(definition,
         fmt::format("'{}' is no place: key+N, value+N, column(NAME)+N, or with -N", place));
  }
  return field;
}

Schema::Schema()
    : fields_{{"key", built_in(FieldSource::kKey, FieldType::kBytes)},
              {"value", built_in(FieldSource::kValue, FieldType::kBytes)},
              {"key_size", built_in(FieldSource::kKeySize, FieldType::kU64)},
              {"value_size", built_in(FieldSource::kValueSize, FieldType::kU64)},
              {"seq", built_in(FieldSource::kSequence, FieldType::kU64)}} {}

void Schema::define(std::string_view definition) {
  NamedField field = parse_field(definition);
  if (find(field.name) != nullptr) {
    fail(definition, fmt::format("there is already a column '{}'", field.name));
  }
  fields_.push_back(std::move(field));
}

NamedField const* Schema::find(std::string_view name) const {
  for (NamedField const& field : fields_) {
    if (field.name == name) return &field;
  }
  return nullptr;
}

std::string Schema::unknown_column_text(std::string_view name) const {
  std::string text = fmt::format("unknown column '{}' (there are ", name);
  for (NamedField const& field : fields_) {
    text += fmt::format("{}{}", &field == fields_.data() ? "" : ", ", field.name);
  }
  return text + ")";
}

}  // namespace levelscan
