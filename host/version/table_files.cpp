#include "version/table_files.hpp"

#include <fmt/core.h>

#include <utility>

#include "table/block.hpp"
#include "table/key_comparison.hpp"
#include "table/table_index.hpp"
#include "version/table_tombstones.hpp"

namespace levelscan {
namespace {

// Bounds that hold all entries of the table, as a MANIFEST would have them.
void set_bounds(Table const& table, TableMeta& meta) {
  meta.file_bytes = table.file_bytes();
  std::string last;
  for_each_data_block(table, [&](IndexCursor const& cursor) {
    BlockHandle const& handle = cursor.handle();
    BlockPlace const place{table.path(), handle.offset};
    if (meta.smallest.empty()) {
      for_each_entry(table.read_data_block(handle), place,
                     [&](std::span<uint8_t const> key, std::span<uint8_t const>) {
                       if (key.size() < kTrailerBytes) {
                         throw corruption_error(place.file, place.offset,
                                                "a key without a trailer");
                       }
                       meta.smallest = make_internal_key(user_key_of(as_text(key)), UINT64_MAX);
                       return false;
                     });
    }
    last = as_text(cursor.user_key());
    return true;
  });
  if (meta.smallest.empty()) meta.smallest = make_internal_key(last, UINT64_MAX);
  meta.largest = make_internal_key(last, 0);
}

void add_run(std::string const& path, std::shared_ptr<Table const> table,
             DatabaseVersion& version) {
  SortedRun run;
  run.largest_sequence = kSequenceMax;
  TableMeta meta;
  meta.path = path;
  meta.largest_sequence = kSequenceMax;
  if (table) {
    version.refusals.insert(version.refusals.end(), table->refusals().begin(),
                            table->refusals().end());
    // Of a file that was ingested in place of its sequence numbers.
    uint64_t const global = table->properties().global_sequence.value_or(0);
    if (global != 0) meta.global_sequence = global;
    append_table_tombstones(*table, meta, version.range_tombstones);
    set_bounds(*table, meta);
  }
  run.metas.push_back(std::move(meta));
  run.tables.push_back(std::move(table));
  version.runs.push_back(std::move(run));
}

// Only what the caller names, or what all the tables agree on.
void choose_merge_operator(OpenOptions const& options, DatabaseVersion& version) {
  version.merge_operator = options.merge_operator;
  if (version.merge_operator) return;
  for (SortedRun const& run : version.runs) {
    Table const* const table = run.tables.front().get();
    if (table == nullptr || table->properties().merge_operands == 0) continue;
    std::string const& name = table->properties().merge_operator;
    std::optional<MergeOperator> const found = recorded_merge_operator(name);
    if (!found || (version.merge_operator && version.merge_operator->name != found->name)) {
      version.refusals.push_back({fmt::format("merge operands (operator '{}')", name),
                                  table->path(), std::nullopt,
                                  "say what merges them with --merge-operator NAME"});
      continue;
    }
    version.merge_operator = found;
  }
}

}  // namespace

DatabaseVersion open_table_files(std::vector<std::string> const& paths,
                                 OpenOptions const& options) {
  DatabaseVersion version;
  version.path = paths.front();
  version.last_sequence = kSequenceMax;
  std::string first_comparator;
  for (std::string const& path : paths) {
    auto const open = [&](std::vector<Refusal>& refusals) {
      return Table::open(RandomAccessFile::open(path), 0, version.key_order, refusals);
    };
    std::vector<Refusal> refusals;
    std::shared_ptr<Table const> table = open(refusals);
    if (table) {
      // LevelDB's tables don't say; theirs is the default one, most likely.
      std::string const& own = table->properties().comparator;
      std::string const comparator = own.empty() ? "leveldb.BytewiseComparator" : own;
      if (version.comparator.empty()) {
        version.comparator = comparator;
        KeyOrderChoice const choice = choose_key_order(comparator, options);
        if (!choice.order) version.refusals.push_back(unknown_comparator(comparator, path));
        version.key_order = choice.order.value_or(KeyOrder::kBytewise);
        version.key_order_is_assumed = choice.is_assumed;
        refusals.clear();
        table = open(refusals);
      } else if (comparator != version.comparator) {
        throw Error(ErrorCode::kUsage,
                    fmt::format("{} has comparator '{}', {} has '{}'", paths.front(),
                                version.comparator, path, comparator));
      }
    }
    version.refusals.insert(version.refusals.end(), refusals.begin(), refusals.end());
    add_run(path, std::move(table), version);
  }
  choose_merge_operator(options, version);
  return version;
}

}  // namespace levelscan
