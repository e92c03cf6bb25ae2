// Entries whose value does not stand in the block: the filter hands them on untested, they are
// resolved as any other, and CompleteDeferred tests the predicate on the values that it is given.
#include <map>

#include "support/kernel_pipeline.hpp"
#include "support/kernel_suite.hpp"
#include "support/run_generator.hpp"

namespace levelscan::test {
namespace {

class DeferredSuite : public KernelSuite {
 protected:
  // Values of the candidates that wait for one, as the host would work them out.
  static void complete(KernelPipeline& pipeline, std::vector<std::vector<TestEntry>> const& runs) {
    std::map<std::pair<uint32_t, std::string>, TestEntry const*> entries;
    for (uint32_t r = 0; r < runs.size(); ++r) {
      for (TestEntry const& entry : runs[r]) {
        entries[{r, internal_key(entry.user_key, entry.trailer())}] = &entry;
      }
    }
    std::string const keys = pipeline.keys();
    std::vector<Candidate> const candidates = pipeline.candidates();
    std::string bytes;
    std::vector<DeferredValue> values;
    for (uint32_t i = 0; i < candidates.size(); ++i) {
      Candidate const& candidate = candidates[i];
      bool const deferred = (candidate.flags & kCandidateDeferred) != 0;
      std::string const user_key = keys.substr(candidate.key_offset, candidate.user_size);
      TestEntry const& entry =
          *entries.at({candidate.run, internal_key(user_key, candidate.trailer)});
      EXPECT_EQ(deferred, entry.is_deferred());
      if (!candidate_is_alive(candidate) || !deferred) continue;
      // Every other one as an entity.
      TestEntry shown = entry;
      shown.type = values.size() % 2 == 0 ? kTypeValue : kTypeEntity;
      std::string const stored = shown.stored();
      values.push_back({i, shown.type, static_cast<uint32_t>(bytes.size()),
                        static_cast<uint32_t>(stored.size())});
      bytes += stored;
    }
    pipeline.complete(bytes, values);
  }
};
INSTANTIATE_TEST_SUITE_P(Blocks, DeferredSuite, all_blocks(), block_name);

TEST_P(DeferredSuite, ValuesPutInPlaceAreTestedAndShownAsAnyOther) {
  Random random(mix(base_seed() + 41));
  uint64_t deferred = 0;
  uint64_t rows = 0;
  uint64_t filtered = 0;
  for (uint32_t round = 0; round < affordable(400); ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    GeneratedRuns runs = generate_runs(random, {});
    runs.data.clear();
    for (auto& entries : runs.entries) {
      for (TestEntry& entry : entries) {
        if (entry.type == kTypeValue && random.one_in(2)) {
          entry.type = random.one_in(2) ? kTypeMerge : kTypeBlobIndex;
        }
      }
      std::sort(entries.begin(), entries.end(), [&](TestEntry const& a, TestEntry const& b) {
        return entry_before(a, b, runs.order);
      });
      runs.data.push_back(lay_out_randomly(random, entries, runs.order, {}));
    }
    PredicateProgram program;
    RowPredicate holds = [](auto const&, auto, auto const&) { return true; };
    if (random.one_in(2)) {
      uint16_t const byte = program.field(number_field(FieldSource::kValue, FieldType::kU8, 0));
      program.test(byte, Comparison::kLess, program.integer(128), 1, kReject);
      uint16_t const key = program.field(bytes_field(FieldSource::kKey, 0, kToTheEnd));
      program.test(key, Comparison::kGreaterEqual, program.text("a"));
      holds = [](std::string const& row_key, uint64_t, std::string const& value) {
        return !value.empty() && static_cast<uint8_t>(value[0]) < 128 && row_key >= "a";
      };
    }
    WindowSpec const window = random_window(random, runs);
    ModelAnswer const expected = model_scan(runs.entries, window, holds);
    for (Resolution const by : {Resolution::kProbe, Resolution::kMark}) {
      KernelPipeline pipeline(device(), stream(), runs.data, window, program);
      pipeline.defer_values();
      pipeline.narrow();
      pipeline.filter();
      pipeline.scan_counts();
      pipeline.gather_all();
      pipeline.resolve(by);
      ScanStatus const before = pipeline.status();
      ASSERT_EQ(before.errors, 0u) << "fault " << static_cast<uint32_t>(before.fault);
      uint64_t found = 0;
      for (Candidate const& candidate : pipeline.candidates()) {
        found += (candidate.flags & kCandidateDeferred) != 0 ? 1 : 0;
      }
      EXPECT_EQ(before.deferred, found);
      complete(pipeline, runs.entries);
      pipeline.select_and_order();
      ScanStatus const after = pipeline.status();
      ASSERT_EQ(after.errors, 0u);
      std::vector<ModelRow> shown = pipeline.rows();
      ASSERT_EQ(shown.size(), expected.rows.size());
      for (std::size_t i = 0; i < shown.size(); ++i) {
        // What was completed is no run's any more.
        if (shown[i].run == runs.entries.size()) shown[i].run = expected.rows[i].run;
      }
      ASSERT_EQ(shown, expected.rows);
      deferred += found;
      rows += shown.size();
      filtered += after.entries_filtered - before.entries_filtered;
    }
  }
  if (!has_rounds_enough()) return;
  EXPECT_GT(deferred, 0u);
  EXPECT_GT(rows, 0u);
  EXPECT_GT(filtered, 0u);
}

TEST_P(DeferredSuite, WithoutAWayToTheirValueTheyAreFaultsUnlessHidden) {
  std::vector<TestEntry> const entries{{"a", 5, kTypeValue, "v"}, {"b", 4, kTypeMerge, ""}};
  auto const fault_of = [&](uint64_t snapshot, std::vector<TestEntry> const& run) {
    RunData data;
    data.append(build_data_block(run, {1, true}));
    data.largest_sequence = 9;
    data.smallest_sequence = 1;
    WindowSpec window;
    window.snapshot = snapshot;
    KernelPipeline pipeline(device(), stream(), {data}, window, {});
    return pipeline.run();
  };
  ScanStatus const status = fault_of(kSequenceMax, entries);
  EXPECT_EQ(status.fault, ScanFault::kUnsupportedType);
  EXPECT_EQ(status.fault_detail, kTypeMerge);
  EXPECT_EQ(fault_of(3, entries).errors, 0u);
  // At the start of an interval, behind a newer version at the end of the one before.
  EXPECT_EQ(fault_of(kSequenceMax, {{"b", 5, kTypeValue, "v"}, {"b", 4, kTypeMerge, ""}}).errors,
            0u);
}

}  // namespace
}  // namespace levelscan::test
