#include "version/unflushed_entries.hpp"

#include <algorithm>

#include "kernels/internal_key.hpp"
#include "table/coding.hpp"
#include "table/key_comparison.hpp"
#include "table/table_image.hpp"

namespace levelscan {
namespace {

// Each chunk is twice as large as the one before.
constexpr std::size_t kChunkBytesMin = std::size_t{32} << 10;
constexpr std::size_t kChunkBytesMax = std::size_t{1} << 20;

}  // namespace

uint64_t UnflushedEntries::memory_needed() const {
  // Keys and values stand twice while the table is being made; the vector of entries has up to
  // twice as much room as it needs, and sorting takes as much again.
  return 2 * bytes_ + count_ * (3 * sizeof(Entry) + TableImage::kEntryBytesMax);
}

uint8_t* UnflushedEntries::allocate(std::size_t bytes) {
  if (bytes > free_bytes_) {
    std::size_t const doublings = std::min<std::size_t>(chunks_.size(), 8);
    std::size_t const chunk_bytes =
        std::max(bytes, std::min(kChunkBytesMin << doublings, kChunkBytesMax));
    chunks_.push_back(std::make_unique_for_overwrite<uint8_t[]>(chunk_bytes));
    free_ = chunks_.back().get();
    free_bytes_ = chunk_bytes;
  }
  uint8_t* const place = free_;
  free_ += bytes;
  free_bytes_ -= bytes;
  return place;
}

void UnflushedEntries::add(std::span<uint8_t const> user_key, uint64_t trailer,
                           std::span<uint8_t const> value) {
  ++count_;
  bytes_ += user_key.size() + value.size();
  if (exceeds_memory()) {
    entries_ = {};
    chunks_.clear();
    free_bytes_ = 0;
    return;
  }
  uint8_t* const place = allocate(user_key.size() + value.size());
  std::copy(user_key.begin(), user_key.end(), place);
  std::copy(value.begin(), value.end(), place + user_key.size());
  entries_.push_back({place, static_cast<uint32_t>(user_key.size()),
                      static_cast<uint32_t>(value.size()), trailer});
}

UnflushedEntries::Built UnflushedEntries::build(std::string const& comparator, KeyOrder key_order,
                                                std::string const& name) {
  std::stable_sort(entries_.begin(), entries_.end(), [key_order](Entry const& a, Entry const& b) {
    int const order = compare_user_keys(key_order, as_text(a.key()), as_text(b.key()));
    return order != 0 ? order < 0 : a.trailer > b.trailer;
  });
  auto const internal_key = [](Entry const& entry) {
    std::string key(as_text(entry.key()));
    return key.append(reinterpret_cast<char const*>(&entry.trailer), sizeof entry.trailer);
  };
  TableImage image(comparator, bytes_ + count_ * TableImage::kEntryBytesMax);
  uint64_t added = 0;
  uint64_t smallest_sequence = UINT64_MAX;
  uint64_t largest_sequence = 0;
  Entry const* previous = nullptr;
  for (Entry const& entry : entries_) {
    if (previous != nullptr && previous->trailer == entry.trailer &&
        as_text(previous->key()) == as_text(entry.key())) {
      continue;
    }
    previous = &entry;
    image.add(entry.key(), entry.trailer, entry.value());
    ++added;
    smallest_sequence = std::min(smallest_sequence, sequence_of(entry.trailer));
    largest_sequence = std::max(largest_sequence, sequence_of(entry.trailer));
  }
  Built built{RandomAccessFile::in_memory(image.finish(), name),
              added,
              internal_key(entries_.front()),
              internal_key(entries_.back()),
              smallest_sequence,
              largest_sequence};
  entries_ = {};
  chunks_.clear();
  free_bytes_ = 0;
  return built;
}

}  // namespace levelscan
