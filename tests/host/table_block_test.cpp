#include "table/block.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "support/expect_error.hpp"
#include "support/format_writer.hpp"
#include "support/temporary_directory.hpp"

namespace levelscan {
namespace {

using testing::bytes_of;
using testing::expect_error;
using testing::fixed;
using testing::key_value_block;
using testing::TemporaryDirectory;
using testing::text_of;

constexpr BlockPlace kPlace{"000007.sst", 4711};
constexpr Footer kFooter{ChecksumType::kCrc32c, 0, 5, {}, std::nullopt, 0};
using Rows = std::vector<std::pair<std::string, std::string>>;

Rows walk(std::string const& block) {
  Rows rows;
  for_each_entry(bytes_of(block), kPlace,
                 [&](std::span<uint8_t const> key, std::span<uint8_t const> value) {
                   rows.emplace_back(text_of(key), text_of(value));
                   return true;
                 });
  return rows;
}

TEST(BlockTailOf, EntriesEndBeforeTheRestartArray) {
  std::string const block = key_value_block({{"a", "1"}, {"ab", "2"}, {"b", "3"}}, 2);
  BlockTail const tail = parse_block_tail(bytes_of(block), kPlace);
  EXPECT_EQ(tail.restart_count, 2u);
  EXPECT_EQ(tail.entries_end, block.size() - 12);
}

TEST(BlockTailOf, AnEmptyBlockHasOneRestartPoint) {
  std::string const block = key_value_block({});
  BlockTail const tail = parse_block_tail(bytes_of(block), kPlace);
  EXPECT_EQ(tail.restart_count, 1u);
  EXPECT_EQ(tail.entries_end, 0u);
  check_restarts(bytes_of(block), tail, kPlace);
  EXPECT_TRUE(walk(block).empty());
}

TEST(BlockTailOf, TheUniformBitIsAHint) {
  std::string block = key_value_block({{"a", "1"}});
  block[block.size() - 1] = 0x20;
  EXPECT_EQ(parse_block_tail(bytes_of(block), kPlace).restart_count, 1u);
}

TEST(BlockTailOf, LayoutsThatOnlyDataBlocksHaveAreRefusedByName) {
  std::string block = key_value_block({{"a", "1"}});
  block[block.size() - 1] = '\x80';
  expect_error(ErrorCode::kUnsupported, "hash index in index and metadata blocks",
               [&] { static_cast<void>(parse_block_tail(bytes_of(block), kPlace)); });
  block[block.size() - 1] = 0x10;
  expect_error(ErrorCode::kUnsupported, "separated keys and values in index and metadata blocks",
               [&] { static_cast<void>(parse_block_tail(bytes_of(block), kPlace)); });
  block[block.size() - 1] = 0x40;
  expect_error(ErrorCode::kCorruption, "reserved bit",
               [&] { static_cast<void>(parse_block_tail(bytes_of(block), kPlace)); });
}

TEST(BlockTailOf, RestartArraysThatDoNotFitAreCorruption) {
  for (std::string const& block : {std::string(), std::string("abc"), fixed(uint32_t{0}),
                                   fixed(uint32_t{1}), fixed(uint32_t{0}) + fixed(uint32_t{2}),
                                   fixed(uint32_t{0}) + fixed(uint32_t{0x0fffffff})}) {
    expect_error(ErrorCode::kCorruption, "000007.sst at offset 4711",
                 [&] { static_cast<void>(parse_block_tail(bytes_of(block), kPlace)); });
  }
}

TEST(BlockTailOf, RestartPointsOutOfOrderAreCorruption) {
  std::string const entries = "0123456789";
  for (std::vector<uint32_t> const& restarts : std::vector<std::vector<uint32_t>>{
           {1}, {0, 0}, {0, 5, 5}, {0, 7, 3}, {0, 10}, {0, 0xffffffff}}) {
    std::string block = entries;
    for (uint32_t const restart : restarts) block += fixed(restart);
    block += fixed(static_cast<uint32_t>(restarts.size()));
    BlockTail const tail = parse_block_tail(bytes_of(block), kPlace);
    expect_error(ErrorCode::kCorruption, "restart points",
                 [&] { check_restarts(bytes_of(block), tail, kPlace); });
  }
}

TEST(BlockEntries, ComeBackAtAnyRestartInterval) {
  Rows rows;
  for (int i = 0; i < 100; ++i)
    rows.emplace_back("key" + std::to_string(1000 + i),
                      std::string(static_cast<std::size_t>(i), 'v'));
  for (std::size_t const interval : {1u, 2u, 7u, 16u, 1000u})
    EXPECT_EQ(walk(key_value_block(rows, interval)), rows);
}

TEST(BlockEntries, MalformedOnesAreCorruption) {
  std::string const restart = fixed(uint32_t{0}) + fixed(uint32_t{1});
  for (std::string const& entries :
       {std::string("\x01\x01\x01"
                    "ab",
                    5),  // shares bytes with nothing
        std::string("\x00\x7f\x01"
                    "ab",
                    5),  // key beyond the entries
        std::string("\x00\x01\x7f"
                    "ab",
                    5),                                 // value beyond the entries
        std::string("\x00\x01", 2),                     // cut
        std::string("\x00\xff\xff\xff\xff\x0f", 6)}) {  // cut after a huge length
    expect_error(ErrorCode::kCorruption, "malformed entry", [&] { walk(entries + restart); });
  }
}

TEST(BlockRead, VerifiesTheTrailer) {
  TemporaryDirectory const directory;
  std::string const payload = key_value_block({{"a", "1"}});
  std::string const path = directory / "block";
  std::string const stored = testing::stored_block(payload);
  testing::write_whole_file(path, "gap" + stored);
  BlockHandle const handle{3, payload.size()};
  EXPECT_EQ(text_of(read_block(RandomAccessFile::open(path), handle, kFooter)), payload);
  for (std::size_t i = 0; i < stored.size(); ++i) {
    std::string flipped = stored;
    flipped[i] = static_cast<char>(flipped[i] ^ 1);
    testing::write_whole_file(path, "gap" + flipped);
    expect_error(ErrorCode::kCorruption, "checksum", [&] {
      static_cast<void>(read_block(RandomAccessFile::open(path), handle, kFooter));
    });
  }
}

TEST(BlockRead, AChecksumWithContextFitsOneOffsetOnly) {
  constexpr uint32_t kBase = 0xdeadbeef;
  Footer footer = kFooter;
  footer.format_version = 6;
  footer.checksum_base = kBase;
  std::string const payload = key_value_block({{"a", "1"}});
  std::string const raw = testing::stored_block(payload, 0, kBase, kPlace.offset);
  EXPECT_EQ(verify_block(bytes_of(raw), footer, kPlace), 0);
  for (uint64_t const offset :
       {uint64_t{0}, kPlace.offset - 1, kPlace.offset + 1, kPlace.offset + (uint64_t{1} << 32)}) {
    expect_error(ErrorCode::kCorruption, "checksum", [&] {
      verify_block(bytes_of(raw), footer, BlockPlace{kPlace.file, offset});
    });
  }
  // Also where blocks have no checksum of their own.
  footer.checksum_type = ChecksumType::kNone;
  std::string const bare = payload + '\0' + fixed(testing::context_of(kBase, kPlace.offset));
  EXPECT_EQ(verify_block(bytes_of(bare), footer, kPlace), 0);
  expect_error(ErrorCode::kCorruption, "checksum", [&] {
    verify_block(bytes_of(bare), footer, BlockPlace{kPlace.file, 0});
  });
}

TEST(BlockRead, AChecksumOfTypeNoneIsZero) {
  Footer without = kFooter;
  without.checksum_type = ChecksumType::kNone;
  std::string const payload = "abc";
  std::string const raw = payload + '\0' + fixed(uint32_t{0});
  EXPECT_EQ(verify_block(bytes_of(raw), without, kPlace), 0);
  std::string const other = payload + '\0' + fixed(uint32_t{1});
  expect_error(ErrorCode::kCorruption, "none checksum",
               [&] { verify_block(bytes_of(other), without, kPlace); });
  EXPECT_EQ(verify_block(bytes_of(other), without, kPlace, false), 0);
}

TEST(RandomAccess, ReadsInsideTheFileOnly) {
  TemporaryDirectory const directory;
  std::string const path = directory / "file";
  testing::write_whole_file(path, "0123456789");
  RandomAccessFile file = RandomAccessFile::open(path);
  EXPECT_EQ(file.size(), 10u);
  EXPECT_EQ(text_of(file.read(3, 4)), "3456");
  EXPECT_TRUE(file.read(10, 0).empty());
  expect_error(ErrorCode::kCorruption, path, [&] { static_cast<void>(file.read(7, 4)); });
  expect_error(ErrorCode::kCorruption, path, [&] { static_cast<void>(file.read(UINT64_MAX, 1)); });
  expect_error(ErrorCode::kCorruption, path, [&] { static_cast<void>(file.read(0, UINT64_MAX)); });
  RandomAccessFile const moved = std::move(file);
  EXPECT_EQ(text_of(moved.read(0, 2)), "01");
  std::filesystem::resize_file(path, 5);
  expect_error(ErrorCode::kCorruption, "became shorter",
               [&] { static_cast<void>(moved.read(3, 4)); });
}

TEST(RandomAccess, AFileThatIsNotKeptOpenIsReadAsLongAsItIsTheSame) {
  TemporaryDirectory const directory;
  std::string const path = directory / "file";
  testing::write_whole_file(path, "0123456789");
  RandomAccessFile file = RandomAccessFile::open(path);
  file.close_until_read();
  RandomAccessFile const moved = std::move(file);
  EXPECT_EQ(text_of(moved.read(3, 4)), "3456");
  // Its name is another file's now, then no file's.
  testing::write_whole_file(directory / "other", "9876543210");
  std::filesystem::rename(directory / "other", path);
  EXPECT_THROW(static_cast<void>(moved.read(3, 4)), FileVanished);
  std::filesystem::remove(path);
  EXPECT_THROW(static_cast<void>(moved.read(3, 4)), FileVanished);
}

TEST(RandomAccess, SaysWhatCannotBeOpened) {
  TemporaryDirectory const directory;
  expect_error(ErrorCode::kRuntime, "No such file",
               [&] { static_cast<void>(RandomAccessFile::open(directory / "none")); });
  EXPECT_FALSE(RandomAccessFile::open_if_exists(directory / "none"));
  expect_error(ErrorCode::kRuntime, "not a regular file",
               [&] { static_cast<void>(RandomAccessFile::open(directory.path())); });
}

}  // namespace
}  // namespace levelscan
