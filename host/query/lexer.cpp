#include "query/lexer.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <system_error>
#include <utility>

#include "query/key_argument.hpp"
#include "query/usage_error.hpp"

namespace levelscan {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_name_byte(char c) { return is_letter(c) || is_digit(c); }
char lower_case(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_ignoring_case(std::string_view a, std::string_view lower) {
  return a.size() == lower.size() && std::equal(a.begin(), a.end(), lower.begin(),
                                                [](char x, char y) { return lower_case(x) == y; });
}

constexpr std::array<std::string_view, 7> kKeywords = {"and",     "or", "not", "in",
                                                       "between", "is", "null"};

// Longer ones first where one begins with another.
constexpr std::array<std::string_view, 22> kSymbols = {
    "==", "!=", "<>", "<=", ">=", "&&", "||", "(", ")", ",", "=",
    "<",  ">",  "!",  "+",  "-",  "*",  "/",  "%", "&", "|", "^"};

}  // namespace

bool Token::is_keyword(std::string_view keyword) const {
  return kind == TokenKind::kName && same_ignoring_case(text, keyword);
}

bool is_field_name(std::string_view name) {
  return !name.empty() && is_letter(name.front()) &&
         std::all_of(name.begin(), name.end(), is_name_byte) &&
         std::none_of(kKeywords.begin(), kKeywords.end(),
                      [&](std::string_view keyword) { return same_ignoring_case(name, keyword); });
}

Lexer::Lexer(std::string_view option, std::string_view text) : option_(option), text_(text) {
  advance();
}

Token Lexer::take() {
  Token token = std::move(token_);
  advance();
  return token;
}

bool Lexer::take_symbol(std::string_view symbol) {
  if (!token_.is_symbol(symbol)) return false;
  advance();
  return true;
}

bool Lexer::take_keyword(std::string_view keyword) {
  if (!token_.is_keyword(keyword)) return false;
  advance();
  return true;
}

void Lexer::fail(std::size_t offset, std::string const& message) const {
  throw usage_error_at(option_, text_, offset, message);
}

void Lexer::fail_expected(std::string const& expected) const {
  fail(token_.offset, token_.kind == TokenKind::kEnd
                          ? fmt::format("{} is expected at the end", expected)
                          : fmt::format("{} is expected instead of '{}'", expected, token_.text));
}

void Lexer::advance() {
  while (next_ < text_.size() && std::string_view(" \t\r\n").find(text_[next_]) != text_.npos) {
    ++next_;
  }
  token_ = Token{};
  token_.offset = next_;
  if (next_ == text_.size()) return;
  char const first = text_[next_];
  char const second = next_ + 1 < text_.size() ? text_[next_ + 1] : '\0';
  if ((first == 'x' || first == 'X') && second == '\'') {
    read_bytes(next_ + 1, true);
  } else if (first == '\'') {
    read_bytes(next_, false);
  } else if (is_letter(first)) {
    read_name();
  } else if (is_digit(first) || (first == '.' && is_digit(second))) {
    read_number();
  } else {
    read_symbol();
  }
}

void Lexer::finish_token(TokenKind kind, std::size_t end) {
  token_.kind = kind;
  token_.text = text_.substr(token_.offset, end - token_.offset);
  next_ = end;
}

void Lexer::read_name() {
  std::size_t end = next_;
  while (end < text_.size() && is_name_byte(text_[end])) ++end;
  finish_token(TokenKind::kName, end);
}

void Lexer::read_number() {
  // As far as it could be meant as one number; the conversion must then take all of it.
  std::size_t end = next_;
  while (end < text_.size() &&
         (is_name_byte(text_[end]) || text_[end] == '.' ||
          ((text_[end] == '+' || text_[end] == '-') && lower_case(text_[end - 1]) == 'e' &&
           lower_case(text_[next_ + 1]) != 'x'))) {
    ++end;
  }
  std::string_view const word = text_.substr(next_, end - next_);
  bool const is_hex = word.size() > 1 && lower_case(word[1]) == 'x';
  bool const is_float = !is_hex && word.find_first_of(".eE") != word.npos;
  char const* const first = word.data() + (is_hex ? 2 : 0);
  char const* const last = word.data() + word.size();
  std::from_chars_result const result =
      is_float ? std::from_chars(first, last, token_.floating)
               : std::from_chars(first, last, token_.integer, is_hex ? 16 : 10);
  if (result.ec == std::errc::result_out_of_range) {
    fail(next_, fmt::format("{} doesn't fit a 64-bit {}", word, is_float ? "float" : "integer"));
  }
  if (result.ec != std::errc() || result.ptr != last) {
    fail(next_, fmt::format("'{}' is not a number", word));
  }
  finish_token(is_float ? TokenKind::kFloat : TokenKind::kInteger, end);
}

void Lexer::read_bytes(std::size_t quote_offset, bool is_hex) {
  std::string content;  // with '' undone
  std::size_t i = quote_offset + 1;
  for (;; ++i) {
    if (i >= text_.size()) fail(token_.offset, "a quote that isn't closed");
    if (text_[i] == '\'') {
      if (is_hex || i + 1 >= text_.size() || text_[i + 1] != '\'') break;
      ++i;
    }
    content.push_back(text_[i]);
  }
  if (is_hex) {
    std::optional<std::string> bytes = parse_hex(content);
    if (!bytes) {
      fail(token_.offset, content.size() % 2 != 0 ? "an odd number of hex digits"
                                                  : "x'...' takes hex digits only");
    }
    token_.bytes = std::move(*bytes);
  } else {
    std::size_t error_offset = 0;
    std::optional<std::string> bytes = unescape(content, error_offset);
    if (!bytes) fail(token_.offset, "a backslash in a text that begins neither \\xNN nor \\\\");
    token_.bytes = std::move(*bytes);
  }
  finish_token(TokenKind::kBytes, i + 1);
}

void Lexer::read_symbol() {
  std::string_view const rest = text_.substr(next_);
  for (std::string_view const symbol : kSymbols) {
    if (rest.substr(0, symbol.size()) == symbol) {
      finish_token(TokenKind::kSymbol, next_ + symbol.size());
      return;
    }
  }
  if (rest.front() == '"') fail(next_, "text stands in single quotes: 'text'");
  fail(next_, "a character that has no meaning here");
}

}  // namespace levelscan
