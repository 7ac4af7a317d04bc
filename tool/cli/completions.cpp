// SPDX-License-Identifier: Apache-2.0
//
// hallway completions: prints shell completions, generated from the flags that parse the command
// line. The output is kept in packaging/completions/; a test checks that it is current.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "cli/help.hpp"
#include "cli/verb.hpp"
#include "io/output.hpp"

namespace hallway::tool {

namespace {

struct Flag {
  std::vector<std::string> names;  ///< with their dashes, the long one first
  std::string value;               ///< the placeholder of its value; empty without one
  bool value_follows = false;      ///< the value is the next word
  std::string help;
  std::vector<std::string> choices;
};

struct CompletedVerb {
  std::string name;
  std::string summary;
  std::vector<Flag> flags;
};

/// "a|b|c[:N]" as {"a", "b", "c"}; empty if the placeholder lists no choices.
std::vector<std::string> choices_in(const std::string& placeholder) {
  if (!placeholder.contains('|')) return {};
  std::vector<std::string> choices;
  std::istringstream parts(placeholder);
  for (std::string part; std::getline(parts, part, '|');) {
    choices.push_back(part.substr(0, part.find('[')));
  }
  return choices;
}

/// The help text without its details.
std::string brief(const std::string& help) {
  return help.substr(0, std::min({help.find(" ("), help.find(": "), help.find("; ")}));
}

Flag flag_of(const CLI::Option& option) {
  Flag flag;
  flag.value = option.get_type_name();
  flag.help = brief(option.get_description());
  for (const std::string& name : option.get_lnames()) flag.names.push_back("--" + name);
  for (const std::string& name : option.get_snames()) flag.names.push_back("-" + name);
  flag.value_follows = option.get_items_expected_min() > 0;
  flag.choices = choices_in(flag.value);
  return flag;
}

std::vector<CompletedVerb> completed_verbs() {
  std::vector<CompletedVerb> all;
  for (const Verb& verb : verbs()) {
    CLI::App app("", verb.name);
    verb.add(app, std::nullopt);
    CompletedVerb completed{.name = verb.name, .summary = verb.summary, .flags = {}};
    for (const CLI::Option* option : app.get_options()) {
      if (!option->get_positional()) completed.flags.push_back(flag_of(*option));
    }
    all.push_back(std::move(completed));
  }
  return all;
}

std::string joined(const std::vector<std::string>& words, std::string_view between = " ") {
  return fmt::format("{}", fmt::join(words, between));
}

std::string all_names(const CompletedVerb& verb) {
  std::vector<std::string> names;
  for (const Flag& flag : verb.flags)
    names.insert(names.end(), flag.names.begin(), flag.names.end());
  return joined(names);
}

// bash --------------------------------------------------------------------------------------------

std::string bash_value(const Flag& flag) {
  if (!flag.choices.empty()) return fmt::format("-W \"{}\"", joined(flag.choices));
  if (flag.value == "USER") return "-u";
  if (flag.value == "GROUP") return "-g";
  if (flag.value == "ADDRESS") return "-f";
  return "";
}

std::string bash_verb(const CompletedVerb& verb) {
  std::string text = fmt::format("    {})\n      case $previous in\n", verb.name);
  std::vector<std::string> anything;
  for (const Flag& flag : verb.flags) {
    if (!flag.value_follows) continue;
    const std::string value = bash_value(flag);
    if (value.empty()) anything.insert(anything.end(), flag.names.begin(), flag.names.end());
    if (value.empty()) continue;
    text +=
        fmt::format("        {}) _hallway_offer {}; return ;;\n", joined(flag.names, " | "), value);
  }
  text += fmt::format("        {}) return ;;\n", joined(anything, " | "));
  return text + fmt::format("      esac\n      flags=\"{}\"\n      ;;\n", all_names(verb));
}

std::string bash() {
  std::vector<std::string> names;
  std::string cases;
  for (const CompletedVerb& verb : completed_verbs()) {
    names.push_back(verb.name);
    cases += bash_verb(verb);
  }
  return fmt::format(R"(# bash completion for hallway; made by `hallway completions bash`.
_hallway_offer() {{ mapfile -t COMPREPLY < <(compgen "$@" -- "${{COMP_WORDS[COMP_CWORD]}}"); }}
_hallway() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD - 1]}} flags=
  if ((COMP_CWORD == 1)); then
    _hallway_offer -W "{} --help --version"
    return
  fi
  case ${{COMP_WORDS[1]}} in
{}  esac
  if [[ $current == -* ]]; then _hallway_offer -W "$flags"; else _hallway_offer -f; fi
}}
complete -o filenames -F _hallway hallway
)",
                     joined(names), cases);
}

// zsh ---------------------------------------------------------------------------------------------

/// Escapes text for use in single quotes and between brackets.
std::string zsh_text(std::string_view text) {
  std::string escaped;
  for (const char letter : text) {
    if (letter == '\'') {
      escaped += "'\\''";
      continue;
    }
    if (std::string_view("[]:\\").contains(letter)) escaped += '\\';
    escaped += letter;
  }
  return escaped;
}

std::string zsh_action(const Flag& flag) {
  if (!flag.choices.empty()) return "(" + joined(flag.choices) + ")";
  if (flag.value == "USER") return "_users";
  if (flag.value == "GROUP") return "_groups";
  if (flag.value == "ADDRESS") return "_files";
  return " ";
}

std::string zsh_flag(const Flag& flag) {
  std::string text;
  for (const std::string& name : flag.names) {
    text += fmt::format(" \\\n        '*{}[{}]", name, zsh_text(flag.help));
    if (flag.value_follows) {
      text += fmt::format(":{}:{}", zsh_text(flag.value), zsh_action(flag));
    }
    text += '\'';
  }
  return text;
}

std::string zsh() {
  std::string descriptions;
  std::string cases;
  for (const CompletedVerb& verb : completed_verbs()) {
    descriptions += fmt::format("    '{}:{}'\n", verb.name, zsh_text(verb.summary));
    cases += fmt::format("    {})\n      _arguments -S", verb.name);
    for (const Flag& flag : verb.flags) cases += zsh_flag(flag);
    cases += " \\\n        '*:address:_files'\n      ;;\n";
  }
  return fmt::format(R"(#compdef hallway
# zsh completion for hallway; made by `hallway completions zsh`.
_hallway() {{
  local -a verbs=(
{}  )
  if ((CURRENT == 2)); then
    _describe verb verbs
    _arguments '--help[The verbs]' '--version[The version]'
    return
  fi
  local verb=$words[2]
  shift words
  ((CURRENT--))
  case $verb in
{}  esac
}}
_hallway "$@"
)",
                     descriptions, cases);
}

// fish --------------------------------------------------------------------------------------------

std::string fish_text(std::string_view text) {
  std::string escaped;
  for (const char letter : text) {
    if (letter == '\'' || letter == '\\') escaped += '\\';
    escaped += letter;
  }
  return escaped;
}

std::string fish_value(const Flag& flag) {
  if (!flag.value_follows) return "";
  if (!flag.choices.empty()) return fmt::format(" -x -a '{}'", joined(flag.choices));
  if (flag.value == "USER") return " -x -a '(__fish_complete_users)'";
  if (flag.value == "GROUP") return " -x -a '(__fish_complete_groups)'";
  return flag.value == "ADDRESS" ? " -r" : " -x";
}

std::string fish_flag(const CompletedVerb& verb, const Flag& flag) {
  std::string text =
      fmt::format("complete -c hallway -n '__fish_seen_subcommand_from {}'", verb.name);
  for (const std::string& name : flag.names) {
    text += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
  }
  return text + fish_value(flag) + fmt::format(" -d '{}'\n", fish_text(flag.help));
}

std::string fish() {
  std::string text = "# fish completion for hallway; made by `hallway completions fish`.\n";
  for (const CompletedVerb& verb : completed_verbs()) {
    text += fmt::format("complete -c hallway -f -n __fish_use_subcommand -a {} -d '{}'\n",
                        verb.name, fish_text(verb.summary));
    for (const Flag& flag : verb.flags) text += fish_flag(verb, flag);
  }
  return text;
}

std::string completions_for(std::string_view shell) {
  if (shell == "bash") return bash();
  if (shell == "zsh") return zsh();
  return fish();
}

}  // namespace

Run add_completions(CLI::App& verb, const TrailingArgs&) {
  auto shell = std::make_shared<std::string>();
  verb.add_option("SHELL", *shell, "bash, zsh or fish")
      ->type_name("")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  return [shell] { return print_and_end(completions_for(*shell)); };
}

}  // namespace hallway::tool
