// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <utility>

#include "io/values.hpp"

namespace hallway::tool {

/// The error for an unusable text on the command line, with its hint.
class Refused : public CLI::ValidationError {
 public:
  Refused(const std::string& text, Unread unread)
      : ValidationError(text, std::move(unread.why)), hint_(std::move(unread.hint)) {}

  [[nodiscard]] const std::string& hint() const noexcept { return hint_; }

 private:
  std::string hint_;
};

}  // namespace hallway::tool
