#include "version/range_tombstone.hpp"

#include <utility>

#include "kernels/internal_key.hpp"
#include "table/key_comparison.hpp"

namespace levelscan {
namespace {

constexpr uint8_t kRangeDeletionType = 0x0f;

struct Position {
  std::string_view user_key;
  uint64_t sequence;
};

struct Bound {
  Position position;
  uint8_t type;
};

Bound parse_bound(std::string_view internal_key) {
  uint64_t const trailer = trailer_of(internal_key);
  return {{user_key_of(internal_key), sequence_of(trailer)}, static_cast<uint8_t>(trailer)};
}

}  // namespace

std::optional<RangeTombstone> clip_range_tombstone(KeyOrder key_order, RangeTombstone tombstone,
                                                   std::string_view smallest,
                                                   std::string_view largest) {
  auto const before = [key_order](Position const& a, Position const& b) {
    int const order = compare_user_keys(key_order, a.user_key, b.user_key);
    return order < 0 || (order == 0 && a.sequence > b.sequence);
  };
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
