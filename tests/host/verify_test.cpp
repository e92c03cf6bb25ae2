// Verification must notice what differs: here librocksdb reads another database than levelscan.
#include "peer/verify.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "query/aggregates.hpp"
#include "query/parser.hpp"
#include "support/expect_error.hpp"
#include "support/rocksdb_writer.hpp"
#include "support/temporary_directory.hpp"

namespace levelscan {
namespace {

using namespace levelscan::testing;

class Verify : public ::testing::Test {
 protected:
  Verify() {
    write_small_database(path(), quiet_options());
    query_.columns = {*schema_.find("value")};
    options_.scanner.backend = Backend::kCpu;
    options_.scanner.memory_bytes = 64 << 20;
  }

  [[nodiscard]] std::string path() const { return directory_ / "database"; }

  // Compares with a database that is like this one but for `change`.
  VerifyReport verify_against(std::function<void(rocksdb::DB&)> const& change) {
    options_.reference = directory_ / "reference";
    write_small_database(options_.reference, quiet_options(), change);
    ::testing::internal::CaptureStderr();
    VerifyReport const report = verify_query(path(), query_, options_);
    errors_ = ::testing::internal::GetCapturedStderr();
    return report;
  }

  Schema schema_;
  Query query_;
  VerifyOptions options_;
  std::string errors_;

 private:
  TemporaryDirectory directory_;
};

TEST_F(Verify, EqualDatabasesAreEqual) {
  VerifyReport const report = verify_query(path(), query_, options_);
  EXPECT_TRUE(report.equal);
  EXPECT_EQ(report.rows_expected, 200u);
  EXPECT_EQ(report.rows_found, 200u);
  EXPECT_EQ(report.differences, 0u);
}

TEST_F(Verify, AnotherValueIsADifference) {
  VerifyReport const report =
      verify_against([](rocksdb::DB& database) { put(database, "key1100", "other"); });
  EXPECT_FALSE(report.equal);
  EXPECT_EQ(report.differences, 1u);
  EXPECT_THAT(errors_, ::testing::HasSubstr("'other'"));
}

TEST_F(Verify, AMissingRowIsOneDifferenceAndSoIsAnExtraOne) {
  VerifyReport const report = verify_against([](rocksdb::DB& database) {
    put(database, "key1100x", "extra");
    check_ok(database.Delete({}, "key1000"));
    check_ok(database.Delete({}, "key1150"));
  });
  EXPECT_FALSE(report.equal);
  EXPECT_EQ(report.differences, 3u);
  EXPECT_EQ(report.rows_expected, 199u);
  EXPECT_EQ(report.rows_found, 200u);
  EXPECT_THAT(errors_, ::testing::HasSubstr("only librocksdb has"));
  EXPECT_THAT(errors_, ::testing::HasSubstr("only levelscan has"));
}

TEST_F(Verify, RowsMissingAtTheEndAreDifferences) {
  VerifyReport const report =
      verify_against([](rocksdb::DB& database) { put(database, "zzz", "last"); });
  EXPECT_EQ(report.differences, 1u);
}

TEST_F(Verify, ALimitHoldsForBoth) {
  query_.limit = 10;
  VerifyReport const report =
      verify_against([](rocksdb::DB& database) { put(database, "zzz", "last"); });
  EXPECT_TRUE(report.equal);
  EXPECT_EQ(report.rows_expected, 10u);
}

TEST_F(Verify, AnotherAggregateIsADifference) {
  query_.aggregates = parse_aggregates("count(), max(value), sum(value_size)", schema_);
  VerifyReport const report =
      verify_against([](rocksdb::DB& database) { put(database, "key1100", "zzz"); });
  EXPECT_FALSE(report.equal);
  EXPECT_EQ(report.differences, 2u);
  EXPECT_THAT(errors_, ::testing::HasSubstr("max(value)"));
}

TEST_F(Verify, WhatAnIteratorCannotTellIsAUsageError) {
  query_.columns = {*schema_.find("seq")};
  expect_error(ErrorCode::kUsage, "seq",
               [&] { static_cast<void>(verify_query(path(), query_, options_)); });
  query_.columns = {*schema_.find("key")};
  query_.snapshot = 3;
  expect_error(ErrorCode::kUsage, "--snapshot",
               [&] { static_cast<void>(verify_query(path(), query_, options_)); });
}

TEST(AggregatesAgree, WhereOnlyTheOrderOfAdditionsDiffers) {
  AggregateValue a;
  a.kind = AggregateValue::Kind::kFloat;
  a.floating = 1e10;
  AggregateValue b = a;
  b.floating = 1e10 * (1 + 1e-12);
  EXPECT_TRUE(aggregates_agree(a, b, true));
  EXPECT_FALSE(aggregates_agree(a, b, false));
  b.floating = 1.001e10;
  EXPECT_FALSE(aggregates_agree(a, b, true));
  b.kind = AggregateValue::Kind::kNull;
  EXPECT_FALSE(aggregates_agree(a, b, true));
}

}  // namespace
}  // namespace levelscan
