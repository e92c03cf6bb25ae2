// Orders rows that come as a few stretches in order each, as the candidates of several runs do: two
// neighbouring stretches at a time are merged until one is left. Any rows come out in order, and
// the fewer stretches there are the sooner.
//
// What is compared first is eight bytes that stand beside each row, without a branch on the
// outcome.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/candidate.hpp"

namespace levelscan {

struct MergedRow {
  uint64_t prefix;  // of the user key; ascends with the order of keys
  uint32_t row;
};
static_assert(sizeof(MergedRow) == 16);

// Orders rows[0, count). `from`, `to`: [count] each; `ends`: [count].
inline void merge_rows(uint32_t* rows, uint32_t count, CandidateLess const& less, MergedRow* from,
                       MergedRow* to, uint32_t* ends) {
  uint64_t const turned = less.order == KeyOrder::kBytewise ? 0 : UINT64_MAX;
  auto const is_less = [&](MergedRow const& a, MergedRow const& b) {
    return a.prefix != b.prefix ? a.prefix < b.prefix : less(a.row, b.row);
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
      MergedRow const* a = from + begin;
      MergedRow const* const a_end = from + ends[s];
      MergedRow const* b = a_end;
      MergedRow const* const b_end = s + 1 < stretch_count ? from + ends[s + 1] : a_end;
      MergedRow* out = to + begin;
      while (a != a_end && b != b_end) {
        if (a->prefix == b->prefix) {
          *out++ = less(b->row, a->row) ? *b++ : *a++;
          continue;
        }
        // Which one comes first is as good as random, so it is reckoned, not branched on.
        std::size_t const takes_b = b->prefix < a->prefix ? 1 : 0;
        *out++ = a[(b - a) & -static_cast<std::ptrdiff_t>(takes_b)];
        b += takes_b;
        a += 1 - takes_b;
      }
      while (a != a_end) *out++ = *a++;
      while (b != b_end) *out++ = *b++;
      begin = static_cast<uint32_t>(b_end - from);
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
