#include "table/global_sequence.hpp"

#include <fmt/core.h>

#include "kernels/internal_key.hpp"
#include "table/refusal.hpp"

namespace levelscan {
namespace {

// Version 1 knew no global sequence numbers.
constexpr uint32_t kVersionWith = 2;
static_assert(kVersionWith == kExternalTableVersionMax);

}  // namespace

std::optional<uint64_t> global_sequence_of(TableProperties const& properties,
                                           uint64_t largest_sequence, std::string_view file) {
  std::optional<uint32_t> const version = properties.external_sst_version;
  std::optional<uint64_t> const stored = properties.global_sequence;
  if (version == 0U) throw corruption_error(file, "external_sst_file version 0");
  if (version > kExternalTableVersionMax) return std::nullopt;
  if (version != kVersionWith) {
    if (stored) {
      throw corruption_error(
          file, fmt::format("global sequence number {} in a table that can have none", *stored));
    }
    return std::nullopt;
  }
  if (stored.value_or(0) != 0 && *stored != largest_sequence) {
    throw corruption_error(file, fmt::format("global sequence number {}, but the MANIFEST says {}",
                                             *stored, largest_sequence));
  }
  if (largest_sequence > kSequenceMax) {
    throw corruption_error(file, fmt::format("sequence number {}", largest_sequence));
  }
  return largest_sequence;
}

}  // namespace levelscan
