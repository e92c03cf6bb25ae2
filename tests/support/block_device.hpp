// CPU devices for tests that launch kernels with the test Blocks. Everything else is the CPU
// device's, with a separate mirror: a forgotten copy is a wrong answer. Device memory is allocated
// at its exact size and filled with a seeded byte, so that AddressSanitizer sees an overrun and
// reading what nobody wrote shows.
#pragma once

#include <cstdint>
#include <memory>

#include "device/device.hpp"
#include "support/item_block.hpp"
#include "support/relay_block.hpp"
#include "support/threaded_block.hpp"

namespace levelscan::test {

[[nodiscard]] std::unique_ptr<Device> make_shuffled_device(uint64_t seed);
[[nodiscard]] std::unique_ptr<Device> make_threaded_device(ThreadedOptions const& options);
[[nodiscard]] std::unique_ptr<Device> make_relay_device(RelayOptions const& options);
// REQUIRES: the log outlives it.
[[nodiscard]] std::unique_ptr<Device> make_item_device(ItemLog& log);

}  // namespace levelscan::test
