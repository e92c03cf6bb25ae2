#include "peer/bench_database.hpp"

#include <cstring>
#include <random>

#include "peer/database_writer.hpp"

namespace levelscan {
namespace {

void put_entry(DatabaseWriter& writer, uint64_t number, std::mt19937_64& random) {
  char key[kBenchKeyBytes];
  for (int i = 0; i < 8; ++i) key[i] = static_cast<char>(number >> (8 * (7 - i)));
  std::memset(key + 8, '0', sizeof key - 8);
  char value[kBenchValueBytes];
  std::memset(value, 'v', sizeof value);
  uint32_t const uniform = static_cast<uint32_t>(random() >> 32);
  std::memcpy(value, &uniform, sizeof uniform);
  std::memcpy(value + 4, &number, sizeof number);
  for (std::size_t i = 12; i + 8 <= sizeof value; i += 24) {
    uint64_t const bits = random();
    std::memcpy(value + i, &bits, sizeof bits);
  }
  writer.put({key, sizeof key}, {value, sizeof value});
}

}  // namespace

void write_bench_database(std::string const& path, uint64_t entries) {
  DatabaseWriter writer(path, WriterOptions{false, uint64_t{64} << 20});
  std::mt19937_64 random(1);
  uint64_t const last_level = entries * 9 / 10;
  uint64_t const level_above = entries * 8 / 100;
  // Ascending numbers make a level that needs no merging; a tenth of them is written again.
  for (uint64_t i = 0; i < last_level; ++i) {
    put_entry(writer, i, random);
    if (i % 1000000 == 999999) writer.flush();
  }
  writer.flush();
  writer.compact_to(6);
  for (uint64_t i = 0; i < level_above; ++i) put_entry(writer, random() % entries, random);
  writer.flush();
  writer.compact_to(5);
  uint64_t left = entries - last_level - level_above;
  for (uint64_t file = 4; file > 0; --file) {
    for (uint64_t i = left / file; i > 0; --i) put_entry(writer, random() % entries, random);
    left -= left / file;
    writer.flush();
  }
  writer.close();
}

}  // namespace levelscan
