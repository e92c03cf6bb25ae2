// A program with a data race planted in a kernel, for ThreadSanitizer to find:
//   planted_race phase    an item reads what another one writes in the same phase
//   planted_race blocks   two blocks of a launch add to one word without fetch_add
//   planted_race none     the same kernel with neither
// Without ThreadSanitizer it ends quietly.
#include <cstdio>
#include <cstring>

#include "support/threaded_block.hpp"

namespace levelscan::test {
namespace {

struct PlantedRace {
  struct Args {
    bool in_phase;
    bool between_blocks;
    uint32_t* word;
  };
  struct Shared {
    uint32_t values[64];
  };
  template <class Block>
  void operator()(Block& block, Args const& args, Shared& shared) const {
    block.for_each(64, [&](uint32_t i) { shared.values[i] = i; });
    block.for_each(64, [&](uint32_t i) {
      if (args.in_phase) shared.values[i] = shared.values[(i + 1) % 64] + 1;
    });
    block.for_each(1, [&](uint32_t) {
      if (args.between_blocks) {
        *args.word += shared.values[0];
      } else {
        block.fetch_add(*args.word, shared.values[0]);
      }
    });
  }
};

}  // namespace
}  // namespace levelscan::test

int main(int argument_count, char** arguments) {
  char const* const mode = argument_count > 1 ? arguments[1] : "none";
  uint32_t word = 0;
  levelscan::test::PlantedRace::Args const args{std::strcmp(mode, "phase") == 0,
                                                std::strcmp(mode, "blocks") == 0, &word};
  for (uint64_t seed = 0; seed < 8; ++seed) {
    levelscan::test::launch_threaded<levelscan::test::PlantedRace>(args, 8, {4, 2, seed});
  }
  std::printf("%s: ended with %u\n", mode, word);
}
