// The program as scripts see it: exit codes, stdout, stderr. LEVELSCAN_BINARY is its path.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#ifdef LEVELSCAN_WITH_ROCKSDB
#include <rocksdb/comparator.h>
#include <rocksdb/convenience.h>
#endif

#include "device/device.hpp"
#include "support/cli_fixture.hpp"
#include "support/rocksdb_writer.hpp"

namespace levelscan {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

using testing::Outcome;

std::string content(std::string const& path) { return testing::read_whole_file(path); }

class Cli : public testing::CliFixture {
 protected:
  void expect_usage_error(std::vector<std::string> const& arguments,
                          std::string const& message) const {
    Outcome const outcome = run(arguments);
    EXPECT_EQ(outcome.exit_code, 2) << outcome.errors;
    EXPECT_EQ(outcome.output, "");
    EXPECT_THAT(outcome.errors, StartsWith("levelscan: "));
    EXPECT_THAT(outcome.errors, HasSubstr(message));
  }
};

TEST_F(Cli, HelpAndVersionSucceed) {
  EXPECT_THAT(run({"--version"}).output, StartsWith("levelscan "));
  EXPECT_EQ(run({"--version"}).exit_code, 0);
  EXPECT_EQ(run({"--help"}).exit_code, 0);
  EXPECT_THAT(run({"scan", "--help"}).output, HasSubstr("--where"));
}

TEST_F(Cli, UsageErrorsExitWith2) {
  std::string const none = directory_ / "none";
  expect_usage_error({}, "subcommand");
  expect_usage_error({"scam"}, "subcommand");
  expect_usage_error({"scan"}, "DB is required");
  expect_usage_error({"scan", none, "--nonsense"}, "--nonsense");
  expect_usage_error({"scan", none, "--limit", "many"}, "--limit");
  expect_usage_error({"scan", none, "--limit", "-1"}, "--limit '-1'");
  expect_usage_error({"scan", none, "--limit="}, "--limit ''");
  expect_usage_error({"scan", none, "--threads", "4294967296"}, "--threads");
  expect_usage_error({"scan", none, "--format", "xml"}, "csv|jsonl|table");
  expect_usage_error({"scan", none, "--backend", "tpu"}, "auto|cpu|cuda");
  expect_usage_error({"scan", none, "--memory", "1TB"}, "--memory '1TB'");
  expect_usage_error({"scan", none, "--memory", "0"}, "--memory '0'");
  expect_usage_error({"scan", none, "--device-cache", "1TB"}, "--device-cache '1TB'");
  expect_usage_error({"scan", none, "--memory", "99999999999G"}, "--memory");
  expect_usage_error({"scan", none, "--stats=xml"}, "--stats=xml");
  expect_usage_error({"scan", none, "--from", "0x123"}, "odd number");
  expect_usage_error({"scan", none, "--prefix", "\\q"}, "--prefix");
  expect_usage_error({"scan", none, "--field", "a:u9@key+0"}, "'u9' is no type");
  expect_usage_error({"scan", none, "--field", "a:u8@key+0", "--field", "a:u8@key+0"},
                     "already a column");
  expect_usage_error({"scan", none, "--where", "a = 1"}, "unknown column 'a'");
  expect_usage_error({"scan", none, "--select", "a"}, "unknown column 'a'");
  expect_usage_error({"scan", none, "--agg", "sum(key)"}, "sum takes numbers");
  expect_usage_error({"scan", none, "--agg", "count()", "--select", "key"}, "exclude");
  expect_usage_error({"scan", none, "-q", "-v"}, "excludes");
}

TEST_F(Cli, WhatIsNoDatabaseExitsWith3) {
  Outcome const missing = run({"scan", directory_ / "missing"});
  EXPECT_EQ(missing.exit_code, 3) << missing.errors;
  EXPECT_EQ(missing.output, "");
  EXPECT_THAT(missing.errors, StartsWith("levelscan: "));
  EXPECT_EQ(run({"scan", directory_.path()}).exit_code, 3);
  EXPECT_EQ(run({"info", directory_.path()}).exit_code, 3);
}

TEST_F(Cli, DoctorDescribesTheMachine) {
  Outcome const text = run({"doctor"});
  EXPECT_EQ(text.exit_code, 0);
  EXPECT_THAT(text.output, HasSubstr("backend"));
  nlohmann::json const json = nlohmann::json::parse(run({"doctor", "--json"}).output);
  EXPECT_TRUE(json["backend"] == "cpu" || json["backend"] == "cuda");
  EXPECT_TRUE(json["libraries"].contains("Thrust"));
  EXPECT_TRUE(json["limits"].contains("open_files"));
  EXPECT_EQ(run({"doctor", "--backend", "cpu"}).exit_code, 0);
}

#if LEVELSCAN_WITH_ROCKSDB

class CliDatabase : public Cli {
 protected:
  CliDatabase() : database_(directory_ / "db") { testing::write_small_database(database_); }

  std::string csv(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"scan", database_});
    Outcome const outcome = run(arguments);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.errors;
    EXPECT_EQ(outcome.errors, "");
    return outcome.output;
  }

  std::string table_path() const {
    for (auto const& entry : std::filesystem::directory_iterator(database_)) {
      if (entry.path().extension() == ".sst") return entry.path().string();
    }
    return "";
  }

  // A database of about `mebibytes`, values of 1000 bytes.
  std::string write_large_database(int mebibytes) const {
    std::string const path = directory_ / "large";
    auto const database = testing::open_database(testing::quiet_options(), path);
    for (int i = 0; i < mebibytes * 1024; ++i) {
      testing::put(*database, "key" + std::to_string(10000000 + i), std::string(1000, 'v'));
    }
    testing::flush(*database);
    return path;
  }

  std::string database_;
};

TEST_F(CliDatabase, RangesAreHalfOpen) {
  EXPECT_EQ(csv({"--from", "key1000", "--to", "key1002"}),
            "key,value\nkey1000,value0\nkey1001,value1\n");
  EXPECT_EQ(csv({"--prefix", "key119", "--from", "0x6b657931313938"}),
            "key,value\nkey1198,value198\nkey1199,value199\n");
  EXPECT_EQ(csv({"--from", "key1005", "--to", "key1005"}), "key,value\n");
  EXPECT_EQ(csv({"--from", "z", "--to", "a"}), "key,value\n");
  EXPECT_EQ(csv({"--from=", "--limit=1"}), "key,value\nkey1000,value0\n");
  EXPECT_EQ(csv({"--to="}), "key,value\n");
  EXPECT_EQ(csv({"--limit", "0"}), "key,value\n");
}

TEST_F(CliDatabase, RowsComeInTheFormatAskedFor) {
  std::vector<std::string> const query = {
      "--field", "d:bytes@value+5",         "--field",  "last:u8@key-1",
      "--where", "last = 0x37 and d > '9'", "--select", "key,d,last"};
  auto const formatted = [&](std::vector<std::string> const& more) {
    std::vector<std::string> arguments = query;
    arguments.insert(arguments.end(), more.begin(), more.end());
    return csv(arguments);
  };
  EXPECT_EQ(formatted({}), "key,d,last\nkey1097,97,55\n");
  EXPECT_EQ(formatted({"--hex"}), "key,d,last\n6b657931303937,3937,55\n");
  EXPECT_EQ(formatted({"--format", "jsonl"}), "{\"key\":\"key1097\",\"d\":\"97\",\"last\":55}\n");
  EXPECT_EQ(formatted({"--format", "table"}),
            "key      d   last\n"
            "-------  --  ----\n"
            "key1097  97    55\n");
}

TEST_F(CliDatabase, AggregatesAreOneRow) {
  EXPECT_EQ(
      csv({"--agg", "count( ), sum(value_size), min(key), max(seq), avg(value_size)"}),
      "count(),sum(value_size),min(key),max(seq),avg(value_size)\n200,1490,key1000,200,7.45\n");
  EXPECT_EQ(csv({"--where", "key < 'a'", "--agg", "count(),count(key),sum(seq),max(key)",
                 "--format", "jsonl"}),
            "{\"count()\":0,\"count(key)\":0,\"sum(seq)\":null,\"max(key)\":null}\n");
}

// Rows once for each range that holds them, aggregates in the file's order.
TEST_F(CliDatabase, ManyRangesAreScannedAtOnce) {
  std::string const ranges = directory_ / "ranges.jsonl";
  testing::write_whole_file(ranges, R"({"id": "late", "from": "key1198"}
{"id": "a,b", "from": "key1000", "to": "key1002"}

{"id": "none", "from": "key2", "to": "key1"}
{"id": "hex", "from": "0x6b657931303031", "to": "key1003"}
)");
  EXPECT_EQ(csv({"--ranges", ranges, "--select", "key"}),
            "range,key\n"
            "\"a,b\",key1000\n"
            "\"a,b\",key1001\n"
            "hex,key1001\n"
            "hex,key1002\n"
            "late,key1198\n"
            "late,key1199\n");
  EXPECT_EQ(csv({"--ranges", ranges, "--select", "key", "--limit", "3"}),
            "range,key\n\"a,b\",key1000\n\"a,b\",key1001\nhex,key1001\n");
  EXPECT_EQ(csv({"--ranges", ranges, "--agg", "count(), min(key), max(value)"}),
            "range,count(),min(key),max(value)\n"
            "late,2,key1198,value199\n"
            "\"a,b\",2,key1000,value1\n"
            "none,0,,\n"
            "hex,2,key1001,value2\n");
  EXPECT_EQ(csv({"--ranges", ranges, "--agg", "count()", "--where", "key = 'key1001'", "--limit",
                 "2", "--format", "jsonl"}),
            "{\"range\":\"late\",\"count()\":0}\n{\"range\":\"a,b\",\"count()\":1}\n");
  Outcome const verified =
      run({"verify", database_, "--ranges", ranges, "--agg", "count(), min(value)"});
  EXPECT_EQ(verified.exit_code, 0) << verified.errors;
  Outcome const rows = run({"verify", database_, "--ranges", ranges});
  EXPECT_EQ(rows.output, "equal: 6 rows by librocksdb, 6 by levelscan, 0 differences\n");

  testing::write_whole_file(ranges, "");
  EXPECT_EQ(csv({"--ranges", ranges}), "range,key,value\n");
  EXPECT_EQ(csv({"--ranges", ranges, "--agg", "count()"}), "range,count()\n");
}

TEST_F(CliDatabase, RangesReadTheBlocksThatTheyNeed) {
  std::string const large = directory_ / "large";
  testing::write_small_database(large, testing::quiet_options(), [](rocksdb::DB& database) {
    for (int i = 0; i < 20000; ++i) {
      testing::put(database, "key" + std::to_string(100000 + i), std::string(100, 'v'));
    }
  });
  std::string const ranges = directory_ / "ranges.jsonl";
  testing::write_whole_file(ranges, R"({"id": "1", "from": "key100500", "to": "key100502"}
{"id": "2", "from": "key110500", "to": "key110502"}
{"id": "3", "from": "key119500", "to": "key119502"}
)");
  auto const bytes_read = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"scan", large, "--agg", "count()", "--stats=json"});
    Outcome const outcome = run(arguments);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.errors;
    return nlohmann::json::parse(outcome.last_error_line())["bytes_read"].get<uint64_t>();
  };
  EXPECT_LT(bytes_read({"--ranges", ranges}) * 10, bytes_read({}));
}

TEST_F(CliDatabase, RangesFilesThatAreNoneAreUsageErrors) {
  std::string const ranges = directory_ / "ranges.jsonl";
  auto const refused = [&](std::string const& content, std::string const& message) {
    testing::write_whole_file(ranges, content);
    expect_usage_error({"scan", database_, "--ranges", ranges}, message);
  };
  refused("{\"id\": \"a\"}\n[]\n", "line 2: not a JSON object");
  refused("{\"id\": \"a\"", "line 1: not a JSON object");
  refused("{\"from\": \"a\"}", "line 1: a range without an id");
  refused("{\"id\": 7}", "'id' is not a string");
  refused("{\"id\": \"a\", \"from\": \"1\", \"from\": \"0\"}", "'from' stands there twice");
  refused("{\"id\": \"a\", \"until\": \"b\"}", "no member 'until'");
  refused("{\"id\": \"a\", \"from\": \"0x1\"}", "odd number");
  testing::write_whole_file(ranges, "{\"id\": \"a\"}");
  expect_usage_error({"scan", database_, "--ranges", ranges, "--from", "a"}, "--ranges excludes");
  expect_usage_error(
      {"scan", database_, "--ranges", ranges, "--field", "range:u8@key+0", "--select", "range"},
      "another name");
  Outcome const missing = run({"scan", database_, "--ranges", directory_ / "missing"});
  EXPECT_EQ(missing.exit_code, 1) << missing.errors;
}

TEST_F(CliDatabase, GlobalFlagsStandBeforeOrAfterTheSubcommand) {
  EXPECT_EQ(run({"--threads", "1", "--backend", "cpu", "scan", database_, "--limit", "1"}).output,
            "key,value\nkey1000,value0\n");
  EXPECT_EQ(
      run({"scan", "--stats", database_, "--limit", "1", "--threads", "1", "--memory", "64MiB"})
          .output,
      "key,value\nkey1000,value0\n");
}

TEST_F(CliDatabase, StatisticsAreTheLastLine) {
  Outcome const outcome =
      run({"scan", database_, "--where", "value = 'value7'", "--stats=json", "-v"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.errors, HasSubstr("levelscan: backend "));
  nlohmann::json const statistics = nlohmann::json::parse(outcome.last_error_line());
  EXPECT_EQ(statistics["schema_version"], 1);
  EXPECT_EQ(statistics["entries_seen"], 200);
  EXPECT_EQ(statistics["rows_found"], 1);
  EXPECT_EQ(statistics["snapshot"], 200);
}

TEST_F(CliDatabase, SnapshotsAreExactOrRemarkedUpon) {
  Outcome const below = run({"scan", database_, "--snapshot", "199", "--agg", "count()"});
  EXPECT_EQ(below.exit_code, 0);
  EXPECT_THAT(below.errors, HasSubstr("below the newest (200)"));
  EXPECT_EQ(csv({"--snapshot", "199", "--snapshot-held", "--agg", "count()"}), "count()\n199\n");
  EXPECT_EQ(csv({"--snapshot", "200", "--agg", "count()"}), "count()\n200\n");
  expect_usage_error({"scan", database_, "--snapshot", "201"}, "the newest sequence number is 200");
}

TEST_F(CliDatabase, OutputFilesAreWholeOrAbsent) {
  std::string const path = directory_ / "out.csv";
  EXPECT_EQ(csv({"--limit", "1", "-o", path}), "");
  EXPECT_EQ(content(path), "key,value\nkey1000,value0\n");
  EXPECT_EQ(run({"scan", database_, "-o", directory_ / "no/where"}).exit_code, 1);
}

TEST_F(CliDatabase, OutputNeverGoesToWhatIsRead) {
  std::string const current = content(database_ + "/CURRENT");
  std::filesystem::create_directory_symlink(database_, directory_ / "link");
  std::filesystem::create_symlink(database_ + "/rows.csv", directory_ / "dangling");
  std::vector<std::string> const outputs{database_ + "/CURRENT", database_ + "/rows.csv",
                                         directory_ / "link/rows.csv", directory_ / "dangling",
                                         database_ + "/../db/rows.csv"};
  for (std::string const& output : outputs) {
    expect_usage_error({"scan", database_, "-o", output}, "which is read");
  }
  expect_usage_error({"scan", table_path(), "-o", table_path()}, "which is read");
  expect_usage_error({"scan", database_, "-o", ""}, "a file name is expected");
  EXPECT_EQ(content(database_ + "/CURRENT"), current);
  EXPECT_FALSE(std::filesystem::exists(database_ + "/rows.csv"));
  EXPECT_EQ(run({"scan", database_, "-o", directory_ / "db.csv"}).exit_code, 0);
}

TEST_F(CliDatabase, FullDiskExitsWith1) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "no /dev/full";
  Outcome const outcome = run({"scan", database_}, " >/dev/full");
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.errors, HasSubstr("No space left"));
}

TEST_F(CliDatabase, ClosedPipeEndsQuietly) {
  std::string const large = write_large_database(4);
  std::string const code = directory_ / "code";
  Outcome const outcome = run({"scan", large}, "; echo $? >" + quoted(code) + "; } | { head -n 1");
  EXPECT_EQ(outcome.output, "key,value\n");
  EXPECT_EQ(outcome.errors, "");
  EXPECT_EQ(content(code), "0\n");
}

TEST_F(CliDatabase, InterruptionExitsWith130) {
  std::string const large = write_large_database(48);
  int pipe_ends[2];
  ASSERT_EQ(::pipe(pipe_ends), 0);
  std::string const errors = directory_ / "stderr";
  pid_t const child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::dup2(pipe_ends[1], STDOUT_FILENO);
    ::close(pipe_ends[0]);
    ::close(pipe_ends[1]);
    if (::freopen(errors.c_str(), "w", stderr) == nullptr) ::_exit(99);
    ::execl(LEVELSCAN_BINARY, LEVELSCAN_BINARY, "scan", large.c_str(), "--memory", "32MiB",
            "--threads", "1", static_cast<char*>(nullptr));
    ::_exit(98);
  }
  ::close(pipe_ends[1]);
  // Once the first bytes are here the scan is on its way, and soon held up by the full pipe.
  std::vector<char> buffer(1 << 16);
  std::string output;
  ssize_t count = ::read(pipe_ends[0], buffer.data(), buffer.size());
  ASSERT_GT(count, 0);
  ASSERT_EQ(::kill(child, SIGINT), 0);
  do {
    output.append(buffer.data(), static_cast<std::size_t>(count));
    count = ::read(pipe_ends[0], buffer.data(), buffer.size());
  } while (count > 0);
  ::close(pipe_ends[0]);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 130);
  EXPECT_THAT(content(errors), HasSubstr("\nINCOMPLETE: "));
  EXPECT_THAT(output, StartsWith("key,value\nkey10000000,v"));
  EXPECT_THAT(output, EndsWith("v\n"));
}

TEST_F(CliDatabase, CorruptionExitsWith4AfterACorrectPrefix) {
  std::string const path = table_path();
  std::string bytes = content(path);
  std::size_t const place = bytes.find("value150");  // in a data block, uncompressed
  ASSERT_NE(place, bytes.npos);
  bytes[place] = 'V';
  std::ofstream(path, std::ios::binary) << bytes;
  Outcome const outcome = run({"scan", database_});
  EXPECT_EQ(outcome.exit_code, 4) << outcome.errors;
  EXPECT_THAT(outcome.errors, HasSubstr("checksum"));
  EXPECT_THAT(outcome.last_error_line(), StartsWith("INCOMPLETE: "));
  EXPECT_THAT(outcome.output, StartsWith("key,value\n"));
  EXPECT_THAT(outcome.output, ::testing::Not(HasSubstr("Value150")));

  std::string const file = directory_ / "out.csv";
  EXPECT_EQ(run({"scan", database_, "-o", file}).exit_code, 4);
  EXPECT_FALSE(std::filesystem::exists(file));
}

TEST_F(CliDatabase, WhatIsRefusedExitsWith5AndIsDescribed) {
  rocksdb::Options options = testing::quiet_options();
  testing::check_ok(rocksdb::Comparator::CreateFromString(
      rocksdb::ConfigOptions(), "leveldb.BytewiseComparator.u64ts", &options.comparator));
  std::string const timed = directory_ / "timed";
  testing::open_database(options, timed).reset();
  Outcome const outcome = run({"scan", timed});
  EXPECT_EQ(outcome.exit_code, 5) << outcome.errors;
  EXPECT_EQ(outcome.output, "");
  EXPECT_THAT(outcome.errors, HasSubstr("unsupported: "));
  Outcome const info = run({"info", timed, "--json"});
  EXPECT_EQ(info.exit_code, 0);
  nlohmann::json const json = nlohmann::json::parse(info.output);
  EXPECT_EQ(json["scannable"], false);
  EXPECT_EQ(json["refusals"].size(), 1U);
  EXPECT_TRUE(json["pool"].is_null());
}

TEST_F(CliDatabase, DeviceAndMemoryThatAreNotThereExitWith6) {
  Outcome const outcome = run({"scan", database_, "--memory", "1K"});
  EXPECT_EQ(outcome.exit_code, 6) << outcome.errors;
  EXPECT_EQ(outcome.output, "");
  if (cuda_unavailable_reason().empty()) GTEST_SKIP() << "there is a CUDA device";
  Outcome const cuda = run({"scan", database_, "--backend", "cuda"});
  EXPECT_EQ(cuda.exit_code, 6);
  EXPECT_THAT(cuda.errors, HasSubstr(cuda_unavailable_reason()));
  EXPECT_THAT(run({"scan", database_, "-v", "--limit", "0"}).errors, HasSubstr("backend cpu: "));
}

TEST_F(CliDatabase, InfoCountsWhatIsThere) {
  nlohmann::json const json = nlohmann::json::parse(run({"info", database_, "--json"}).output);
  EXPECT_EQ(json["last_sequence"], 200);
  EXPECT_EQ(json["total"]["entries"], 200);
  EXPECT_EQ(json["runs"].size(), 1U);
  EXPECT_EQ(json["runs"][0]["level"], 0);
  EXPECT_EQ(json["features"]["format_versions"][0], "5");
  EXPECT_EQ(json["scannable"], true);
  EXPECT_GT(json["pool"]["pinned_bytes"], 0);
  EXPECT_THAT(run({"info", database_}).output, HasSubstr("can be scanned   yes"));
}

TEST_F(CliDatabase, ColumnFamiliesAreNamedAndListed) {
  {
    auto const database = testing::open_database(testing::quiet_options(), database_);
    rocksdb::ColumnFamilyHandle* family = nullptr;
    testing::check_ok(
        database->CreateColumnFamily(rocksdb::ColumnFamilyOptions(), "orders", &family));
    testing::check_ok(database->Put(rocksdb::WriteOptions(), family, "order1", "paid"));
    testing::check_ok(database->Flush(rocksdb::FlushOptions(), family));
    testing::check_ok(database->DestroyColumnFamilyHandle(family));
  }
  EXPECT_EQ(run({"scan", database_, "--cf", "orders"}).output, "key,value\norder1,paid\n");
  EXPECT_EQ(run({"verify", database_, "--cf=orders"}).exit_code, 0);
  EXPECT_THAT(run({"info", database_, "--cf", "orders"}).output,
              HasSubstr("column family    orders"));
  EXPECT_THAT(run({"info", database_}).output, HasSubstr("\norders "));
  expect_usage_error({"scan", database_, "--cf", "order"}, "there are: default, orders");
}

TEST_F(CliDatabase, RowsOfTheWriteAheadLogAreCountedAndMayBeLeftOut) {
  {
    rocksdb::Options options = testing::quiet_options();
    options.avoid_flush_during_shutdown = true;
    auto const database = testing::open_database(options, database_);
    testing::put(*database, "unflushed1", "row");
    testing::put(*database, "unflushed2", std::string(100000, 'v'));
  }
  std::vector<std::string> const counting = {"scan", database_, "--agg", "count()"};
  EXPECT_EQ(run(counting).output, "count()\n202\n");
  EXPECT_EQ(run(counting).errors, "");
  Outcome const without = run({"scan", database_, "--agg", "count()", "--no-wal"});
  EXPECT_EQ(without.output, "count()\n200\n");
  EXPECT_THAT(without.errors, HasSubstr("left out (--no-wal)"));
  EXPECT_EQ(run({"scan", database_, "--agg", "count()", "--no-wal", "-q"}).errors, "");
  EXPECT_EQ(run({"verify", database_}).exit_code, 0);
  expect_usage_error({"verify", database_, "--no-wal"}, "leave out --no-wal");
  EXPECT_EQ(run({"scan", database_, "--wal-dir", directory_ / "none"}).exit_code, 1);

  nlohmann::json const json = nlohmann::json::parse(run({"info", database_, "--json"}).output);
  EXPECT_EQ(json["last_sequence"], 202);
  EXPECT_EQ(json["write_ahead_log"]["entries"], 2);
  EXPECT_EQ(json["runs"].size(), 2U);
  EXPECT_EQ(json["runs"][0]["level"], -1);
  EXPECT_THAT(run({"info", database_}).output, HasSubstr("\nWAL "));
  Outcome const small = run({"scan", database_, "--memory", "100K"});
  EXPECT_EQ(small.exit_code, 6);
  EXPECT_THAT(small.errors, HasSubstr("to hold the write-ahead log's rows"));
}

TEST_F(CliDatabase, VerifyFindsNoDifference) {
  Outcome const outcome = run({"verify", database_, "--where", "value > 'value5'"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.errors;
  EXPECT_THAT(outcome.output, StartsWith("equal: "));
}

#endif  // LEVELSCAN_WITH_ROCKSDB

}  // namespace
}  // namespace levelscan
