// SPDX-License-Identifier: Apache-2.0
#include "cli/help.hpp"

#include <fmt/format.h>

#include <sstream>
#include <string_view>
#include <vector>

namespace hallway::tool {

namespace {

constexpr std::size_t names_width = 30;
constexpr std::size_t text_width = 50;

std::vector<std::string> wrapped(const std::string& text) {
  std::vector<std::string> lines{""};
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    if (!lines.back().empty() && lines.back().size() + 1 + word.size() > text_width) {
      lines.emplace_back();
    }
    if (!lines.back().empty()) lines.back() += ' ';
    lines.back() += word;
  }
  return lines;
}

std::string names_of(const CLI::Option& option, bool is_positional) {
  std::string names = "  " + option.get_name(is_positional, true);
  const std::string value = option.get_type_name();
  const bool optional = option.get_items_expected_min() == 0 && option.get_items_expected_max() > 0;
  if (!value.empty()) names += optional ? " [" + value + "]" : " " + value;
  return names;
}

}  // namespace

std::string HelpFormatter::make_usage(const CLI::App*, std::string name) const {
  return fmt::format("Usage: {} {}\n", name, arguments_);
}

std::string HelpFormatter::make_option(const CLI::Option* option, bool is_positional) const {
  const std::string names = names_of(*option, is_positional);
  std::string text = names;
  std::size_t column = names.size();
  for (const std::string& line : wrapped(option->get_description())) {
    if (column + 1 > names_width) {
      text += '\n';
      column = 0;
    }
    text += fmt::format("{:{}}{}", "", names_width - column, line);
    column = names_width;
  }
  return text + '\n';
}

}  // namespace hallway::tool
