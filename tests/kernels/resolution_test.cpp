// Which version of a key is the row: cases by name, on the kernels of a whole round.
#include "support/kernel_pipeline.hpp"
#include "support/kernel_suite.hpp"

namespace levelscan::test {
namespace {

// Runs from entries in any order, one block each with the options given.
using Runs = std::vector<std::vector<std::vector<TestEntry>>>;  // [run][block][entry]

std::vector<RunData> build(Runs const& runs, BlockOptions options) {
  std::vector<RunData> data;
  for (auto const& blocks : runs) data.push_back(build_run(blocks, options));
  return data;
}

// value u8 at 0 == 'p'.
PredicateProgram passes_p() {
  PredicateProgram program;
  uint16_t const field = program.field(number_field(FieldSource::kValue, FieldType::kU8, 0));
  program.test(field, Comparison::kEqual, program.integer('p'));
  return program;
}

class ResolutionSuite : public KernelSuite {
 protected:
  // Rows as "key=value", for each of several restart intervals, shared keys or not, and each way to
  // resolve; where a launch costs most, for one of them, the ways in turn.
  std::vector<std::string> scan(Runs const& runs, uint64_t snapshot = kSequenceMax,
                                PredicateProgram const& predicate = {}) {
    std::vector<std::string> first_answer;
    bool first = true;
    static std::vector<BlockOptions> const kOptions{
        {2, true}, {16, true}, {3, true, true, 5}, {1, true}, {3, true}, {2, false}, {16, false}};
    std::size_t const affordable_options = GetParam() == BlockKind::kMostThreads ? 1
                                           : GetParam() == BlockKind::kManyThreads
                                               ? 3
                                               : kOptions.size();
    std::vector<Resolution> ways{Resolution::kMark, Resolution::kProbe, Resolution::kMerge};
    if (device().info().runs_in_order && !predicate.reads_key) ways.push_back(Resolution::kSplit);
    if (GetParam() == BlockKind::kMostThreads) ways = {ways[scans_++ % ways.size()]};
    for (std::size_t i = 0; i < affordable_options; ++i) {
      BlockOptions const& options = kOptions[i];
      WindowSpec window;
      window.snapshot = snapshot;
      for (Resolution const by : ways) {
        KernelPipeline pipeline(device(), stream(), build(runs, options), window, predicate);
        status_ = pipeline.run(by);
        EXPECT_EQ(status_.errors, 0u) << "restart interval " << options.restart_interval;
        if (status_.errors != 0) return {"fault"};
        std::vector<std::string> answer;
        for (ModelRow const& row : pipeline.rows()) {
          answer.push_back(row.user_key + "=" + row.value);
        }
        if (!first) {
          EXPECT_EQ(answer, first_answer) << "restart interval " << options.restart_interval;
        }
        first_answer = answer;
        first = false;
      }
    }
    return first_answer;
  }

  ScanStatus fault_of(Runs const& runs, BlockOptions options, uint64_t snapshot = kSequenceMax) {
    WindowSpec window;
    window.snapshot = snapshot;
    KernelPipeline pipeline(device(), stream(), build(runs, options), window, {});
    return pipeline.run();
  }

  using Answer = std::vector<std::string>;
  ScanStatus status_{};

 private:
  uint32_t scans_ = 0;
};
INSTANTIATE_TEST_SUITE_P(Blocks, ResolutionSuite, all_blocks(), block_name);

TEST_P(ResolutionSuite, NewerVersionThatFailsThePredicateHidesAnOlderOneThatPasses) {
  // In one interval, at the end of the interval before, in the block before, in another run.
  EXPECT_EQ(scan({{{{"k", 2, kTypeValue, "fails"}, {"k", 1, kTypeValue, "passes"}}}}, kSequenceMax,
                 passes_p()),
            Answer{});
  EXPECT_EQ(scan({{{{"a", 9, kTypeValue, "p"},
                    {"k", 2, kTypeValue, "fails"},
                    {"k", 1, kTypeValue, "passes"}}}},
                 kSequenceMax, passes_p()),
            Answer{"a=p"});
  EXPECT_EQ(scan({{{{"k", 2, kTypeValue, "fails"}}, {{"k", 1, kTypeValue, "passes"}}}},
                 kSequenceMax, passes_p()),
            Answer{});
  EXPECT_EQ(scan({{{{"k", 2, kTypeValue, "fails"}}}, {{{"k", 1, kTypeValue, "passes"}}}},
                 kSequenceMax, passes_p()),
            Answer{});
  EXPECT_EQ(status_.shadowed_value, 1u);
  // A snapshot from before the newer one sees the older one.
  EXPECT_EQ(
      scan({{{{"k", 2, kTypeValue, "fails"}}}, {{{"k", 1, kTypeValue, "passes"}}}}, 1, passes_p()),
      Answer{"k=passes"});
}

TEST_P(ResolutionSuite, TombstoneInAnUpperRunHidesAValueInALowerOne) {
  for (uint8_t const type : {kTypeDeletion, kTypeSingleDeletion}) {
    Runs const runs{
        {{{"k", 5, type, ""}}}, {}, {{{"j", 1, kTypeValue, "j"}, {"k", 4, kTypeValue, "old"}}}};
    EXPECT_EQ(scan(runs), Answer{"j=j"});
    EXPECT_EQ(status_.shadowed_tombstone, 1u);
    EXPECT_EQ(status_.shadowed_value, 0u);
    EXPECT_EQ(scan(runs, 4), (Answer{"j=j", "k=old"})) << "before the deletion";
  }
}

TEST_P(ResolutionSuite, TombstoneHidesOlderVersionsOfItsOwnRun) {
  Runs const runs{
      {{{"k", 5, kTypeDeletion, ""}, {"k", 4, kTypeValue, "four"}, {"k", 3, kTypeValue, "three"}},
       {{"k", 2, kTypeValue, "two"}, {"l", 1, kTypeValue, "l"}}}};
  EXPECT_EQ(scan(runs), Answer{"l=l"});
  EXPECT_EQ(scan(runs, 4), (Answer{"k=four", "l=l"}));
  EXPECT_EQ(scan(runs, 2), (Answer{"k=two", "l=l"}));
}

// Twelve versions over restart intervals, data blocks and the files of a level, which are pieces of
// one run to the kernels; other runs have some too.
TEST_P(ResolutionSuite, VersionsAcrossIntervalsBlocksAndFilesResolveToTheNewestVisible) {
  Runs runs(2);
  uint64_t sequence = 24;
  runs[0].push_back({{"a", 3, kTypeValue, "a"}});
  for (uint32_t block = 0; block < 4; ++block) {
    std::vector<TestEntry> entries;
    for (uint32_t i = 0; i < 3; ++i, sequence -= 2) {
      entries.push_back({"key", sequence, kTypeValue, "v" + std::to_string(sequence)});
    }
    runs[0].push_back(entries);
  }
  runs[0].back().push_back({"z", 3, kTypeValue, "z"});
  runs[1] = {{{"key", 17, kTypeValue, "w17"}}, {{"key", 7, kTypeDeletion, ""}}};
  for (uint64_t snapshot = 3; snapshot <= 26; ++snapshot) {
    SCOPED_TRACE("snapshot " + std::to_string(snapshot));
    uint64_t const even = std::min<uint64_t>(snapshot - snapshot % 2, 24);
    Answer expected{"a=a"};
    if (snapshot == 17) {
      expected.push_back("key=w17");
    } else if (snapshot != 7) {
      expected.push_back("key=v" + std::to_string(even));
    }
    expected.push_back("z=z");
    EXPECT_EQ(scan(runs, snapshot), expected);
  }
}

TEST_P(ResolutionSuite, VersionsNewerThanTheSnapshotHideNothing) {
  Runs const runs{{{{"k", 9, kTypeDeletion, ""}, {"k", 8, kTypeValue, "eight"}},
                   {{"k", 4, kTypeValue, "four"}}},
                  {{{"k", 7, kTypeDeletion, ""}}}};
  EXPECT_EQ(scan(runs, 4), Answer{"k=four"});
  EXPECT_EQ(scan(runs, 6), Answer{"k=four"});
  EXPECT_EQ(scan(runs, 7), Answer{});
  EXPECT_EQ(scan(runs, 8), Answer{"k=eight"});
  EXPECT_EQ(scan(runs, 3), Answer{});
}

TEST_P(ResolutionSuite, EqualKeyAndSequenceInTwoRunsTheUpperRunWins) {
  EXPECT_EQ(scan({{{{"k", 5, kTypeValue, "upper"}}}, {{{"k", 5, kTypeValue, "lower"}}}}),
            Answer{"k=upper"});
  EXPECT_EQ(scan({{{{"k", 5, kTypeDeletion, ""}}}, {{{"k", 5, kTypeValue, "lower"}}}}), Answer{});
  EXPECT_EQ(scan({{{{"k", 5, kTypeValue, "fails"}}}, {{{"k", 5, kTypeValue, "passes"}}}},
                 kSequenceMax, passes_p()),
            Answer{});
  EXPECT_EQ(scan({{{{"k", 5, kTypeValue, "passes"}}}, {{{"k", 5, kTypeValue, "fails"}}}},
                 kSequenceMax, passes_p()),
            Answer{"k=passes"});
}

TEST_P(ResolutionSuite, NewerIsTheHigherSequenceNotTheUpperRun) {
  EXPECT_EQ(scan({{{{"k", 4, kTypeValue, "upper"}}}, {{{"k", 5, kTypeValue, "lower"}}}}),
            Answer{"k=lower"});
  EXPECT_EQ(scan({{{{"k", 4, kTypeValue, "upper"}}}, {{{"k", 5, kTypeDeletion, ""}}}}), Answer{});
}

// The second key is the first and its trailer's bytes, wholly or in part: another key, in Filter,
// in Gather, and where a third run is probed for either.
TEST_P(ResolutionSuite, KeysThatAreAnotherPlusItsTrailersBytesStayApart) {
  uint64_t const sequence = 0x6162636465;  // the trailer's bytes are 01 'e' 'd' 'c' 'b' 'a' 00 00
  for (std::size_t taken = 1; taken <= 8; ++taken) {
    SCOPED_TRACE("bytes taken " + std::to_string(taken));
    TestEntry const plain{"key", sequence, kTypeValue, "plain"};
    TestEntry const longer{plain.user_key + fixed(plain.trailer(), 8).substr(0, taken),
                           sequence - 1, kTypeValue, "longer"};
    TestEntry const longest{longer.user_key + fixed(longer.trailer(), 8), 1, kTypeValue, "longest"};
    Answer const all{"key=plain", longer.user_key + "=longer", longest.user_key + "=longest"};
    EXPECT_EQ(scan({{{plain, longer, longest}}}), all);
    EXPECT_EQ(scan({{{plain, longer, longest}}, {{{"key", 1, kTypeValue, "old"}}}}), all);
    EXPECT_EQ(
        scan({{{{longer.user_key, sequence, kTypeDeletion, ""}}}, {{plain, longer, longest}}}),
        (Answer{"key=plain", longest.user_key + "=longest"}));
    // As the window's bounds.
    for (auto const& [lower, upper, expected] :
         {std::tuple{plain.user_key, longer.user_key, Answer{all[0]}},
          std::tuple{longer.user_key, longest.user_key, Answer{all[1]}},
          std::tuple{longer.user_key + '\0', longest.user_key + '\0', Answer{all[2]}}}) {
      for (uint32_t const restart_interval : {1u, 2u, 3u}) {
        WindowSpec window;
        window.lower = lower;
        window.upper = upper;
        KernelPipeline pipeline(device(), stream(),
                                build({{{plain, longer, longest}}}, {restart_interval, true}),
                                window, {});
        ASSERT_EQ(pipeline.run().errors, 0u);
        Answer answer;
        for (ModelRow const& row : pipeline.rows())
          answer.push_back(row.user_key + "=" + row.value);
        EXPECT_EQ(answer, expected);
      }
    }
  }
}

TEST_P(ResolutionSuite, TypesThatAreNotSupportedAreReportedWhereTheyAreSeen) {
  auto const with = [](uint8_t type) {
    return Runs{{{{"a", 1, kTypeValue, "a"}, {"k", 7, type, "v"}, {"z", 1, kTypeValue, "z"}}}};
  };
  for (uint8_t const type : {uint8_t{0x02}, uint8_t{0x11}, uint8_t{0x14}}) {
    ScanStatus const status = fault_of(with(type), {16, true});
    EXPECT_EQ(status.fault, ScanFault::kUnsupportedType);
    EXPECT_EQ(status.fault_detail, type);
    EXPECT_GT(status.fault_offset, 0u);
    EXPECT_EQ(fault_of(with(type), {16, true}, 6).errors, 0u) << "newer than the snapshot";
  }
  for (uint8_t const type :
       {uint8_t{0x03}, uint8_t{0x0f}, uint8_t{0x17}, uint8_t{0x7f}, uint8_t{0xff}}) {
    ScanStatus const status = fault_of(with(type), {16, true});
    EXPECT_EQ(status.fault, ScanFault::kUnknownType);
    EXPECT_EQ(status.fault_detail, type);
  }
}

// Where intervals begin must not decide whether a scan is refused.
TEST_P(ResolutionSuite, TypesThatAreNotSupportedButShadowedInTheirRunAreNoFault) {
  Runs const runs{{{{"k", 9, kTypeValue, "newest"},
                    {"k", 7, kTypeMerge, "operand"},
                    {"k", 6, kTypeMerge, "operand"}},
                   {{"k", 5, kTypeMerge, "operand"}}}};
  EXPECT_EQ(scan(runs), Answer{"k=newest"});
  EXPECT_EQ(fault_of(runs, {1, true}, 8).fault, ScanFault::kUnsupportedType);
  EXPECT_EQ(fault_of(runs, {1, true}, 5).fault, ScanFault::kUnsupportedType);
  EXPECT_EQ(fault_of(runs, {1, true}, 4).errors, 0u);
}

// Where what is deferred does not fit, Gather visits what Filter did.
TEST_P(ResolutionSuite, RowsThatAreCountedAreNotGathered) {
  if (!device().info().runs_in_order) GTEST_SKIP() << "blocks don't run in order";
  Runs const runs{{{{"a", 9, kTypeValue, "pa"},
                    {"b", 9, kTypeMerge, "operand"},
                    {"c", 9, kTypeValue, "fails"},
                    {"d", 9, kTypeValue, "pd"},
                    {"e", 9, kTypeMerge, "operand"},
                    {"f", 9, kTypeValue, "pf"}}}};
  for (uint32_t const restart_interval : {1u, 2u, 3u, 16u}) {
    WindowSpec const window;
    KernelPipeline pipeline(device(), stream(), build(runs, {restart_interval, true}), window,
                            passes_p());
    pipeline.defer_values();
    pipeline.count_rows();
    pipeline.narrow();
    pipeline.filter();
    pipeline.scan_counts();
    pipeline.gather_all();
    EXPECT_EQ(pipeline.status().errors, 0u);
    EXPECT_EQ(pipeline.status().counted, 3u);
    std::vector<Candidate> const candidates = pipeline.candidates();
    ASSERT_EQ(candidates.size(), 2u);
    for (Candidate const& candidate : candidates) {
      EXPECT_EQ(candidate.flags, kCandidateAlive | kCandidateDeferred);
    }
  }
}

TEST_P(ResolutionSuite, PredicateOnALongKeyIsDecidedOnceTheKeyIsAtHand) {
  std::string const stem(kKeyWindowBytes, 'k');
  Runs const runs{{{{stem, 9, kTypeValue, "short"},
                    {stem + "aX", 9, kTypeValue, "x"},
                    {stem + "aY", 9, kTypeValue, "y"},
                    {stem + "bX", 9, kTypeValue, "shadowed"}}},
                  {{{stem + "bX", 10, kTypeDeletion, ""}}}};
  PredicateProgram program;
  uint16_t const field =
      program.field(number_field(FieldSource::kKey, FieldType::kU8, kKeyWindowBytes + 1));
  program.test(field, Comparison::kEqual, program.integer('X'));
  EXPECT_EQ(scan(runs, kSequenceMax, program), Answer{stem + "aX=x"});
  EXPECT_EQ(status_.entries_filtered, 2u);
  EXPECT_EQ(status_.shadowed_tombstone, 1u);

  WindowSpec const window;
  KernelPipeline pipeline(device(), stream(), build(runs, {16, true}), window, program);
  pipeline.narrow();
  pipeline.filter();
  pipeline.scan_counts();
  pipeline.gather_all();
  std::vector<Candidate> const candidates = pipeline.candidates();
  ASSERT_EQ(candidates.size(), 3u) << "the one without the field fails at once";
  for (Candidate const& candidate : candidates) {
    EXPECT_EQ(candidate.flags, kCandidateAlive | kCandidateUndecided);
  }
}

}  // namespace
}  // namespace levelscan::test
