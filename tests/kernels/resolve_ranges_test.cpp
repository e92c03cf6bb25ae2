// Candidates under range tombstones, on every Block, against a look at each tombstone. The cover is
// made here, piece by piece, from what it is said to mean.
#include "kernels/resolve_ranges.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "support/device_array.hpp"
#include "support/kernel_suite.hpp"
#include "support/sst_builder.hpp"
#include "support/tombstone_model.hpp"

namespace levelscan::test {
namespace {

using namespace std::string_literals;

// The arrays of a cover.
struct CoverArrays {
  std::vector<uint64_t> prefixes;
  std::vector<uint64_t> newest;
  std::vector<TombstoneBound> bounds;
  std::string suffixes;
  std::string common;
};

// `common_size`: bytes that all keys of the tombstones begin with.
CoverArrays cover_of(std::vector<RangeTombstone> const& tombstones, uint64_t snapshot,
                     std::size_t common_size) {
  std::vector<KeyPosition> positions;
  for (RangeTombstone const& tombstone : tombstones) {
    positions.emplace_back(tombstone.start, tombstone.start_sequence);
    positions.emplace_back(tombstone.end, tombstone.end_sequence);
  }
  std::sort(positions.begin(), positions.end(),
            [](KeyPosition const& a, KeyPosition const& b) { return position_before(a, b); });
  positions.erase(std::unique(positions.begin(), positions.end()), positions.end());
  CoverArrays arrays;
  if (!positions.empty()) arrays.common = positions[0].first.substr(0, common_size);
  for (KeyPosition const& position : positions) {
    std::string const suffix = position.first.substr(common_size);
    uint64_t prefix = 0;
    for (std::size_t i = 0; i < 8; ++i) {
      prefix = (prefix << 8) | (i < suffix.size() ? static_cast<uint8_t>(suffix[i]) : 0);
    }
    arrays.prefixes.push_back(prefix);
    // No tombstone begins or ends inside a piece, so its first position stands for all of it.
    arrays.newest.push_back(newest_over(tombstones, snapshot, position));
    arrays.bounds.push_back({position.second, static_cast<uint32_t>(arrays.suffixes.size()),
                             static_cast<uint32_t>(suffix.size())});
    arrays.suffixes += suffix;
  }
  return arrays;
}

class ResolveRangesSuite : public KernelSuite {
 protected:
  struct Answer {
    std::vector<bool> alive;
    ScanStatus status;
  };

  // `dead`: of the candidates those that are not alive to begin with.
  Answer resolve(CoverArrays const& arrays, std::vector<KeyPosition> const& entries,
                 std::vector<bool> const& dead) {
    std::vector<Candidate> candidates;
    std::string keys;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      auto const& [user_key, sequence] = entries[i];
      Candidate candidate{};
      candidate.trailer = (sequence << 8) | kTypeValue;
      candidate.key_offset = static_cast<uint32_t>(keys.size());
      candidate.user_size = static_cast<uint32_t>(user_key.size());
      candidate.flags = dead[i] ? 0 : kCandidateAlive;
      candidates.push_back(candidate);
      keys += internal_key(user_key, candidate.trailer);
    }
    DeviceArray<uint64_t> const prefixes(device(), stream(), arrays.prefixes);
    DeviceArray<uint64_t> const newest(device(), stream(), arrays.newest);
    DeviceArray<TombstoneBound> const bounds(device(), stream(), arrays.bounds);
    DeviceArray<uint8_t> const suffixes(device(), stream(), arrays.suffixes);
    DeviceArray<uint8_t> const common(device(), stream(), arrays.common);
    DeviceArray<Candidate> const device_candidates(device(), stream(), candidates);
    DeviceArray<uint8_t> const device_keys(device(), stream(), keys);
    DeviceArray<ScanStatus> const status(device(), stream(), std::vector<ScanStatus>(1));
    TombstoneCover const cover{prefixes.device(),  newest.device(),
                               bounds.device(),    suffixes.device(),
                               view_of(common),    static_cast<uint32_t>(arrays.bounds.size()),
                               KeyOrder::kBytewise};
    device().resolve_ranges_async(
        ResolveRanges::Args{cover, device_candidates.device(), device_keys.device(),
                            static_cast<uint32_t>(candidates.size()), status.device()},
        stream());
    Answer answer;
    answer.status = status.read()[0];
    for (Candidate const& candidate : device_candidates.read()) {
      answer.alive.push_back(candidate_is_alive(candidate));
    }
    return answer;
  }

  void expect(std::vector<RangeTombstone> const& tombstones, uint64_t snapshot,
              std::size_t common_size, std::vector<KeyPosition> const& entries,
              std::vector<bool> const& dead) {
    Answer const answer = resolve(cover_of(tombstones, snapshot, common_size), entries, dead);
    uint64_t shadowed = 0;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      bool const hidden = newest_over(tombstones, snapshot, entries[i]) > entries[i].second;
      EXPECT_EQ(answer.alive[i], !dead[i] && !hidden)
          << "candidate " << i << " '" << entries[i].first << "'@" << entries[i].second;
      if (hidden && !dead[i]) ++shadowed;
    }
    EXPECT_EQ(answer.status.shadowed_range, shadowed);
    EXPECT_EQ(answer.status.errors, 0u);
    hidden_ += shadowed;
  }

  uint64_t hidden_ = 0;
};
INSTANTIATE_TEST_SUITE_P(Blocks, ResolveRangesSuite, all_blocks(), block_name);

TEST_P(ResolveRangesSuite, StartIsInclusiveEndIsExclusiveAndTheTombstoneMustBeNewer) {
  std::vector<RangeTombstone> const tombstones{{"b", "d", 10}, {"b\0"s, "c", 20}};
  std::vector<KeyPosition> const entries{{"", 1},   {"a", 1},   {"b", 9},   {"b", 10}, {"b", 11},
                                         {"b0", 9}, {"bz", 15}, {"c", 9},   {"c", 15}, {"cz", 9},
                                         {"d", 1},  {"d0", 1},  {"zzzz", 0}};
  std::vector<bool> const none(entries.size(), false);
  for (uint64_t const snapshot : {0u, 9u, 10u, 19u, 20u, 100u}) {
    SCOPED_TRACE(snapshot);
    expect(tombstones, snapshot, 0, entries, none);
  }
}

TEST_P(ResolveRangesSuite, ABoundBetweenTwoVersionsOfAKeyHidesOnOneSideOnly) {
  std::vector<RangeTombstone> tombstones{{"k", "m", 50, 20, kMaxSequence},   // of k up to 20
                                         {"a", "k", 60, kMaxSequence, 29}};  // of k above 29
  std::vector<KeyPosition> entries;
  for (uint64_t sequence = 15; sequence <= 35; ++sequence) entries.emplace_back("k", sequence);
  expect(tombstones, 100, 0, entries, std::vector<bool>(entries.size(), false));
  EXPECT_EQ(hidden_, 6u + 6u);  // 15..20, 30..35
}

TEST_P(ResolveRangesSuite, NoTombstonesHideNothing) {
  expect({}, 100, 0, {{"a", 1}, {"", 0}}, {false, false});
  expect({{"a", "b", 10}}, 100, 0, {}, {});
}

TEST_P(ResolveRangesSuite, RandomTombstonesHideWhatOneByOneTheyHide) {
  Random random(mix(base_seed() + 31));
  for (uint32_t round = 0; round < affordable(400); ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    std::string const common(random.one_in(2) ? random.below(20) : 0, 'c');
    uint64_t const sequence_max = random.one_in(2) ? 8 : 1000;
    std::vector<RangeTombstone> const tombstones =
        draw_tombstones(random, random.between(0, 30), sequence_max, common);
    uint64_t const snapshot = random.below(sequence_max + 2);
    std::vector<KeyPosition> entries;
    std::vector<bool> dead;
    for (uint32_t i = random.between(1, 300); i > 0; --i) {
      std::string key = draw_tombstone_key(random, common);
      if (random.one_in(8)) key = key.substr(0, random.below(key.size() + 1));
      if (!tombstones.empty() && random.one_in(3)) key = random.pick(tombstones).end;
      if (random.one_in(10) && !key.empty()) key[random.below(key.size())] = 'x';
      entries.emplace_back(key, random.below(sequence_max));
      dead.push_back(random.one_in(10));
    }
    expect(tombstones, snapshot, common.size(), entries, dead);
    if (HasFailure()) return;
  }
  EXPECT_GT(hidden_, 0u);
}

}  // namespace
}  // namespace levelscan::test
