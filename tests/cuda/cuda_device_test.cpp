// CudaDevice's host code where CUDA refuses, fails late or is gone.
#include <cuda_runtime_api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>

#include "cuda/stand_in.hpp"
#include "cuda/stream_clock.hpp"
#include "device/device.hpp"
#include "device/memory.hpp"

namespace levelscan::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// The text of the DeviceError that action() throws; empty when it throws none.
std::string device_error_of(std::function<void()> const& action) {
  try {
    action();
  } catch (DeviceError const& error) {
    return error.what();
  }
  return {};
}

// A device, memory, a stream and an event, and each of their functions once; of the launches two.
void use_everything(bool tells_times) {
  auto const device = make_cuda_device(0, tells_times);
  MirroredBytes const memory(*device, 1000);
  StreamView const stream = device->create_stream();
  try {
    EventView const event = device->create_event();
    try {
      device->clear_async(memory.device(), memory.size(), stream);
      device->copy_to_device_async(memory.device(), memory.host(), memory.size(), stream);
      device->record(event, stream);
      device->wait_async(stream, event);
      device->resolve_probe_async(ResolveProbe::Args{}, stream);
      device->narrow_async(Narrow::Args{}, stream);
      device->copy_to_host_async(memory.host(), memory.device(), memory.size(), stream);
      device->synchronize(stream);
    } catch (...) {
      device->destroy_event(event);
      throw;
    }
    device->destroy_event(event);
  } catch (...) {
    device->destroy_stream(stream);
    throw;
  }
  device->destroy_stream(stream);
}

TEST(CudaDevice, EachCallThatFailsIsADeviceErrorThatNamesIt) {
  CudaStandIn& stand_in = CudaStandIn::instance();
  for (bool const tells_times : {false, true}) {
    stand_in.reset(0);
    use_everything(tells_times);
    uint64_t const calls = stand_in.calls();
    ASSERT_GT(calls, 40u);
    uint64_t errors = 0;
    for (uint64_t n = 1; n <= calls; ++n) {
      SCOPED_TRACE("call " + std::to_string(n) + (tells_times ? ", times are told" : ""));
      stand_in.reset(n);
      stand_in.fail_call(n, cudaErrorInvalidValue);
      std::string const error = device_error_of([&] { use_everything(tells_times); });
      if (!error.empty()) {
        ++errors;
        EXPECT_THAT(error, HasSubstr("cudaErrorInvalidValue"));
      }
      EXPECT_THAT(stand_in.take_violations(), testing::IsEmpty());
      EXPECT_THAT(stand_in.live(), testing::IsEmpty());
      EXPECT_EQ(cudaGetLastError(), cudaSuccess) << "left in the runtime's record";
    }
    // All but those that destroy, which are silent.
    EXPECT_GE(errors, calls - 8 - (tells_times ? 2 + 2 * StreamClock::kOperationsMax : 0));
    EXPECT_LT(errors, calls);
  }
}

TEST(CudaDevice, AnErrorThatComesLateMarksTheDeviceLost) {
  CudaStandIn& stand_in = CudaStandIn::instance();
  for (cudaError_t const status : {cudaErrorIllegalAddress, cudaErrorLaunchFailure}) {
    stand_in.reset(1);
    auto const device = make_cuda_device(0);
    DeviceBytes const memory(*device, 100);
    StreamView const stream = device->create_stream();
    stand_in.fail_operation(1, status);
    device->clear_async(memory.data(), 100, stream);
    std::string first = device_error_of([&] { device->synchronize(stream); });
    // An eager order shows it at once, in the call that it has nothing to do with.
    EXPECT_THAT(first, HasSubstr(cudaGetErrorName(status)));
    uint64_t const calls = stand_in.calls();
    std::string const later = device_error_of([&] { device->synchronize(stream); });
    EXPECT_THAT(later, AllOf(HasSubstr("the CUDA device was lost"), HasSubstr(first)));
    EXPECT_EQ(stand_in.calls(), calls) << "a lost device is left alone";
    device->destroy_stream(stream);
  }
  EXPECT_THAT(stand_in.live(), testing::IsEmpty());
  stand_in.reset(0);  // the lost context
}

TEST(CudaDevice, AnErrorOfOneCallDoesNotLoseTheDevice) {
  CudaStandIn& stand_in = CudaStandIn::instance();
  auto const device = make_cuda_device(0);
  StreamView const stream = device->create_stream();
  stand_in.fail_call(2, cudaErrorInvalidValue);
  EXPECT_NE(device_error_of([&] { device->synchronize(stream); }), "");
  EXPECT_EQ(device_error_of([&] { device->synchronize(stream); }), "");
  device->destroy_stream(stream);
}

TEST(CudaDevice, TooLittleMemorySaysWhatWasAskedForAndWhatThereIs) {
  CudaStandIn& stand_in = CudaStandIn::instance();
  stand_in.limit_memory(100000, 1000);
  auto const device = make_cuda_device(0);
  EXPECT_THAT(device_error_of([&] { static_cast<void>(device->allocate_device(100001)); }),
              AllOf(HasSubstr("100001 bytes"), HasSubstr("100000 bytes free of 100000")));
  EXPECT_THAT(device_error_of([&] { static_cast<void>(device->allocate_pinned(1001)); }),
              HasSubstr("1001 bytes"));
}

TEST(CudaDevice, OneThreadUsesTwoDevices) {
  auto const first = make_cuda_device(0, true);
  auto const second = make_cuda_device(1, true);
  MirroredBytes const first_memory(*first, 1000);
  MirroredBytes const second_memory(*second, 1000);
  StreamView const first_stream = first->create_stream();
  StreamView const second_stream = second->create_stream();
  first->clear_async(first_memory.device(), 1000, first_stream);
  second->clear_async(second_memory.device(), 1000, second_stream);
  first->synchronize(first_stream);
  second->synchronize(second_stream);
  first->destroy_stream(first_stream);
  second->destroy_stream(second_stream);
  EXPECT_THAT(CudaStandIn::instance().take_violations(), testing::IsEmpty());
}

TEST(CudaDevice, ScratchThatIsTooSmallIsAnErrorAndNoAllocation) {
  constexpr uint32_t kCount = 100000;
  CudaStandIn& stand_in = CudaStandIn::instance();
  auto const device = make_cuda_device(0);
  DeviceBytes const rows(*device, kCount * sizeof(uint32_t));
  DeviceBytes const candidates(*device, kCount * sizeof(Candidate));
  DeviceBytes const scratch(*device, device->scratch_bytes({kCount, kCount}));
  StreamView const stream = device->create_stream();
  stand_in.forbid_allocations(true);
  device->clear_async(candidates.data(), candidates.size(), stream);
  auto const order = [&](std::size_t scratch_bytes) {
    device->order_candidates_async(
        reinterpret_cast<uint32_t*>(rows.data()), kCount,
        CandidateLess{reinterpret_cast<Candidate const*>(candidates.data()), nullptr,
                      KeyOrder::kBytewise},
        Scratch{scratch.data(), scratch_bytes}, stream);
  };
  EXPECT_EQ(device_error_of([&] { order(scratch.size()); }), "");
  EXPECT_THAT(
      device_error_of([&] { order(kCount * sizeof(uint32_t)); }),
      AllOf(HasSubstr("scratch memory is too small: algorithm order_rows needs 400255 bytes"),
            HasSubstr("there are 400000")));
  device->synchronize(stream);
  stand_in.forbid_allocations(false);
  device->destroy_stream(stream);
}

TEST(CudaDevice, NothingThrowsWhileTheDriverUnloads) {
  for (bool const tells_times : {false, true}) {
    CudaStandIn::instance().reset(1);
    auto device = make_cuda_device(0, tells_times);
    auto memory = std::make_unique<MirroredBytes>(*device, 1000);
    StreamView const stream = device->create_stream();
    EventView const event = device->create_event();
    device->clear_async(memory->device(), memory->size(), stream);
    CudaStandIn::instance().fail_all_calls(cudaErrorCudartUnloading);
    device->destroy_event(event);
    device->destroy_stream(stream);
    memory.reset();
    device.reset();
  }
}

}  // namespace
}  // namespace levelscan::test
