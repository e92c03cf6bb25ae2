// Runs a kernel's blocks one after another in the calling thread, so that a core keeps a scan's
// data in its cache. Scans run at once in threads of their own.
#pragma once

#include <cstdint>

#include "cpu/serial_block.hpp"

namespace levelscan {

template <class Kernel>
void launch(typename Kernel::Args const& args, uint32_t block_count) {
  typename Kernel::Shared shared;  // uninitialised, as on a GPU; it holds what the last block left
  for (uint32_t b = 0; b < block_count; ++b) {
    SerialBlock block(b);
    Kernel{}(block, args, shared);
  }
}

}  // namespace levelscan
