// Keys on the command line and the range that they bound.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

#include "levelscan/error.hpp"
#include "query/key_argument.hpp"
#include "support/random.hpp"

namespace levelscan {
namespace {

using ::testing::HasSubstr;

std::string refusal(std::string const& argument) {
  try {
    static_cast<void>(parse_key_argument("--from", argument));
  } catch (Error const& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUsage);
    return error.what();
  }
  return "no error";
}

TEST(KeyArgument, IsTextWithEscapes) {
  EXPECT_EQ(parse_key_argument("--from", ""), "");
  EXPECT_EQ(parse_key_argument("--from", "user'1 "), "user'1 ");
  EXPECT_EQ(parse_key_argument("--from", "a\\x00\\xfF\\\\x41"), std::string("a\0\xff\\x41", 7));
  EXPECT_EQ(parse_key_argument("--from", "\xc3\xa4"), "\xc3\xa4");
  for (char const* bad : {"\\", "a\\", "\\x", "\\x1", "\\xg0", "\\n", "\\X41"}) {
    EXPECT_THAT(refusal(bad), HasSubstr(std::string("--from '") + bad + "'")) << bad;
  }
}

TEST(KeyArgument, IsHexAfter0x) {
  EXPECT_EQ(parse_key_argument("--from", "0x"), "");
  EXPECT_EQ(parse_key_argument("--from", "0x00fFa0"), std::string("\0\xff\xa0", 3));
  EXPECT_EQ(parse_key_argument("--from", "\\x30x41"), "0x41");
  EXPECT_EQ(parse_key_argument("--from", "0X41"), "0X41");
  EXPECT_THAT(refusal("0x123"), HasSubstr("an odd number of hex digits"));
  EXPECT_THAT(refusal("0x1g"), HasSubstr("not hex digits"));
}

TEST(KeyArgument, SuccessorBoundsThePrefix) {
  EXPECT_EQ(prefix_successor("ab"), "ac");
  EXPECT_EQ(prefix_successor("a\x7f"), "a\x80");
  EXPECT_EQ(prefix_successor("a\xff\xff"), "b");
  EXPECT_EQ(prefix_successor("\xff\xff"), std::nullopt);
  EXPECT_EQ(prefix_successor(""), std::nullopt);
}

TEST(KeyArgument, BoundsIntersect) {
  uint64_t const seed = test::base_seed();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937_64 random(seed);
  auto const some_key = [&] {
    std::string key(random() % 4, '\0');
    for (char& c : key) c = "ab\xff\x80"[random() % 4];
    return key;
  };
  auto const perhaps_key = [&] {
    return random() % 3 == 0 ? std::nullopt : std::optional<std::string>(some_key());
  };
  for (int round = 0; round < 20000; ++round) {
    auto const from = perhaps_key();
    auto const to = perhaps_key();
    auto const prefix = perhaps_key();
    KeyRange const range = intersect_bounds(from, to, prefix);
    std::string const key = some_key();
    bool const inside = (!from || key >= *from) && (!to || key < *to) &&
                        (!prefix || key.compare(0, prefix->size(), *prefix) == 0);
    ASSERT_EQ(key >= range.lower && (!range.upper || key < *range.upper), inside) << round;
  }
}

}  // namespace
}  // namespace levelscan
