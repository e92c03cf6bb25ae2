// EntryWalk and PrefixComparison against entries that the test itself wrote down.
#include "kernels/entry_walk.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "kernels/prefix_comparison.hpp"
#include "support/device_array.hpp"
#include "support/run_generator.hpp"

namespace levelscan::test {
namespace {

// Exactly as many bytes as there are, so that AddressSanitizer sees every read beyond them.
class ExactBytes {
 public:
  explicit ExactBytes(std::string_view bytes)
      : size_(static_cast<uint32_t>(bytes.size())), bytes_(new uint8_t[bytes.size()]) {
    std::copy(bytes.begin(), bytes.end(), bytes_.get());
  }
  [[nodiscard]] uint8_t* data() { return bytes_.get(); }
  [[nodiscard]] uint32_t size() const { return size_; }

 private:
  uint32_t size_;
  std::unique_ptr<uint8_t[]> bytes_;
};

// One interval's entries, without the restart array.
std::string interval_of(std::vector<TestEntry> const& entries, bool share_keys = true) {
  BuiltBlock const block =
      build_data_block(entries, {static_cast<uint32_t>(entries.size()), share_keys});
  return block.bytes.substr(0, block.restarts_offset);
}

uint32_t common_bytes(std::string const& a, std::string const& b) {
  auto const ends = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  return static_cast<uint32_t>(ends.first - a.begin());
}

// The user key of the walk's current entry, rebuilt from `previous`, the previous internal key.
std::string rebuilt(EntryWalk const& walk, std::string const& previous) {
  return previous.substr(0, walk.shared) +
         std::string(reinterpret_cast<char const*>(walk.delta()),
                     walk.user_size + kTrailerBytes - walk.shared);
}

void expect_walk(std::vector<TestEntry> const& entries, bool share_keys,
                 KeyOrder order = KeyOrder::kBytewise) {
  ExactBytes bytes(interval_of(entries, share_keys));
  EntryWalk walk = EntryWalk::over(bytes.data(), Interval::plain(0, bytes.size()), order);
  std::string previous;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    SCOPED_TRACE("entry " + std::to_string(i));
    TestEntry const& entry = entries[i];
    ASSERT_EQ(walk.next(), WalkStep::kEntry);
    std::string const key = rebuilt(walk, previous);
    EXPECT_EQ(key, internal_key(entry.user_key, entry.trailer()));
    EXPECT_EQ(walk.user_size, entry.user_key.size());
    EXPECT_EQ(walk.trailer, entry.trailer());
    EXPECT_EQ(walk.first, i == 0);
    EXPECT_EQ(std::string(reinterpret_cast<char const*>(bytes.data()) + walk.value_offset,
                          walk.value_size),
              entry.stored());
    if (i == 0) {
      EXPECT_EQ(walk.user_shared, 0u);
      EXPECT_FALSE(walk.same_user_key);
    } else {
      EXPECT_EQ(walk.user_shared, common_bytes(entry.user_key, entries[i - 1].user_key));
      EXPECT_EQ(walk.same_user_key, entry.user_key == entries[i - 1].user_key);
    }
    for (uint32_t at = walk.user_shared; at < walk.user_size; ++at) {
      EXPECT_EQ(walk.user_byte(at), static_cast<uint8_t>(entry.user_key[at])) << "byte " << at;
    }
    previous = key;
  }
  EXPECT_EQ(walk.next(), WalkStep::kEnd);
}

// Of one run, with its order.
struct OrderedEntries {
  std::vector<TestEntry> entries;
  KeyOrder order;
};
OrderedEntries random_entries(Random& random) {
  GeneratorOptions options;
  options.runs_max = 1;
  options.ingested_tables = false;
  options.entries_max = 60;
  for (;;) {
    GeneratedRuns runs = generate_runs(random, options);
    if (!runs.entries[0].empty()) return {runs.entries[0], runs.order};
  }
}

TEST(EntryWalk, FollowsRandomEntries) {
  Random random(base_seed());
  for (uint32_t round = 0; round < 400; ++round) {
    SCOPED_TRACE("LEVELSCAN_SEED=" + std::to_string(base_seed()) + " round " +
                 std::to_string(round));
    auto const [entries, order] = random_entries(random);
    expect_walk(entries, !random.one_in(3), order);
    if (HasFailure()) return;
  }
}

// One user key is another followed by the first bytes of its trailer, so that `shared` reaches into
// the trailer; how far is every length from none of the trailer's bytes to all of them.
TEST(EntryWalk, KeysThatGoOnWithTheTrailersBytes) {
  uint64_t const sequence = 0x11223344556677;
  for (uint32_t taken = 0; taken <= 8; ++taken) {
    for (std::string const& tail : {std::string(), std::string("z"), std::string(8, '\xff')}) {
      TestEntry const first{"key", sequence, kTypeValue, "one"};
      TestEntry const second{first.user_key + fixed(first.trailer(), 8).substr(0, taken) + tail, 5,
                             kTypeValue, "two"};
      TestEntry const third{second.user_key + "\xff", 4, kTypeValue, "three"};
      if (!entry_before(first, second)) continue;
      SCOPED_TRACE("taken " + std::to_string(taken) + " and " + std::to_string(tail.size()));
      expect_walk({first, second, third}, true);
      expect_walk({first, second, third}, false);
    }
  }
}

TEST(EntryWalk, KeyThatIsAnotherPlusItsWholeTrailerIsAnotherKey) {
  TestEntry const first{"a", 0x0203, kTypeValue, "x"};
  // Internally "a" 01 03 02 00 00 00 00 00, then the same and a trailer of its own.
  TestEntry const second{"a" + fixed(first.trailer(), 8), 0x0203, kTypeValue, "y"};
  std::string const bytes = interval_of({first, second});
  EntryWalk walk =
      EntryWalk::over(reinterpret_cast<uint8_t const*>(bytes.data()),
                      Interval::plain(0, static_cast<uint32_t>(bytes.size())), KeyOrder::kBytewise);
  ASSERT_EQ(walk.next(), WalkStep::kEntry);
  ASSERT_EQ(walk.next(), WalkStep::kEntry);
  EXPECT_EQ(walk.shared, 9u);
  EXPECT_FALSE(walk.same_user_key);
  EXPECT_EQ(walk.user_shared, 1u);
  EXPECT_EQ(walk.user_byte(1), 1);
  EXPECT_EQ(walk.user_byte(2), 3);
}

TEST(EntryWalk, VersionsOfOneKeyShareTrailerBytes) {
  // Trailers are little-endian, so equal types and low sequence bytes are shared bytes.
  std::vector<TestEntry> entries;
  for (uint64_t sequence : {uint64_t{0x05001122}, uint64_t{0x04001122}, uint64_t{0x04001022},
                            uint64_t{0x22}, uint64_t{0x21}, uint64_t{0}}) {
    entries.push_back({"the key", sequence, kTypeValue, "v"});
  }
  expect_walk(entries, true);
  expect_walk(entries, false);
}

TEST(EntryWalk, EmptyUserKeys) {
  expect_walk({{"", 9, kTypeValue, "a"}, {"", 8, kTypeDeletion, ""}, {"a", 1, kTypeValue, ""}},
              true);
}

struct RawEntry {
  uint32_t shared;
  std::string delta;
};
WalkStep last_step(std::vector<RawEntry> const& entries) {
  std::string text;
  for (RawEntry const& entry : entries) {
    text += varint(entry.shared) + varint(entry.delta.size()) + varint(0) + entry.delta;
  }
  ExactBytes bytes(text);
  EntryWalk walk =
      EntryWalk::over(bytes.data(), Interval::plain(0, bytes.size()), KeyOrder::kBytewise);
  WalkStep step = walk.next();
  while (step == WalkStep::kEntry) step = walk.next();
  return step;
}

TEST(EntryWalk, ReportsWhatIsCorrupt) {
  std::string const trailer = fixed(0x0701, 8);
  std::string const older = fixed(0x0601, 8);
  EXPECT_EQ(last_step({{0, "b" + trailer}, {0, "c" + trailer}}), WalkStep::kEnd);
  EXPECT_EQ(last_step({{1, "b" + trailer}}), WalkStep::kCorrupt) << "nothing to share";
  EXPECT_EQ(last_step({{0, "1234567"}}), WalkStep::kCorrupt) << "no room for a trailer";
  EXPECT_EQ(last_step({{0, "b" + trailer}, {10, trailer}}), WalkStep::kCorrupt)
      << "shares more than there is";
  EXPECT_EQ(last_step({{0, "b" + trailer}, {0, "a" + trailer}}), WalkStep::kCorrupt) << "descends";
  EXPECT_EQ(last_step({{0, "bb" + trailer}, {1, "a" + trailer}}), WalkStep::kCorrupt) << "descends";
  EXPECT_EQ(last_step({{0, "bb" + trailer}, {1, trailer}}), WalkStep::kCorrupt)
      << "a prefix comes first";
  EXPECT_EQ(last_step({{0, "b" + older}, {1, trailer}}), WalkStep::kCorrupt)
      << "a newer version comes first";
  EXPECT_EQ(last_step({{0, "b" + trailer}, {1, trailer}}), WalkStep::kCorrupt) << "the same twice";
  EXPECT_EQ(last_step({{0, "b" + trailer}, {9, ""}}), WalkStep::kCorrupt) << "the same twice";
  EXPECT_EQ(last_step({{0, "b" + trailer}, {1, older}}), WalkStep::kEnd);
}

// A walk over damaged bytes reads nothing beyond them and ends.
void walk_damaged(std::string const& bytes, KeyOrder order) {
  ExactBytes exact(bytes);
  EntryWalk walk = EntryWalk::over(exact.data(), Interval::plain(0, exact.size()), order);
  std::string const constant = "pa";
  PrefixComparison comparison = PrefixComparison::against(view_of(constant));
  std::size_t entries = 0;
  WalkStep step = walk.next();
  for (; step == WalkStep::kEntry; step = walk.next()) {
    comparison.advance(walk);
    ASSERT_LE(uint64_t{walk.value_offset} + walk.value_size, bytes.size());
    ASSERT_LE(walk.offset, bytes.size());
    ASSERT_LE(++entries, bytes.size());
    for (uint32_t at = walk.user_shared; at < walk.user_size; ++at) {
      static_cast<void>(walk.user_byte(at));
    }
  }
}

void walk_damaged(std::string const& bytes) {
  walk_damaged(bytes, KeyOrder::kBytewise);
  walk_damaged(bytes, KeyOrder::kReverseBytewise);
}

TEST(EntryWalk, NeverReadsBeyondDamagedBytes) {
  Random random(base_seed());
  for (uint32_t round = 0; round < 40; ++round) {
    SCOPED_TRACE("LEVELSCAN_SEED=" + std::to_string(base_seed()) + " round " +
                 std::to_string(round));
    std::vector<TestEntry> entries = random_entries(random).entries;
    if (entries.size() > 20) entries.resize(20);
    std::string const bytes = interval_of(entries, !random.one_in(3));
    for (std::size_t size = 0; size < bytes.size(); ++size) walk_damaged(bytes.substr(0, size));
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      for (int const flip : {0x01, 0x80, 0xff, static_cast<int>(random.between(1, 255))}) {
        std::string damaged = bytes;
        damaged[at] = static_cast<char>(damaged[at] ^ flip);
        walk_damaged(damaged);
      }
    }
    if (HasFatalFailure()) return;
  }
  for (uint32_t round = 0; round < 2000; ++round) walk_damaged(random.bytes(random.below(60)));
}

int sign(int order) { return (order > 0) - (order < 0); }

TEST(PrefixComparison, EqualsTheOrderOfBytesForEveryEntry) {
  Random random(base_seed());
  for (uint32_t round = 0; round < 400; ++round) {
    SCOPED_TRACE("LEVELSCAN_SEED=" + std::to_string(base_seed()) + " round " +
                 std::to_string(round));
    auto const [entries, order] = random_entries(random);
    int const direction = order == KeyOrder::kBytewise ? 1 : -1;
    std::string const bytes = interval_of(entries, !random.one_in(3));
    for (uint32_t c = 0; c < 12; ++c) {
      std::string constant =
          random.one_in(3) ? awkward_key(random, true) : random.pick(entries).user_key;
      if (random.one_in(3)) constant += random.one_in(2) ? '\0' : 'b';
      if (random.one_in(4) && !constant.empty()) constant.pop_back();
      if (random.one_in(8)) {
        TestEntry const& entry = random.pick(entries);
        constant = entry.user_key + fixed(entry.trailer(), 8).substr(0, random.between(1, 8));
      }
      EntryWalk walk =
          EntryWalk::over(reinterpret_cast<uint8_t const*>(bytes.data()),
                          Interval::plain(0, static_cast<uint32_t>(bytes.size())), order);
      PrefixComparison comparison = PrefixComparison::against(view_of(constant));
      for (TestEntry const& entry : entries) {
        ASSERT_EQ(walk.next(), WalkStep::kEntry);
        comparison.advance(walk);
        ASSERT_EQ(sign(comparison.order), direction * sign(entry.user_key.compare(constant)))
            << testing::PrintToString(entry.user_key) << " against "
            << testing::PrintToString(constant);
      }
    }
  }
}

// In descending order a trailer can share bytes with the longer user key before it.
TEST(EntryWalk, ATrailerThatSharesBytesWithALongerUserKeyBeforeIt) {
  uint64_t const sequence = 0x11223344556677;
  std::string const trailer = fixed((sequence << 8) | kTypeValue, 8);
  for (uint32_t taken = 1; taken <= 8; ++taken) {
    for (std::string const& tail : {std::string("\xff"), std::string(9, '\xff')}) {
      SCOPED_TRACE("taken " + std::to_string(taken) + " and " + std::to_string(tail.size()));
      // The bytes lie in the entry before the last one, which shares them with its own predecessor.
      TestEntry const first{"key" + trailer.substr(0, taken) + tail + "z", 7, kTypeValue, "one"};
      TestEntry const second{"key" + trailer.substr(0, taken) + tail, 6, kTypeValue, "two"};
      TestEntry const third{"key", sequence, kTypeValue, "three"};
      expect_walk({first, second, third}, true, KeyOrder::kReverseBytewise);
      expect_walk({first, second, third}, false, KeyOrder::kReverseBytewise);
    }
  }
}

}  // namespace
}  // namespace levelscan::test
