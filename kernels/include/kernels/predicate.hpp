// Fields of a row and the compiled predicate over them.
//
// A predicate is a jump program: each instruction tests one leaf (a comparison or a null test) and
// names the next instruction for true and for false. Negation stands in the leaves, and a leaf with
// a null operand is false, so two-valued jumps give three-valued logic's answer.
//
// All structs here are plain bytes that are copied to the device as they are.
#pragma once

#include <cstdint>

#include "kernels/wide_columns.hpp"

namespace levelscan {

enum class FieldType : uint8_t {
  kU8,
  kU16,
  kU32,
  kU64,
  kI8,
  kI16,
  kI32,
  kI64,
  kF32,
  kF64,
  kBytes,
};

enum class FieldSource : uint8_t {
  kKey,        // bytes of the user key
  kValue,      // bytes of the value
  kKeySize,    // u64: bytes in the user key
  kValueSize,  // u64: bytes in the value
  kSequence,   // u64: the entry's sequence number
  kColumn,     // bytes of a column of a wide-column entity
};

inline constexpr uint32_t kToTheEnd = UINT32_MAX;

// Where a field lies: `offset` bytes from the start of its source, or before its end. `column`
// names the source kColumn, in memory that whoever loads the field can read; the empty name is the
// default column, which is all that a plain value has.
struct Field {
  FieldSource source;
  FieldType type;
  bool big_endian;
  bool from_end;
  uint32_t offset;
  uint32_t size;  // bytes; kToTheEnd for `bytes`
  Bytes column = {nullptr, 0};
};
static_assert(sizeof(Field) == 32);

// All of a key, or of a value.
LEVELSCAN_HOST_DEVICE inline bool is_whole(Field const& field) {
  return (field.source == FieldSource::kKey || field.source == FieldSource::kValue) &&
         field.type == FieldType::kBytes && !field.from_end && field.offset == 0 &&
         field.size == kToTheEnd;
}

enum class ScalarKind : uint8_t {
  kNull,
  kInteger,      // bits as u64, or as i64 when negative
  kFloat,        // bits of an f64
  kBytes,        // bytes
  kUnavailable,  // lies in bytes that are not at hand here
};

struct Scalar {
  ScalarKind kind;
  bool negative;  // integer below zero
  uint64_t bits;
  Bytes bytes;
};

// What a comparison of two operands can say: one bit each.
enum class Ordering : uint8_t { kLess = 1, kEqual = 2, kGreater = 4, kUnordered = 8 };

// A comparison is the set of the orderings for which it holds.
enum class Comparison : uint8_t {
  kIsNull = 0,
  kLess = 1,
  kEqual = 2,
  kLessEqual = 1 | 2,
  kGreater = 4,
  kGreaterEqual = 4 | 2,
  kNotEqual = 1 | 4 | 8,
};

// What is known of an instruction's operands beforehand.
enum class OperandShape : uint8_t {
  kAny,
  // A little-endian integer at a fixed offset of the value, against an integer constant that the
  // integers of that signedness include. Most predicates are of these, and most entries fail them.
  kIntegerInValue,
};

// The literal on an instruction's right.
struct Constant {
  ScalarKind kind;
  bool negative;
  uint32_t bytes_offset;  // into the program's constant bytes
  uint32_t bytes_size;
  uint64_t bits;
};
static_assert(sizeof(Constant) == 24);

inline constexpr uint16_t kAccept = 0xffff;
inline constexpr uint16_t kReject = 0xfffe;
inline constexpr uint32_t kInstructionsMax = 0xff00;

struct Instruction {
  Comparison comparison;
  bool negated;            // true for a non-null operand pair when the comparison is false
  bool right_is_constant;  // else the right operand is a field
  OperandShape shape;
  uint16_t left;   // field
  uint16_t right;  // constant or field; unused by kIsNull
  uint16_t on_true;
  uint16_t on_false;
};
static_assert(sizeof(Instruction) == 12);

// What a program of a single comparison comes to (integer_test.hpp). The integer's bytes end `end`
// bytes into the value; turned over by `sign` it has to lie in [low, low + span], or outside.
struct IntegerTest {
  uint32_t end;
  uint32_t size;  // 0: the program decides
  uint64_t sign;
  uint64_t low;
  uint64_t span;
  bool inside;
};

// A program in device memory. No instructions: every row passes.
struct Predicate {
  Instruction const* instructions;
  Field const* fields;
  Constant const* constants;
  uint8_t const* constant_bytes;
  uint32_t instruction_count;
  uint32_t reads_key;  // not 0: some field lies in the key's bytes
  IntegerTest integer_test = {0, 0, 0, 0, 0, false};
};

// What a predicate and a projection see of a row.
struct Row {
  Bytes key;          // the user key's leading bytes that are at hand
  uint32_t key_size;  // of the whole user key
  Bytes value;
  uint64_t sequence;
  Bytes entity = {nullptr, 0};  // that the value is part of; data null: it isn't
};

LEVELSCAN_HOST_DEVICE inline double bits_to_double(uint64_t bits) {
  double value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

LEVELSCAN_HOST_DEVICE inline uint64_t double_to_bits(double value) {
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

LEVELSCAN_HOST_DEVICE LEVELSCAN_INLINE Scalar integer_scalar(uint64_t bits, bool negative) {
  return Scalar{ScalarKind::kInteger, negative, bits, {nullptr, 0}};
}

LEVELSCAN_HOST_DEVICE LEVELSCAN_INLINE bool is_signed_integer(FieldType type) {
  return type >= FieldType::kI8 && type <= FieldType::kI64;
}

// The bytes of a wide column. False when the row hasn't got it.
LEVELSCAN_HOST_DEVICE inline bool column_of_row(Bytes name, Row const& row, Bytes& column) {
  if (row.entity.data != nullptr) return find_column(row.entity, name, column);
  column = row.value;
  return name.size == 0;
}

LEVELSCAN_HOST_DEVICE LEVELSCAN_INLINE Scalar load_field(Field const& field, Row const& row) {
  Scalar scalar{ScalarKind::kNull, false, 0, {nullptr, 0}};
  if (field.source == FieldSource::kKeySize) return integer_scalar(row.key_size, false);
  if (field.source == FieldSource::kValueSize) return integer_scalar(row.value.size, false);
  if (field.source == FieldSource::kSequence) return integer_scalar(row.sequence, false);

  bool const in_key = field.source == FieldSource::kKey;
  uint8_t const* source = in_key ? row.key.data : row.value.data;
  uint32_t source_size = in_key ? row.key_size : row.value.size;
  if (field.source == FieldSource::kColumn) {
    Bytes column;
    if (!column_of_row(field.column, row, column)) return scalar;
    source = column.data;
    source_size = column.size;
  }
  if (field.offset > source_size) return scalar;
  uint32_t const begin = field.from_end ? source_size - field.offset : field.offset;
  uint32_t const left = source_size - begin;
  uint32_t const size = field.size == kToTheEnd ? left : field.size;
  if (size > left) return scalar;
  if (in_key && begin + size > row.key.size) {
    scalar.kind = ScalarKind::kUnavailable;
    return scalar;
  }
  uint8_t const* const from = source + begin;
  if (field.type == FieldType::kBytes) {
    scalar.kind = ScalarKind::kBytes;
    scalar.bytes = Bytes{from, size};
    return scalar;
  }
  uint64_t bits = 0;
  if (field.big_endian) {
    bits = load_big_endian(from, size);
  } else if (size == 1) {
    bits = *from;
  } else if (size == 8) {
    bits = load_unaligned<uint64_t>(from);
  } else if (size == 4) {
    bits = load_unaligned<uint32_t>(from);
  } else {
    for (uint32_t i = size; i > 0; --i) bits = (bits << 8) | from[i - 1];
  }
  if (field.type == FieldType::kF64) {
    scalar.kind = ScalarKind::kFloat;
    scalar.bits = bits;
    return scalar;
  }
  if (field.type == FieldType::kF32) {
    uint32_t const narrow = static_cast<uint32_t>(bits);
    float value;
    memcpy(&value, &narrow, sizeof value);
    scalar.kind = ScalarKind::kFloat;
    scalar.bits = double_to_bits(static_cast<double>(value));
    return scalar;
  }
  bool const is_signed = is_signed_integer(field.type);
  if (is_signed && size < 8) {
    uint32_t const shift = 64 - 8 * size;
    bits = static_cast<uint64_t>(static_cast<int64_t>(bits << shift) >> shift);
  }
  return integer_scalar(bits, is_signed && (bits >> 63) != 0);
}

LEVELSCAN_HOST_DEVICE inline Ordering order_of(int order) {
  return order < 0 ? Ordering::kLess : order > 0 ? Ordering::kGreater : Ordering::kEqual;
}

// An integer against a float, exactly: the float's integer part fits 64 bits or decides by itself.
LEVELSCAN_HOST_DEVICE inline Ordering compare_integer_float(Scalar const& integer, double number) {
  if (number != number) return Ordering::kUnordered;
  if (integer.negative) {
    if (number >= 0.0) return Ordering::kLess;
    if (number < -9223372036854775808.0) return Ordering::kGreater;
    int64_t const whole = static_cast<int64_t>(number);  // towards zero
    int64_t const value = static_cast<int64_t>(integer.bits);
    if (value != whole) return value < whole ? Ordering::kLess : Ordering::kGreater;
    return static_cast<double>(whole) > number ? Ordering::kGreater : Ordering::kEqual;
  }
  if (number < 0.0) return Ordering::kGreater;
  if (number >= 18446744073709551616.0) return Ordering::kLess;
  uint64_t const whole = static_cast<uint64_t>(number);
  if (integer.bits != whole) return integer.bits < whole ? Ordering::kLess : Ordering::kGreater;
  return static_cast<double>(whole) < number ? Ordering::kLess : Ordering::kEqual;
}

// REQUIRES: neither is null, and both are bytes or both are numbers (the compiler of predicates
// sees to it).
LEVELSCAN_HOST_DEVICE LEVELSCAN_INLINE Ordering compare_scalars(Scalar const& a, Scalar const& b) {
  if (a.kind == ScalarKind::kInteger && b.kind == ScalarKind::kInteger) {
    if (a.negative != b.negative) return a.negative ? Ordering::kLess : Ordering::kGreater;
    // Two's complement keeps the order of two numbers of the same sign.
    return a.bits == b.bits  ? Ordering::kEqual
           : a.bits < b.bits ? Ordering::kLess
                             : Ordering::kGreater;
  }
  if (a.kind == ScalarKind::kBytes) return order_of(compare_bytes(a.bytes, b.bytes));
  if (a.kind == ScalarKind::kInteger) return compare_integer_float(a, bits_to_double(b.bits));
  if (b.kind == ScalarKind::kInteger) {
    Ordering const mirrored = compare_integer_float(b, bits_to_double(a.bits));
    if (mirrored == Ordering::kLess) return Ordering::kGreater;
    if (mirrored == Ordering::kGreater) return Ordering::kLess;
    return mirrored;
  }
  double const x = bits_to_double(a.bits);
  double const y = bits_to_double(b.bits);
  if (x < y) return Ordering::kLess;
  if (x > y) return Ordering::kGreater;
  return x == y ? Ordering::kEqual : Ordering::kUnordered;
}

LEVELSCAN_HOST_DEVICE LEVELSCAN_INLINE bool holds(Comparison comparison, Ordering ordering) {
  return (static_cast<uint8_t>(comparison) & static_cast<uint8_t>(ordering)) != 0;
}

enum class Verdict : uint8_t { kFails, kPasses, kUndecided };

// REQUIRES: the instruction's shape is kIntegerInValue.
LEVELSCAN_HOST_DEVICE LEVELSCAN_INLINE bool holds_for_integer(Instruction const& instruction,
                                                              Field const& field,
                                                              Constant const& constant,
                                                              Bytes value) {
  if (field.offset > value.size || field.size > value.size - field.offset) return false;  // null
  uint8_t const* const from = value.data + field.offset;
  uint64_t left = field.size == 8   ? load_unaligned<uint64_t>(from)
                  : field.size == 4 ? load_unaligned<uint32_t>(from)
                  : field.size == 2 ? load_unaligned<uint16_t>(from)
                                    : *from;
  uint64_t right = constant.bits;
  if (is_signed_integer(field.type)) {
    uint64_t const sign = uint64_t{1} << (8 * field.size - 1);
    left = (left ^ sign) - sign;
    // With the top bit turned over, unsigned order is signed order.
    left ^= uint64_t{1} << 63;
    right ^= uint64_t{1} << 63;
  }
  Ordering const ordering = left < right    ? Ordering::kLess
                            : left == right ? Ordering::kEqual
                                            : Ordering::kGreater;
  return holds(instruction.comparison, ordering) != instruction.negated;
}

// Undecided when a field lies in key bytes that are not at hand.
LEVELSCAN_HOST_DEVICE inline Verdict evaluate(Predicate const& predicate, Row const& row) {
  if (predicate.instruction_count == 0) return Verdict::kPasses;
  uint32_t at = 0;
  while (at < predicate.instruction_count) {
    Instruction const& instruction = predicate.instructions[at];
    if (instruction.shape == OperandShape::kIntegerInValue) {
      bool const result = holds_for_integer(instruction, predicate.fields[instruction.left],
                                            predicate.constants[instruction.right], row.value);
      at = result ? instruction.on_true : instruction.on_false;
      continue;
    }
    Scalar const left = load_field(predicate.fields[instruction.left], row);
    if (left.kind == ScalarKind::kUnavailable) return Verdict::kUndecided;
    bool result = false;
    if (instruction.comparison == Comparison::kIsNull) {
      result = (left.kind == ScalarKind::kNull) != instruction.negated;
    } else if (left.kind != ScalarKind::kNull) {
      Scalar right;
      if (instruction.right_is_constant) {
        Constant const& constant = predicate.constants[instruction.right];
        right = Scalar{constant.kind,
                       constant.negative,
                       constant.bits,
                       {predicate.constant_bytes + constant.bytes_offset, constant.bytes_size}};
      } else {
        right = load_field(predicate.fields[instruction.right], row);
        if (right.kind == ScalarKind::kUnavailable) return Verdict::kUndecided;
      }
      if (right.kind != ScalarKind::kNull) {
        result = holds(instruction.comparison, compare_scalars(left, right)) != instruction.negated;
      }
    }
    // Jumps only go forward, so this ends.
    at = result ? instruction.on_true : instruction.on_false;
  }
  return at == kAccept ? Verdict::kPasses : Verdict::kFails;
}

}  // namespace levelscan
