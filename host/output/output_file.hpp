// Where output goes: stdout, or a file that appears under its name only once it is complete.
//
// A regular file is written under a temporary name beside it, which commit() renames; without
// commit() the destructor removes it. Anything else that has the name (a pipe, /dev/null) is
// written as it is. Writes are collected, except on a terminal. One thread at a time.
#pragma once

#include <string>
#include <string_view>

namespace levelscan {

class OutputFile {
 public:
  // stdout.
  OutputFile();
  // Throws Error(kRuntime).
  explicit OutputFile(std::string path);
  OutputFile(OutputFile const&) = delete;
  OutputFile& operator=(OutputFile const&) = delete;
  ~OutputFile();

  // The file that `path` leads to by symbolic links, whether it is there or not.
  [[nodiscard]] static std::string target_of(std::string const& path);

  // Throw Error(kRuntime) when it can't be written (disk full). When the reader of a pipe has gone
  // they throw Error(kRuntime) too, and reader_gone() says so: an end, not a failure.
  // REQUIRES: SIGPIPE is ignored.
  void write(std::string_view text);
  void flush();

  // Flushes, brings the bytes to the disk, closes, and gives the file its name.
  void commit();

  [[nodiscard]] bool reader_gone() const { return reader_gone_; }
  // What was asked for by path; false for stdout.
  [[nodiscard]] bool is_named() const { return !path_.empty(); }

 private:
  void open_temporary(unsigned mode);
  void write_all(std::string_view text);
  [[noreturn]] void fail(std::string_view what, int error_number) const;

  std::string path_;            // as given; empty for stdout
  std::string target_;          // path_ with symbolic links resolved
  std::string temporary_path_;  // empty when written in place
  int descriptor_ = -1;
  bool flush_at_once_ = false;
  bool reader_gone_ = false;
  std::string pending_;
};

}  // namespace levelscan
