// What a kernel may use of the thread block that runs it.
//
// A kernel is a struct with `Args` (trivially copyable, passed by value), `Shared` (one per block,
// uninitialised at the start) and
//
//   template <class Block> void operator()(Block& block, Args const& args, Shared& shared) const;
//
// written in phases. The rules:
//   - block.for_each(count, f) calls f(0) .. f(count - 1) in any order, perhaps at once, and ends
//     with a barrier: what one phase wrote, every item of the next one sees.
//   - What lives across phases lives in `shared`; f never writes a captured local, and no item
//   reads
//     what another item of the same phase writes.
//   - `count` and the control flow between phases are the same for all lanes.
//   - block.fetch_add is the only way for items to write the same word. It works on shared and on
//     device memory and returns the old value; its order among items is not defined.
//   - Block::kInOrder says that items, blocks and phases run one after another, as they are
//   numbered,
//     in one thread. A kernel may then do in one launch what otherwise takes two.
//   - No allocation, no I/O, no exceptions, no virtual calls.
//
// A grid is launched as `block_count` blocks; blocks of one launch don't wait for each other.
#pragma once

#include <concepts>
#include <cstdint>

namespace levelscan {

struct ForEachProbe {
  void operator()(uint32_t) const {}
};

template <class T>
concept KernelBlock = requires(T& block, uint32_t& counter, uint64_t& wide_counter) {
  { T::kInOrder } -> std::convertible_to<bool>;
  { block.index() } -> std::same_as<uint32_t>;
  block.for_each(uint32_t{1}, ForEachProbe{});
  { block.fetch_add(counter, uint32_t{1}) } -> std::same_as<uint32_t>;
  { block.fetch_add(wide_counter, uint64_t{1}) } -> std::same_as<uint64_t>;
};

}  // namespace levelscan
