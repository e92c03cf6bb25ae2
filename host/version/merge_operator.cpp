#include "version/merge_operator.hpp"

#include <array>
#include <cstring>

#include "table/coding.hpp"

namespace levelscan {
namespace {

struct KnownOperator {
  std::string_view name;
  std::string_view short_name;
  MergeOperator::Kind kind;
};

constexpr std::array<KnownOperator, 6> kKnown = {{
    {"UInt64AddOperator", "uint64add", MergeOperator::Kind::kUint64Add},
    {"StringAppendOperator", "stringappend", MergeOperator::Kind::kStringAppend},
    {"StringAppendTESTOperator", "stringappendtest", MergeOperator::Kind::kStringAppend},
    {"MaxOperator", "max", MergeOperator::Kind::kMax},
    {"PutOperator", "put", MergeOperator::Kind::kPut},
    {"PutOperator", "put_v1", MergeOperator::Kind::kPut},
}};

KnownOperator const* find_known(std::string_view name) {
  for (KnownOperator const& known : kKnown) {
    if (name == known.name || name == known.short_name) return &known;
  }
  return nullptr;
}

struct Parts {
  std::string_view name;
  std::optional<std::string_view> delimiter;
};

// NAME, or in braces id=NAME; and delimiter=D; in either order. A delimiter may itself hold
// semicolons.
std::optional<Parts> split(std::string_view text) {
  if (text.starts_with('{') && text.ends_with('}')) text = text.substr(1, text.size() - 2);
  if (text.find('=') == text.npos) return Parts{text, std::nullopt};
  constexpr std::string_view kId = "id=";
  constexpr std::string_view kDelimiter = "delimiter=";
  if (text.ends_with(';')) text.remove_suffix(1);
  if (text.starts_with(kId)) {
    text.remove_prefix(kId.size());
    std::size_t const end = text.find(';');
    if (end == text.npos) return Parts{text, std::nullopt};
    Parts parts{text.substr(0, end), text.substr(end + 1)};
    if (parts.delimiter->empty()) return Parts{parts.name, std::nullopt};
    if (!parts.delimiter->starts_with(kDelimiter)) return std::nullopt;
    parts.delimiter->remove_prefix(kDelimiter.size());
    return parts;
  }
  std::size_t const id = text.rfind(";id=");
  if (!text.starts_with(kDelimiter) || id == text.npos) return std::nullopt;
  return Parts{text.substr(id + 1 + kId.size()),
               text.substr(kDelimiter.size(), id - kDelimiter.size())};
}

// `delimiter`: where the text has none; none: then the operator that needs one is not known.
std::optional<MergeOperator> parse(std::string_view text,
                                   std::optional<std::string_view> delimiter) {
  std::optional<Parts> const parts = split(text);
  if (!parts) return std::nullopt;
  KnownOperator const* const known = find_known(parts->name);
  if (known == nullptr) return std::nullopt;
  MergeOperator result{known->kind, std::string(known->name), {}};
  if (known->kind != MergeOperator::Kind::kStringAppend) {
    return parts->delimiter ? std::nullopt : std::optional(result);
  }
  if (!parts->delimiter && !delimiter) return std::nullopt;
  result.delimiter = parts->delimiter ? *parts->delimiter : *delimiter;
  return result;
}

uint64_t integer_of(std::string_view bytes) {
  return bytes.size() == sizeof(uint64_t) ? load_fixed64(as_bytes(bytes).data()) : 0;
}

}  // namespace

bool is_known_merge_operator(std::string_view name) { return find_known(name) != nullptr; }

std::optional<MergeOperator> parse_merge_operator(std::string_view text) {
  return parse(text, ",");
}

std::optional<MergeOperator> recorded_merge_operator(std::string_view text) {
  return parse(text, std::nullopt);
}

Merge::Merge(MergeOperator const& merge_operator, std::optional<std::string_view> existing,
             std::span<std::string_view const> operands)
    : operator_(merge_operator), existing_(existing), operands_(operands) {
  switch (operator_.kind) {
    case MergeOperator::Kind::kUint64Add: bytes_ = sizeof(uint64_t); return;
    case MergeOperator::Kind::kStringAppend:
      bytes_ = existing_ ? existing_->size() + operator_.delimiter.size() : 0;
      bytes_ += (operands_.size() - 1) * operator_.delimiter.size();
      for (std::string_view const operand : operands_) bytes_ += operand.size();
      return;
    case MergeOperator::Kind::kMax:
      chosen_ = existing_.value_or(std::string_view());
      for (std::string_view const operand : operands_) {
        // Characters compare as unsigned in std::char_traits<char>.
        if (chosen_ < operand) chosen_ = operand;
      }
      break;
    case MergeOperator::Kind::kPut: chosen_ = operands_.back(); break;
  }
  bytes_ = chosen_.size();
}

void Merge::write(uint8_t* to) const {
  auto const append = [&](std::string_view bytes) {
    if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
    to += bytes.size();
  };
  switch (operator_.kind) {
    case MergeOperator::Kind::kUint64Add: {
      uint64_t sum = existing_ ? integer_of(*existing_) : 0;
      for (std::string_view const operand : operands_) sum += integer_of(operand);
      std::memcpy(to, &sum, sizeof sum);
      return;
    }
    case MergeOperator::Kind::kStringAppend: {
      bool first = !existing_;
      if (existing_) append(*existing_);
      for (std::string_view const operand : operands_) {
        if (!first) append(operator_.delimiter);
        append(operand);
        first = false;
      }
      return;
    }
    case MergeOperator::Kind::kMax:
    case MergeOperator::Kind::kPut: append(chosen_); return;
  }
}

}  // namespace levelscan
