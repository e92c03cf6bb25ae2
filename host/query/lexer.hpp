// Words of expressions, aggregate lists and column lists.
//
//   name      letter or _, then letters, digits and _
//   integer   decimal or 0x hex, at most 64 bits, no sign
//   float     digits with a point or an exponent
//   bytes     'text' where '' is a quote, \xNN a byte and \\ a backslash; x'00ff'
//   symbol    ( ) , == = != <> < <= > >= && || ! + - * / % & | ^
//
// A Lexer belongs to one thread. Errors: Error(kUsage) with the place.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace levelscan {

enum class TokenKind { kEnd, kName, kInteger, kFloat, kBytes, kSymbol };

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::size_t offset = 0;  // of its first byte in the text
  std::string_view text;   // as written
  uint64_t integer = 0;
  double floating = 0;
  std::string bytes;

  [[nodiscard]] bool is_symbol(std::string_view symbol) const {
    return kind == TokenKind::kSymbol && text == symbol;
  }
  // Keywords are names in upper, lower or mixed case.
  [[nodiscard]] bool is_keyword(std::string_view keyword) const;
};

// Whether a field may have this name: a name and no keyword of expressions.
[[nodiscard]] bool is_field_name(std::string_view name);

class Lexer {
 public:
  // `option` is for error texts. Both must outlive the lexer.
  Lexer(std::string_view option, std::string_view text);

  [[nodiscard]] Token const& peek() const { return token_; }
  Token take();

  bool take_symbol(std::string_view symbol);
  bool take_keyword(std::string_view keyword);

  // Throws Error(kUsage) with a caret under byte `offset`.
  [[noreturn]] void fail(std::size_t offset, std::string const& message) const;
  // The same at the next token: "... is expected instead of 'x'".
  [[noreturn]] void fail_expected(std::string const& expected) const;

 private:
  void advance();
  void read_name();
  void read_number();
  void read_bytes(std::size_t quote_offset, bool is_hex);
  void read_symbol();
  void finish_token(TokenKind kind, std::size_t end);

  std::string_view option_;
  std::string_view text_;
  std::size_t next_ = 0;
  Token token_;
};

}  // namespace levelscan
