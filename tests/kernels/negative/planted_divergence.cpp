// A program whose kernel's lanes don't all take the same way between phases: on a GPU it would
// hang. ThreadedBlock must name it and end the process.
#include <cstdio>
#include <cstring>

#include "support/threaded_block.hpp"

namespace levelscan::test {
namespace {

struct PlantedDivergence {
  struct Args {
    bool other_count;  // else another number of phases
  };
  struct Shared {
    uint32_t word;
  };
  template <class Block>
  void operator()(Block& block, Args const& args, Shared& shared) const {
    thread_local uint32_t lane_calls = 0;
    block.for_each(4, [&](uint32_t i) {
      // What one lane's own items do must not steer the phases: this does.
      if (i == 0) lane_calls = 1;
    });
    uint32_t const calls = lane_calls;
    lane_calls = 0;
    if (args.other_count) {
      block.for_each(1 + calls, [&](uint32_t i) { block.fetch_add(shared.word, i); });
    } else if (calls != 0) {
      block.for_each(1, [&](uint32_t i) { block.fetch_add(shared.word, i); });
    }
  }
};

}  // namespace
}  // namespace levelscan::test

int main(int argument_count, char** arguments) {
  levelscan::test::PlantedDivergence::Args const args{argument_count > 1 &&
                                                      std::strcmp(arguments[1], "count") == 0};
  levelscan::test::launch_threaded<levelscan::test::PlantedDivergence>(args, 4, {4, 2, 1});
  std::printf("ended unnoticed\n");
}
