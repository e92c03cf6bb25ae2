// The sample database of `levelscan demo`: orders of a shop, written with librocksdb and its
// default options (Snappy, 4 KiB blocks).
//
//   key     customer u32be | order u64be                                          12 bytes
//   value   status u8 | priority u8 | quantity u16 | discount f32 | amount i64 (cents)
//           | created u64 (seconds) | region bytes[4] | note, to the end          28 bytes and more
//
// Most orders lie in the last level. Above it are changes of status, new orders and deletions: two
// more levels, and L0 files that overlap each other.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace levelscan {

inline constexpr uint32_t kDemoCustomers = 50000;

// Writes the database into the new directory `path`. The same every time. Throws Error(kRuntime).
void write_demo_database(std::string const& path);

// Its fields, as --field takes them.
[[nodiscard]] std::vector<std::string> demo_fields();

// The first 4 bytes of a customer's keys.
[[nodiscard]] std::string demo_customer_prefix(uint32_t customer);

}  // namespace levelscan
