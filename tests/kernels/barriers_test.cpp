// No barrier in a kernel is there for nothing, and none that is missing stays unseen: each one but
// the last of its kernel is left out in turn (RelayBlock), and the answer must change.
//
// A kernel that lacks a barrier reads what nobody wrote, so it runs in a process of its own: one
// that ends in a crash, or not at all, has been found out as well.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>
#include <set>

#include "support/block_device.hpp"
#include "support/kernel_pipeline.hpp"
#include "support/run_generator.hpp"

namespace levelscan::test {
namespace {

template <class T>
void append(std::string& text, T const* items, std::size_t count) {
  text.append(reinterpret_cast<char const*>(items), count * sizeof(T));
}
template <class T>
void append(std::string& text, std::vector<T> const& items) {
  append(text, items.data(), items.size());
}

// Hides candidates below "b" that are older than `sequence`.
void hide_some(Device& device, StreamView stream, KernelPipeline& pipeline, uint64_t sequence) {
  std::string const end = "b";
  DeviceArray<uint64_t> const prefixes(device, stream,
                                       std::vector<uint64_t>{0, key_prefix_of(view_of(end))});
  DeviceArray<uint64_t> const newest(device, stream, std::vector<uint64_t>{sequence, 0});
  DeviceArray<TombstoneBound> const bounds(
      device, stream, std::vector<TombstoneBound>{{kSequenceMax, 0, 0}, {kSequenceMax, 0, 1}});
  DeviceArray<uint8_t> const suffixes(device, stream, end);
  TombstoneCover const cover{prefixes.device(),  newest.device(), bounds.device(),
                             suffixes.device(),  {nullptr, 0},    2,
                             KeyOrder::kBytewise};
  pipeline.hide_under(cover);
}

// What the kernels of one phase make of rows: those have no barrier to leave out.
void append_rows(std::string& answer, Device& device, StreamView stream, KernelPipeline& pipeline) {
  DeviceArray<Field> const columns(
      device, stream, std::vector<Field>{bytes_field(FieldSource::kKey, 0, kToTheEnd)});
  RowsArgs const rows = pipeline.rows_args(columns);
  DeviceArray<uint64_t> const row_bytes(device, stream, rows.row_count);
  DeviceArray<Cell> const cells(device, stream, rows.row_count);
  device.measure_rows_async({rows, row_bytes.device()}, stream);
  device.scan_row_bytes_async(row_bytes.device(), rows.row_count, pipeline.scratch(rows.row_count),
                              stream);
  std::vector<uint64_t> const ends = row_bytes.read();
  DeviceArray<uint8_t> const bytes(device, stream, ends.empty() ? 0 : ends.back());
  DeviceArray<FittedRows> const fitted(device, stream, 1);
  if (rows.row_count != 0) {
    device.fit_rows_async({row_bytes.device(), 0, rows.row_count, UINT64_MAX, fitted.device()},
                          stream);
  }
  device.emit_rows_async({rows, 0, row_bytes.device(), cells.device(), bytes.device()}, stream);
  if (rows.row_count != 0) append(answer, fitted.read());
  append(answer, cells.read());
  append(answer, bytes.read());
  DeviceArray<uint32_t> const picked(device, stream, std::vector<uint32_t>(rows.row_count));
  device.pick_rows_async({rows.rows, picked.device(), rows.row_count}, stream);
  append(answer, picked.read());
  // Every candidate in one of two segments. None is at a larger place than these.
  std::vector<uint32_t> halves(1u << 16);
  for (std::size_t i = 0; i < halves.size(); ++i) halves[i] = i / 2 % 2;
  DeviceArray<uint32_t> const candidate_segments(device, stream, halves);
  DeviceArray<uint32_t> const row_segments(device, stream, rows.row_count);
  DeviceArray<uint32_t> const segment_rows(device, stream, std::vector<uint32_t>{0, 0});
  device.locate_segments_async({candidate_segments.device(), rows.rows, rows.row_count,
                                row_segments.device(), segment_rows.device()},
                               stream);
  append(answer, segment_rows.read());
}

// What IndexSearch finds in an index of so many restart points that it looks twice.
void append_search(std::string& answer, Device& device, StreamView stream, Random& random) {
  std::vector<IndexEntry> entries;
  for (uint32_t i = 0; i < 200; ++i) {
    entries.push_back({std::string(1, static_cast<char>(i)), 1000 * i, 900, {}});
  }
  BuiltBlock const block = build_index_block(entries, {1, false}, false);
  DeviceArray<uint8_t> const index(device, stream, block.bytes);
  DeviceArray<uint8_t> const keys(device, stream, random.bytes(2));
  IndexView view{};
  view.index = index.device();
  view.restarts_offset = block.restarts_offset;
  view.restart_count = block.restart_count;
  view.user_keys = true;
  view.active = true;
  view.lower = {{keys.device(), 1}, BoundSide::kBefore};
  view.upper = {{keys.device() + 1, 1}, BoundSide::kAfter};
  DeviceArray<IndexView> const views(device, stream, std::vector<IndexView>{view});
  DeviceArray<IndexRange> const ranges(device, stream, 1);
  DeviceArray<ScanStatus> const status(device, stream, std::vector<ScanStatus>(1));
  device.search_index_async({views.device(), ranges.device(), 1, status.device()}, stream);
  append(answer, ranges.read());
}

// What VerifyBlocks makes of random bytes and their CRCs, half of which are right.
void append_checksums(std::string& answer, Device& device, StreamView stream, Random& random) {
  std::string data(16, '\0');
  std::vector<CheckedBlock> list;
  for (uint32_t i = 0; i < 2 * kTileCheckedBlocks; ++i) {
    std::string const bytes = random.bytes(random.between(300, 400));
    uint32_t state = kCrc32cBegin;
    for (char const byte : bytes) {
      state = crc32c_table_entry((state ^ static_cast<uint8_t>(byte)) & 0xff) ^ state >> 8;
    }
    uint32_t const stored = crc32c_mask(~state) + i % 2;
    bool const is_crc = i % 4 < 2;
    list.push_back({static_cast<uint32_t>(data.size()), static_cast<uint32_t>(bytes.size() - 1), 0,
                    is_crc ? BlockChecksum::kCrc32c : BlockChecksum::kXxh3});
    data += bytes;
    append(data, &stored, 1);
  }
  data.append(16, '\0');
  DeviceArray<uint8_t> const bytes(device, stream, data);
  DeviceArray<CheckedBlock> const blocks(device, stream, list);
  DeviceArray<ScanStatus> const status(device, stream, std::vector<ScanStatus>(1));
  device.verify_blocks_async(
      {bytes.device(), blocks.device(), static_cast<uint32_t>(list.size()), 1, 0, status.device()},
      stream);
  append(answer, &status.read().front().errors, 1);
}

// All that the kernels of a few rounds over random runs leave behind.
std::string answer_of(Device& device, uint64_t seed) {
  StreamView const stream = device.create_stream();
  std::string answer;
  Random random(mix(seed));
  GeneratorOptions options;
  options.restart_interval_max = 3;
  options.may_descend = false;
  GeneratedRuns const runs = generate_runs(random, options);
  PredicateProgram program;
  uint16_t const field = program.field(number_field(FieldSource::kValue, FieldType::kU8, 0));
  program.test(field, Comparison::kLess, program.integer(200));
  WindowSpec window;
  window.snapshot = random_window(random, runs).snapshot;
  for (Resolution const by : {Resolution::kProbe, Resolution::kMark, Resolution::kMerge}) {
    KernelPipeline pipeline(device, stream, runs.data, window, program);
    if (by == Resolution::kMerge) pipeline.keep_shadows();
    pipeline.narrow();
    pipeline.filter();
    append(answer, pipeline.counts());
    append(answer, pipeline.totals());
    uint64_t candidate_count = 0;
    for (RunTotals const& total : pipeline.totals()) {
      candidate_count += total.candidates;
      if (total.candidates > 10000 || total.key_bytes > 1000000) return "too many";
    }
    pipeline.scan_counts();
    pipeline.gather_all();
    append(answer, pipeline.candidates());
    answer += pipeline.keys();
    if (by == Resolution::kProbe) hide_some(device, stream, pipeline, runs.largest_sequence / 2);
    pipeline.resolve(by);
    if (by == Resolution::kMark) {
      std::vector<DeferredValue> values;
      for (uint32_t i = 0; i < candidate_count; i += 2) {
        if (!candidate_is_alive(pipeline.candidates()[i])) continue;
        values.push_back({i, kTypeValue, static_cast<uint32_t>(values.size()), 1});
      }
      pipeline.complete(random.bytes(values.size() + 1), values);
    }
    append(answer, pipeline.candidates());
    pipeline.select_and_order();
    append_rows(answer, device, stream, pipeline);
    ScanStatus status = pipeline.status();
    // Of a newer value and a newer tombstone that shadow one candidate, the first to mark it
    // counts.
    status.shadowed_value += status.shadowed_tombstone;
    status.shadowed_tombstone = 0;
    append(answer, &status, 1);
  }
  append_checksums(answer, device, stream, random);
  append_search(answer, device, stream, random);
  device.destroy_stream(stream);
  return answer;
}

// Runs it in a process of its own. False where it crashes or takes more than five seconds.
bool holds_elsewhere(std::function<bool()> const& question) {
  std::fflush(nullptr);
  pid_t const child = fork();
  if (child == 0) {
    rlimit const no_core{0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    // What it reads wrongly, tests inside of the pipeline and sanitizers complain about.
    static_cast<void>(std::freopen("/dev/null", "w", stdout));
    static_cast<void>(std::freopen("/dev/null", "w", stderr));
    alarm(5);
    _exit(question() ? 0 : 1);
  }
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

std::string answer_with(RelayOptions const& options, uint64_t seed) {
  return answer_of(*make_relay_device(options), seed);
}

TEST(Barriers, EachOneButTheLastIsNeeded) {
  constexpr uint32_t kSeeds = 4;
  PhaseLog log;
  std::vector<std::string> answers;
  for (uint32_t round = 0; round < kSeeds; ++round) {
    uint64_t const seed = base_seed() + round;
    RelayOptions options;
    options.seed = seed;
    options.phase_log = &log;
    answers.push_back(answer_with(options, seed));
    options.descending = true;
    ASSERT_TRUE(answer_with(options, seed) == answers.back())
        << "it depends on the order of lanes, seed " << seed;
    // With every barrier in its place a process of its own answers alike, too.
    ASSERT_TRUE(holds_elsewhere([&] { return answer_with(options, seed) == answers.back(); }));
  }
  std::map<std::string, uint32_t> const kernels{
      {"IndexSearch", 4},    {"Narrow", 1},           {"Filter", 4},       {"Gather", 3},
      {"ResolveRanges", 3},  {"ResolveMark", 4},      {"ResolveProbe", 3}, {"ResolveMerge", 3},
      {"LocateSegments", 1}, {"CompleteDeferred", 3}, {"MeasureRows", 1},  {"EmitRows", 1},
      {"VerifyBlocks", 3},   {"FitRows", 1},          {"PickRows", 1},
  };
  // A phase more or less is a barrier more or less to look at.
  EXPECT_EQ(log.phases_max, kernels);

  for (auto const& [kernel, phases] : log.phases_max) {
    for (uint32_t barrier = 0; barrier + 1 < phases; ++barrier) {
      RelayOptions options;
      options.kernel = kernel;
      options.barrier = barrier;
      bool found = false;
      for (uint32_t round = 0; round < kSeeds && !found; ++round) {
        for (bool const descending : {false, true}) {
          uint64_t const seed = base_seed() + round;
          options.descending = descending;
          options.seed = seed;
          if (holds_elsewhere([&] { return answer_with(options, seed) == answers[round]; })) {
            continue;
          }
          std::printf("%s without barrier %u: another answer with seed %llu, lanes %s\n",
                      kernel.c_str(), barrier, static_cast<unsigned long long>(seed),
                      descending ? "descending" : "ascending");
          found = true;
          break;
        }
      }
      EXPECT_TRUE(found) << kernel << " answers alike without barrier " << barrier << ", seeds "
                         << base_seed() << " to " << base_seed() + kSeeds - 1;
    }
  }
}

// The same kernel with one barrier that it needs, for what ascending or for what descending lanes
// get wrong without it, and one that it doesn't.
struct PlantedBarriers {
  static constexpr char const* kName = "PlantedBarriers";
  struct Args {
    uint32_t* words;  // [4] out
  };
  struct Shared {
    uint32_t from_first;
    uint32_t words[4];
    uint32_t others[4];
  };
  template <class Block>
  void operator()(Block& block, Args const& args, Shared& shared) const {
    block.for_each(1, [&](uint32_t) { shared.from_first = 7; });  // barrier 0: needed
    block.for_each(4, [&](uint32_t i) { shared.words[i] = shared.from_first + i; });
    block.for_each(4, [&](uint32_t i) { shared.others[i] = i; });  // barrier 1: needless
    block.for_each(4, [&](uint32_t i) {                            // barrier 2: needed
      args.words[i] = shared.words[i] + (i < 3 ? shared.others[i + 1] : 0);
    });
  }
};

std::vector<uint32_t> words_without(uint32_t barrier, bool descending) {
  std::vector<uint32_t> words(4);
  RelayOptions options;
  options.kernel = PlantedBarriers::kName;
  options.barrier = barrier;
  options.descending = descending;
  launch_relay<PlantedBarriers>({words.data()}, 1, options);
  return words;
}

TEST(Barriers, PlantedOnesAreToldApart) {
  std::vector<uint32_t> const right{8, 10, 12, 10};
  std::set<std::pair<uint32_t, bool>> wrong;
  for (uint32_t barrier = 0; barrier < 5; ++barrier) {
    for (bool const descending : {false, true}) {
      if (words_without(barrier, descending) != right) wrong.insert({barrier, descending});
    }
  }
  EXPECT_EQ(wrong, (std::set<std::pair<uint32_t, bool>>{{0, true}, {2, false}}));
}

}  // namespace
}  // namespace levelscan::test
