// A Block for tests that counts what a GPU would run: items, phases and blocks. It runs items in
// order, but doesn't say so, because then kernels do things that they don't do on a GPU.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "kernels/block.hpp"
#include "support/kernel_names.hpp"
#include "support/poisoned_shared.hpp"

namespace levelscan::test {

struct ItemCounts {
  uint64_t blocks = 0;
  uint64_t phases = 0;
  uint64_t items = 0;
};

// Thread-safe.
class ItemLog {
 public:
  void add(std::string const& kernel, ItemCounts const& more) {
    std::scoped_lock const lock(mutex_);
    ItemCounts& counts = kernels_[kernel];
    counts.blocks += more.blocks;
    counts.phases += more.phases;
    counts.items += more.items;
  }
  [[nodiscard]] std::map<std::string, ItemCounts> kernels() const {
    std::scoped_lock const lock(mutex_);
    return kernels_;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, ItemCounts> kernels_;
};

class ItemBlock {
 public:
  static constexpr bool kInOrder = false;

  ItemBlock(uint32_t index, ItemCounts& counts) : index_(index), counts_(counts) {}

  [[nodiscard]] uint32_t index() const { return index_; }

  template <class Item>
  void for_each(uint32_t count, Item&& item) {
    ++counts_.phases;
    counts_.items += count;
    for (uint32_t i = 0; i < count; ++i) item(i);
  }

  template <class Integer>
  Integer fetch_add(Integer& word, Integer n) {
    Integer const old = word;
    word += n;
    return old;
  }

 private:
  uint32_t index_;
  ItemCounts& counts_;
};
static_assert(KernelBlock<ItemBlock>);

template <class Kernel>
void launch_counted(typename Kernel::Args const& args, uint32_t block_count, uint64_t seed,
                    ItemLog& log) {
  ItemCounts counts;
  counts.blocks = block_count;
  PoisonedShared<typename Kernel::Shared> shared;
  for (uint32_t index = 0; index < block_count; ++index) {
    shared.poison(seed + index);
    ItemBlock block(index, counts);
    Kernel{}(block, args, shared.get());
  }
  log.add(kernel_name<Kernel>(), counts);
}

}  // namespace levelscan::test
