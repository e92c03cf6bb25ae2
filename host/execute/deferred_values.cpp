#include "execute/deferred_values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "kernels/entry_value.hpp"
#include "levelscan/error.hpp"
#include "plan/need_layout.hpp"
#include "table/coding.hpp"
#include "version/merge_operator.hpp"

namespace levelscan {
namespace {

// Items of one batch: enough for reads to meet their neighbours.
constexpr std::size_t kBatchItems = 4096;
// Bytes between two records that are read along rather than sought over.
constexpr uint64_t kGapBytes = 4096;

std::string_view text_of(Bytes bytes) {
  return {reinterpret_cast<char const*>(bytes.data), bytes.size};
}

Bytes bytes_view(std::string_view text) {
  return {reinterpret_cast<uint8_t const*>(text.data()), static_cast<uint32_t>(text.size())};
}

uint32_t varint_bytes(uint32_t value) {
  uint32_t bytes = 1;
  for (; value >= 0x80; value >>= 7) ++bytes;
  return bytes;
}

uint8_t* put_varint(uint8_t* to, uint32_t value) {
  for (; value >= 0x80; value >>= 7) *to++ = static_cast<uint8_t>(value | 0x80);
  *to++ = static_cast<uint8_t>(value);
  return to;
}

uint8_t* put_bytes(uint8_t* to, std::string_view bytes) {
  if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
  return to + bytes.size();
}

// An entity whose default column is the result of a merge, and whose other columns are those of the
// entity that it was merged to.
class MergedEntity {
 public:
  // REQUIRES: `entity` is a good one. All outlive it.
  MergedEntity(Bytes entity, Merge const& merge) : merge_(merge) {
    EntityWalk walk;
    uint32_t version = 0;
    if (!walk.begin(entity, version)) return;
    while (walk.columns_left > 0 && walk.next()) {
      if (walk.name.size != 0)
        columns_.push_back({text_of(walk.name), walk.value_begin, walk.value_size});
    }
    values_ = text_of(entity).substr(walk.offset);
    uint32_t const count = static_cast<uint32_t>(columns_.size() + 1);
    bytes_ = varint_bytes(1) + varint_bytes(count) + varint_bytes(0) + merge.bytes();
    bytes_ += varint_bytes(static_cast<uint32_t>(merge.bytes()));
    for (Column const& column : columns_) {
      bytes_ += varint_bytes(static_cast<uint32_t>(column.name.size())) + column.name.size() +
                varint_bytes(column.size) + column.size;
    }
  }

  [[nodiscard]] uint64_t bytes() const { return bytes_; }

  void write(uint8_t* to) const {
    to = put_varint(to, 1);
    to = put_varint(to, static_cast<uint32_t>(columns_.size() + 1));
    to = put_varint(to, 0);
    to = put_varint(to, static_cast<uint32_t>(merge_.bytes()));
    for (Column const& column : columns_) {
      to = put_varint(to, static_cast<uint32_t>(column.name.size()));
      to = put_bytes(to, column.name);
      to = put_varint(to, column.size);
    }
    merge_.write(to);
    to += merge_.bytes();
    for (Column const& column : columns_) {
      to = put_bytes(to, values_.substr(column.begin, column.size));
    }
  }

 private:
  struct Column {
    std::string_view name;
    uint64_t begin;
    uint32_t size;
  };
  Merge const& merge_;
  std::vector<Column> columns_;  // but the default one
  std::string_view values_;
  uint64_t bytes_ = 0;
};

}  // namespace

void DeferredValues::begin_round() {
  values_.clear();
  used_bytes_ = 0;
}

std::optional<std::string> DeferredValues::complete(CompleteDeferred::Args const& query,
                                                    uint32_t candidate_count, EntrySource& source) {
  collect(candidate_count);
  std::size_t next = 0;
  keep_values_of(next);
  bool full = false;
  while (next < items_.size() && !full) {
    std::size_t const first = next;
    std::vector<Draft> drafts;
    uint64_t record_bytes = 0;
    uint64_t value_bytes = used_bytes_;
    for (; next < items_.size() && drafts.size() < kBatchItems; ++next) {
      Draft drafted = draft(items_[next], source);
      // Values have the size of what is stored of them, or more: what cannot fit is not read.
      value_bytes += drafted.blob ? drafted.blob->size : 0;
      full = value_bytes > buffer_.values.size() && !(drafts.empty() && values_.empty());
      uint64_t const bytes = drafted.record.bytes;
      if (full || (!drafts.empty() && record_bytes + bytes > buffer_.read_area.size())) break;
      if (bytes > buffer_.read_area.size()) {
        throw NeedLayout{NeedLayout::Space::kReadArea, 0, bytes};
      }
      record_bytes += bytes;
      drafts.push_back(std::move(drafted));
    }
    read_blobs(drafts);
    for (std::size_t i = 0; i < drafts.size(); ++i) {
      // What fits not even an empty space has asked for another layout.
      Item const& item = items_[first + i];
      bool const appended = type_of(item.candidate.trailer) == EntryType::kMerge
                                ? append_merged(item, drafts[i], source)
                                : append_blob(item, drafts[i]);
      if (!appended) return item.user_key;
    }
  }
  if (full) return items_[next].user_key;
  put_in_place(query);
  return std::nullopt;
}

// Brings the candidates that wait for a value to the host, through the result space, which is free
// until rows go out.
void DeferredValues::collect(uint32_t candidate_count) {
  items_.clear();
  uint8_t* const area = buffer_.result.host();
  uint32_t const piece = static_cast<uint32_t>(buffer_.result.size() / sizeof(Candidate));
  for (uint32_t first = 0; first < candidate_count; first += piece) {
    uint32_t const count = std::min(piece, candidate_count - first);
    device_.copy_to_host_async(area, buffer_.candidates_device() + first, count * sizeof(Candidate),
                               buffer_.stream);
    device_.synchronize(buffer_.stream);
    for (uint32_t i = 0; i < count; ++i) {
      Candidate candidate;
      std::memcpy(&candidate, area + i * sizeof candidate, sizeof candidate);
      if (!candidate_is_alive(candidate) || (candidate.flags & kCandidateDeferred) == 0) continue;
      items_.push_back({std::string(), candidate, first + i});
    }
  }
  // Keys lie in the order of the candidates, some bytes apart.
  std::size_t next = 0;
  while (next < items_.size()) {
    std::size_t const begin = items_[next].candidate.key_offset + items_[next].user_key.size();
    Candidate const& last = items_.back().candidate;
    std::size_t const bytes = std::min<std::size_t>(
        buffer_.result.size(), std::size_t{last.key_offset} + last.user_size - begin);
    if (bytes != 0) {
      device_.copy_to_host_async(area, buffer_.keys_device() + begin, bytes, buffer_.stream);
      device_.synchronize(buffer_.stream);
    }
    for (; next < items_.size(); ++next) {
      Item& item = items_[next];
      std::size_t const from = item.candidate.key_offset + item.user_key.size();
      if (from > begin + bytes) break;
      std::size_t const missing = item.candidate.user_size - item.user_key.size();
      std::size_t const here = std::min(missing, begin + bytes - from);
      item.user_key.append(reinterpret_cast<char const*>(area) + (from - begin), here);
      if (here < missing) break;
    }
  }
  auto const before = [this](Item const& a, Item const& b) {
    return compare_user_keys(version_.key_order, a.user_key, b.user_key) < 0;
  };
  // Those of one run are in order.
  if (!std::is_sorted(items_.begin(), items_.end(), before)) {
    std::sort(items_.begin(), items_.end(), before);
  }
}

// Values of an attempt before, with a larger window, are those of the first items.
void DeferredValues::keep_values_of(std::size_t& complete_count) {
  complete_count = 0;
  while (complete_count < values_.size() && complete_count < items_.size() &&
         values_[complete_count].user_key == items_[complete_count].user_key) {
    ++complete_count;
  }
  values_.resize(complete_count);
  used_bytes_ = values_.empty() ? 0 : values_.back().offset + values_.back().size;
}

DeferredValues::Draft DeferredValues::draft(Item const& item, EntrySource& source) const {
  Draft result;
  EntryType type = type_of(item.candidate.trailer);
  std::string_view reference;
  if (type == EntryType::kMerge) {
    source.find_versions(item.user_key, result.history);
    std::vector<EntryVersion> const& versions = result.history.versions;
    if (versions.empty() || versions.front().trailer != item.candidate.trailer) {
      throw Error(ErrorCode::kCorruption,
                  fmt::format("{}: an entry cannot be found again", source.place(item.candidate)));
    }
    type = type_of(versions.back().trailer);
    reference = versions.back().stored;
  } else {
    reference = source.stored(item.candidate);
  }
  if (type != EntryType::kBlobIndex) return result;
  result.blob = decode_blob_reference(as_bytes(reference), source.place(item.candidate));
  auto const file = version_.blob_files.find(result.blob->file_number);
  if (file == version_.blob_files.end()) {
    throw Error(ErrorCode::kCorruption,
                fmt::format("{}: blob reference to file {}, which the MANIFEST does not name",
                            source.place(item.candidate), result.blob->file_number));
  }
  result.file = file->second.get();
  result.record = result.file->record_of(*result.blob, item.user_key.size());
  return result;
}

// Brings the records of all drafts into the read area. REQUIRES: together they fit.
void DeferredValues::read_blobs(std::vector<Draft>& drafts) {
  std::vector<Draft*> order;
  uint64_t gaps = buffer_.read_area.size();  // bytes that need not be records
  for (Draft& draft : drafts) {
    if (!draft.blob) continue;
    order.push_back(&draft);
    gaps -= draft.record.bytes;
  }
  std::sort(order.begin(), order.end(), [](Draft const* a, Draft const* b) {
    if (a->file != b->file) return a->blob->file_number < b->blob->file_number;
    return a->record.offset < b->record.offset;
  });
  std::size_t area_used = 0;
  for (std::size_t i = 0; i < order.size();) {
    BlobFile const& file = *order[i]->file;
    uint64_t const begin = order[i]->record.offset;
    uint64_t end = begin;
    for (; i < order.size() && order[i]->file == &file; ++i) {
      BlobFile::Record const& record = order[i]->record;
      uint64_t const gap = record.offset > end ? record.offset - end : 0;
      if (gap > std::min(kGapBytes, gaps)) break;
      gaps -= gap;
      order[i]->record_at = area_used + static_cast<std::size_t>(record.offset - begin);
      end = std::max(end, record.end());
    }
    std::size_t const bytes = static_cast<std::size_t>(end - begin);
    file.file().read(begin, {buffer_.read_area.data() + area_used, bytes});
    statistics_.bytes_read += bytes;
    area_used += bytes;
  }
}

std::span<uint8_t const> DeferredValues::stored_blob(Draft const& draft,
                                                     std::string const& user_key) const {
  std::span<uint8_t const> const record{buffer_.read_area.data() + draft.record_at,
                                        static_cast<std::size_t>(draft.record.bytes)};
  return draft.file->stored_value(record, *draft.blob, user_key, verify_checksums_);
}

uint8_t* DeferredValues::room_for(uint64_t bytes) const {
  if (bytes <= buffer_.values.size() - used_bytes_) return buffer_.values.host() + used_bytes_;
  if (values_.empty()) throw NeedLayout{NeedLayout::Space::kValues, 0, bytes};
  return nullptr;
}

void DeferredValues::add_value(std::string const& user_key, EntryType type, uint64_t bytes) {
  values_.push_back({user_key, type, used_bytes_, static_cast<uint32_t>(bytes)});
  used_bytes_ += static_cast<uint32_t>(bytes);
}

bool DeferredValues::append_blob(Item const& item, Draft const& draft) {
  std::span<uint8_t const> const stored = stored_blob(draft, item.user_key);
  uint8_t const compression = draft.file->compression();
  BlockPlace const place{draft.file->path(), draft.blob->offset};
  std::size_t const bytes = uncompressed_size(compression, stored, kBlobFormatVersion, place);
  uint8_t* const to = room_for(bytes);
  if (to == nullptr) return false;
  decompress(compression, stored, kBlobFormatVersion, {to, bytes}, place);
  if (compression != 0) statistics_.bytes_decompressed += bytes;
  ++statistics_.values_from_blobs;
  add_value(item.user_key, EntryType::kValue, bytes);
  return true;
}

bool DeferredValues::append_merged(Item const& item, Draft const& draft,
                                   EntrySource const& source) {
  std::vector<EntryVersion> const& versions = draft.history.versions;
  std::vector<std::string_view> operands;
  std::optional<std::string_view> existing;
  Bytes entity{nullptr, 0};
  for (EntryVersion const& version : versions) {
    EntryType const type = type_of(version.trailer);
    if (type == EntryType::kMerge) {
      operands.push_back(version.stored);
      continue;
    }
    if (is_tombstone(type)) break;
    if (type == EntryType::kBlobIndex) {
      std::span<uint8_t const> const stored = stored_blob(draft, item.user_key);
      BlockPlace const place{draft.file->path(), draft.blob->offset};
      uint8_t const compression = draft.file->compression();
      std::size_t const bytes = uncompressed_size(compression, stored, kBlobFormatVersion, place);
      // A bound for what is allocated here, and what is needed next with an operator that appends.
      if (bytes > buffer_.values.size()) {
        throw NeedLayout{NeedLayout::Space::kValues, 0, bytes};
      }
      base_.resize(bytes);
      decompress(compression, stored, kBlobFormatVersion, base_, place);
      if (compression != 0) statistics_.bytes_decompressed += bytes;
      existing = as_text(base_);
      break;
    }
    switch (check_entry_value(type, bytes_view(version.stored))) {
      case ValueFault::kNone: break;
      case ValueFault::kVersion:
        throw Error(ErrorCode::kUnsupported,
                    fmt::format("{}: merge operands on a wide-column entity of another version "
                                "than 1 are not supported; export with RocksDB",
                                source.place(item.candidate)));
      default:
        throw Error(ErrorCode::kCorruption,
                    fmt::format("{}: merge operands on an entry of type 0x{:02x} that cannot be "
                                "decoded",
                                source.place(item.candidate), static_cast<uint32_t>(type)));
    }
    EntryValue const value = entry_value(type, bytes_view(version.stored));
    existing = text_of(value.value);
    entity = value.entity;
    break;
  }
  std::reverse(operands.begin(), operands.end());
  Merge const merge(*version_.merge_operator, existing, operands);
  EntryType type = EntryType::kValue;
  uint64_t bytes = merge.bytes();
  if (entity.data != nullptr) {
    MergedEntity const merged(entity, merge);
    type = EntryType::kWideColumnEntity;
    bytes = merged.bytes();
    uint8_t* const to = room_for(bytes);
    if (to == nullptr) return false;
    merged.write(to);
  } else {
    uint8_t* const to = room_for(bytes);
    if (to == nullptr) return false;
    merge.write(to);
  }
  ++statistics_.values_merged;
  add_value(item.user_key, type, bytes);
  return true;
}

void DeferredValues::put_in_place(CompleteDeferred::Args query) {
  StreamView const stream = buffer_.stream;
  if (used_bytes_ != 0) {
    device_.copy_to_device_async(buffer_.values.device(), buffer_.values.host(), used_bytes_,
                                 stream);
    if (!device_.info().mirrors_alias_host) statistics_.bytes_copied += used_bytes_;
  }
  std::size_t const list_max = buffer_.value_list.size() / sizeof(DeferredValue);
  auto* const list = reinterpret_cast<DeferredValue*>(buffer_.value_list.host());
  for (std::size_t first = 0; first < items_.size(); first += list_max) {
    std::size_t const count = std::min(list_max, items_.size() - first);
    if (first != 0) device_.synchronize(stream);  // the list is read
    for (std::size_t i = 0; i < count; ++i) {
      Value const& value = values_[first + i];
      list[i] = {items_[first + i].place, static_cast<uint32_t>(value.type), value.offset,
                 value.size};
    }
    device_.copy_to_device_async(buffer_.value_list.device(), list, count * sizeof(DeferredValue),
                                 stream);
    query.values = reinterpret_cast<DeferredValue const*>(buffer_.value_list.device());
    query.value_count = static_cast<uint32_t>(count);
    device_.complete_deferred_async(query, stream);
  }
}

}  // namespace levelscan
