#include "scratch_allocator.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>

namespace levelscan::test {
namespace {

using testing::HasSubstr;

struct alignas(kAllocationAlignment) Memory {
  char bytes[4 * kAllocationAlignment];
};

TEST(ScratchAllocator, HandsOutDisjointAlignedBlocks) {
  Memory memory;
  ScratchAllocator allocator(Scratch{memory.bytes, sizeof memory.bytes});
  char* const first = allocator.allocate(1);
  char* const second = allocator.allocate(257);
  char* const third = allocator.allocate(256);
  EXPECT_EQ(first, memory.bytes);
  EXPECT_EQ(second, memory.bytes + 256);
  EXPECT_EQ(third, memory.bytes + 256 + 512);
}

TEST(ScratchAllocator, ReusesWhatIsGivenBackInReverseOrder) {
  Memory memory;
  ScratchAllocator allocator(Scratch{memory.bytes, sizeof memory.bytes});
  char* const first = allocator.allocate(100);
  char* const second = allocator.allocate(300);
  allocator.deallocate(second, 300);
  EXPECT_EQ(allocator.allocate(10), second);
  allocator.deallocate(second, 10);
  allocator.deallocate(first, 100);
  EXPECT_EQ(allocator.allocate(sizeof memory.bytes), memory.bytes);
}

TEST(ScratchAllocator, KeepsWhatLiesBelowABlockInUse) {
  Memory memory;
  ScratchAllocator allocator(Scratch{memory.bytes, sizeof memory.bytes});
  char* const first = allocator.allocate(100);
  char* const second = allocator.allocate(100);
  allocator.deallocate(first, 100);
  EXPECT_EQ(allocator.allocate(100), second + 256);
}

TEST(ScratchAllocator, RunningOutSaysHowMuchWasAsked) {
  Memory memory;
  ScratchAllocator allocator(Scratch{memory.bytes, sizeof memory.bytes});
  static_cast<void>(allocator.allocate(512));
  for (std::ptrdiff_t const bytes : {std::ptrdiff_t{513}, PTRDIFF_MAX}) {
    try {
      static_cast<void>(allocator.allocate(bytes));
      FAIL() << "allocated";
    } catch (DeviceError const& error) {
      EXPECT_THAT(error.what(), HasSubstr(std::to_string(bytes)));
      EXPECT_THAT(error.what(), HasSubstr("1024"));
    }
  }
  EXPECT_EQ(allocator.allocate(512), memory.bytes + 512);
}

TEST(ScratchAllocator, WithoutMemoryThereIsNothingToHandOut) {
  ScratchAllocator allocator(Scratch{});
  EXPECT_THROW(static_cast<void>(allocator.allocate(0)), DeviceError);
  EXPECT_THROW(static_cast<void>(allocator.allocate(1)), DeviceError);
}

}  // namespace
}  // namespace levelscan::test
