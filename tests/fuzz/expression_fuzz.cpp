// Conditions (--where), aggregate lists and column lists as text. What compiles is run over a few
// rows, and must say of each what a tree-walker says that shares nothing with the kernels.
//
//   input: text, or text NUL key NUL value
#include <array>
#include <string_view>

#include "fuzz/fuzz_support.hpp"
#include "kernels/predicate.hpp"
#include "levelscan/error.hpp"
#include "peer/row_evaluator.hpp"
#include "query/aggregates.hpp"
#include "query/compiled_predicate.hpp"
#include "query/parser.hpp"

namespace levelscan::fuzz {
namespace {

Schema const& schema() {
  static Schema const with_fields = [] {
    Schema result;
    for (char const* const field :
         {"a:u8@key+0", "b:i16be@key+1", "c:u64@value+0", "d:i64@value-8", "f:f32@value+2",
          "g:f64be@value+0", "s:bytes[3]@key+2", "t:bytes@value+1", "u:bytes@key-2"}) {
      result.define(field);
    }
    return result;
  }();
  return with_fields;
}

template <class Parse>
bool is_accepted(Parse&& parse) {
  try {
    parse();
    return true;
  } catch (Error const& error) {
    if (error.code() != ErrorCode::kUsage) {
      report(std::string("an error of another kind: ") + error.what());
    }
    return false;
  }
}

Bytes view(std::string_view text) {
  return {reinterpret_cast<uint8_t const*>(text.data()), static_cast<uint32_t>(text.size())};
}

void compare(Expression const& expression, std::string_view key, std::string_view value) {
  CompiledPredicate const compiled = compile_predicate(expression);
  Predicate const predicate{compiled.instructions.data(),
                            compiled.fields.data(),
                            compiled.constants.data(),
                            compiled.constant_bytes.data(),
                            static_cast<uint32_t>(compiled.instructions.size()),
                            compiled.reads_key ? 1U : 0U};
  RowEvaluator const reference(expression);
  constexpr uint64_t kSequence = 300;
  Row const row{view(key), static_cast<uint32_t>(key.size()), view(value), kSequence};
  Verdict const verdict = evaluate(predicate, row);
  require(verdict != Verdict::kUndecided, "undecided with the whole row at hand");
  require((verdict == Verdict::kPasses) == reference.passes({key, value, kSequence}),
          "the program and the tree disagree");
}

int nesting_of(ExpressionNode const& node) {
  int deepest = 0;
  for (auto const& child : node.children) deepest = std::max(deepest, nesting_of(*child));
  return deepest + 1;
}

}  // namespace
}  // namespace levelscan::fuzz

using namespace levelscan;

int LLVMFuzzerTestOneInput(uint8_t const* data, std::size_t size) {
  fuzz::ExactBytes const input({data, size});
  std::string_view text(reinterpret_cast<char const*>(input.data()), input.size());
  std::array<std::string_view, 3> parts;
  for (std::string_view& part : parts) {
    std::size_t const end = std::min(text.find('\0'), text.size());
    part = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  std::string_view const condition = parts[0];
  std::string_view const key = parts[1];
  std::string_view const value = parts[2];
  fuzz::is_accepted([&] {
    Expression const expression = parse_expression(condition, fuzz::schema());
    if (fuzz::has_planted_bug) {
      static bool open[4];  // a stack too small
      open[fuzz::nesting_of(*expression.root)] = true;
    }
    fuzz::require(fuzz::nesting_of(*expression.root) <= 3 * kNestingMax, "nested without end");
    fuzz::compare(expression, key, value);
    fuzz::compare(expression, value, key);
    fuzz::compare(expression, "", "");
  });
  fuzz::is_accepted([&] { static_cast<void>(parse_aggregates(condition, fuzz::schema())); });
  fuzz::is_accepted([&] { static_cast<void>(parse_columns(condition, fuzz::schema())); });
  return 0;
}
