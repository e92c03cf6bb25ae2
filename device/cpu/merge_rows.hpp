// Orders rows that come as a few stretches in order each, as the candidates of several runs do: two
// neighbouring stretches at a time are merged until one is left. Any rows come out in order, and
// the fewer stretches there are the sooner.
//
// What is compared first is eight bytes that stand beside each row.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/candidate.hpp"

namespace levelscan {

struct MergedRow {
  uint64_t prefix;  // of the user key; ascends with the order of keys
  uint32_t row;
};
static_assert(sizeof(MergedRow) == 16);

// Merges two stretches that are in order into `to`.
//
// From both ends at once: each end's next row depends on the one before, and so neither waits for
// the other. Which stretch it comes from is as good as random, so it is reckoned, not branched on.
template <class IsLess>
void merge_stretches(std::span<MergedRow const> a, std::span<MergedRow const> b, MergedRow* to,
                     IsLess const& is_less) {
  MergedRow const* a_first = a.data();
  MergedRow const* b_first = b.data();
  MergedRow const* a_end = a_first + a.size();
  MergedRow const* b_end = b_first + b.size();
  MergedRow* to_end = to + a.size() + b.size();
  auto const comes_first = [&](MergedRow const& x, MergedRow const& y) -> std::size_t {
    if (x.prefix == y.prefix) return is_less(x, y) ? 1 : 0;
    return x.prefix < y.prefix ? 1 : 0;
  };
  auto const choose = [](MergedRow const* x, MergedRow const* y, std::size_t takes_y) {
    return x + ((y - x) & -static_cast<std::ptrdiff_t>(takes_y));
  };
  while (a_end - a_first > 1 && b_end - b_first > 1) {
    std::size_t const takes_b = comes_first(*b_first, *a_first);
    *to++ = *choose(a_first, b_first, takes_b);
    b_first += takes_b;
    a_first += 1 - takes_b;
    std::size_t const takes_last_a = comes_first(b_end[-1], a_end[-1]);
    *--to_end = *(choose(b_end, a_end, takes_last_a) - 1);
    a_end -= takes_last_a;
    b_end -= 1 - takes_last_a;
  }
  while (a_first != a_end && b_first != b_end) {
    *to++ = is_less(*b_first, *a_first) ? *b_first++ : *a_first++;
  }
  to = std::copy(a_first, a_end, to);
  std::copy(b_first, b_end, to);
}

// Orders rows[0, count). `from`, `to`: [count] each; `ends`: [count].
// REQUIRES: count is not 0.
inline void merge_rows(uint32_t* rows, uint32_t count, CandidateLess const& less, MergedRow* from,
                       MergedRow* to, uint32_t* ends) {
  uint64_t const turned = less.order == KeyOrder::kBytewise ? 0 : UINT64_MAX;
  auto const is_less = [&](MergedRow const& x, MergedRow const& y) {
    return x.prefix != y.prefix ? x.prefix < y.prefix : less(x.row, y.row);
  };
  uint32_t stretch_count = 0;
  for (uint32_t i = 0; i < count; ++i) {
    from[i] = MergedRow{less.candidates[rows[i]].key_prefix ^ turned, rows[i]};
    if (i != 0 && is_less(from[i], from[i - 1])) ends[stretch_count++] = i;
  }
  ends[stretch_count++] = count;
  while (stretch_count > 1) {
    uint32_t merged_count = 0;
    uint32_t begin = 0;
    for (uint32_t s = 0; s < stretch_count; s += 2) {
      uint32_t const end = s + 1 < stretch_count ? ends[s + 1] : ends[s];
      merge_stretches({from + begin, from + ends[s]}, {from + ends[s], from + end}, to + begin,
                      is_less);
      begin = end;
      ends[merged_count++] = begin;
    }
    stretch_count = merged_count;
    MergedRow* const merged = to;
    to = from;
    from = merged;
  }
  for (uint32_t i = 0; i < count; ++i) rows[i] = from[i].row;
}

}  // namespace levelscan
