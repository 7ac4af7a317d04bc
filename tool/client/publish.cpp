// SPDX-License-Identifier: Apache-2.0
//
// hallway publish: publishes messages to a subject of a hub.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <hallway/hub_client.hpp>
#include <hallway/task_scope.hpp>
#include <hallway/when_any.hpp>

#include "cli/add_value.hpp"
#include "cli/verb.hpp"
#include "client/hub_runner.hpp"
#include "io/input.hpp"

namespace hallway::tool {

namespace {

constexpr const char* publish_examples =
    "Examples:\n"
    "  hallway publish lights.kitchen on         to the default hub\n"
    "  hallway publish jobs one two three        three messages\n"
    "  journalctl -f | hallway publish log.host - --header Host:$HOSTNAME\n"
    "  hallway publish --at @hub time.ask '' --reply time.answers\n"
    "  hallway publish door.bell ding --expect 1 || echo 'nobody is in'\n"
    "\nThe message - stands for standard input: each line becomes a message at once.\n"
    "It ends when the hub has received everything.\n";

/// At the end, how long to wait for the hub's report about the last message.
constexpr Duration report_time = std::chrono::seconds(1);

struct PublishFlags {
  HubFlags hub;
  std::string at;
  std::string subject;
  std::vector<std::string> messages;
  std::string reply;
  std::uint32_t expect = 0;  // subscriptions; 0: --expect was not given
  std::vector<std::pair<std::string, std::string>> header;

  [[nodiscard]] Duration timeout() const {
    return hub.target.timeout.value_or(defaults::request_time);
  }

  [[nodiscard]] std::vector<hub::Field> fields() const {
    std::vector<hub::Field> fields;
    fields.reserve(header.size());
    for (const auto& [name, value] : header) fields.push_back({name, value});
    return fields;
  }
};

/// Publishes messages, and counts how many of them the hub has confirmed.
class Publishing {
 public:
  Publishing(HubRunner& runner, const PublishFlags& flags)
      : runner_(&runner), flags_(&flags), confirming_(runner.loop()), reporting_(runner.loop()) {}

  Task<> run() {
    auto hub = co_await runner_->connect();
    if (!hub) co_return;
    const Verbosity& verbosity = flags_->hub.verbosity;
    reports_ = hub->counts() && (verbosity.level > 0 || verbosity.json);
    co_await when_any(publish_all(*hub), runner_->over().wait());
    if (hub->connected()) {
      co_await when_any(reporting_.join(), runner_->loop().sleep(report_time));
    }
    confirming_.cancel();
    co_await confirming_.join();  // rethrows what ended it
    if (runner_->failed() || published_ == confirmed_) co_return;
    // If the hub is away, another may replace it soon.
    const Duration patience = hub->connected() ? defaults::request_time : defaults::connect_time;
    const Duration timeout = flags_->hub.target.timeout.value_or(patience);
    const hub::Sent had = co_await hub->flush(timeout);
    // The hub sends its errors about messages before this answer.
    if (had || runner_->failed()) co_return;
    Error error = hub->connected() ? had.error() : away(*hub);
    if (error.code == std::errc::timed_out) {
      error = timed_out(std::move(error), "no confirmation", timeout);
    }
    fail_unconfirmed(std::move(error));
  }

 private:
  Task<> publish_all(hub::Client& hub) {
    for (const std::string& message : flags_->messages) {
      if (message == "-") {
        co_await publish_lines(hub);
      } else {
        co_await publish(hub, message);
      }
    }
    runner_->end();
  }

  Task<> publish_lines(hub::Client& hub) {
    InputLines input(runner_->loop(), std::min(hub.max_payload(), bounds::max_message),
                     "the limit of the hub,");
    while (!runner_->over().is_set()) {
      const auto line = co_await input.next();
      if (!line) runner_->end(fail(line.error()));
      if (!line || !*line) co_return;
      co_await publish(hub, **line);
    }
  }

  Task<> publish(hub::Client& hub, std::string_view message) {
    if (runner_->over().is_set()) co_return;
    if (flags_->expect > 0) co_return co_await publish_counted(hub, message);
    const hub::Sent sent = co_await hub.publish(flags_->subject, message, options_);
    if (!sent) co_return runner_->end(fail(sent.error()));
    ++published_;
    runner_->events().message("sent", 0, message);
    // In this order, so that the report comes before the confirmation.
    if (reports_ && reporting_.size() == 0) reporting_.spawn(report_delivery(hub));
    if (confirming_.size() == 0) confirming_.spawn(confirm(hub));
  }

  /// Asks the hub who got the last message, and reports it. The messages that are published until
  /// it answers are not reported: this must not delay them.
  Task<> report_delivery(hub::Client& hub) {
    const hub::Received answer = co_await hub.request("$SYS.HUB.DELIVERED", "", flags_->timeout());
    if (!answer || runner_->failed()) co_return;
    const auto counts = nlohmann::ordered_json::parse(answer->payload(), nullptr, false);
    if (!counts.is_object()) co_return;
    report({.subscriptions = counts.value("subscriptions", std::size_t{0}),
            .links = counts.value("links", std::size_t{0})});
  }

  void report(hub::MatchCount count) {
    const nlohmann::ordered_json fields{{"subject", flags_->subject},
                                        {"subscriptions", count.subscriptions},
                                        {"links", count.links}};
    if (count.subscriptions == 0 && count.links == 0) {
      runner_->events().log(Events::Level::usual, "no subscribers", 0, flags_->subject, fields);
    } else {
      runner_->events().log(Events::Level::detail, "delivered", 0,
                            flags_->subject + ": " + words_of(count), fields);
    }
  }

  /// "2 subscriptions", "1 subscription, and 1 link forwards it"
  static std::string words_of(hub::MatchCount count) {
    std::string subscriptions = counted(count.subscriptions, "subscription");
    if (count.links == 0) return subscriptions;
    return subscriptions + ", and " + counted(count.links, "link") +
           (count.links == 1 ? " forwards it" : " forward it");
  }

  /// Publishes a message, and waits for the hub to report who gets it.
  Task<> publish_counted(hub::Client& hub, std::string_view message) {
    const auto count =
        co_await hub.publish_counted(flags_->subject, message, options_, flags_->timeout());
    if (runner_->over().is_set()) co_return;  // the hub refused it
    if (!count) {
      Error error = count.error();
      error.operation = "publish";
      co_return runner_->end(fail(error));
    }
    confirmed_ = ++published_;
    runner_->events().message("sent", 0, message);
    if (count->subscriptions < flags_->expect) {
      Error error = error_of(
          std::errc::no_message_available, "publish", flags_->subject,
          fmt::format("{} got it; --expect {} requires more", words_of(*count), flags_->expect));
      error.hint = "the hub is " + hub.address().unescaped() +
                   "; `hallway wait --subject` waits for subscriptions";
      co_return runner_->end(fail(error));
    }
    report(*count);
  }

  /// Flushes repeatedly until the hub has confirmed all messages. If the hub goes away in between,
  /// it is not known what it received, and the verb ends. If it goes away after it has confirmed
  /// everything, the client reconnects, for input that is still to be read.
  Task<> confirm(hub::Client& hub) {
    while (confirmed_ < published_) {
      const std::uint64_t asked = published_;
      const hub::Sent had = co_await hub.flush(forever);
      if (!had) {
        if (!runner_->failed()) fail_unconfirmed(had.error());
        co_return;
      }
      confirmed_ = asked;
    }
  }

  static Error away(const hub::Client& hub) {
    return error_of(std::errc::connection_reset, "flush", hub.address().unescaped(),
                    "the hub closed the connection");
  }

  void fail_unconfirmed(Error error) {
    error.operation = "publish";
    error.reason = fmt::format("{}; {} of {} were confirmed", error.why(), confirmed_,
                               counted(published_, "message"));
    runner_->end(fail(error));
  }

  HubRunner* runner_;
  const PublishFlags* flags_;
  std::vector<hub::Field> fields_ = flags_->fields();
  hub::PublishOptions options_{.reply = flags_->reply, .header = fields_};
  bool reports_ = false;  // the counts of messages
  std::uint64_t published_ = 0;
  std::uint64_t confirmed_ = 0;  // the first ones of published_
  TaskScope confirming_;
  TaskScope reporting_;
};

/// Parses NAME:VALUE, as in HTTP.
Read<std::pair<std::string, std::string>> read_field(const std::string& text) {
  const auto colon = text.find(':');
  const bool named = colon != std::string::npos && colon > 0 && text.find_first_of(" \t") > colon;
  if (!named) return std::unexpected("not NAME:VALUE (NAME is one word)");
  if (text.find_first_of("\r\n") != std::string::npos)
    return std::unexpected("a line break is not allowed");
  const auto value = std::min(text.find_first_not_of(' ', colon + 1), text.size());
  return std::pair(text.substr(0, colon), text.substr(value));
}

}  // namespace

Run add_publish(CLI::App& verb, const TrailingArgs& rest) {
  auto flags = std::make_shared<PublishFlags>();
  accept_words(verb);
  add_hub_flags(
      verb, flags->hub, flags->at,
      fmt::format("Time limit for connecting (default {}), and then for the hub's confirmation "
                  "(default {})",
                  write_duration(defaults::connect_time), write_duration(defaults::request_time)));
  add_value(
      verb, "--reply", "SUBJECT", read_subject,
      [flags](std::string reply) { flags->reply = std::move(reply); }, "Subject for answers");
  add_value(
      verb, "--expect", "N", read_count_as<std::uint32_t>,
      [flags](std::uint32_t count) { flags->expect = count; },
      "Exit with 1 at the first message that fewer than N subscriptions of the hub get; of each "
      "queue group one counts, and links do not");
  add_value(
      verb, "--header", "NAME:VALUE", read_field,
      [flags](auto field) { flags->header.push_back(std::move(field)); },
      "Add a header field to each message; repeatable")
      .repeatable();
  add_examples(verb, publish_examples);
  on_parsed(verb, [&verb, flags, rest] {
    choose_hub(flags->hub, flags->at);
    flags->messages = words_of(verb, rest);
    if (flags->messages.size() < 2)
      refuse_flags("SUBJECT MESSAGE", "a subject and a message are required");
    flags->subject = flags->messages.front();
    flags->messages.erase(flags->messages.begin());
    if (auto read = read_subject(flags->subject); !read) refuse_value(flags->subject, read.error());
  });
  return [flags] {
    HubRunner runner(flags->hub, "publish", HubRunner::Prints::nothing);
    Publishing publishing(runner, *flags);
    return runner.run(publishing.run());
  };
}

}  // namespace hallway::tool
