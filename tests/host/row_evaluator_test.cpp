// The reference evaluator itself, on cases worked out by hand.
#include "peer/row_evaluator.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include "levelscan/error.hpp"
#include "peer/row_record.hpp"
#include "query/aggregates.hpp"
#include "query/parser.hpp"

namespace levelscan {
namespace {

Schema schema() {
  Schema result;
  for (char const* const field :
       {"u8:u8@value+0", "i8:i8@value+0", "u64:u64@value+0", "i64:i64@value+0",
        "u32be:u32be@value+0", "f64:f64@value+0", "f32:f32@value+0", "tail:bytes@value+4",
        "end:u16@value-2", "four:bytes[4]@value+0", "far:u8@value+100", "k:u16be@key+1"}) {
    result.define(field);
  }
  return result;
}

bool passes(std::string const& where, PeerRow const& row) {
  Expression const expression = parse_expression(where, schema());
  return RowEvaluator(expression).passes(row);
}

template <class Number>
std::string bytes_of(Number number) {
  std::string bytes(sizeof number, '\0');
  std::memcpy(bytes.data(), &number, sizeof number);
  return bytes;
}

TEST(RowEvaluator, DecodesEveryKindOfField) {
  PeerRow const row{"\x01\x02\x03", "\xfe\xff\xff\xff\x04\x05\x06\x07", 42};
  EXPECT_TRUE(passes("u8 = 254 and i8 = -2", row));
  EXPECT_TRUE(passes("u64 = 0x07060504fffffffe", row));
  EXPECT_TRUE(passes("u32be = 0xfeffffff", row));
  EXPECT_TRUE(passes("end = 0x0706", row));
  EXPECT_TRUE(passes("four = x'feffffff' and tail = x'04050607'", row));
  EXPECT_TRUE(passes("k = 0x0203 and key = x'010203'", row));
  EXPECT_TRUE(passes("key_size = 3 and value_size = 8 and seq = 42", row));
}

TEST(RowEvaluator, WhatLiesOutsideTheRowIsNull) {
  PeerRow const row{"a", "abc", 0};
  EXPECT_TRUE(passes("far is null and u64 is null and k is null", row));
  EXPECT_TRUE(passes("tail is null", row));
  EXPECT_TRUE(passes("end is not null", row));
  PeerRow const empty_tail{"a", "abcd", 0};
  EXPECT_TRUE(passes("tail is not null and tail = ''", empty_tail));
}

TEST(RowEvaluator, LogicIsThreeValued) {
  PeerRow const row{"a", "\x05", 0};
  EXPECT_FALSE(passes("far = 1", row));
  EXPECT_FALSE(passes("not far = 1", row));
  EXPECT_FALSE(passes("far = 1 and u8 = 5", row));
  EXPECT_TRUE(passes("far = 1 or u8 = 5", row));
  EXPECT_TRUE(passes("not (far = 1 and u8 = 6)", row));
  EXPECT_FALSE(passes("not (far = 1 or u8 = 6)", row));
  EXPECT_FALSE(passes("far != far", row));
  EXPECT_FALSE(passes("far between 1 and 2 or far not in (1, 2)", row));
}

TEST(RowEvaluator, IntegersAndFloatsCompareByTheirValue) {
  std::string const largest_bytes = bytes_of(UINT64_MAX);
  PeerRow const largest{"", largest_bytes, 0};
  EXPECT_TRUE(passes("u64 < 18446744073709551616.0 and u64 > 1.8e19 and i64 = -1", largest));
  EXPECT_TRUE(passes("u64 > i64 and i64 > -1.5 and i64 < -0.5", largest));
  std::string const odd_bytes = bytes_of((uint64_t{1} << 53) + 1);
  PeerRow const odd{"", odd_bytes, 0};
  EXPECT_TRUE(passes("u64 > 9007199254740992.0 and u64 < 9007199254740994.0", odd));
  std::string const least_bytes = bytes_of(INT64_MIN);
  PeerRow const least{"", least_bytes, 0};
  EXPECT_TRUE(passes("i64 = -9223372036854775808.0 and i64 > -1e300", least));
}

TEST(RowEvaluator, OfANotANumberOnlyInequalityIsTrue) {
  std::string const row_bytes = bytes_of(std::numeric_limits<double>::quiet_NaN());
  PeerRow const row{"", row_bytes, 0};
  EXPECT_TRUE(passes("f64 != 1 and f64 != f64 and f64 is not null", row));
  EXPECT_FALSE(passes("f64 = f64 or f64 < 1 or f64 >= 1", row));
  EXPECT_TRUE(passes("not f64 < 1", row));
}

TEST(RowEvaluator, BytesCompareUnsignedAPrefixFirst) {
  PeerRow const row{"ab\xff", "", 0};
  EXPECT_TRUE(passes("key > 'ab' and key > 'ab\\x7f' and key < 'b' and key < x'6162ff00'", row));
}

TEST(RowAggregate, SumsAreExactAndNullsSkipped) {
  std::vector<AggregateColumn> const columns = parse_aggregates(
      "count(), count(u64), sum(u64), avg(i64), min(u64), max(i64), sum(far), min(tail)", schema());
  std::vector<RowAggregate> aggregates(columns.begin(), columns.end());
  for (std::string const& value :
       {bytes_of(UINT64_MAX), bytes_of(UINT64_MAX), bytes_of(uint64_t{7}), std::string("abc")}) {
    for (RowAggregate& aggregate : aggregates) aggregate.add({"", value, 0});
  }
  EXPECT_EQ(describe_integer(aggregates[0].value().integer), "4");
  EXPECT_EQ(describe_integer(aggregates[1].value().integer), "3");
  EXPECT_EQ(describe_integer(aggregates[2].value().integer), "36893488147419103237");
  EXPECT_DOUBLE_EQ(aggregates[3].value().floating, 5.0 / 3.0);
  EXPECT_EQ(describe_integer(aggregates[4].value().integer), "7");
  EXPECT_EQ(describe_integer(aggregates[5].value().integer), "7");
  EXPECT_EQ(aggregates[6].value().kind, AggregateValue::Kind::kNull);
  EXPECT_EQ(aggregates[7].value().bytes, std::string(4, '\0'));
}

TEST(RowAggregate, ExtremesSkipNotANumber) {
  std::vector<AggregateColumn> const columns =
      parse_aggregates("min(f64), max(f64), count(f64)", schema());
  std::vector<RowAggregate> aggregates(columns.begin(), columns.end());
  for (double const number : {std::nan(""), 2.5, -1.0, std::nan("")}) {
    std::string const value = bytes_of(number);
    for (RowAggregate& aggregate : aggregates) aggregate.add({"", value, 0});
  }
  EXPECT_EQ(aggregates[0].value().floating, -1.0);
  EXPECT_EQ(aggregates[1].value().floating, 2.5);
  EXPECT_EQ(describe_integer(aggregates[2].value().integer), "4");
}

}  // namespace
}  // namespace levelscan
