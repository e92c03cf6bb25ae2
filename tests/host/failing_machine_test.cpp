// The program on a machine that fails: system calls, memory, threads, disks. Each time the same
// answer, or a clear error with the right exit code; never a signal, never a file that looks whole
// and isn't.
//
// The calls fail in a shared object that is loaded before the C library (support/preload).
#ifdef LEVELSCAN_FAILING_CALLS

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "support/cli_fixture.hpp"
#include "support/rocksdb_writer.hpp"

namespace levelscan {
namespace {

using ::testing::HasSubstr;
using testing::Outcome;
using ::testing::StartsWith;

class FailingMachine : public testing::CliFixture {
 protected:
  FailingMachine() : database_(directory_ / "db") {
    rocksdb::Options options = testing::quiet_options();
    options.compression = rocksdb::kSnappyCompression;
    testing::set_table_options(
        options, [](rocksdb::BlockBasedTableOptions& table) { table.block_size = 512; });
    testing::write_small_database(database_, options, [](rocksdb::DB& database) {
      testing::flush(database);
      testing::put(database, "key1005", "newer");
    });
    good_ = run(scan());
    EXPECT_EQ(good_.exit_code, 0) << good_.errors;
  }

  std::vector<std::string> scan() const {
    return {"scan", database_, "--threads", "2", "--memory", "64MiB"};
  }
  std::vector<std::string> scan_to(std::string const& file) const {
    std::vector<std::string> arguments = scan();
    arguments.insert(arguments.end(), {"-o", file});
    return arguments;
  }

  // See preload/failing_calls.cpp for `fault`.
  Outcome run_with(std::string const& fault, std::vector<std::string> const& arguments) const {
    return run(arguments, "",
               "ASAN_OPTIONS=\"$ASAN_OPTIONS:verify_asan_link_order=0\" LEVELSCAN_CALLS=" +
                   quoted(directory_ / "calls") + " LEVELSCAN_FAIL=" + quoted(fault) +
                   " LD_PRELOAD=" + quoted(LEVELSCAN_FAILING_CALLS));
  }
  // Calls that counted in the last run.
  unsigned long calls() const { return std::stoul(testing::read_whole_file(directory_ / "calls")); }
  unsigned long count_calls(std::string const& call, std::string const& path) const {
    Outcome const outcome =
        run_with(call + ":" + std::to_string(EIO) + ":1000000000:1:" + path, scan());
    EXPECT_EQ(outcome.output, good_.output) << outcome.errors;
    return calls();
  }

  // Each time one call fails, the first, the second, and so on.
  void expect_each_failure_reported(std::string const& call, int error_number,
                                    std::string const& path, int exit_code,
                                    std::string const& message) {
    unsigned long const count = count_calls(call, path);
    ASSERT_GT(count, 0U) << call << " " << path;
    for (unsigned long i = 1; i <= count; ++i) {
      Outcome const outcome = run_with(
          call + ":" + std::to_string(error_number) + ":" + std::to_string(i) + ":1:" + path,
          scan());
      SCOPED_TRACE(call + " number " + std::to_string(i) + ": " + outcome.errors);
      EXPECT_EQ(outcome.exit_code, exit_code);
      EXPECT_THAT(outcome.errors, HasSubstr(message));
      EXPECT_THAT(outcome.errors, HasSubstr(database_));
      EXPECT_THAT(good_.output, StartsWith(outcome.output));
      EXPECT_LT(outcome.output.size(), good_.output.size());
      if (!outcome.output.empty()) {
        EXPECT_THAT(outcome.last_error_line(), StartsWith("INCOMPLETE: "));
      }
    }
  }

  std::ptrdiff_t files_beside(std::string const& path) const {
    return std::distance(
        std::filesystem::directory_iterator(std::filesystem::path(path).parent_path()), {});
  }

  std::string database_;
  Outcome good_;
};

TEST_F(FailingMachine, ShortAndInterruptedReadsChangeNothing) {
  for (std::string const how : {"short", "interrupted"}) {
    Outcome const outcome = run_with("pread:" + how + ":1:0:/db/", scan());
    EXPECT_EQ(outcome.exit_code, 0) << outcome.errors;
    EXPECT_EQ(outcome.output, good_.output) << how;
    EXPECT_GT(calls(), 10U) << how;
  }
  EXPECT_EQ(run_with("open:interrupted:1:0:/db/", scan()).output, good_.output);
}

TEST_F(FailingMachine, EachReadErrorExitsWith1) {
  expect_each_failure_reported("pread", EIO, "/db/", 1, "cannot read");
}

TEST_F(FailingMachine, FilesThatBecomeShorterAreCorruption) {
  unsigned long const count = count_calls("pread", ".sst");
  for (unsigned long i = 1; i <= count; ++i) {
    Outcome const outcome = run_with("pread:end:" + std::to_string(i) + ":1:.sst", scan());
    EXPECT_EQ(outcome.exit_code, 4) << outcome.errors;
    EXPECT_THAT(outcome.errors, HasSubstr("became shorter"));
  }
}

TEST_F(FailingMachine, EachFailureToInspectAFileExitsWith1) {
  expect_each_failure_reported("fstat", EIO, "/db/", 1, "cannot inspect");
}

TEST_F(FailingMachine, DescriptorsThatRunOutAreNamedWithAdvice) {
  for (int const error_number : {EMFILE, ENFILE}) {
    expect_each_failure_reported("open", error_number, ".sst", 1, "open files");
  }
}

TEST_F(FailingMachine, FilesThatMayNotBeOpenedExitWith1) {
  expect_each_failure_reported("open", EACCES, "/db/", 1, "Permission denied");
}

// What CURRENT or the MANIFEST names, and nobody deletes: a database that lost files.
TEST_F(FailingMachine, FilesThatAreGoneAreCorruption) {
  expect_each_failure_reported("open", ENOENT, ".sst", 4, "missing");
  expect_each_failure_reported("open", ENOENT, "/MANIFEST", 4, "missing");
}

TEST_F(FailingMachine, DatabasesOpenWithOneDescriptorATable) {
  Outcome const outcome = run(scan(), "", "ulimit -n 16;");
  EXPECT_EQ(outcome.exit_code, 0) << outcome.errors;
  EXPECT_EQ(outcome.output, good_.output);
}

TEST_F(FailingMachine, ThreadsThatCannotStartAreDoneWithout) {
  for (int const first : {1, 2}) {
    Outcome const outcome = run_with(
        "thread:" + std::to_string(EAGAIN) + ":" + std::to_string(first) + ":0:.sst", scan());
    EXPECT_EQ(outcome.exit_code, 0) << outcome.errors;
    EXPECT_EQ(outcome.output, good_.output);
  }
}

TEST_F(FailingMachine, OutputFilesThatCannotBeWrittenDoNotAppear) {
  std::filesystem::create_directory(directory_ / "out");
  std::string const file = directory_ / "out/rows.csv";
  std::vector<std::pair<std::string, int>> const faults = {
      {"mkostemp", ENOSPC}, {"write", ENOSPC}, {"write", EIO},  {"fsync", EIO},
      {"fsync", ENOSPC},    {"close", EIO},    {"rename", EIO}, {"rename", ENOSPC}};
  for (auto const& [call, error_number] : faults) {
    for (bool const exists : {false, true}) {
      std::filesystem::remove(file);
      if (exists) testing::write_whole_file(file, "old");
      Outcome const outcome =
          run_with(call + ":" + std::to_string(error_number) + ":1:0:/rows.csv", scan_to(file));
      SCOPED_TRACE(call + " " + std::to_string(error_number) + ": " + outcome.errors);
      EXPECT_EQ(outcome.exit_code, 1);
      EXPECT_THAT(outcome.errors, HasSubstr(file));
      EXPECT_EQ(files_beside(file), exists ? 1 : 0);
      if (exists) {
        EXPECT_EQ(testing::read_whole_file(file), "old");
      }
    }
  }
}

TEST_F(FailingMachine, ShortAndInterruptedWritesLoseNothing) {
  std::filesystem::create_directory(directory_ / "out");
  std::string const file = directory_ / "out/rows.csv";
  for (std::string const how : {"short", "interrupted"}) {
    Outcome const outcome = run_with("write:" + how + ":1:0:/rows.csv", scan_to(file));
    EXPECT_EQ(outcome.exit_code, 0) << outcome.errors;
    EXPECT_EQ(testing::read_whole_file(file), good_.output);
  }
}

#ifndef LEVELSCAN_SANITIZED
// One allocation fails, or all from one on, wherever in the scan that is.
TEST_F(FailingMachine, MemoryThatRunsOutExitsWith6) {
  unsigned long const count = count_calls("malloc", ".sst");
  ASSERT_GT(count, 100U);
  unsigned out_of_memory = 0;
  for (int const how_many : {1, 0}) {
    for (unsigned long i = 1; i <= count; i += 1 + count / 60) {
      Outcome const outcome =
          run_with("malloc:" + std::to_string(ENOMEM) + ":" + std::to_string(i) + ":" +
                       std::to_string(how_many) + ":.sst",
                   scan());
      SCOPED_TRACE("allocation " + std::to_string(i) + " of " + std::to_string(count) + ": " +
                   outcome.errors);
      if (outcome.exit_code == 0) {
        EXPECT_EQ(outcome.output, good_.output);
        continue;
      }
      ++out_of_memory;
      // 1 where it was the C library that asked: opendir, say.
      EXPECT_TRUE(outcome.exit_code == 6 || outcome.exit_code == 1) << outcome.exit_code;
      EXPECT_THAT(outcome.errors, HasSubstr("memory"));
      EXPECT_THAT(good_.output, StartsWith(outcome.output));
    }
  }
  EXPECT_GT(out_of_memory, 50U);
}
#endif

}  // namespace
}  // namespace levelscan

#endif  // LEVELSCAN_FAILING_CALLS
