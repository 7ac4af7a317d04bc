// SPDX-License-Identifier: Apache-2.0
//
// hallway subscribe: prints messages published to subjects of a hub as they arrive.
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include <hallway/hub_client.hpp>
#include <hallway/task_handle.hpp>
#include <hallway/task_scope.hpp>

#include "cli/add_value.hpp"
#include "cli/listening_flags.hpp"
#include "cli/verb.hpp"
#include "client/hub_runner.hpp"
#include "io/values.hpp"

namespace hallway::tool {

namespace {

constexpr const char* subscribe_examples =
    "Examples:\n"
    "  hallway subscribe 'lights.>'              from the default hub\n"
    "  hallway subscribe time.answers --count 1\n"
    "  hallway subscribe jobs --queue workers | ./work\n"
    "  hallway subscribe 'log.*' 'alarm.*' --json\n"
    "  hallway subscribe '>' --raw               payloads without their subjects\n"
    "\nIn a subject, * matches one token, and > at the end one or more.\n"
    "After a restart of the hub, hallway subscribes again.\n";

std::vector<std::string> tokens_of(const std::string& subject) {
  std::vector<std::string> tokens;
  std::istringstream rest(subject);
  for (std::string token; std::getline(rest, token, '.');) tokens.push_back(token);
  return tokens;
}

bool is_wildcard(const std::string& token) { return token == "*" || token == ">"; }

/// Whether several subjects can match.
bool has_wildcard(const std::string& subject) {
  return std::ranges::any_of(tokens_of(subject), is_wildcard);
}

struct SubscribeFlags {
  HubFlags hub;
  std::string at;
  std::vector<std::string> subjects;
  std::string queue;
  std::uint32_t count = 0;
  bool raw = false;
  std::optional<int> ready_fd;
  // A slow subscriber neither holds up publishers nor is disconnected: the hub reports what it
  // lost.
  OverflowPolicy overflow = OverflowPolicy::drop_oldest;

  /// Whether several subjects can match, so that a payload alone does not identify its subject.
  [[nodiscard]] bool shows_subjects() const {
    return !raw && (subjects.size() > 1 || has_wildcard(subjects.front()));
  }

  [[nodiscard]] hub::SubscribeOptions options() const {
    // While the output is not read, the hub's delivery policy decides what happens to messages.
    hub::SubscribeOptions options{.queue = queue, .overflow = OverflowPolicy::wait};
    // In a queue group, take no messages that will not be printed.
    if (subjects.size() == 1) options.max = count;
    return options;
  }
};

class Subscribing {
 public:
  Subscribing(HubRunner& runner, const SubscribeFlags& flags)
      : runner_(&runner), flags_(&flags), left_(flags.count) {}

  Task<> run() {
    auto hub = co_await runner_->connect({}, flags_->overflow);
    if (!hub || runner_->over().is_set()) co_return;
    TaskScope tasks(runner_->loop());
    // Receives end when the loop drains, unless the client drains first: they then take what has
    // arrived.
    TaskHandle draining;
    const auto on_drain = runner_->loop().on_drain([&] { draining = tasks.spawn(drain(*hub)); });
    for (const std::string& subject : flags_->subjects) {
      note_literal_wildcards(subject);
      subscribe(*hub, subject, tasks);
    }
    co_await runner_->announce(*hub, flags_->subjects, flags_->ready_fd);
    co_await runner_->over().wait();
    co_await draining.join();
    tasks.cancel();
    co_await tasks.join();  // rethrows what ended one
  }

 private:
  /// "a.b*" matches the subject a.b* alone, which is hardly what was meant.
  void note_literal_wildcards(const std::string& subject) {
    for (const std::string& token : tokens_of(subject)) {
      if (is_wildcard(token) || token.find_first_of("*>") == std::string::npos) continue;
      runner_->events().log(
          Events::Level::usual, "no wildcard", 0,
          fmt::format("{}: \"{}\" matches only itself; * and > stand for whole tokens", subject,
                      token),
          {{"subject", subject}, {"token", token}});
    }
  }

  void subscribe(hub::Client& hub, const std::string& subject, TaskScope& tasks) {
    auto made = hub.subscribe(subject, flags_->options());
    if (!made) return runner_->end(fail(made.error()));
    tasks.spawn(print(std::move(*made)));
  }

  Task<> drain(hub::Client& hub) {
    // A hub that is away has no further messages. What arrived is printed in any case.
    if (!enough() && !runner_->failed() && hub.connected()) (void)co_await hub.drain();
  }

  Task<> print(hub::Subscription subscription) {
    try {
      while (!enough()) {
        const hub::Received received = co_await subscription.receive();
        if (!received || enough()) break;
        if (flags_->count > 0) --left_;
        co_await runner_->show(*received, flags_->shows_subjects());
      }
    } catch (...) {
      runner_->end();  // run() rethrows it
      throw;
    }
    if (enough()) runner_->end();
  }

  [[nodiscard]] bool enough() const noexcept { return flags_->count > 0 && left_ == 0; }

  HubRunner* runner_;
  const SubscribeFlags* flags_;
  std::uint32_t left_;  // still to be printed, if --count was given
};

Read<OverflowPolicy> read_delivery_overflow(const std::string& text) {
  return read_overflow(text, delivery_policies, '-');
}

void check_subjects(const std::vector<std::string>& subjects) {
  if (subjects.empty()) refuse_flags("SUBJECT", "a subject is required");
  for (const std::string& subject : subjects) {
    if (const auto read = read_pattern(subject); !read) refuse_flags(subject, read.error().why);
  }
}

}  // namespace

Run add_subscribe(CLI::App& verb, const TrailingArgs& rest) {
  auto flags = std::make_shared<SubscribeFlags>();
  accept_words(verb);
  add_hub_flags(verb, flags->hub, flags->at,
                fmt::format("Time limit for connecting (default {})",
                            write_duration(defaults::connect_time)));
  add_queue(
      verb, flags->queue,
      "Share the messages with other subscribers of this group: each message goes to one of them");
  add_value(
      verb, "--count", "N", read_count_as<std::uint32_t>,
      [flags](std::uint32_t count) { flags->count = count; },
      "Exit after N messages, of all subjects together");
  add_switch(verb, "--raw", flags->raw,
             "Print payloads alone, without the subject that is printed before them if several "
             "subjects can match");
  add_ready_fd(verb, flags->ready_fd, "the hub has confirmed the subscriptions");
  add_value(
      verb, "--full", "wait|drop-oldest|drop-newest|latest-only|disconnect", read_delivery_overflow,
      [flags](OverflowPolicy policy) { flags->overflow = policy; },
      "What the hub does with messages that are not read in time (default drop-oldest, reported "
      "as lost); wait delays the publishers; rules of the hub take precedence");
  add_examples(verb, subscribe_examples);
  on_parsed(verb, [&verb, flags, rest] {
    choose_hub(flags->hub, flags->at);
    flags->subjects = words_of(verb, rest);
    check_subjects(flags->subjects);
  });
  return [flags] {
    HubRunner runner(flags->hub, "subscribe", HubRunner::Prints::messages);
    Subscribing subscribing(runner, *flags);
    return runner.run(subscribing.run());
  };
}

}  // namespace hallway::tool
