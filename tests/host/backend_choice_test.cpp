// Which backend a scan runs on: the estimate, and what it decides.
#include "plan/backend_choice.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "levelscan/error.hpp"

namespace levelscan::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// Rates that make sums easy: a thread scans 1 or 2 bytes a second and feeds 4.
constexpr BackendRates kRates{2, 1, 4, 10, 5, 100};

ScanSize scan_of(uint64_t bytes, uint32_t threads) {
  ScanSize size;
  size.bytes_planned = bytes;
  size.pinned_bytes = 500;
  size.threads = threads;
  return size;
}

TEST(BackendEstimate, AddsUpWhatEachBackendTakes) {
  ScanSize size = scan_of(4000, 1);
  BackendEstimate estimate = estimate_backends(size, kRates);
  EXPECT_DOUBLE_EQ(estimate.cpu_seconds, 4000);
  EXPECT_DOUBLE_EQ(estimate.cuda_start_seconds, 100 + 100);
  EXPECT_DOUBLE_EQ(estimate.cuda_scan_seconds, 1000);
  EXPECT_TRUE(estimate.cuda_wins());
  size.selects = true;
  EXPECT_DOUBLE_EQ(estimate_backends(size, kRates).cpu_seconds, 2000);
}

TEST(BackendEstimate, CopiesBoundWhatManyThreadsFeed) {
  BackendEstimate const estimate = estimate_backends(scan_of(4000, 5), kRates);
  EXPECT_DOUBLE_EQ(estimate.cpu_seconds, 800);
  EXPECT_DOUBLE_EQ(estimate.cuda_scan_seconds, 400);
  // As many as copies take: nothing is won.
  EXPECT_FALSE(estimate_backends(scan_of(1u << 30, 10), kRates).cuda_wins());
  EXPECT_FALSE(estimate_backends(scan_of(1u << 30, 10), kRates).cuda_wins_from_bytes.has_value());
}

TEST(BackendEstimate, TheThresholdIsWhereCudaBeginsToWin) {
  for (uint32_t threads = 1; threads <= 9; ++threads) {
    auto const from = estimate_backends(scan_of(0, threads), kRates).cuda_wins_from_bytes;
    ASSERT_TRUE(from.has_value()) << threads;
    EXPECT_TRUE(estimate_backends(scan_of(*from + 1, threads), kRates).cuda_wins()) << threads;
    EXPECT_FALSE(estimate_backends(scan_of(*from - 1, threads), kRates).cuda_wins()) << threads;
  }
}

TEST(BackendEstimate, NothingToScanNeedsNoGpu) {
  EXPECT_FALSE(estimate_backends(scan_of(0, 1)).cuda_wins());
}

TEST(BackendChoice, IsTheEstimatesAndTellsItsNumbers) {
  ScanSize size = scan_of(100'000'000'000, 2);
  size.pinned_bytes = 1'000'000'000;
  BackendChoice const large = choose_backend(Backend::kAuto, "", size);
  EXPECT_EQ(large.backend, Backend::kCuda);
  EXPECT_THAT(large.text(), AllOf(HasSubstr("backend cuda: estimated for 100000 MB on 2 threads"),
                                  HasSubstr("19.231 s on the CPU"), HasSubstr("9.275 s with CUDA"),
                                  HasSubstr("0.800 s to create its context and to pin 1000 MB")));
  size.bytes_planned = 1'000'000;
  BackendChoice const small = choose_backend(Backend::kAuto, "", size);
  EXPECT_EQ(small.backend, Backend::kCpu);
  EXPECT_THAT(small.text(), HasSubstr("backend cpu: estimated for 1 MB"));
  EXPECT_EQ(small.text().find('\n'), std::string::npos);
}

TEST(BackendChoice, AScanThatMayEndEarlyStaysOnTheCpu) {
  ScanSize size = scan_of(100'000'000'000, 2);
  size.ends_early = true;
  BackendChoice const choice = choose_backend(Backend::kAuto, "", size);
  EXPECT_EQ(choice.backend, Backend::kCpu);
  EXPECT_THAT(choice.reason, HasSubstr("a limit may end it early"));
}

TEST(BackendChoice, WithoutCudaSaysWhy) {
  ScanSize const size = scan_of(100'000'000'000, 2);
  BackendChoice const choice = choose_backend(Backend::kAuto, "no driver", size);
  EXPECT_EQ(choice.backend, Backend::kCpu);
  EXPECT_EQ(choice.reason, "no driver");
}

TEST(BackendChoice, WhatIsAskedForByNameIsTaken) {
  ScanSize const nothing = scan_of(0, 1);
  EXPECT_EQ(choose_backend(Backend::kCuda, "", nothing).backend, Backend::kCuda);
  EXPECT_EQ(choose_backend(Backend::kCpu, "", scan_of(100'000'000'000, 1)).backend, Backend::kCpu);
  try {
    static_cast<void>(choose_backend(Backend::kCuda, "no driver", nothing));
    ADD_FAILURE() << "not refused";
  } catch (Error const& error) {
    EXPECT_EQ(error.code(), ErrorCode::kDevice);
    EXPECT_STREQ(error.what(), "--backend cuda: no driver");
  }
}

TEST(BackendChoice, TheThresholdIsToldForBothKindsOfScan) {
  ScanSize size;
  size.threads = 2;
  size.pinned_bytes = 536'870'912;
  EXPECT_EQ(describe_threshold(size),
            "takes CUDA for scans of every row from 5285 MB on, for those with a condition from "
            "49827 MB on (2 threads, 537 MB to pin)");
}

}  // namespace
}  // namespace levelscan::test
