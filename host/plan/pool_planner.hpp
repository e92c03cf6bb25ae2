// The pool's layout from metadata and a memory budget, and how it grows when a task needs more.
// Pure functions.
#pragma once

#include <cstdint>

#include "device/device.hpp"
#include "plan/need_layout.hpp"
#include "pool/memory_budget.hpp"
#include "pool/pool_layout.hpp"
#include "version/database_version.hpp"

namespace levelscan {

struct PoolRequest {
  uint64_t memory_bytes = 0;  // budget for pinned and device memory together
  uint32_t scans_max = 1;
  // Sizes wished for; 0: what suits the device and the budget.
  uint32_t data_block_bytes = 0;
  uint32_t candidates_max = 0;
  uint32_t candidate_key_bytes = 0;
  uint32_t result_bytes = 0;
  uint32_t control_bytes = 0;
  uint32_t read_area_bytes = 0;
  uint32_t values_bytes = 0;
  // Of the range tombstones' cover: TombstoneSet::bytes().
  uint64_t tombstone_bytes = 0;
};

// What a pool of this layout would allocate on this device.
[[nodiscard]] uint64_t pool_bytes(Device const& device, PoolLayout const& layout);

// A layout within the budget: smaller data blocks, then fewer scans, then room for fewer segments,
// until it fits. Throws Error(kDevice) with the number of bytes that would be needed.
[[nodiscard]] PoolLayout plan_pool(DatabaseVersion const& version, Device const& device,
                                   PoolRequest const& request);

// `layout` with room for what was met. Throws Error(kDevice) with the number of bytes that would be
// needed when that is beyond the budget even with one scan.
[[nodiscard]] PoolLayout grow_pool(PoolLayout layout, NeedLayout const& need, Device const& device,
                                   PoolRequest const& request);

}  // namespace levelscan
