// The built-in merge operators against librocksdb's own, and their names as files have them.
#include "version/merge_operator.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rocksdb/convenience.h>
#include <rocksdb/merge_operator.h>

#include <memory>
#include <string>
#include <vector>

#include "support/random.hpp"
#include "support/rocksdb_writer.hpp"
#include "support/temporary_directory.hpp"
#include "version/options_file.hpp"

namespace levelscan {
namespace {

using namespace levelscan::testing;
using levelscan::test::base_seed;
using levelscan::test::mix;
using levelscan::test::Random;

std::string merged(MergeOperator const& merge_operator, std::optional<std::string_view> existing,
                   std::vector<std::string> const& operands) {
  std::vector<std::string_view> const views(operands.begin(), operands.end());
  Merge const merge(merge_operator, existing, views);
  std::string result(merge.bytes(), '\0');
  merge.write(reinterpret_cast<uint8_t*>(result.data()));
  return result;
}

std::shared_ptr<rocksdb::MergeOperator> rocksdb_operator(std::string const& id) {
  std::shared_ptr<rocksdb::MergeOperator> result;
  check_ok(rocksdb::MergeOperator::CreateFromString(rocksdb::ConfigOptions(), id, &result));
  return result;
}

std::string rocksdb_merged(rocksdb::MergeOperator const& merge_operator,
                           std::optional<std::string_view> existing,
                           std::vector<std::string> const& operands) {
  rocksdb::Slice existing_slice;
  if (existing) existing_slice = rocksdb::Slice(existing->data(), existing->size());
  std::vector<rocksdb::Slice> const slices(operands.begin(), operands.end());
  rocksdb::MergeOperator::MergeOperationInput const input(
      "key", existing ? &existing_slice : nullptr, slices, nullptr);
  std::string value;
  rocksdb::Slice chosen(nullptr, 0);
  rocksdb::MergeOperator::MergeOperationOutput output(value, chosen);
  EXPECT_TRUE(merge_operator.FullMergeV2(input, &output));
  return chosen.data() != nullptr ? chosen.ToString() : value;
}

TEST(MergeOperators, MergeAsThoseOfRocksdbDo) {
  Random random(mix(base_seed() + 5));
  for (std::string const id :
       {"uint64add", "stringappend", "stringappendtest", "max", "put", "put_v1",
        "id=stringappend;delimiter=<>", "id=stringappendtest;delimiter=|"}) {
    SCOPED_TRACE(id);
    std::optional<MergeOperator> const ours = parse_merge_operator(id);
    ASSERT_TRUE(ours.has_value());
    std::shared_ptr<rocksdb::MergeOperator> const theirs = rocksdb_operator(id);
    EXPECT_EQ(ours->name, theirs->Name());
    auto const draw = [&] {
      return random.one_in(2) ? random.bytes(8) : random.bytes(random.below(20));
    };
    for (int round = 0; round < 2000; ++round) {
      std::vector<std::string> operands;
      for (uint32_t i = random.between(1, 5); i > 0; --i) operands.push_back(draw());
      std::optional<std::string> existing;
      if (!random.one_in(3)) existing = random.one_in(8) ? std::string() : draw();
      std::optional<std::string_view> view;
      if (existing) view = *existing;
      ASSERT_EQ(merged(*ours, view, operands), rocksdb_merged(*theirs, view, operands));
    }
  }
}

TEST(MergeOperators, EmptyAndWrongLengthOperandsAreTakenAsRocksdbTakesThem) {
  MergeOperator const add = *parse_merge_operator("uint64add");
  std::string const one("\1\0\0\0\0\0\0\0", 8);
  std::string const zero(8, '\0');
  EXPECT_EQ(merged(add, std::nullopt, {"short"}), zero);
  EXPECT_EQ(merged(add, "nine bytes", {one, "", one}), std::string("\2\0\0\0\0\0\0\0", 8));
  EXPECT_EQ(merged(add, std::string(8, '\xff'), {one}), zero);
  MergeOperator const append = *parse_merge_operator("stringappend");
  EXPECT_EQ(merged(append, "", {"a"}), ",a");
  EXPECT_EQ(merged(append, std::nullopt, {"", "a"}), ",a");
  EXPECT_EQ(merged(append, std::nullopt, {""}), "");
  MergeOperator const max = *parse_merge_operator("max");
  EXPECT_EQ(merged(max, std::nullopt, {""}), "");
  EXPECT_EQ(merged(max, "a", {"\xff", "b"}), "\xff");
}

TEST(MergeOperators, NamesAreThoseOfOptionsFiles) {
  auto const name_of = [](std::string_view text) {
    std::optional<MergeOperator> const found = recorded_merge_operator(text);
    return found ? found->name + "/" + found->delimiter : std::string("none");
  };
  EXPECT_EQ(name_of("UInt64AddOperator"), "UInt64AddOperator/");
  EXPECT_EQ(name_of("MaxOperator"), "MaxOperator/");
  EXPECT_EQ(name_of("PutOperator"), "PutOperator/");
  EXPECT_EQ(name_of("{id=PutOperator;}"), "PutOperator/");
  EXPECT_EQ(name_of("{id=StringAppendOperator;delimiter=,;}"), "StringAppendOperator/,");
  EXPECT_EQ(name_of("{delimiter=a;id=b;id=StringAppendOperator;}"), "StringAppendOperator/a;id=b");
  EXPECT_EQ(name_of("{id=StringAppendTESTOperator;delimiter=;;}"), "StringAppendTESTOperator/;");
  // Open: the delimiter.
  EXPECT_EQ(name_of("StringAppendOperator"), "none");
  EXPECT_EQ(name_of("{id=StringAppendOperator;}"), "none");
  for (char const* text : {"", "{}", "nullptr", "uint64ad", "UInt64AddOperator;delimiter=,",
                           "{id=UInt64AddOperator;delimiter=,;}", "{id=StringAppendOperator;x=,;}",
                           "{delimiter=,;}", "BytesXOR"}) {
    EXPECT_EQ(name_of(text), "none") << text;
    EXPECT_FALSE(parse_merge_operator(text).has_value()) << text;
  }
  EXPECT_EQ(parse_merge_operator("stringappend")->delimiter, ",");
  EXPECT_EQ(parse_merge_operator("id=stringappend;delimiter=")->delimiter, "");
}

TEST(MergeOperators, WhatRocksdbRecordsInItsOptionsFileIsUnderstood) {
  for (std::string const id :
       {"uint64add", "max", "put", "stringappend", "{id=stringappend;delimiter={;}}",
        "{id=stringappend;delimiter=#:}", "id=stringappendtest;delimiter=abc"}) {
    SCOPED_TRACE(id);
    TemporaryDirectory directory;
    rocksdb::Options options = quiet_options();
    options.merge_operator = rocksdb_operator(id);
    auto const database = open_database(options, directory / "database");
    std::string const recorded = read_newest_options(directory / "database")
                                     .column_family_option("default", "merge_operator")
                                     .value_or("");
    std::optional<MergeOperator> const found = recorded_merge_operator(recorded);
    ASSERT_TRUE(found.has_value()) << recorded;
    std::vector<std::string> const operands{"one", "two", "eight888"};
    EXPECT_EQ(merged(*found, std::nullopt, operands),
              rocksdb_merged(*options.merge_operator, std::nullopt, operands));
  }
}

}  // namespace
}  // namespace levelscan
