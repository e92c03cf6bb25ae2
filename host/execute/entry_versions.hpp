// The versions of one user key among the entries that are resident for a run, on the host: what the
// value of a key with merge operands is made of.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "kernels/run_view.hpp"

namespace levelscan {

struct EntryVersion {
  uint64_t trailer = 0;
  uint32_t run = 0;
  std::string_view stored;  // the value's bytes in the block
};

// Where the versions of a run end.
enum class VersionsEnd : uint8_t {
  kKnown,    // at one that needs no older one, or at a greater key
  kUnknown,  // at the end of what is resident
  kCorrupt,
};

// Appends the versions of `user_key` from (user_key, trailer) on, newest first, up to and with the
// first that is no merge operand. `run` is a view in host memory.
[[nodiscard]] VersionsEnd append_versions(RunView const& run, uint32_t run_index, Bytes user_key,
                                          uint64_t trailer, std::vector<EntryVersion>& versions);

// Puts versions of one key from several runs in order, newest first (of two with the same sequence
// number the upper run's counts), and drops what is older than the first that is no merge operand.
void sort_versions(std::vector<EntryVersion>& versions);

}  // namespace levelscan
