#include "peer/bench_database.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <random>

#include "levelscan/error.hpp"
#include "peer/database_writer.hpp"

namespace levelscan {
namespace {

constexpr uint32_t kKeyBytesMin = 8;
constexpr uint32_t kValueBytesMin = 4;
constexpr uint64_t kFlushBytes = uint64_t{128} << 20;

class EntryWriter {
 public:
  EntryWriter(std::string const& path, BenchDatabaseShape const& shape)
      : writer_(path,
                {shape.compression, shape.table_bytes, shape.block_bytes, shape.restart_interval}),
        shape_(shape),
        value_(shape.value_bytes, 'v') {}

  void put(uint64_t number) {
    uint32_t const uniform = static_cast<uint32_t>(random_() >> 32);
    std::memcpy(value_.data(), &uniform, sizeof uniform);
    if (value_.size() >= 12) std::memcpy(value_.data() + 4, &number, sizeof number);
    for (std::size_t i = 12; i + 8 <= value_.size(); i += 24) {
      uint64_t const bits = random_();
      std::memcpy(value_.data() + i, &bits, sizeof bits);
    }
    writer_.put(shape_.key(number), value_);
  }

  [[nodiscard]] uint64_t below(uint64_t bound) { return random_() % bound; }
  [[nodiscard]] DatabaseWriter& database() { return writer_; }

 private:
  DatabaseWriter writer_;
  BenchDatabaseShape const& shape_;
  std::mt19937_64 random_{1};
  std::string value_;
};

void write_levels(EntryWriter& writer, BenchDatabaseShape const& shape, uint64_t last_level) {
  // Ascending numbers make a level that needs no merging.
  uint64_t const flush_entries =
      std::max<uint64_t>(1, kFlushBytes / (shape.key_bytes + shape.value_bytes));
  for (uint64_t i = 0; i < last_level; ++i) {
    writer.put(i);
    if (i % flush_entries == flush_entries - 1) writer.database().flush();
  }
  writer.database().flush();
  writer.database().compact_to(6);
  if (shape.runs == 1) return;
  uint64_t left = shape.entries - last_level;
  uint64_t const level_above = shape.runs == 2 ? left : left * 4 / 5;
  for (uint64_t i = 0; i < level_above; ++i) writer.put(writer.below(last_level));
  writer.database().flush();
  writer.database().compact_to(5);
  left -= level_above;
  for (uint64_t file = shape.runs - 2; file > 0; --file) {
    for (uint64_t i = left / file; i > 0; --i) writer.put(writer.below(last_level));
    left -= left / file;
    writer.database().flush();
  }
}

void write_level0(EntryWriter& writer, BenchDatabaseShape const& shape, uint64_t distinct) {
  // A prime that is larger than most: its multiples are every number below `distinct` once.
  constexpr uint64_t kStep = 2654435761;
  uint64_t written = 0;
  for (uint64_t file = shape.runs; file > 0; --file) {
    for (uint64_t i = (shape.entries - written) / file; i > 0; --i, ++written) {
      writer.put(written < distinct ? written * kStep % distinct : writer.below(distinct));
    }
    writer.database().flush();
  }
}

}  // namespace

std::string BenchDatabaseShape::name() const {
  return fmt::format("{}-k{}-v{}-b{}-i{}-{}-t{}-{}{}-o{}", entries, key_bytes, value_bytes,
                     block_bytes, restart_interval, compression, table_bytes,
                     level0 ? "files" : "runs", runs, overwritten);
}

uint64_t BenchDatabaseShape::distinct_keys() const {
  if (runs == 1) return entries;
  return static_cast<uint64_t>(static_cast<double>(entries) * (1 - overwritten));
}

std::string BenchDatabaseShape::key(uint64_t number) const {
  std::string text(key_bytes, '0');
  for (std::size_t i = 0; i < 8; ++i) text[i] = static_cast<char>(number >> (8 * (7 - i)));
  return text;
}

void write_bench_database(std::string const& path, BenchDatabaseShape const& shape) {
  bool const makes_sense = shape.key_bytes >= kKeyBytesMin && shape.value_bytes >= kValueBytesMin &&
                           shape.runs >= 1 && shape.entries >= 10 * uint64_t{shape.runs} &&
                           shape.overwritten >= 0 && shape.overwritten < 1 &&
                           shape.block_bytes > 0 && shape.restart_interval > 0 &&
                           shape.table_bytes > 0;
  if (!makes_sense) {
    throw Error(ErrorCode::kUsage, "no database can be written of the shape " + shape.name());
  }
  EntryWriter writer(path, shape);
  uint64_t const distinct = shape.distinct_keys();
  if (shape.level0) {
    write_level0(writer, shape, distinct);
  } else {
    write_levels(writer, shape, distinct);
  }
  writer.database().close();
}

}  // namespace levelscan
