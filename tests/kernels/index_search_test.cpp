// IndexSearch against a linear search over the separators.
#include "kernels/index_search.hpp"

#include <algorithm>

#include "support/device_array.hpp"
#include "support/kernel_suite.hpp"
#include "support/run_generator.hpp"

namespace levelscan::test {
namespace {

struct Separator {
  std::string user_key;
  uint64_t trailer;
};

// Internal-key order, or of user keys alone.
bool separator_before(Separator const& a, Separator const& b, bool user_keys, KeyOrder order) {
  if (a.user_key != b.user_key) {
    return (a.user_key < b.user_key) == (order == KeyOrder::kBytewise);
  }
  return !user_keys && a.trailer > b.trailer;
}

struct IndexInput {
  std::vector<Separator> separators;
  bool user_keys = false;
  bool delta_encoded = false;
  bool first_keys = false;
  uint32_t restart_interval = 1;
  bool share_keys = true;
  std::string lower;
  uint64_t lower_trailer = UINT64_MAX;
  std::optional<std::string> upper;
  bool lower_after = false;
  bool upper_after = false;
  KeyOrder order = KeyOrder::kBytewise;
};

BuiltBlock build(IndexInput const& input) {
  std::vector<IndexEntry> entries;
  uint64_t offset = 0;
  for (Separator const& separator : input.separators) {
    uint64_t const size = 100 + mix(offset) % 9000;
    entries.push_back(
        {input.user_keys ? separator.user_key : internal_key(separator.user_key, separator.trailer),
         offset, size, internal_key(separator.user_key.substr(0, mix(offset) % 300), 1)});
    offset += size + 5;
  }
  return build_index_block(entries, {input.restart_interval, input.share_keys}, input.delta_encoded,
                           input.first_keys);
}

// One index on the device, searched.
struct SearchResult {
  ScanStatus status;
  IndexRange range;
};
std::vector<IndexRange> const kGarbage(1, IndexRange{{77, 77}, {77, 77}, 77, 77});

SearchResult search(Device& device, StreamView stream, IndexInput const& input,
                    BuiltBlock const& block) {
  DeviceArray<uint8_t> const index(device, stream, block.bytes);
  DeviceArray<uint8_t> const lower(device, stream, input.lower);
  DeviceArray<uint8_t> const upper(device, stream, input.upper.value_or(""));
  IndexView view{};
  view.index = index.device();
  view.restarts_offset = block.restarts_offset;
  view.restart_count = block.restart_count;
  view.user_keys = input.user_keys;
  view.delta_encoded = input.delta_encoded;
  view.first_keys = input.first_keys;
  view.active = true;
  view.order = input.order;
  view.lower_trailer = input.lower_trailer;
  view.lower = {view_of(lower), input.lower_after ? BoundSide::kAfter : BoundSide::kBefore};
  view.upper = {view_of(upper), !input.upper        ? BoundSide::kEnd
                                : input.upper_after ? BoundSide::kAfter
                                                    : BoundSide::kBefore};
  // An inactive one stands before it.
  DeviceArray<IndexView> const views(device, stream, std::vector<IndexView>{IndexView{}, view});
  DeviceArray<IndexRange> const ranges(device, stream,
                                       std::vector<IndexRange>{kGarbage[0], kGarbage[0]});
  DeviceArray<ScanStatus> const status(device, stream, std::vector<ScanStatus>(1));
  device.search_index_async(IndexSearch::Args{views.device(), ranges.device(), 2, status.device()},
                            stream);
  EXPECT_EQ(ranges.read()[0].first_found, 77u) << "an inactive index was searched";
  return {status.read()[0], ranges.read()[1]};
}

// The number of the entry at a position.
std::size_t entry_at(IndexInput const& input, IndexPosition position) {
  return std::size_t{position.restart} * input.restart_interval + position.skip;
}

void expect_found(IndexInput const& input, IndexPosition position, uint32_t found,
                  std::string const& target, uint64_t trailer, bool after, char const* bound) {
  auto const place =
      std::find_if(input.separators.begin(), input.separators.end(), [&](Separator const& s) {
        bool const below = separator_before(s, {target, trailer}, input.user_keys, input.order) ||
                           (after && s.user_key == target);
        return !below;
      });
  bool const exists = place != input.separators.end();
  EXPECT_EQ(found, exists ? 1u : 0u) << bound;
  std::size_t const expected = exists ? static_cast<std::size_t>(place - input.separators.begin())
                                      : input.separators.size() - 1;
  EXPECT_EQ(entry_at(input, position), expected)
      << bound << ' ' << testing::PrintToString(target) << " restart " << position.restart
      << " skip " << position.skip;
}

void expect_range(IndexInput const& input, SearchResult const& result) {
  ASSERT_EQ(result.status.errors, 0u);
  expect_found(input, result.range.first, result.range.first_found, input.lower,
               input.lower_trailer, input.lower_after, "lower");
  if (input.upper) {
    // Every version of the upper key comes after (upper, the largest trailer).
    expect_found(input, result.range.last, result.range.last_found, *input.upper, UINT64_MAX,
                 input.upper_after, "upper");
  } else {
    EXPECT_EQ(result.range.last_found, 0u);
    uint32_t const restarts =
        (static_cast<uint32_t>(input.separators.size()) + input.restart_interval - 1) /
        input.restart_interval;
    EXPECT_EQ(result.range.last.restart, restarts - 1);
    EXPECT_EQ(result.range.last.skip, UINT32_MAX);
  }
}

IndexInput random_input(Random& random) {
  IndexInput input;
  if (random.one_in(3)) input.order = KeyOrder::kReverseBytewise;
  input.lower_after = random.one_in(4);
  input.upper_after = random.one_in(4);
  input.user_keys = random.one_in(2);
  input.delta_encoded = random.one_in(2);
  input.first_keys = random.one_in(3);
  input.restart_interval = random.one_in(3) ? 1 : random.between(2, 9);
  input.share_keys = !random.one_in(5);
  uint32_t const count = random.between(1, 40);
  for (uint32_t i = 0; i < count; ++i) {
    std::string key = awkward_key(random, true);
    uint64_t const sequence = random.one_in(3) ? kSequenceMax : random.below(6);
    uint64_t const trailer = (sequence << 8) | random.below(2);
    if (random.one_in(4) && !input.separators.empty()) {
      Separator const& other = random.pick(input.separators);
      key = other.user_key;
      if (random.one_in(2)) key += fixed(other.trailer, 8).substr(0, random.between(1, 8));
    }
    input.separators.push_back({key, trailer});
  }
  auto const before = [&](Separator const& a, Separator const& b) {
    return separator_before(a, b, input.user_keys, input.order);
  };
  std::sort(input.separators.begin(), input.separators.end(), before);
  input.separators.erase(
      std::unique(input.separators.begin(), input.separators.end(),
                  [&](Separator const& a, Separator const& b) { return !before(a, b); }),
      input.separators.end());
  auto const bound = [&] {
    std::string key =
        random.one_in(4) ? awkward_key(random, true) : random.pick(input.separators).user_key;
    if (random.one_in(4)) key += '\0';
    if (random.one_in(6) && !key.empty()) key.pop_back();
    if (random.one_in(20)) key = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff";
    return key;
  };
  input.lower = bound();
  if (random.one_in(2)) input.lower_trailer = (uint64_t{random.below(6)} << 8) | 0xff;
  if (random.one_in(4)) {
    // A separator itself: it isn't less.
    Separator const& separator = random.pick(input.separators);
    input.lower = separator.user_key;
    input.lower_trailer = separator.trailer;
  }
  if (!random.one_in(4)) input.upper = bound();
  return input;
}

class IndexSearchSuite : public KernelSuite {};
INSTANTIATE_TEST_SUITE_P(Blocks, IndexSearchSuite, all_blocks(), block_name);

TEST_P(IndexSearchSuite, EqualsALinearSearch) {
  Random random(base_seed());
  uint32_t found_lower = 0;
  uint32_t found_upper = 0;
  uint32_t missing = 0;
  for (uint32_t round = 0; round < affordable(4000); ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    IndexInput const input = random_input(random);
    SearchResult const result = search(device(), stream(), input, build(input));
    expect_range(input, result);
    if (HasFailure()) return;
    found_lower += result.range.first_found;
    found_upper += result.range.last_found;
    missing += result.range.first_found == 0;
  }
  if (!has_rounds_enough()) return;
  EXPECT_GT(found_lower, 0u);
  EXPECT_GT(found_upper, 0u);
  EXPECT_GT(missing, 0u);
}

// More restart points than are looked at in one round, in two, and about as many.
TEST_P(IndexSearchSuite, LargeIndexesAreSearchedInRounds) {
  Random random(base_seed() + 1);
  for (uint32_t const count : {32u, 33u, 34u, 65u, 66u, 1088u, 1089u, 1090u, 2500u}) {
    SCOPED_TRACE(std::to_string(count) + " separators");
    IndexInput input;
    input.user_keys = true;
    for (uint32_t i = 0; i < count; ++i) {
      input.separators.push_back({std::to_string(100000 + 2 * i), 0});
    }
    BuiltBlock const block = build(input);
    ASSERT_EQ(block.restart_count, count);
    for (uint32_t round = 0; round < affordable(400); ++round) {
      input.lower = std::to_string(100000 + random.below(2 * count + 1));
      input.upper = std::to_string(100000 + random.below(2 * count + 1));
      if (round == 0) input.lower = "0";
      if (round == 1) input.upper = "2";
      expect_range(input, search(device(), stream(), input, block));
      if (HasFailure()) return;
    }
  }
}

// A key's versions go on over several blocks: every separator but the last is that key, with the
// trailer of the block's last version.
TEST_P(IndexSearchSuite, SeparatorsThatAreInternalKeysOfOneUserKey) {
  for (uint32_t restart_interval : {1u, 2u, 16u}) {
    IndexInput input;
    input.restart_interval = restart_interval;
    input.separators = {{"a", (90 << 8) | 1}, {"k", (80 << 8) | 1},
                        {"k", (60 << 8) | 1}, {"k", (40 << 8) | 1},
                        {"k", (20 << 8) | 1}, {"m", seek_trailer(kSequenceMax)}};
    input.upper = "k";
    for (uint64_t const snapshot : {uint64_t{100}, uint64_t{80}, uint64_t{79}, uint64_t{60},
                                    uint64_t{41}, uint64_t{20}, uint64_t{19}}) {
      input.lower = "k";
      input.lower_trailer = seek_trailer(snapshot);
      expect_range(input, search(device(), stream(), input, build(input)));
    }
    input.lower_trailer = UINT64_MAX;
    SearchResult const result = search(device(), stream(), input, build(input));
    EXPECT_EQ(entry_at(input, result.range.first), 1u) << "the first block that can hold k";
    EXPECT_EQ(entry_at(input, result.range.last), 1u);
  }
}

TEST_P(IndexSearchSuite, IndexWithoutEntriesIsReported) {
  IndexInput input;
  BuiltBlock const empty = build(input);
  ASSERT_EQ(empty.restart_count, 1u);
  input.upper = "z";
  SearchResult const result = search(device(), stream(), input, empty);
  EXPECT_NE(result.status.errors, 0u);
  EXPECT_EQ(result.status.fault, ScanFault::kCorruptIndex);
  EXPECT_EQ(result.status.fault_run, 1u);
}

// Damaged in every byte, cut off everywhere: a fault or a position inside, and AddressSanitizer
// sees that nothing else is read.
TEST_P(IndexSearchSuite, DamagedIndexesAreReadInsideTheirBytes) {
  Random random(base_seed());
  auto const expect_inside = [&](IndexInput const& input, BuiltBlock const& block) {
    SearchResult const result = search(device(), stream(), input, block);
    if (result.status.errors != 0) {
      EXPECT_EQ(result.status.fault, ScanFault::kCorruptIndex);
      return;
    }
    EXPECT_LT(result.range.first.restart, block.restart_count);
    EXPECT_LE(result.range.first.skip, block.bytes.size());
    EXPECT_LT(result.range.last.restart, block.restart_count);
  };
  for (uint32_t round = 0; round < affordable(24); ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    IndexInput input = random_input(random);
    input.separators.resize(std::min<std::size_t>(input.separators.size(), 12));
    BuiltBlock const block = build(input);
    uint32_t const step = launch_cost();
    for (std::size_t at = 0; at + 4 < block.bytes.size(); at += step) {
      BuiltBlock damaged = block;
      damaged.bytes[at] = random.damaged(damaged.bytes[at]);
      expect_inside(input, damaged);
    }
    // The restart array stays, entries are cut from their end.
    std::string const tail = block.bytes.substr(block.restarts_offset);
    for (uint32_t size = 0; size < block.restarts_offset; size += step) {
      BuiltBlock damaged = block;
      damaged.bytes = block.bytes.substr(0, size) + tail;
      damaged.restarts_offset = size;
      expect_inside(input, damaged);
    }
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace levelscan::test
