// OPTIONS files that librocksdb writes, against what it was told to use.
#ifdef LEVELSCAN_WITH_ROCKSDB

#include <gtest/gtest.h>
#include <rocksdb/convenience.h>
#include <rocksdb/merge_operator.h>

#include <map>
#include <memory>
#include <string>

#include "support/rocksdb_writer.hpp"
#include "support/temporary_directory.hpp"
#include "version/options_file.hpp"

namespace levelscan {
namespace {

using testing::check_ok;
using testing::quiet_options;
using testing::TemporaryDirectory;

TEST(OptionsFileOfRocksdb, NamesTheMergeOperatorOfEachColumnFamily) {
  TemporaryDirectory const directory;
  std::map<std::string, std::string> const operators{{"default", "put"},
                                                     {"a#b\"c\\d", "uint64add"},
                                                     {"with space", "max"},
                                                     {"text", "id=stringappend;delimiter=|"},
                                                     {"none", ""}};
  std::map<std::string, std::string> names;
  {
    rocksdb::Options options = quiet_options();
    options.create_missing_column_families = true;
    std::vector<rocksdb::ColumnFamilyDescriptor> families;
    for (auto const& [family, value] : operators) {
      rocksdb::ColumnFamilyOptions family_options(options);
      if (!value.empty()) {
        check_ok(rocksdb::MergeOperator::CreateFromString(rocksdb::ConfigOptions(), value,
                                                          &family_options.merge_operator));
      }
      names[family] =
          value.empty() ? std::string() : std::string(family_options.merge_operator->Name());
      families.emplace_back(family, family_options);
    }
    rocksdb::DB* raw = nullptr;
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    check_ok(rocksdb::DB::Open(options, directory / "db", families, &handles, &raw));
    std::unique_ptr<rocksdb::DB> const database(raw);
    for (auto* const handle : handles) check_ok(database->DestroyColumnFamilyHandle(handle));
  }
  OptionsFile const file = read_newest_options(directory / "db");
  for (auto const& [family, name] : names) {
    auto const value = file.column_family_option(family, "merge_operator");
    ASSERT_TRUE(value) << family;
    EXPECT_EQ(parse_options_object(*value).id, name) << *value;
  }
  EXPECT_EQ(file.column_family_option("none", "comparator"), "leveldb.BytewiseComparator");
  EXPECT_EQ(parse_options_object(*file.column_family_option("text", "merge_operator"))
                .settings.at("delimiter"),
            "|");
}

}  // namespace
}  // namespace levelscan

#endif
