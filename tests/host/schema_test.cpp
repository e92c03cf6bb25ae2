// Field definitions, column lists, aggregate lists.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "levelscan/error.hpp"
#include "query/aggregates.hpp"
#include "query/schema.hpp"

namespace levelscan {
namespace {

using ::testing::HasSubstr;

std::string usage_error(std::function<void()> const& function) {
  try {
    function();
  } catch (Error const& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUsage);
    return error.what();
  }
  return "no error";
}

void expect_field(std::string const& definition, Field const& expected) {
  SCOPED_TRACE(definition);
  Field const field = parse_field(definition).field;
  EXPECT_EQ(field.source, expected.source);
  EXPECT_EQ(field.type, expected.type);
  EXPECT_EQ(field.big_endian, expected.big_endian);
  EXPECT_EQ(field.from_end, expected.from_end);
  EXPECT_EQ(field.offset, expected.offset);
  EXPECT_EQ(field.size, expected.size);
}

TEST(Schema, BuiltInColumnsAreAlwaysThere) {
  Schema const schema;
  EXPECT_EQ(schema.find("key")->field.source, FieldSource::kKey);
  EXPECT_EQ(schema.find("key")->field.size, kToTheEnd);
  EXPECT_EQ(schema.find("value")->field.type, FieldType::kBytes);
  EXPECT_EQ(schema.find("key_size")->field.source, FieldSource::kKeySize);
  EXPECT_EQ(schema.find("value_size")->field.source, FieldSource::kValueSize);
  EXPECT_EQ(schema.find("seq")->field.type, FieldType::kU64);
  EXPECT_EQ(schema.find("Key"), nullptr);
}

TEST(Schema, DefinitionsNameTypeAndPlace) {
  expect_field("a:u8@key+0", {FieldSource::kKey, FieldType::kU8, false, false, 0, 1});
  expect_field("a:u16be@key+3", {FieldSource::kKey, FieldType::kU16, true, false, 3, 2});
  expect_field("a:i32@value-4", {FieldSource::kValue, FieldType::kI32, false, true, 4, 4});
  expect_field("a:f64be@value+4294967294",
               {FieldSource::kValue, FieldType::kF64, true, false, UINT32_MAX - 1, 8});
  expect_field("_A9:f32@value+8", {FieldSource::kValue, FieldType::kF32, false, false, 8, 4});
  expect_field("a:bytes[16]@key-20", {FieldSource::kKey, FieldType::kBytes, false, true, 20, 16});
  expect_field("a:bytes@value+1",
               {FieldSource::kValue, FieldType::kBytes, false, false, 1, kToTheEnd});
}

TEST(Schema, BadDefinitionsAreNamed) {
  for (char const* definition : {"",
                                 "a",
                                 "a:u8",
                                 "a@key+0",
                                 ":u8@key+0",
                                 "1a:u8@key+0",
                                 "a-b:u8@key+0",
                                 "in:u8@key+0",
                                 "NULL:u8@key+0",
                                 "a:u24@key+0",
                                 "a:U8@key+0",
                                 "a:@key+0",
                                 "a:be@key+0",
                                 "a:bytesbe@key+0",
                                 "a:bytes[]@key+0",
                                 "a:bytes[0]@key+0",
                                 "a:bytes[-1]@key+0",
                                 "a:bytes[4@key+0",
                                 "a:bytes[4294967295]@key+0",
                                 "a:u8@key",
                                 "a:u8@key+",
                                 "a:u8@key*4",
                                 "a:u8@key+x",
                                 "a:u8@key+-1",
                                 "a:u8@key+1 ",
                                 "a:u8@seq+0",
                                 "a:u8@KEY+0",
                                 "a:u8@value+4294967295",
                                 "a:u8@value+99999999999",
                                 "a:u8@column",
                                 "a:u8@column+0",
                                 "a:u8@column(c",
                                 "a:u8@column(c)",
                                 "a:u8@column(c)0",
                                 "a:u8@Column(c)+0",
                                 "a:u8@"}) {
    std::string const text = usage_error([&] { static_cast<void>(parse_field(definition)); });
    EXPECT_THAT(text, HasSubstr("--field '" + std::string(definition) + "'")) << definition;
  }
}

TEST(Schema, FieldsLieInColumnsOfEntities) {
  NamedField const plain = parse_field("a:u32be@column(name)+4");
  EXPECT_EQ(plain.field.source, FieldSource::kColumn);
  EXPECT_EQ(plain.field.type, FieldType::kU32);
  EXPECT_TRUE(plain.field.big_endian);
  EXPECT_EQ(plain.field.offset, 4U);
  EXPECT_EQ(plain.column, "name");
  NamedField const awkward = parse_field("a:bytes@column(:x@(\\x00\\\\)+1)-2");
  EXPECT_EQ(awkward.column, std::string(":x@(\0\\)+1", 9));
  EXPECT_TRUE(awkward.field.from_end);
  EXPECT_EQ(awkward.field.offset, 2U);
  EXPECT_EQ(parse_field("a:u8@column(0x00ff)+0").column, std::string("\0\xff", 2));
  EXPECT_EQ(parse_field("a:u8@column()+0").column, "");
}

TEST(Schema, NamesAreTakenOnce) {
  Schema schema;
  schema.define("a:u8@key+0");
  EXPECT_THAT(usage_error([&] { schema.define("a:u16@key+0"); }),
              HasSubstr("already a column 'a'"));
  EXPECT_THAT(usage_error([&] { schema.define("seq:u16@key+0"); }),
              HasSubstr("already a column 'seq'"));
  schema.define("A:u8@key+0");
  EXPECT_EQ(schema.fields().size(), 7U);
}

Schema order_schema() {
  Schema schema;
  schema.define("x:u32@value+0");
  schema.define("f:f32@value+4");
  schema.define("name:bytes[4]@value+8");
  return schema;
}

TEST(Schema, AggregateLabelsAreWithoutSpaces) {
  auto const columns =
      parse_aggregates("count( ) ,Count(name), SUM( x ),min(name),max(f),avg(x)", order_schema());
  ASSERT_EQ(columns.size(), 6U);
  std::string labels;
  for (AggregateColumn const& column : columns) labels += column.label + " ";
  EXPECT_EQ(labels, "count() count(name) sum(x) min(name) max(f) avg(x) ");
  EXPECT_EQ(columns[0].function, AggregateFunction::kCountRows);
  EXPECT_EQ(columns[1].function, AggregateFunction::kCount);
  EXPECT_EQ(columns[2].function, AggregateFunction::kSum);
  EXPECT_EQ(columns[2].field.name, "x");
  EXPECT_EQ(columns[4].field.field.type, FieldType::kF32);
}

TEST(Schema, BadAggregatesAreRefused) {
  auto const refusal = [](char const* text) {
    return usage_error([&] { static_cast<void>(parse_aggregates(text, order_schema())); });
  };
  EXPECT_THAT(refusal("sum(name)"), HasSubstr("sum takes numbers, and 'name' is bytes"));
  EXPECT_THAT(refusal("avg(key)"), HasSubstr("avg takes numbers"));
  EXPECT_THAT(refusal("sum()"), HasSubstr("a column is expected"));
  EXPECT_THAT(refusal("count(*)"), HasSubstr("rows are counted with count()"));
  EXPECT_THAT(refusal("median(x)"), HasSubstr("avg(f) is expected instead of 'median'"));
  EXPECT_THAT(refusal("sum(y)"), HasSubstr("unknown column 'y'"));
  EXPECT_THAT(refusal("sum(x), sum( x)"), HasSubstr("sum(x) twice"));
  for (char const* text :
       {"", ",", "count", "count(", "count(),", "count() sum(x)", "sum(x,f)", "sum(x+1)"}) {
    EXPECT_THAT(refusal(text), HasSubstr("--agg: ")) << text;
  }
}

TEST(Schema, ColumnListsTakeEachColumnOnce) {
  auto const columns = parse_columns(" x, key,seq ", order_schema());
  ASSERT_EQ(columns.size(), 3U);
  EXPECT_EQ(columns[0].name, "x");
  EXPECT_EQ(columns[2].field.source, FieldSource::kSequence);
  for (char const* text : {"", "x,", "x y", "x,x", "nope", "x;y", "1"}) {
    EXPECT_THAT(usage_error([&] { static_cast<void>(parse_columns(text, order_schema())); }),
                HasSubstr("--select: "))
        << text;
  }
}

}  // namespace
}  // namespace levelscan
