// Tails of data blocks: hash indexes, separated keys and values, and what is wrong with them.
#include <gtest/gtest.h>

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "levelscan/error.hpp"
#include "support/expect_error.hpp"
#include "support/sst_builder.hpp"
#include "table/block.hpp"
#include "table/block_tail.hpp"

namespace levelscan {
namespace {

using test::BlockOptions;
using test::build_data_block;
using test::BuiltBlock;
using test::fixed;
using test::TestEntry;
using testing::expect_error;

constexpr BlockPlace kPlace{"000007.sst", 4711};
constexpr uint32_t kUniform = 1U << 29;
constexpr uint32_t kSeparated = 1U << 28;
constexpr uint32_t kHash = 1U << 31;

BuiltBlock block_of(uint32_t entries, BlockOptions const& options, std::size_t value_bytes = 6) {
  std::vector<TestEntry> rows;
  for (uint32_t i = 0; i < entries; ++i) {
    rows.push_back({"key" + std::to_string(100000 + i), i + 1, test::kTypeValue,
                    std::string(value_bytes, 'v')});
  }
  return build_data_block(rows, options);
}

// Over bytes that end where the block does, so that AddressSanitizer sees every read beyond.
BlockTail parse(std::string const& block, bool separated) {
  std::unique_ptr<uint8_t[]> const exact(new uint8_t[block.size()]);
  std::copy(block.begin(), block.end(), exact.get());
  return parse_data_block_tail({exact.get(), block.size()}, separated, kPlace);
}

void expect_corruption(std::string const& block, bool separated, char const* what) {
  expect_error(ErrorCode::kCorruption, what, [&] { static_cast<void>(parse(block, separated)); });
}

std::string with_last_word(std::string block, uint32_t word) {
  block.replace(block.size() - 4, 4, fixed(word, 4));
  return block;
}

TEST(DataBlockTail, IsFoundInEveryLayout) {
  for (bool const separate : {false, true}) {
    for (uint16_t const buckets : std::initializer_list<uint16_t>{0, 1, 7, 300}) {
      for (bool const uniform : {false, true}) {
        for (uint32_t const entries : {0u, 1u, 2u, 7u, 100u}) {
          BuiltBlock const built = block_of(entries, {3, true, separate, buckets, uniform});
          BlockTail const tail = parse(built.bytes, separate);
          EXPECT_EQ(tail.entries_end, built.entries_end);
          EXPECT_EQ(tail.restarts_offset, built.restarts_offset);
          EXPECT_EQ(tail.restart_count, built.restart_count);
          std::vector<uint8_t> const bytes(built.bytes.begin(), built.bytes.end());
          check_restarts(bytes, tail, kPlace);
        }
      }
    }
  }
}

TEST(DataBlockEntries, ComeBackInEveryLayout) {
  for (bool const separate : {false, true}) {
    for (uint16_t const buckets : std::initializer_list<uint16_t>{0, 7}) {
      for (uint32_t const entries : {0u, 1u, 3u, 4u, 100u}) {
        BuiltBlock const built = block_of(entries, {3, true, separate, buckets});
        std::vector<uint8_t> const bytes(built.bytes.begin(), built.bytes.end());
        uint32_t i = 0;
        for_each_data_entry(bytes, built.entries_per_restart, kPlace,
                            [&](std::span<uint8_t const> key, std::span<uint8_t const> value) {
                              EXPECT_EQ(std::string(key.begin(), key.end() - 8),
                                        "key" + std::to_string(100000 + i));
                              EXPECT_EQ(std::string(value.begin(), value.end()), "vvvvvv");
                              ++i;
                              return true;
                            });
        EXPECT_EQ(i, entries);
      }
    }
  }
}

TEST(DataBlockEntries, ValuesOutsideTheirPartAreCorruption) {
  std::string const good = block_of(4, {2, true, true}).bytes;
  std::vector<uint8_t> bytes(good.begin(), good.end());
  bytes[3] = 24;  // where the first of four values of six bytes begins
  expect_error(ErrorCode::kCorruption, "malformed entry 0 bytes into the block",
               [&] { for_each_data_entry(bytes, 2, kPlace, [](auto, auto) { return true; }); });
}

TEST(DataBlockTail, AHashIndexThatDoesNotFitIsCorruption) {
  std::string const plain = block_of(4, {}).bytes;
  std::string const good = block_of(4, {16, true, false, 9}).bytes;
  std::size_t const count_at = good.size() - 6;
  for (uint32_t const buckets : {0u, static_cast<uint32_t>(good.size()), 0xffffu}) {
    std::string bad = good;
    bad.replace(count_at, 2, fixed(buckets, 2));
    expect_corruption(bad, false, "hash index");
  }
  // The restart array is then too short.
  std::string bad = good;
  bad.replace(count_at, 2, fixed(good.size() - 7, 2));
  expect_corruption(bad, false, "restart points");
  expect_corruption(fixed(kHash | 1, 4), false, "hash index");
  expect_corruption("x" + fixed(kHash | 1, 4), false, "hash index");
  // Only blocks below 64 KiB have one.
  BuiltBlock const large = block_of(1000, {16, true, false, 9}, 64);
  ASSERT_GE(large.bytes.size(), std::size_t{64} << 10);
  expect_corruption(large.bytes, false, "hash index");
}

TEST(DataBlockTail, ValuesThatBeginBeyondTheRestartArrayAreCorruption) {
  BuiltBlock const built = block_of(9, {4, true, true, 3});
  std::size_t const at = built.bytes.size() - 8;
  for (uint64_t const begin : {uint64_t{built.restarts_offset} + 1, uint64_t{UINT32_MAX}}) {
    std::string bad = built.bytes;
    bad.replace(at, 4, fixed(begin, 4));
    expect_corruption(bad, true, "values begin");
  }
  expect_corruption(fixed(kSeparated | 1, 4), true, "data block of 4 bytes");
  expect_corruption(fixed(0, 4) + fixed(kSeparated | 1, 4), true, "restart points");
}

TEST(DataBlockTail, ALayoutThatThePropertiesDenyIsCorruption) {
  expect_corruption(block_of(4, {16, true, true}).bytes, false, "properties say otherwise");
  expect_corruption(block_of(4, {16, true, false}).bytes, true, "properties say otherwise");
}

TEST(DataBlockTail, TheReservedBitIsCorruption) {
  std::string const block = block_of(4, {}).bytes;
  expect_corruption(with_last_word(block, (1U << 30) | 1), false, "reserved bit");
  EXPECT_EQ(parse(with_last_word(block, kUniform | 1), false).restart_count, 1u);
}

TEST(DataBlockTail, NoFlippedBitLeadsOutOfTheBlock) {
  uint32_t refused = 0;
  uint32_t read = 0;
  for (bool const separate : {false, true}) {
    for (uint16_t const buckets : std::initializer_list<uint16_t>{0, 5}) {
      std::string const good = block_of(7, {2, true, separate, buckets}).bytes;
      std::size_t const tail_bytes = std::min<std::size_t>(good.size(), 48);
      for (std::size_t bit = 8 * (good.size() - tail_bytes); bit < 8 * good.size(); ++bit) {
        std::string bad = good;
        bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
        try {
          BlockTail const tail = parse(bad, separate);
          ++read;
          ASSERT_LE(tail.entries_end, tail.restarts_offset);
          ASSERT_GE(tail.restart_count, 1u);
          ASSERT_LE(tail.restarts_offset + 4 * uint64_t{tail.restart_count} + 4, bad.size());
        } catch (Error const& error) {
          ++refused;
          EXPECT_EQ(error.code(), ErrorCode::kCorruption) << error.what();
        }
      }
      for (std::size_t size = 0; size < good.size(); ++size) {
        try {
          BlockTail const tail = parse(good.substr(0, size), separate);
          ASSERT_LE(tail.restarts_offset + 4 * uint64_t{tail.restart_count} + 4, size);
        } catch (Error const& error) {
          EXPECT_EQ(error.code(), ErrorCode::kCorruption) << error.what();
        }
      }
    }
  }
  EXPECT_GT(refused, 0u);
  EXPECT_GT(read, 0u);
}

}  // namespace
}  // namespace levelscan
