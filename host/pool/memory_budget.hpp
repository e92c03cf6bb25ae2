// How much memory is used where the user doesn't say. A pure function.
#pragma once

#include <cstdint>

namespace levelscan {

// The smaller of 1 GiB and a quarter of the machine's memory.
[[nodiscard]] uint64_t default_memory_bytes();

}  // namespace levelscan
