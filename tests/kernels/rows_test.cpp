// PickRows, MeasureRows, FitRows and EmitRows against cells that the test works out from the rows.
#include "kernels/rows.hpp"

#include <cstring>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "support/kernel_pipeline.hpp"
#include "support/kernel_suite.hpp"

namespace levelscan::test {
namespace {

class RowsSuite : public KernelSuite {};
INSTANTIATE_TEST_SUITE_P(Blocks, RowsSuite, all_blocks(), block_name);

struct ExpectedCell {
  ScalarKind kind = ScalarKind::kNull;
  bool negative = false;
  uint64_t bits = 0;
  std::string bytes;
};

ExpectedCell cell_of_number(uint64_t bits, bool negative = false) {
  return {ScalarKind::kInteger, negative, bits, {}};
}

// Cells for the columns of the test below.
std::vector<ExpectedCell> expected_cells(ModelRow const& row) {
  std::string const& value = row.value;
  std::vector<ExpectedCell> cells;
  cells.push_back({ScalarKind::kBytes, false, 0, row.user_key});
  cells.push_back(value.size() >= 4 ? ExpectedCell{ScalarKind::kBytes, false, 0, value.substr(1, 3)}
                                    : ExpectedCell{});
  cells.push_back(value.size() >= 2 ? cell_of_number(static_cast<uint8_t>(value[0]) * 256u +
                                                     static_cast<uint8_t>(value[1]))
                                    : ExpectedCell{});
  if (value.empty()) {
    cells.push_back({});
  } else {
    int64_t const number = static_cast<signed char>(value.back());
    cells.push_back(cell_of_number(static_cast<uint64_t>(number), number < 0));
  }
  cells.push_back(cell_of_number(row.sequence));
  cells.push_back(cell_of_number(value.size()));
  if (value.size() >= 4) {
    float narrow = 0;
    std::memcpy(&narrow, value.data(), 4);
    double const wide = narrow;
    uint64_t bits = 0;
    std::memcpy(&bits, &wide, 8);
    cells.push_back({ScalarKind::kFloat, false, bits, {}});
  } else {
    cells.push_back({});
  }
  cells.push_back({ScalarKind::kBytes, false, 0, value});
  return cells;
}

// `found`: cells of `columns` of the rows from `row` on. `bytes_of(cell)`: the bytes of one.
template <class BytesOf>
void expect_cells(std::vector<Cell> const& found, std::vector<uint32_t> const& columns,
                  std::vector<ModelRow>::const_iterator row, BytesOf const& bytes_of) {
  for (std::size_t at = 0; at < found.size(); ++row) {
    std::vector<ExpectedCell> const expected_row = expected_cells(*row);
    for (uint32_t const c : columns) {
      SCOPED_TRACE("row of key " + row->user_key + " column " + std::to_string(c));
      Cell const& cell = found[at++];
      ExpectedCell const& expected = expected_row[c];
      ASSERT_EQ(cell.kind, expected.kind);
      if (cell.kind == ScalarKind::kNull) continue;
      if (cell.kind == ScalarKind::kBytes) {
        ASSERT_EQ(bytes_of(cell), expected.bytes);
      } else {
        ASSERT_EQ(cell.bits, expected.bits);
        ASSERT_EQ(cell.negative, expected.negative);
      }
    }
  }
}

TEST_P(RowsSuite, CellsAndBytesOfEveryColumnInBatches) {
  std::vector<Field> const columns{
      bytes_field(FieldSource::kKey, 0, kToTheEnd),
      bytes_field(FieldSource::kValue, 1, 3),
      big_endian(number_field(FieldSource::kValue, FieldType::kU16, 0)),
      from_end(number_field(FieldSource::kValue, FieldType::kI8, 1)),
      built_in_field(FieldSource::kSequence),
      built_in_field(FieldSource::kValueSize),
      number_field(FieldSource::kValue, FieldType::kF32, 0),
      bytes_field(FieldSource::kValue, 0, kToTheEnd),
  };
  uint32_t const column_count = static_cast<uint32_t>(columns.size());
  Random random(mix(base_seed() + 40));
  // Two runs whose keys alternate, so that the output order isn't the order of places.
  std::vector<std::vector<TestEntry>> entries(2);
  for (uint32_t i = 0; i < 700; ++i) {
    std::string value = random.bytes(random.below(9));
    // Finite floats only: a NaN may lose its payload when it is widened.
    if (value.size() >= 4) value[3] = static_cast<char>(random.below(0x7f));
    entries[i % 2].push_back({"key" + std::to_string(10000 + i), 5000 - i, kTypeValue, value});
  }
  std::vector<RunData> const runs{build_run({entries[0]}, {16, true}),
                                  build_run({entries[1]}, {3, true})};
  std::vector<ModelRow> const rows =
      model_scan(entries, {}, [](auto const&, auto, auto const&) { return true; }).rows;

  KernelPipeline pipeline(device(), stream(), runs, {}, {});
  ASSERT_EQ(pipeline.run().errors, 0u);
  ASSERT_EQ(pipeline.row_count(), rows.size());
  uint32_t const row_count = pipeline.row_count();
  DeviceArray<Field> const device_columns(device(), stream(), columns);
  RowsArgs const all = pipeline.rows_args(device_columns);
  DeviceArray<uint64_t> const row_bytes(device(), stream(), row_count);
  device().measure_rows_async(MeasureRows::Args{all, row_bytes.device()}, stream());
  std::vector<uint64_t> expected_bytes;
  for (ModelRow const& row : rows) {
    uint64_t bytes = 0;
    for (ExpectedCell const& cell : expected_cells(row)) bytes += cell.bytes.size();
    expected_bytes.push_back(bytes);
  }
  EXPECT_EQ(row_bytes.read(), expected_bytes);
  device().scan_row_bytes_async(row_bytes.device(), row_count, pipeline.scratch(row_count),
                                stream());

  std::vector<uint32_t> every_column(column_count);
  std::iota(every_column.begin(), every_column.end(), 0u);
  DeviceArray<Field> const whole_columns(device(), stream(),
                                         std::vector<Field>{columns.back(), columns.front()});

  // Batches bounded by rows and by bytes, beginning anywhere.
  DeviceArray<FittedRows> const fitted(device(), stream(), 1);
  uint32_t batches = 0;
  for (uint32_t first = 0; first < row_count; ++batches) {
    uint32_t const rows_max = random.between(1, 400);
    uint64_t const bytes_max = random.between(60, 9000);
    uint32_t const at_most = std::min(rows_max, row_count - first);
    device().fit_rows_async(
        FitRows::Args{row_bytes.device(), first, first + at_most, bytes_max, fitted.device()},
        stream());
    uint32_t const count = fitted.read().at(0).count;
    ASSERT_GT(count, 0u);
    ASSERT_LE(count, at_most);
    uint64_t batch_bytes = 0;
    for (uint32_t i = 0; i < count; ++i) batch_bytes += expected_bytes[first + i];
    EXPECT_LE(batch_bytes, bytes_max);
    EXPECT_EQ(fitted.read().at(0).bytes, batch_bytes);
    DeviceArray<Cell> const cells(device(), stream(), std::size_t{count} * column_count);
    DeviceArray<uint8_t> const bytes(device(), stream(), batch_bytes);
    RowsArgs batch = all;
    batch.row_count = count;
    device().emit_rows_async(
        EmitRows::Args{batch, first, row_bytes.device(), cells.device(), bytes.device()}, stream());
    std::vector<uint8_t> const found_bytes = bytes.read();
    auto const in_result = [&](Cell const& cell) {
      EXPECT_LE(cell.bits + cell.size, batch_bytes);
      return std::string(reinterpret_cast<char const*>(found_bytes.data()) + cell.bits, cell.size);
    };
    expect_cells(cells.read(), every_column, rows.begin() + first, in_result);
    // Cells that say where bytes stand, of any columns and of whole ones alone.
    if (device().info().backend == "cpu") {
      auto const at_address = [](Cell const& cell) {
        return std::string(reinterpret_cast<char const*>(cell.bits), cell.size);
      };
      device().emit_rows_async(EmitRows::Args{batch, first, nullptr, cells.device(), nullptr},
                               stream());
      expect_cells(cells.read(), every_column, rows.begin() + first, at_address);
      DeviceArray<Cell> const whole_cells(device(), stream(), std::size_t{count} * 2);
      batch.columns = whole_columns.device();
      batch.column_count = 2;
      device().emit_rows_async(EmitRows::Args{batch, first, nullptr, whole_cells.device(), nullptr},
                               stream());
      expect_cells(whole_cells.read(), {column_count - 1, 0}, rows.begin() + first, at_address);
    }
    first += count;
  }
  EXPECT_GT(batches, 2u);
}

TEST_P(RowsSuite, RowsArePickedInAnyOrderAndMoreThanOnce) {
  Random random(mix(base_seed() + 42));
  for (uint32_t const count : {0u, 1u, 127u, 128u, 129u, 1000u}) {
    SCOPED_TRACE("seed " + std::to_string(base_seed()) + ", count " + std::to_string(count));
    std::vector<uint32_t> rows(300);
    for (uint32_t& place : rows) place = static_cast<uint32_t>(random.next());
    std::vector<uint32_t> picked(count);
    for (uint32_t& row : picked) row = static_cast<uint32_t>(random.below(rows.size()));
    DeviceArray<uint32_t> const places(device(), stream(), rows);
    DeviceArray<uint32_t> const array(device(), stream(), picked);
    device().pick_rows_async(PickRows::Args{places.device(), array.device(), count}, stream());
    for (uint32_t& row : picked) row = rows[row];
    EXPECT_EQ(array.read(), picked);
    EXPECT_EQ(places.read(), rows);
  }
}

TEST_P(RowsSuite, AsManyRowsFitAsTheirBytesAllow) {
  Random random(mix(base_seed() + 41));
  DeviceArray<FittedRows> const fitted(device(), stream(), 1);
  for (uint32_t const count : {1u, 2u, 33u, 1000u}) {
    std::vector<uint64_t> row_bytes(count);
    for (uint64_t& each : row_bytes) each = random.one_in(3) ? 0 : random.below(100);
    std::vector<uint64_t> ends(count);
    std::partial_sum(row_bytes.begin(), row_bytes.end(), ends.begin());
    DeviceArray<uint64_t> const array(device(), stream(), ends);
    for (uint32_t const first : {0u, count - 1, uint32_t(random.below(count))}) {
      for (uint64_t const bytes_max :
           {uint64_t{0}, uint64_t{1}, uint64_t{random.below(5000)}, uint64_t{random.below(60'000)},
            std::numeric_limits<uint64_t>::max()}) {
        SCOPED_TRACE("seed " + std::to_string(base_seed()) + ", count " + std::to_string(count) +
                     ", first " + std::to_string(first) + ", bytes_max " +
                     std::to_string(bytes_max));
        uint32_t const end = first + random.between(1, count - first);
        uint32_t expected = 0;
        uint64_t bytes = 0;
        while (first + expected < end && bytes + row_bytes[first + expected] <= bytes_max) {
          bytes += row_bytes[first + expected];
          ++expected;
        }
        device().fit_rows_async(
            FitRows::Args{array.device(), first, end, bytes_max, fitted.device()}, stream());
        FittedRows const found = fitted.read().at(0);
        ASSERT_EQ(found.count, expected);
        ASSERT_EQ(found.bytes, expected == 0 ? row_bytes[first] : bytes);
      }
    }
  }
}

}  // namespace
}  // namespace levelscan::test
