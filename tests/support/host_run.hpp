// A run in host memory, for what looks at it without a device.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "kernels/run_view.hpp"
#include "support/sst_builder.hpp"

namespace levelscan::test {

// A run's bytes at their exact size, for AddressSanitizer, and its view on the host.
class HostRun {
 public:
  explicit HostRun(RunData const& run)
      : bytes_(new uint8_t[run.bytes.size()]), blocks_(run.blocks), order_(run.order) {
    std::copy(run.bytes.begin(), run.bytes.end(), bytes_.get());
    view_.data = bytes_.get();
    view_.blocks = blocks_.data();
    view_.block_count = static_cast<uint32_t>(blocks_.size());
    view_.interval_count = run.interval_count;
    view_.largest_sequence = run.largest_sequence;
    view_.smallest_sequence = run.smallest_sequence;
    view_.order = order_;
  }
  [[nodiscard]] RunView const& view() const { return view_; }
  [[nodiscard]] EntryWalk walk(uint32_t interval) const {
    return EntryWalk::over(view_.data, interval_bytes(view_, interval), order_);
  }

 private:
  std::unique_ptr<uint8_t[]> bytes_;
  std::vector<DataBlockRef> blocks_;
  KeyOrder order_;
  RunView view_{};
};

}  // namespace levelscan::test
