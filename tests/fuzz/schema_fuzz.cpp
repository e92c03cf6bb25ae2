// Field definitions (--field) and key arguments, a line each.
//
//   line: NAME:TYPE@PLACE, or a key as --from takes it
#include <string_view>

#include "fuzz/fuzz_support.hpp"
#include "levelscan/error.hpp"
#include "query/key_argument.hpp"
#include "query/schema.hpp"

namespace levelscan::fuzz {
namespace {

template <class Parse>
void expect_usage_error_at_most(Parse&& parse) {
  try {
    parse();
  } catch (Error const& error) {
    if (error.code() != ErrorCode::kUsage) {
      report(std::string("an error of another kind: ") + error.what());
    }
  }
}

void check(Schema const& schema) {
  for (NamedField const& field : schema.fields()) {
    require(schema.find(field.name) == &field, "two fields of one name");
    require(field.field.size != 0, "a field of no bytes");
    require(field.field.type == FieldType::kBytes || field.field.size <= 8,
            "a number of many bytes");
  }
}

}  // namespace
}  // namespace levelscan::fuzz

using namespace levelscan;

int LLVMFuzzerTestOneInput(uint8_t const* data, std::size_t size) {
  fuzz::ExactBytes const input({data, size});
  std::string_view text(reinterpret_cast<char const*>(input.data()), input.size());
  Schema schema;
  while (!text.empty()) {
    std::size_t const end = std::min(text.find('\n'), text.size());
    std::string_view const line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    fuzz::expect_usage_error_at_most([&] { schema.define(line); });
    fuzz::expect_usage_error_at_most([&] {
      std::string const key = parse_key_argument("--from", line);
      fuzz::require(key.size() <= line.size(), "a key longer than its text");
    });
  }
  fuzz::check(schema);
  if (fuzz::has_planted_bug) {
    static uint32_t row[64];  // taken for enough, whatever the field's place
    for (NamedField const& field : schema.fields()) row[field.field.offset] = field.field.size;
  }
  return 0;
}
