// The records of a log file: what a reader puts together from fragments comes from the file, in
// order.
#include <algorithm>
#include <vector>

#include "fuzz/fuzz_support.hpp"
#include "fuzz/log_mutator.hpp"
#include "version/log_reader.hpp"

namespace levelscan::fuzz {
namespace {

void read_all(std::span<uint8_t const> log, std::string const& path) {
  LogReader reader(log, path);
  std::vector<uint8_t> record;
  uint64_t bytes = 0;
  uint64_t previous = 0;
  bool first = true;
  while (reader.next(record)) {
    bytes += record.size();
    require(first || reader.record_offset() > previous, "records that don't move on");
    require(reader.record_offset() < reader.complete_bytes(),
            "a record that ends before it begins");
    require(reader.complete_bytes() <= log.size(), "a record beyond the file");
    previous = reader.record_offset();
    first = false;
    if (has_planted_bug) {
      static uint8_t copy[64];
      std::copy(record.begin(), record.end(), copy);
    }
  }
  require(bytes <= log.size(), "records longer than the file");
}

}  // namespace
}  // namespace levelscan::fuzz

using namespace levelscan;

int LLVMFuzzerTestOneInput(uint8_t const* data, std::size_t size) {
  fuzz::ExactBytes const log({data, size});
  std::string const path = "000001.log";
  fuzz::accepts(path, [&] { fuzz::read_all(log.span(), path); });
  return 0;
}

std::size_t LLVMFuzzerCustomMutator(uint8_t* data, std::size_t size, std::size_t size_max,
                                    unsigned int seed) {
  return fuzz::mutate_log(data, size, size_max, seed);
}
