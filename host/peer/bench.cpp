#include "peer/bench.hpp"

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xxhash.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <memory>
#include <thread>
#include <utility>

#include "levelscan/error.hpp"
#include "output/text_sink.hpp"
#include "peer/machine_limits.hpp"
#include "peer/peer_scan.hpp"
#include "peer/rocksdb_reader.hpp"
#include "peer/verify.hpp"
#include "plan/task_planner.hpp"

namespace levelscan {
namespace {

constexpr uint64_t kSharesPerThread = 4;

struct Answer {
  uint64_t rows_found = 0;
  std::vector<AggregateValue> aggregates;
  std::vector<std::vector<AggregateValue>> range_aggregates;
  std::optional<ScanStatistics> statistics = {};
};

Answer as_answer(PeerAnswer answer) {
  return {answer.rows_found, std::move(answer.aggregates), std::move(answer.range_aggregates)};
}

// One that measures itself against others. Readers answer the query; limits don't.
struct Entrant {
  Measurement measurement;
  std::function<Answer(RowSink*)> answer = {};
  std::function<void()> run = {};      // limits
  std::function<void()> prepare = {};  // before each run
  bool is_ordered = true;              // its rows come in key order
};

// Hands rows on to another sink and takes their digest.
class DigestSink final : public RowSink {
 public:
  explicit DigestSink(RowSink& sink) : sink_(sink), state_(XXH3_createState()) {
    XXH3_64bits_reset(state_);
  }
  DigestSink(DigestSink const&) = delete;
  DigestSink& operator=(DigestSink const&) = delete;
  ~DigestSink() override { XXH3_freeState(state_); }

  void format(RowBatch const& batch, Text& text) const override { sink_.format(batch, text); }
  void write(std::string_view text) override {
    XXH3_64bits_update(state_, text.data(), text.size());
    bytes_ += text.size();
    sink_.write(text);
  }
  [[nodiscard]] uint64_t digest() const { return XXH3_64bits_digest(state_); }
  [[nodiscard]] uint64_t bytes() const { return bytes_; }

 private:
  RowSink& sink_;
  XXH3_state_t* state_;
  uint64_t bytes_ = 0;
};

std::string describe(Query const& query) {
  std::string text;
  auto const append = [&](std::string const& word) { text += (text.empty() ? "" : ",") + word; };
  for (AggregateColumn const& aggregate : query.aggregates) append(aggregate.label);
  if (text.empty()) {
    for (NamedField const& column : query.columns) append(column.name);
  }
  if (query.where != nullptr) text += " where " + query.where->text;
  if (query.keys.from || query.keys.to || query.keys.prefix) text += ", in a range of keys";
  if (query.ranges) text += fmt::format(", of {} ranges", query.ranges->size());
  if (query.limit != UINT64_MAX) text += fmt::format(", limit {}", query.limit);
  return text;
}

uint32_t thread_count(ScannerOptions const& options) {
  return options.threads != 0 ? options.threads : std::max(1u, std::thread::hardware_concurrency());
}

std::string threads_text(uint32_t threads) {
  return fmt::format("{} thread{}", threads, threads == 1 ? "" : "s");
}

ScannerOptions with_threads(ScannerOptions options, Backend backend, uint32_t threads) {
  options.backend = backend;
  options.threads = threads;
  return options;
}

// Where the rows of all of them go.
struct Output {
  explicit Output(Query const& query)
      : file("/dev/null"),
        sink(make_text_sink(OutputFormat::kCsv, BytesStyle::kEscaped, output_columns(query),
                            file)) {}

  OutputFile file;
  std::unique_ptr<TextSink> sink;
};

uint64_t peak_memory_of(std::function<void()> const& run) {
  std::fflush(nullptr);
  pid_t const child = ::fork();
  if (child < 0) throw Error(ErrorCode::kRuntime, "no process more can be made");
  if (child == 0) {
    int status = 0;
    try {
      run();
    } catch (std::exception const& error) {
      fmt::print(stderr, "bench: {}\n", error.what());
      status = 1;
    }
    std::fflush(nullptr);
    ::_exit(status);
  }
  int status = 0;
  struct rusage usage {};
  if (::wait4(child, &status, 0, &usage) != child || status != 0) {
    throw Error(ErrorCode::kRuntime, "a scan in a process of its own failed");
  }
  return static_cast<uint64_t>(usage.ru_maxrss) * 1024;
}

// The entrants over one open database.
class Bench {
 public:
  Bench(std::string const& path, Query const& query, BenchOptions const& options,
        std::atomic<bool> const* interrupted)
      : path_(path),
        query_(query),
        options_(options),
        interrupted_(interrupted),
        threads_(thread_count(options.scanner)),
        version_(open_version(path, options.open)),
        range_(query.keys.range(version_.key_order)),
        limits_(version_, range_),
        output_(query) {
    require_scannable(version_);
    knobs_.verify_checksums = options.scanner.verify_checksums;
    if (query.ranges) knobs_.readahead_bytes = 0;  // a seek would read all of it
  }

  BenchReport run() {
    add_iterators();
    add_scanners();
    add_limits();
    check_wanted();
    fill_report();
    for (Entrant& entrant : entrants_) warm_up(entrant);

    std::vector<Contender> contenders;
    for (Entrant& entrant : entrants_) {
      Contender contender{entrant.measurement.name, entrant.run, entrant.prepare};
      if (entrant.answer) {
        contender.run = [&] {
          entrant.measurement.statistics = entrant.answer(output_.sink.get()).statistics;
        };
      }
      contenders.push_back(std::move(contender));
    }
    run_rounds(contenders, options_.rounds, interrupted_);
    for (std::size_t i = 0; i < entrants_.size(); ++i) {
      entrants_[i].measurement.seconds = spread_of(contenders[i].seconds);
      entrants_[i].measurement.cpu_seconds = spread_of(contenders[i].cpu_seconds);
      report_.measurements.push_back(std::move(entrants_[i].measurement));
    }
    return std::move(report_);
  }

  // Runs one reader once, and nothing else.
  static void run_alone(std::string const& name, std::string const& path, Query const& query,
                        BenchOptions const& options) {
    Bench bench(path, query, options, nullptr);
    uint32_t const threads = name.ends_with("-threads") ? bench.threads_ : 1;
    if (name.starts_with("iterator")) {
      RocksdbReader const reader(path, bench.version_);
      PeerScans(reader, query, bench.shares(threads), bench.knobs_, threads)
          .run(bench.output_.sink.get());
      return;
    }
    Scanner(bench.version_, with_threads(options.scanner, Backend::kCpu, threads))
        .run(query, bench.output_.sink.get());
  }

 private:
  Entrant& add(std::string name, std::string text, uint32_t threads) {
    Entrant entrant;
    entrant.measurement.name = std::move(name);
    entrant.measurement.text = std::move(text);
    entrant.measurement.threads = threads;
    entrants_.push_back(std::move(entrant));
    return entrants_.back();
  }

  // Whether a contender of this name is asked for; every name passes through here.
  bool wants(std::string const& name) {
    names_.push_back(name);
    std::vector<std::string> const& only = options_.only;
    return only.empty() || std::find(only.begin(), only.end(), name) != only.end();
  }

  // Once more, with the files not in memory.
  void add_cold(Entrant const& warm) {
    Entrant cold = warm;
    cold.measurement.name += "-cold";
    if (!wants(cold.measurement.name)) return;
    cold.measurement.text += ", files not in memory";
    cold.prepare = [this] { limits_.evict(); };
    entrants_.push_back(std::move(cold));
  }

  // Several for each thread, so that uneven ones even out.
  [[nodiscard]] std::vector<PeerShare> shares(uint32_t threads) const {
    if (threads == 1) return {PeerShare{range_}};
    uint64_t const count = uint64_t{threads} * kSharesPerThread;
    std::vector<PeerShare> all;
    if (query_.ranges) {
      std::size_t const ranges = query_.ranges->size();
      for (uint64_t i = 0; i < count; ++i) {
        all.push_back({range_, ranges * i / count, ranges * (i + 1) / count});
      }
      return all;
    }
    uint64_t const bytes = std::max<uint64_t>(limits_.file_bytes() / count, 1);
    for (KeyRange& keys : plan_tasks(version_, range_, bytes).tasks) {
      all.push_back({std::move(keys)});
    }
    return all;
  }

  void add_iterator(RocksdbReader const& reader, ReadKnobs const& knobs, std::string const& suffix,
                    std::string const& text) {
    bool const cold = options_.cold && suffix.empty();
    if (std::string const name = "iterator" + suffix; wants(name)) {
      auto const scan = std::make_shared<PeerScan>(reader, query_, PeerShare{range_}, knobs);
      Entrant& entrant = add(name, "iterator, 1 thread" + text, 1);
      entrant.answer = [this, scan](RowSink* sink) {
        PeerAnswer answer = scan->run(sink);
        report_.rows_seen = answer.rows_seen;
        return as_answer(std::move(answer));
      };
      if (cold) add_cold(Entrant(entrant));
    }
    // Threads don't know which rows a limit leaves.
    if (threads_ == 1 || query_.limit != UINT64_MAX) return;
    if (std::string const name = "iterator-threads" + suffix; wants(name)) {
      auto const scans =
          std::make_shared<PeerScans>(reader, query_, shares(threads_), knobs, threads_);
      Entrant& entrant =
          add(name, fmt::format("iterator, {}{}", threads_text(threads_), text), threads_);
      entrant.is_ordered = false;
      entrant.answer = [scans](RowSink* sink) { return as_answer(scans->run(sink)); };
      if (cold) add_cold(Entrant(entrant));
    }
  }

  void add_iterators() {
    reader_ = std::make_unique<RocksdbReader>(path_, version_);
    add_iterator(*reader_, knobs_, "", "");
    // Every block and a quarter more, for what the cache keeps beside them.
    uint64_t block_bytes = 0;
    for (SortedRun const& run : version_.runs) {
      for (auto const& table : run.tables) {
        TableProperties const& properties = table->properties();
        block_bytes +=
            std::max(properties.data_bytes, properties.raw_key_bytes + properties.raw_value_bytes);
      }
    }
    uint64_t const memory_bytes = static_cast<uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
                                  static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
    uint64_t const cache_bytes = block_bytes + block_bytes / 4 + (uint64_t{64} << 20);
    if (cache_bytes > memory_bytes / 4) {
      report_.remarks.push_back(fmt::format(
          "no iterator with cached blocks: a cache of {} MB is more than a quarter of the memory",
          cache_bytes / 1000000));
      return;
    }
    if (!options_.only.empty() &&
        std::none_of(options_.only.begin(), options_.only.end(),
                     [](std::string const& name) { return name.ends_with("-cached"); })) {
      return;
    }
    caching_reader_ = std::make_unique<RocksdbReader>(path_, version_, ReaderKnobs{cache_bytes});
    ReadKnobs caching = knobs_;
    caching.fill_cache = true;
    caching.readahead_bytes = 0;
    add_iterator(*caching_reader_, caching, "-cached", ", blocks cached");
  }

  void add_scanner(std::string const& name, std::string const& text, Backend backend,
                   uint32_t threads, bool cold) {
    if (!wants(name)) return;
    ScannerOptions scanner = with_threads(options_.scanner, backend, threads);
    if (options_.cold) scanner.map_files = false;  // mapped pages stay in memory
    scanners_.push_back(std::make_unique<Scanner>(version_, scanner));
    Entrant& entrant = add(name, text, threads);
    entrant.measurement.is_levelscan = true;
    entrant.answer = [this, scanner = scanners_.back().get()](RowSink* sink) {
      ScanResult result = scanner->run(query_, sink, interrupted_);
      return Answer{result.rows_found, std::move(result.aggregates),
                    std::move(result.range_aggregates), std::move(result.statistics)};
    };
    if (cold) add_cold(Entrant(entrant));
  }

  void add_scanners() {
    Backend const wanted = options_.scanner.backend;
    if (wanted != Backend::kCuda) {
      add_scanner("cpu", "levelscan cpu, 1 thread", Backend::kCpu, 1, options_.cold);
      if (threads_ > 1) {
        add_scanner("cpu-threads", "levelscan cpu, " + threads_text(threads_), Backend::kCpu,
                    threads_, options_.cold);
      }
    }
    if (wanted == Backend::kCpu) return;
    std::string const reason = cuda_unavailable_reason();
    if (wanted == Backend::kAuto && !reason.empty()) {
      report_.remarks.push_back("no levelscan cuda: " + reason);
      return;
    }
    add_scanner("cuda", "levelscan cuda", Backend::kCuda, threads_, true);
    if (wants("copy")) {
      cuda_ = make_cuda_device(options_.scanner.device_ordinal);
      copy_ = std::make_unique<CopyLimit>(*cuda_, limits_.file_bytes());
      add("copy", "copying the files to the device", 1).run = [this] { copy_->run(); };
    }
  }

  void add_limits() {
    if (wants("read")) {
      Entrant& entrant = add("read", "reading the files", 1);
      entrant.run = [this] { limits_.read(); };
      if (options_.cold) add_cold(Entrant(entrant));
    }
    if (wants("read-hash")) {
      add("read-hash", "reading, XXH3", 1).run = [this] { limits_.read_and_hash(); };
    }
    if (limits_.is_compressed() && wants("read-hash-decompress")) {
      add("read-hash-decompress", "reading, XXH3, decompressing", 1).run = [this] {
        limits_.read_hash_and_decompress();
      };
    }
  }

  void check_wanted() const {
    for (std::string const& name : options_.only) {
      if (std::find(names_.begin(), names_.end(), name) != names_.end()) continue;
      throw Error(ErrorCode::kUsage, fmt::format("bench: no contender '{}' here, only {}", name,
                                                 fmt::join(names_, ", ")));
    }
  }

  void fill_report() {
    report_.path = path_;
    report_.query = describe(query_);
    report_.file_bytes = limits_.file_bytes();
    report_.runs = version_.runs.size();
    for (SortedRun const& run : version_.runs) {
      report_.tables += run.tables.size();
      for (auto const& table : run.tables) report_.entries += table->properties().entries;
    }
    report_.rounds = options_.rounds;
    report_.verify_checksums = options_.scanner.verify_checksums;
  }

  [[nodiscard]] bool agree(std::vector<AggregateValue> const& a,
                           std::vector<AggregateValue> const& b) const {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i) {
      AggregateFunction const function = query_.aggregates[i].function;
      bool const is_sum =
          function == AggregateFunction::kSum || function == AggregateFunction::kAvg;
      if (!aggregates_agree(a[i], b[i], is_sum)) return false;
    }
    return true;
  }

  // Runs it once; readers must all give the answer of the first one.
  void warm_up(Entrant& entrant) {
    if (entrant.prepare) entrant.prepare();
    if (!entrant.answer) {
      entrant.run();
      return;
    }
    DigestSink sink(*output_.sink);
    Answer answer = entrant.answer(&sink);
    if (!expected_) {
      expected_ = std::move(answer);
      expected_by_ = entrant.measurement.text;
      expected_bytes_ = sink.bytes();
      report_.rows_found = expected_->rows_found;
      report_.text_bytes = expected_bytes_;
    } else {
      // A scan counts a row once, whatever the number of ranges that hold it.
      bool equal = (query_.ranges || answer.rows_found == expected_->rows_found) &&
                   sink.bytes() == expected_bytes_ &&
                   agree(answer.aggregates, expected_->aggregates) &&
                   answer.range_aggregates.size() == expected_->range_aggregates.size();
      if (entrant.is_ordered && expected_digest_)
        equal = equal && sink.digest() == expected_digest_;
      for (std::size_t r = 0; equal && r < answer.range_aggregates.size(); ++r) {
        equal = agree(answer.range_aggregates[r], expected_->range_aggregates[r]);
      }
      if (!equal) {
        throw Error(ErrorCode::kDifference,
                    fmt::format("{}: {} rows of {} bytes as csv; {}: {} rows of {} bytes; they "
                                "are not the same",
                                expected_by_, expected_->rows_found, expected_bytes_,
                                entrant.measurement.text, answer.rows_found, sink.bytes()));
      }
    }
    if (entrant.is_ordered && !expected_digest_) expected_digest_ = sink.digest();
  }

  std::string const& path_;
  Query const& query_;
  BenchOptions const& options_;
  std::atomic<bool> const* interrupted_;
  uint32_t threads_;
  DatabaseVersion version_;
  KeyRange range_;
  MachineLimits limits_;
  Output output_;
  ReadKnobs knobs_;
  std::unique_ptr<RocksdbReader> reader_;
  std::unique_ptr<RocksdbReader> caching_reader_;
  std::vector<std::unique_ptr<Scanner>> scanners_;
  std::unique_ptr<Device> cuda_;
  std::unique_ptr<CopyLimit> copy_;
  std::vector<std::string> names_;
  std::vector<Entrant> entrants_;
  BenchReport report_;
  std::optional<Answer> expected_;
  std::string expected_by_;
  uint64_t expected_bytes_ = 0;
  std::optional<uint64_t> expected_digest_;
};

}  // namespace

Measurement const* BenchReport::find(std::string_view name) const {
  for (Measurement const& measurement : measurements) {
    if (measurement.name == name) return &measurement;
  }
  return nullptr;
}

BenchReport run_bench(std::string const& path, Query const& query, BenchOptions const& options,
                      std::atomic<bool> const* interrupted) {
  // While this process has one thread.
  std::vector<std::pair<std::string, uint64_t>> peaks;
  if (options.peak_memory) {
    for (std::string const name : {"iterator", "iterator-threads", "cpu", "cpu-threads"}) {
      peaks.emplace_back(name,
                         peak_memory_of([&] { Bench::run_alone(name, path, query, options); }));
    }
  }
  BenchReport report = Bench(path, query, options, interrupted).run();
  for (Measurement& measurement : report.measurements) {
    for (auto const& [name, bytes] : peaks) {
      if (measurement.name == name) measurement.peak_memory_bytes = bytes;
    }
  }
  return report;
}

}  // namespace levelscan
