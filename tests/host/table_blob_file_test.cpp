// Blob files written byte for byte, and references to what lies in them.
#include "table/blob_file.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

#include "support/expect_error.hpp"
#include "support/format_writer.hpp"
#include "support/random.hpp"
#include "support/temporary_directory.hpp"

namespace levelscan {
namespace {

using namespace levelscan::testing;

std::string header_bytes(uint32_t column_family = 0, uint8_t flags = 0, uint8_t compression = 0,
                         uint64_t expiration = 0) {
  return fixed(uint32_t{2395959}) + fixed(uint32_t{1}) + fixed(column_family) +
         static_cast<char>(flags) + static_cast<char>(compression) + fixed(expiration) +
         fixed(expiration);
}

std::string record_bytes(std::string const& key, std::string const& value) {
  std::string const head =
      fixed(uint64_t{key.size()}) + fixed(uint64_t{value.size()}) + fixed(uint64_t{0});
  return head + fixed(slow_masked_crc32c(head)) + fixed(slow_masked_crc32c(key + value)) + key +
         value;
}

std::string footer_of(uint64_t count) {
  std::string const covered =
      fixed(uint32_t{2395959}) + fixed(count) + fixed(uint64_t{0}) + fixed(uint64_t{0});
  return covered + fixed(slow_masked_crc32c(covered));
}

std::string reference_bytes(uint8_t type, uint64_t file, uint64_t offset, uint64_t size,
                            uint8_t compression) {
  return static_cast<char>(type) + varint(file) + varint(offset) + varint(size) +
         static_cast<char>(compression);
}

class BlobFiles : public ::testing::Test {
 protected:
  BlobFile open(std::string const& bytes, uint64_t records, uint32_t column_family = 0) {
    write_whole_file(path_, bytes);
    return BlobFile::open(path_, records, column_family);
  }
  BlobFile open_records() {
    return open(header_bytes() + first_ + second_ + footer_of(2), first_.size() + second_.size());
  }

  std::string value(BlobFile const& file, BlobReference const& reference, std::string const& key,
                    bool verify = true) {
    BlobFile::Record const record = file.record_of(reference, key.size());
    std::vector<uint8_t> const bytes = file.file().read(record.offset, record.bytes);
    return text_of(file.stored_value(bytes, reference, key, verify));
  }

  std::string const first_ = record_bytes("a", "first value");
  std::string const second_ = record_bytes("key", "");
  BlobReference const to_first_{7, 30 + 32 + 1, 11, 0};
  BlobReference const to_second_{7, 30 + first_.size() + 32 + 3, 0, 0};

 private:
  TemporaryDirectory directory_;
  std::string path_ = directory_ / "000007.blob";
};

TEST_F(BlobFiles, HoldTheValuesThatReferencesPointTo) {
  BlobFile const file = open_records();
  EXPECT_EQ(value(file, to_first_, "a"), "first value");
  EXPECT_EQ(value(file, to_second_, "key"), "");
  EXPECT_EQ(value(file, to_first_, "x", false), "first value");
}

TEST_F(BlobFiles, RecordsMustBeThoseOfTheirReferences) {
  BlobFile const file = open_records();
  auto const fails = [&](BlobReference const& reference, std::string const& key,
                         std::string const& text) {
    expect_error(ErrorCode::kCorruption, text, [&] { value(file, reference, key); });
  };
  fails(to_first_, "b", "another key");
  fails({7, to_first_.offset, 10, 0}, "a", "sizes");
  fails({7, to_first_.offset + 1, 10, 0}, "a", "checksum of a blob's header");
  fails({7, to_first_.offset, 11, 1}, "a", "snappy compression, and the file has");
}

TEST_F(BlobFiles, ReferencesOutsideTheRecordsAreCorruption) {
  BlobFile const file = open_records();
  uint64_t const records_end = 30 + first_.size() + second_.size();
  for (BlobReference const& reference :
       {BlobReference{7, 0, 1, 0}, BlobReference{7, 62, 1, 0},
        BlobReference{7, to_first_.offset, records_end - to_first_.offset + 1, 0},
        BlobReference{7, records_end + 1, 0, 0}, BlobReference{7, to_first_.offset, UINT64_MAX, 0},
        BlobReference{7, UINT64_MAX, UINT64_MAX, 0}, BlobReference{7, UINT64_MAX, 1, 0}}) {
    SCOPED_TRACE(fmt::format("{} {}", reference.offset, reference.size));
    for (bool const verify : {true, false}) {
      expect_error(ErrorCode::kCorruption, "do not lie there",
                   [&] { value(file, reference, "a", verify); });
    }
  }
}

TEST_F(BlobFiles, EveryFlippedByteOfARecordIsNoticed) {
  std::string const records = first_ + second_;
  for (std::size_t i = 0; i < records.size(); ++i) {
    SCOPED_TRACE(i);
    std::string damaged = records;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x20);
    BlobFile const file = open(header_bytes() + damaged + footer_of(2), records.size());
    int failures = 0;
    for (auto const& [reference, key] : {std::pair{to_first_, "a"}, std::pair{to_second_, "key"}}) {
      try {
        value(file, reference, key);
      } catch (Error const& error) {
        EXPECT_EQ(error.code(), ErrorCode::kCorruption);
        ++failures;
      }
    }
    // The third number, an expiration time, is covered by the header's checksum too.
    EXPECT_EQ(failures, 1);
  }
}

TEST_F(BlobFiles, HeadersAndFootersAreChecked) {
  std::string const body = first_;
  uint64_t const bytes = body.size();
  auto const fails = [&](ErrorCode code, std::string const& text, std::string const& file) {
    expect_error(code, text, [&] { open(file, bytes); });
  };
  std::string const good = header_bytes() + body + footer_of(1);
  fails(ErrorCode::kCorruption, "magic", "x" + good.substr(1));
  fails(ErrorCode::kUnsupported, "blob file of version 2",
        good.substr(0, 4) + "\x02" + good.substr(5));
  fails(ErrorCode::kCorruption, "column family 3's", header_bytes(3) + body + footer_of(1));
  fails(ErrorCode::kUnsupported, "expiration times (BlobDB)",
        header_bytes(0, 1) + body + footer_of(1));
  fails(ErrorCode::kUnsupported, "expiration times (BlobDB)",
        header_bytes(0, 0, 0, 5) + body + footer_of(1));
  fails(ErrorCode::kUnsupported, "compression of blobs",
        header_bytes(0, 0, 0x6) + body + footer_of(1));
  fails(ErrorCode::kCorruption, "footer", good.substr(0, good.size() - 1) + "x");
  fails(ErrorCode::kCorruption, "footer",
        good.substr(0, good.size() - 20) + "x" + good.substr(good.size() - 19));
  fails(ErrorCode::kCorruption, "the MANIFEST counts", good.substr(0, good.size() - 1));
  fails(ErrorCode::kCorruption, "the MANIFEST counts", "");
  expect_error(ErrorCode::kCorruption, "missing",
               [] { BlobFile::open("/nowhere/000001.blob", 0, 0); });
}

TEST(BlobReferences, AreDecodedOrRefusedByName) {
  auto const decode = [](std::string const& bytes) {
    return decode_blob_reference(bytes_of(bytes), "the place");
  };
  BlobReference const reference = decode(reference_bytes(1, 300, 70000, 1 << 30, 7));
  EXPECT_EQ(reference.file_number, 300u);
  EXPECT_EQ(reference.offset, 70000u);
  EXPECT_EQ(reference.size, 1u << 30);
  EXPECT_EQ(reference.compression, 7);
  auto const fails = [&](ErrorCode code, std::string const& text, std::string const& bytes) {
    expect_error(code, text, [&] { decode(bytes); });
    expect_error(code, "the place", [&] { decode(bytes); });
  };
  fails(ErrorCode::kUnsupported, "values with an expiration time", std::string("\0\x05value", 7));
  fails(ErrorCode::kUnsupported, "references with an expiration time",
        std::string("\x02\x05", 2) + reference_bytes(1, 3, 4, 5, 0).substr(1));
  fails(ErrorCode::kUnsupported, "embedded", reference_bytes(1, 0, 70, 10, 0));
  fails(ErrorCode::kCorruption, "unknown type 3", reference_bytes(3, 1, 2, 3, 0));
  fails(ErrorCode::kCorruption, "of no bytes", "");
  std::string const good = reference_bytes(1, 300, 70000, 1 << 30, 7);
  for (std::size_t size = 1; size < good.size(); ++size) {
    fails(ErrorCode::kCorruption, "cannot be decoded", good.substr(0, size));
  }
  fails(ErrorCode::kCorruption, "cannot be decoded", good + "x");
  fails(ErrorCode::kCorruption, "cannot be decoded", "\x01" + std::string(30, '\xff'));
}

}  // namespace
}  // namespace levelscan
