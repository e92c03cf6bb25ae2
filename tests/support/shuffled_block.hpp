// A Block for tests: one thread runs the items of each phase in a random order, the blocks of a
// launch in a random order too, and Shared is poisoned before each block. What depends on the order
// of lanes or on unwritten shared memory gives another result with another seed.
#pragma once

#include <cstdint>
#include <numeric>
#include <vector>

#include "kernels/block.hpp"
#include "support/poisoned_shared.hpp"
#include "support/random.hpp"

namespace levelscan::test {

class ShuffledBlock {
 public:
  static constexpr bool kInOrder = false;

  ShuffledBlock(uint32_t index, uint64_t seed) : index_(index), random_(seed) {}

  [[nodiscard]] uint32_t index() const { return index_; }

  template <class Item>
  void for_each(uint32_t count, Item&& item) {
    order_.resize(count);
    std::iota(order_.begin(), order_.end(), 0u);
    random_.shuffle(order_);
    for (uint32_t const i : order_) item(i);
  }

  template <class Integer>
  Integer fetch_add(Integer& word, Integer n) {
    Integer const old = word;
    word += n;
    return old;
  }

 private:
  uint32_t index_;
  Random random_;
  std::vector<uint32_t> order_;
};
static_assert(KernelBlock<ShuffledBlock>);

template <class Kernel>
void launch_shuffled(typename Kernel::Args const& args, uint32_t block_count, uint64_t seed) {
  Random random(seed);
  std::vector<uint32_t> order(block_count);
  std::iota(order.begin(), order.end(), 0u);
  random.shuffle(order);
  PoisonedShared<typename Kernel::Shared> shared;
  for (uint32_t const index : order) {
    shared.poison(random.next());
    ShuffledBlock block(index, random.next());
    Kernel{}(block, args, shared.get());
  }
}

}  // namespace levelscan::test
