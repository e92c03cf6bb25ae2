// The short way over plain entries against EntryWalk::next(), entry by entry: on sound and on
// damaged bytes both see the same entries, and go on or stop alike behind them.
#include "kernels/plain_entries.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "support/device_array.hpp"
#include "support/run_generator.hpp"

namespace levelscan::test {
namespace {

// What a walk says of an entry.
struct Seen {
  uint32_t entry_offset;
  uint32_t user_size;
  uint64_t trailer;
  uint32_t value_offset;
  uint32_t value_size;
  bool first;
  bool same_user_key;

  bool operator==(Seen const&) const = default;
};

struct Walked {
  std::vector<Seen> entries;
  WalkStep end = WalkStep::kEnd;
};

Seen seen_by(EntryWalk const& walk) {
  return {walk.entry_offset, walk.user_size, walk.trailer,      walk.value_offset,
          walk.value_size,   walk.first,     walk.same_user_key};
}

Walked walk_by_next(uint8_t const* bytes, uint32_t size) {
  Walked walked;
  EntryWalk walk = EntryWalk::over(bytes, Interval::plain(0, size), KeyOrder::kBytewise);
  for (walked.end = walk.next(); walked.end == WalkStep::kEntry; walked.end = walk.next()) {
    walked.entries.push_back(seen_by(walk));
  }
  return walked;
}

struct ShortWay {
  Walked walked;  // every entry that is not plain, and the plain ones that passed
  std::vector<Seen> failed;
  uint32_t plain = 0;
};

// An entry passes where its trailer is a multiple of `one_in`.
ShortWay walk_by_plain(uint8_t const* bytes, uint32_t size, uint64_t snapshot, uint64_t one_in) {
  ShortWay way;
  EntryWalk walk = EntryWalk::over(bytes, Interval::plain(0, size), KeyOrder::kBytewise);
  for (;;) {
    std::size_t const failed_before = way.failed.size();
    NothingAbove above;
    PassedValues const went = pass_values(
        walk, snapshot, above,
        [&](Bytes value, uint32_t user_size, uint64_t trailer) {
          if ((trailer >> 8) % one_in == 0) return false;
          way.failed.push_back({0, user_size, trailer, static_cast<uint32_t>(value.data - bytes),
                                value.size, false, false});
          return true;
        },
        [](uint64_t, PlainEntry const&, NothingAbove const&) { return true; });
    EXPECT_EQ(way.failed.size() - failed_before, went.failed);
    way.plain += went.failed + (went.stopped ? 1 : 0);
    if (!went.stopped) {
      way.walked.end = walk.next();
      if (way.walked.end != WalkStep::kEntry) break;
    }
    way.walked.entries.push_back(seen_by(walk));
  }
  return way;
}

// Returns how many entries were plain.
uint32_t expect_alike(std::string const& bytes, uint64_t snapshot, uint64_t one_in) {
  // Exactly as many bytes as there are, so that AddressSanitizer sees every read beyond them.
  std::unique_ptr<uint8_t[]> const exact(new uint8_t[bytes.size()]);
  std::copy(bytes.begin(), bytes.end(), exact.get());
  uint32_t const size = static_cast<uint32_t>(bytes.size());
  Walked const expected = walk_by_next(exact.get(), size);
  ShortWay const way = walk_by_plain(exact.get(), size, snapshot, one_in);
  EXPECT_EQ(way.walked.end, expected.end);
  auto next = way.walked.entries.begin();
  auto failed = way.failed.begin();
  for (Seen const& entry : expected.entries) {
    if (next != way.walked.entries.end() && *next == entry) {
      ++next;
      continue;
    }
    // Not shown, so it was gone over: a visible value of a key of its own, which fails.
    EXPECT_TRUE(failed != way.failed.end() && failed->value_offset == entry.value_offset);
    if (failed == way.failed.end()) return way.plain;
    EXPECT_EQ(failed->user_size, entry.user_size);
    EXPECT_EQ(failed->trailer, entry.trailer);
    EXPECT_EQ(failed->value_size, entry.value_size);
    EXPECT_FALSE(entry.same_user_key);
    EXPECT_LE(sequence_of(entry.trailer), snapshot);
    EXPECT_EQ(type_of(entry.trailer), EntryType::kValue);
    ++failed;
  }
  EXPECT_EQ(next, way.walked.entries.end());
  EXPECT_EQ(failed, way.failed.end());
  return way.plain;
}

std::string random_interval(Random& random, std::size_t entries_max, uint64_t& snapshot) {
  GeneratorOptions options;
  options.runs_max = 1;
  options.ingested_tables = false;
  options.may_descend = false;
  options.entries_max = 60;
  std::vector<TestEntry> entries;
  while (entries.empty()) entries = generate_runs(random, options).entries[0];
  if (entries.size() > entries_max) entries.resize(entries_max);
  snapshot = random.one_in(3) ? random.pick(entries).sequence : kSequenceMax;
  BuiltBlock const block =
      build_data_block(entries, {static_cast<uint32_t>(entries.size()), !random.one_in(4)});
  return block.bytes.substr(0, block.restarts_offset);
}

TEST(PlainEntries, AreTheEntriesThatTheWalkSees) {
  Random random(mix(base_seed() + 40));
  uint64_t plain = 0;
  for (uint32_t round = 0; round < 2000; ++round) {
    SCOPED_TRACE("LEVELSCAN_SEED=" + std::to_string(base_seed()) + " round " +
                 std::to_string(round));
    uint64_t snapshot = 0;
    std::string const bytes = random_interval(random, 60, snapshot);
    plain += expect_alike(bytes, snapshot, random.between(1, 4));
    if (HasFailure()) return;
  }
  EXPECT_GT(plain, 2000u);
}

TEST(PlainEntries, DamagedBytesAreReportedWhereTheWalkReportsThem) {
  Random random(mix(base_seed() + 41));
  for (uint32_t round = 0; round < 40; ++round) {
    SCOPED_TRACE("LEVELSCAN_SEED=" + std::to_string(base_seed()) + " round " +
                 std::to_string(round));
    uint64_t snapshot = 0;
    std::string const bytes = random_interval(random, 20, snapshot);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      expect_alike(bytes.substr(0, size), snapshot, 2);
    }
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      for (int const flip : {0x01, 0x80, 0xff, static_cast<int>(random.between(1, 255))}) {
        std::string damaged = bytes;
        damaged[at] = static_cast<char>(damaged[at] ^ flip);
        expect_alike(damaged, snapshot, 2);
      }
    }
    if (HasFailure()) return;
  }
  for (uint32_t round = 0; round < 2000; ++round) {
    expect_alike(random.bytes(random.below(60)), kSequenceMax, 1);
  }
}

// Going past lower entries and not: the comparison comes to the same at every entry that is shown,
// and what is not shown lies below the constant.
TEST(PlainEntries, LowerOnesArePassedUpToTheConstant) {
  Random random(mix(base_seed() + 42));
  uint64_t passed = 0;
  for (uint32_t round = 0; round < 4000; ++round) {
    SCOPED_TRACE("LEVELSCAN_SEED=" + std::to_string(base_seed()) + " round " +
                 std::to_string(round));
    uint64_t snapshot = 0;
    std::string bytes = random_interval(random, 60, snapshot);
    if (random.one_in(3)) {
      std::size_t const at = random.below(static_cast<uint32_t>(bytes.size()));
      bytes[at] = random.damaged(bytes[at]);
    }
    std::unique_ptr<uint8_t[]> const exact(new uint8_t[bytes.size()]);
    std::copy(bytes.begin(), bytes.end(), exact.get());
    Interval const interval = Interval::plain(0, static_cast<uint32_t>(bytes.size()));
    std::string const constant = awkward_key(random, true);
    EntryWalk expected = EntryWalk::over(exact.get(), interval, KeyOrder::kBytewise);
    EntryWalk walk = expected;
    PrefixComparison expected_comparison = PrefixComparison::against(view_of(constant));
    PrefixComparison comparison = expected_comparison;
    for (bool going = true; going;) {
      WalkStep const step = walk.next();
      WalkStep expected_step = expected.next();
      while (expected_step == WalkStep::kEntry &&
             (step != WalkStep::kEntry || expected.entry_offset < walk.entry_offset)) {
        expected_comparison.advance(expected);
        ASSERT_LT(expected_comparison.order, 0);
        ++passed;
        expected_step = expected.next();
      }
      ASSERT_EQ(step, expected_step);
      going = step == WalkStep::kEntry;
      if (!going) break;
      comparison.advance(walk);
      expected_comparison.advance(expected);
      ASSERT_EQ(seen_by(walk), seen_by(expected));
      ASSERT_EQ(comparison.order, expected_comparison.order);
      ASSERT_EQ(comparison.common, expected_comparison.common);
      if (comparison.order < 0) pass_lower_entries(walk, comparison);
    }
  }
  EXPECT_GT(passed, 4000u);
}

// Sizes at the edges of one, two and three length bytes.
TEST(PlainEntries, LengthsOfOneByteAndValuesOfTwo) {
  for (std::size_t const value_size : {0u, 127u, 128u, 16383u, 16384u}) {
    for (std::size_t const key_size : {1u, 119u, 120u}) {
      SCOPED_TRACE(std::to_string(key_size) + " and " + std::to_string(value_size));
      std::vector<TestEntry> const entries{
          {std::string(key_size, 'a'), 9, kTypeValue, std::string(value_size, 'v')},
          {std::string(key_size, 'b'), 9, kTypeValue, std::string(value_size, 'w')}};
      BuiltBlock const block = build_data_block(entries, {16, true});
      bool const are_plain = key_size + kTrailerBytes < 128 && value_size < 16384;
      EXPECT_EQ(expect_alike(block.bytes.substr(0, block.restarts_offset), kSequenceMax, 2),
                are_plain ? 2u : 0u);
    }
  }
}

}  // namespace
}  // namespace levelscan::test
