#include "peer/row_record.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <limits>

namespace levelscan {
namespace {

template <class Number>
void append_raw(Text& text, Number number) {
  char bytes[sizeof number];
  std::memcpy(bytes, &number, sizeof number);
  text.append(bytes, sizeof number);
}

template <class Number>
Number take_raw(std::string_view& text) {
  Number number;
  std::memcpy(&number, text.data(), sizeof number);
  text.remove_prefix(sizeof number);
  return number;
}

void append_integer(Text& text, Int128 integer) {
  text += 'i';
  append_raw(text, integer);
}

void append_float(Text& text, double number) {
  text += 'f';
  append_raw(text, std::isnan(number) ? std::numeric_limits<double>::quiet_NaN() : number);
}

void append_bytes(Text& text, std::string_view bytes) {
  text += 'b';
  append_raw(text, static_cast<uint32_t>(bytes.size()));
  text += bytes;
}

std::string_view characters_of(ByteSpan bytes) {
  return {reinterpret_cast<char const*>(bytes.data()), bytes.size()};
}

// Leaves room for a record's size; close_record fills it in.
std::size_t open_record(Text& text) {
  append_raw(text, uint32_t{0});
  return text.size();
}

void close_record(Text& text, std::size_t begin) {
  uint32_t const size = static_cast<uint32_t>(text.size() - begin);
  std::memcpy(text.data() + begin - sizeof size, &size, sizeof size);
}

}  // namespace

void append_record(RowBatch const& batch, uint32_t row, Text& text) {
  std::size_t const begin = open_record(text);
  for (uint32_t c = 0; c < batch.column_count; ++c) {
    Cell const& cell = batch.cells[static_cast<std::size_t>(row) * batch.column_count + c];
    switch (cell.kind) {
      case ScalarKind::kNull: text += 'n'; break;
      case ScalarKind::kInteger:
        append_integer(text, cell.negative ? static_cast<Int128>(static_cast<int64_t>(cell.bits))
                                           : static_cast<Int128>(cell.bits));
        break;
      case ScalarKind::kFloat: {
        double number;
        std::memcpy(&number, &cell.bits, sizeof number);
        append_float(text, number);
        break;
      }
      case ScalarKind::kBytes: append_bytes(text, characters_of(batch.bytes_of(cell))); break;
      case ScalarKind::kUnavailable: text += '?'; break;  // never equal to anything
    }
  }
  if (batch.range != nullptr) append_bytes(text, *batch.range);
  close_record(text, begin);
}

void append_record(std::vector<NamedField> const& columns, PeerRow const& row, Text& text,
                   std::string_view const* range) {
  std::size_t const begin = open_record(text);
  for (NamedField const& column : columns) {
    PeerValue const value = read_field(column, row);
    switch (value.kind) {
      case PeerValue::Kind::kNull: text += 'n'; break;
      case PeerValue::Kind::kInteger: append_integer(text, value.integer); break;
      case PeerValue::Kind::kFloat: append_float(text, value.floating); break;
      case PeerValue::Kind::kBytes: append_bytes(text, value.bytes); break;
    }
  }
  if (range != nullptr) append_bytes(text, *range);
  close_record(text, begin);
}

std::string_view take_record(std::string_view& text) {
  uint32_t const size = take_raw<uint32_t>(text);
  std::string_view const record = text.substr(0, size);
  text.remove_prefix(size);
  return record;
}

std::string_view first_cell_bytes(std::string_view record) {
  if (record.empty() || record.front() != 'b') return {};
  record.remove_prefix(1);
  uint32_t const size = take_raw<uint32_t>(record);
  return record.substr(0, size);
}

std::string describe_bytes(std::string_view bytes) {
  constexpr std::size_t kShownMax = 80;
  std::string text = "'";
  for (char const c : bytes.substr(0, kShownMax)) {
    unsigned char const byte = static_cast<unsigned char>(c);
    if (c == '\\') {
      text += "\\\\";
    } else if (byte >= 0x20 && byte < 0x7f) {
      text += c;
    } else {
      text += fmt::format("\\x{:02x}", byte);
    }
  }
  text += '\'';
  if (bytes.size() > kShownMax) text += fmt::format("... ({} bytes)", bytes.size());
  return text;
}

std::string describe_integer(Int128 integer) {
  std::string digits;
  bool const negative = integer < 0;
  do {
    int const digit = static_cast<int>(integer % 10);
    digits.insert(digits.begin(), static_cast<char>('0' + (digit < 0 ? -digit : digit)));
    integer /= 10;
  } while (integer != 0);
  return (negative ? "-" : "") + digits;
}

std::string describe_record(std::string_view record) {
  std::string text;
  while (!record.empty()) {
    if (!text.empty()) text += ", ";
    char const kind = record.front();
    record.remove_prefix(1);
    switch (kind) {
      case 'n': text += "null"; break;
      case 'i': text += describe_integer(take_raw<Int128>(record)); break;
      case 'f': text += fmt::format("{:.17g}", take_raw<double>(record)); break;
      case 'b': {
        uint32_t const size = take_raw<uint32_t>(record);
        text += describe_bytes(record.substr(0, size));
        record.remove_prefix(size);
        break;
      }
      default: text += "a cell that is none";
    }
  }
  return text;
}

void RecordSink::format(RowBatch const& batch, Text& text) const {
  for (uint32_t row = 0; row < batch.row_count; ++row) append_record(batch, row, text);
}

void RecordSink::write(std::string_view text) {
  while (!text.empty()) take(take_record(text));
}

}  // namespace levelscan
