// Narrow, Filter, Gather and ResolveProbe over random runs, windows, snapshots and predicates: what
// survives is what ordered maps say.
#include "support/kernel_pipeline.hpp"
#include "support/kernel_suite.hpp"
#include "support/run_generator.hpp"

namespace levelscan::test {
namespace {

struct PredicateCase {
  std::string name;
  PredicateProgram program;
  RowPredicate holds;
};

uint64_t little_endian(std::string const& bytes, std::size_t at, std::size_t size) {
  uint64_t value = 0;
  for (std::size_t i = size; i > 0; --i)
    value = (value << 8) | static_cast<uint8_t>(bytes[at + i - 1]);
  return value;
}

// Each written twice: as a program, and as a function of the row.
std::vector<PredicateCase> predicate_cases() {
  std::vector<PredicateCase> cases;
  cases.push_back({"everything", {}, [](auto const&, auto, auto const&) { return true; }});
  {
    PredicateProgram program;
    uint16_t const field = program.field(number_field(FieldSource::kValue, FieldType::kU16, 0));
    program.test(field, Comparison::kLess, program.integer(20000));
    program.instructions[0].shape = OperandShape::kIntegerInValue;
    cases.push_back({"value u16 < 20000", program, [](auto const&, auto, auto const& value) {
                       return value.size() >= 2 && little_endian(value, 0, 2) < 20000;
                     }});
  }
  {
    PredicateProgram program;
    uint16_t const field = program.field(number_field(FieldSource::kValue, FieldType::kI8, 1));
    program.test(field, Comparison::kGreaterEqual, program.integer(-20), 1, 1);
    program.instructions[0].on_true = kAccept;
    program.test_null(field);
    cases.push_back({"value i8 >= -20 or null", program, [](auto const&, auto, auto const& value) {
                       return value.size() < 2 || static_cast<signed char>(value[1]) >= -20;
                     }});
  }
  {
    PredicateProgram program;
    uint16_t const field = program.field(built_in_field(FieldSource::kValueSize));
    program.test(field, Comparison::kEqual, program.integer(4), kAccept, kReject, true);
    cases.push_back({"not value_size == 4", program,
                     [](auto const&, auto, auto const& value) { return value.size() != 4; }});
  }
  {
    PredicateProgram program;
    uint16_t const field = program.field(bytes_field(FieldSource::kKey, 0, kToTheEnd));
    program.test(field, Comparison::kGreater, program.text("aa"));
    cases.push_back({"key > aa", program,
                     [](auto const& key, auto, auto const&) { return key > std::string("aa"); }});
  }
  {
    PredicateProgram program;
    uint16_t const field = program.field(number_field(FieldSource::kKey, FieldType::kU8, 62));
    program.test(field, Comparison::kEqual, program.integer('p'), kAccept, kReject, true);
    cases.push_back({"not key[62] == p", program, [](auto const& key, auto, auto const&) {
                       return key.size() > 62 && key[62] != 'p';
                     }});
  }
  {
    PredicateProgram program;
    uint16_t const key =
        program.field(from_end(number_field(FieldSource::kKey, FieldType::kU8, 1)));
    uint16_t const value =
        program.field(from_end(number_field(FieldSource::kValue, FieldType::kU8, 1)));
    program.test_fields(key, Comparison::kLess, value);
    cases.push_back({"last byte of key < last byte of value", program,
                     [](auto const& row_key, auto, auto const& row_value) {
                       return !row_key.empty() && !row_value.empty() &&
                              static_cast<uint8_t>(row_key.back()) <
                                  static_cast<uint8_t>(row_value.back());
                     }});
  }
  {
    PredicateProgram program;
    uint16_t const size = program.field(built_in_field(FieldSource::kKeySize));
    uint16_t const value = program.field(number_field(FieldSource::kValue, FieldType::kU8, 0));
    uint16_t const byte = program.field(number_field(FieldSource::kKey, FieldType::kU8, 66));
    program.test(size, Comparison::kLess, program.integer(5), 1, 2);
    program.test(value, Comparison::kLess, program.integer(128));
    program.test(byte, Comparison::kEqual, program.integer('p'));
    cases.push_back({"key_size < 5 ? value u8 < 128 : key[66] == p", program,
                     [](auto const& key, auto, auto const& row_value) {
                       if (key.size() < 5) {
                         return !row_value.empty() && static_cast<uint8_t>(row_value[0]) < 128;
                       }
                       return key.size() > 66 && key[66] == 'p';
                     }});
  }
  {
    PredicateProgram program;
    uint16_t const field = program.field(built_in_field(FieldSource::kSequence));
    program.test(field, Comparison::kGreater, program.integer(40));
    cases.push_back({"seq > 40", program,
                     [](auto const&, uint64_t sequence, auto const&) { return sequence > 40; }});
  }
  return cases;
}

// True when no run has two versions of a user key inside the window: then what a kernel counts
// doesn't depend on where intervals begin.
bool versions_are_single(std::vector<std::vector<TestEntry>> const& runs) {
  for (auto const& entries : runs) {
    for (std::size_t i = 1; i < entries.size(); ++i) {
      if (entries[i].user_key == entries[i - 1].user_key) return false;
    }
  }
  return true;
}

class PipelineSuite : public KernelSuite {
 protected:
  struct Coverage {
    uint64_t rows = 0;
    uint64_t filtered = 0;
    uint64_t shadowed = 0;
    uint64_t undecided = 0;
    uint64_t counted = 0;
    uint64_t tiles = 0;  // the most in one launch
  };

  void expect_scan(GeneratedRuns const& runs, WindowSpec const& window,
                   PredicateCase const& predicate) {
    ModelAnswer const expected = model_scan(runs.entries, window, predicate.holds);
    KernelPipeline pipeline(device(), stream(), runs.data, window, predicate.program);
    pipeline.narrow();
    pipeline.filter();
    pipeline.scan_counts();
    ScanStatus const filtered = pipeline.status();
    ASSERT_EQ(filtered.errors, 0u) << "fault " << static_cast<uint32_t>(filtered.fault);
    EXPECT_EQ(filtered.entries_seen, expected.entries_seen);
    pipeline.gather_all();
    ASSERT_EQ(pipeline.status().errors, 0u);
    for (CandidateShare const& share : pipeline.shares()) EXPECT_EQ(share.marked, 0u);

    // The candidates of each run, in key order; of the undecided ones the predicate may fail.
    std::vector<RunTotals> const totals = pipeline.totals();
    std::vector<Candidate> const candidates = pipeline.candidates();
    std::vector<CandidateShare> const shares = pipeline.shares();
    uint64_t surplus = 0;
    uint32_t next_candidate = 0;
    for (uint32_t r = 0; r < runs.entries.size(); ++r) {
      std::vector<ModelRow> const found = pipeline.candidate_rows(r);
      uint64_t key_bytes = 0;
      std::vector<ModelRow> passing;
      for (std::size_t i = 0; i < found.size(); ++i) {
        key_bytes += found[i].user_key.size() + 8;
        EXPECT_TRUE(i == 0 || (found[i - 1].user_key < found[i].user_key) ==
                                  (runs.order == KeyOrder::kBytewise));
        Candidate const& candidate = candidates[shares[r].candidate_base + i];
        bool const undecided = (candidate.flags & kCandidateUndecided) != 0;
        EXPECT_TRUE(candidate_is_alive(candidate));
        EXPECT_EQ(candidate.run, r);
        EXPECT_TRUE(!undecided || found[i].user_key.size() > kKeyWindowBytes);
        coverage_.undecided += undecided;
        if (!undecided || predicate.holds(found[i].user_key, found[i].sequence, found[i].value)) {
          passing.push_back(found[i]);
        } else {
          ++surplus;
        }
      }
      EXPECT_EQ(passing, expected.candidates[r]);
      EXPECT_EQ(totals[r].candidates, found.size());
      EXPECT_EQ(totals[r].key_bytes, key_bytes);
      EXPECT_EQ(shares[r].candidate_base, next_candidate);
      next_candidate += static_cast<uint32_t>(found.size());
    }
    uint64_t const filter_shadowed = filtered.shadowed_value + filtered.shadowed_tombstone;
    if (versions_are_single(runs.entries)) {
      EXPECT_EQ(filtered.entries_filtered + surplus, expected.filtered);
      EXPECT_EQ(filter_shadowed, 0u);
    } else {
      // An older version that begins an interval counts as filtered where it fails by itself.
      EXPECT_GE(filtered.entries_filtered + surplus, expected.filtered);
      EXPECT_LE(filter_shadowed, expected.shadowed_value + expected.shadowed_tombstone);
    }

    pipeline.resolve(resolution_);
    resolution_ = resolution_ == Resolution::kProbe ? Resolution::kMark : Resolution::kProbe;
    pipeline.select_and_order();
    ScanStatus const resolved = pipeline.status();
    ASSERT_EQ(resolved.errors, 0u);
    EXPECT_EQ(pipeline.rows(), expected.rows);
    for (Candidate const& candidate : pipeline.candidates()) {
      if (candidate_is_alive(candidate)) {
        EXPECT_EQ(candidate.flags & kCandidateUndecided, 0u);
      }
    }
    uint64_t const resolve_shadowed =
        resolved.shadowed_value + resolved.shadowed_tombstone - filter_shadowed;
    uint64_t const resolve_filtered = resolved.entries_filtered - filtered.entries_filtered;
    EXPECT_EQ(resolve_shadowed + resolve_filtered + expected.rows.size(), candidates.size());
    if (resolution_ == Resolution::kMark) {
      KernelPipeline merged(device(), stream(), runs.data, window, predicate.program);
      ASSERT_EQ(merged.run(Resolution::kMerge).errors, 0u);
      EXPECT_EQ(merged.rows(), expected.rows);
    }
    if (device().info().runs_in_order && !predicate.program.reads_key) {
      expect_split(runs, window, predicate, expected);
    }
    coverage_.rows += expected.rows.size();
    coverage_.filtered += resolved.entries_filtered;
    coverage_.shadowed += resolve_shadowed;
  }

  void expect_split(GeneratedRuns const& runs, WindowSpec const& window,
                    PredicateCase const& predicate, ModelAnswer const& expected) {
    KernelPipeline listed(device(), stream(), runs.data, window, predicate.program);
    ScanStatus const status = listed.run_split(false);
    ASSERT_EQ(status.errors, 0u);
    EXPECT_EQ(listed.rows(), expected.rows);
    EXPECT_EQ(status.counted, 0u);
    KernelPipeline counted(device(), stream(), runs.data, window, predicate.program);
    ScanStatus const with_counts = counted.run_split(true);
    ASSERT_EQ(with_counts.errors, 0u);
    EXPECT_EQ(with_counts.counted + counted.rows().size(), expected.rows.size());
    EXPECT_EQ(with_counts.entries_seen, status.entries_seen);
    EXPECT_EQ(with_counts.entries_filtered, status.entries_filtered);
    EXPECT_EQ(with_counts.shadowed_value + with_counts.shadowed_tombstone,
              status.shadowed_value + status.shadowed_tombstone);
    coverage_.counted += with_counts.counted;
  }

  void scan_random_runs(uint32_t rounds, GeneratorOptions const& options, uint64_t salt) {
    std::vector<PredicateCase> const predicates = predicate_cases();
    Random random(mix(base_seed() + salt));
    for (uint32_t round = 0; round < rounds; ++round) {
      GeneratedRuns const runs = generate_runs(random, options);
      WindowSpec const window = random_window(random, runs);
      PredicateCase const& predicate = random.pick(predicates);
      SCOPED_TRACE("round " + std::to_string(round) + ", " + predicate.name);
      uint64_t tiles = 0;
      for (RunData const& run : runs.data) tiles += tiles_of(run.interval_count);
      coverage_.tiles = std::max(coverage_.tiles, tiles);
      expect_scan(runs, window, predicate);
      if (HasFailure()) return;
    }
  }

  Coverage coverage_;
  Resolution resolution_ = Resolution::kProbe;  // of the next scan
};
INSTANTIATE_TEST_SUITE_P(Blocks, PipelineSuite, all_blocks(), block_name);

TEST_P(PipelineSuite, RandomRunsAnswerAsOrderedMapsDo) {
  scan_random_runs(affordable(1200), {}, 1);
  if (!has_rounds_enough()) return;
  EXPECT_GT(coverage_.rows, 0u);
  if (device().info().runs_in_order) {
    EXPECT_GT(coverage_.counted, 0u);
  }
  EXPECT_GT(coverage_.filtered, 0u);
  EXPECT_GT(coverage_.shadowed, 0u);
  EXPECT_GT(coverage_.undecided, 0u);
}

TEST_P(PipelineSuite, RandomRunsOfManyTilesAnswerAsOrderedMapsDo) {
  GeneratorOptions options;
  options.keys_max = 300;
  options.entries_max = 700;
  options.restart_interval_max = 2;
  scan_random_runs(affordable(60), options, 2);
  if (!has_rounds_enough()) return;
  EXPECT_GT(coverage_.tiles, 4u);
  EXPECT_GT(coverage_.rows, 0u);
}

TEST_P(PipelineSuite, RunsWithoutVersionsCountExactly) {
  std::vector<PredicateCase> const predicates = predicate_cases();
  Random random(mix(base_seed() + 3));
  for (uint32_t round = 0; round < affordable(200); ++round) {
    GeneratedRuns runs = generate_runs(random, {});
    runs.data.clear();
    for (auto& entries : runs.entries) {
      entries.erase(std::unique(entries.begin(), entries.end(),
                                [](TestEntry const& a, TestEntry const& b) {
                                  return a.user_key == b.user_key;
                                }),
                    entries.end());
      runs.data.push_back(lay_out_randomly(random, entries, runs.order, {}));
    }
    PredicateCase const& predicate = random.pick(predicates);
    SCOPED_TRACE("round " + std::to_string(round) + ", " + predicate.name);
    expect_scan(runs, random_window(random, runs), predicate);
    if (HasFailure()) return;
  }
}

TEST_P(PipelineSuite, NoRunsAtAllIsNoRows) {
  KernelPipeline pipeline(device(), stream(), {RunData{}, RunData{}}, {}, {});
  EXPECT_EQ(pipeline.run().errors, 0u);
  EXPECT_EQ(pipeline.row_count(), 0u);
  EXPECT_EQ(pipeline.status().entries_seen, 0u);
}

}  // namespace
}  // namespace levelscan::test
