#include "execute/ordered_output.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace levelscan {

OrderedOutput::OrderedOutput(RowSink& sink, std::size_t task_count, uint64_t limit)
    : sink_(sink), limit_(limit), collected_(task_count), finished_(task_count, false) {}

bool OrderedOutput::commit(std::size_t task, FormattedRows& rows) {
  std::unique_lock lock(mutex_);
  if (rows_written_ >= limit_) return false;
  if (rows.row_count == 0) return true;
  if (task != current_) {
    if (collected_bytes_ + rows.text.size() > kCollectBytesMax) {
      turn_.wait(lock,
                 [&] { return task == current_ || task >= wait_end_ || rows_written_ >= limit_; });
      if (rows_written_ >= limit_) return false;
    }
    if (task != current_) {
      Collected& mine = collected_[task];
      collected_bytes_ += rows.text.size();
      mine.row_count += rows.row_count;
      mine.batches.push_back(std::exchange(rows, take_spare()));
      return mine.row_count < limit_;
    }
  }
  // Nobody else writes as long as this task is the first unfinished one, but others may ask.
  write_collected(task);
  write_rows(rows);
  if (rows_written_ >= limit_) turn_.notify_all();
  return rows_written_ < limit_;
}

void OrderedOutput::write_rows(FormattedRows const& rows) {
  uint64_t const left = limit_ - rows_written_;
  if (rows.row_count <= left) {
    if (rows.row_count != 0) sink_.write(rows.text);
    rows_written_ += rows.row_count;
    return;
  }
  if (left != 0) sink_.write(rows.text.view().substr(0, rows.row_ends[left - 1]));
  rows_written_ = limit_;
}

void OrderedOutput::write_collected(std::size_t task) {
  for (FormattedRows& batch : collected_[task].batches) {
    write_rows(batch);
    collected_bytes_ -= batch.text.size();
    spare_.push_back(std::move(batch));
  }
  collected_[task] = Collected{};
}

FormattedRows OrderedOutput::take_spare() {
  if (spare_.empty()) return FormattedRows{};
  FormattedRows taken = std::move(spare_.back());
  spare_.pop_back();
  return taken;
}

void OrderedOutput::finish(std::size_t task) {
  std::unique_lock const lock(mutex_);
  finished_[task] = true;
  while (current_ < finished_.size() && finished_[current_]) {
    write_collected(current_);
    ++current_;
  }
  // What the next task has collected can go out now.
  if (current_ < finished_.size()) write_collected(current_);
  turn_.notify_all();
}

void OrderedOutput::stop_waiting(std::size_t first) {
  std::unique_lock const lock(mutex_);
  wait_end_ = std::min(wait_end_, first);
  turn_.notify_all();
}

void OrderedOutput::wait_again() {
  std::unique_lock const lock(mutex_);
  wait_end_ = SIZE_MAX;
}

bool OrderedOutput::limit_reached() const {
  std::unique_lock const lock(mutex_);
  return rows_written_ >= limit_;
}

uint64_t OrderedOutput::rows_written() const {
  std::unique_lock const lock(mutex_);
  return rows_written_;
}

}  // namespace levelscan
