#include "table/footer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "support/expect_error.hpp"
#include "support/format_writer.hpp"

namespace levelscan {
namespace {

using testing::bytes_of;
using testing::expect_error;
using testing::footer_bytes;
using testing::handle_bytes;

constexpr uint64_t kFileBytes = 10'000;

std::optional<Footer> parse(std::string const& bytes, std::vector<Refusal>& refusals,
                            uint64_t file_bytes = kFileBytes) {
  return parse_footer(bytes_of(bytes), file_bytes, "000007.sst", refusals);
}

constexpr uint64_t kFooterOffset = kFileBytes - 53;
constexpr uint32_t kBase = 123456789;

TEST(Footer, FormatVersions1To5AreRead) {
  for (uint32_t version = 1; version <= 5; ++version) {
    for (uint8_t checksum = 0; checksum <= 4; ++checksum) {
      std::vector<Refusal> refusals;
      auto const footer =
          parse(footer_bytes(checksum, handle_bytes(9000, 100), handle_bytes(7000, 1500), version),
                refusals);
      ASSERT_TRUE(footer);
      EXPECT_TRUE(refusals.empty());
      EXPECT_EQ(footer->format_version, version);
      EXPECT_EQ(static_cast<uint8_t>(footer->checksum_type), checksum);
      EXPECT_EQ(footer->checksum_base, 0u);
      EXPECT_EQ(footer->metaindex, (BlockHandle{9000, 100}));
      EXPECT_EQ(footer->index, (BlockHandle{7000, 1500}));
      EXPECT_EQ(footer->offset, kFooterOffset);
    }
  }
}

TEST(Footer, FormatVersion0IsReadInItsShorterForm) {
  // 48 bytes, alone and after others.
  for (std::string const& before : {std::string(), std::string("abcde")}) {
    std::vector<Refusal> refusals;
    auto const footer =
        parse(before + testing::old_footer_bytes(handle_bytes(9000, 100), handle_bytes(7000, 1500)),
              refusals);
    ASSERT_TRUE(footer);
    EXPECT_TRUE(refusals.empty());
    EXPECT_EQ(footer->format_version, 0u);
    EXPECT_EQ(footer->checksum_type, ChecksumType::kCrc32c);
    EXPECT_EQ(footer->checksum_base, 0u);
    EXPECT_EQ(footer->metaindex, (BlockHandle{9000, 100}));
    EXPECT_EQ(footer->index, (BlockHandle{7000, 1500}));
    EXPECT_EQ(footer->offset, kFileBytes - 48);
  }
}

TEST(Footer, FormatVersions6And7AreRead) {
  for (uint32_t const version : {6u, 7u}) {
    for (uint8_t const checksum : {uint8_t{0}, uint8_t{1}}) {
      std::vector<Refusal> refusals;
      auto const footer = parse(
          testing::footer_with_context(checksum, kBase, 200, version, kFooterOffset), refusals);
      ASSERT_TRUE(footer);
      EXPECT_TRUE(refusals.empty());
      EXPECT_EQ(footer->format_version, version);
      EXPECT_EQ(static_cast<uint8_t>(footer->checksum_type), checksum);
      EXPECT_EQ(footer->checksum_base, kBase);
      EXPECT_EQ(footer->metaindex, (BlockHandle{kFooterOffset - 5 - 200, 200}));
      EXPECT_FALSE(footer->index);
      EXPECT_EQ(footer->offset, kFooterOffset);
    }
  }
}

TEST(Footer, AnyFlippedByteOfVersion6IsNoticed) {
  std::string const good = testing::footer_with_context(1, kBase, 200, 6, kFooterOffset);
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string flipped = good;
    flipped[i] = static_cast<char>(flipped[i] ^ 0x40);
    std::vector<Refusal> refusals;
    try {
      EXPECT_FALSE(parse(flipped, refusals)) << i;
      EXPECT_EQ(refusals.size(), 1u);  // of a version that is not known
    } catch (Error const& error) {
      EXPECT_EQ(error.code(), ErrorCode::kCorruption);
    }
  }
}

TEST(Footer, Version6AtAnotherOffsetIsCorruption) {
  std::vector<Refusal> refusals;
  for (uint8_t const checksum : {uint8_t{0}, uint8_t{1}}) {
    expect_error(ErrorCode::kCorruption, "checksum", [&] {
      parse(testing::footer_with_context(checksum, kBase, 200, 6, kFooterOffset + 1), refusals);
    });
  }
}

TEST(Footer, Version6IsCheckedFieldByField) {
  std::vector<Refusal> refusals;
  expect_error(ErrorCode::kCorruption, "no base",
               [&] { parse(testing::footer_with_context(1, 0, 200, 6, kFooterOffset), refusals); });
  std::string const handles = handle_bytes(9000, 100) + handle_bytes(7000, 1500);
  expect_error(ErrorCode::kCorruption, "extended magic",
               [&] { parse(footer_bytes(1, handles, "", 6), refusals); });
  for (uint32_t const bytes : {static_cast<uint32_t>(kFooterOffset - 4),
                               static_cast<uint32_t>(kFooterOffset), 0xffffffffu}) {
    expect_error(ErrorCode::kCorruption, "metaindex block of", [&] {
      parse(testing::footer_with_context(1, kBase, bytes, 6, kFooterOffset), refusals);
    });
  }
  auto const largest =
      parse(testing::footer_with_context(1, kBase, kFooterOffset - 5, 6, kFooterOffset), refusals);
  ASSERT_TRUE(largest);
  EXPECT_EQ(largest->metaindex, (BlockHandle{0, kFooterOffset - 5}));
  EXPECT_TRUE(refusals.empty());
  EXPECT_FALSE(parse(testing::footer_with_context(1, kBase, 200, 6, kFooterOffset, 1), refusals));
  ASSERT_EQ(refusals.size(), 1u);
  EXPECT_EQ(refusals[0].feature, "table of a later format (reserved bytes of the footer are set)");
}

TEST(Footer, PaddingIsNotLookedAt) {
  std::string bytes = footer_bytes(4, handle_bytes(9000, 100), handle_bytes(7000, 1500), 5);
  bytes[40] = 'x';
  std::vector<Refusal> refusals;
  EXPECT_TRUE(parse(bytes, refusals));
}

TEST(Footer, OtherFormatsAreRefusedByName) {
  std::string const handles = handle_bytes(9000, 100) + handle_bytes(7000, 1500);
  std::pair<std::string, std::string> const cases[] = {
      {footer_bytes(1, handles, "", 8), "table format_version 8"},
      {footer_bytes(1, handles, "", 0, 0x8242229663bf9564ULL), "plain table format"},
      {testing::old_footer_bytes(handles, "", 0x4f3418eb7a8f13b8ULL), "plain table format"},
      {footer_bytes(1, handles, "", 1, 0x926789d0c5f17873ULL), "cuckoo table format"},
  };
  for (auto const& [bytes, feature] : cases) {
    std::vector<Refusal> refusals;
    EXPECT_FALSE(parse(bytes, refusals));
    ASSERT_EQ(refusals.size(), 1u);
    EXPECT_EQ(refusals[0].feature, feature);
    EXPECT_EQ(refusals[0].file, "000007.sst");
    EXPECT_TRUE(refusals[0].offset);
    EXPECT_FALSE(refusals[0].advice.empty());
  }
}

TEST(Footer, WhatIsNoFooterIsCorruption) {
  std::vector<Refusal> refusals;
  expect_error(ErrorCode::kCorruption, "no table magic",
               [&] { parse(std::string(53, 'x'), refusals); });
  expect_error(ErrorCode::kCorruption, "too few",
               [&] { parse(std::string(10, 'x'), refusals, 10); });
  expect_error(ErrorCode::kCorruption, "too few", [&] { parse("", refusals, 0); });
  expect_error(ErrorCode::kCorruption, "unknown checksum type 5", [&] {
    parse(footer_bytes(5, handle_bytes(9000, 100), handle_bytes(7000, 1500), 5), refusals);
  });
  expect_error(ErrorCode::kCorruption, "malformed block handle",
               [&] { parse(footer_bytes(4, std::string(40, '\x80'), "", 5), refusals); });
  expect_error(ErrorCode::kCorruption, "malformed block handle",
               [&] { parse(testing::old_footer_bytes(std::string(40, '\x80'), ""), refusals); });
  expect_error(ErrorCode::kCorruption, "format_version 0 with the magic of later ones", [&] {
    parse(footer_bytes(4, handle_bytes(9000, 100), handle_bytes(7000, 1500), 0), refusals);
  });
}

TEST(Footer, HandlesOutsideTheFileAreCorruption) {
  uint64_t const end = kFileBytes - 53;
  std::string const good = handle_bytes(0, 10);
  for (std::string const& bad :
       {handle_bytes(end - 5, 1), handle_bytes(0, end - 4), handle_bytes(UINT64_MAX, 10),
        handle_bytes(10, UINT64_MAX - 9), handle_bytes(0, uint64_t{1} << 33)}) {
    std::vector<Refusal> refusals;
    expect_error(ErrorCode::kCorruption, "metaindex block",
                 [&] { parse(footer_bytes(4, bad, good, 5), refusals); });
    expect_error(ErrorCode::kCorruption, "index block",
                 [&] { parse(footer_bytes(4, good, bad, 5), refusals); });
  }
  std::vector<Refusal> refusals;
  EXPECT_TRUE(
      parse(footer_bytes(4, handle_bytes(end - 5, 0), handle_bytes(0, end - 5), 5), refusals));
}

}  // namespace
}  // namespace levelscan
