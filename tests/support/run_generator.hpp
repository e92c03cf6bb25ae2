// Random runs whose keys are chosen to be awkward: heavy shared prefixes, keys that are another key
// plus bytes of its trailer, many versions, keys longer than what a predicate keeps of them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "support/random.hpp"
#include "support/sst_builder.hpp"
#include "support/version_model.hpp"

namespace levelscan::test {

struct GeneratorOptions {
  uint32_t runs_max = 4;
  uint32_t keys_max = 40;
  uint32_t entries_max = 120;  // of a run
  uint32_t restart_interval_max = 5;
  uint32_t block_entries_max = 20;
  bool long_keys = true;
  bool may_descend = true;
  bool ingested_tables = true;
  bool separated_values = true;
};

struct GeneratedRuns {
  std::vector<std::string> keys;                // user keys to choose bounds from
  std::vector<std::vector<TestEntry>> entries;  // [run] in internal-key order
  std::vector<RunData> data;                    // [run]
  uint64_t largest_sequence = 0;
  KeyOrder order = KeyOrder::kBytewise;
};

// Small alphabet, so that prefixes are shared and bytes recur.
inline std::string awkward_key(Random& random, bool long_keys) {
  static std::string const kAlphabet(
      "\x00\x01\xff"
      "ab",
      5);
  std::string key;
  if (long_keys && random.one_in(4)) key = std::string(random.between(50, 70), 'p');
  uint32_t const size = random.below(9);
  for (uint32_t i = 0; i < size; ++i) key.push_back(random.pick(kAlphabet));
  return key;
}

inline std::string random_value(Random& random) {
  switch (random.below(8)) {
    case 0: return {};
    case 1: return random.bytes(random.between(128, 300));  // a size of two bytes
    default: return random.bytes(random.between(1, 12));
  }
}

inline uint8_t random_type(Random& random) {
  switch (random.below(12)) {
    case 0: return kTypeDeletion;
    case 1: return kTypeSingleDeletion;
    case 2: return kTypeEntity;
    case 3: return kTypePreferredSequence;
    default: return kTypeValue;
  }
}

inline BlockOptions random_block_options(Random& random, GeneratorOptions const& options) {
  BlockOptions block;
  block.restart_interval = random.between(1, options.restart_interval_max);
  block.share_keys = !random.one_in(4);
  block.separate_values = options.separated_values && random.one_in(3);
  if (random.one_in(4)) block.hash_buckets = static_cast<uint16_t>(random.between(1, 9));
  block.uniform = random.one_in(4);
  return block;
}

// Makes a table of its own of some of a run's entries, as if it had been ingested: each user key
// once, all with one sequence number. REQUIRES: entries are in internal-key order.
inline void ingest_some(Random& random, std::vector<TestEntry>& entries, uint64_t sequence) {
  if (entries.empty()) return;
  auto const key_at = [&](std::size_t i) -> std::string const& { return entries[i].user_key; };
  std::size_t first = random.below(entries.size());
  while (first != 0 && key_at(first - 1) == key_at(first)) --first;
  std::size_t last = first + random.between(1, 30);
  if (last > entries.size()) last = entries.size();
  while (last < entries.size() && key_at(last - 1) == key_at(last)) ++last;
  std::vector<TestEntry> kept(entries.begin(), entries.begin() + static_cast<ptrdiff_t>(first));
  for (std::size_t i = first; i < last; ++i) {
    if (i != first && key_at(i - 1) == key_at(i)) continue;
    kept.push_back(entries[i]);
    kept.back().sequence = sequence;
    kept.back().ingested = true;
  }
  kept.insert(kept.end(), entries.begin() + static_cast<ptrdiff_t>(last), entries.end());
  entries = std::move(kept);
}

// Says what the blocks' first keys, which are given, begin with behind bytes that all have in
// common.
inline void set_key_prefixes(Random& random, std::vector<std::string> const& first_keys,
                             RunData& run) {
  std::size_t common = first_keys.empty() ? 0 : first_keys[0].size();
  for (std::string const& key : first_keys) {
    auto const ends = std::mismatch(
        key.begin(), key.end(), first_keys[0].begin(),
        first_keys[0].begin() + static_cast<std::ptrdiff_t>(std::min(common, key.size())));
    common = static_cast<std::size_t>(ends.first - key.begin());
  }
  run.prefix_skip = random.below(static_cast<uint32_t>(common) + 1);
  for (std::size_t b = 0; b < run.blocks.size(); ++b) {
    std::string const rest = first_keys[b].substr(run.prefix_skip);
    run.blocks[b].key_prefix = key_prefix_of(
        {reinterpret_cast<uint8_t const*>(rest.data()), static_cast<uint32_t>(rest.size())});
  }
}

// Cuts entries into blocks of random size, each with its own options.
inline RunData lay_out_randomly(Random& random, std::vector<TestEntry> const& entries,
                                KeyOrder order, GeneratorOptions const& options) {
  RunData run;
  run.order = order;
  std::vector<std::string> first_keys;
  for (std::size_t at = 0; at < entries.size();) {
    std::size_t count =
        std::min<std::size_t>(random.between(1, options.block_entries_max), entries.size() - at);
    // A block is of one table.
    for (std::size_t i = 1; i < count; ++i) {
      if (entries[at + i].ingested != entries[at].ingested) count = i;
    }
    std::vector<TestEntry> const block(entries.begin() + static_cast<std::ptrdiff_t>(at),
                                       entries.begin() + static_cast<std::ptrdiff_t>(at + count));
    run.append(build_data_block(block, random_block_options(random, options)),
               random.bytes(random.below(3)),
               block[0].ingested ? block[0].sequence : kNoGlobalSequence);
    first_keys.push_back(block[0].user_key);
    at += count;
  }
  if (!random.one_in(3)) set_key_prefixes(random, first_keys, run);
  for (TestEntry const& entry : entries) {
    run.largest_sequence = std::max(run.largest_sequence, entry.sequence);
    run.smallest_sequence = std::min(run.smallest_sequence, entry.sequence);
  }
  return run;
}

// Sequence numbers are unique, but for a few entries that stand in two runs.
inline GeneratedRuns generate_runs(Random& random, GeneratorOptions const& options) {
  GeneratedRuns generated;
  uint32_t const run_count = random.between(1, options.runs_max);
  uint32_t const key_count = random.between(1, options.keys_max);
  for (uint32_t i = 0; i < key_count; ++i) {
    generated.keys.push_back(awkward_key(random, options.long_keys));
  }
  // Now and then large, so that trailers have bytes other than zero.
  uint64_t sequence = random.one_in(2) ? random.below(1000) : random.next() >> 9;
  uint64_t const step = random.one_in(2) ? 1 : 0x0101;
  generated.entries.resize(run_count);
  for (uint32_t r = 0; r < run_count; ++r) {
    uint32_t const entry_count = random.one_in(8) ? 0 : random.between(1, options.entries_max);
    for (uint32_t i = 0; i < entry_count; ++i) {
      sequence += step;
      TestEntry entry{random.pick(generated.keys), sequence, random_type(random),
                      random_value(random)};
      if (random.one_in(5) && !generated.entries[r].empty()) {
        // A key, then bytes of one of its trailers, then perhaps something else.
        TestEntry const& other = random.pick(generated.entries[r]);
        entry.user_key = other.user_key +
                         fixed(other.trailer(), 8).substr(0, random.between(1, 8)) +
                         (random.one_in(3) ? "b" : "");
        if (generated.keys.size() < 4 * std::size_t{key_count}) {
          generated.keys.push_back(entry.user_key);
        }
      }
      generated.entries[r].push_back(entry);
      if (random.one_in(20)) {
        // The same (key, sequence) in another run as well, with another value.
        std::vector<TestEntry>& other = generated.entries[random.below(run_count)];
        if (&other != &generated.entries[r]) {
          entry.value = random_value(random);
          other.push_back(entry);
        }
      }
    }
  }
  generated.largest_sequence = sequence;
  if (options.may_descend && random.one_in(3)) generated.order = KeyOrder::kReverseBytewise;
  for (std::vector<TestEntry>& entries : generated.entries) {
    // A run's versions may be in any order of sequence: the newest isn't always in the upper run.
    std::sort(entries.begin(), entries.end(), [&](TestEntry const& a, TestEntry const& b) {
      return entry_before(a, b, generated.order);
    });
    if (options.ingested_tables && random.one_in(3)) {
      generated.largest_sequence += step;
      ingest_some(random, entries,
                  random.one_in(2) ? generated.largest_sequence : random.below(sequence + 1));
    }
    generated.data.push_back(lay_out_randomly(random, entries, generated.order, options));
  }
  return generated;
}

inline WindowSpec random_window(Random& random, GeneratedRuns const& runs) {
  WindowSpec window;
  window.order = runs.order;
  window.lower_after = random.one_in(3);
  window.upper_after = random.one_in(3);
  auto const bound = [&] {
    std::string key = random.pick(runs.keys);
    if (random.one_in(4)) key += '\0';
    if (random.one_in(6) && !key.empty()) key.pop_back();
    return key;
  };
  if (!random.one_in(3)) window.lower = bound();
  if (!random.one_in(3)) window.upper = bound();
  bool const bytewise = runs.order == KeyOrder::kBytewise;
  if (window.lower && window.upper && (*window.upper < *window.lower) == bytewise &&
      !random.one_in(8)) {
    std::swap(*window.upper, *window.lower);
  }
  if (!random.one_in(3)) {
    std::vector<uint64_t> sequences{0};
    for (auto const& entries : runs.entries) {
      for (TestEntry const& entry : entries) sequences.push_back(entry.sequence);
    }
    window.snapshot = random.pick(sequences);
  }
  return window;
}

}  // namespace levelscan::test
