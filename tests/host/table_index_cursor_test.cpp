#include "table/index_cursor.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "support/expect_error.hpp"
#include "support/format_writer.hpp"

namespace levelscan {
namespace {

using testing::block_of_entries;
using testing::bytes_of;
using testing::expect_error;
using testing::handle_bytes;
using testing::text_of;
using testing::varint;

constexpr BlockPlace kPlace{"000007.sst", 4711};
constexpr uint64_t kBlocksEnd = uint64_t{1} << 40;

struct Entry {
  std::string key;  // as stored
  BlockHandle handle;
};

std::string first_key_of(Entry const& entry) {
  return testing::internal_key(entry.key.substr(0, entry.handle.size % 200), 7);
}

std::string index_block(std::vector<Entry> const& index, IndexEncoding encoding,
                        std::size_t restart_interval) {
  std::vector<std::string> entries;
  for (std::size_t i = 0; i < index.size(); ++i) {
    auto const& [key, handle] = index[i];
    std::size_t const shared =
        i % restart_interval == 0 ? 0 : testing::shared_prefix(index[i - 1].key, key);
    std::string entry = varint(shared) + varint(key.size() - shared);
    std::string const first_key =
        encoding.has_first_keys ? testing::prefixed(first_key_of(index[i])) : std::string();
    std::string const full = handle_bytes(handle.offset, handle.size) + first_key;
    if (!encoding.value_is_delta_encoded) {
      entry += varint(full.size()) + key.substr(shared) + full;
    } else if (shared == 0) {
      entry += key + full;
    } else {
      entry += key.substr(shared) +
               testing::zigzag(static_cast<int64_t>(handle.size) -
                               static_cast<int64_t>(index[i - 1].handle.size)) +
               first_key;
    }
    entries.push_back(entry);
  }
  return block_of_entries(entries, restart_interval);
}

// Ascending separators with common prefixes, blocks one after the other.
std::vector<Entry> random_index(std::size_t count, bool user_keys, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<Entry> index;
  uint64_t offset = 0;
  uint64_t number = 0;
  for (std::size_t i = 0; i < count; ++i) {
    number += 1 + random() % 300;
    std::string key = std::to_string(1'000'000 + number) + std::string(random() % 4, 'k');
    uint64_t const size = 1 + random() % 9000;
    index.push_back(
        {user_keys ? key : testing::internal_key(key, 1 + random() % 1000), {offset, size}});
    offset += size + 5;
  }
  return index;
}

TEST(IndexCursor, WalksEveryEncodingAndRestartInterval) {
  uint64_t const seed = 20240817;
  SCOPED_TRACE("seed " + std::to_string(seed));
  for (bool const delta : {false, true}) {
    for (bool const user_keys : {false, true}) {
      for (std::size_t const interval : {1u, 2u, 3u, 8u, 15u, 16u, 500u}) {
        IndexEncoding const encoding{.value_is_delta_encoded = delta,
                                     .key_is_user_key = user_keys,
                                     .has_first_keys = interval % 2 == 0};
        std::vector<Entry> const index = random_index(203, user_keys, seed + interval);
        std::string const block = index_block(index, encoding, interval);
        IndexCursor cursor(bytes_of(block), encoding, kBlocksEnd, kPlace);
        EXPECT_EQ(cursor.restart_count(), (index.size() + interval - 1) / interval);
        for (std::size_t i = 0; i < index.size(); ++i, cursor.next()) {
          ASSERT_TRUE(cursor.valid());
          EXPECT_EQ(text_of(cursor.key()), index[i].key);
          EXPECT_EQ(text_of(cursor.user_key()),
                    user_keys ? index[i].key : index[i].key.substr(0, index[i].key.size() - 8));
          EXPECT_EQ(cursor.handle(), index[i].handle);
          EXPECT_EQ(cursor.restart_index(), i / interval);
          EXPECT_EQ(cursor.entries_into_restart(), i % interval);
        }
        EXPECT_FALSE(cursor.valid());
        for (std::size_t i = 0; i < index.size(); i += 7) {
          cursor.seek_to_entry(static_cast<uint32_t>(i / interval),
                               static_cast<uint32_t>(i % interval));
          ASSERT_TRUE(cursor.valid());
          EXPECT_EQ(text_of(cursor.key()), index[i].key);
          EXPECT_EQ(cursor.handle(), index[i].handle);
          EXPECT_EQ(cursor.restart_index(), i / interval);
        }
        cursor.seek_to_first();
        EXPECT_EQ(cursor.handle(), index[0].handle);
      }
    }
  }
}

TEST(IndexCursor, AnEmptyIndexHasNoEntries) {
  std::string const block = block_of_entries({}, 1);
  IndexCursor cursor(bytes_of(block), {true, true}, kBlocksEnd, kPlace);
  EXPECT_TRUE(cursor.empty());
  EXPECT_FALSE(cursor.valid());
}

TEST(IndexCursor, GapsBetweenBlocksAreLegal) {
  std::vector<Entry> const index = {{"a", {0, 100}}, {"b", {4096, 100}}};
  std::string const block = index_block(index, {false, true}, 1);
  IndexCursor cursor(bytes_of(block), {false, true}, kBlocksEnd, kPlace);
  cursor.next();
  EXPECT_EQ(cursor.handle(), (BlockHandle{4096, 100}));
}

// In a delta-encoded index an entry that shares nothing holds its handle in full, wherever it
// stands.
TEST(IndexCursor, EntriesThatShareNothingHoldFullHandlesBetweenRestartPoints) {
  std::vector<Entry> const index = {
      {"apple", {0, 100}}, {"banana", {105, 90}}, {"bandit", {200, 80}}};
  std::string const block = index_block(index, {true, true}, 16);
  IndexCursor cursor(bytes_of(block), {true, true}, kBlocksEnd, kPlace);
  cursor.next();
  EXPECT_EQ(cursor.handle(), (BlockHandle{105, 90}));
  cursor.next();
  EXPECT_EQ(cursor.handle(), (BlockHandle{200, 80}));
}

void expect_corrupt_walk(std::string const& block, IndexEncoding encoding, uint64_t blocks_end,
                         std::string const& words) {
  expect_error(ErrorCode::kCorruption, words, [&] {
    IndexCursor cursor(bytes_of(block), encoding, blocks_end, kPlace);
    while (cursor.valid()) cursor.next();
  });
}

TEST(IndexCursor, WhatContradictsItselfIsCorruption) {
  auto const block = [](std::vector<Entry> const& index) {
    return index_block(index, {false, true}, 1);
  };
  expect_corrupt_walk(block({{"b", {0, 10}}, {"a", {15, 10}}}), {false, true}, kBlocksEnd,
                      "out of order");
  expect_corrupt_walk(block({{"a", {0, 10}}, {"a", {15, 10}}}), {false, true}, kBlocksEnd,
                      "out of order");
  expect_corrupt_walk(block({{"a", {0, 10}}, {"b", {14, 10}}}), {false, true}, kBlocksEnd,
                      "overlaps");
  expect_corrupt_walk(block({{"a", {0, 10}}, {"b", {15, 10}}}), {false, true}, 29,
                      "outside the file");
  expect_corrupt_walk(block({{"a", {0, uint64_t{1} << 33}}}), {false, true}, kBlocksEnd,
                      "outside the file");
  expect_corrupt_walk(block({{"short", {0, 10}}}), {false, false}, kBlocksEnd, "without a trailer");
  std::string const older_first = testing::internal_key("a", 1);
  std::string const newer_second = testing::internal_key("a", 2);
  expect_corrupt_walk(
      index_block({{older_first, {0, 10}}, {newer_second, {15, 10}}}, {false, false}, 1),
      {false, false}, kBlocksEnd, "out of order");
}

TEST(IndexCursor, MalformedEntriesAreCorruption) {
  std::string const restart = testing::fixed(uint32_t{0}) + testing::fixed(uint32_t{1});
  expect_corrupt_walk(std::string("\x00\x05\x02", 3) + "a" + restart, {false, true}, kBlocksEnd,
                      "key beyond");
  expect_corrupt_walk(std::string("\x00\x01\x05", 3) + "a" + handle_bytes(0, 1) + restart,
                      {false, true}, kBlocksEnd, "handle beyond");
  expect_corrupt_walk(std::string("\x00\x01\x03", 3) + "a" + handle_bytes(0, 1) + "x" + restart,
                      {false, true}, kBlocksEnd, "bytes after the handle");
  expect_corrupt_walk(std::string("\x00\x01\x01", 3) + "a" + std::string(1, '\0') + restart,
                      {false, true}, kBlocksEnd, "malformed handle");
  expect_corrupt_walk(std::string("\x01\x01", 2) + "a" + handle_bytes(0, 1) + restart, {true, true},
                      kBlocksEnd, "shares more bytes");
  expect_corrupt_walk(std::string("\x00\x01", 2) + "a" + std::string(1, '\x80') + restart,
                      {true, true}, kBlocksEnd, "malformed handle");
  // The size sinks below zero.
  expect_corrupt_walk(std::string("\x00\x01", 2) + "a" + handle_bytes(0, 10) +
                          std::string("\x01\x01", 2) + "b" + testing::zigzag(-11) + restart,
                      {true, true}, kBlocksEnd, "outside the file");
}

TEST(IndexCursor, MalformedFirstKeysAreCorruption) {
  std::string const restart = testing::fixed(uint32_t{0}) + testing::fixed(uint32_t{1});
  for (bool const delta : {false, true}) {
    IndexEncoding const encoding{
        .value_is_delta_encoded = delta, .key_is_user_key = true, .has_first_keys = true};
    auto const entry = [&](std::string const& after_handle) {
      std::string const value = handle_bytes(0, 10) + after_handle;
      return varint(0) + varint(1) + (delta ? "" : varint(value.size())) + "a" + value + restart;
    };
    std::string const good = testing::prefixed(testing::internal_key("a", 1));
    std::string const block = entry(good);
    IndexCursor cursor(bytes_of(block), encoding, kBlocksEnd, kPlace);
    cursor.next();
    EXPECT_FALSE(cursor.valid());
    expect_corrupt_walk(entry(""), encoding, kBlocksEnd, "malformed first key");
    expect_corrupt_walk(entry(good.substr(0, good.size() - 1)), encoding, kBlocksEnd,
                        "malformed first key");
    expect_corrupt_walk(entry(varint(0xffffffff) + "abc"), encoding, kBlocksEnd,
                        "malformed first key");
    expect_corrupt_walk(entry(testing::prefixed("shorter")), encoding, kBlocksEnd,
                        "first key without a trailer");
  }
}

TEST(IndexCursor, RestartPointsInsideEntriesAreCorruption) {
  std::vector<Entry> const index = {{"aaa", {0, 10}}, {"bbb", {15, 10}}, {"ccc", {30, 10}}};
  std::string block = index_block(index, {false, true}, 1);
  block[block.size() - 12] = static_cast<char>(block[block.size() - 12] - 1);
  expect_corrupt_walk(block, {false, true}, kBlocksEnd, "restart point inside an entry");

  // Inside the last entry, where no other follows.
  block = index_block(index, {false, true}, 4);
  std::size_t const entries_end = block.size() - 8;
  block = block.substr(0, entries_end) + testing::fixed(uint32_t{0}) +
          testing::fixed(static_cast<uint32_t>(entries_end - 1)) + testing::fixed(uint32_t{2});
  expect_corrupt_walk(block, {false, true}, kBlocksEnd, "restart point inside an entry");
}

TEST(IndexCursor, NoFlippedByteReadsOutOfBounds) {
  for (int const form : {0, 1, 2, 3}) {
    IndexEncoding const encoding{.value_is_delta_encoded = form % 2 != 0,
                                 .has_first_keys = form / 2 != 0};
    std::string const good = index_block(random_index(40, false, 5), encoding, 4);
    for (std::size_t i = 0; i < good.size(); ++i) {
      for (int const mask : {0x01, 0x80, 0xff}) {
        std::vector<uint8_t> block(good.begin(),
                                   good.end());  // exact size: ASan sees every overrun
        block[i] = static_cast<uint8_t>(block[i] ^ mask);
        try {
          IndexCursor cursor(block, encoding, kBlocksEnd, kPlace);
          for (uint32_t r = 0; !cursor.empty() && r < cursor.restart_count(); ++r)
            cursor.seek_to_restart(r);
          cursor.seek_to_first();
          while (cursor.valid()) cursor.next();
        } catch (Error const& error) {
          EXPECT_TRUE(error.code() == ErrorCode::kCorruption ||
                      error.code() == ErrorCode::kUnsupported);
        }
      }
    }
  }
}

}  // namespace
}  // namespace levelscan
