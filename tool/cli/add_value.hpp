// SPDX-License-Identifier: Apache-2.0
//
// Declares the flags and arguments of a verb. CLI11 parses them; only the files of this folder
// include it, because it takes seconds to compile (cli_fwd.hpp).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/cli_fwd.hpp"
#include "io/values.hpp"

namespace hallway::tool {

/// Reports a usage error about a text of the command line, with the reason and the hint of
/// `unread`. Throws; for use while the command line is parsed.
[[noreturn]] void refuse_value(const std::string& text, Unread unread);

/// A flag after its declaration, for what few flags need.
class DeclaredFlag {
 public:
  explicit DeclaredFlag(CLI::Option& option) : option_(&option) {}

  /// Accepts the flag several times, each with a value that counts.
  const DeclaredFlag& repeatable() const;

  /// Refuses the flag without the flag `other`.
  const DeclaredFlag& needs(const std::string& other) const;

  /// Accepts the flag without a value, which then is `value`.
  const DeclaredFlag& with_default(const std::string& value) const;

 private:
  CLI::Option* option_;
};

/// Declares a flag with a value.
/// @param take  called with the text of each value
DeclaredFlag add_text(CLI::App& verb, const std::string& name, const std::string& placeholder,
                      std::function<void(const std::string&)> take, const std::string& help);

/// Declares a flag whose text is parsed by `read`, a function from text to Read<T>. Text that
/// cannot be parsed is a usage error that names the flag, the text and the reason.
/// @param meaning  called with the parsed value
template <typename ReadText, typename Meaning>
DeclaredFlag add_value(CLI::App& verb, const std::string& name, const std::string& placeholder,
                       ReadText read, const Meaning& meaning, const std::string& help) {
  return add_text(
      verb, name, placeholder,
      [name, read, meaning](const std::string& text) {
        auto value = read(text);
        if (!value) refuse_value(name + " " + text, std::move(value.error()));
        meaning(std::move(*value));
      },
      help);
}

/// Declares a flag that stores its value in `setting`.
template <typename T, typename ReadText>
void add_setting(CLI::App& verb, const char* name, const char* placeholder, ReadText read,
                 std::optional<T>& setting, const std::string& help) {
  add_value(
      verb, name, placeholder, read, [&setting](T value) { setting = std::move(value); }, help);
}

/// Declares a flag that may be given several times.
template <typename ReadText>
void add_list(CLI::App& verb, const char* name, const char* placeholder, ReadText read,
              std::vector<std::string>& list, const std::string& help) {
  add_value(
      verb, name, placeholder, read,
      [&list](std::string value) { list.push_back(std::move(value)); }, help + ". Repeatable")
      .repeatable();
}

/// Declares a flag without a value, which sets `on`.
void add_switch(CLI::App& verb, const std::string& names, bool& on, const std::string& help);

/// Declares a flag without a value.
/// @param act  called if the flag is given
void add_switch(CLI::App& verb, const std::string& names, std::function<void()> act,
                const std::string& help);

/// Declares a flag whose value is optional and can only follow after "=": the word after the flag
/// is never its value.
/// @param text   set if the flag is given
/// @param value  what it is set to without "="
void add_assigned_value(CLI::App& verb, const std::string& name, const std::string& placeholder,
                        std::string& text, const std::string& value, const std::string& help);

/// Declares an argument, which is not a flag.
/// @param word  set if the argument is given
void add_argument(CLI::App& verb, const std::string& name, std::string& word,
                  const std::string& help);

/// Shows `text` below the flags in the verb's help.
void add_examples(CLI::App& verb, const std::string& text);

/// Accepts words that no flag and no argument is declared for.
void accept_words(CLI::App& verb);

/// The words that accept_words() accepted.
std::vector<std::string> accepted_words(const CLI::App& verb);

/// Calls `act` once all flags are parsed; it may refuse them.
void on_parsed(CLI::App& verb, std::function<void()> act);

/// The names of the flags that the command line gave.
std::vector<std::string> given_flags(const CLI::App& verb);

/// Accepts any text.
inline Read<std::string> read_text(const std::string& text) { return text; }

}  // namespace hallway::tool
