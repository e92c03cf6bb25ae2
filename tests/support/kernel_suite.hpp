// The one suite that runs on every Block: its tests are parameterised by the kind of Block and
// reach it through a Device. Where there is no CUDA device, CUDA's instances are reported as
// skipped.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <ostream>
#include <string>

#include "device/device.hpp"
#include "support/block_device.hpp"
#include "support/random.hpp"

namespace levelscan::test {

enum class BlockKind {
  kSerial,
  kShuffled,
  kOneThread,
  kThreeThreads,
  kManyThreads,  // as a warp of a GPU
  kMostThreads,
  kCuda,
};

inline std::string name_of(BlockKind kind) {
  switch (kind) {
    case BlockKind::kSerial: return "Serial";
    case BlockKind::kShuffled: return "Shuffled";
    case BlockKind::kOneThread: return "OneThread";
    case BlockKind::kThreeThreads: return "ThreeThreads";
    case BlockKind::kManyThreads: return "ManyThreads";
    case BlockKind::kMostThreads: return "MostThreads";
    case BlockKind::kCuda: return "Cuda";
  }
  return {};
}

inline std::ostream& operator<<(std::ostream& out, BlockKind kind) { return out << name_of(kind); }

inline std::unique_ptr<Device> make_block_device(BlockKind kind, uint64_t seed) {
  switch (kind) {
    case BlockKind::kSerial: return make_cpu_device(CpuMirror::kSeparate);
    case BlockKind::kShuffled: return make_shuffled_device(seed);
    case BlockKind::kOneThread: return make_threaded_device({1, 2, seed});
    case BlockKind::kThreeThreads: return make_threaded_device({3, 2, seed});
    case BlockKind::kManyThreads: return make_threaded_device({32, 2, seed});
    case BlockKind::kMostThreads: return make_threaded_device({127, 2, seed});
    case BlockKind::kCuda: return make_cuda_device(0);
  }
  return nullptr;
}

// One thread has nothing for ThreadSanitizer to find.
#if defined(__SANITIZE_THREAD__)
inline constexpr bool kSlowedByThreadSanitizer = true;
#else
inline constexpr bool kSlowedByThreadSanitizer = false;
#endif

class KernelSuite : public testing::TestWithParam<BlockKind> {
 protected:
  void SetUp() override {
    if (GetParam() == BlockKind::kCuda) {
      if (std::string const reason = cuda_unavailable_reason(); !reason.empty()) {
        GTEST_SKIP() << reason;
      }
    }
    device_ = make_block_device(GetParam(), base_seed());
    stream_ = device_->create_stream();
  }
  void TearDown() override {
    if (device_ != nullptr) device_->destroy_stream(stream_);
  }

  Device& device() { return *device_; }
  [[nodiscard]] StreamView stream() const { return stream_; }

  // What a launch costs on this kind of Block, next to others.
  [[nodiscard]] static uint32_t launch_cost() {
    switch (GetParam()) {
      case BlockKind::kSerial:
      case BlockKind::kShuffled: return kSlowedByThreadSanitizer ? 4 : 1;
      case BlockKind::kOneThread:
      case BlockKind::kThreeThreads: return 8;
      case BlockKind::kManyThreads: return 60;
      case BlockKind::kMostThreads: return kSlowedByThreadSanitizer ? 600 : 250;
      case BlockKind::kCuda: return 10;  // allocations, above all
    }
    return 1;
  }
  // Of `rounds` random rounds, those that this kind of Block has the time for: at least one.
  [[nodiscard]] static uint32_t affordable(uint32_t rounds) {
    return (rounds + launch_cost() - 1) / launch_cost();
  }
  // Whether so many rounds are affordable that they must have covered what they are there for.
  [[nodiscard]] static bool has_rounds_enough() { return launch_cost() <= 4; }

 private:
  testing::ScopedTrace trace_{__FILE__, __LINE__, "LEVELSCAN_SEED=" + std::to_string(base_seed())};
  std::unique_ptr<Device> device_;
  StreamView stream_;
};

inline auto all_blocks() {
  return testing::Values(BlockKind::kSerial, BlockKind::kShuffled, BlockKind::kOneThread,
                         BlockKind::kThreeThreads, BlockKind::kManyThreads, BlockKind::kMostThreads,
                         BlockKind::kCuda);
}

inline std::string block_name(testing::TestParamInfo<BlockKind> const& info) {
  return name_of(info.param);
}

}  // namespace levelscan::test
