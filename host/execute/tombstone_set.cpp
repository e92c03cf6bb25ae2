#include "execute/tombstone_set.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <string_view>

#include "levelscan/error.hpp"
#include "table/key_comparison.hpp"

namespace levelscan {
namespace {

Bytes view_of(std::string_view text) {
  return Bytes{reinterpret_cast<uint8_t const*>(text.data()), static_cast<uint32_t>(text.size())};
}

// One of the two ends of a tombstone.
struct End {
  uint64_t prefix;  // of the suffix
  uint32_t number;  // 2 i: the start of tombstone i; 2 i + 1: its end
};

std::string_view key_of(std::span<RangeTombstone const> tombstones, uint32_t number) {
  RangeTombstone const& tombstone = tombstones[number / 2];
  return number % 2 == 0 ? tombstone.start : tombstone.end;
}

uint64_t sequence_of_end(std::span<RangeTombstone const> tombstones, uint32_t number) {
  RangeTombstone const& tombstone = tombstones[number / 2];
  return number % 2 == 0 ? tombstone.start_sequence : tombstone.end_sequence;
}

std::size_t common_bytes(std::span<RangeTombstone const> tombstones) {
  std::string_view const first = tombstones.front().start;
  std::size_t common = first.size();
  for (RangeTombstone const& tombstone : tombstones) {
    for (std::string_view const key :
         {std::string_view(tombstone.start), std::string_view(tombstone.end)}) {
      std::size_t const limit = std::min(common, key.size());
      common = static_cast<std::size_t>(
          std::mismatch(first.begin(), first.begin() + static_cast<std::ptrdiff_t>(limit),
                        key.begin())
              .first -
          first.begin());
    }
  }
  return common;
}

}  // namespace

TombstoneSet::TombstoneSet(std::span<RangeTombstone const> tombstones, KeyOrder key_order)
    : key_order_(key_order) {
  if (tombstones.empty()) return;
  constexpr std::size_t kTombstonesMax = UINT32_MAX / 2;
  if (tombstones.size() > kTombstonesMax) {
    throw Error(ErrorCode::kDevice, fmt::format("{} range tombstones; at most {} can be held",
                                                tombstones.size(), kTombstonesMax));
  }
  common_ = tombstones.front().start.substr(0, common_bytes(tombstones));
  auto const suffix_of = [&](uint32_t number) {
    return key_of(tombstones, number).substr(common_.size());
  };

  std::vector<End> ends(2 * tombstones.size());
  for (uint32_t number = 0; number < ends.size(); ++number) {
    ends[number] = {key_prefix_of(view_of(suffix_of(number))), number};
  }
  std::sort(ends.begin(), ends.end(), [&](End const& a, End const& b) {
    if (a.prefix != b.prefix) return (a.prefix < b.prefix) == (key_order == KeyOrder::kBytewise);
    int const order = compare_user_keys(key_order, suffix_of(a.number), suffix_of(b.number));
    if (order != 0) return order < 0;
    return sequence_of_end(tombstones, a.number) > sequence_of_end(tombstones, b.number);
  });

  spans_.resize(tombstones.size());
  std::string_view last;  // suffix of the last bound
  for (End const& end : ends) {
    std::string_view const suffix = suffix_of(end.number);
    uint64_t const sequence = sequence_of_end(tombstones, end.number);
    bool const same_key = !bounds_.empty() && suffix == last;
    if (!same_key || bounds_.back().sequence != sequence) {
      if (!same_key && suffix.size() > UINT32_MAX - suffixes_.size()) {
        throw Error(ErrorCode::kDevice,
                    fmt::format("the keys of {} range tombstones have more than {} bytes",
                                tombstones.size(), UINT32_MAX));
      }
      uint32_t const offset =
          same_key ? bounds_.back().suffix_offset : static_cast<uint32_t>(suffixes_.size());
      if (!same_key) suffixes_ += suffix;
      bounds_.push_back({sequence, offset, static_cast<uint32_t>(suffix.size())});
      prefixes_.push_back(end.prefix);
      last = suffix;
    }
    Span& span = spans_[end.number / 2];
    (end.number % 2 == 0 ? span.first : span.last) = static_cast<uint32_t>(bounds_.size() - 1);
    span.sequence = tombstones[end.number / 2].sequence;
  }
  std::sort(spans_.begin(), spans_.end(),
            [](Span const& a, Span const& b) { return a.sequence > b.sequence; });
}

std::size_t TombstoneSet::bytes() const {
  return newest_offset() + newest_bytes() + bounds_.size() * sizeof(TombstoneBound) +
         suffixes_.size() + common_.size();
}

void TombstoneSet::write_bounds(uint8_t* image) const {
  auto const put = [&image](void const* from, std::size_t bytes) {
    if (bytes != 0) std::memcpy(image, from, bytes);
    image += bytes;
  };
  put(prefixes_.data(), prefixes_.size() * sizeof(uint64_t));
  image += newest_bytes();
  put(bounds_.data(), bounds_.size() * sizeof(TombstoneBound));
  put(suffixes_.data(), suffixes_.size());
  put(common_.data(), common_.size());
}

void TombstoneSet::write_newest(uint64_t snapshot, uint8_t* image) const {
  std::vector<uint64_t> newest(bounds_.size(), 0);
  // next[i]: the first piece from i on that no tombstone has been found for, or one on the way
  // there.
  std::vector<uint32_t> next(bounds_.size() + 1);
  std::iota(next.begin(), next.end(), 0);
  auto const find = [&next](uint32_t piece) {
    while (next[piece] != piece) {
      next[piece] = next[next[piece]];
      piece = next[piece];
    }
    return piece;
  };
  for (Span const& span : spans_) {
    if (span.sequence > snapshot) continue;
    for (uint32_t piece = find(span.first); piece < span.last; piece = find(piece)) {
      newest[piece] = span.sequence;
      next[piece] = piece + 1;
    }
  }
  if (!newest.empty()) std::memcpy(image + newest_offset(), newest.data(), newest_bytes());
}

TombstoneCover TombstoneSet::cover(uint8_t const* image) const {
  TombstoneCover cover{};
  if (empty()) return cover;
  cover.prefixes = reinterpret_cast<uint64_t const*>(image);
  cover.newest = reinterpret_cast<uint64_t const*>(image + newest_offset());
  uint8_t const* const bounds = image + newest_offset() + newest_bytes();
  cover.bounds = reinterpret_cast<TombstoneBound const*>(bounds);
  cover.suffixes = bounds + bounds_.size() * sizeof(TombstoneBound);
  cover.common = Bytes{cover.suffixes + suffixes_.size(), static_cast<uint32_t>(common_.size())};
  cover.bound_count = static_cast<uint32_t>(bounds_.size());
  cover.order = key_order_;
  return cover;
}

std::optional<std::string> hidden_until(TombstoneCover const& cover, std::string_view user_key,
                                        std::string_view last, uint64_t sequence) {
  // The piece that the newest version of the user key would lie in.
  uint32_t const until = tombstone_bounds_until(cover, view_of(user_key), kSequenceMax);
  if (until == 0) return std::nullopt;
  uint32_t piece = until - 1;
  if (cover.newest[piece] <= sequence) return std::nullopt;
  uint32_t const end = tombstone_bounds_until(cover, view_of(last), 0);
  while (piece < end && cover.newest[piece] > sequence) ++piece;
  TombstoneBound const& bound = cover.bounds[piece];
  std::string key(reinterpret_cast<char const*>(cover.common.data), cover.common.size);
  key.append(reinterpret_cast<char const*>(cover.suffixes + bound.suffix_offset),
             bound.suffix_size);
  // At or before it, only some versions of the user key are hidden.
  if (compare_user_keys(cover.order, key, user_key) <= 0) return std::nullopt;
  return key;
}

}  // namespace levelscan
