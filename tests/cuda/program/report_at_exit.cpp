// In the program over the stand-in: whatever CUDA would not have stood, or was left behind, makes
// it fail when it ends.
#include <unistd.h>

#include <cstdio>

#include "cuda/stand_in.hpp"

namespace levelscan::test {
namespace {

struct ReportAtExit {
  // The stand-in is made first, so that it is there when this goes.
  ReportAtExit() { static_cast<void>(CudaStandIn::instance()); }
  ~ReportAtExit() {
    bool good = true;
    for (auto const& lines :
         {CudaStandIn::instance().take_violations(), CudaStandIn::instance().live()}) {
      for (std::string const& line : lines) {
        std::fprintf(stderr, "stand-in: %s\n", line.c_str());
        good = false;
      }
    }
    std::fflush(nullptr);
    if (!good) _exit(99);
  }
};

ReportAtExit const report;

}  // namespace
}  // namespace levelscan::test
