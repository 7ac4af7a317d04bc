// SPDX-License-Identifier: Apache-2.0
#include "cli/add_value.hpp"

#include <CLI/CLI.hpp>

#include "cli/refused.hpp"

namespace hallway::tool {

void refuse_value(const std::string& text, Unread unread) {
  throw Refused(text, std::move(unread));
}

const DeclaredFlag& DeclaredFlag::repeatable() const {
  option_->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  return *this;
}

const DeclaredFlag& DeclaredFlag::needs(const std::string& other) const {
  option_->needs(other);
  return *this;
}

const DeclaredFlag& DeclaredFlag::with_default(const std::string& value) const {
  option_->expected(0, 1)->default_str(value);
  return *this;
}

DeclaredFlag add_text(CLI::App& verb, const std::string& name, const std::string& placeholder,
                      std::function<void(const std::string&)> take, const std::string& help) {
  const CLI::callback_t callback = [take = std::move(take)](const CLI::results_t& texts) {
    for (const std::string& text : texts) take(text);
    return true;
  };
  auto* option = verb.add_option(name, callback, help);
  option->type_name(placeholder)->allow_extra_args(false);
  return DeclaredFlag(*option);
}

void add_switch(CLI::App& verb, const std::string& names, bool& on, const std::string& help) {
  verb.add_flag(names, on, help);
}

void add_switch(CLI::App& verb, const std::string& names, std::function<void()> act,
                const std::string& help) {
  verb.add_flag_callback(names, std::move(act), help);
}

void add_assigned_value(CLI::App& verb, const std::string& name, const std::string& placeholder,
                        std::string& text, const std::string& value, const std::string& help) {
  verb.add_flag(name + "{" + value + "}", text, help)->type_name("[=" + placeholder + "]");
}

void add_argument(CLI::App& verb, const std::string& name, std::string& word,
                  const std::string& help) {
  verb.add_option(name, word, help)->type_name("");
}

void add_examples(CLI::App& verb, const std::string& text) { verb.footer(text); }

void accept_words(CLI::App& verb) { verb.allow_extras(); }

std::vector<std::string> accepted_words(const CLI::App& verb) { return verb.remaining(); }

void on_parsed(CLI::App& verb, std::function<void()> act) { verb.final_callback(std::move(act)); }

std::vector<std::string> given_flags(const CLI::App& verb) {
  std::vector<std::string> names;
  for (const CLI::Option* option : verb.get_options()) {
    if (option->count() > 0) names.push_back(option->get_name());
  }
  return names;
}

}  // namespace hallway::tool
