// Expects a levelscan::Error with a code and words in its text.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "levelscan/error.hpp"

namespace levelscan::testing {

template <typename Action>
void expect_error(ErrorCode code, std::string const& words, Action&& action) {
  try {
    action();
    ADD_FAILURE() << "no error; expected one with '" << words << "'";
  } catch (Error const& error) {
    EXPECT_EQ(static_cast<int>(error.code()), static_cast<int>(code)) << error.what();
    EXPECT_THAT(error.what(), ::testing::HasSubstr(words));
  }
}

}  // namespace levelscan::testing
