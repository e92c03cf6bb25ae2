// Rows and aggregates in each format, as they arrive in a file.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "output/statistics_json.hpp"
#include "output/text_sink.hpp"
#include "support/temporary_directory.hpp"

namespace levelscan {
namespace {

class OutputSink : public ::testing::Test {
 protected:
  std::string path() const { return directory_ / "out"; }
  std::string content() const {
    std::ifstream file(path());
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }

  testing::TemporaryDirectory directory_;
};

// key bytes, n integer, f f32, g f64
Query four_columns() {
  Query query;
  query.columns = {{"key", {FieldSource::kKey, FieldType::kBytes, false, false, 0, kToTheEnd}},
                   {"n", {FieldSource::kValue, FieldType::kI64, false, false, 0, 8}},
                   {"f", {FieldSource::kValue, FieldType::kF32, false, false, 8, 4}},
                   {"g", {FieldSource::kValue, FieldType::kF64, false, false, 12, 8}}};
  return query;
}

struct Rows {
  std::vector<Cell> cells;
  std::string bytes;

  void add_bytes(std::string const& value) {
    cells.push_back(
        {bytes.size(), static_cast<uint32_t>(value.size()), ScalarKind::kBytes, false, 0});
    bytes += value;
  }
  void add_integer(int64_t value) {
    cells.push_back({static_cast<uint64_t>(value), 0, ScalarKind::kInteger, value < 0, 0});
  }
  void add_float(double value) {
    cells.push_back({double_to_bits(value), 0, ScalarKind::kFloat, false, 0});
  }
  void add_null() { cells.push_back({0, 0, ScalarKind::kNull, false, 0}); }

  RowBatch batch(uint32_t column_count) const {
    return {cells.data(), reinterpret_cast<uint8_t const*>(bytes.data()),
            static_cast<uint32_t>(cells.size()) / column_count, column_count};
  }
};

Rows sample_rows() {
  Rows rows;
  rows.add_bytes("a,\x01");
  rows.add_integer(-5);
  rows.add_float(static_cast<double>(0.1F));
  rows.add_float(0.1);
  rows.add_bytes("");
  rows.add_integer(123456);
  rows.add_float(std::nan(""));
  rows.add_float(-std::numeric_limits<double>::infinity());
  rows.add_bytes("z");
  rows.add_null();
  rows.add_null();
  rows.add_null();
  return rows;
}

void write_rows(OutputFormat format, BytesStyle style, std::string const& path, Rows const* rows) {
  OutputFile file(path);
  auto const sink = make_text_sink(format, style, output_columns(four_columns()), file);
  sink->begin();
  if (rows != nullptr) {
    Text text;
    sink->format(rows->batch(4), text);
    sink->write(text);
  }
  sink->finish();
  file.commit();
}

TEST_F(OutputSink, CsvHasAHeaderAndEmptyCellsForNull) {
  Rows const rows = sample_rows();
  write_rows(OutputFormat::kCsv, BytesStyle::kEscaped, path(), &rows);
  EXPECT_EQ(content(),
            "key,n,f,g\n"
            "\"a,\\x01\",-5,0.1,0.1\n"
            "\"\",123456,nan,-inf\n"
            "z,,,\n");
  write_rows(OutputFormat::kCsv, BytesStyle::kHex, path(), &rows);
  EXPECT_EQ(content().substr(10, 6), "612c01");
  write_rows(OutputFormat::kCsv, BytesStyle::kEscaped, path(), nullptr);
  EXPECT_EQ(content(), "key,n,f,g\n");
}

TEST_F(OutputSink, JsonlHasAnObjectALine) {
  Rows const rows = sample_rows();
  write_rows(OutputFormat::kJsonl, BytesStyle::kEscaped, path(), &rows);
  EXPECT_EQ(content(),
            "{\"key\":\"a,\\\\x01\",\"n\":-5,\"f\":0.1,\"g\":0.1}\n"
            "{\"key\":\"\",\"n\":123456,\"f\":\"nan\",\"g\":\"-inf\"}\n"
            "{\"key\":\"z\",\"n\":null,\"f\":null,\"g\":null}\n");
  write_rows(OutputFormat::kJsonl, BytesStyle::kEscaped, path(), nullptr);
  EXPECT_EQ(content(), "");
}

TEST_F(OutputSink, TableAlignsItsColumns) {
  Rows const rows = sample_rows();
  write_rows(OutputFormat::kTable, BytesStyle::kEscaped, path(), &rows);
  EXPECT_EQ(content(),
            "key          n     f     g\n"
            "------  ------  ----  ----\n"
            "a,\\x01      -5   0.1   0.1\n"
            "        123456   nan  -inf\n"
            "z         null  null  null\n");
  write_rows(OutputFormat::kTable, BytesStyle::kEscaped, path(), nullptr);
  EXPECT_EQ(content(),
            "key  n  f  g\n"
            "---  -  -  -\n");
}

TEST_F(OutputSink, TableKeepsTheWidthsOfItsFirstRows) {
  Query query;
  query.columns = {{"a", {FieldSource::kKey, FieldType::kU64, false, false, 0, 8}},
                   {"b", {FieldSource::kKey, FieldType::kU64, false, false, 0, 8}}};
  OutputFile file(path());
  auto const sink =
      make_text_sink(OutputFormat::kTable, BytesStyle::kEscaped, output_columns(query), file);
  sink->begin();
  for (int i = 0; i < 1500; ++i) {
    Rows rows;
    rows.add_integer(i < 1200 ? 10 : 1000000);
    rows.add_integer(7);
    Text text;
    sink->format(rows.batch(2), text);
    sink->write(text);
  }
  sink->finish();
  file.commit();
  std::istringstream stream(content());
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  ASSERT_EQ(lines.size(), 1502U);
  EXPECT_EQ(lines[0], " a  b");
  EXPECT_EQ(lines[2], "10  7");
  EXPECT_EQ(lines[1501], "1000000  7");
}

Query three_aggregates() {
  Query query;
  NamedField const narrow{"f", {FieldSource::kValue, FieldType::kF32, false, false, 8, 4}};
  NamedField const name{"s", {FieldSource::kValue, FieldType::kBytes, false, false, 8, 4}};
  query.aggregates = {{AggregateFunction::kSum, narrow, "sum(n)"},
                      {AggregateFunction::kMin, narrow, "min(f)"},
                      {AggregateFunction::kMax, name, "max(s)"},
                      {AggregateFunction::kAvg, narrow, "avg(f)"}};
  return query;
}

TEST_F(OutputSink, AggregatesAreOneRow) {
  std::vector<AggregateValue> values(4);
  values[0].kind = AggregateValue::Kind::kInteger;
  values[0].integer = static_cast<Int128>(UINT64_MAX) * 10;
  values[1].kind = AggregateValue::Kind::kFloat;
  values[1].floating = static_cast<double>(0.1F);
  values[1].single_precision = true;
  values[2].kind = AggregateValue::Kind::kBytes;
  values[2].bytes = "\xff";
  auto const written = [&](OutputFormat format) {
    OutputFile file(path());
    auto const sink =
        make_text_sink(format, BytesStyle::kEscaped, output_columns(three_aggregates()), file);
    sink->begin();
    sink->write_aggregates(values);
    sink->finish();
    file.commit();
    return content();
  };
  EXPECT_EQ(written(OutputFormat::kCsv),
            "sum(n),min(f),max(s),avg(f)\n184467440737095516150,0.1,\\xff,\n");
  EXPECT_EQ(
      written(OutputFormat::kJsonl),
      "{\"sum(n)\":184467440737095516150,\"min(f)\":0.1,\"max(s)\":\"\\\\xff\",\"avg(f)\":null}\n");
  EXPECT_EQ(written(OutputFormat::kTable),
            "               sum(n)  min(f)  max(s)  avg(f)\n"
            "---------------------  ------  ------  ------\n"
            "184467440737095516150     0.1  \\xff      null\n");
}

TEST(StatisticsJson, HasTheKeysOfTheContract) {
  ScanStatistics statistics;
  statistics.backend = "cpu";
  statistics.entries_seen = UINT64_MAX;
  statistics.resolve_mark = 3;
  statistics.filter_ns = 4999;
  statistics.pool_waits = 5;
  std::string const text = statistics_json(statistics);
  EXPECT_EQ(text.find('\n'), text.npos);
  nlohmann::json const json = nlohmann::json::parse(text);
  for (char const* key :
       {"schema_version", "backend", "snapshot", "entries_seen", "entries_filtered",
        "shadowed_value", "shadowed_tombstone", "shadowed_range", "rows_found", "bytes_planned",
        "bytes_read", "bytes_copied", "bytes_decompressed", "windows", "resolve", "time_us",
        "pool"}) {
    EXPECT_TRUE(json.contains(key)) << key;
  }
  EXPECT_EQ(json["schema_version"], 1);
  EXPECT_EQ(json["entries_seen"], UINT64_MAX);
  EXPECT_EQ(json["resolve"]["mark"], 3);
  EXPECT_EQ(json["time_us"]["filter"], 4);
  EXPECT_EQ(json["pool"]["waits"], 5);
}

}  // namespace
}  // namespace levelscan
