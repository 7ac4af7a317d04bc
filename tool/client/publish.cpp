// SPDX-License-Identifier: Apache-2.0
//
// hallway publish: publishes messages to a subject of a hub.
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <hallway/hub_client.hpp>

#include "cli/add_value.hpp"
#include "cli/verb.hpp"
#include "client/hub_runner.hpp"
#include "io/input.hpp"

namespace hallway::tool {

namespace {

constexpr const char* examples =
    "Examples:\n"
    "  hallway publish lights.kitchen on         to the default hub\n"
    "  hallway publish jobs one two three        three messages\n"
    "  journalctl -f | hallway publish log.host - --header Host:$HOSTNAME\n"
    "  hallway publish --at @hub time.ask '' --reply time.answers\n"
    "\nThe message - stands for standard input: each line is a message, as it comes.\n"
    "It ends when the hub has had everything.\n";

struct PublishFlags {
  HubFlags hub;
  std::string at;
  std::string subject;
  std::vector<std::string> messages;
  std::string reply;
  std::vector<std::pair<std::string, std::string>> header;

  [[nodiscard]] PublishOptions options() const {
    PublishOptions options{.reply = reply, .header = {}};
    for (const auto& [name, value] : header) options.header.push_back({name, value});
    return options;
  }
};

/// Publishes messages, and counts how many of them the hub has confirmed.
class Publishing {
 public:
  Publishing(HubRunner& talk, const PublishFlags& flags) : talk_(&talk), flags_(&flags) {}

  Task<> run() {
    auto hub = co_await talk_->connect();
    if (!hub) co_return;
    {
      const ScopedTask publishing = publish_all(*hub);
      Event& over = talk_->over();
      co_await over;
    }
    confirming_.reset();
    if (talk_->failed() || published_ == confirmed_) co_return;
    // If the hub is away, another may replace it soon.
    const Duration patience = hub->connected() ? defaults::request_time : defaults::connect_time;
    const HubSent had = co_await hub->flush(flags_->hub.target.timeout.value_or(patience));
    // The hub sends its errors about messages before this answer.
    if (had || talk_->failed()) co_return;
    fail_unconfirmed(hub->connected() ? had.error() : away(*hub));
  }

 private:
  ScopedTask publish_all(HubClient& hub) {
    for (const std::string& message : flags_->messages) {
      if (message == "-") {
        co_await publish_lines(hub);
      } else {
        co_await publish(hub, message);
      }
    }
    talk_->end();
  }

  Task<> publish_lines(HubClient& hub) {
    LineReader input(talk_->loop(), std::min(hub.max_payload(), bounds::largest_message),
                     "the hub takes, which is");
    while (!talk_->over().happened()) {
      const auto line = co_await input.next();
      if (!line) talk_->end(fail(line.error()));
      if (!line || !*line) co_return;
      co_await publish(hub, **line);
    }
  }

  Task<> publish(HubClient& hub, std::string_view message) {
    if (talk_->over().happened()) co_return;
    const HubSent sent = co_await hub.publish(flags_->subject, message, options_);
    if (!sent) co_return talk_->end(fail(sent.error()));
    ++published_;
    talk_->events().message("sent", 0, message);
    if (!confirming_ || confirming_->ended()) confirming_.emplace(confirm(hub));
  }

  /// Flushes repeatedly until the hub has confirmed all messages. If the hub goes away in between,
  /// it is not known what it received, and the verb ends. If it goes away after it has confirmed
  /// everything, the client reconnects, for input that is still to be read.
  ScopedTask confirm(HubClient& hub) {
    while (confirmed_ < published_) {
      const std::uint64_t asked = published_;
      const HubSent had = co_await hub.flush(forever);
      if (!had) {
        if (!talk_->failed()) fail_unconfirmed(had.error());
        co_return;
      }
      confirmed_ = asked;
    }
  }

  static Error away(const HubClient& hub) {
    return error_of(std::errc::connection_reset, "flush", hub.address().unescaped(),
                    "the hub went away");
  }

  void fail_unconfirmed(Error error) {
    error.operation = "publish";
    error.reason = fmt::format("{}; {} of {} were confirmed", error.why(), confirmed_,
                               counted(published_, "message"));
    talk_->end(fail(error));
  }

  HubRunner* talk_;
  const PublishFlags* flags_;
  PublishOptions options_ = flags_->options();
  std::uint64_t published_ = 0;
  std::uint64_t confirmed_ = 0;  // the first ones of published_
  std::optional<ScopedTask> confirming_;
};

/// Parses NAME:VALUE, as in HTTP.
Read<std::pair<std::string, std::string>> read_field(const std::string& text) {
  const auto colon = text.find(':');
  const bool named = colon != std::string::npos && colon > 0 && text.find_first_of(" \t") > colon;
  if (!named) return std::unexpected("not NAME:VALUE, with a name of one word");
  if (text.find_first_of("\r\n") != std::string::npos) return std::unexpected("has a line break");
  const auto value = std::min(text.find_first_not_of(' ', colon + 1), text.size());
  return std::pair(text.substr(0, colon), text.substr(value));
}

}  // namespace

Run add_publish(CLI::App& verb, const TrailingArgs& rest) {
  auto flags = std::make_shared<PublishFlags>();
  verb.allow_extras();
  add_hub_flags(
      verb, flags->hub, flags->at,
      fmt::format("Give up connecting (default {}), and then waiting until the hub has "
                  "had everything (default {})",
                  write_duration(defaults::connect_time), write_duration(defaults::request_time)));
  add_value(
      verb, "--reply", "SUBJECT", read_subject,
      [flags](std::string reply) { flags->reply = std::move(reply); }, "Where answers are to go");
  add_value(
      verb, "--header", "NAME:VALUE", read_field,
      [flags](auto field) { flags->header.push_back(std::move(field)); },
      "A field for the header of each message; repeatable")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  verb.footer(examples);
  verb.final_callback([&verb, flags, rest] {
    flags->hub.target.address = read_hub_address(flags->at);
    flags->messages = words_of(verb, rest);
    if (flags->messages.size() < 2) refuse_flags("SUBJECT MESSAGE", "missing");
    flags->subject = flags->messages.front();
    flags->messages.erase(flags->messages.begin());
    if (auto read = read_subject(flags->subject); !read)
      throw Refused(flags->subject, read.error());
  });
  return [flags] {
    HubRunner talk(flags->hub, "publish", HubRunner::Prints::nothing);
    Publishing publishing(talk, *flags);
    return talk.run(publishing.run());
  };
}

}  // namespace hallway::tool
