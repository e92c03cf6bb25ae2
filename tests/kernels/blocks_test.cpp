// Controls: faults planted in small kernels that the test Blocks must show.
#include <gtest/gtest.h>

#include <set>

#include "cpu/launch.hpp"
#include "support/shuffled_block.hpp"
#include "support/threaded_block.hpp"

namespace levelscan::test {
namespace {

constexpr uint32_t kItems = 50;

struct Output {
  uint32_t* word;
};

// Every item writes the same word: which one is last is the order of lanes.
struct LastItemWins {
  using Args = Output;
  struct Shared {
    uint32_t last;
  };
  template <class Block>
  void operator()(Block& block, Args const& args, Shared& shared) const {
    block.for_each(kItems, [&](uint32_t i) { shared.last = i; });
    block.for_each(1, [&](uint32_t) { *args.word = shared.last; });
  }
};

// Reads its neighbour's word in the phase that writes it.
struct MissingBarrier {
  using Args = Output;
  struct Shared {
    uint32_t words[kItems];
    uint32_t sum;
  };
  template <class Block>
  void operator()(Block& block, Args const& args, Shared& shared) const {
    block.for_each(kItems, [&](uint32_t i) { shared.words[i] = 1; });
    block.for_each(1, [&](uint32_t) { shared.sum = 0; });
    block.for_each(kItems, [&](uint32_t i) {
      shared.words[i] = 10;
      block.fetch_add(shared.sum, shared.words[(i + 1) % kItems]);
    });
    block.for_each(1, [&](uint32_t) { *args.word = shared.sum; });
  }
};

struct ReadsUnwrittenShared {
  using Args = Output;
  struct Shared {
    uint32_t word;
  };
  template <class Block>
  void operator()(Block& block, Args const& args, Shared& shared) const {
    block.for_each(1, [&](uint32_t) { *args.word = shared.word; });
  }
};

// Keeps the rules: counts its items, block by block.
struct CountsItems {
  struct Args {
    uint32_t* item_counts;  // [blocks]
    uint64_t* total;
  };
  struct Shared {
    uint32_t count;
    uint32_t seen[kItems];
  };
  template <class Block>
  void operator()(Block& block, Args const& args, Shared& shared) const {
    block.for_each(1, [&](uint32_t) { shared.count = 0; });
    block.for_each(kItems, [&](uint32_t i) { shared.seen[i] = i; });
    block.for_each(0, [&](uint32_t) { shared.count = 1000; });
    block.for_each(kItems, [&](uint32_t i) {
      // What another item wrote one phase before.
      block.fetch_add(shared.count, shared.seen[kItems - 1 - i] == kItems - 1 - i ? 1u : 0u);
    });
    block.for_each(1, [&](uint32_t) {
      args.item_counts[block.index()] = shared.count;
      block.fetch_add(*args.total, static_cast<uint64_t>(shared.count));
    });
  }
};

template <class Kernel>
std::set<uint32_t> shuffled_results() {
  std::set<uint32_t> results;
  for (uint64_t seed = 0; seed < 32; ++seed) {
    uint32_t word = 0;
    launch_shuffled<Kernel>(Output{&word}, 1, seed);
    results.insert(word);
  }
  return results;
}

TEST(ShuffledBlock, ShowsADependenceOnTheOrderOfLanes) {
  EXPECT_GT(shuffled_results<LastItemWins>().size(), 8u);
}

TEST(ShuffledBlock, ShowsAMissingBarrier) {
  EXPECT_GT(shuffled_results<MissingBarrier>().size(), 3u);
}

TEST(ShuffledBlock, ShowsAReadOfUnwrittenSharedMemory) {
  EXPECT_GT(shuffled_results<ReadsUnwrittenShared>().size(), 30u);
}

TEST(ThreadedBlock, ShowsAReadOfUnwrittenSharedMemory) {
  std::set<uint32_t> results;
  for (uint64_t seed = 0; seed < 16; ++seed) {
    uint32_t word = 0;
    launch_threaded<ReadsUnwrittenShared>(Output{&word}, 1, {2, 2, seed});
    results.insert(word);
  }
  EXPECT_GT(results.size(), 14u);
}

void expect_all_counted(std::vector<uint32_t> const& counts, uint64_t total) {
  EXPECT_EQ(counts, std::vector<uint32_t>(counts.size(), kItems));
  EXPECT_EQ(total, uint64_t{kItems} * counts.size());
}

TEST(Blocks, RunEveryItemOfEveryBlockOnce) {
  for (uint32_t const block_count : {0u, 1u, 2u, 7u}) {
    std::vector<uint32_t> counts(block_count);
    uint64_t total = 0;
    launch<CountsItems>({counts.data(), &total}, block_count);
    expect_all_counted(counts, total);
    for (uint64_t seed = 0; seed < 4; ++seed) {
      counts.assign(block_count, 0);
      total = 0;
      launch_shuffled<CountsItems>({counts.data(), &total}, block_count, seed);
      expect_all_counted(counts, total);
      for (uint32_t const lane_count : {1u, 3u, 32u, 64u}) {
        counts.assign(block_count, 0);
        total = 0;
        launch_threaded<CountsItems>({counts.data(), &total}, block_count, {lane_count, 2, seed});
        expect_all_counted(counts, total);
      }
    }
  }
}

}  // namespace
}  // namespace levelscan::test
