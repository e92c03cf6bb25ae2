// The predicate that most scans have, ready for the walk over entries: one little-endian integer at
// a fixed offset of the value, against a constant. However it compares, it holds for the integers
// of a range, or for those outside of one, so that an entry costs a load and a comparison.
//
// Turning over the sign bit of signed integers makes their order that of unsigned ones.
#pragma once

#include <cstdint>

#include "kernels/predicate.hpp"

namespace levelscan {

// REQUIRES: integer_test.size != 0. False where the field is null.
LEVELSCAN_HOST_DEVICE LEVELSCAN_INLINE bool holds(IntegerTest const& test, Bytes value) {
  if (value.size < test.end) return false;
  uint8_t const* const from = value.data + (test.end - test.size);
  uint64_t const bits = test.size == 4   ? load_unaligned<uint32_t>(from)
                        : test.size == 8 ? load_unaligned<uint64_t>(from)
                        : test.size == 2 ? load_unaligned<uint16_t>(from)
                                         : *from;
  return ((bits ^ test.sign) - test.low <= test.span) == test.inside;
}

// The test that decides the same as a program, or one of size 0 where no single test does.
LEVELSCAN_HOST_DEVICE inline IntegerTest integer_test_of(Instruction const* instructions,
                                                         uint32_t instruction_count,
                                                         Field const* fields,
                                                         Constant const* constants) {
  IntegerTest test{0, 0, 0, 0, 0, false};
  if (instruction_count != 1) return test;
  Instruction const& instruction = instructions[0];
  if (instruction.shape != OperandShape::kIntegerInValue || instruction.on_true != kAccept ||
      instruction.on_false != kReject) {
    return test;
  }
  Field const& field = fields[instruction.left];
  Constant const& constant = constants[instruction.right];
  if (field.offset > UINT32_MAX - field.size) return test;
  uint8_t holding = static_cast<uint8_t>(instruction.comparison);  // of the orderings
  if (instruction.negated) holding = static_cast<uint8_t>(~holding);
  bool const less = (holding & static_cast<uint8_t>(Ordering::kLess)) != 0;
  bool const equal = (holding & static_cast<uint8_t>(Ordering::kEqual)) != 0;
  bool const greater = (holding & static_cast<uint8_t>(Ordering::kGreater)) != 0;

  uint64_t const largest = UINT64_MAX >> (64 - 8 * field.size);  // of the integers as they are kept
  uint64_t const sign = is_signed_integer(field.type) ? uint64_t{1} << (8 * field.size - 1) : 0;
  test.end = field.offset + field.size;
  test.size = field.size;
  test.sign = sign;
  // Adding the sign bit to a signed integer of this size turns it over and stays in range; what
  // leaves the range is no integer of this size.
  uint64_t const place = constant.bits + sign;
  bool const is_below = constant.negative && (sign == 0 || constant.bits < uint64_t{0} - sign);
  bool const is_above = !constant.negative && constant.bits > largest - sign;
  if (is_below || is_above) {
    test.low = 0;
    test.span = UINT64_MAX;
    test.inside = is_below ? greater : less;
    return test;
  }
  // Integers below the constant, the constant, and those above, of which some hold.
  if (less == greater) {
    test.low = place;
    test.span = 0;
    test.inside = equal;
    if (less == equal) {  // all or none
      test.low = 0;
      test.span = UINT64_MAX;
    }
    return test;
  }
  test.inside = less;
  test.low = 0;
  test.span = place;  // up to and with the constant
  if (less != equal) {
    // Up to the constant and without it, of which there may be none: the others from it on.
    test.inside = greater;
    test.low = place;
    test.span = UINT64_MAX - place;
  }
  return test;
}

}  // namespace levelscan
