// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace hallway::tool {

/// Writes --help in two columns that fit a terminal 80 columns wide, below a usage line for the
/// verb.
class HelpFormatter : public CLI::Formatter {
 public:
  /// @param arguments  what follows the verb: "[ADDRESS] [FLAGS]"
  explicit HelpFormatter(std::string arguments) : arguments_(std::move(arguments)) {}

  std::string make_usage(const CLI::App* app, std::string name) const override;
  std::string make_option(const CLI::Option* option, bool is_positional) const override;

 private:
  std::string arguments_;
};

}  // namespace hallway::tool
