// Scans that once went wrong, each by itself: what the differential test's random databases and the
// tables that librocksdb writes by themselves don't reach.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "execute/ordered_output.hpp"
#include "execute/scanner.hpp"
#include "levelscan/error.hpp"
#include "peer/row_record.hpp"
#include "query/parser.hpp"
#include "query/schema.hpp"
#include "support/expect_error.hpp"
#include "support/forwarding_device.hpp"
#include "support/rocksdb_writer.hpp"
#include "support/sst_builder.hpp"
#include "support/temporary_directory.hpp"

namespace levelscan {
namespace {

using testing::TemporaryDirectory;

class Keys final : public RecordSink {
 public:
  std::vector<std::string> keys;

 private:
  void take(std::string_view record) override { keys.emplace_back(first_cell_bytes(record)); }
};

Query query_of_keys(std::string const& where = {}) {
  Schema schema;
  schema.define("first:u8@value+0");
  Query query;
  query.columns = {*schema.find("key")};
  if (!where.empty()) {
    query.where = std::make_shared<Expression const>(parse_expression(where, schema));
  }
  return query;
}

ScannerOptions small_options() {
  ScannerOptions options;
  options.backend = Backend::kCpu;
  options.threads = 1;
  options.memory_bytes = 256 << 20;
  return options;
}

std::string only_table(std::string const& database) {
  std::string path;
  for (auto const& file : std::filesystem::directory_iterator(database)) {
    if (file.path().extension() != ".sst") continue;
    if (!path.empty()) throw std::runtime_error("more than one table");
    path = file.path();
  }
  return path;
}

std::string read_file(std::string const& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_file(std::string const& path, std::string const& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

// Ends a scan that would not end by itself.
class Watchdog {
 public:
  Watchdog() : thread_([this] { watch(); }) {}
  ~Watchdog() {
    {
      std::lock_guard const lock(mutex_);
      done_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }
  [[nodiscard]] std::atomic<bool> const* flag() const { return &flag_; }

 private:
  void watch() {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, std::chrono::seconds(20), [this] { return done_; })) flag_ = true;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool done_ = false;
  std::atomic<bool> flag_{false};
  std::thread thread_;
};

// A separator may be any key from the last of its block up to the first of the next. Then the block
// that is found for (key, snapshot) can end before it, and the version stands in the block after.
TEST(ScanRegression, TheSecondBlockOfAKeyWhoseVersionsFillABufferIsNeverLeftOut) {
  TemporaryDirectory const directory;
  std::string const path = directory / "database";
  constexpr int kVersions = 500;
  uint64_t last_sequence_of_block = 0;
  {
    rocksdb::Options options = testing::quiet_options();
    testing::set_table_options(options, [](rocksdb::BlockBasedTableOptions& table) {
      table.checksum = rocksdb::kNoChecksum;
      table.block_size = 2600;  // about 150 intervals, of which a small data block lists 256
      table.block_restart_interval = 1;
      table.index_block_restart_interval = 1;
      table.enable_index_compression = false;
    });
    auto const database = testing::open_database(options, path);
    std::vector<rocksdb::Snapshot const*> snapshots;
    for (int i = 0; i < kVersions; ++i) {
      testing::put(*database, "k", "1");
      testing::put(*database, "z", "1");  // takes the sequence number between two versions
      snapshots.push_back(database->GetSnapshot());
    }
    testing::flush(*database);
    for (auto const* const snapshot : snapshots) database->ReleaseSnapshot(snapshot);
  }
  // Moves the separators among the key's blocks just before the next block's first version.
  std::string const table = only_table(path);
  std::string bytes = read_file(table);
  for (uint64_t sequence = 2 * kVersions; sequence > 0; --sequence) {
    std::string const last = test::internal_key("k", (sequence << 8) | test::kTypeValue);
    std::size_t const at = bytes.rfind(last);
    if (at == std::string::npos || bytes.find(last) == at) continue;
    std::string const moved = test::internal_key("k", ((sequence - 1) << 8) | test::kTypeValue);
    bytes.replace(at, moved.size(), moved);
    last_sequence_of_block = sequence;
  }
  ASSERT_NE(last_sequence_of_block, 0u);
  write_file(table, bytes);

  DatabaseVersion const version = open_version(path);
  ScannerOptions options = small_options();
  options.data_block_bytes = 16384;
  Scanner scanner(version, options);
  for (uint64_t snapshot = 2; snapshot <= version.last_sequence; ++snapshot) {
    Query query = query_of_keys();
    query.keys.to = "l";
    query.snapshot = snapshot;
    Keys sink;
    scanner.run(query, &sink);
    ASSERT_EQ(sink.keys, std::vector<std::string>{"k"}) << "snapshot " << snapshot;
  }
}

// The mark of a candidate that doesn't fit can then lie before the window.
TEST(ScanRegression, KeysOutOfOrderNeverSendTheCursorBack) {
  constexpr int kRows = 400;
  for (int variant = 0; variant < 6; ++variant) {
    SCOPED_TRACE(fmt::format("variant {}", variant));
    TemporaryDirectory const directory;
    std::string const path = directory / "database";
    {
      rocksdb::Options options = testing::quiet_options();
      testing::set_table_options(options, [](rocksdb::BlockBasedTableOptions& table) {
        table.checksum = rocksdb::kNoChecksum;
        table.block_restart_interval = 4;  // in one block
      });
      auto const database = testing::open_database(options, path);
      // The first row of an interval fails the predicate, and so isn't compared with the one
      // before.
      for (int i = 0; i < kRows; ++i) {
        testing::put(*database, fmt::format("key{:05}", 2 * i), i % 4 == 0 ? "0" : "1");
      }
      testing::flush(*database);
    }
    // A byte of the first key in an interval is a byte of all its keys.
    std::string const table = only_table(path);
    std::string bytes = read_file(table);
    std::size_t const at = bytes.find(fmt::format("key{:05}", 2 * 4 * (4 + variant)));
    ASSERT_NE(at, std::string::npos);
    bytes[at] = 'a';
    write_file(table, bytes);

    DatabaseVersion const version = open_version(path);
    ScannerOptions options = small_options();
    options.candidates_max = 20;
    Scanner scanner(version, options);
    Watchdog const watchdog;
    Keys sink;
    try {
      scanner.run(query_of_keys("first == 49"), &sink, watchdog.flag());
    } catch (Error const& error) {
      EXPECT_EQ(static_cast<int>(error.code()), static_cast<int>(ErrorCode::kCorruption))
          << error.what();
    }
  }
}

// A last word that calls the whole block its restart array.
TEST(ScanRegression, ABlockOfRestartPointsWithoutEntriesIsCorrupt) {
  bool found = false;
  for (int filler = 0; filler < 4 && !found; ++filler) {
    TemporaryDirectory const directory;
    std::string const path = directory / "database";
    {
      rocksdb::Options options = testing::quiet_options();
      testing::set_table_options(options, [](rocksdb::BlockBasedTableOptions& table) {
        table.checksum = rocksdb::kNoChecksum;
      });
      auto const database = testing::open_database(options, path);
      testing::put(*database, "key", std::string(100 + static_cast<std::size_t>(filler), 'v'));
      testing::flush(*database);
    }
    DatabaseVersion const version = open_version(path);
    Table const& table = *version.runs.at(0).tables.at(0);
    std::vector<uint8_t> const index = table.read_index_block();
    BlockHandle const handle = table.index_cursor(index).handle();
    if (handle.size % 4 != 0) continue;
    found = true;
    std::string bytes = read_file(table.path());
    bytes.replace(handle.offset + handle.size - 4, 4, test::fixed(handle.size / 4 - 1, 4));
    write_file(table.path(), bytes);
    Scanner scanner(version, small_options());
    Keys sink;
    testing::expect_error(ErrorCode::kCorruption, "restart points",
                          [&] { scanner.run(query_of_keys(), &sink); });
  }
  EXPECT_TRUE(found);
}

// Whatever later tasks meet, those before them go on: answers don't depend on the threads.
TEST(ScanRegression, DamageInALaterTaskTakesNoRowsFromThoseBeforeIt) {
  TemporaryDirectory const directory;
  std::string const path = directory / "database";
  {
    rocksdb::Options options = testing::quiet_options();
    testing::set_table_options(
        options, [](rocksdb::BlockBasedTableOptions& table) { table.block_size = 1000; });
    auto const database = testing::open_database(options, path);
    for (int i = 0; i < 2000; ++i) {
      testing::put(*database, fmt::format("key{:05}", i), std::string(100, 'v'));
    }
    testing::flush(*database);
  }
  std::string const table = only_table(path);
  std::string bytes = read_file(table);
  bytes.replace(150000, 8, "damaged!");
  write_file(table, bytes);
  DatabaseVersion const version = open_version(path);
  ScannerOptions options = small_options();
  options.task_bytes = 60000;
  options.data_block_bytes = 2000;
  auto const scan = [&](uint32_t threads, uint64_t limit, bool damaged) {
    options.threads = threads;
    Scanner scanner(version, options);
    Query query = query_of_keys();
    query.limit = limit;
    Keys sink;
    if (damaged) {
      testing::expect_error(ErrorCode::kCorruption, "checksum", [&] { scanner.run(query, &sink); });
    } else {
      scanner.run(query, &sink);
    }
    return sink.keys;
  };
  std::vector<std::string> const some = scan(1, 300, false);
  std::vector<std::string> const all = scan(1, UINT64_MAX, true);
  ASSERT_EQ(some.size(), 300u);
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(scan(3, 300, false), some);
    ASSERT_EQ(scan(3, UINT64_MAX, true), all);
  }
}

class CountingSink final : public RowSink {
 public:
  void format(RowBatch const&, Text&) const override {}
  void write(std::string_view text) override { bytes += text.size(); }

  std::size_t bytes = 0;
};

// Tasks that have finished hold what they collected until their turn comes.
TEST(ScanRegression, TasksCollectSoMuchTogether) {
  constexpr std::size_t kTasks = 40;
  constexpr std::size_t kTaskBytes = 4 << 20;
  constexpr std::size_t kTasksThatFit = 16;  // of 64 MiB
  CountingSink sink;
  OrderedOutput output(sink, kTasks, UINT64_MAX);
  auto const commit = [&](std::size_t task, FormattedRows& rows) {
    rows.clear();
    rows.text += std::string(kTaskBytes, 'r');
    rows.row_count = 1;
    output.commit(task, rows);
  };
  std::atomic<std::size_t> finished{0};
  std::thread others([&] {
    FormattedRows rows;
    for (std::size_t task = 1; task < kTasks; ++task) {
      commit(task, rows);
      output.finish(task);
      ++finished;
    }
  });
  auto const deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (finished < kTasksThatFit && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_EQ(finished, kTasksThatFit);
  EXPECT_EQ(sink.bytes, 0u);
  FormattedRows rows;
  commit(0, rows);
  output.finish(0);
  others.join();
  EXPECT_EQ(sink.bytes, kTasks * kTaskBytes);
}

// Has no memory for large spaces while it is told so.
class ScarceDevice final : public test::ForwardingDevice {
 public:
  using ForwardingDevice::ForwardingDevice;
  void* allocate_pinned(std::size_t bytes) override {
    if (scarce && bytes > kLargeBytes) throw DeviceError("no memory");
    return ForwardingDevice::allocate_pinned(bytes);
  }

  static constexpr std::size_t kLargeBytes = 16 << 20;
  bool scarce = true;
};

TEST(ScanRegression, AScannerWhosePoolCouldNotGrowServesTheNextScan) {
  TemporaryDirectory const directory;
  std::string const path = directory / "database";
  {
    auto const database = testing::open_database(testing::quiet_options(), path);
    testing::put(*database, "a", "small");
    testing::put(*database, "b", std::string(20 << 20, 'v'));
    testing::flush(*database);
  }
  DatabaseVersion const version = open_version(path);
  ScarceDevice device(make_cpu_device(CpuMirror::kAliasing));
  Scanner scanner(version, small_options(), device);
  Keys sink;
  testing::expect_error(ErrorCode::kDevice, "no memory",
                        [&] { scanner.run(query_of_keys(), &sink); });
  device.scarce = false;
  sink.keys.clear();
  scanner.run(query_of_keys(), &sink);
  EXPECT_EQ(sink.keys, (std::vector<std::string>{"a", "b"}));
}

}  // namespace
}  // namespace levelscan
