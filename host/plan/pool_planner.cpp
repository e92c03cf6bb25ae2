#include "plan/pool_planner.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "levelscan/error.hpp"
#include "pool/segment_space.hpp"

namespace levelscan {
namespace {

constexpr uint32_t kSmallestDataBlockBytes = 64 << 10;
constexpr uint32_t kPartitionBytes = 4 << 10;  // RocksDB's default
constexpr uint32_t kResultBytesMin = 256;      // single values come to the host through it
constexpr uint32_t kValuesBytesMin = 256;
constexpr uint32_t kValueListMax = 1u << 16;
constexpr uint32_t kQueryBytes = 64 << 10;   // its fields, its predicate, the window's bounds
constexpr uint32_t kRunControlBytes = 256;   // what the kernels are told of a run
constexpr uint32_t kBoundKeyBytesMax = 256;  // of segments with longer keys there is room for fewer
constexpr uint32_t kSpaceBytesMax = 0xf0000000;  // offsets have 32 bits

// The sizes that nobody asked for.
struct PreferredSizes {
  uint32_t data_block_bytes;
  uint32_t candidates_max;
  uint32_t candidate_key_bytes;
  uint32_t result_bytes;
  uint32_t segments;  // of a window of many ranges: 10,000 of them are one launch on a GPU

  bool operator==(PreferredSizes const&) const = default;
};

// A worker's blocks stay in its core's cache; a GPU needs enough intervals to fill it.
constexpr PreferredSizes kPreferredByCpu{1 << 20, 1 << 16, 4 << 20, 2 << 20, 1 << 11};
constexpr PreferredSizes kPreferredByCuda{16 << 20, 1 << 20, 64 << 20, 32 << 20, 1 << 14};
// Below them a GPU has too little to do, but the scan runs.
constexpr PreferredSizes kSmallest{kSmallestDataBlockBytes, kPreferredByCpu.candidates_max,
                                   kPreferredByCpu.candidate_key_bytes,
                                   kPreferredByCpu.result_bytes, 0};
// What a window on a CPU goes over in all runs: a part of a cache that several cores share.
constexpr uint32_t kWindowBytes = 10 << 20;
constexpr uint32_t kSharedDataBlockBytesMin = 256 << 10;

// All but segments, which take up little.
PreferredSizes halved(PreferredSizes const& sizes) {
  return {std::max(sizes.data_block_bytes / 2, kSmallest.data_block_bytes),
          std::max(sizes.candidates_max / 2, kSmallest.candidates_max),
          std::max(sizes.candidate_key_bytes / 2, kSmallest.candidate_key_bytes),
          std::max(sizes.result_bytes / 2, kSmallest.result_bytes), sizes.segments};
}

// How far a window goes is decided by the largest run. Where the others are small it goes over
// little besides that run's block; where all are alike, over a block of each.
PreferredSizes preferred_by_cpu(DatabaseVersion const& version) {
  double total = 0;
  double largest = 0;
  for (SortedRun const& run : version.runs) {
    double bytes = 0;
    for (TableMeta const& meta : run.metas) bytes += static_cast<double>(meta.file_bytes);
    total += bytes;
    largest = std::max(largest, bytes);
  }
  PreferredSizes sizes = kPreferredByCpu;
  if (total == 0) return sizes;
  uint32_t const share = static_cast<uint32_t>(kWindowBytes * largest / total);
  sizes.data_block_bytes =
      std::clamp(std::bit_floor(share), kSharedDataBlockBytesMin, sizes.data_block_bytes);
  return sizes;
}

// What the keys of ranges' bounds are taken to be as long as: the longest that a table begins or
// ends with.
std::size_t bound_key_bytes(DatabaseVersion const& version) {
  std::size_t bytes = 0;
  for (SortedRun const& run : version.runs) {
    for (TableMeta const& meta : run.metas) {
      bytes = std::max({bytes, meta.smallest_user_key().size(), meta.largest_user_key().size()});
    }
  }
  return std::min<std::size_t>(bytes, kBoundKeyBytesMax);
}

uint32_t with_headroom(uint64_t bytes, char const* what) {
  if (bytes > kSpaceBytesMax) {
    throw Error(ErrorCode::kDevice, fmt::format("{} needs {} bytes; at most {} can be held", what,
                                                bytes, kSpaceBytesMax));
  }
  // Growing by doubling keeps the number of rebuilds small.
  return static_cast<uint32_t>(std::min<uint64_t>(std::bit_ceil(bytes), kSpaceBytesMax));
}

// Whether metadata shows values that don't stand in blocks.
bool may_defer_values(DatabaseVersion const& version) {
  if (!version.blob_files.empty()) return true;
  for (SortedRun const& run : version.runs) {
    for (auto const& table : run.tables) {
      if (table && table->properties().merge_operands != 0) return true;
    }
  }
  return false;
}

// What a block of the table's index needs, uncompressed. Partitions are cut at about the same size;
// a larger one makes the pool grow when it is met.
uint64_t index_block_bytes(Table const& table) {
  TableProperties const& properties = table.properties();
  if (!table.has_two_level_index())
    return std::max(properties.index_bytes, table.index_handle().size);
  uint64_t const partitions = std::max<uint64_t>(properties.index_partitions, 1);
  return properties.index_bytes / partitions * 2 + kPartitionBytes;
}

PoolLayout fit_scans(PoolLayout layout, Device const& device, PoolRequest const& request) {
  while (layout.scans_max > 1 && pool_bytes(device, layout) > request.memory_bytes) {
    --layout.scans_max;
  }
  uint64_t const needed = pool_bytes(device, layout);
  if (needed > request.memory_bytes) {
    throw Error(
        ErrorCode::kDevice,
        fmt::format("the scan needs {} bytes of memory for {} runs{}, and may use {}: raise "
                    "--memory to at least {}KiB",
                    needed, layout.runs.size(),
                    layout.tombstone_bytes == 0
                        ? std::string()
                        : fmt::format(" and {} bytes of range tombstones", layout.tombstone_bytes),
                    request.memory_bytes, (needed + 1023) / 1024));
  }
  return layout;
}

}  // namespace

uint64_t pool_bytes(Device const& device, PoolLayout const& layout) {
  return layout.pool_bytes(device).total();
}

PoolLayout plan_pool(DatabaseVersion const& version, Device const& device,
                     PoolRequest const& request) {
  PoolLayout layout;
  layout.scans_max = std::max<uint32_t>(request.scans_max, 1);
  layout.tombstone_bytes = request.tombstone_bytes;
  uint64_t stored_index_bytes_max = 0;
  for (SortedRun const& run : version.runs) {
    uint64_t index_bytes = 0;
    for (auto const& table : run.tables) {
      if (!table) continue;
      index_bytes = std::max(index_bytes, index_block_bytes(*table));
      if (!table->has_two_level_index())
        stored_index_bytes_max = std::max(stored_index_bytes_max, table->index_handle().size);
    }
    // The property counts the entries alone.
    index_bytes += index_bytes / 16 + 256;
    if (index_bytes > kSpaceBytesMax) {
      throw Error(ErrorCode::kDevice,
                  fmt::format("an index block of {} bytes; at most {} can be held", index_bytes,
                              kSpaceBytesMax));
    }
    layout.runs.push_back({static_cast<uint32_t>(index_bytes), request.data_block_bytes});
  }
  uint32_t const run_count = static_cast<uint32_t>(layout.runs.size());
  layout.read_area_bytes =
      std::max(request.read_area_bytes != 0 ? request.read_area_bytes : 1u << 20,
               with_headroom(stored_index_bytes_max + kBlockTrailerBytes, "an index block"));
  // Without blobs or merge operands nothing comes here; where metadata didn't tell, it grows.
  bool const deferring = may_defer_values(version);
  std::size_t const segment_bytes = segment_control_bytes(bound_key_bytes(version));
  auto const use = [&](PreferredSizes const& preferred) {
    auto const asked_or = [](uint32_t asked, uint32_t otherwise) {
      return asked != 0 ? asked : otherwise;
    };
    for (RunLayout& run : layout.runs) {
      run.data_block_bytes = asked_or(request.data_block_bytes, preferred.data_block_bytes);
    }
    layout.candidates_max =
        std::max(asked_or(request.candidates_max, preferred.candidates_max), 2 * run_count);
    layout.candidate_key_bytes =
        asked_or(request.candidate_key_bytes, preferred.candidate_key_bytes);
    layout.result_bytes =
        std::max(asked_or(request.result_bytes, preferred.result_bytes), kResultBytesMin);
    layout.control_bytes = asked_or(
        request.control_bytes, static_cast<uint32_t>(kQueryBytes + run_count * kRunControlBytes +
                                                     preferred.segments * segment_bytes));
    layout.cells_max = std::max(layout.result_bytes / 32, 64u);
    layout.values_bytes =
        asked_or(request.values_bytes, deferring ? layout.result_bytes : kValuesBytesMin);
    layout.value_list_max = deferring ? std::min(layout.candidates_max, kValueListMax) : 16u;
  };
  PreferredSizes sizes =
      device.info().backend == "cuda" ? kPreferredByCuda : preferred_by_cpu(version);
  use(sizes);
  while (pool_bytes(device, layout) > request.memory_bytes) {
    PreferredSizes const smaller = halved(sizes);
    if (smaller == sizes) break;
    sizes = smaller;
    use(sizes);
  }
  // Fewer scans rather than fewer segments.
  auto const one_scan_fits = [&] {
    PoolLayout one = layout;
    one.scans_max = 1;
    return pool_bytes(device, one) <= request.memory_bytes;
  };
  while (!one_scan_fits() && sizes.segments != 0) {
    sizes.segments /= 2;
    use(sizes);
  }
  return fit_scans(std::move(layout), device, request);
}

PoolLayout grow_pool(PoolLayout layout, NeedLayout const& need, Device const& device,
                     PoolRequest const& request) {
  auto const raise = [](uint32_t& size, uint64_t bytes, char const* what) {
    size = std::max(size, with_headroom(bytes, what));
  };
  switch (need.space) {
    case NeedLayout::Space::kIndexBlock:
      raise(layout.runs.at(need.run).index_block_bytes, need.bytes, "an index block");
      break;
    case NeedLayout::Space::kDataBlock:
      raise(layout.runs.at(need.run).data_block_bytes, need.bytes, "a data block");
      break;
    case NeedLayout::Space::kCandidateKeys:
      raise(layout.candidate_key_bytes, need.bytes, "the keys of candidates");
      break;
    case NeedLayout::Space::kCells: raise(layout.cells_max, need.bytes, "a row of results"); break;
    case NeedLayout::Space::kResult:
      raise(layout.result_bytes, need.bytes, "a row of results");
      break;
    case NeedLayout::Space::kControl: raise(layout.control_bytes, need.bytes, "the query"); break;
    case NeedLayout::Space::kReadArea:
      raise(layout.read_area_bytes, need.bytes, "a stored block");
      break;
    case NeedLayout::Space::kValues:
      raise(layout.values_bytes, need.bytes, "a value");
      layout.value_list_max = std::min(layout.candidates_max, kValueListMax);
      break;
  }
  return fit_scans(std::move(layout), device, request);
}

}  // namespace levelscan
