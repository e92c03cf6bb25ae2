// A database to measure scans over, written with librocksdb as its db_bench would after
// `fillrandom,overwrite,flush`: keys of 16 bytes, values of 100, uncompressed, everything else as
// librocksdb has it by default. About nine tenths of the entries lie in the last level, most of the
// rest one level up, and some in overlapping L0 files.
//
//   key     u64be number | 8 x '0'
//   value   u32 uniform | u64 number | bytes of no meaning, to 100
#pragma once

#include <cstdint>
#include <string>

namespace levelscan {

inline constexpr uint32_t kBenchKeyBytes = 16;
inline constexpr uint32_t kBenchValueBytes = 100;

// Writes `entries` entries into the new directory `path`, flushed and closed. The same every time.
// Throws Error(kRuntime).
void write_bench_database(std::string const& path, uint64_t entries);

}  // namespace levelscan
