// Runs the program as a script would: exit code, stdout, stderr. REQUIRES: LEVELSCAN_BINARY is its
// path. Not thread-safe.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "support/format_writer.hpp"
#include "support/temporary_directory.hpp"

namespace levelscan::testing {

struct Outcome {
  int exit_code = -1;  // -1: a signal ended it
  std::string output;
  std::string errors;

  [[nodiscard]] std::string last_error_line() const {
    std::string const text = errors.substr(0, errors.find_last_not_of('\n') + 1);
    return text.substr(text.rfind('\n') + 1);
  }
};

class CliFixture : public ::testing::Test {
 protected:
  static std::string quoted(std::string const& word) {
    std::string text = "'";
    for (char const c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return text + "'";
  }

  // `shell_tail` goes behind the command as it is, `shell_head` before it (NAME=value, ulimit
  // ...;).
  Outcome run(std::vector<std::string> const& arguments, std::string const& shell_tail = "",
              std::string const& shell_head = "") const {
    std::string command = shell_head + " " + quoted(LEVELSCAN_BINARY);
    for (std::string const& argument : arguments) command += " " + quoted(argument);
    command = "{ { " + command + shell_tail + "; }; } >" + quoted(directory_ / "stdout") + " 2>" +
              quoted(directory_ / "stderr");
    int const status = std::system(command.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read_whole_file(directory_ / "stdout"),
            read_whole_file(directory_ / "stderr")};
  }

  TemporaryDirectory directory_;
};

}  // namespace levelscan::testing
