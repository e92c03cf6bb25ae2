// Text that values are appended to. Grows without being cleared first, unlike a std::string: where
// rows are formatted that would be a write of its own for every byte that might be needed.
//
// Not thread-safe.
#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <string_view>
#include <utility>

namespace levelscan {

class Text {
 public:
  Text& operator+=(char c) {
    buffer_.push_back(c);
    return *this;
  }
  Text& operator+=(std::string_view characters) {
    buffer_.append(characters);
    return *this;
  }
  void append(char const* characters, std::size_t size) {
    buffer_.append(characters, characters + size);
  }

  // Appends what `write(char* to)` writes from there on, at most `size_max` characters; it returns
  // where it ended.
  template <class Write>
  void append_written(std::size_t size_max, Write const& write) {
    buffer_.reserve(buffer_.size() + size_max);
    char* const end = write(buffer_.data() + buffer_.size());
    buffer_.resize(static_cast<std::size_t>(end - buffer_.data()));
  }
  // As fmt::format_to() does.
  template <class... Arguments>
  void format(fmt::format_string<Arguments...> pattern, Arguments&&... arguments) {
    fmt::format_to(fmt::appender(buffer_), pattern, std::forward<Arguments>(arguments)...);
  }

  void clear() { buffer_.clear(); }
  [[nodiscard]] std::size_t size() const { return buffer_.size(); }
  [[nodiscard]] bool empty() const { return size() == 0; }
  [[nodiscard]] char* data() { return buffer_.data(); }
  [[nodiscard]] std::string_view view() const { return {buffer_.data(), buffer_.size()}; }
  operator std::string_view() const { return view(); }

 private:
  fmt::memory_buffer buffer_;
};

}  // namespace levelscan
