#include "plan/task_planner.hpp"

#include <algorithm>
#include <string_view>

#include "table/table_index.hpp"

namespace levelscan {
namespace {

bool overlaps(KeyOrder key_order, TableMeta const& meta, KeyRange const& range) {
  return is_below(key_order, meta.smallest_user_key(), range.upper) &&
         !is_below(key_order, meta.largest_user_key(), range.lower);
}

// `bytes` more of some run have been passed at `end`.
struct Piece {
  std::string end;  // user key
  uint64_t bytes;
};

void add_index_pieces(Table const& table, uint64_t piece_bytes, std::vector<Piece>& pieces) {
  uint64_t bytes = 0;
  for_each_data_block(table, [&](IndexCursor const& cursor) {
    bytes += cursor.handle().size + kBlockTrailerBytes;
    if (bytes >= piece_bytes) {
      auto const key = cursor.user_key();
      pieces.push_back({std::string(reinterpret_cast<char const*>(key.data()), key.size()), bytes});
      bytes = 0;
    }
    return true;
  });
}

}  // namespace

uint64_t overlapping_bytes(DatabaseVersion const& version, KeyRange const& range) {
  uint64_t bytes = 0;
  for (SortedRun const& run : version.runs) {
    for (TableMeta const& meta : run.metas) {
      if (overlaps(version.key_order, meta, range)) bytes += meta.file_bytes;
    }
  }
  return bytes;
}

ScanPlan plan_tasks(DatabaseVersion const& version, KeyRange const& range, uint64_t task_bytes) {
  ScanPlan plan;
  if (range.is_empty(version.key_order)) return plan;
  plan.bytes_planned = overlapping_bytes(version, range);
  if (task_bytes == 0 || plan.bytes_planned <= task_bytes) {
    plan.tasks.push_back(range);
    return plan;
  }
  // Small pieces make tasks of similar size out of runs whose tables end at different keys.
  uint64_t const piece_bytes = std::max<uint64_t>(task_bytes / 4, 1);
  std::vector<Piece> pieces;
  for (SortedRun const& run : version.runs) {
    for (std::size_t i = 0; i < run.metas.size(); ++i) {
      TableMeta const& meta = run.metas[i];
      if (!overlaps(version.key_order, meta, range)) continue;
      // Tables that are runs of their own may all end at the same key: those are cut as finely as
      // all of them together need it.
      bool const is_run = run.metas.size() == 1;
      uint64_t const table_piece_bytes =
          is_run ? std::max<uint64_t>(piece_bytes / version.runs.size(), 1) : piece_bytes;
      if (meta.file_bytes > 2 * table_piece_bytes) {
        add_index_pieces(*run.tables[i], table_piece_bytes, pieces);
      } else {
        pieces.push_back({std::string(meta.largest_user_key()), meta.file_bytes});
      }
    }
  }
  KeyOrder const key_order = version.key_order;
  std::sort(pieces.begin(), pieces.end(), [key_order](Piece const& a, Piece const& b) {
    return compare_user_keys(key_order, a.end, b.end) < 0;
  });

  KeyRange task{range.lower, KeyBound::end()};
  uint64_t bytes = 0;
  for (Piece& piece : pieces) {
    bytes += piece.bytes;
    KeyBound const end = KeyBound::before(piece.end);
    if (bytes < task_bytes || compare_bounds(key_order, end, task.lower) <= 0) continue;
    if (compare_bounds(key_order, end, range.upper) >= 0) break;
    task.upper = end;
    plan.tasks.push_back(task);
    task = KeyRange{end, KeyBound::end()};
    bytes = 0;
  }
  task.upper = range.upper;
  plan.tasks.push_back(std::move(task));
  return plan;
}

}  // namespace levelscan
