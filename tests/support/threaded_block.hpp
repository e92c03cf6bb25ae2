// A Block for tests: one std::thread a lane, a std::barrier at the end of each phase, and several
// blocks at once. Which lane runs an item changes from phase to phase, so that a missing barrier,
// or a race between blocks, is a data race that ThreadSanitizer reports.
//
// Lanes that leave the common control flow (another count, another number of phases) are noticed at
// the next barrier, which ends the process with a message.
#pragma once

#include <array>
#include <atomic>
#include <barrier>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <thread>
#include <vector>

#include "kernels/block.hpp"
#include "support/poisoned_shared.hpp"
#include "support/random.hpp"

namespace levelscan::test {

struct ThreadedOptions {
  uint32_t lane_count = 3;
  uint32_t blocks_at_once = 2;
  uint64_t seed = 0;
};

// The lanes that run one block together.
class LaneTeam {
 public:
  explicit LaneTeam(uint32_t lane_count)
      : lane_count_(lane_count), barrier_(static_cast<std::ptrdiff_t>(lane_count)) {
    for (auto& announced : announced_) announced.resize(lane_count);
  }

  [[nodiscard]] uint32_t lane_count() const { return lane_count_; }

  // Waits for all lanes, each at its `phase`-th barrier with `count` items.
  void meet(uint32_t lane, uint64_t phase, uint32_t count) {
    // Two sets: lanes may read one while faster ones, a barrier later, fill the other.
    std::vector<Announcement>& announced = announced_[phase % 2];
    announced[lane] = Announcement{phase, count};
    barrier_.arrive_and_wait();
    if (announced[0].phase != phase || announced[0].count != count) {
      std::fprintf(stderr,
                   "divergent lanes: lane %u at phase %llu with %u items, lane 0 at %llu with %u\n",
                   lane, static_cast<unsigned long long>(phase), count,
                   static_cast<unsigned long long>(announced[0].phase), announced[0].count);
      std::_Exit(EXIT_FAILURE);  // the other lanes wait for each other and never end
    }
  }

 private:
  struct Announcement {
    uint64_t phase;
    uint32_t count;
  };

  uint32_t lane_count_;
  std::barrier<> barrier_;
  std::array<std::vector<Announcement>, 2> announced_;  // [lane_count] each
};

// One lane's view of its block. Each lane has its own.
class ThreadedBlock {
 public:
  static constexpr bool kInOrder = false;

  ThreadedBlock(LaneTeam& team, uint32_t lane, uint32_t index, uint64_t seed, uint64_t& phase)
      : team_(team), lane_(lane), index_(index), seed_(seed), phase_(phase) {}

  [[nodiscard]] uint32_t index() const { return index_; }

  template <class Item>
  void for_each(uint32_t count, Item&& item) {
    uint64_t const phase_seed = mix(seed_ ^ mix(phase_));
    uint32_t const start = count == 0 ? 0 : static_cast<uint32_t>(phase_seed % count);
    for (uint32_t k = 0; k < count; ++k) {
      uint32_t const i = start + k < count ? start + k : start + k - count;
      if (mix(phase_seed + i) % team_.lane_count() == lane_) item(i);
    }
    team_.meet(lane_, phase_++, count);
  }

  template <class Integer>
  Integer fetch_add(Integer& word, Integer n) {
    return std::atomic_ref<Integer>(word).fetch_add(n, std::memory_order_relaxed);
  }

 private:
  LaneTeam& team_;
  uint32_t lane_;
  uint32_t index_;
  uint64_t seed_;    // the same for all lanes of the block
  uint64_t& phase_;  // barriers that this lane has passed
};
static_assert(KernelBlock<ThreadedBlock>);

template <class Kernel>
void launch_threaded(typename Kernel::Args const& args, uint32_t block_count,
                     ThreadedOptions const& options) {
  using Shared = typename Kernel::Shared;
  constexpr uint32_t kBetweenBlocks = UINT32_MAX;  // announced instead of a number of items
  Random random(options.seed);
  std::vector<uint32_t> order(block_count);
  std::iota(order.begin(), order.end(), 0u);
  random.shuffle(order);

  struct Team {
    explicit Team(uint32_t lane_count) : lanes(lane_count) {}
    LaneTeam lanes;
    PoisonedShared<Shared> shared;
  };
  uint32_t const team_count =
      block_count < options.blocks_at_once ? block_count : options.blocks_at_once;
  std::vector<std::unique_ptr<Team>> teams;
  std::vector<std::thread> threads;
  for (uint32_t t = 0; t < team_count; ++t) {
    Team& team = *teams.emplace_back(std::make_unique<Team>(options.lane_count));
    for (uint32_t lane = 0; lane < options.lane_count; ++lane) {
      threads.emplace_back([&args, &order, &options, &team, team_count, t, lane] {
        uint64_t phase = 0;
        for (std::size_t b = t; b < order.size(); b += team_count) {
          uint64_t const seed = mix(options.seed + order[b]);
          if (lane == 0) team.shared.poison(seed);
          team.lanes.meet(lane, phase++, kBetweenBlocks);
          ThreadedBlock block(team.lanes, lane, order[b], seed, phase);
          Kernel{}(block, args, team.shared.get());
          team.lanes.meet(lane, phase++, kBetweenBlocks);
        }
      });
    }
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace levelscan::test
