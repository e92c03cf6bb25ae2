// Runs tests over the stand-in for the CUDA runtime: each begins with a fresh one, and fails when
// it leaves a violation or anything live behind.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>

#include "cuda/stand_in.hpp"
#include "support/random.hpp"

namespace levelscan::test {
namespace {

class StandInListener final : public testing::EmptyTestEventListener {
  void OnTestStart(testing::TestInfo const& test) override {
    std::string const name = std::string(test.test_suite_name()) + "." + test.name();
    CudaStandIn::instance().reset(base_seed() + std::hash<std::string>{}(name));
  }
  void OnTestEnd(testing::TestInfo const&) override {
    CudaStandIn& stand_in = CudaStandIn::instance();
    std::string const seed = " (LEVELSCAN_SEED=" + std::to_string(base_seed()) + ")";
    for (std::string const& violation : stand_in.take_violations()) {
      ADD_FAILURE() << violation << seed;
    }
    for (std::string const& left : stand_in.live())
      ADD_FAILURE() << "left behind: " << left << seed;
    if (cudaGetLastError() != cudaSuccess) ADD_FAILURE() << "an error was never looked at" << seed;
  }
};

void say_who_touched_what(int signal, siginfo_t* info, void*) {
  char const* const text =
      CudaStandIn::is_device_address(info->si_addr)
          ? "the host touched device memory, or a kernel what isn't allocated\n"
          : "segmentation fault\n";
  static_cast<void>(!write(STDERR_FILENO, text, std::strlen(text)));
  ::signal(signal, SIG_DFL);
  raise(signal);
}

}  // namespace
}  // namespace levelscan::test

int main(int argument_count, char** arguments) {
  // Protecting device memory around every operation takes its time: fewer random databases, unless
  // somebody asks for more.
  setenv("LEVELSCAN_SEEDS", "8", 0);
  testing::InitGoogleTest(&argument_count, arguments);
  struct sigaction action = {};
  action.sa_sigaction = levelscan::test::say_who_touched_what;
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  sigaction(SIGSEGV, &action, nullptr);
  testing::UnitTest::GetInstance()->listeners().Append(new levelscan::test::StandInListener);
  return RUN_ALL_TESTS();
}
