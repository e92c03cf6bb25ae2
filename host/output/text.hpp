// Text that values are written behind. Grows without being cleared first, unlike a std::string:
// where rows are formatted that would be a write of its own for every byte that might be needed.
//
// Not thread-safe.
#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <string_view>

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

  // What is written from end() on counts when end_at() is told where it ends. In between, room()
  // says from where on there is room for `size` characters more; what ends at `to` goes along.
  [[nodiscard]] char* end() { return buffer_.data() + buffer_.size(); }
  [[nodiscard]] char* room(char* to, std::size_t size) {
    if (static_cast<std::size_t>(buffer_.data() + buffer_.capacity() - to) < size) {
      end_at(to);
      buffer_.reserve(buffer_.size() + size);
      to = end();
    }
    return to;
  }
  void end_at(char* to) { buffer_.resize(static_cast<std::size_t>(to - buffer_.data())); }

  // Appends what `write(char* to)` writes, at most `size_max` characters; it returns where it
  // ended.
  template <class Write>
  void append_written(std::size_t size_max, Write const& write) {
    end_at(write(room(end(), size_max)));
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
