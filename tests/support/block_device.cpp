#include "support/block_device.hpp"

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>

#include "support/forwarding_device.hpp"
#include "support/shuffled_block.hpp"

namespace levelscan::test {
namespace {

struct ShuffledLauncher {
  template <class Kernel>
  static void launch(typename Kernel::Args const& args, uint32_t block_count, uint64_t seed) {
    launch_shuffled<Kernel>(args, block_count, seed);
  }
  uint64_t seed;
};

struct ThreadedLauncher {
  template <class Kernel>
  void launch(typename Kernel::Args const& args, uint32_t block_count, uint64_t launch_seed) const {
    ThreadedOptions launch_options = options;
    launch_options.seed = launch_seed;
    launch_threaded<Kernel>(args, block_count, launch_options);
  }
  ThreadedOptions options;
  uint64_t seed = options.seed;
};

struct RelayLauncher {
  template <class Kernel>
  void launch(typename Kernel::Args const& args, uint32_t block_count, uint64_t launch_seed) const {
    RelayOptions launch_options = options;
    launch_options.seed = launch_seed;
    launch_relay<Kernel>(args, block_count, launch_options);
  }
  RelayOptions options;
  uint64_t seed = options.seed;
};

struct ItemLauncher {
  template <class Kernel>
  void launch(typename Kernel::Args const& args, uint32_t block_count, uint64_t launch_seed) const {
    launch_counted<Kernel>(args, block_count, launch_seed, log);
  }
  ItemLog& log;
  uint64_t seed = 0;
};

template <class Launcher>
class BlockDevice final : public ForwardingDevice {
 public:
  explicit BlockDevice(Launcher launcher)
      : ForwardingDevice(make_cpu_device(CpuMirror::kSeparate)),
        info_(ForwardingDevice::info()),
        launcher_(std::move(launcher)) {
    info_.runs_in_order = false;
  }

  DeviceInfo const& info() const noexcept override { return info_; }

  void* allocate_device(std::size_t bytes) override {
    void* memory = nullptr;
    // Unlike aligned_alloc, posix_memalign takes any size.
    if (posix_memalign(&memory, kAllocationAlignment, bytes) != 0) {
      throw DeviceError("no memory for " + std::to_string(bytes) + " bytes");
    }
    std::memset(memory, static_cast<int>(next_seed() & 0xff), bytes);
    return memory;
  }
  void free_device(void* device, std::size_t) noexcept override { std::free(device); }

  void search_index_async(IndexSearch::Args const& args, StreamView stream) override {
    launch<IndexSearch>(args, args.run_count, stream);
  }
  void narrow_async(Narrow::Args const& args, StreamView stream) override {
    launch<Narrow>(args, 1, stream);
  }
  void filter_async(FilterArgs const& args, uint32_t tile_count, StreamView stream) override {
    launch<Filter>(args, tile_count, stream);
  }
  void gather_async(Gather::Args const& args, uint32_t tile_count, StreamView stream) override {
    launch<Gather>(args, tile_count, stream);
  }
  void resolve_ranges_async(ResolveRanges::Args const& args, StreamView stream) override {
    launch<ResolveRanges>(args, tiles(args.candidate_count, kTileCandidates), stream);
  }
  void resolve_mark_async(ResolveMark::Args const& args, uint32_t tile_count,
                          StreamView stream) override {
    launch<ResolveMark>(args, tile_count, stream);
  }
  void resolve_probe_async(ResolveProbe::Args const& args, StreamView stream) override {
    launch<ResolveProbe>(args, tiles(args.candidate_count, kTileCandidates), stream);
  }
  void resolve_merge_async(ResolveMerge::Args const& args, StreamView stream) override {
    launch<ResolveMerge>(args, tiles(args.candidate_count, kTileCandidates), stream);
  }
  void complete_deferred_async(CompleteDeferred::Args const& args, StreamView stream) override {
    launch<CompleteDeferred>(args, tiles(args.value_count, kTileDeferred), stream);
  }
  void pick_rows_async(PickRows::Args const& args, StreamView stream) override {
    launch<PickRows>(args, tiles(args.count, kTileRows), stream);
  }
  void measure_rows_async(MeasureRows::Args const& args, StreamView stream) override {
    launch<MeasureRows>(args, tiles(args.rows.row_count, kTileRows), stream);
  }
  void fit_rows_async(FitRows::Args const& args, StreamView stream) override {
    launch<FitRows>(args, 1, stream);
  }
  void emit_rows_async(EmitRows::Args const& args, StreamView stream) override {
    launch<EmitRows>(args, tiles(args.rows.row_count, kTileRows), stream);
  }
  void locate_segments_async(LocateSegments::Args const& args, StreamView stream) override {
    launch<LocateSegments>(args, tiles(args.row_count, kTileLocatedRows), stream);
  }
  void verify_blocks_async(VerifyBlocks::Args const& args, StreamView stream) override {
    launch<VerifyBlocks>(args, tiles(args.block_count, kTileCheckedBlocks), stream);
  }

 private:
  static uint32_t tiles(uint32_t count, uint32_t tile) { return (count + tile - 1) / tile; }

  template <class Kernel>
  void launch(typename Kernel::Args const& args, uint32_t block_count, StreamView stream) {
    inner().synchronize(stream);
    launcher_.template launch<Kernel>(args, block_count, next_seed());
  }

  uint64_t next_seed() { return mix(launcher_.seed + next_.fetch_add(1)); }

  DeviceInfo info_;
  Launcher launcher_;
  std::atomic<uint64_t> next_{0};
};

}  // namespace

std::unique_ptr<Device> make_shuffled_device(uint64_t seed) {
  return std::make_unique<BlockDevice<ShuffledLauncher>>(ShuffledLauncher{seed});
}

std::unique_ptr<Device> make_threaded_device(ThreadedOptions const& options) {
  return std::make_unique<BlockDevice<ThreadedLauncher>>(ThreadedLauncher{options});
}

std::unique_ptr<Device> make_relay_device(RelayOptions const& options) {
  return std::make_unique<BlockDevice<RelayLauncher>>(RelayLauncher{options});
}

std::unique_ptr<Device> make_item_device(ItemLog& log) {
  return std::make_unique<BlockDevice<ItemLauncher>>(ItemLauncher{log});
}

}  // namespace levelscan::test
