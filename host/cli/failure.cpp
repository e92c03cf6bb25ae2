#include "cli/failure.hpp"

#include <fmt/core.h>

#include <cstdio>
#include <new>

#include "device/device_error.hpp"
#include "levelscan/error.hpp"

namespace levelscan {

Failure describe_failure(std::exception_ptr const& exception) {
  try {
    std::rethrow_exception(exception);
  } catch (Error const& error) {
    return {static_cast<int>(error.code()), error.what()};
  } catch (DeviceError const& error) {
    return {static_cast<int>(ErrorCode::kDevice), error.what()};
  } catch (std::bad_alloc const&) {
    return {static_cast<int>(ErrorCode::kDevice), "out of memory"};
  } catch (std::exception const& error) {
    return {static_cast<int>(ErrorCode::kRuntime), error.what()};
  }
}

void print_message(std::string const& message) { fmt::print(stderr, "levelscan: {}\n", message); }

}  // namespace levelscan
