// SPDX-License-Identifier: Apache-2.0
//
// Declares flags. Text that cannot be parsed is a usage error that names the flag, the text and the
// reason.
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

/// Declares a flag whose text is parsed by `read`, a function from text to Read<T>.
/// @param meaning  called with the parsed value
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

/// Accepts any text.
inline Read<std::string> read_text(const std::string& text) { return text; }

}  // namespace hallway::tool
