// Looking keys up from a place among a run's entries, against a model that knows all of them.
#include "kernels/run_cursor.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "support/device_array.hpp"
#include "support/host_run.hpp"
#include "support/random.hpp"
#include "support/run_generator.hpp"

namespace levelscan::test {
namespace {

std::optional<uint64_t> newest_in(std::vector<TestEntry> const& entries, std::string const& key,
                                  uint64_t snapshot) {
  std::optional<uint64_t> newest;
  for (TestEntry const& entry : entries) {
    if (entry.user_key == key && entry.sequence <= snapshot &&
        (!newest || entry.trailer() > *newest)) {
      newest = entry.trailer();
    }
  }
  return newest;
}

std::optional<uint64_t> ask(RunCursor& cursor, std::string const& key) {
  uint64_t trailer = 0;
  Probe const probe = cursor.newest_visible(view_of(key), trailer);
  EXPECT_NE(probe, Probe::kCorrupt);
  return probe == Probe::kFound ? std::optional(trailer) : std::nullopt;
}

// Keys that are there and ones beside them: in order, with repetitions, now and then backwards.
std::vector<std::string> keys_to_ask(Random& random, GeneratedRuns const& runs) {
  std::vector<std::string> keys;
  for (uint32_t i = random.between(1, 60); i != 0; --i) {
    std::string key = random.pick(runs.keys);
    if (random.one_in(4)) key += static_cast<char>(random.below(256));
    if (random.one_in(8)) key = key.substr(0, random.below(key.size() + 1));
    keys.push_back(key);
  }
  std::sort(keys.begin(), keys.end());
  if (runs.order == KeyOrder::kReverseBytewise) std::reverse(keys.begin(), keys.end());
  if (random.one_in(3)) std::swap(keys[random.below(keys.size())], keys.back());
  return keys;
}

TEST(RunCursor, FindsWhatAModelFindsWhateverItWasAskedBefore) {
  Random random(mix(base_seed() + 71));
  uint64_t found = 0;
  uint64_t absent = 0;
  for (uint32_t round = 0; round < 3000; ++round) {
    GeneratorOptions options;
    options.long_keys = random.one_in(4);
    GeneratedRuns const runs = generate_runs(random, options);
    std::vector<std::string> const keys = keys_to_ask(random, runs);
    uint64_t const snapshot = random.one_in(2) ? kSequenceMax : runs.largest_sequence / 2;
    for (std::size_t r = 0; r < runs.data.size(); ++r) {
      HostRun const host(runs.data[r]);
      RunCursor cursor = RunCursor::over(host.view(), snapshot);
      for (std::string const& key : keys) {
        std::optional<uint64_t> const expected = newest_in(runs.entries[r], key, snapshot);
        ASSERT_EQ(ask(cursor, key), expected) << "round " << round << ", run " << r;
        ++(expected ? found : absent);
      }
    }
  }
  EXPECT_GT(found, 0u);
  EXPECT_GT(absent, 0u);
}

TEST(RunCursor, AnEntryThatIsAboveStaysAboveKeysThatAgreeWithTheOneBefore) {
  HostRun const host(
      build_run({{{"aaa", 1, 1, "v"}, {"abz", 1, 1, "v"}, {"abzz", 1, 1, "v"}}}, {16, true}));
  RunCursor cursor = RunCursor::over(host.view(), kSequenceMax);
  std::optional<uint64_t> const first = (uint64_t{1} << 8) | 1;
  // Each key has to be there when the next one is asked for.
  std::vector<std::pair<std::string, std::optional<uint64_t>>> const asked{
      {"aba", {}},     {"abb", {}}, {"abz", first}, {"abzy", {}},
      {"abzz", first}, {"b", {}},   {"c", {}},      {"aaa", first}};
  for (auto const& [key, expected] : asked) EXPECT_EQ(ask(cursor, key), expected) << key;
}

}  // namespace
}  // namespace levelscan::test
