#include "version/range_tombstone.hpp"

#include <utility>

#include "table/coding.hpp"

namespace levelscan {
namespace {

constexpr uint8_t kRangeDeletionType = 0x0f;

struct Position {
  std::string_view user_key;
  uint64_t sequence;
};

bool before(Position const& a, Position const& b) {
  int const order = a.user_key.compare(b.user_key);
  return order < 0 || (order == 0 && a.sequence > b.sequence);
}

struct Bound {
  Position position;
  uint8_t type;
};

Bound parse_bound(std::string_view internal_key) {
  std::size_t const user_bytes = internal_key.size() - kInternalTrailerBytes;
  uint64_t const trailer = load_fixed64(as_bytes(internal_key).data() + user_bytes);
  return {{internal_key.substr(0, user_bytes), trailer >> 8}, static_cast<uint8_t>(trailer)};
}

}  // namespace

std::optional<RangeTombstone> clip_range_tombstone(RangeTombstone tombstone,
                                                   std::string_view smallest,
                                                   std::string_view largest) {
  Position const first = parse_bound(smallest).position;
  Bound const last = parse_bound(largest);
  // An upper bound that a tombstone has set, at the end of the table's own or at the start of the
  // next table, is beyond everything in this one. So is one of sequence 0, because no other table
  // has an entry of that user key and sequence. Any other is an entry of this table, which the
  // tombstone may cover; older versions of its user key may be the next table's business.
  Position end = last.position;
  bool const is_sentinel = last.type == kRangeDeletionType && end.sequence == kMaxSequence;
  if (!is_sentinel && end.sequence != 0) --end.sequence;

  if (before({tombstone.start, tombstone.start_sequence}, first)) {
    tombstone.start = first.user_key;
    tombstone.start_sequence = first.sequence;
  }
  if (before(end, {tombstone.end, tombstone.end_sequence})) {
    tombstone.end = end.user_key;
    tombstone.end_sequence = end.sequence;
  }
  if (!before({tombstone.start, tombstone.start_sequence},
              {tombstone.end, tombstone.end_sequence})) {
    return std::nullopt;
  }
  return tombstone;
}

}  // namespace levelscan
