// SPDX-License-Identifier: Apache-2.0
//
// hallway subscribe: prints messages published to subjects of a hub as they arrive.
#include <fmt/format.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <hallway/hub_client.hpp>

#include "cli/add_value.hpp"
#include "cli/verb.hpp"
#include "client/hub_runner.hpp"
#include "io/values.hpp"

namespace hallway::tool {

namespace {

constexpr const char* examples =
    "Examples:\n"
    "  hallway subscribe 'lights.>'              all of them, from the default hub\n"
    "  hallway subscribe time.answers --count 1\n"
    "  hallway subscribe jobs --queue workers | ./work\n"
    "  hallway subscribe 'log.*' 'alarm.*' --json\n"
    "\nIn a subject, * stands for any one token, and > at the end for one or more.\n"
    "A hub that was restarted is subscribed to again.\n";

struct SubscribeFlags {
  HubFlags hub;
  std::string at;
  std::vector<std::string> subjects;
  std::string queue;
  std::uint32_t count = 0;
  // A slow subscriber neither holds up publishers nor is disconnected: the hub reports what it
  // lost.
  DeliveryPolicy full = DeliveryPolicy::drop_oldest;

  [[nodiscard]] SubscribeOptions options() const {
    // While the output is not read, the hub's delivery policy decides what happens to messages.
    SubscribeOptions options{.queue = queue, .full = Full::wait};
    // In a queue group, take no messages that will not be printed.
    if (subjects.size() == 1) options.max = count;
    return options;
  }
};

class Subscribing {
 public:
  Subscribing(HubRunner& talk, const SubscribeFlags& flags)
      : talk_(&talk), flags_(&flags), left_(flags.count) {}

  Task<> run() {
    auto hub = co_await talk_->connect({}, flags_->full);
    if (!hub) co_return;
    for (const std::string& subject : flags_->subjects) subscribe(*hub, subject);
    const HubSent had = co_await hub->flush();
    if (had && !talk_->failed()) tell_subscribed();
    Event& over = talk_->over();
    co_await over;
    // A hub that is away has no further messages.
    if (!enough() && !talk_->failed() && hub->connected()) co_await hub->drain();
  }

 private:
  void subscribe(HubClient& hub, const std::string& subject) {
    auto made = hub.subscribe(subject, flags_->options());
    if (!made) return talk_->end(fail(made.error()));
    printing_.push_back(print(std::move(*made)));
  }

  ScopedTask print(Subscription subscription) {
    while (!enough()) {
      const HubReceived received = co_await subscription.receive();
      if (!received || enough()) break;
      if (flags_->count > 0) --left_;
      co_await talk_->show(*received);
    }
    if (enough()) talk_->end();
  }

  [[nodiscard]] bool enough() const noexcept { return flags_->count > 0 && left_ == 0; }

  void tell_subscribed() {
    for (const std::string& subject : flags_->subjects) {
      talk_->events().tell(Events::Level::detail, "subscribed", 0, subject);
    }
  }

  HubRunner* talk_;
  const SubscribeFlags* flags_;
  std::uint32_t left_;  // still to be printed, if --count was given
  std::vector<ScopedTask> printing_;
};

Read<std::string> read_queue(const std::string& text) {
  if (text.empty() || text.find_first_of(" \t\r\n") != std::string::npos) {
    return std::unexpected("not the name of a group (one word)");
  }
  return text;
}

Read<DeliveryPolicy> read_full(const std::string& text) {
  return read_policy<DeliveryPolicy, 5>(text, {{{"wait", DeliveryPolicy::wait},
                                                {"drop-oldest", DeliveryPolicy::drop_oldest},
                                                {"drop-newest", DeliveryPolicy::drop_newest},
                                                {"latest-only", DeliveryPolicy::latest_only},
                                                {"disconnect", DeliveryPolicy::disconnect}}});
}

void check_subjects(const std::vector<std::string>& subjects) {
  if (subjects.empty()) refuse_flags("SUBJECT", "missing");
  for (const std::string& subject : subjects) {
    if (!is_subject_pattern(subject)) {
      refuse_flags(subject, "no subject (tokens between dots, without blanks; > only at the end)");
    }
  }
}

}  // namespace

Run add_subscribe(CLI::App& verb, const TrailingArgs& rest) {
  auto flags = std::make_shared<SubscribeFlags>();
  verb.allow_extras();
  add_hub_flags(verb, flags->hub, flags->at,
                fmt::format("Give up connecting after TIME (default {})",
                            write_duration(defaults::connect_time)));
  add_value(
      verb, "--queue", "GROUP", read_queue,
      [flags](std::string queue) { flags->queue = std::move(queue); },
      "Share the messages with the other subscribers of this group: each goes to one of them");
  add_value(
      verb, "--count", "N", read_count_as<std::uint32_t>,
      [flags](std::uint32_t count) { flags->count = count; },
      "Print so many messages, of all subjects together, and exit");
  add_value(
      verb, "--full", "wait|drop-oldest|drop-newest|latest-only|disconnect", read_full,
      [flags](DeliveryPolicy full) { flags->full = full; },
      "What a hub of Hallway does with messages that are not read in time, unless its rules say "
      "it (default drop-oldest, told as lost); wait holds up the publishers");
  verb.footer(examples);
  verb.final_callback([&verb, flags, rest] {
    flags->hub.target.address = read_hub_address(flags->at);
    flags->subjects = words_of(verb, rest);
    check_subjects(flags->subjects);
  });
  return [flags] {
    HubRunner talk(flags->hub, "subscribe", HubRunner::Prints::messages);
    Subscribing subscribing(talk, *flags);
    return talk.run(subscribing.run());
  };
}

}  // namespace hallway::tool
