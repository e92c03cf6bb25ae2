#include "query/key_range.hpp"

namespace levelscan {
namespace {

// The smallest byte string that is greater than every one with this prefix; none when there is no
// such string.
std::optional<std::string> prefix_successor(std::string_view prefix) {
  std::string successor(prefix);
  while (!successor.empty()) {
    if (successor.back() != '\xff') {
      successor.back() = static_cast<char>(static_cast<unsigned char>(successor.back()) + 1);
      return successor;
    }
    successor.pop_back();
  }
  return std::nullopt;
}

// All byte strings with this prefix.
KeyRange prefix_range(KeyOrder key_order, std::string_view prefix) {
  std::optional<std::string> const successor = prefix_successor(prefix);
  if (key_order == KeyOrder::kBytewise) {
    return {KeyBound::before(prefix), successor ? KeyBound::before(*successor) : KeyBound::end()};
  }
  // From just below the successor down to the prefix itself.
  return {successor ? KeyBound::after(*successor) : KeyBound::start(), KeyBound::after(prefix)};
}

}  // namespace

KeyRange KeySelection::range(KeyOrder key_order) const {
  KeyRange range;
  if (from) range.lower = KeyBound::before(*from);
  if (to) range.upper = KeyBound::before(*to);
  if (prefix) {
    KeyRange const within = prefix_range(key_order, *prefix);
    if (compare_bounds(key_order, within.lower, range.lower) > 0) range.lower = within.lower;
    if (compare_bounds(key_order, within.upper, range.upper) < 0) range.upper = within.upper;
  }
  return range;
}

}  // namespace levelscan
