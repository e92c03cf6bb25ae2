// Range tombstones on the host: clipped to a table's bounds, and cut into pieces for a snapshot,
// against a look at each tombstone.
#include "execute/tombstone_set.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "support/format_writer.hpp"
#include "support/tombstone_model.hpp"
#include "table/key_comparison.hpp"

namespace levelscan {
namespace {

using namespace levelscan::test;
using levelscan::testing::internal_key;

constexpr uint8_t kRangeDeletion = 0x0f;

RangeTombstone written(std::string start, std::string end, uint64_t sequence) {
  return {std::move(start), std::move(end), sequence};
}

TEST(RangeTombstone, InsideItsTablesBoundsStaysAsItIs) {
  RangeTombstone const tombstone = written("c", "m", 50);
  EXPECT_EQ(clip_range_tombstone(KeyOrder::kBytewise, tombstone, internal_key("a", 7),
                                 internal_key("z", 9)),
            tombstone);
  // Bounds that the tombstone itself has set.
  EXPECT_EQ(
      clip_range_tombstone(KeyOrder::kBytewise, tombstone, internal_key("c", 50, kRangeDeletion),
                           internal_key("m", kMaxSequence, kRangeDeletion)),
      (RangeTombstone{"c", "m", 50, 50, kMaxSequence}));
}

TEST(RangeTombstone, ASentinelUpperBoundIsExclusive) {
  auto const clipped =
      clip_range_tombstone(KeyOrder::kBytewise, written("c", "z", 50), internal_key("a", 7),
                           internal_key("m", kMaxSequence, kRangeDeletion));
  ASSERT_TRUE(clipped);
  EXPECT_EQ(*clipped, (RangeTombstone{"c", "m", 50, kMaxSequence, kMaxSequence}));
  EXPECT_TRUE(covers(*clipped, {"lzzz", 3}));
  EXPECT_FALSE(covers(*clipped, {"m", 3}));
}

TEST(RangeTombstone, OverAnUpperBoundThatIsAnEntryCoversThatEntryAndNewerVersionsOnly) {
  auto const clipped = clip_range_tombstone(KeyOrder::kBytewise, written("c", "z", 50),
                                            internal_key("a", 7), internal_key("m", 30));
  ASSERT_TRUE(clipped);
  EXPECT_EQ(*clipped, (RangeTombstone{"c", "m", 50, kMaxSequence, 29}));
  EXPECT_TRUE(covers(*clipped, {"m", 31}));
  EXPECT_TRUE(covers(*clipped, {"m", 30}));
  EXPECT_FALSE(covers(*clipped, {"m", 29}));
  EXPECT_FALSE(covers(*clipped, {"m0", 30}));
}

TEST(RangeTombstone, AnUpperBoundOfSequence0IsNotCovered) {
  auto const clipped = clip_range_tombstone(KeyOrder::kBytewise, written("c", "z", 50),
                                            internal_key("a", 7), internal_key("m", 0));
  ASSERT_TRUE(clipped);
  EXPECT_EQ(*clipped, (RangeTombstone{"c", "m", 50, kMaxSequence, 0}));
  EXPECT_TRUE(covers(*clipped, {"m", 1}));
  EXPECT_FALSE(covers(*clipped, {"m", 0}));
}

TEST(RangeTombstone, AtALowerBoundCoversThatEntryAndOlderVersionsOnly) {
  for (char const* const start : {"a", "c"}) {
    auto const clipped = clip_range_tombstone(KeyOrder::kBytewise, written(start, "z", 50),
                                              internal_key("c", 20), internal_key("zz", 1));
    ASSERT_TRUE(clipped);
    EXPECT_EQ(*clipped, (RangeTombstone{"c", "z", 50, 20, kMaxSequence}));
    EXPECT_FALSE(covers(*clipped, {"c", 21}));
    EXPECT_TRUE(covers(*clipped, {"c", 20}));
    EXPECT_TRUE(covers(*clipped, {"c", 0}));
  }
}

TEST(RangeTombstone, OutsideItsTablesBoundsIsNone) {
  EXPECT_FALSE(clip_range_tombstone(KeyOrder::kBytewise, written("a", "c", 50),
                                    internal_key("c", 7, kRangeDeletion), internal_key("m", 9)));
  EXPECT_FALSE(clip_range_tombstone(KeyOrder::kBytewise, written("m", "z", 50),
                                    internal_key("c", 7),
                                    internal_key("m", kMaxSequence, kRangeDeletion)));
  EXPECT_FALSE(clip_range_tombstone(KeyOrder::kBytewise, written("n", "z", 50),
                                    internal_key("c", 7), internal_key("m", 9)));
  // All of it between two versions of one user key.
  auto const clipped = clip_range_tombstone(KeyOrder::kBytewise, written("a", "z", 50),
                                            internal_key("m", 40), internal_key("m", 30));
  EXPECT_EQ(clipped, (RangeTombstone{"m", "m", 50, 40, 29}));
}

// The cover in host memory.
class HostCover {
 public:
  HostCover(TombstoneSet const& set, uint64_t snapshot) : image_(set.bytes() / 16 + 1) {
    set.write_bounds(bytes());
    set.write_newest(snapshot, bytes());
    cover_ = set.cover(bytes());
  }
  [[nodiscard]] TombstoneCover const& cover() const { return cover_; }
  [[nodiscard]] uint64_t over(std::string const& user_key, uint64_t sequence) const {
    return newest_tombstone_over(cover_,
                                 Bytes{reinterpret_cast<uint8_t const*>(user_key.data()),
                                       static_cast<uint32_t>(user_key.size())},
                                 sequence);
  }

 private:
  struct alignas(16) Unit {
    uint8_t bytes[16];
  };
  [[nodiscard]] uint8_t* bytes() { return image_.data()->bytes; }

  std::vector<Unit> image_;
  TombstoneCover cover_;
};

TEST(TombstoneSetOf, NoTombstonesTakesNoMemory) {
  TombstoneSet const set({}, KeyOrder::kBytewise);
  EXPECT_TRUE(set.empty());
  EXPECT_EQ(set.bytes(), 0u);
  EXPECT_EQ(set.cover(nullptr).bound_count, 0u);
}

TEST(TombstoneSetOf, RandomTombstonesSaysOfEachEntryWhatOneByOneTheySay) {
  Random random(mix(base_seed() + 32));
  SCOPED_TRACE("LEVELSCAN_SEED=" + std::to_string(base_seed()));
  uint64_t covered = 0;
  for (uint32_t round = 0; round < 400; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    KeyOrder const order = random.one_in(3) ? KeyOrder::kReverseBytewise : KeyOrder::kBytewise;
    std::string const common(random.one_in(2) ? random.below(20) : 0, 'c');
    uint64_t const sequence_max = random.one_in(2) ? 8 : 1000;
    std::vector<RangeTombstone> const tombstones =
        draw_tombstones(random, random.between(1, 40), sequence_max, common, order);
    TombstoneSet const set(tombstones, order);
    EXPECT_LE(set.cover(nullptr).bound_count, 2 * tombstones.size());
    for (uint64_t const snapshot :
         {uint64_t{0}, uint64_t{random.below(sequence_max)}, sequence_max}) {
      HostCover const host(set, snapshot);
      for (uint32_t i = 0; i < 100; ++i) {
        std::string key = draw_tombstone_key(random, common);
        if (random.one_in(4)) key = random.pick(tombstones).start;
        if (random.one_in(8)) key.resize(random.below(key.size() + 1));
        uint64_t const sequence = random.one_in(4) ? random.pick(tombstones).end_sequence
                                                   : random.below(sequence_max + 1);
        uint64_t const newest = newest_over(tombstones, snapshot, {key, sequence}, order);
        ASSERT_EQ(host.over(key, sequence), newest) << key << "@" << sequence;
        if (newest != 0) ++covered;
      }
    }
  }
  EXPECT_GT(covered, 1000u);
}

// Every key that could be in [from, to): all the letters' keys up to some length.
TEST(TombstoneSetOf, RandomTombstonesHidesEveryVersionUpToWhereItSays) {
  Random random(mix(base_seed() + 33));
  SCOPED_TRACE("LEVELSCAN_SEED=" + std::to_string(base_seed()));
  uint64_t skips = 0;
  for (uint32_t round = 0; round < 300; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    KeyOrder const order = random.one_in(3) ? KeyOrder::kReverseBytewise : KeyOrder::kBytewise;
    std::vector<RangeTombstone> const tombstones =
        draw_tombstones(random, random.between(1, 12), 20, "", order);
    TombstoneSet const set(tombstones, order);
    uint64_t const snapshot = random.between(5, 25);
    HostCover const host(set, snapshot);
    for (uint32_t i = 0; i < 20; ++i) {
      std::string const from = draw_tombstone_key(random, "");
      uint64_t const sequence = random.below(20);
      std::string last = draw_tombstone_key(random, "");
      if (random.one_in(2)) last = order == KeyOrder::kBytewise ? "\xff\xff\xff\xff\xff" : "";
      if (compare_user_keys(order, last, from) < 0) last = from;
      std::optional<std::string> const until = hidden_until(host.cover(), from, last, sequence);
      // Candidates for something visible in between: all bounds, and just after them.
      std::vector<std::string> keys{from, from + '\0'};
      for (RangeTombstone const& tombstone : tombstones) {
        for (std::string const& key : {tombstone.start, tombstone.end}) {
          keys.push_back(key);
          keys.push_back(key + '\0');
        }
      }
      if (!until) {
        // Then the newest version that there could be of `from` itself, or an older one, is not.
        bool all_hidden = true;
        for (uint64_t version = 0; version <= kMaxSequence; ++version) {
          if (version == 30) version = kMaxSequence;
          all_hidden =
              all_hidden && newest_over(tombstones, snapshot, {from, version}, order) > sequence;
        }
        EXPECT_FALSE(all_hidden) << from << " is hidden by all means";
        continue;
      }
      ++skips;
      std::string const& to = *until;
      EXPECT_LT(compare_user_keys(order, from, to), 0);
      // And it goes as far as it can: either beyond `last`, or to a user key with something
      // visible.
      if (compare_user_keys(order, to, last) <= 0) {
        bool all_hidden = true;
        for (uint64_t version = 0; version <= kMaxSequence; ++version) {
          if (version == 30) version = kMaxSequence;
          all_hidden =
              all_hidden && newest_over(tombstones, snapshot, {to, version}, order) > sequence;
        }
        EXPECT_FALSE(all_hidden) << to << " is hidden by all means";
      }
      for (std::string const& key : keys) {
        if (compare_user_keys(order, key, from) < 0 || compare_user_keys(order, key, to) >= 0) {
          continue;
        }
        for (uint64_t version = 0; version <= sequence; ++version) {
          EXPECT_GT(newest_over(tombstones, snapshot, {key, version}, order), sequence)
              << key << "@" << version;
        }
      }
    }
  }
  EXPECT_GT(skips, 100u);
}

// Kept as they stand over one another, these would be 10^10 sequence numbers.
TEST(TombstoneSetOf, ManyNestedTombstonesStaysSmall) {
  constexpr uint32_t kCount = 100000;
  std::vector<RangeTombstone> tombstones;
  auto const key = [](uint32_t number) {
    std::string digits = std::to_string(number);
    return "key" + std::string(10 - digits.size(), '0') + digits;
  };
  for (uint32_t i = 0; i < kCount; ++i) {
    tombstones.push_back(written(key(i), key(10 * kCount - i), i + 1));
  }
  TombstoneSet const set(tombstones, KeyOrder::kBytewise);
  EXPECT_LT(set.bytes(), kCount * 120u);
  HostCover const host(set, 60000);
  EXPECT_EQ(host.over(key(0), 0), 1u);
  EXPECT_EQ(host.over(key(70000), 0), 60000u);
  EXPECT_EQ(host.over(key(10 * kCount - 1), 0), 1u);
  EXPECT_EQ(host.over(key(10 * kCount), 0), 0u);
  EXPECT_EQ(hidden_until(host.cover(), key(0), "z", 0), key(10 * kCount));
  EXPECT_EQ(hidden_until(host.cover(), key(70000), "z", 50000), key(10 * kCount - 50000));
}

}  // namespace
}  // namespace levelscan
