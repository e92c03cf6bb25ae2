// Fields and predicates of a row, against the test's own reading of the bytes.
#include "kernels/predicate.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <optional>

#include "support/predicate_program.hpp"
#include "support/random.hpp"
#include "support/sst_builder.hpp"

namespace levelscan::test {
namespace {

Row row_of(std::string const& key, std::string const& value, uint64_t sequence = 9) {
  return Row{view_of(key), static_cast<uint32_t>(key.size()), view_of(value), sequence};
}

// A number of any kind, exactly: x86's long double holds every u64, i64, f32 and f64.
static_assert(std::numeric_limits<long double>::digits >= 64);

// Reads a number byte by byte.
std::optional<long double> read_number(FieldType type, bool from_big_end,
                                       std::string const& bytes) {
  uint64_t bits = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::size_t const at = from_big_end ? i : bytes.size() - 1 - i;
    bits = bits * 256 + static_cast<uint8_t>(bytes[at]);
  }
  switch (type) {
    case FieldType::kU8:
    case FieldType::kU16:
    case FieldType::kU32:
    case FieldType::kU64: return static_cast<long double>(bits);
    case FieldType::kI8: return static_cast<int8_t>(bits);
    case FieldType::kI16: return static_cast<int16_t>(bits);
    case FieldType::kI32: return static_cast<int32_t>(bits);
    case FieldType::kI64: return static_cast<long double>(static_cast<int64_t>(bits));
    case FieldType::kF32: {
      uint32_t const narrow = static_cast<uint32_t>(bits);
      float value = 0;
      std::memcpy(&value, &narrow, 4);
      return value;
    }
    case FieldType::kF64: {
      double value = 0;
      std::memcpy(&value, &bits, 8);
      return value;
    }
    case FieldType::kBytes: break;
  }
  return std::nullopt;
}

long double number_of(Scalar const& scalar) {
  if (scalar.kind == ScalarKind::kFloat) return bits_to_double(scalar.bits);
  EXPECT_EQ(scalar.kind, ScalarKind::kInteger);
  return scalar.negative ? static_cast<long double>(static_cast<int64_t>(scalar.bits))
                         : static_cast<long double>(scalar.bits);
}

FieldType const kNumberTypes[] = {
    FieldType::kU8,  FieldType::kU16, FieldType::kU32, FieldType::kU64, FieldType::kI8,
    FieldType::kI16, FieldType::kI32, FieldType::kI64, FieldType::kF32, FieldType::kF64};

TEST(LoadField, NumbersOfEveryTypeByteOrderAndPlace) {
  Random random(mix(base_seed() + 30));
  for (uint32_t round = 0; round < 4000; ++round) {
    SCOPED_TRACE("LEVELSCAN_SEED=" + std::to_string(base_seed()) + " round " +
                 std::to_string(round));
    std::string source = random.bytes(random.below(20));
    if (random.one_in(3)) {
      for (char& byte : source) byte = random.one_in(2) ? '\xff' : '\x00';
    }
    FieldType const type =
        random.pick(std::vector<FieldType>(std::begin(kNumberTypes), std::end(kNumberTypes)));
    bool const in_key = random.one_in(2);
    Field field =
        number_field(in_key ? FieldSource::kKey : FieldSource::kValue, type, random.below(24));
    field.big_endian = random.one_in(2);
    field.from_end = random.one_in(2);
    std::string const empty;
    Row const row = in_key ? row_of(source, empty) : row_of(empty, source);
    Scalar const scalar = load_field(field, row);
    std::ptrdiff_t const begin = field.from_end ? static_cast<std::ptrdiff_t>(source.size()) -
                                                      static_cast<std::ptrdiff_t>(field.offset)
                                                : static_cast<std::ptrdiff_t>(field.offset);
    if (begin < 0 || begin + static_cast<std::ptrdiff_t>(field.size) >
                         static_cast<std::ptrdiff_t>(source.size())) {
      ASSERT_EQ(scalar.kind, ScalarKind::kNull);
      continue;
    }
    long double const expected = *read_number(
        type, field.big_endian, source.substr(static_cast<std::size_t>(begin), field.size));
    if (std::isnan(expected)) {
      ASSERT_TRUE(std::isnan(number_of(scalar)));
    } else {
      ASSERT_EQ(number_of(scalar), expected);
    }
    bool const is_float = type == FieldType::kF32 || type == FieldType::kF64;
    ASSERT_EQ(scalar.kind, is_float ? ScalarKind::kFloat : ScalarKind::kInteger);
    ASSERT_EQ(scalar.negative, !is_float && expected < 0);
  }
}

TEST(LoadField, BytesOfASizeOrToTheEnd) {
  std::string const value = "0123456789";
  std::string const key = "thekey";
  Row const row = row_of(key, value);
  auto const text = [&](Field const& field) -> std::optional<std::string> {
    Scalar const scalar = load_field(field, row);
    if (scalar.kind == ScalarKind::kNull) return std::nullopt;
    EXPECT_EQ(scalar.kind, ScalarKind::kBytes);
    return std::string(reinterpret_cast<char const*>(scalar.bytes.data), scalar.bytes.size);
  };
  EXPECT_EQ(text(bytes_field(FieldSource::kValue, 2, 3)), "234");
  EXPECT_EQ(text(bytes_field(FieldSource::kValue, 8, 2)), "89");
  EXPECT_EQ(text(bytes_field(FieldSource::kValue, 8, 3)), std::nullopt);
  EXPECT_EQ(text(bytes_field(FieldSource::kValue, 8, kToTheEnd)), "89");
  EXPECT_EQ(text(bytes_field(FieldSource::kValue, 10, kToTheEnd)), "");
  EXPECT_EQ(text(bytes_field(FieldSource::kValue, 10, 0)), "");
  EXPECT_EQ(text(bytes_field(FieldSource::kValue, 11, kToTheEnd)), std::nullopt);
  EXPECT_EQ(text(bytes_field(FieldSource::kValue, UINT32_MAX, kToTheEnd)), std::nullopt);
  EXPECT_EQ(text(bytes_field(FieldSource::kValue, 0, UINT32_MAX - 1)), std::nullopt);
  EXPECT_EQ(text(from_end(bytes_field(FieldSource::kValue, 4, 2))), "67");
  EXPECT_EQ(text(from_end(bytes_field(FieldSource::kValue, 4, kToTheEnd))), "6789");
  EXPECT_EQ(text(from_end(bytes_field(FieldSource::kValue, 4, 5))), std::nullopt);
  EXPECT_EQ(text(from_end(bytes_field(FieldSource::kValue, 11, 1))), std::nullopt);
  EXPECT_EQ(text(bytes_field(FieldSource::kKey, 3, kToTheEnd)), "key");
}

TEST(LoadField, BuiltInFields) {
  Row const row{{nullptr, 0}, 12, {nullptr, 0}, kSequenceMax};
  EXPECT_EQ(load_field(built_in_field(FieldSource::kKeySize), row).bits, 12u);
  EXPECT_EQ(load_field(built_in_field(FieldSource::kValueSize), row).bits, 0u);
  EXPECT_EQ(load_field(built_in_field(FieldSource::kSequence), row).bits, kSequenceMax);
}

TEST(LoadField, KeyBytesThatAreNotAtHandAreUnavailableAndNotNull) {
  std::string const at_hand(kTrailerBytes, 'k');
  Row const row{view_of(at_hand), 20, {nullptr, 0}, 1};
  auto const kind = [&](Field const& field) { return load_field(field, row).kind; };
  EXPECT_EQ(kind(bytes_field(FieldSource::kKey, 0, 8)), ScalarKind::kBytes);
  EXPECT_EQ(kind(bytes_field(FieldSource::kKey, 0, 9)), ScalarKind::kUnavailable);
  EXPECT_EQ(kind(bytes_field(FieldSource::kKey, 0, kToTheEnd)), ScalarKind::kUnavailable);
  EXPECT_EQ(kind(number_field(FieldSource::kKey, FieldType::kU32, 4)), ScalarKind::kInteger);
  EXPECT_EQ(kind(number_field(FieldSource::kKey, FieldType::kU32, 5)), ScalarKind::kUnavailable);
  EXPECT_EQ(kind(from_end(number_field(FieldSource::kKey, FieldType::kU8, 13))),
            ScalarKind::kInteger);
  EXPECT_EQ(kind(from_end(number_field(FieldSource::kKey, FieldType::kU8, 12))),
            ScalarKind::kUnavailable);
  EXPECT_EQ(kind(number_field(FieldSource::kKey, FieldType::kU8, 20)), ScalarKind::kNull);
  EXPECT_EQ(kind(bytes_field(FieldSource::kKey, 18, 3)), ScalarKind::kNull);
}

Scalar integer(int64_t value) { return integer_scalar(static_cast<uint64_t>(value), value < 0); }
Scalar unsigned_integer(uint64_t value) { return integer_scalar(value, false); }
Scalar real(double value) {
  return {ScalarKind::kFloat, false, double_to_bits(value), {nullptr, 0}};
}

Ordering expected_order(long double a, long double b) {
  if (std::isnan(a) || std::isnan(b)) return Ordering::kUnordered;
  return a < b ? Ordering::kLess : a > b ? Ordering::kGreater : Ordering::kEqual;
}

// Around every power of two, where an f64 can't hold every integer.
std::vector<Scalar> awkward_numbers() {
  std::vector<Scalar> numbers;
  for (uint32_t bits = 0; bits < 64; ++bits) {
    uint64_t const power = uint64_t{1} << bits;
    for (uint64_t const value : {power - 1, power, power + 1}) {
      numbers.push_back(unsigned_integer(value));
      // -2^63 is the smallest.
      if (value <= uint64_t{1} << 63) numbers.push_back(integer(static_cast<int64_t>(0 - value)));
    }
    double const whole = std::ldexp(1.0, static_cast<int>(bits));
    for (double const value :
         {whole, std::nextafter(whole, 0.0), std::nextafter(whole, 1e300), whole + 0.5}) {
      numbers.push_back(real(value));
      numbers.push_back(real(-value));
    }
  }
  numbers.push_back(unsigned_integer(UINT64_MAX));
  double const two_to_64 = 18446744073709551616.0;
  double const infinity = std::numeric_limits<double>::infinity();
  for (double const value :
       {two_to_64, std::nextafter(two_to_64, 0.0), std::nextafter(two_to_64, 1e300), 1e300,
        infinity, 0.0, std::numeric_limits<double>::denorm_min(), 0.5, 0.999}) {
    numbers.push_back(real(value));
    numbers.push_back(real(-value));
  }
  numbers.push_back(real(std::numeric_limits<double>::quiet_NaN()));
  return numbers;
}

TEST(CompareScalars, NumbersCompareMathematically) {
  std::vector<Scalar> const numbers = awkward_numbers();
  for (Scalar const& a : numbers) {
    for (Scalar const& b : numbers) {
      ASSERT_EQ(compare_scalars(a, b), expected_order(number_of(a), number_of(b)))
          << static_cast<double>(number_of(a)) << " and " << static_cast<double>(number_of(b));
    }
  }
}

TEST(CompareScalars, IntegersAtTheLimitsOfFloats) {
  double const two_to_53 = 9007199254740992.0;
  EXPECT_EQ(compare_scalars(integer((int64_t{1} << 53) + 1), real(two_to_53)), Ordering::kGreater);
  EXPECT_EQ(compare_scalars(real(two_to_53), integer((int64_t{1} << 53) + 1)), Ordering::kLess);
  EXPECT_EQ(compare_scalars(integer(INT64_MIN), real(-9223372036854775808.0)), Ordering::kEqual);
  EXPECT_EQ(compare_scalars(integer(INT64_MAX), real(9223372036854775808.0)), Ordering::kLess);
  EXPECT_EQ(compare_scalars(unsigned_integer(uint64_t{1} << 63), real(9223372036854775808.0)),
            Ordering::kEqual);
  EXPECT_EQ(compare_scalars(unsigned_integer(UINT64_MAX), real(18446744073709551616.0)),
            Ordering::kLess);
  EXPECT_EQ(compare_scalars(unsigned_integer(UINT64_MAX), integer(-1)), Ordering::kGreater);
  EXPECT_EQ(compare_scalars(integer(0), real(-0.0)), Ordering::kEqual);
}

TEST(CompareScalars, BytesAreUnsignedAndAPrefixComesFirst) {
  std::string const a = "ab";
  std::string const b = "ab\x01";
  std::string const c = "a\xff";
  auto const scalar = [](std::string const& text) {
    return Scalar{ScalarKind::kBytes, false, 0, view_of(text)};
  };
  EXPECT_EQ(compare_scalars(scalar(a), scalar(a)), Ordering::kEqual);
  EXPECT_EQ(compare_scalars(scalar(a), scalar(b)), Ordering::kLess);
  EXPECT_EQ(compare_scalars(scalar(c), scalar(b)), Ordering::kGreater);
}

constexpr Comparison kComparisons[] = {Comparison::kEqual,   Comparison::kNotEqual,
                                       Comparison::kLess,    Comparison::kLessEqual,
                                       Comparison::kGreater, Comparison::kGreaterEqual};

bool compare(Comparison comparison, double a, double b) {
  switch (comparison) {
    case Comparison::kEqual: return a == b;
    case Comparison::kNotEqual: return a != b;
    case Comparison::kLess: return a < b;
    case Comparison::kLessEqual: return a <= b;
    case Comparison::kGreater: return a > b;
    case Comparison::kGreaterEqual: return a >= b;
    case Comparison::kIsNull: break;
  }
  return false;
}

bool passes(PredicateProgram const& program, std::string const& value) {
  std::string const key = "key";
  Verdict const verdict = evaluate(program.view(), row_of(key, value));
  EXPECT_NE(verdict, Verdict::kUndecided);
  return verdict == Verdict::kPasses;
}

std::string bytes_of(double value) {
  return std::string(reinterpret_cast<char const*>(&value), sizeof value);
}

// NaN included: only != is true, and its negation false.
TEST(Evaluate, EveryComparisonAndItsNegation) {
  double const nan = std::numeric_limits<double>::quiet_NaN();
  for (double const a : {-1.0, 0.0, 2.5, nan}) {
    for (double const b : {-1.0, 0.0, 2.5, nan}) {
      for (Comparison const comparison : kComparisons) {
        for (bool const negated : {false, true}) {
          PredicateProgram with_constant;
          uint16_t const field =
              with_constant.field(number_field(FieldSource::kValue, FieldType::kF64, 0));
          with_constant.test(field, comparison, with_constant.real(b), kAccept, kReject, negated);
          PredicateProgram with_field;
          uint16_t const left =
              with_field.field(number_field(FieldSource::kValue, FieldType::kF64, 0));
          uint16_t const right =
              with_field.field(number_field(FieldSource::kValue, FieldType::kF64, 8));
          with_field.test_fields(left, comparison, right, kAccept, kReject, negated);
          bool const expected = compare(comparison, a, b) != negated;
          EXPECT_EQ(passes(with_constant, bytes_of(a)), expected) << a << ' ' << b;
          EXPECT_EQ(passes(with_field, bytes_of(a) + bytes_of(b)), expected) << a << ' ' << b;
          // A null on either side is false, negated or not.
          EXPECT_FALSE(passes(with_constant, "short"));
          EXPECT_FALSE(passes(with_field, bytes_of(a)));
        }
      }
    }
  }
}

// What is known of the operands beforehand saves time and changes nothing.
TEST(Evaluate, IntegersInValuesCompareAlikeWhateverTheShape) {
  Random random(mix(base_seed() + 31));
  for (uint32_t round = 0; round < 20000; ++round) {
    SCOPED_TRACE("LEVELSCAN_SEED=" + std::to_string(base_seed()) + " round " +
                 std::to_string(round));
    FieldType const type = static_cast<FieldType>(random.below(8));
    bool const is_signed = type >= FieldType::kI8;
    uint32_t const offset = random.below(4);
    PredicateProgram program;
    uint16_t const field = program.field(number_field(FieldSource::kValue, type, offset));
    uint64_t const power = uint64_t{1} << random.below(64);
    uint64_t const constant = power + random.below(3) - 1;
    uint16_t const right =
        is_signed
            ? program.integer(static_cast<int64_t>(random.one_in(2) ? constant : 0 - constant))
            : program.unsigned_integer(constant);
    std::string value = random.bytes(offset) +
                        fixed(random.one_in(2) ? constant + random.below(3) - 1 : random.next(), 8);
    value.resize(random.one_in(8) ? random.below(12) : value.size());
    program.test(
        field,
        random.pick(std::vector<Comparison>(std::begin(kComparisons), std::end(kComparisons))),
        right, kAccept, kReject, random.one_in(2));
    bool const expected = passes(program, value);
    program.instructions[0].shape = OperandShape::kIntegerInValue;
    ASSERT_EQ(passes(program, value), expected);
    IntegerTest const test = program.integer_test();
    ASSERT_NE(test.size, 0u);
    ASSERT_EQ(holds(test, view_of(value)), expected);
  }
}

TEST(Evaluate, NullTests) {
  for (bool const negated : {false, true}) {
    PredicateProgram program;
    uint16_t const field = program.field(number_field(FieldSource::kValue, FieldType::kU16, 1));
    program.test_null(field, kAccept, kReject, negated);
    EXPECT_EQ(passes(program, "ab"), !negated);
    EXPECT_EQ(passes(program, "abc"), negated);
  }
}

TEST(Evaluate, BytesAgainstConstantsAndFields) {
  PredicateProgram program;
  uint16_t const field = program.field(bytes_field(FieldSource::kValue, 1, kToTheEnd));
  program.text("unused");
  program.test(field, Comparison::kLess, program.text("mm"));
  EXPECT_TRUE(passes(program, "zm"));
  EXPECT_FALSE(passes(program, "zmm"));
  EXPECT_TRUE(passes(program, "z"));
  EXPECT_FALSE(passes(program, "")) << "null";
}

// (a == 1 and not b == 1) or (c == 1 and b is not null), three fields of one byte each; a field
// that is missing is null. Against the truth table of three-valued logic.
TEST(Evaluate, JumpProgramIsThreeValuedLogic) {
  PredicateProgram program;
  uint16_t const a = program.field(number_field(FieldSource::kValue, FieldType::kU8, 0));
  uint16_t const b = program.field(number_field(FieldSource::kValue, FieldType::kU8, 1));
  uint16_t const c = program.field(from_end(number_field(FieldSource::kKey, FieldType::kU8, 1)));
  uint16_t const one = program.integer(1);
  program.test(a, Comparison::kEqual, one, 1, 2);
  program.test(b, Comparison::kEqual, one, kAccept, 2, true);
  program.test(c, Comparison::kEqual, one, 3, kReject);
  program.test_null(b, kAccept, kReject, true);
  EXPECT_TRUE(program.reads_key);

  using Truth = std::optional<bool>;
  auto const both = [](Truth x, Truth y) -> Truth {
    if ((x && !*x) || (y && !*y)) return false;
    if (!x || !y) return std::nullopt;
    return true;
  };
  auto const either = [](Truth x, Truth y) -> Truth {
    if ((x && *x) || (y && *y)) return true;
    if (!x || !y) return std::nullopt;
    return false;
  };
  for (std::string const& value :
       {std::string(), std::string(1, '\0'), std::string(1, '\1'), std::string("\0\0", 2),
        std::string("\0\1", 2), std::string("\1\0", 2), std::string("\1\1", 2)}) {
    for (std::string const& key : {std::string(), std::string("\1"), std::string("\1\0", 2)}) {
      Truth const is_a = value.empty() ? Truth{} : Truth{value[0] == 1};
      Truth const is_b = value.size() < 2 ? Truth{} : Truth{value[1] == 1};
      Truth const not_b = is_b ? Truth{!*is_b} : Truth{};
      Truth const is_c = key.empty() ? Truth{} : Truth{key.back() == 1};
      Truth const expected = either(both(is_a, not_b), both(is_c, value.size() >= 2));
      EXPECT_EQ(evaluate(program.view(), row_of(key, value)),
                expected.value_or(false) ? Verdict::kPasses : Verdict::kFails)
          << testing::PrintToString(value) << testing::PrintToString(key);
    }
  }
}

TEST(Evaluate, NoInstructionsPassEverything) { EXPECT_TRUE(passes(PredicateProgram{}, "")); }

TEST(Evaluate, UndecidedOnlyWhereAMissingByteMatters) {
  std::string const at_hand = "kkkkkkkk";
  std::string const value = "v";
  Row const row{view_of(at_hand), 20, view_of(value), 1};
  PredicateProgram program;
  uint16_t const byte = program.field(number_field(FieldSource::kValue, FieldType::kU8, 0));
  uint16_t const far = program.field(number_field(FieldSource::kKey, FieldType::kU8, 15));
  uint16_t const letter = program.integer('v');
  program.test(byte, Comparison::kEqual, letter, 1, kReject);
  program.test(far, Comparison::kEqual, letter);
  EXPECT_EQ(evaluate(program.view(), row), Verdict::kUndecided);
  program.instructions[0].negated = true;
  EXPECT_EQ(evaluate(program.view(), row), Verdict::kFails) << "short-circuited";
  program.instructions[0] = {
      Comparison::kEqual, false, false, OperandShape::kAny, byte, far, kAccept, kReject};
  EXPECT_EQ(evaluate(program.view(), row), Verdict::kUndecided) << "as a right operand";
}

}  // namespace
}  // namespace levelscan::test
