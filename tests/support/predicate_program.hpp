// A predicate's jump program written by hand, and its copy in device memory.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kernels/integer_test.hpp"
#include "support/device_array.hpp"

namespace levelscan::test {

inline Field number_field(FieldSource source, FieldType type, uint32_t offset) {
  static constexpr uint32_t kSizes[] = {1, 2, 4, 8, 1, 2, 4, 8, 4, 8};
  return Field{source, type, false, false, offset, kSizes[static_cast<uint32_t>(type)]};
}
inline Field bytes_field(FieldSource source, uint32_t offset, uint32_t size) {
  return Field{source, FieldType::kBytes, false, false, offset, size};
}
inline Field built_in_field(FieldSource source) {
  return Field{source, FieldType::kU64, false, false, 0, 8};
}
inline Field from_end(Field field) {
  field.from_end = true;
  return field;
}
inline Field big_endian(Field field) {
  field.big_endian = true;
  return field;
}

struct PredicateProgram {
  std::vector<Instruction> instructions;
  std::vector<Field> fields;
  std::vector<Constant> constants;
  std::vector<uint8_t> constant_bytes;
  bool reads_key = false;

  uint16_t field(Field const& field) {
    reads_key = reads_key || field.source == FieldSource::kKey;
    fields.push_back(field);
    return static_cast<uint16_t>(fields.size() - 1);
  }
  uint16_t integer(int64_t value) {
    return constant({ScalarKind::kInteger, value < 0, 0, 0, static_cast<uint64_t>(value)});
  }
  uint16_t unsigned_integer(uint64_t value) {
    return constant({ScalarKind::kInteger, false, 0, 0, value});
  }
  uint16_t real(double value) {
    return constant({ScalarKind::kFloat, false, 0, 0, double_to_bits(value)});
  }
  uint16_t text(std::string const& value) {
    uint32_t const offset = static_cast<uint32_t>(constant_bytes.size());
    constant_bytes.insert(constant_bytes.end(), value.begin(), value.end());
    return constant({ScalarKind::kBytes, false, offset, static_cast<uint32_t>(value.size()), 0});
  }

  // left <comparison> constant.
  PredicateProgram& test(uint16_t left, Comparison comparison, uint16_t right,
                         uint16_t on_true = kAccept, uint16_t on_false = kReject,
                         bool negated = false) {
    instructions.push_back(
        {comparison, negated, true, OperandShape::kAny, left, right, on_true, on_false});
    return *this;
  }
  // left <comparison> right, both fields.
  PredicateProgram& test_fields(uint16_t left, Comparison comparison, uint16_t right,
                                uint16_t on_true = kAccept, uint16_t on_false = kReject,
                                bool negated = false) {
    instructions.push_back(
        {comparison, negated, false, OperandShape::kAny, left, right, on_true, on_false});
    return *this;
  }
  PredicateProgram& test_null(uint16_t left, uint16_t on_true = kAccept,
                              uint16_t on_false = kReject, bool negated = false) {
    instructions.push_back(
        {Comparison::kIsNull, negated, true, OperandShape::kAny, left, 0, on_true, on_false});
    return *this;
  }

  [[nodiscard]] IntegerTest integer_test() const {
    return integer_test_of(instructions.data(), static_cast<uint32_t>(instructions.size()),
                           fields.data(), constants.data());
  }

  // In the test's own memory. REQUIRES: the program outlives it, unchanged.
  [[nodiscard]] Predicate view() const {
    return Predicate{instructions.data(),
                     fields.data(),
                     constants.data(),
                     constant_bytes.data(),
                     static_cast<uint32_t>(instructions.size()),
                     reads_key ? 1u : 0u,
                     integer_test()};
  }

 private:
  uint16_t constant(Constant const& constant) {
    constants.push_back(constant);
    return static_cast<uint16_t>(constants.size() - 1);
  }
};

// A program in device memory.
class DevicePredicate {
 public:
  DevicePredicate(Device& device, StreamView stream, PredicateProgram const& program)
      : instructions_(device, stream, program.instructions),
        fields_(device, stream, program.fields),
        constants_(device, stream, program.constants),
        constant_bytes_(device, stream, program.constant_bytes),
        reads_key_(program.reads_key),
        integer_test_(program.integer_test()) {}

  [[nodiscard]] Predicate view() const {
    return Predicate{instructions_.device(),
                     fields_.device(),
                     constants_.device(),
                     constant_bytes_.device(),
                     static_cast<uint32_t>(instructions_.size()),
                     reads_key_ ? 1u : 0u,
                     integer_test_};
  }

 private:
  DeviceArray<Instruction> instructions_;
  DeviceArray<Field> fields_;
  DeviceArray<Constant> constants_;
  DeviceArray<uint8_t> constant_bytes_;
  bool reads_key_;
  IntegerTest integer_test_;
};

}  // namespace levelscan::test
