// A DeleteRange: it hides an entry of any run whose sequence number is lower and that lies between
// its bounds, for snapshots that see it.
//
// The bounds are positions in internal-key order, (start, start_sequence) inclusive and
// (end, end_sequence) exclusive: a tombstone as it was written has the highest sequence at both,
// before all versions of the user key, and so covers the user keys [start, end). A compaction
// writes the whole tombstone to every table that it overlaps; only the part inside the table's
// bounds counts, and those can lie between two versions of a user key. A value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "kernels/key_order.hpp"
#include "version/version_edit.hpp"

namespace levelscan {

struct RangeTombstone {
  std::string start;  // user keys
  std::string end;
  uint64_t sequence = 0;
  uint64_t start_sequence = kMaxSequence;  // of `start` only entries up to this one are covered
  uint64_t end_sequence = kMaxSequence;    // of `end` only entries above this one are covered

  bool operator==(RangeTombstone const&) const = default;
};

// The part of `tombstone` that counts in a table with these bounds, internal keys of the MANIFEST.
// None when it doesn't reach into the table.
[[nodiscard]] std::optional<RangeTombstone> clip_range_tombstone(KeyOrder key_order,
                                                                 RangeTombstone tombstone,
                                                                 std::string_view smallest,
                                                                 std::string_view largest);

}  // namespace levelscan
