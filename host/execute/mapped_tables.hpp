// The tables of a database that a scanner on the CPU maps instead of reading them: as many as fit
// into what the pool leaves of the memory budget, of those that fill a data block of the pool.
// Pages of mapped files count as the process's own while they are mapped, so the others are read.
// Immutable; thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "pool/pool_layout.hpp"
#include "table/mapped_file.hpp"
#include "version/database_version.hpp"

namespace levelscan {

class MappedTables {
 public:
  MappedTables() = default;
  // `version` must outlive it.
  MappedTables(DatabaseVersion const& version, PoolLayout const& layout, uint64_t bytes_max);

  // Null: the table is to be read.
  [[nodiscard]] MappedFile const* find(std::size_t run, std::size_t table) const {
    if (run >= files_.size() || !files_[run][table]) return nullptr;
    return &*files_[run][table];
  }
  [[nodiscard]] uint64_t bytes() const { return bytes_; }

 private:
  std::vector<std::vector<std::optional<MappedFile>>> files_;  // [runs][tables]
  uint64_t bytes_ = 0;
};

}  // namespace levelscan
