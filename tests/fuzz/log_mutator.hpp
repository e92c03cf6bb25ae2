// Mutations of log files (MANIFEST, write-ahead logs) that leave the records' checksums right.
//
//   record: masked CRC-32C u32 | length u16 | type u8 | [log number u32, recyclable types] |
//   data[length] in blocks of 32 KiB; the checksum covers all from the type on
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace levelscan::fuzz {

// Writes the right checksum into each record header that a reader would come to.
void repair_log(std::span<uint8_t> log);

// The payloads of records of the plain types, up to the first that is malformed; and a log of them,
// of recyclable records where it has a number.
[[nodiscard]] std::vector<std::vector<uint8_t>> log_records(std::span<uint8_t const> log);
[[nodiscard]] std::vector<uint8_t> log_of_records(std::vector<std::vector<uint8_t>> const& records,
                                                  std::optional<uint32_t> log_number = {});

// A record's payload, mutated; the number decides how.
using MutateRecord = std::vector<uint8_t>(std::vector<uint8_t> record, unsigned int seed);
// Some bytes of it.
[[nodiscard]] MutateRecord mutate_record_bytes;

// A LLVMFuzzerCustomMutator: mutates the bytes of the file, or one record's payload, or the list of
// records, and repairs the checksums most of the time.
std::size_t mutate_log(uint8_t* data, std::size_t size, std::size_t size_max, unsigned int seed,
                       MutateRecord* mutate_record = &mutate_record_bytes);

}  // namespace levelscan::fuzz
