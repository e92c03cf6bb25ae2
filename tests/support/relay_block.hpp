// A Block for tests of barriers: one thread a lane, of which only one runs at a time, from barrier
// to barrier, in ascending or in descending order. One barrier can be left out: each lane then runs
// on into the next phase before the lanes behind it have run the one before. As both orders put
// any two lanes either way around, what any lane needs of any other across that barrier is missing
// in one of them. The same order is the same execution, always.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <map>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

#include "kernels/block.hpp"
#include "support/kernel_names.hpp"
#include "support/poisoned_shared.hpp"

namespace levelscan::test {

// What launches have done, kernel by kernel.
struct PhaseLog {
  std::map<std::string, uint32_t> phases_max;  // the most that one block of the kernel had
};

struct RelayOptions {
  static constexpr uint32_t kNone = UINT32_MAX;

  uint32_t lane_count = 4;
  bool descending = false;
  uint64_t seed = 0;         // of the bytes that Shared starts with
  std::string kernel;        // whose barrier is left out
  uint32_t barrier = kNone;  // which one, from 0, in each of its blocks
  PhaseLog* phase_log = nullptr;
};

// Hands the turn from lane to lane.
class Relay {
 public:
  Relay(uint32_t lane_count, bool descending)
      : lane_count_(lane_count), step_(descending ? lane_count - 1 : 1) {
    for (uint32_t lane = 0; lane < lane_count; ++lane) turns_.emplace_back(0);
    turns_[descending ? lane_count - 1 : 0].release();
  }

  void await_turn(uint32_t lane) { turns_[lane].acquire(); }
  void pass_on(uint32_t lane) { turns_[(lane + step_) % lane_count_].release(); }

 private:
  uint32_t lane_count_;
  uint32_t step_;                            // from a lane to the next one, modulo lane_count_
  std::deque<std::binary_semaphore> turns_;  // [lane_count]
};

// One lane's view of its block. Each lane has its own.
class RelayBlock {
 public:
  static constexpr bool kInOrder = false;

  RelayBlock(Relay& relay, uint32_t lane, uint32_t lane_count, uint32_t index, uint32_t left_out)
      : relay_(relay), lane_(lane), lane_count_(lane_count), index_(index), left_out_(left_out) {}

  [[nodiscard]] uint32_t index() const { return index_; }
  [[nodiscard]] uint32_t phases() const { return phases_; }

  template <class Item>
  void for_each(uint32_t count, Item&& item) {
    if (count > kItemsMax) {
      std::fprintf(stderr, "a phase of %u items: read from where nobody wrote\n", count);
      std::_Exit(EXIT_FAILURE);
    }
    for (uint64_t i = lane_; i < count; i += lane_count_) item(static_cast<uint32_t>(i));
    if (phases_++ == left_out_) return;
    relay_.pass_on(lane_);
    relay_.await_turn(lane_);
  }

  template <class Integer>
  Integer fetch_add(Integer& word, Integer n) {
    Integer const old = word;
    word += n;
    return old;
  }

 private:
  static constexpr uint32_t kItemsMax = 1u << 20;  // more than any phase of a test has

  Relay& relay_;
  uint32_t lane_;
  uint32_t lane_count_;
  uint32_t index_;
  uint32_t left_out_;
  uint32_t phases_ = 0;  // that this lane has run
};
static_assert(KernelBlock<RelayBlock>);

template <class Kernel>
void launch_relay(typename Kernel::Args const& args, uint32_t block_count,
                  RelayOptions const& options) {
  std::string const name = kernel_name<Kernel>();
  uint32_t const left_out = options.kernel == name ? options.barrier : RelayOptions::kNone;
  PoisonedShared<typename Kernel::Shared> shared;
  Relay relay(options.lane_count, options.descending);
  uint32_t phases_max = 0;
  std::vector<std::thread> lanes;
  for (uint32_t lane = 0; lane < options.lane_count; ++lane) {
    lanes.emplace_back([&, lane] {
      bool const is_first = lane == (options.descending ? options.lane_count - 1 : 0);
      for (uint32_t index = 0; index < block_count; ++index) {
        relay.await_turn(lane);
        if (is_first) shared.poison(mix(options.seed + index));
        RelayBlock block(relay, lane, options.lane_count, index, left_out);
        Kernel{}(block, args, shared.get());
        phases_max = std::max(phases_max, block.phases());
        relay.pass_on(lane);
      }
    });
  }
  for (std::thread& lane : lanes) lane.join();
  if (options.phase_log != nullptr && block_count != 0) {
    uint32_t& most = options.phase_log->phases_max[name];
    most = std::max(most, phases_max);
  }
}

}  // namespace levelscan::test
