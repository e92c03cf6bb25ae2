// Values as text, read back.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <string>

#include "output/text_encoding.hpp"
#include "query/key_argument.hpp"
#include "support/random.hpp"

namespace levelscan {
namespace {

ByteSpan span_of(std::string const& bytes) {
  return {reinterpret_cast<uint8_t const*>(bytes.data()), bytes.size()};
}

// What `write` writes where there is room for just `size_max` characters.
template <class Write>
std::string written(std::size_t size_max, Write const& write) {
  std::unique_ptr<char[]> const text(new char[size_max]);
  char* const end = write(text.get());
  EXPECT_LE(static_cast<std::size_t>(end - text.get()), size_max);
  return {text.get(), end};
}

template <class Write>
std::string bytes_written(std::string const& bytes, Write const& write) {
  return written(bytes_text_max(bytes.size()), [&](char* to) { return write(span_of(bytes), to); });
}
std::string escaped(std::string const& bytes) { return bytes_written(bytes, write_escaped); }
std::string hex(std::string const& bytes) { return bytes_written(bytes, write_hex); }
std::string csv(std::string const& bytes, BytesStyle style = BytesStyle::kEscaped) {
  return bytes_written(bytes,
                       [&](ByteSpan span, char* to) { return write_csv_bytes(span, style, to); });
}
std::string json(std::string const& bytes, BytesStyle style = BytesStyle::kEscaped) {
  return bytes_written(bytes,
                       [&](ByteSpan span, char* to) { return write_json_bytes(span, style, to); });
}
template <class... Value>
std::string integer(Value... value) {
  return written(kNumberTextMax, [&](char* to) { return write_integer(value..., to); });
}
template <class Float>
std::string number(Float value) {
  return written(kNumberTextMax, [&](char* to) { return write_float(value, to); });
}

TEST(OutputEncoding, EscapesAreThoseOfTheContract) {
  EXPECT_EQ(escaped("a ~\"',"), "a ~\"',");
  EXPECT_EQ(escaped(std::string("\0\x1f\x7f\xff\n", 5)), "\\x00\\x1f\\x7f\\xff\\x0a");
  EXPECT_EQ(escaped("\\x41"), "\\\\x41");
  EXPECT_EQ(hex(std::string("\0\xab", 2)), "00ab");
  EXPECT_EQ(hex(""), "");
}

TEST(OutputEncoding, CsvQuotesWhereItMust) {
  EXPECT_EQ(csv("plain text"), "plain text");
  EXPECT_EQ(csv("a,b"), "\"a,b\"");
  EXPECT_EQ(csv("say \"x\"\n"), "\"say \"\"x\"\"\\x0a\"");
  EXPECT_EQ(csv("\\,"), "\"\\\\,\"");
  EXPECT_EQ(csv(""), "\"\"");
  EXPECT_EQ(csv("a,b", BytesStyle::kHex), "612c62");
  EXPECT_EQ(csv("", BytesStyle::kHex), "\"\"");
}

TEST(OutputEncoding, JsonEscapesTheEscapes) {
  EXPECT_EQ(json("plain, text"), "\"plain, text\"");
  EXPECT_EQ(json("\""), "\"\\\"\"");
  EXPECT_EQ(json("\\"), "\"\\\\\\\\\"");
  EXPECT_EQ(json(std::string("\0", 1)), "\"\\\\x00\"");
  EXPECT_EQ(json("\"", BytesStyle::kHex), "\"22\"");
  EXPECT_EQ(json(""), "\"\"");
}

// A cell of RFC 4180, read the way the RFC says.
std::string read_csv_cell(std::string const& cell) {
  if (cell.empty() || cell.front() != '"') {
    EXPECT_EQ(cell.find_first_of(",\"\r\n"), cell.npos) << cell;
    return cell;
  }
  std::string text;
  for (std::size_t i = 1; i + 1 < cell.size(); ++i) {
    if (cell[i] == '"') {
      ++i;
      EXPECT_LT(i + 1, cell.size()) << cell;
      EXPECT_EQ(cell[i], '"') << cell;
    }
    text += cell[i];
  }
  EXPECT_EQ(cell.back(), '"');
  return text;
}

std::string unescaped(std::string const& text) {
  std::size_t error_offset = 0;
  auto const bytes = unescape(text, error_offset);
  EXPECT_TRUE(bytes) << text;
  return bytes.value_or("");
}

TEST(OutputEncoding, AnyBytesReadBack) {
  uint64_t const seed = test::base_seed();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 20000; ++round) {
    // Mostly plain, mostly not, or half of each, in words of eight bytes and around them.
    std::string bytes(random() % (round % 4 == 0 ? 300 : 40), 'v');
    uint64_t const plain_in_8 = random() % 8;
    for (char& c : bytes) {
      if (random() % 8 < plain_in_8) continue;
      c = random() % 2 == 0 ? static_cast<char>(random())
                            : "\\\",x0a\n'\x1f\x20\x7e\x7f"[random() % 12];
    }
    ASSERT_EQ(unescaped(escaped(bytes)), bytes);
    ASSERT_EQ(bytes_written(bytes, write_escaped_by_table), escaped(bytes));
    if (!bytes.empty()) {
      ASSERT_EQ(bytes_written(bytes, write_csv_by_table), csv(bytes));
    }
    ASSERT_EQ(parse_hex(hex(bytes)), bytes);
    ASSERT_EQ(unescaped(read_csv_cell(csv(bytes))), bytes);
    ASSERT_EQ(unescaped(nlohmann::json::parse(json(bytes)).get<std::string>()), bytes);
    ASSERT_EQ(parse_hex(nlohmann::json::parse(json(bytes, BytesStyle::kHex)).get<std::string>()),
              bytes);
  }
}

TEST(OutputEncoding, IntegersAreWrittenInFull) {
  EXPECT_EQ(integer(UINT64_MAX, false), "18446744073709551615");
  EXPECT_EQ(integer(static_cast<uint64_t>(INT64_MIN), true), "-9223372036854775808");
  EXPECT_EQ(integer(uint64_t{0}, false), "0");
  EXPECT_EQ(integer(static_cast<Int128>(UINT64_MAX) * 1000), "18446744073709551615000");
  EXPECT_EQ(integer(static_cast<Int128>(INT64_MIN) * 1000), "-9223372036854775808000");
}

TEST(OutputEncoding, FloatsAreShortAndNeverLookLikeIntegers) {
  EXPECT_EQ(number(0.1), "0.1");
  EXPECT_EQ(number(0.1F), "0.1");
  EXPECT_EQ(number(static_cast<double>(0.1F)), "0.10000000149011612");
  EXPECT_EQ(number(2.0), "2.0");
  EXPECT_EQ(number(-0.0), "-0.0");
  EXPECT_EQ(number(1e300), "1e+300");
  EXPECT_EQ(nonfinite_name(std::nan("")), "nan");
  EXPECT_EQ(nonfinite_name(std::numeric_limits<double>::infinity()), "inf");
  EXPECT_EQ(nonfinite_name(-std::numeric_limits<double>::infinity()), "-inf");
}

TEST(OutputEncoding, FloatsReadBackToTheSameBits) {
  uint64_t const seed = test::base_seed();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 100000; ++round) {
    uint64_t const bits = random();
    double wide = 0;
    std::memcpy(&wide, &bits, sizeof wide);
    if (std::isfinite(wide)) {
      double const back = std::strtod(number(wide).c_str(), nullptr);
      ASSERT_EQ(std::memcmp(&back, &wide, sizeof wide), 0) << number(wide);
    }
    float narrow = 0;
    std::memcpy(&narrow, &bits, sizeof narrow);
    if (std::isfinite(narrow)) {
      float const back = std::strtof(number(narrow).c_str(), nullptr);
      ASSERT_EQ(std::memcmp(&back, &narrow, sizeof narrow), 0) << number(narrow);
    }
  }
}

}  // namespace
}  // namespace levelscan
