#include "table/global_sequence.hpp"

#include <gtest/gtest.h>

#include "kernels/internal_key.hpp"
#include "support/expect_error.hpp"

namespace levelscan {
namespace {

using testing::expect_error;

TableProperties properties_of(std::optional<uint32_t> version, std::optional<uint64_t> stored) {
  TableProperties properties;
  properties.external_sst_version = version;
  properties.global_sequence = stored;
  return properties;
}

std::optional<uint64_t> global_sequence(std::optional<uint32_t> version,
                                        std::optional<uint64_t> stored, uint64_t largest) {
  return global_sequence_of(properties_of(version, stored), largest, "000007.sst");
}

TEST(GlobalSequence, IsTheManifestsOfATableWrittenOutsideTheDatabase) {
  EXPECT_EQ(global_sequence(2, 0, 4711), 4711u);
  EXPECT_EQ(global_sequence(2, std::nullopt, 4711), 4711u);
  EXPECT_EQ(global_sequence(2, 4711, 4711), 4711u) << "written in place";
  EXPECT_EQ(global_sequence(2, 0, 0), 0u) << "nothing overlapped";
  EXPECT_EQ(global_sequence(2, 0, kSequenceMax), kSequenceMax);
}

TEST(GlobalSequence, IsNoneWhereEntriesHaveTheirOwn) {
  EXPECT_EQ(global_sequence(std::nullopt, std::nullopt, 4711), std::nullopt)
      << "written by a database";
  EXPECT_EQ(global_sequence(1, std::nullopt, 4711), std::nullopt);
  EXPECT_EQ(global_sequence(3, 5, 4711), std::nullopt) << "refused when the table was opened";
}

TEST(GlobalSequence, ContradictionsAreCorruption) {
  auto const expect_corruption = [](std::optional<uint32_t> version, std::optional<uint64_t> stored,
                                    uint64_t largest, char const* what) {
    expect_error(ErrorCode::kCorruption, what,
                 [&] { static_cast<void>(global_sequence(version, stored, largest)); });
  };
  expect_corruption(2, 4710, 4711, "global sequence number 4710, but the MANIFEST says 4711");
  expect_corruption(2, 4711, 0, "the MANIFEST says 0");
  expect_corruption(2, 0, kSequenceMax + 1, "sequence number");
  expect_corruption(1, 0, 4711, "in a table that can have none");
  expect_corruption(std::nullopt, 0, 4711, "in a table that can have none");
  expect_corruption(0, std::nullopt, 4711, "external_sst_file version 0");
}

}  // namespace
}  // namespace levelscan
