#include "version/manifest.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/expect_error.hpp"
#include "support/format_writer.hpp"
#include "support/temporary_directory.hpp"

namespace levelscan {
namespace {

using testing::append_log_record;
using testing::bytes_of;
using testing::expect_error;
using testing::fixed;
using testing::internal_key;
using testing::prefixed;
using testing::varint;

std::string const kPath = "db/MANIFEST-000005";

VersionEdit decode(std::string const& edit) {
  return decode_version_edit(bytes_of(edit), kPath, 4711);
}

std::string new_file4(uint32_t level, uint64_t number, std::string const& smallest,
                      std::string const& largest, std::string const& custom = "") {
  return varint(103) + varint(level) + varint(number) + varint(1000 + number) +
         prefixed(internal_key(smallest, 9)) + prefixed(internal_key(largest, 3)) + varint(3) +
         varint(9) + custom + varint(1);
}

std::string header() {
  return varint(1) + prefixed("leveldb.BytewiseComparator") + varint(2) + varint(4) + varint(9) +
         varint(0) + varint(3) + varint(20) + varint(4) + varint(99);
}

ManifestVersion replay(std::vector<std::string> const& edits) {
  std::string log;
  for (std::string const& edit : edits) append_log_record(log, edit);
  return replay_manifest(bytes_of(log), kPath);
}

TEST(VersionEditOf, AllScalarTagsAreRead) {
  VersionEdit const edit =
      decode(header() + varint(10) + varint(3) + varint(203) + varint(7) + varint(200) + varint(2) +
             varint(201) + prefixed("family") + varint(300) + varint(5));
  EXPECT_EQ(edit.comparator, "leveldb.BytewiseComparator");
  EXPECT_EQ(edit.log_number, 4u);
  EXPECT_EQ(edit.previous_log_number, 0u);
  EXPECT_EQ(edit.next_file_number, 20u);
  EXPECT_EQ(edit.last_sequence, 99u);
  EXPECT_EQ(edit.log_number_to_keep_min, 3u);
  EXPECT_EQ(edit.column_family_max, 7u);
  EXPECT_EQ(edit.column_family, 2u);
  EXPECT_EQ(edit.column_family_add, "family");
  EXPECT_EQ(edit.atomic_group_remaining, 5u);
  EXPECT_TRUE(decode(varint(202)).column_family_drop);
}

TEST(VersionEditOf, AllKindsOfNewFilesAreRead) {
  std::string const keys = prefixed(internal_key("a", 9)) + prefixed(internal_key("k", 3));
  std::string const sequences = varint(3) + varint(9);
  std::string const place = varint(2) + varint(11);
  VersionEdit const edit =
      decode(varint(7) + place + varint(500) + keys +                            //
             varint(100) + place + varint(500) + keys + sequences +              //
             varint(102) + place + varint(1) + varint(500) + keys + sequences +  //
             varint(103) + place + varint(500) + keys + sequences + varint(1));
  ASSERT_EQ(edit.new_files.size(), 4u);
  for (std::size_t i = 0; i < 4; ++i) {
    FileEntry const& file = edit.new_files[i];
    EXPECT_EQ(file.level, 2u);
    EXPECT_EQ(file.file_number, 11u);
    EXPECT_EQ(file.file_bytes, 500u);
    EXPECT_EQ(file.smallest, internal_key("a", 9));
    EXPECT_EQ(file.largest, internal_key("k", 3));
    EXPECT_EQ(file.path_id, i == 2 ? 1u : 0u);
    EXPECT_EQ(file.smallest_sequence, i == 0 ? 0u : 3u);
    EXPECT_EQ(file.largest_sequence, i == 0 ? kMaxSequence : 9u);
  }
}

TEST(VersionEditOf, CustomFieldsAreReadOrSkipped) {
  std::string const custom = varint(4) + prefixed(varint(77)) + varint(5) + prefixed(varint(1)) +
                             varint(7) + prefixed("sum") + varint(13) + prefixed(varint(6)) +
                             varint(65) + prefixed(std::string(1, '\2')) + varint(3) +
                             prefixed(fixed(uint64_t{8})) + varint(63) + prefixed("of the future");
  VersionEdit const edit = decode(new_file4(1, 12, "a", "b", custom) + varint(2) + varint(4));
  ASSERT_EQ(edit.new_files.size(), 1u);
  EXPECT_EQ(edit.new_files[0].oldest_blob_file_number, 77u);
  EXPECT_EQ(edit.new_files[0].epoch_number, 6u);
  EXPECT_EQ(edit.new_files[0].path_id, 2u);
  EXPECT_FALSE(edit.new_files[0].has_timestamps);
  EXPECT_EQ(edit.log_number_to_keep_min, 8u);
  EXPECT_EQ(edit.log_number, 4u);
  EXPECT_TRUE(decode(new_file4(1, 12, "a", "b", varint(10) + prefixed("12345678")))
                  .new_files[0]
                  .has_timestamps);
  EXPECT_TRUE(decode(new_file4(1, 12, "a", "b", varint(16) + prefixed(std::string(1, '\0'))))
                  .new_files[0]
                  .has_timestamps);
}

TEST(VersionEditOf, IgnorableTagsAreSkippedAndOthersRefused) {
  EXPECT_EQ(decode(varint(8193) + prefixed("database id") + varint(9000) + prefixed("future") +
                   varint(2) + varint(4))
                .log_number,
            4u);
  expect_error(ErrorCode::kUnsupported, "MANIFEST tag 500", [] { decode(varint(500)); });
  expect_error(ErrorCode::kUnsupported, "MANIFEST file field 66",
               [] { decode(new_file4(0, 1, "a", "b", varint(66) + prefixed("x"))); });
}

TEST(VersionEditOf, BlobFilesAndLogsAreRead) {
  VersionEdit const edit = decode(
      varint(400) + varint(31) + varint(10) + varint(1000) + prefixed("") + prefixed("") +
      varint(3) + prefixed("?") + varint(0) + varint(401) + varint(31) + varint(4) + varint(400) +
      varint(0) + varint(8199) + prefixed(varint(12) + varint(2) + varint(640) + varint(1)) +
      varint(8200) + prefixed(varint(11)));
  ASSERT_EQ(edit.blob_files_added.size(), 1u);
  EXPECT_EQ(edit.blob_files_added[0].file_number, 31u);
  EXPECT_EQ(edit.blob_files_added[0].blob_count, 10u);
  ASSERT_EQ(edit.blob_files_garbage.size(), 1u);
  EXPECT_EQ(edit.blob_files_garbage[0].blob_count, 4u);
  EXPECT_EQ(edit.logs_added, (std::vector<std::pair<uint64_t, uint64_t>>{{12, 640}}));
  EXPECT_EQ(edit.logs_deleted_before, 11u);
  // Before they had lengths.
  VersionEdit const old = decode(varint(8196) + varint(12) + varint(1) + varint(8197) + varint(11) +
                                 varint(2) + varint(4));
  EXPECT_EQ(old.logs_added, (std::vector<std::pair<uint64_t, uint64_t>>{{12, 0}}));
  EXPECT_EQ(old.logs_deleted_before, 11u);
  EXPECT_EQ(old.log_number, 4u);
}

TEST(VersionEditOf, CutAnywhereIsCorruptionOrAShorterEdit) {
  std::string const edit = header() +
                           new_file4(1, 12, "aaa", "bbb", varint(4) + prefixed(varint(77))) +
                           varint(6) + varint(1) + varint(300);
  for (std::size_t length = 0; length < edit.size(); ++length) {
    std::vector<uint8_t> const cut(edit.begin(),
                                   edit.begin() + static_cast<std::ptrdiff_t>(length));
    try {
      static_cast<void>(decode_version_edit(cut, kPath, 0));
    } catch (Error const& error) {
      EXPECT_EQ(error.code(), ErrorCode::kCorruption) << error.what();
    }
  }
}

TEST(VersionEditOf, MalformedFilesAreCorruption) {
  auto const malformed = [](std::string const& words, std::string const& edit) {
    expect_error(ErrorCode::kCorruption, words, [&] { decode(edit); });
    expect_error(ErrorCode::kCorruption, "db/MANIFEST-000005 at offset 4711",
                 [&] { decode(edit); });
  };
  malformed("malformed level", varint(103) + varint(1000) + varint(1));
  malformed("malformed smallest key",
            varint(103) + varint(0) + varint(1) + varint(1) + prefixed("short"));
  malformed("malformed range of sequences",
            varint(103) + varint(0) + varint(1) + varint(1) + prefixed(internal_key("a", 1)) +
                prefixed(internal_key("a", 1)) + varint(9) + varint(3) + varint(1));
  malformed("malformed path id", new_file4(0, 1, "a", "b", varint(65) + prefixed("xy")));
  malformed("malformed path id", new_file4(0, 1, "a", "b", varint(65) + prefixed("x")));
  malformed("malformed tag", std::string(1, '\x80'));
}

TEST(Manifest, FilesAreAddedMovedAndDeleted) {
  ManifestVersion const version = replay(
      {header(), new_file4(0, 10, "a", "k") + new_file4(0, 11, "b", "z"),
       varint(6) + varint(0) + varint(10) + new_file4(2, 10, "a", "k"),
       varint(6) + varint(0) + varint(11) + varint(4) + varint(120) + varint(2) + varint(8)});
  ASSERT_EQ(version.families.size(), 1u);
  ManifestFamily const& family = version.families[0];
  EXPECT_EQ(family.name, "default");
  EXPECT_EQ(family.comparator, "leveldb.BytewiseComparator");
  EXPECT_EQ(family.log_number, 8u);
  EXPECT_EQ(version.last_sequence, 120u);
  EXPECT_EQ(version.next_file_number, 20u);
  ASSERT_EQ(family.levels.size(), 3u);
  EXPECT_TRUE(family.levels[0].empty());
  ASSERT_EQ(family.levels[2].size(), 1u);
  EXPECT_EQ(family.levels[2][0].file_number, 10u);
  EXPECT_EQ(family.table_count(), 1u);
}

TEST(Manifest, ColumnFamiliesKeepTheirFilesToThemselves) {
  std::vector<std::string> edits = {
      header(),
      varint(200) + varint(1) + varint(201) + prefixed("orders") + varint(1) + prefixed("reverse") +
          varint(2) + varint(5),
      varint(200) + varint(2) + varint(201) + prefixed("dropped"),
      varint(200) + varint(1) + varint(2) + varint(50) + new_file4(0, 10, "a", "k"),
      varint(200) + varint(2) + new_file4(3, 12, "a", "k"),
      varint(200) + varint(2) + varint(202),
      varint(10) + varint(7) + varint(200) + varint(1) + new_file4(6, 11, "l", "z")};
  ManifestVersion const version = replay(edits);
  ASSERT_EQ(version.families.size(), 2u);
  EXPECT_TRUE(version.families[0].levels.empty());
  EXPECT_EQ(version.families[0].log_number, 4u);
  EXPECT_EQ(version.find_family("dropped"), nullptr);
  ManifestFamily const* const orders = version.find_family("orders");
  ASSERT_NE(orders, nullptr);
  EXPECT_EQ(orders->id, 1u);
  EXPECT_EQ(orders->comparator, "reverse");
  EXPECT_EQ(orders->log_number, 50u);
  ASSERT_EQ(orders->levels.size(), 7u);
  EXPECT_EQ(orders->levels[0].at(0).file_number, 10u);
  EXPECT_EQ(orders->levels[6].at(0).file_number, 11u);
  EXPECT_EQ(version.log_number_to_keep_min, 7u);
}

TEST(Manifest, AtomicGroupsCountWhollyOrNotAtAll) {
  auto const member = [](uint32_t remaining, uint64_t number) {
    return varint(300) + varint(remaining) + new_file4(0, number, "a", "b");
  };
  EXPECT_EQ(replay({header(), member(1, 10), member(0, 11)}).families[0].levels.at(0).size(), 2u);
  EXPECT_TRUE(replay({header(), member(1, 10)}).families[0].levels.empty());
  EXPECT_EQ(replay({header(), member(0, 10), member(1, 11)}).families[0].levels.at(0).size(), 1u);
  expect_error(ErrorCode::kCorruption, "atomic group", [&] {
    replay({header(), member(1, 10), new_file4(0, 11, "a", "b")});
  });
  expect_error(ErrorCode::kCorruption, "atomic group", [&] {
    replay({header(), member(3, 10), member(1, 11)});
  });
}

TEST(Manifest, BlobFilesLiveUntilAllTheirBlobsAreGarbage) {
  std::string const added = varint(400) + varint(31) + varint(10) + varint(1000) + prefixed("") +
                            prefixed("") + varint(0);
  auto const garbage = [](uint64_t count) {
    return varint(401) + varint(31) + varint(count) + varint(1) + varint(0);
  };
  auto const files = replay({header(), added, garbage(4)}).families[0].blob_files;
  ASSERT_EQ(files.size(), 1u);
  EXPECT_EQ(files.at(31).blob_count, 6u);
  EXPECT_EQ(files.at(31).record_bytes, 1000u);
  EXPECT_TRUE(replay({header(), added, garbage(4), garbage(6)}).families[0].blob_files.empty());
}

TEST(Manifest, EditsThatDoNotFitAreCorruption) {
  auto const corrupt = [](std::string const& words, std::vector<std::string> const& edits) {
    expect_error(ErrorCode::kCorruption, words, [&] { replay(edits); });
  };
  corrupt("deleted from level 1",
          {header(), new_file4(0, 10, "a", "b"), varint(6) + varint(1) + varint(10)});
  corrupt("added twice", {header(), new_file4(0, 10, "a", "b"), new_file4(1, 10, "a", "b")});
  corrupt("unknown column family 3",
          {header(), varint(200) + varint(3) + new_file4(0, 10, "a", "b")});
  corrupt("added twice", {header(), varint(200) + varint(0) + varint(201) + prefixed("default")});
  corrupt("default column family was dropped", {header(), varint(200) + varint(0) + varint(202)});
  corrupt("no log number", {});
  corrupt("no last sequence", {varint(2) + varint(1) + varint(3) + varint(1)});
  corrupt("no next file number", {varint(2) + varint(1) + varint(4) + varint(1)});
}

TEST(Current, NamesTheManifest) {
  testing::TemporaryDirectory const directory;
  expect_error(ErrorCode::kNotADatabase, "has no CURRENT",
               [&] { static_cast<void>(read_current(directory.path())); });
  expect_error(ErrorCode::kNotADatabase, "No such file",
               [&] { static_cast<void>(read_current(directory / "none")); });
  testing::write_whole_file(directory / "CURRENT", "MANIFEST-000012\n");
  EXPECT_EQ(read_current(directory.path()), "MANIFEST-000012");
  expect_error(ErrorCode::kNotADatabase, "not a directory",
               [&] { static_cast<void>(read_current(directory / "CURRENT")); });
  expect_error(ErrorCode::kCorruption, "names MANIFEST-000012, which is missing",
               [&] { static_cast<void>(read_manifest(directory.path())); });
  for (std::string const& bad : {std::string("MANIFEST-000012"), std::string("\n"), std::string(),
                                 std::string("MANIFEST-../../x\n"), std::string(1000, 'x')}) {
    testing::write_whole_file(directory / "CURRENT", bad);
    expect_error(ErrorCode::kCorruption, "CURRENT",
                 [&] { static_cast<void>(read_current(directory.path())); });
  }
}

}  // namespace
}  // namespace levelscan
