// Keys on the command line.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "levelscan/error.hpp"
#include "query/key_argument.hpp"

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

}  // namespace
}  // namespace levelscan
