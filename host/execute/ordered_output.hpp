// Puts the rows of tasks that run at once into the tasks' order, and counts them against the limit.
//
// The first unfinished task writes straight to the sink; the others collect, and wait once they
// have collected a lot together. That never deadlocks: tasks start in order, so the first
// unfinished one is running, or every started one has finished.
//
// Thread-safe; the functions of one task are called by one thread at a time.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <vector>

#include "output/row_sink.hpp"

namespace levelscan {

// Rows as text. `row_ends` is filled only where a limit may have to cut between rows.
struct FormattedRows {
  Text text;
  uint64_t row_count = 0;
  std::vector<std::size_t> row_ends;

  void clear() {
    text.clear();
    row_count = 0;
    row_ends.clear();
  }
};

class OrderedOutput {
 public:
  // `sink` outlives this.
  OrderedOutput(RowSink& sink, std::size_t task_count, uint64_t limit);

  // Hands over rows of a task; may leave others in their place, for clear(). Returns false when no
  // more rows are wanted, by the limit or because the scan stops. Throws what the sink throws.
  bool commit(std::size_t task, FormattedRows& rows);

  // The task has no more rows.
  void finish(std::size_t task);

  // Wakes the waiting tasks from number `first` on, which then collect without bound. For the end
  // of a pool's life, and errors.
  void stop_waiting(std::size_t first);
  void wait_again();

  [[nodiscard]] bool limit_reached() const;
  [[nodiscard]] uint64_t rows_written() const;

 private:
  static constexpr std::size_t kCollectBytesMax = 64 << 20;  // of all tasks

  struct Collected {
    std::vector<FormattedRows> batches;
    uint64_t row_count = 0;
  };

  [[nodiscard]] FormattedRows take_spare();
  void write_rows(FormattedRows const& rows);
  void write_collected(std::size_t task);

  mutable std::mutex mutex_;
  std::condition_variable turn_;
  RowSink& sink_;
  uint64_t limit_;
  uint64_t rows_written_ = 0;
  std::size_t current_ = 0;           // first unfinished task
  std::size_t wait_end_ = SIZE_MAX;   // tasks from here on don't wait
  std::size_t collected_bytes_ = 0;   // of all tasks
  std::vector<Collected> collected_;  // [task_count]
  std::vector<FormattedRows> spare_;  // written, so that their memory can serve again
  std::vector<bool> finished_;        // [task_count]
};

}  // namespace levelscan
