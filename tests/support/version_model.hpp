// What a scan must answer, from ordered maps: the oracle of the kernel tests. It knows nothing of
// blocks, intervals or prefixes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "support/sst_builder.hpp"

namespace levelscan::test {

struct WindowSpec {
  std::optional<std::string> lower;  // user key; none: from the first
  std::optional<std::string> upper;  // none: to the last
  uint64_t snapshot = kSequenceMax;
  bool lower_after = false;  // the lower key itself is not in the window
  bool upper_after = false;  // the upper key itself is
  KeyOrder order = KeyOrder::kBytewise;

  [[nodiscard]] bool holds(std::string const& user_key) const {
    auto const before = [&](std::string const& a, std::string const& b) {
      return order == KeyOrder::kBytewise ? a < b : b < a;
    };
    if (lower && (before(user_key, *lower) || (lower_after && user_key == *lower))) return false;
    return !upper || before(user_key, *upper) || (upper_after && user_key == *upper);
  }
};

using RowPredicate =
    std::function<bool(std::string const& user_key, uint64_t sequence, std::string const& value)>;

struct ModelRow {
  std::string user_key;
  uint64_t sequence;
  std::string value;
  uint32_t run;

  friend bool operator==(ModelRow const&, ModelRow const&) = default;
};

inline std::ostream& operator<<(std::ostream& out, ModelRow const& row) {
  return out << '"' << row.user_key << "\"@" << row.sequence << " run " << row.run << " value \""
             << row.value << '"';
}

struct ModelAnswer {
  std::vector<std::vector<ModelRow>> candidates;  // [run] in key order
  std::vector<ModelRow> rows;                     // in key order
  uint64_t entries_seen = 0;
  uint64_t filtered = 0;            // newest visible values of their run that fail the predicate
  uint64_t shadowed_value = 0;      // in their own run, by a visible value
  uint64_t shadowed_tombstone = 0;  // in their own run, by a visible tombstone
};

inline bool has_value(TestEntry const& entry) {
  return entry.type != kTypeDeletion && entry.type != kTypeSingleDeletion;
}

inline ModelAnswer model_scan(std::vector<std::vector<TestEntry>> const& runs,
                              WindowSpec const& window, RowPredicate const& predicate) {
  ModelAnswer answer;
  // User key -> the newest visible version over all runs; on equal sequences the first run's.
  std::map<std::string, std::pair<TestEntry, uint32_t>> newest;
  for (uint32_t r = 0; r < runs.size(); ++r) {
    // User key -> versions of this run, newest first.
    std::map<std::string, std::map<uint64_t, TestEntry, std::greater<>>> versions;
    for (TestEntry const& entry : runs[r]) {
      if (!window.holds(entry.user_key)) continue;
      ++answer.entries_seen;
      if (entry.sequence <= window.snapshot) {
        versions[entry.user_key].emplace(entry.trailer(), entry);
      }
    }
    std::vector<ModelRow>& candidates = answer.candidates.emplace_back();
    for (auto const& [user_key, of_key] : versions) {
      TestEntry const& first = of_key.begin()->second;
      if (has_value(first)) {
        answer.shadowed_value += of_key.size() - 1;
        if (predicate(user_key, first.sequence, first.value)) {
          candidates.push_back({user_key, first.sequence, first.value, r});
        } else {
          ++answer.filtered;
        }
      } else {
        answer.shadowed_tombstone += of_key.size() - 1;
      }
      auto const [place, added] = newest.try_emplace(user_key, first, r);
      if (!added && first.sequence > place->second.first.sequence) place->second = {first, r};
    }
  }
  for (auto const& [user_key, found] : newest) {
    TestEntry const& entry = found.first;
    if (has_value(entry) && predicate(user_key, entry.sequence, entry.value)) {
      answer.rows.push_back({user_key, entry.sequence, entry.value, found.second});
    }
  }
  if (window.order == KeyOrder::kReverseBytewise) {
    for (auto& candidates : answer.candidates) std::reverse(candidates.begin(), candidates.end());
    std::reverse(answer.rows.begin(), answer.rows.end());
  }
  return answer;
}

}  // namespace levelscan::test
