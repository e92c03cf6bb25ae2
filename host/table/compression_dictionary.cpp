#include "table/compression_dictionary.hpp"

#include <zstd.h>

#include <utility>

namespace levelscan {

CompressionDictionary::CompressionDictionary(std::vector<uint8_t> bytes)
    : bytes_(std::move(bytes)), zstd_(ZSTD_createDDict(bytes_.data(), bytes_.size())) {}

CompressionDictionary::~CompressionDictionary() { ZSTD_freeDDict(zstd_); }

}  // namespace levelscan
