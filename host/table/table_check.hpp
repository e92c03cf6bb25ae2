// Reads every block of a table file, whether a scan would need it or not, and tells what is wrong
// with each: checksum, compression, entries and their order. Goes on after a bad block as far as
// what it names can be found otherwise.
//
// Holds an index block, a dictionary and one more block at a time. Thread-safe for listeners that
// are.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "kernels/key_order.hpp"
#include "levelscan/error.hpp"

namespace levelscan {

struct CheckListener {
  // A bad block, or a file that can't be read: the error names file and offset.
  std::function<void(Error const&)> on_problem;
  // Something that was read, whole or bad: its bytes in the file.
  std::function<void(uint64_t)> on_block;
  // Once true the check ends with Error(kInterrupted). May be null.
  std::atomic<bool> const* interrupted = nullptr;
};

void throw_if_interrupted(CheckListener const& listener);

// `file_bytes`: by the MANIFEST. Without a key order (a comparator that is not known) the data
// blocks can't be found: that is reported as Error(kUnsupported), as are table formats that are not
// read here.
void check_table_file(std::string const& path, uint64_t file_bytes,
                      std::optional<KeyOrder> key_order, CheckListener const& listener);

}  // namespace levelscan
