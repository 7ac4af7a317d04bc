// SPDX-License-Identifier: Apache-2.0
#include "client/hub_runner.hpp"

#include <csignal>
#include <nlohmann/json.hpp>
#include <utility>

#include <hallway/bytes.hpp>

#include "cli/add_value.hpp"
#include "io/deadline.hpp"
#include "io/escape.hpp"

namespace hallway::tool {

namespace {

/// Adds "header":{"Name":["first value","second"]}, and fields that are not UTF-8 as pairs of name
/// and value: "header_base64":[["TmFtZQ==","/w=="]].
void add_header(nlohmann::ordered_json& object, const std::vector<HubField>& header) {
  for (const HubField& field : header) {
    if (is_utf8(field.name) && is_utf8(field.value)) {
      object["header"][std::string(field.name)].push_back(field.value);
    } else {
      object["header_base64"].push_back({base64(field.name), base64(field.value)});
    }
  }
}

/// Adds "status":503,"description":"No Responders". A status that is not a number of three digits
/// is added as text.
void add_status(nlohmann::ordered_json& object, const HubMessage& message) {
  const std::string_view status = message.status();
  if (status.empty()) return;
  const bool is_number = status.size() == 3 && status.front() != '0' &&
                         status.find_first_not_of("0123456789") == std::string_view::npos;
  if (is_number) {
    object["status"] = std::stoi(std::string(status));
  } else {
    object["status"] = status;
  }
  const std::string_view description = message.description();
  if (!description.empty()) object["description"] = description;
}

std::string message_line(const HubMessage& message) {
  nlohmann::ordered_json object{{"event", "message"}, {"subject", message.subject()}};
  if (!message.reply().empty()) object["reply"] = message.reply();
  add_status(object, message);
  add_header(object, message.header());
  add_data(object, message.payload());
  return json_line(object);
}

}  // namespace

void add_hub_flags(CLI::App& verb, HubFlags& flags, std::string& at,
                   const std::string& timeout_help) {
  add_wordiness(verb, flags.wordiness);
  add_spin(verb, flags.loop);
  add_value(
      verb, "--at", "ADDRESS", read_text, [&at](std::string given_at) { at = std::move(given_at); },
      std::string("Where the hub listens (default ") + defaults::hub_address + ")");
  add_reach(verb, flags.target, timeout_help);
}

Address read_hub_address(const std::string& at) {
  const std::string word = at.empty() ? default_hub_address() : at;
  Address address = read_address(word);
  if (address.kind() == Address::Kind::exec) refuse_flags(word, "a program is no hub");
  return address;
}

Read<std::string> read_subject(const std::string& text) {
  if (!is_subject(text)) {
    return std::unexpected("no subject (tokens between dots, without blanks, * or >)");
  }
  return text;
}

HubRunner::HubRunner(const HubFlags& flags, std::string verb, Prints prints)
    : flags_(&flags),
      verb_(std::move(verb)),
      events_(flags.wordiness),
      loop_(flags.loop),
      output_(loop_, prints == Prints::messages),
      over_(loop_) {}

int HubRunner::run(Task<> talk) {
  if (loop_.error()) return fail(*loop_.error());
  if (auto claimed = loop_.drain_on({SIGINT, SIGTERM}); !claimed) return fail(claimed.error());
  output_.on_end([this] { loop_.stop(); });
  loop_.on_drain(this, [this] { end(); });
  loop_.spawn(std::move(talk));
  const int stopped = loop_.run();
  if (output_.error()) return fail(*output_.error());
  return failed() ? status_ : stopped;
}

Task<std::optional<HubClient>> HubRunner::connect(HubReconnect reconnect,
                                                  std::optional<DeliveryPolicy> delivery) {
  HubClientOptions options;
  options.name = "hallway " + verb_;
  options.server_uid = flags_->target.server_uid;
  options.deadline = flags_->target.timeout.value_or(defaults::connect_time);
  options.reconnect = reconnect;
  options.delivery = delivery;
  options.limits.max_message = bounds::largest_message;  // the hub enforces its own limit
  options.on_event = [this](const HubClientEvent& event) { hear(event); };
  auto hub = co_await HubClient::connect(loop_, flags_->target.address, std::move(options));
  if (!hub) {
    end(fail_to_connect(hub.error()));
    co_return std::nullopt;
  }
  events_.tell(Events::Level::detail, "connected", 0, hub->address().to_string());
  co_return std::move(*hub);
}

void HubRunner::end(int status) {
  if (!failed()) status_ = status;
  over_.happen();
}

void HubRunner::hear(const HubClientEvent& event) {
  using Kind = HubClientEvent::Kind;
  switch (event.kind) {
    case Kind::disconnected: return events_.error("disconnected", 0, event.error);
    case Kind::reconnected:
      return events_.tell(Events::Level::usual, "connected again", 0, event.error.subject);
    case Kind::messages_lost: return events_.error("messages lost", 0, event.error);
    case Kind::given_up: return end(fail(event.error));
    case Kind::complaint:
      if (event.error.code != std::errc::permission_denied) {
        return events_.error("complaint", 0, event.error);
      }
      Error denied = event.error;
      denied.operation = verb_;
      return end(fail(denied));
  }
}

Task<> HubRunner::show(const HubMessage& message) {
  events_.message("received", 0, message.payload());
  output_.write(flags_->wordiness.json ? message_line(message)
                                       : printed_line(message.payload(), output_.is_terminal()));
  co_await output_.room();
}

// Requests ---------------------------------------------------------------------------------------

namespace {

ScopedTask ask(HubRunner& talk, HubClient& hub, const std::string& subject,
               const std::string& message, Deadline deadline) {
  const HubReceived answer = co_await hub.request(subject, message, deadline.left());
  if (answer) {
    co_await talk.show(*answer);
    co_return talk.end();
  }
  Error error = answer.error();
  error.operation = "request";
  error.subject = subject;
  if (answer.outcome() == Outcome::no_responders) {
    error.hint = "hallway subscribe " + subject + " would listen; the hub is " +
                 talk.flags().target.address.unescaped();
  }
  if (!talk.over().happened()) talk.end(fail(error));
}

Task<> ask_and_end(HubRunner& talk, const std::string& subject, const std::string& message) {
  const Deadline deadline(talk.flags().target.timeout.value_or(defaults::request_time));
  // A restarted hub would not know the question.
  HubReconnect never;
  never.attempts = 0;
  auto hub = co_await talk.connect(never);
  if (!hub) co_return;
  const ScopedTask asking = ask(talk, *hub, subject, message, deadline);
  Event& over = talk.over();
  co_await over;
}

}  // namespace

int ask_hub(const HubFlags& flags, const std::string& subject, const std::string& message) {
  HubRunner talk(flags, "request", HubRunner::Prints::messages);
  return talk.run(ask_and_end(talk, subject, message));
}

}  // namespace hallway::tool
