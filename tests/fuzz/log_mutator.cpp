#include "fuzz/log_mutator.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "fuzz/fuzz_support.hpp"
#include "support/random.hpp"
#include "table/checksum.hpp"
#include "table/coding.hpp"

namespace levelscan::fuzz {
namespace {

constexpr std::size_t kBlockBytes = 32768;
constexpr std::size_t kHeaderBytes = 7;
constexpr std::size_t kLogNumberBytes = 4;
constexpr std::size_t kLengthOffset = 4;
constexpr std::size_t kTypeOffset = 6;
constexpr uint8_t kFull = 1;
constexpr uint8_t kFirst = 2;
constexpr uint8_t kMiddle = 3;
constexpr uint8_t kLast = 4;
constexpr uint8_t kRecyclable = 4;  // added to these

// db/log_format.h: 5 to 8 are the recyclable forms of 1 to 4; 10 and 11, 130 and 131 come in such
// pairs.
bool is_recyclable(uint8_t type) { return (type >= 5 && type <= 8) || type == 11 || type == 131; }

struct RecordPlace {
  std::size_t offset;  // of the header
  std::size_t bytes;   // header and data
  uint8_t type;
};

// Calls visit(RecordPlace) for each record whose bytes are there.
template <class Visit>
void for_each_record(std::span<uint8_t const> log, Visit&& visit) {
  std::size_t at = 0;
  while (at < log.size()) {
    std::size_t const left = std::min(kBlockBytes - at % kBlockBytes, log.size() - at);
    if (left < kHeaderBytes) {
      at += left;
      continue;
    }
    uint8_t const type = log[at + kTypeOffset];
    std::size_t const bytes = kHeaderBytes + (is_recyclable(type) ? kLogNumberBytes : 0) +
                              load_fixed16(log.data() + at + kLengthOffset);
    if (bytes > left) return;
    if (!visit(RecordPlace{at, bytes, type})) return;
    at += bytes;
  }
}

void append_fragment(std::vector<uint8_t>& log, uint8_t type, std::optional<uint32_t> log_number,
                     std::span<uint8_t const> data) {
  if (log_number) type += kRecyclable;
  uint8_t const header[kHeaderBytes] = {
      0, 0, 0, 0, static_cast<uint8_t>(data.size()), static_cast<uint8_t>(data.size() >> 8), type};
  log.insert(log.end(), header, header + kHeaderBytes);
  for (std::size_t i = 0; log_number && i < kLogNumberBytes; ++i) {
    log.push_back(static_cast<uint8_t>(*log_number >> (8 * i)));
  }
  log.insert(log.end(), data.begin(), data.end());
}

}  // namespace

void repair_log(std::span<uint8_t> log) {
  for_each_record(log, [&](RecordPlace const& record) {
    std::span<uint8_t const> const covered =
        log.subspan(record.offset + kTypeOffset, record.bytes - kTypeOffset);
    uint32_t const checksum = crc32c_mask(crc32c(covered));
    std::memcpy(log.data() + record.offset, &checksum, sizeof checksum);
    return true;
  });
}

std::vector<std::vector<uint8_t>> log_records(std::span<uint8_t const> log) {
  std::vector<std::vector<uint8_t>> records;
  bool in_record = false;
  for_each_record(log, [&](RecordPlace const& record) {
    bool const starts = record.type == kFull || record.type == kFirst;
    if (record.type < kFull || record.type > kLast || starts == in_record) return false;
    if (starts) records.emplace_back();
    auto const data = log.subspan(record.offset + kHeaderBytes, record.bytes - kHeaderBytes);
    records.back().insert(records.back().end(), data.begin(), data.end());
    in_record = record.type == kFirst || record.type == kMiddle;
    return true;
  });
  return records;
}

std::vector<uint8_t> log_of_records(std::vector<std::vector<uint8_t>> const& records,
                                    std::optional<uint32_t> log_number) {
  std::size_t const header_bytes = kHeaderBytes + (log_number ? kLogNumberBytes : 0);
  std::vector<uint8_t> log;
  for (std::vector<uint8_t> const& record : records) {
    std::span<uint8_t const> rest(record);
    bool first = true;
    bool last = false;
    while (!last) {
      std::size_t left = kBlockBytes - log.size() % kBlockBytes;
      if (left < header_bytes) {
        log.insert(log.end(), left, uint8_t{0});
        left = kBlockBytes;
      }
      auto const data = rest.first(std::min(rest.size(), left - header_bytes));
      rest = rest.subspan(data.size());
      last = rest.empty();
      append_fragment(log, first ? (last ? kFull : kFirst) : (last ? kLast : kMiddle), log_number,
                      data);
      first = false;
    }
  }
  repair_log(log);
  return log;
}

std::vector<uint8_t> mutate_record_bytes(std::vector<uint8_t> record, unsigned int /*seed*/) {
  std::size_t const before = record.size();
  record.resize(before + 64);
  record.resize(LLVMFuzzerMutate(record.data(), before, record.size()));
  return record;
}

std::size_t mutate_log(uint8_t* data, std::size_t size, std::size_t size_max, unsigned int seed,
                       MutateRecord* mutate_record) {
  test::Random random(seed);
  std::vector<std::vector<uint8_t>> records = log_records({data, size});
  uint32_t const choice = random.below(8);
  if (choice < 2 || records.empty()) {
    size = LLVMFuzzerMutate(data, size, size_max);
    if (!random.one_in(8)) repair_log({data, size});
    return size;
  }
  std::size_t const index = random.below(records.size());
  auto const place = records.begin() + static_cast<std::ptrdiff_t>(index);
  if (choice == 2 && records.size() > 1) {
    records.erase(place);
  } else if (choice == 3) {
    std::vector<uint8_t> const copy = records[random.below(records.size())];
    records.insert(place, copy);
  } else {
    *place = mutate_record(std::move(*place), static_cast<unsigned int>(random.next()));
  }
  std::vector<uint8_t> const log = log_of_records(records);
  size = std::min(log.size(), size_max);
  std::copy_n(log.begin(), size, data);
  return size;
}

}  // namespace levelscan::fuzz
