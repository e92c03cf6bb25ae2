#include "version/options_file.hpp"

#include <gtest/gtest.h>

#include <string>

#include "support/format_writer.hpp"
#include "support/temporary_directory.hpp"

namespace levelscan {
namespace {

using testing::TemporaryDirectory;
using testing::write_whole_file;

TEST(OptionsFileOf, SectionsAndValuesAreToldApart) {
  OptionsFile const file = OptionsFile::parse(
      "# a comment\n"
      "stray=1\n"
      "[Version]\n  rocksdb_version=7.8.3\n"
      "[DBOptions]\n  wal_dir=/logs\n  a line of another form\n  max_open_files = -1 # comment\r\n"
      "[CFOptions \"default\"]\n  merge_operator=nullptr\n"
      "[TableOptions/BlockBasedTable \"default\"]\n  block_size=4096\n"
      "[CFOptions \"or\\\"ders\"]\n  merge_operator=PutOperator\n  merge_operator=second\n");
  ASSERT_EQ(file.sections().size(), 5u);
  EXPECT_EQ(file.database_option("wal_dir"), "/logs");
  EXPECT_EQ(file.database_option("max_open_files"), "-1");
  EXPECT_EQ(file.database_option("merge_operator"), std::nullopt);
  EXPECT_EQ(file.column_family_option("default", "merge_operator"), "nullptr");
  EXPECT_EQ(file.column_family_option("or\"ders", "merge_operator"), "PutOperator");
  EXPECT_EQ(file.column_family_option("orders", "merge_operator"), std::nullopt);
  EXPECT_EQ(file.value("TableOptions/BlockBasedTable", "default", "block_size"), "4096");
  EXPECT_EQ(file.value("Version", "", "rocksdb_version"), "7.8.3");
}

TEST(OptionsFileOf, EscapesAreUndone) {
  OptionsFile const file =
      OptionsFile::parse("[DBOptions]\n a=x\\#y\\\\z\\:\\nq # comment\n b=\\\n c=\n");
  EXPECT_EQ(file.database_option("a"), "x#y\\z:\nq");
  EXPECT_EQ(file.database_option("b"), "\\");
  EXPECT_EQ(file.database_option("c"), "");
}

TEST(OptionsFileOf, AnyBytesAreRead) {
  for (std::string const& text :
       {std::string(), std::string("["), std::string("[]"), std::string("[\"]\n=\n"),
        std::string("[\"\"\"]\na=b"), std::string("\0\xff[DBOptions]\n=", 14),
        std::string("[DBOptions]\na=\\"), std::string("\n\n\n=#=[")}) {
    EXPECT_LE(OptionsFile::parse(text).sections().size(), 1u);
  }
}

TEST(OptionsFileOf, AValueMayDescribeAnObject) {
  EXPECT_EQ(parse_options_object("").id, "");
  EXPECT_EQ(parse_options_object("nullptr").id, "");
  EXPECT_EQ(parse_options_object("PutOperator").id, "PutOperator");
  OptionsObject const object = parse_options_object(
      "{id=StringAppendOperator;delimiter=,;inner={id=A;b=1;};after=x;nonsense;}");
  EXPECT_EQ(object.id, "StringAppendOperator");
  EXPECT_EQ(object.settings, (std::map<std::string, std::string>{
                                 {"after", "x"}, {"delimiter", ","}, {"inner", "{id=A;b=1;}"}}));
  EXPECT_EQ(parse_options_object("{id=nullptr;}").id, "");
  EXPECT_EQ(parse_options_object("{{{{;").id, "{{{{;");
  EXPECT_TRUE(parse_options_object("{}}}};=}").id.empty());
}

TEST(OptionsFileOf, TheNewestCounts) {
  TemporaryDirectory const directory;
  EXPECT_TRUE(read_newest_options(directory.path()).sections().empty());
  EXPECT_TRUE(read_newest_options(directory / "gone").sections().empty());
  write_whole_file(directory / "OPTIONS-000009", "[DBOptions]\na=9\n");
  write_whole_file(directory / "OPTIONS-000010", "[DBOptions]\na=10\n");
  write_whole_file(directory / "OPTIONS-000011.dbtmp", "[DBOptions]\na=11\n");
  write_whole_file(directory / "OPTIONS-", "[DBOptions]\na=0\n");
  EXPECT_EQ(read_newest_options(directory.path()).database_option("a"), "10");
}

}  // namespace
}  // namespace levelscan
