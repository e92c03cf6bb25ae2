// A task met something that its scan buffer has no room for. Not an error yet: the scan is stopped,
// the pool rebuilt with a larger layout where memory allows, and the task goes on where it was.
#pragma once

#include <cstdint>

namespace levelscan {

struct NeedLayout {
  enum class Space {
    kIndexBlock,
    kDataBlock,
    kCandidateKeys,
    kCells,
    kResult,
    kControl,
    kReadArea,
    kValues
  };

  Space space;
  uint32_t run = 0;    // kIndexBlock, kDataBlock
  uint64_t bytes = 0;  // what the space has to hold; kCells: cells
};

}  // namespace levelscan
