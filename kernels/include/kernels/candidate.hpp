// A row that passed range and predicate and is its own run's newest visible version.
#pragma once

#include <cstdint>

#include "kernels/bytes.hpp"
#include "kernels/internal_key.hpp"
#include "kernels/key_order.hpp"

namespace levelscan {

inline constexpr uint32_t kCandidateAlive = 1;      // cleared when it is found not to be a row
inline constexpr uint32_t kCandidateUndecided = 2;  // the predicate is still to be tested
inline constexpr uint32_t kCandidateDeferred = 4;   // and the value still to be worked out
// Added once for each newer entry that shadows it, by whoever finds one.
inline constexpr uint32_t kCandidateMark = 256;

struct Candidate {
  uint64_t key_prefix;  // first 8 bytes of the user key, big-endian, zero-padded
  uint64_t trailer;     // that counts: with the table's global sequence number where it has one
  uint32_t key_offset;  // of the internal key, as stored, in the candidate key space
  uint32_t user_size;
  uint32_t value_offset;  // in the run's data block
  uint32_t value_size;
  uint32_t run;
  uint32_t flags;
};
static_assert(sizeof(Candidate) == 40);

// Number of candidates and bytes of their internal keys; over many intervals both can pass 32 bits.
struct IntervalCount {
  uint64_t candidates;
  uint64_t key_bytes;
};
static_assert(sizeof(IntervalCount) == 16);

struct AddIntervalCounts {
  LEVELSCAN_HOST_DEVICE IntervalCount operator()(IntervalCount a, IntervalCount b) const {
    return IntervalCount{a.candidates + b.candidates, a.key_bytes + b.key_bytes};
  }
};

LEVELSCAN_HOST_DEVICE inline bool candidate_is_alive(Candidate const& candidate) {
  return (candidate.flags & kCandidateAlive) != 0 && candidate.flags < kCandidateMark;
}

// By user key; of one key the newest version first, and of equal sequence numbers the upper run's.
LEVELSCAN_OUT_OF_LINE inline bool comes_before(Candidate const& a, Candidate const& b,
                                               uint8_t const* keys, KeyOrder order) {
  int const by_key = compare_keys(order, Bytes{keys + a.key_offset, a.user_size},
                                  Bytes{keys + b.key_offset, b.user_size});
  if (by_key != 0) return by_key < 0;
  uint64_t const a_sequence = sequence_of(a.trailer);
  uint64_t const b_sequence = sequence_of(b.trailer);
  return a_sequence != b_sequence ? a_sequence > b_sequence : a.run < b.run;
}

// The order of candidates, by their places.
struct CandidateLess {
  Candidate const* candidates;
  uint8_t const* keys;
  KeyOrder order;

  LEVELSCAN_HOST_DEVICE bool operator()(uint32_t a, uint32_t b) const {
    Candidate const& x = candidates[a];
    Candidate const& y = candidates[b];
    if (x.key_prefix != y.key_prefix) {
      return (x.key_prefix < y.key_prefix) == (order == KeyOrder::kBytewise);
    }
    return comes_before(x, y, keys, order);
  }
};

}  // namespace levelscan
