// Databases to measure scans over, written with librocksdb: what db_bench leaves after
// `fillrandom,overwrite,flush`, but the same every time, and with as many runs as asked for.
//
//   key     u64be number | '0' to key_bytes
//   value   u32 uniform | u64 number | to value_bytes, in turn 8 random bytes and 16 times 'v'
#pragma once

#include <cstdint>
#include <string>

namespace levelscan {

struct BenchDatabaseShape {
  uint64_t entries = 4'000'000;
  uint32_t key_bytes = 16;     // 8 or more
  uint32_t value_bytes = 100;  // 4 or more
  uint32_t block_bytes = 4096;
  uint32_t restart_interval = 16;
  std::string compression = "none";
  uint64_t table_bytes = uint64_t{64} << 20;
  uint32_t runs = 4;
  // Share of the entries that write the key of an earlier one again.
  double overwritten = 0.1;
  // True: every run is an L0 file and holds as many entries, their keys from everywhere. False:
  // what is written once lies in the last level; of the rest most one level up, and what remains in
  // overlapping L0 files. A single run has nothing overwritten.
  bool level0 = false;

  // Keys are those of the numbers below this.
  [[nodiscard]] uint64_t distinct_keys() const;
  [[nodiscard]] std::string key(uint64_t number) const;
  // A file name that tells shapes apart.
  [[nodiscard]] std::string name() const;
};

// Writes the new directory `path`, flushed and closed. Throws Error: kRuntime; kUsage where the
// shape makes no sense.
void write_bench_database(std::string const& path, BenchDatabaseShape const& shape);

}  // namespace levelscan
