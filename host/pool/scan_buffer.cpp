#include "pool/scan_buffer.hpp"

#include <fmt/format.h>

#include <string>

#include "levelscan/error.hpp"
#include "pool/pool_layout.hpp"

namespace levelscan {
namespace {

// Allocates the spaces of one scan buffer; a failure is told as an Error(kDevice).
class SpaceAllocator {
 public:
  SpaceAllocator(Device& device, PoolLayout const& layout, uint32_t scan)
      : device_(device), layout_(layout), scan_(scan) {}

  // Of the scan buffer as a whole.
  template <class Owner>
  Owner make(char const* space, std::size_t bytes) const {
    return guarded([&] { return Owner(device_, bytes); },
                   [&] { return fmt::format("{} of {} bytes", space, bytes); });
  }
  // Of a run.
  MirroredBytes make(uint32_t run, char const* space, std::size_t bytes) const {
    return guarded([&] { return MirroredBytes(device_, bytes); },
                   [&] {
                     return fmt::format("run {} of {}, {} of {} bytes", run + 1,
                                        layout_.run_count(), space, bytes);
                   });
  }
  template <class Owner>
  Owner make(char const* resource) const {
    return guarded([&] { return Owner(device_); }, [&] { return std::string(resource); });
  }

 private:
  template <class Make, class Describe>
  auto guarded(Make const& make_one, Describe const& describe) const -> decltype(make_one()) {
    try {
      return make_one();
    } catch (DeviceError const& error) {
      PoolBytes const needed = layout_.pool_bytes(device_);
      throw Error(
          ErrorCode::kDevice,
          fmt::format("scan buffer {} of {}: {}: {}; the whole pool needs {} bytes of pinned "
                      "memory and {} bytes of device memory",
                      scan_ + 1, layout_.scans_max, describe(), error.what(), needed.pinned,
                      needed.device));
    }
  }

  Device& device_;
  PoolLayout const& layout_;
  uint32_t scan_;
};

}  // namespace

ScanBuffer::ScanBuffer(Device& device, PoolLayout const& layout, uint32_t scan) {
  SpaceAllocator const allocator(device, layout, scan);
  levels.reserve(layout.runs.size());
  for (uint32_t r = 0; r < layout.run_count(); ++r) {
    LevelBuffer level;
    level.index = allocator.make(r, "index block", layout.runs[r].index_block_bytes);
    level.data = allocator.make(r, "data block", layout.runs[r].data_block_bytes);
    level.blocks = allocator.make(r, "block list", layout.blocks_bytes(r));
    if (!device.info().mirrors_alias_host) {
      level.checks = allocator.make(r, "checksum list", layout.checks_bytes(r));
    }
    levels.push_back(std::move(level));
  }
  control = allocator.make<MirroredBytes>("control space", layout.control_bytes);
  index_ranges = allocator.make<MirroredBytes>("index ranges", layout.index_ranges_bytes());
  interval_ranges = allocator.make<DeviceBytes>("interval ranges", layout.interval_ranges_bytes());
  status = allocator.make<MirroredBytes>("status", layout.status_bytes());
  shares = allocator.make<MirroredBytes>("candidate shares", layout.shares_bytes());
  counts = allocator.make<DeviceBytes>("interval counts", layout.counts_bytes());
  candidates = allocator.make<DeviceBytes>("candidate space", layout.candidates_bytes());
  keys = allocator.make<DeviceBytes>("candidate key space", layout.candidate_key_bytes);
  rows = allocator.make<DeviceBytes>("row places", layout.rows_bytes());
  row_bytes = allocator.make<DeviceBytes>("row sizes", layout.row_bytes_bytes());
  cells = allocator.make<MirroredBytes>("result cells", layout.cells_bytes());
  result = allocator.make<MirroredBytes>("result space", layout.result_bytes);
  scratch = allocator.make<DeviceBytes>("scratch space", layout.scratch_bytes(device));
  read_area = allocator.make<PinnedBytes>("read area", layout.read_area_bytes);
  values = allocator.make<MirroredBytes>("value space", layout.values_bytes);
  value_list = allocator.make<MirroredBytes>("value list", layout.value_list_bytes());
  stream_owner = allocator.make<StreamOwner>("stream");
  released_owner = allocator.make<EventOwner>("event");
  stream = stream_owner.view();
  released = released_owner.view();
}

}  // namespace levelscan
