// Rebuilds keys of a restart interval from its prefix-compressed entries. A value in one lane.
#pragma once

#include <cstdint>
#include <cstring>

#include "kernels/entry_walk.hpp"
#include "kernels/met_entry.hpp"

namespace levelscan {

// Rebuilds internal keys of one interval, as they are stored, into successive slots, in the order
// of the entries. The previous slot is where a key's leading bytes come from; entries between two
// slots are walked.
struct KeyBuilder {
  uint8_t const* data;
  uint32_t begin;           // of the interval
  bool values_are_apart;    // from the interval's keys
  uint32_t offset;          // first entry that the previous slot doesn't have in it
  uint8_t const* previous;  // internal key of the last slot, or null
  uint32_t previous_size;
  uint64_t prefix;        // of the last slot's user key, as key_prefix_of() says
  uint32_t prefix_bytes;  // that are the key's

  LEVELSCAN_HOST_DEVICE static KeyBuilder over(EntryWalk const& walk) {
    return KeyBuilder{walk.bytes, walk.begin, walk.values_end != 0, walk.begin, nullptr, 0, 0, 0};
  }

  // Writes the internal key of an entry to slot[key_size]. Its prefix is `prefix` then.
  LEVELSCAN_HOST_DEVICE void build(MetEntry const& entry, uint8_t* slot) {
    uint32_t const key_size = entry.user_size + kTrailerBytes;
    if (!build_from_prefix(entry, key_size, slot)) {
      if (offset == entry.offset) {
        copy_short(slot, previous, entry.shared);
      } else {
        build_from_entries(entry.offset, key_size, slot);
      }
      copy_short(slot + entry.shared, entry.delta, key_size - entry.shared);
      prefix = key_prefix_of(Bytes{slot, entry.user_size});
    }
    offset = entry.next_offset;
    previous = slot;
    previous_size = key_size;
  }

 private:
  // A processor waits for what was written in parts when it reads it soon: where the prefix has all
  // that is shared, the previous slot isn't read.
  LEVELSCAN_HOST_DEVICE bool build_from_prefix(MetEntry const& entry, uint32_t key_size,
                                               uint8_t* slot) {
#if !defined(__CUDA_ARCH__)
    uint32_t const shared = entry.shared;
    uint32_t const shared_before = prefix_bytes;
    prefix_bytes = entry.user_size < 8 ? entry.user_size : 8;
    if (offset != entry.offset || shared > shared_before || shared > prefix_bytes) return false;
    // All of the trailer is behind it, so there are eight bytes that are not shared.
    uint64_t const own = load_big_endian(entry.delta, 8);
    prefix = first_bytes(first_bytes(prefix, shared) | (own >> (4 * shared)) >> (4 * shared),
                         prefix_bytes);
    uint64_t const leading = __builtin_bswap64(prefix);
    std::memcpy(slot, &leading, sizeof leading);
    copy_short(slot + shared, entry.delta, key_size - shared);
    return true;
#else
    (void)entry, (void)key_size, (void)slot;
    return false;
#endif
  }

  // Leading bytes of a key come from the previous slot and the entries up to the last one.
  LEVELSCAN_HOST_DEVICE void build_from_entries(uint32_t last, uint32_t key_size, uint8_t* slot) {
    for (bool first = true; offset != last; first = false) {
      EntryHeader entry;
      // The walk has decoded every entry up to the last one, so this never fails.
      if (!decode_any_entry(data, offset, UINT32_MAX, values_are_apart, offset == begin, entry)) {
        return;
      }
      if (first) {
        uint32_t const kept = entry.shared < previous_size ? entry.shared : previous_size;
        copy_short(slot, previous, kept < key_size ? kept : key_size);
      }
      if (entry.shared < key_size) {
        uint32_t const end = entry.key_size < key_size ? entry.key_size : key_size;
        copy_short(slot + entry.shared, data + entry.delta_offset, end - entry.shared);
      }
      offset = entry.next_offset;
    }
  }
};

}  // namespace levelscan
