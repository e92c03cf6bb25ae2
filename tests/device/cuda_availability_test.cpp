// What CUDA says of itself where it is and where it is not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "device/device.hpp"

namespace levelscan::test {
namespace {

using testing::HasSubstr;

TEST(CudaAvailability, WithoutADeviceMakingOneSaysWhy) {
  std::string const reason = cuda_unavailable_reason();
  if (reason.empty()) GTEST_SKIP() << "this machine has CUDA: " << cuda_description();
  EXPECT_EQ(cuda_description(), "");
  try {
    static_cast<void>(make_cuda_device(0));
    FAIL() << "made a device";
  } catch (DeviceError const& error) {
    EXPECT_THAT(error.what(), HasSubstr(reason));
  }
#ifdef LEVELSCAN_HAVE_CUDA
  EXPECT_THAT(reason, testing::Not(HasSubstr("built without CUDA")));
#else
  EXPECT_THAT(reason, HasSubstr("built without CUDA"));
#endif
}

TEST(CudaAvailability, TheReasonStaysTheSame) {
  EXPECT_EQ(cuda_unavailable_reason(), cuda_unavailable_reason());
}

TEST(CudaAvailability, ADeviceThatIsNotThereIsRefusedByItsNumber) {
  if (std::string const reason = cuda_unavailable_reason(); !reason.empty()) {
    GTEST_SKIP() << reason;
  }
  for (int const ordinal : {-1, 100000}) {
    try {
      static_cast<void>(make_cuda_device(ordinal));
      FAIL() << "made a device";
    } catch (DeviceError const& error) {
      EXPECT_THAT(error.what(), HasSubstr(std::to_string(ordinal)));
    }
  }
  EXPECT_NE(cuda_description(), "");
}

}  // namespace
}  // namespace levelscan::test
