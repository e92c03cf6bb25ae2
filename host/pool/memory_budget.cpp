#include "pool/memory_budget.hpp"

#include <unistd.h>

#include <algorithm>

namespace levelscan {

uint64_t default_memory_bytes() {
  uint64_t const ram =
      static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  return std::min<uint64_t>(uint64_t{1} << 30, ram / 4);
}

}  // namespace levelscan
