// Mutations of write batches that leave counts and lengths right most of the time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace levelscan::fuzz {

// Mutates the batch: its bytes, or an operation, or the list of them. May grow it by some hundred
// bytes. `seed` decides.
[[nodiscard]] std::vector<uint8_t> mutate_batch(std::vector<uint8_t> batch, unsigned int seed);

}  // namespace levelscan::fuzz
