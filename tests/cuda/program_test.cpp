// The program with a CUDA device, which is the stand-in.
#ifdef LEVELSCAN_WITH_ROCKSDB

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "cuda/stand_in.hpp"
#include "device/stage_times.hpp"
#include "support/cli_fixture.hpp"
#include "support/rocksdb_writer.hpp"

namespace levelscan::testing {
namespace {

using test::CudaStandIn;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class CudaProgram : public CliFixture {
 protected:
  CudaProgram() {
    auto const database = open_database(quiet_options(), database_);
    for (int i = 0; i < 500; ++i) {
      put(*database, "key" + std::to_string(1000 + i), "value" + std::to_string(i));
    }
    flush(*database);
  }

  std::string database_ = directory_ / "db";
};

TEST_F(CudaProgram, DoctorTellsTheDeviceAndHowFastItCopies) {
  Outcome const text = run({"doctor"});
  EXPECT_EQ(text.exit_code, 0) << text.errors;
  EXPECT_THAT(
      text.output,
      AllOf(HasSubstr("0: stand-in, compute capability 9.0, 4 multiprocessors, "
                      "8192 MiB, driver for CUDA "),
            HasSubstr(", runtime "), HasSubstr("device 0 copies 16.0 GB/s from pinned memory, ")));
  nlohmann::json const cuda = nlohmann::json::parse(run({"doctor", "--json"}).output)["cuda"];
  EXPECT_EQ(cuda["available"], true);
  nlohmann::json const& copies = cuda["copies"];
  EXPECT_EQ(copies["device"], 0);
  EXPECT_TRUE(copies["problem"].is_null());
  // By the stand-in's clock: copies of 64 MiB.
  double const bytes = 64 << 20;
  EXPECT_NEAR(copies["pinned_to_device_bytes_per_s"].get<double>(),
              1e9 * bytes / (bytes / CudaStandIn::kHostBytesPerNs + CudaStandIn::kOperationNs),
              1e6);
  EXPECT_NEAR(copies["within_device_bytes_per_s"].get<double>(),
              1e9 * bytes / (bytes / CudaStandIn::kDeviceBytesPerNs + CudaStandIn::kOperationNs),
              1e7);
}

TEST_F(CudaProgram, DoctorSaysWhyItCouldNotMeasure) {
  Outcome const text = run({"doctor", "--device", "3"});
  EXPECT_EQ(text.exit_code, 0) << text.errors;
  EXPECT_THAT(text.output, HasSubstr("device 3: not measured: there is no CUDA device 3"));
  nlohmann::json const json =
      nlohmann::json::parse(run({"doctor", "--device", "3", "--json"}).output);
  EXPECT_THAT(json["cuda"]["copies"]["problem"].get<std::string>(), HasSubstr("no CUDA device 3"));
  EXPECT_TRUE(json["cuda"]["copies"]["pinned_to_device_bytes_per_s"].is_null());
}

TEST_F(CudaProgram, AutoKeepsASmallScanOnTheCpuAndSaysByWhichNumbers) {
  Outcome const outcome = run({"scan", database_, "-v", "--agg", "count()"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.errors;
  EXPECT_EQ(outcome.output, "count()\n500\n");
  EXPECT_THAT(outcome.errors,
              AllOf(HasSubstr("levelscan: backend cpu: estimated for "), HasSubstr("with CUDA")));
}

TEST_F(CudaProgram, AScanWithCudaGivesTheSameRows) {
  Outcome const cpu = run({"scan", database_, "--backend", "cpu"});
  Outcome const cuda = run({"scan", database_, "-v", "--backend", "cuda", "--stats=json"});
  EXPECT_EQ(cuda.exit_code, 0) << cuda.errors;
  EXPECT_EQ(cuda.output, cpu.output);
  EXPECT_THAT(cuda.errors, HasSubstr("levelscan: backend cuda: asked for"));
  EXPECT_EQ(nlohmann::json::parse(cuda.last_error_line())["backend"], "cuda");
}

TEST_F(CudaProgram, DeviceNamesOneOfSeveral) {
  Outcome const cpu = run({"scan", database_, "--backend", "cpu"});
  Outcome const second =
      run({"scan", database_, "--backend", "cuda", "--device", "1", "--threads", "3"});
  EXPECT_EQ(second.exit_code, 0) << second.errors;
  EXPECT_EQ(second.output, cpu.output);
  Outcome const third = run({"scan", database_, "--backend", "cuda", "--device", "2"});
  EXPECT_EQ(third.exit_code, 6);
  EXPECT_THAT(third.errors, HasSubstr("there is no CUDA device 2, only 2 counted from 0"));
}

TEST_F(CudaProgram, ProfilersAreToldTheStages) {
  Outcome const outcome = run({"scan", database_, "--backend", "cuda", "--threads", "2"}, "",
                              "NVTX_INJECTION64_PATH=" + quoted(LEVELSCAN_NVTX_LISTENER));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.errors;
  for (char const* stage : {"fill_index", "locate", "fill_data", "filter", "resolve", "emit"}) {
    EXPECT_THAT(outcome.errors, HasSubstr(std::string("nvtx: ") + stage + " "));
  }
  EXPECT_THAT(outcome.errors, HasSubstr("nvtx: 0 left open"));
}

TEST_F(CudaProgram, StatisticsTellTheDevicesTimesAndOnACpuNone) {
  auto const statistics = [&](char const* backend) {
    Outcome const outcome = run({"scan", database_, "--backend", backend, "--stats=json"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.errors;
    return nlohmann::json::parse(outcome.last_error_line());
  };
  nlohmann::json const times = statistics("cuda")["device_time_us"];
  uint64_t sum = 0;
  for (auto const& [name, us] : times["stages"].items()) sum += us.get<uint64_t>();
  EXPECT_GT(times["stages"]["filter"], 0);
  EXPECT_GT(times["copying"], 0);
  EXPECT_GT(times["computing"], 0);
  EXPECT_LE(times["both"], times["copying"]);
  EXPECT_LE(times["computing"], sum + kDeviceStageCount);  // each is rounded down
  EXPECT_FALSE(statistics("cpu").contains("device_time_us"));

  auto const text = [&](char const* backend) {
    return run({"scan", database_, "--backend", backend, "--stats"}).errors;
  };
  EXPECT_THAT(text("cuda"), AllOf(HasSubstr("device      0.000 s copying"),
                                  HasSubstr("over streams: copy_in 0.000, clear 0.000")));
  EXPECT_THAT(text("cpu"), Not(HasSubstr("device      ")));
}

TEST_F(CudaProgram, RoundsOfABenchFindTheirBlocksInTheDevicesCache) {
  Outcome const bench = run({"bench", database_, "--backend", "cuda", "--only", "cuda", "--rounds",
                             "2", "--device-cache", "1MiB", "--json"});
  EXPECT_EQ(bench.exit_code, 0) << bench.errors;
  EXPECT_THAT(bench.output, HasSubstr(R"("device_cache":{"bytes":1048576,)"));
  EXPECT_THAT(bench.output, HasSubstr(R"("misses":0,"miss_bytes":0})"));
  Outcome const scan = run({"scan", database_, "--backend", "cuda", "--agg", "count()",
                            "--device-cache", "1MiB", "--stats"});
  EXPECT_EQ(scan.output, "count()\n500\n");
  EXPECT_THAT(scan.errors, HasSubstr("of 1.0 MiB on the device used; 0 blocks of 0.0 MiB found"));
}

}  // namespace
}  // namespace levelscan::testing

#endif  // LEVELSCAN_WITH_ROCKSDB
