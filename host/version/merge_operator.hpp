// The merge operators that need no owner's code: those that RocksDB itself brings along
// (utilities/merge_operators), told apart by their names.
//
//   name in files              short name          merges
//   UInt64AddOperator          uint64add           sum modulo 2^64 of 8-byte little-endian
//   integers;
//                                                  anything that isn't 8 bytes long counts as 0
//   StringAppendOperator       stringappend        the operands, oldest first, behind what exists,
//   a StringAppendTESTOperator   stringappendtest    delimiter between each two MaxOperator max the
//   greatest as bytes; nothing exists: of the
//                                                  operands and the empty string
//   PutOperator                put, put_v1         the newest operand
//
// Values and pure functions; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace levelscan {

struct MergeOperator {
  enum class Kind { kUint64Add, kStringAppend, kMax, kPut };
  Kind kind = Kind::kPut;
  std::string name;       // as files have it
  std::string delimiter;  // kStringAppend

  bool operator==(MergeOperator const&) const = default;
};

// Whether the operator of this name in files does what MergeOperator does; the short names too.
[[nodiscard]] bool is_known_merge_operator(std::string_view name);

// An operator as a person names it: NAME, or {id=NAME;delimiter=D}. The delimiter is a comma where
// none is given, as in RocksDB. None: the name is not known, or the text malformed.
[[nodiscard]] std::optional<MergeOperator> parse_merge_operator(std::string_view text);

// An operator as an OPTIONS file (its escapes undone) or a table's properties name it. None: it is
// not known, or the text leaves open what the delimiter is: properties never tell it, and OPTIONS
// files name the operator alone when the delimiter is empty, and for any delimiter before RocksDB
// 6.23.
[[nodiscard]] std::optional<MergeOperator> recorded_merge_operator(std::string_view text);

// What merging gives: an operator applied to what exists (none: nothing does, or it was deleted)
// and the operands, oldest first. The operands are views of the caller's.
class Merge {
 public:
  // REQUIRES: there is an operand. All outlive the merge.
  Merge(MergeOperator const& merge_operator, std::optional<std::string_view> existing,
        std::span<std::string_view const> operands);

  [[nodiscard]] uint64_t bytes() const { return bytes_; }
  // Writes bytes() bytes.
  void write(uint8_t* to) const;

 private:
  MergeOperator const& operator_;
  std::optional<std::string_view> existing_;
  std::span<std::string_view const> operands_;
  std::string_view chosen_;  // kMax, kPut
  uint64_t bytes_ = 0;
};

}  // namespace levelscan
