// SPDX-License-Identifier: Apache-2.0
//
// How any flag is declared: text that cannot be read is a usage error that names the flag, the text
// and why.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <utility>

#include "io/values.hpp"

namespace hallway::tool {

/// A text on the command line that cannot be used, with the hint that goes with it.
class Refused : public CLI::ValidationError {
 public:
  Refused(const std::string& text, Unread unread)
      : ValidationError(text, std::move(unread.why)), hint_(std::move(unread.hint)) {}

  [[nodiscard]] const std::string& hint() const noexcept { return hint_; }

 private:
  std::string hint_;
};

/// Declares a flag whose text is read by `read`, a function from text to Read<T>.
/// @param meaning  is given what was read
template <typename ReadText, typename Meaning>
CLI::Option* add_value(CLI::App& verb, const std::string& name, const std::string& placeholder,
                       ReadText read, const Meaning& meaning, const std::string& help) {
  const CLI::callback_t callback = [name, read, meaning](const CLI::results_t& texts) {
    for (const std::string& text : texts) {
      auto value = read(text);
      if (!value) throw Refused(name + " " + text, value.error());
      meaning(std::move(*value));
    }
    return true;
  };
  auto* option = verb.add_option(name, callback, help);
  option->type_name(placeholder)->allow_extra_args(false);
  return option;
}

/// Any text at all.
inline Read<std::string> read_text(const std::string& text) { return text; }

}  // namespace hallway::tool
