// All range tombstones of a version, cut into disjoint pieces once; for each snapshot, which of
// them is the newest over a piece (kernels/tombstone_cover.hpp).
//
// Pieces are few, at most twice as many as tombstones, however many tombstones lie over one
// another: only one sequence number of each piece matters to a scan. Finding those for a snapshot
// takes a sweep over the tombstones, newest first, in which each piece is visited once.
//
// The cover is an image of bytes() bytes in memory of the caller's: arrays of
//   prefix u64 | newest u64 | TombstoneBound, for each bound, then the suffixes and the common
//   bytes.
// Immutable after construction; thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kernels/tombstone_cover.hpp"
#include "version/range_tombstone.hpp"

namespace levelscan {

class TombstoneSet {
 public:
  TombstoneSet() = default;
  // Takes O(n log n). Throws Error(kDevice) when there are more bounds, or more bytes of their
  // keys, than 32 bits can count.
  TombstoneSet(std::span<RangeTombstone const> tombstones, KeyOrder key_order);

  [[nodiscard]] bool empty() const { return bounds_.empty(); }
  [[nodiscard]] std::size_t bytes() const;

  // Writes what doesn't depend on the snapshot, or what does, into an image. REQUIRES: `image` is
  // aligned to 16 and has room for bytes().
  void write_bounds(uint8_t* image) const;
  void write_newest(uint64_t snapshot, uint8_t* image) const;

  // What write_newest() writes: `newest_bytes` from the image's byte `newest_offset` on.
  [[nodiscard]] std::size_t newest_offset() const { return bounds_.size() * sizeof(uint64_t); }
  [[nodiscard]] std::size_t newest_bytes() const { return bounds_.size() * sizeof(uint64_t); }

  // The cover whose image lies at `image`, in host or device memory.
  [[nodiscard]] TombstoneCover cover(uint8_t const* image) const;

 private:
  // A tombstone by the pieces [first, last) that it lies over.
  struct Span {
    uint64_t sequence;
    uint32_t first;
    uint32_t last;
  };

  KeyOrder key_order_ = KeyOrder::kBytewise;
  std::string common_;
  std::vector<uint64_t> prefixes_;      // [bounds]
  std::vector<TombstoneBound> bounds_;  // ascending, no two the same
  std::string suffixes_;
  std::vector<Span> spans_;  // newest first
};

// The user key up to which, exclusive, every entry at or after `user_key` with a sequence number up
// to `sequence` is hidden, all versions of each user key. Looks no further than `last`: a key
// beyond it says that all up to `last` are.
[[nodiscard]] std::optional<std::string> hidden_until(TombstoneCover const& cover,
                                                      std::string_view user_key,
                                                      std::string_view last, uint64_t sequence);

}  // namespace levelscan
