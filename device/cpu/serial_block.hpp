// The CPU's thread block: one thread is all its lanes, and a phase is a plain loop.
#pragma once

#include <cstdint>

#include "kernels/block.hpp"

namespace levelscan {

class SerialBlock {
 public:
  static constexpr bool kInOrder = true;

  explicit SerialBlock(uint32_t index) : index_(index) {}

  [[nodiscard]] uint32_t index() const { return index_; }

  template <class Item>
  void for_each(uint32_t count, Item&& item) {
    for (uint32_t i = 0; i < count; ++i) item(i);
  }

  template <class Word>
  Word fetch_add(Word& word, Word n) {
    Word const before = word;
    word += n;
    return before;
  }

 private:
  uint32_t index_;
};

static_assert(KernelBlock<SerialBlock>);

}  // namespace levelscan
