// What a filter hands on of an entry that passed, however its walk came to it.
#pragma once

#include <cstdint>

#include "kernels/entry_walk.hpp"
#include "kernels/plain_entries.hpp"

namespace levelscan {

// What is written down of an entry that a walk has come to.
struct MetEntry {
  uint32_t offset;  // from the walk's bytes, as the next ones
  uint32_t next_offset;
  uint32_t value_offset;
  uint32_t value_size;
  uint32_t shared;
  uint32_t user_size;
  uint8_t const* delta;
  uint64_t trailer;  // that counts
  uint32_t shadow;   // place in FilterArgs::shadows that it comes before, or is hidden by

  // The one that the walk stands on.
  LEVELSCAN_HOST_DEVICE LEVELSCAN_INLINE static MetEntry of(EntryWalk const& walk,
                                                            uint32_t shadow) {
    return MetEntry{walk.entry_offset, walk.offset,  walk.value_offset,
                    walk.value_size,   walk.shared,  walk.user_size,
                    walk.delta(),      walk.trailer, shadow};
  }
  // A plain one of the walk's that was decoded at `offset`.
  LEVELSCAN_HOST_DEVICE LEVELSCAN_INLINE static MetEntry of(EntryWalk const& walk, uint64_t offset,
                                                            PlainEntry const& entry,
                                                            uint32_t shadow) {
    return MetEntry{static_cast<uint32_t>(offset),
                    static_cast<uint32_t>(entry.next_offset()),
                    static_cast<uint32_t>(entry.value_offset),
                    entry.value_size,
                    entry.shared,
                    entry.user_size(),
                    walk.bytes + entry.delta_offset,
                    entry.trailer(walk.bytes),
                    shadow};
  }
};

}  // namespace levelscan
