// Files read where the page cache has them, also when they are cut meanwhile.
#include "table/mapped_file.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "device/memory.hpp"
#include "support/expect_error.hpp"
#include "support/format_writer.hpp"
#include "support/temporary_directory.hpp"
#include "table/random_access_file.hpp"

namespace levelscan {
namespace {

using testing::expect_error;
using testing::TemporaryDirectory;

std::string pages_of(char byte, std::size_t count) {
  return std::string(count * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)), byte);
}

class MappedFiles : public ::testing::Test {
 protected:
  MappedFile map(std::string const& name, std::string const& text) {
    std::string const path = directory_ / name;
    testing::write_whole_file(path, text);
    files_.push_back(RandomAccessFile::open(path));
    std::optional<MappedFile> mapped = MappedFile::map(files_.back());
    EXPECT_TRUE(mapped.has_value());
    return std::move(*mapped);
  }

  TemporaryDirectory directory_;
  std::vector<RandomAccessFile> files_;
};

bool all_are(std::span<uint8_t const> bytes, uint8_t byte) {
  return std::all_of(bytes.begin(), bytes.end(), [&](uint8_t each) { return each == byte; });
}

TEST_F(MappedFiles, HaveSlackOnBothSidesAsMemoryOfThePoolHas) {
  for (std::size_t const size : {std::size_t{10}, pages_of('a', 1).size()}) {
    MappedFile const mapped = map("slack" + std::to_string(size), std::string(size, 'a'));
    uint8_t const* const first = mapped.bytes(0, size).data();
    EXPECT_TRUE(all_are({first - kSlackBytes, kSlackBytes}, 0));
    EXPECT_TRUE(all_are({first + size, kSlackBytes}, 0));
  }
}

TEST_F(MappedFiles, HaveTheFilesBytesAndNoOthers) {
  MappedFile const mapped = map("file", "0123456789");
  EXPECT_EQ(mapped.size(), 10u);
  std::span<uint8_t const> const middle = mapped.bytes(3, 4);
  EXPECT_EQ(std::string(middle.begin(), middle.end()), "3456");
  EXPECT_TRUE(mapped.bytes(10, 0).empty());
  expect_error(ErrorCode::kCorruption, directory_ / "file",
               [&] { static_cast<void>(mapped.bytes(7, 4)); });
  expect_error(ErrorCode::kCorruption, "10 bytes",
               [&] { static_cast<void>(mapped.bytes(UINT64_MAX, 1)); });
  mapped.require_whole();
}

TEST_F(MappedFiles, StayReadableWhenTheFileIsDeleted) {
  MappedFile const mapped = map("file", pages_of('x', 3));
  std::filesystem::remove(directory_ / "file");
  EXPECT_TRUE(all_are(mapped.bytes(0, mapped.size()), 'x'));
  mapped.require_whole();
}

TEST_F(MappedFiles, WhatIsCutOffReadsAsZerosAndIsReported) {
  std::string const page = pages_of('x', 1);
  MappedFile mapped = map("file", pages_of('x', 4));
  MappedFile const other = map("other", pages_of('y', 4));
  std::filesystem::resize_file(directory_ / "file", page.size());
  EXPECT_TRUE(all_are(mapped.bytes(0, page.size()), 'x'));
  MappedFile const moved = std::move(mapped);
  EXPECT_TRUE(all_are(moved.bytes(page.size(), 3 * page.size()), 0));
  expect_error(ErrorCode::kCorruption, "became shorter", [&] { moved.require_whole(); });
  EXPECT_TRUE(all_are(other.bytes(0, other.size()), 'y'));
  other.require_whole();
}

TEST_F(MappedFiles, ACutWithinAPageIsReportedThoughNothingSignalsIt) {
  MappedFile const mapped = map("file", pages_of('x', 1));
  mapped.require_whole();
  std::filesystem::resize_file(directory_ / "file", 1000);
  EXPECT_TRUE(all_are(mapped.bytes(1000, 1000), 0));
  expect_error(ErrorCode::kCorruption, "became shorter", [&] { mapped.require_whole(); });
}

TEST_F(MappedFiles, ANewMappingKnowsNothingOfAnOldOnesDamage) {
  for (int repetition = 0; repetition < 3; ++repetition) {
    MappedFile const mapped = map("file", pages_of('x', 2));
    mapped.require_whole();
    std::filesystem::resize_file(directory_ / "file", 0);
    EXPECT_TRUE(all_are(mapped.bytes(0, mapped.size()), 0));
    expect_error(ErrorCode::kCorruption, "became shorter", [&] { mapped.require_whole(); });
  }
}

TEST_F(MappedFiles, AreNotMadeOfBytesInMemoryNorOfFilesThatAreNotKeptOpen) {
  RandomAccessFile const in_memory = RandomAccessFile::in_memory({1, 2, 3}, "memory");
  EXPECT_FALSE(MappedFile::map(in_memory).has_value());
  map("file", "0123456789");
  files_.back().close_until_read();
  EXPECT_FALSE(MappedFile::map(files_.back()).has_value());
  testing::write_whole_file(directory_ / "empty", "");
  EXPECT_FALSE(MappedFile::map(RandomAccessFile::open(directory_ / "empty")).has_value());
}

using MappedFilesDeathTest = MappedFiles;

TEST_F(MappedFilesDeathTest, ASignalThatSomebodySentEndsTheProcess) {
  MappedFile const mapped = map("file", "0123456789");
  EXPECT_DEATH(::raise(SIGBUS), "");
}

TEST_F(MappedFilesDeathTest, OthersMappingsStillEndTheProcess) {
  MappedFile const mapped = map("file", "0123456789");
  EXPECT_DEATH(
      {
        std::string const path = directory_ / "foreign";
        testing::write_whole_file(path, pages_of('x', 1));
        RandomAccessFile const file = RandomAccessFile::open(path);
        void* const foreign =
            ::mmap(nullptr, file.size(), PROT_READ, MAP_SHARED, file.descriptor(), 0);
        std::filesystem::resize_file(path, 0);
        uint8_t const volatile* const bytes = static_cast<uint8_t const*>(foreign);
        ::_exit(bytes[0]);
      },
      "");
}

}  // namespace
}  // namespace levelscan
