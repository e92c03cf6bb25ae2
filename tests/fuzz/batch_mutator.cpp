#include "fuzz/batch_mutator.hpp"

#include <algorithm>
#include <string>

#include "fuzz/batch_model.hpp"
#include "fuzz/fuzz_support.hpp"
#include "support/random.hpp"

namespace levelscan::fuzz {
namespace {

constexpr std::size_t kHeaderBytes = 12;
constexpr std::size_t kGrowth = 64;

template <class Bytes>
void mutate_bytes(Bytes& bytes) {
  std::size_t const before = bytes.size();
  bytes.resize(before + kGrowth);
  bytes.resize(LLVMFuzzerMutate(reinterpret_cast<uint8_t*>(bytes.data()), before, bytes.size()));
}

// A string that the batch has already, or a new one.
std::string some_string(std::vector<ModelOperation> const& operations, test::Random& random) {
  if (!operations.empty() && !random.one_in(4)) {
    ModelOperation const& operation = random.pick(operations);
    if (!operation.strings.empty()) return random.pick(operation.strings);
  }
  return random.bytes(random.below(12));
}

ModelOperation new_operation(std::vector<ModelOperation> const& operations, test::Random& random) {
  BatchTag const& tag = random.pick(batch_tags());
  ModelOperation operation{tag.tag, 0, {}};
  if (tag.has_column_family) operation.column_family = random.below(4);
  for (uint32_t i = 0; i < tag.strings; ++i) {
    operation.strings.push_back(some_string(operations, random));
  }
  return operation;
}

void mutate_operation(ModelOperation& operation, test::Random& random) {
  if (operation.strings.empty() || random.one_in(8)) {
    operation.column_family =
        random.one_in(4) ? static_cast<uint32_t>(random.next()) : random.below(4);
  } else {
    mutate_bytes(operation.strings[random.below(operation.strings.size())]);
  }
}

}  // namespace

std::vector<uint8_t> mutate_batch(std::vector<uint8_t> batch, unsigned int seed) {
  test::Random random(seed);
  uint32_t const choice = random.below(8);
  if (choice == 0) mutate_bytes(batch);
  if (batch.size() < kHeaderBytes) batch.resize(kHeaderBytes);
  BatchModel model = read_batch_model(batch);
  std::vector<ModelOperation>& operations = model.operations;
  auto const place = [&](std::size_t index) {
    return operations.begin() + static_cast<std::ptrdiff_t>(index);
  };
  if (choice == 0) {
    if (random.one_in(4)) return batch;
  } else if (choice <= 2 || operations.empty()) {
    ModelOperation operation = new_operation(operations, random);
    operations.insert(place(random.below(operations.size() + 1)), std::move(operation));
  } else if (choice == 3) {
    operations.erase(place(random.below(operations.size())));
  } else if (choice == 4) {
    std::swap(operations[random.below(operations.size())],
              operations[random.below(operations.size())]);
  } else {
    mutate_operation(operations[random.below(operations.size())], random);
  }
  if (!random.one_in(16)) model.count = model.writes();
  return batch_bytes(model);
}

}  // namespace levelscan::fuzz
