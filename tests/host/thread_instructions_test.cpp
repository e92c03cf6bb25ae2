// How many instructions the threads of a GPU would run for a scan of a tiny database, which has to
// be little enough for a simulator of one: fewer than 100 million.
//
// What is counted, exactly, are items, phases and blocks of every kernel, and the calls of
// algorithms, on a Block that runs what a GPU runs. They become instructions by bounds:
//   - An item takes at most what callgrind counted of x86 instructions for an item of that kernel
//   in
//     these scans, times 8: a load of 8 unaligned bytes is 8 loads and 14 to put them together on a
//     GPU, a 64-bit addition two, and no instruction works on memory.
//   - In every phase of a block each of its threads, at most 128, compares its place with the count
//     and waits at the barrier: at most 32 instructions.
//   - An algorithm takes a few launches of a few blocks for so few items: 2 million.
#include <gtest/gtest.h>

#include "support/block_device.hpp"
#include "support/forwarding_device.hpp"
#include "support/scan_rows.hpp"

namespace levelscan {
namespace {

using namespace levelscan::testing;

constexpr char const* kTinyDatabase = LEVELSCAN_FIXTURES "/rocksdb-9.8-universal";

constexpr uint64_t kInstructionsMax = 100'000'000;
constexpr uint64_t kThreads = 128;
constexpr uint64_t kPhaseInstructions = 32;
constexpr uint64_t kAlgorithmInstructions = 2'000'000;
constexpr uint64_t kGpuInstructions = 8;  // at most, for one of x86

// x86 instructions an item. What callgrind counted for the two scans below, g++ 12 -O3, filling
// Shared with bytes included: Filter 3341, Gather 4153, ResolveMark 2494, EmitRows 245, MeasureRows
// 110, ResolveMerge 29, and less than 1900 for an item of IndexSearch and of Narrow:
//   valgrind --tool=callgrind levelscan_host_tests --gtest_filter='ThreadInstructions.*'
//   callgrind_annotate --inclusive=yes --threshold=100 callgrind.out.* | grep launch_counted
// The bounds have half as much again. A kernel that isn't here has not been measured.
std::map<std::string, uint64_t> const& item_instructions() {
  static std::map<std::string, uint64_t> const bounds{
      {"IndexSearch", 3000}, {"Narrow", 3000},      {"Filter", 5000},
      {"Gather", 6500},      {"ResolveMark", 4000}, {"ResolveMerge", 100},
      {"MeasureRows", 200},  {"EmitRows", 400},     {"FitRows", 300},
  };
  return bounds;
}

// Counts the calls of algorithms that aren't given nothing.
class AlgorithmCounter final : public test::ForwardingDevice {
 public:
  using ForwardingDevice::ForwardingDevice;

  void scan_counts_async(IntervalCount* counts, uint32_t count, Scratch scratch,
                         StreamView stream) override {
    ++calls_;
    inner().scan_counts_async(counts, count, scratch, stream);
  }
  void select_alive_async(Candidate const* candidates, uint32_t count, uint32_t* rows,
                          uint32_t* row_count, Scratch scratch, StreamView stream) override {
    ++calls_;
    inner().select_alive_async(candidates, count, rows, row_count, scratch, stream);
  }
  void order_candidates_async(uint32_t* rows, uint32_t count, CandidateLess less, Scratch scratch,
                              StreamView stream) override {
    calls_ += 2;  // they are listed first
    inner().order_candidates_async(rows, count, less, scratch, stream);
  }
  void keep_alive_async(Candidate const* candidates, uint32_t count, uint32_t* rows,
                        uint32_t* row_count, Scratch scratch, StreamView stream) override {
    ++calls_;
    inner().keep_alive_async(candidates, count, rows, row_count, scratch, stream);
  }
  void order_rows_async(uint32_t* rows, uint32_t count, CandidateLess less, Scratch scratch,
                        StreamView stream) override {
    ++calls_;
    inner().order_rows_async(rows, count, less, scratch, stream);
  }
  void scan_row_bytes_async(uint64_t* row_bytes, uint32_t count, Scratch scratch,
                            StreamView stream) override {
    ++calls_;
    inner().scan_row_bytes_async(row_bytes, count, scratch, stream);
  }
  void aggregate_async(AggregateRow const& source, uint32_t count, Aggregate* sum, Scratch scratch,
                       StreamView stream) override {
    ++calls_;
    inner().aggregate_async(source, count, sum, scratch, stream);
  }
  void aggregate_segments_async(AggregateRow const& source, uint32_t const* segments,
                                uint32_t count, uint32_t* sum_segments, Aggregate* sums,
                                uint32_t* sum_count, Scratch scratch, StreamView stream) override {
    ++calls_;
    inner().aggregate_segments_async(source, segments, count, sum_segments, sums, sum_count,
                                     scratch, stream);
  }

  [[nodiscard]] uint64_t calls() const { return calls_; }

 private:
  uint64_t calls_ = 0;
};

// Scans with one thread, so that a counter needs no lock. Returns an upper bound.
uint64_t thread_instructions(Query const& query, uint64_t& row_count) {
  test::ItemLog log;
  AlgorithmCounter device(test::make_item_device(log));
  ScannerOptions options;
  options.threads = 1;
  options.memory_bytes = 64 << 20;
  DatabaseVersion const version = open_version(kTinyDatabase);
  Scanner scanner(version, options, device);
  RowCollector rows;
  scanner.run(query, query.aggregates.empty() ? &rows : nullptr);
  row_count = rows.rows().size();
  uint64_t items_bound = 0;
  uint64_t phases_bound = 0;
  for (auto const& [kernel, counts] : log.kernels()) {
    std::printf("%-16s %6llu blocks %6llu phases %6llu items\n", kernel.c_str(),
                static_cast<unsigned long long>(counts.blocks),
                static_cast<unsigned long long>(counts.phases),
                static_cast<unsigned long long>(counts.items));
    items_bound += counts.items * item_instructions().at(kernel) * kGpuInstructions;
    phases_bound += counts.phases * kThreads * kPhaseInstructions;
  }
  uint64_t const algorithms_bound = device.calls() * kAlgorithmInstructions;
  std::printf("%llu calls of algorithms; at most %llu + %llu + %llu thread instructions\n",
              static_cast<unsigned long long>(device.calls()),
              static_cast<unsigned long long>(items_bound),
              static_cast<unsigned long long>(phases_bound),
              static_cast<unsigned long long>(algorithms_bound));
  return items_bound + phases_bound + algorithms_bound;
}

TEST(ThreadInstructions, AScanOfTheTinyDatabaseTakesFewEnoughForASimulator) {
  uint64_t rows = 0;
  EXPECT_LT(thread_instructions(rows_query(), rows), kInstructionsMax);
  EXPECT_EQ(rows, 282u);
  Query filtered = rows_query();
  filtered.where = predicate("value_size > 20");
  EXPECT_LT(thread_instructions(filtered, rows), kInstructionsMax);
  EXPECT_GT(rows, 0u);
  EXPECT_LT(rows, 282u);
}

}  // namespace
}  // namespace levelscan
