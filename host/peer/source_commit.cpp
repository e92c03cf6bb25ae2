#include "peer/source_commit.hpp"

#include "levelscan_commit.hpp"  // written at each build, see cmake/commit.cmake

namespace levelscan {

char const* source_commit() { return LEVELSCAN_COMMIT; }

}  // namespace levelscan
