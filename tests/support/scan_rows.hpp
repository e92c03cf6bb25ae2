// Scans of real databases in tests, with tiny buffers and with ordinary ones, on both CPU mirrors,
// each compared with rows that another program read. Not thread-safe.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "execute/scanner.hpp"
#include "output/text.hpp"
#include "output/text_encoding.hpp"
#include "query/parser.hpp"
#include "table/coding.hpp"

namespace levelscan::testing {

using Rows = std::vector<std::pair<std::string, std::string>>;  // key, value

inline std::string escaped(std::string_view bytes) {
  Text text;
  text.append_written(bytes_text_max(bytes.size()),
                      [&](char* to) { return write_escaped(as_bytes(bytes), to); });
  return std::string(text.view());
}

class RowCollector final : public RowSink {
 public:
  void format(RowBatch const& batch, Text& text) const override {
    for (uint32_t row = 0; row < batch.row_count; ++row) {
      for (uint32_t column = 0; column < 2; ++column) {
        Cell const& cell = batch.cells[row * batch.column_count + column];
        ByteSpan const bytes = batch.bytes_of(cell);
        text.append(reinterpret_cast<char const*>(&cell.size), sizeof cell.size);
        text.append(reinterpret_cast<char const*>(bytes.data()), bytes.size());
      }
    }
  }
  void write(std::string_view text) override {
    auto const take = [&] {
      uint32_t size = 0;
      text.copy(reinterpret_cast<char*>(&size), sizeof size);
      std::string bytes(text.substr(sizeof size, size));
      text.remove_prefix(sizeof size + size);
      return bytes;
    };
    while (!text.empty()) {
      std::string key = take();
      rows_.emplace_back(std::move(key), take());
    }
  }
  [[nodiscard]] Rows const& rows() const { return rows_; }

 private:
  Rows rows_;
};

// Key and value of all rows.
inline Query rows_query() {
  Query query;
  Schema const schema;
  query.columns = {*schema.find("key"), *schema.find("value")};
  return query;
}

inline std::shared_ptr<Expression const> predicate(std::string const& text,
                                                   std::vector<std::string> const& fields = {}) {
  Schema schema;
  for (std::string const& field : fields) schema.define(field);
  return std::make_shared<Expression const>(parse_expression(text, schema));
}

inline ScannerOptions tiny_options(uint32_t data_block_bytes) {
  ScannerOptions options;
  options.backend = Backend::kCpu;
  options.threads = 2;
  options.scans_max = 2;
  options.memory_bytes = 64 << 20;
  options.data_block_bytes = data_block_bytes;
  options.candidates_max = 8;
  options.candidate_key_bytes = 256;
  options.result_bytes = 256;
  options.read_area_bytes = 128;
  options.values_bytes = 64;
  options.task_bytes = 2000;
  return options;
}

struct Scan {
  Rows rows;
  ScanStatistics statistics;
};

inline Scan scan(std::string const& path, Query const& query, ScannerOptions const& options,
                 CpuMirror mirror, OpenOptions const& open = {}) {
  DatabaseVersion const version = open_version(path, open);
  std::unique_ptr<Device> const device = make_cpu_device(mirror);
  Scanner scanner(version, options, *device);
  RowCollector collector;
  ScanStatistics statistics = scanner.run(query, &collector).statistics;
  return {collector.rows(), statistics};
}

// Scans in every way and expects the same rows each time. Returns the statistics of the last scan,
// with ordinary buffers and one task.
inline ScanStatistics expect_rows(std::string const& path, Query const& query, Rows const& expected,
                                  OpenOptions const& open = {}) {
  ScanStatistics statistics;
  std::vector<ScannerOptions> ways;
  for (uint32_t const bytes : {256u, 1024u, 16384u}) ways.push_back(tiny_options(bytes));
  ScannerOptions ordinary;
  ordinary.memory_bytes = 64 << 20;
  ordinary.threads = 1;
  ways.push_back(ordinary);
  for (ScannerOptions const& options : ways) {
    for (CpuMirror const mirror : {CpuMirror::kSeparate, CpuMirror::kAliasing}) {
      SCOPED_TRACE(fmt::format("data blocks of {} bytes, {} mirror", options.data_block_bytes,
                               mirror == CpuMirror::kSeparate ? "separate" : "aliasing"));
      Scan const found = scan(path, query, options, mirror, open);
      EXPECT_EQ(found.rows.size(), expected.size());
      for (std::size_t i = 0; i < found.rows.size() && i < expected.size(); ++i) {
        if (found.rows[i] == expected[i]) continue;
        ADD_FAILURE() << "row " << i << ": found " << escaped(found.rows[i].first) << ", "
                      << escaped(found.rows[i].second) << "; expected "
                      << escaped(expected[i].first) << ", " << escaped(expected[i].second);
        break;
      }
      statistics = found.statistics;
    }
  }
  return statistics;
}

}  // namespace levelscan::testing
