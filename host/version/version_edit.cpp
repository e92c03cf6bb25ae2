#include "version/version_edit.hpp"

#include <fmt/core.h>

#include "table/coding.hpp"
#include "table/refusal.hpp"

namespace levelscan {
namespace {

// db/version_edit.h of RocksDB 11; numbers on disk, never reused.
enum Tag : uint32_t {
  kComparator = 1,
  kLogNumber = 2,
  kNextFileNumber = 3,
  kLastSequence = 4,
  kCompactCursor = 5,
  kDeletedFile = 6,
  kNewFile = 7,
  kPreviousLogNumber = 9,
  kLogNumberToKeepMin = 10,
  kNewFile2 = 100,
  kNewFile3 = 102,
  kNewFile4 = 103,
  kColumnFamily = 200,
  kColumnFamilyAdd = 201,
  kColumnFamilyDrop = 202,
  kColumnFamilyMax = 203,
  kInAtomicGroup = 300,
  kBlobFileAddition = 400,
  kBlobFileGarbage = 401,

  kIgnorableTagBit = 1 << 13,
  // Ignorable by their number, but with bodies that have no length before them.
  kDeprecatedBlobFileAddition = 8194,
  kDeprecatedBlobFileGarbage = 8195,
  kDeprecatedLogAddition = 8196,
  kDeprecatedLogDeletion = 8197,
  // Ignorable, and of use here.
  kLogAddition = 8199,
  kLogDeletion = 8200,
  kPersistUserTimestamps = 8201,
};

// Custom fields of NewFile4.
enum FileTag : uint32_t {
  kTerminate = 1,
  kLogNumberToKeepMinHack = 3,
  kOldestBlobFileNumber = 4,
  kMinTimestamp = 10,
  kMaxTimestamp = 11,
  kEpochNumber = 13,
  kUserTimestampsPersisted = 16,

  kUnignorableFileTagBit = 1 << 6,
  kPathId = 65,
};

constexpr uint32_t kPathIdMax = 3;
constexpr uint32_t kLevelMax = 255;  // far above any num_levels; keeps the levels' table small
constexpr uint32_t kBlobFieldEnd = 0;
constexpr uint32_t kUnignorableBlobTagBit = 1 << 6;

class EditDecoder {
 public:
  EditDecoder(std::span<uint8_t const> record, std::string const& path, uint64_t offset)
      : reader_(record), path_(path), offset_(offset) {}

  VersionEdit decode() {
    while (!reader_.empty()) {
      uint32_t tag = 0;
      if (!reader_.read_varint32(tag)) fail("tag");
      decode_field(tag);
    }
    return std::move(edit_);
  }

 private:
  [[noreturn]] void fail(std::string_view what) const {
    throw corruption_error(
        path_, offset_,
        fmt::format("malformed {} {} bytes into the version edit", what, reader_.position()));
  }
  [[noreturn]] void refuse(std::string feature) const {
    throw unsupported_error({std::move(feature), path_, offset_,
                             "read this database with the RocksDB release that wrote it"});
  }

  uint32_t number32(char const* what) {
    uint32_t value = 0;
    if (!reader_.read_varint32(value)) fail(what);
    return value;
  }
  uint64_t number64(char const* what) {
    uint64_t value = 0;
    if (!reader_.read_varint64(value)) fail(what);
    return value;
  }
  std::span<uint8_t const> prefixed(char const* what) {
    std::span<uint8_t const> bytes;
    if (!reader_.read_length_prefixed(bytes)) fail(what);
    return bytes;
  }
  std::string text(char const* what) { return std::string(as_text(prefixed(what))); }
  uint32_t level() {
    uint32_t const value = number32("level");
    if (value > kLevelMax) fail("level");
    return value;
  }
  std::string internal_key(char const* what) {
    std::string key = text(what);
    if (key.size() < kInternalTrailerBytes) fail(what);
    return key;
  }

  void decode_field(uint32_t tag) {
    switch (tag) {
      case kComparator: edit_.comparator = text("comparator"); break;
      case kLogNumber: edit_.log_number = number64("log number"); break;
      case kNextFileNumber: edit_.next_file_number = number64("next file number"); break;
      case kLastSequence: edit_.last_sequence = number64("last sequence"); break;
      case kCompactCursor:
        level();
        internal_key("compaction cursor");
        break;
      case kDeletedFile: {
        uint32_t const from_level = level();
        edit_.deleted_files.emplace_back(from_level, number64("deleted file"));
        break;
      }
      case kNewFile:
      case kNewFile2:
      case kNewFile3:
      case kNewFile4: decode_new_file(tag); break;
      case kPreviousLogNumber: edit_.previous_log_number = number64("previous log number"); break;
      case kLogNumberToKeepMin:
        edit_.log_number_to_keep_min = number64("log number to keep");
        break;
      case kColumnFamily: edit_.column_family = number32("column family"); break;
      case kColumnFamilyAdd: edit_.column_family_add = text("column family name"); break;
      case kColumnFamilyDrop: edit_.column_family_drop = true; break;
      case kColumnFamilyMax: edit_.column_family_max = number32("column family"); break;
      case kInAtomicGroup: edit_.atomic_group_remaining = number32("atomic group"); break;
      case kBlobFileAddition:
      case kDeprecatedBlobFileAddition: decode_blob_file_addition(); break;
      case kBlobFileGarbage:
      case kDeprecatedBlobFileGarbage: decode_blob_file_garbage(); break;
      case kDeprecatedLogAddition: decode_log_addition(reader_); break;
      case kDeprecatedLogDeletion: edit_.logs_deleted_before = number64("log deletion"); break;
      case kLogAddition: {
        ByteReader body(prefixed("log addition"));
        decode_log_addition(body);
        break;
      }
      case kLogDeletion: {
        ByteReader body(prefixed("log deletion"));
        uint64_t number = 0;
        if (!body.read_varint64(number)) fail("log deletion");
        edit_.logs_deleted_before = number;
        break;
      }
      case kPersistUserTimestamps: {
        std::span<uint8_t const> const body = prefixed("timestamp mark");
        if (body.size() != 1) fail("timestamp mark");
        edit_.user_timestamps_persisted = body[0] == 1;
        break;
      }
      default:
        if ((tag & kIgnorableTagBit) == 0) refuse(fmt::format("MANIFEST tag {}", tag));
        prefixed("ignorable field");
    }
  }

  void decode_new_file(uint32_t tag) {
    FileEntry file;
    file.level = level();
    file.file_number = number64("file number");
    if (tag == kNewFile3) file.path_id = number32("path id");
    file.file_bytes = number64("file size");
    file.smallest = internal_key("smallest key");
    file.largest = internal_key("largest key");
    if (tag != kNewFile) {
      file.smallest_sequence = number64("smallest sequence");
      file.largest_sequence = number64("largest sequence");
      if (file.smallest_sequence > file.largest_sequence || file.largest_sequence > kMaxSequence) {
        fail("range of sequences");
      }
    }
    while (tag == kNewFile4) {
      uint32_t const custom_tag = number32("file field");
      if (custom_tag == kTerminate) break;
      decode_file_field(custom_tag, prefixed("file field"), file);
    }
    if (file.path_id > kPathIdMax) fail("path id");
    edit_.new_files.push_back(std::move(file));
  }

  void decode_file_field(uint32_t custom_tag, std::span<uint8_t const> field, FileEntry& file) {
    ByteReader body(field);
    uint64_t number = 0;
    switch (custom_tag) {
      case kPathId:
        if (field.size() != 1) fail("path id");
        file.path_id = field[0];
        break;
      case kLogNumberToKeepMinHack:
        if (!body.read_fixed64(number)) fail("log number to keep");
        edit_.log_number_to_keep_min = number;
        break;
      case kOldestBlobFileNumber:
        if (!body.read_varint64(file.oldest_blob_file_number)) fail("blob file number");
        break;
      case kEpochNumber:
        if (!body.read_varint64(file.epoch_number)) fail("epoch number");
        break;
      case kMinTimestamp:
      case kMaxTimestamp: file.has_timestamps = file.has_timestamps || !field.empty(); break;
      case kUserTimestampsPersisted:
        if (field.size() != 1) fail("timestamp mark");
        file.has_timestamps = file.has_timestamps || field[0] != 1;
        break;
      default:
        if ((custom_tag & kUnignorableFileTagBit) != 0)
          refuse(fmt::format("MANIFEST file field {}", custom_tag));
    }
  }

  void decode_blob_file_addition() {
    uint64_t const file_number = number64("blob file number");
    uint64_t const count = number64("blob count");
    edit_.blob_files_added.push_back({file_number, count, number64("blob bytes")});
    prefixed("blob checksum method");
    prefixed("blob checksum");
    skip_blob_fields();
  }

  void decode_blob_file_garbage() {
    uint64_t const file_number = number64("blob file number");
    uint64_t const count = number64("blob count");
    edit_.blob_files_garbage.push_back({file_number, count, number64("blob bytes")});
    skip_blob_fields();
  }

  void skip_blob_fields() {
    while (true) {
      uint32_t const custom_tag = number32("blob file field");
      if (custom_tag == kBlobFieldEnd) return;
      if ((custom_tag & kUnignorableBlobTagBit) != 0)
        refuse(fmt::format("MANIFEST blob file field {}", custom_tag));
      prefixed("blob file field");
    }
  }

  // number v64 | (2, synced bytes v64)? | 1
  void decode_log_addition(ByteReader& body) {
    constexpr uint32_t kEnd = 1;
    constexpr uint32_t kSyncedBytes = 2;
    uint64_t number = 0;
    uint64_t synced_bytes = 0;
    if (!body.read_varint64(number)) fail("log addition");
    while (true) {
      uint32_t tag = 0;
      if (!body.read_varint32(tag)) fail("log addition");
      if (tag == kEnd) break;
      if (tag != kSyncedBytes || !body.read_varint64(synced_bytes)) fail("log addition");
    }
    edit_.logs_added.emplace_back(number, synced_bytes);
  }

  ByteReader reader_;
  std::string const& path_;
  uint64_t offset_;
  VersionEdit edit_;
};

}  // namespace

VersionEdit decode_version_edit(std::span<uint8_t const> record, std::string const& path,
                                uint64_t offset) {
  return EditDecoder(record, path, offset).decode();
}

}  // namespace levelscan
