// Exceptions as exit codes.
#pragma once

#include <exception>
#include <string>

namespace levelscan {

// The exit code that stands for an exception, and what to tell the user.
struct Failure {
  int exit_code = 1;
  std::string message;
};
[[nodiscard]] Failure describe_failure(std::exception_ptr const& exception);

// Writes "levelscan: MESSAGE" to stderr.
void print_message(std::string const& message);

}  // namespace levelscan
