// SPDX-License-Identifier: Apache-2.0
//
// hallway: the table of verbs, and their dispatch from the command line.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <clocale>
#include <csignal>
#include <exception>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <hallway/limits.hpp>
#include <hallway/version.hpp>

#include "cli/add_value.hpp"
#include "cli/flags.hpp"
#include "cli/help.hpp"
#include "cli/refused.hpp"
#include "cli/suggestion.hpp"
#include "cli/verb.hpp"
#include "io/log.hpp"
#include "io/output.hpp"
#include "io/report.hpp"
#include "io/threads_left.hpp"
#include "io/values.hpp"

namespace hallway::tool {

const std::vector<Verb>& verbs() {
  static const std::vector<Verb> all{
      {"serve", "Listen, and print or answer every message",
       "[ADDRESS] [FLAGS] [-- PROGRAM ARGS...]", add_serve},
      {"connect", "Send each line of input, print each message received", "[ADDRESS] [FLAGS]",
       add_connect},
      {"send", "Send messages and exit", "[ADDRESS] MESSAGE... [FLAGS]", add_send},
      {"request", "Send a message and print the reply", "[ADDRESS] MESSAGE [FLAGS]", add_request},
      {"wait", "Exit as soon as a server accepts connections", "[ADDRESS] [FLAGS]", add_wait},
      {"diagnose", "Say why an address cannot be reached", "[ADDRESS] [FLAGS]", add_diagnose},
      {"hub", "Deliver messages by subject to all subscribers", "[ADDRESS] [FLAGS]", add_hub},
      {"link", "Link a hub to a cluster of NATS servers", "[HUB] --to URL... [FLAGS]", add_link},
      {"publish", "Publish messages to a subject of a hub", "SUBJECT MESSAGE... [FLAGS]",
       add_publish},
      {"subscribe", "Print the messages published to subjects of a hub", "SUBJECT... [FLAGS]",
       add_subscribe},
      {"reply", "Answer requests to a subject of a hub", "SUBJECT [TEXT] [FLAGS]", add_reply},
      {"bench", "Measure the rates and latencies of a server", "[ADDRESS] [FLAGS]", add_bench},
  };
  return all;
}

namespace {

/// Verbs for packagers, and for a hub that has a link. They are not listed in the help text.
constexpr auto hidden = std::to_array<Verb>(
    {{"completions", "Print completions for a shell", "bash|zsh|fish", add_completions},
     {"link-watcher", "Start the process of a hub's link, and restart it", "HUB", add_link_watcher},
     {"link-worker", "Run as the process of a hub's link", "HUB", add_link_worker}});

const Verb* find_verb(std::string_view name) {
  const auto found = std::ranges::find(verbs(), name, &Verb::name);
  if (found != verbs().end()) return &*found;
  const auto* const unlisted = std::ranges::find(hidden, name, &Verb::name);
  return unlisted != hidden.end() ? unlisted : nullptr;
}

int print_help() {
  std::string text =
      "hallway: Unix domain sockets done right\n\n"
      "Usage: hallway VERB [ADDRESS] [FLAGS]\n\n"
      "Verbs:\n";
  for (const Verb& verb : verbs()) text += fmt::format("  {:<11}{}\n", verb.name, verb.summary);
  text += fmt::format(
      "\nFlags:\n"
      "  -h,--help  Print this text, or the flags of a verb\n"
      "  --version  Print the version\n"
      "\nExamples:\n"
      "  hallway serve --echo                   answer every line with itself\n"
      "  hallway request hello                  send a line, print the answer\n"
      "  hallway serve /run/app.sock --handler 'jq .name'\n"
      "  hallway connect @app --type seqpacket  talk to any other server\n"
      "\nThe default ADDRESS is HALLWAY_ADDRESS, or else {}.\n"
      "A hub is looked for at HALLWAY_HUB, $XDG_RUNTIME_DIR/hallway/hub,\n"
      "{} and {}.\n"
      "See `hallway VERB --help` and `man hallway` for more.\n",
      defaults::address, defaults::system_hub_address, defaults::hub_address);
  return print_and_end(text);
}

/// Opens /dev/null for each standard descriptor that is closed, so that a socket never becomes
/// descriptor 0, 1 or 2. Standard input then reads as empty, and standard error accepts everything.
/// Messages for a closed standard output would be lost, so it is opened read-only and writing fails
/// as it would have failed.
void occupy_standard_descriptors() {
  for (int number = STDIN_FILENO; number <= STDERR_FILENO; ++number) {
    const int access = number == STDOUT_FILENO ? O_RDONLY : O_RDWR;
    if (fcntl(number, F_GETFD) < 0) static_cast<void>(open("/dev/null", access | O_CLOEXEC));
  }
}

/// Sets a UTF-8 locale, because terminals use UTF-8. In the locale C, which containers and ssh may
/// leave a terminal with, no character beyond ASCII is a letter. This affects only this process:
/// the environment is not changed.
void read_utf8() {
  const char* locale = std::setlocale(LC_CTYPE, "");  // NOLINT(concurrency-mt-unsafe): one thread
  const std::string_view name = locale == nullptr ? "C" : locale;
  if (name != "C" && name != "POSIX") return;
  for (const char* wanted : {"C.UTF-8", "C.utf8", "en_US.UTF-8"}) {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread
    if (std::setlocale(LC_CTYPE, wanted) != nullptr) return;
  }
}

/// Refuses "--flag=" if the flag takes no value or is a counter: CLI11 would ignore the "=", or
/// parse it as an empty word.
void require_value(const CLI::App& app, const std::string& flag) {
  const auto* option = app.get_option_no_throw(flag);
  if (option == nullptr || option->get_items_expected_max() > 0) return;
  throw Refused(flag + "=", "this flag takes no value");
}

/// Resolves two ambiguities. The value of --ack is optional, and CLI11 would take an address after
/// it as its value. CLI11 would also take the word after "--flag=" as the flag's value.
std::vector<std::string> unambiguous(const CLI::App& app, std::span<const std::string> words) {
  std::vector<std::string> clear;
  for (std::size_t at = 0; at < words.size(); ++at) {
    const std::string& word = words[at];
    const bool address_follows = at + 1 < words.size() && looks_like_address(words[at + 1]);
    if (word == "--ack" && address_follows) clear.push_back(words[++at]);
    if (word.starts_with("--") && word.find('=') == word.size() - 1) {
      clear.push_back(word.substr(0, word.size() - 1));
      require_value(app, clear.back());
      clear.emplace_back();
    } else {
      clear.push_back(word);
    }
  }
  return clear;
}

/// Removes "--" and the words after it.
TrailingArgs take_rest(std::vector<std::string>& words) {
  const auto dashes = std::ranges::find(words, "--");
  if (dashes == words.end()) return std::nullopt;
  std::vector<std::string> rest(dashes + 1, words.end());
  words.erase(dashes, words.end());
  return rest;
}

/// Describes the words that no flag or argument of the verb takes.
std::string unexpected(const CLI::App& app) {
  const std::vector<std::string> words = app.remaining();
  const auto flag = std::ranges::find_if(
      words, [](const std::string& word) { return word.size() > 1 && word.starts_with('-'); });
  if (flag != words.end()) return unknown_flag(app, *flag);
  return fmt::format("unexpected argument {}", fmt::join(words, " "));
}

int refuse_verb(const std::string& word) {
  if (word.empty()) return fail_usage("usage", "no verb given", "hallway --help");
  std::vector<std::string> known;
  for (const Verb& verb : verbs()) known.emplace_back(verb.name);
  return fail_usage("usage", fmt::format("no verb \"{}\"{}", word, suggestion(word, known)),
                    "hallway --help");
}

/// Reports what is wrong with a command line, in the format of all failures.
int refuse(const CLI::App& app, const CLI::ParseError& error) {
  std::string why = error.what();
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) {
    why = unexpected(app);
  }
  const auto* refused = dynamic_cast<const Refused*>(&error);
  const bool knows_better = refused != nullptr && !refused->hint().empty();
  return fail_usage(app.get_name().substr(sizeof("hallway ") - 1), why,
                    knows_better ? refused->hint() : app.get_name() + " --help");
}

int run_verb(const Verb& verb, std::vector<std::string> words) {
  CLI::App app(std::string(verb.summary) + ".", "hallway " + std::string(verb.name));
  app.formatter(std::make_shared<HelpFormatter>(verb.arguments));
  Run run;
  try {
    run = verb.add(app, take_rest(words));
    words = unambiguous(app, words);
    std::ranges::reverse(words);  // CLI11 parses from the end
    app.parse(words);
  } catch (const CLI::CallForHelp&) {
    return print_and_end(app.help());
  } catch (const CLI::ParseError& error) {
    return refuse(app, error);
  }
  return run();
}

/// Whether failures are reported as JSON. Checked before the command line is parsed, because
/// parsing may fail.
bool asks_for_json(const std::vector<std::string>& words) {
  const auto end = std::ranges::find(words, "--");
  return std::any_of(words.begin(), end, [](const std::string& word) {
    return word == "--json" || word == "--json=true";
  });
}

int run(const std::vector<std::string>& words) {
  if (asks_for_json(words)) report_as(ReportForm::json);
  const std::string first = words.empty() ? "" : words.front();
  if (first == "--help" || first == "-h") {
    return print_help();
  }
  if (first == "--version") {
    return print_and_end(fmt::format("hallway {}\n", version));
  }
  const Verb* verb = find_verb(first);
  if (verb != nullptr) return run_verb(*verb, {words.begin() + 1, words.end()});
  return refuse_verb(first);
}

}  // namespace

}  // namespace hallway::tool

int main(int argc, char** argv) {
  using namespace hallway::tool;
  read_utf8();
  occupy_standard_descriptors();
  // The parent's signal mask survives execve(2): if SIGTERM was blocked, it would not end this
  // process.
  sigset_t none;
  sigemptyset(&none);
  pthread_sigmask(SIG_SETMASK, &none, nullptr);
  // A reader of the output that goes away, and a file that reaches RLIMIT_FSIZE, are reported by
  // write(2) instead.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  int status = exit_status::done;
  try {
    // Before Linux 5.18, execve(2) accepts an empty argv, without even the program's name.
    status = run({argv + std::min(argc, 1), argv + argc});
  } catch (const std::exception& error) {
    status = fail(error_of(std::errc::state_not_recoverable, "hallway", "", error.what()));
  }
  status = close_output(status);
  Log::standard_error().finish();
  if (threads_left()) ::_exit(status);
  return status;
}
