// SPDX-License-Identifier: Apache-2.0
//
// hallway: the table of verbs, and how a command line finds its verb.
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
#include "cli/verb.hpp"
#include "io/log.hpp"
#include "io/output.hpp"
#include "io/report.hpp"
#include "io/threads_left.hpp"
#include "io/values.hpp"

namespace hallway::tool {

const std::vector<Verb>& verbs() {
  static const std::vector<Verb> all{
      {"serve", "Listen, and treat every message as told", "[ADDRESS] [FLAGS] [-- PROGRAM ARGS...]",
       add_serve},
      {"connect", "Send each line of input, print each message received", "[ADDRESS] [FLAGS]",
       add_connect},
      {"send", "Send messages and exit", "[ADDRESS] MESSAGE... [FLAGS]", add_send},
      {"request", "Send a message and print the reply", "[ADDRESS] MESSAGE [FLAGS]", add_request},
      {"wait", "Exit as soon as a server accepts connections", "[ADDRESS] [FLAGS]", add_wait},
      {"hub", "Pass messages by their subject, to all who want them", "[ADDRESS] [FLAGS]", add_hub},
      {"link", "Link a hub to a cluster of NATS servers", "[HUB] --to URL... [FLAGS]", add_link},
      {"publish", "Publish messages to a subject of a hub", "SUBJECT MESSAGE... [FLAGS]",
       add_publish},
      {"subscribe", "Print the messages of subjects of a hub", "SUBJECT... [FLAGS]", add_subscribe},
      {"bench", "Load a server, print rates and latencies", "[ADDRESS] [FLAGS]", add_bench},
  };
  return all;
}

namespace {

/// For the makers of packages, and for a hub that has a link; people have no use for them.
constexpr auto hidden = std::to_array<Verb>(
    {{"completions", "Print completions for a shell", "bash|zsh|fish", add_completions},
     {"link-watcher", "Start the process of a hub's link, and again", "HUB", add_link_watcher},
     {"link-worker", "Be the process of a hub's link", "HUB", add_link_worker}});

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
      "  -h,--help  Print this text, or with a verb the verb's flags\n"
      "  --version  Print the version\n"
      "\nExamples:\n"
      "  hallway serve --echo                   answer every line with itself\n"
      "  hallway request hello                  ask it something\n"
      "  hallway serve /run/app.sock --handler 'jq .name'\n"
      "  hallway connect @app --type seqpacket  talk to somebody else's server\n"
      "\nWithout ADDRESS, HALLWAY_ADDRESS counts, else {}.\n"
      "For a hub that is HALLWAY_HUB, else {}.\n"
      "`hallway VERB --help` has the rest, and so has man hallway.\n",
      defaults::address, defaults::hub_address);
  return print_and_end(text);
}

/// A socket must never become descriptor 0, 1 or 2, where others read or print. What somebody
/// closed reads as empty and takes every word; but messages for a closed standard output would be
/// lost, so that writing to it fails as it would have failed.
void occupy_standard_descriptors() {
  for (int number = STDIN_FILENO; number <= STDERR_FILENO; ++number) {
    const int access = number == STDOUT_FILENO ? O_RDONLY : O_RDWR;
    if (fcntl(number, F_GETFD) < 0) static_cast<void>(open("/dev/null", access | O_CLOEXEC));
  }
}

/// What people type and see is UTF-8, and in the locale C, which containers and ssh leave a
/// terminal with, nothing beyond ASCII is a letter. Only this process: the environment stays as it
/// is.
void read_utf8() {
  const char* locale = std::setlocale(LC_CTYPE, "");  // NOLINT(concurrency-mt-unsafe): one thread
  const std::string_view name = locale == nullptr ? "C" : locale;
  if (name != "C" && name != "POSIX") return;
  for (const char* wanted : {"C.UTF-8", "C.utf8", "en_US.UTF-8"}) {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread
    if (std::setlocale(LC_CTYPE, wanted) != nullptr) return;
  }
}

/// Refuses "--flag=" where the flag is a number of times, or none at all: CLI11 would take the =
/// for nothing, or for an empty word.
void require_value(const CLI::App& app, const std::string& flag) {
  const auto* option = app.get_option_no_throw(flag);
  if (option == nullptr || option->get_items_expected_max() > 0) return;
  throw Refused(flag + "=", "there is nothing after the =");
}

/// The text of --ack may be left out, and CLI11 would take the address after it for the text; and
/// it would take the word after "--flag=" for the flag's value.
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

/// Takes "--" and what follows off the words.
TrailingArgs take_rest(std::vector<std::string>& words) {
  const auto dashes = std::ranges::find(words, "--");
  if (dashes == words.end()) return std::nullopt;
  std::vector<std::string> rest(dashes + 1, words.end());
  words.erase(dashes, words.end());
  return rest;
}

std::string joined(const std::vector<std::string>& words) {
  return fmt::format("{}", fmt::join(words, " "));
}

/// What is wrong with a command line, in the house's form.
int refuse(const CLI::App& app, const CLI::ParseError& error) {
  std::string why = error.what();
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) {
    why = joined(app.remaining()) + ": not understood here";
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
    std::ranges::reverse(words);  // CLI11 takes them from the end
    app.parse(words);
  } catch (const CLI::CallForHelp&) {
    return print_and_end(app.help());
  } catch (const CLI::ParseError& error) {
    return refuse(app, error);
  }
  return run();
}

/// Whether failures are to be JSON; asked before the command line is parsed, which may fail.
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
  return words.empty() ? fail_usage("usage", "no verb given", "hallway --help")
                       : fail_usage("usage", first + ": not a verb", "hallway --help");
}

}  // namespace

}  // namespace hallway::tool

int main(int argc, char** argv) {
  using namespace hallway::tool;
  read_utf8();
  occupy_standard_descriptors();
  // A parent's mask outlives execve(2): a blocked SIGTERM would end nothing.
  sigset_t none;
  sigemptyset(&none);
  pthread_sigmask(SIG_SETMASK, &none, nullptr);
  // A reader of our output that goes away, and a file that has reached RLIMIT_FSIZE, are noticed
  // where we write.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  int status = exit_status::done;
  try {
    // Before Linux 5.18 execve(2) can leave out even the program's own name.
    status = run({argv + std::min(argc, 1), argv + argc});
  } catch (const std::exception& error) {
    status = fail(error_of(std::errc::state_not_recoverable, "hallway", "", error.what()));
  }
  status = close_output(status);
  Log::standard_error().finish();
  if (threads_left()) ::_exit(status);
  return status;
}
