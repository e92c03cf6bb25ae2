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

TEST(Footer, FormatVersions2To5AreRead) {
  for (uint32_t version = 2; version <= 5; ++version) {
    for (uint8_t checksum = 0; checksum <= 4; ++checksum) {
      std::vector<Refusal> refusals;
      auto const footer =
          parse(footer_bytes(checksum, handle_bytes(9000, 100), handle_bytes(7000, 1500), version),
                refusals);
      ASSERT_TRUE(footer);
      EXPECT_TRUE(refusals.empty());
      EXPECT_EQ(footer->format_version, version);
      EXPECT_EQ(static_cast<uint8_t>(footer->checksum_type), checksum);
      EXPECT_EQ(footer->metaindex, (BlockHandle{9000, 100}));
      EXPECT_EQ(footer->index, (BlockHandle{7000, 1500}));
      EXPECT_EQ(footer->offset, kFileBytes - 53);
    }
  }
}

TEST(Footer, PaddingIsNotLookedAt) {
  std::string bytes = footer_bytes(4, handle_bytes(9000, 100), handle_bytes(7000, 1500), 5);
  bytes[40] = 'x';
  std::vector<Refusal> refusals;
  EXPECT_TRUE(parse(bytes, refusals));
}

TEST(Footer, OtherFormatsAreRefusedByName) {
  std::string const handles = handle_bytes(9000, 100) + handle_bytes(7000, 1500);
  auto const legacy = [&](uint64_t magic) {
    std::string bytes = handles;
    bytes.resize(40, '\0');
    return bytes + testing::fixed(magic);
  };
  std::pair<std::string, std::string> const cases[] = {
      {legacy(0xdb4775248b80fb57ULL), "table format_version 0 (LevelDB's)"},
      {footer_bytes(1, handles, "", 1), "table format_version 1"},
      {footer_bytes(1, handles, "", 6), "table format_version 6"},
      {footer_bytes(1, handles, "", 7), "table format_version 7"},
      {footer_bytes(1, handles, "", 8), "table format_version 8"},
      {footer_bytes(1, handles, "", 0, 0x8242229663bf9564ULL), "plain table format"},
      {legacy(0x4f3418eb7a8f13b8ULL), "plain table format"},
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
