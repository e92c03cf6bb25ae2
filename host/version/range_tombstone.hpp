// A DeleteRange: the user keys [start, end) as of `sequence`. It hides an entry of any run whose
// sequence number is lower, for snapshots that see the tombstone. A value.
#pragma once

#include <cstdint>
#include <string>

namespace levelscan {

struct RangeTombstone {
  std::string start;  // user key, inclusive
  std::string end;    // user key, exclusive
  uint64_t sequence = 0;

  bool operator==(RangeTombstone const&) const = default;
};

}  // namespace levelscan
