// SPDX-License-Identifier: Apache-2.0
#include "client/hub_runner.hpp"

#include <fmt/format.h>

#include <csignal>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <utility>

#include <hallway/bytes.hpp>
#include <hallway/deadline.hpp>
#include <hallway/when_any.hpp>

#include "cli/add_value.hpp"
#include "io/escape.hpp"
#include "io/number.hpp"
#include "io/ready_fd.hpp"

namespace hallway::tool {

namespace {

/// Adds "header":{"Name":["first value","second"]}, and fields that are not UTF-8 as pairs of name
/// and value: "header_base64":[["TmFtZQ==","/w=="]].
void add_header(nlohmann::ordered_json& object, const std::vector<hub::Field>& header) {
  for (const hub::Field& field : header) {
    if (is_utf8(field.name) && is_utf8(field.value)) {
      object["header"][std::string(field.name)].push_back(field.value);
    } else {
      object["header_base64"].push_back({base64(field.name), base64(field.value)});
    }
  }
}

/// Adds "status":503,"description":"No Responders". A status that is not a number of three digits
/// is added as text.
void add_status(nlohmann::ordered_json& object, const hub::Message& message) {
  const std::string_view status = message.status();
  if (status.empty()) return;
  const bool may_be_number = status.size() == 3 && status.front() != '0';
  const auto number = may_be_number ? parse_number<unsigned>(status) : std::nullopt;
  if (number) {
    object["status"] = *number;
  } else {
    object["status"] = status;
  }
  const std::string_view description = message.description();
  if (!description.empty()) object["description"] = description;
}

std::string message_line(const hub::Message& message) {
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
  add_verbosity(verb, flags.verbosity);
  add_spin(verb, flags.loop);
  add_value(
      verb, "--at", "ADDRESS", read_text, [&at](std::string given_at) { at = std::move(given_at); },
      "Address of the hub; otherwise the first that is served of HALLWAY_HUB, "
      "$XDG_RUNTIME_DIR/hallway/hub, " +
          std::string(defaults::system_hub_address) + " and " + defaults::hub_address);
  add_target_flags(verb, flags.target, timeout_help);
}

void choose_hub(HubFlags& flags, const std::string& at) {
  flags.searched = at.empty();
  if (flags.searched) return;
  flags.target.address = read_address(at);
  if (flags.target.address.kind() == Address::Kind::exec) {
    refuse_flags(at, "a program is not a hub");
  }
}

namespace {

Read<std::string> read_queue(const std::string& text) {
  if (text.empty() || text.find_first_of(" \t\r\n") != std::string::npos) {
    return std::unexpected("not the name of a queue group (one word)");
  }
  return text;
}

}  // namespace

void add_queue(CLI::App& verb, std::string& queue, const std::string& help) {
  add_value(
      verb, "--queue", "GROUP", read_queue, [&queue](std::string name) { queue = std::move(name); },
      help);
}

Read<std::string> read_subject(const std::string& text) {
  if (!is_subject(text)) {
    return std::unexpected("not a subject (tokens between dots, without white space, * or >)");
  }
  return text;
}

HubRunner::HubRunner(const HubFlags& flags, std::string verb, Prints prints)
    : flags_(&flags),
      verb_(std::move(verb)),
      events_(flags.verbosity),
      loop_(logged_by(events_, flags.loop)),
      output_(loop_, prints == Prints::messages),
      over_(loop_) {}

int HubRunner::run(Task<> task) {
  if (auto claimed = loop_.drain_on({SIGINT, SIGTERM}); !claimed) return fail(claimed.error());
  output_.on_end([this] { loop_.stop(); });
  const auto on_drain = loop_.on_drain([this] { end(); });
  loop_.spawn(std::move(task));
  const int stopped = loop_.run();
  if (output_.error()) return fail(*output_.error());
  return failed() ? status_ : stopped;
}

Task<std::optional<hub::Client>> HubRunner::connect(hub::Reconnect reconnect,
                                                    std::optional<OverflowPolicy> overflow) {
  hub::ClientOptions options;
  options.name = "hallway " + verb_;
  options.server_uid = flags_->target.server_uid;
  options.trusted_server =
      !flags_->target.any_server && (flags_->searched || flags_->target.requires_trust());
  options.retry_for = flags_->target.retry_for;
  options.timeout = flags_->target.timeout.value_or(defaults::connect_time);
  options.reconnect = reconnect;
  options.delivery_overflow = overflow;
  options.limits.max_message = bounds::max_message;  // the hub enforces its own limit
  options.on_event = [this](const hub::ClientEvent& event) { handle(event); };
  auto hub = co_await connect_or_find(std::move(options));
  if (!hub) {
    end(fail_to_connect(late_if_retried(std::move(hub.error()))));
    co_return std::nullopt;
  }
  if (flags_->searched) note_other_hub(hub->address());
  events_.log(Events::Level::detail, "connected", 0, hub->address().to_string(),
              {{"address", hub->address().unescaped()}});
  co_return std::move(*hub);
}

/// An absence that lasted as long as the client tried again is a time limit that passed.
Error HubRunner::late_if_retried(Error error) const {
  const Duration tried = flags_->target.retry_for;
  const bool absent = error.code == std::errc::no_such_file_or_directory ||
                      error.code == std::errc::connection_refused;
  if (!absent || tried <= Duration::zero()) return error;
  if (flags_->searched) error.reason = error.why() + " within " + write_duration(tried);
  error.code = std::make_error_code(std::errc::timed_out);
  return error;
}

Task<Result<hub::Client>> HubRunner::connect_or_find(hub::ClientOptions options) {
  if (flags_->searched) co_return co_await hub::Client::find(loop_, options);
  co_return co_await hub::Client::connect(loop_, flags_->target.address, options);
}

/// HALLWAY_HUB names a hub that is not served, and another one is used: that may be a surprise.
void HubRunner::note_other_hub(const Address& found) {
  const char* named = std::getenv("HALLWAY_HUB");
  if (named == nullptr || *named == '\0') return;
  const auto address = Address::parse(named);
  if (!address || *address == found) return;
  events_.log(Events::Level::usual, "another hub", 0,
              fmt::format("none is served at HALLWAY_HUB, {}: connected to {}",
                          address->unescaped(), found.unescaped()),
              {{"named", address->unescaped()}, {"address", found.unescaped()}});
}

Task<> HubRunner::announce(hub::Client& hub, std::vector<std::string> subjects,
                           std::optional<int> ready_fd) {
  const hub::Sent had = co_await hub.flush();
  if (!had || failed()) co_return;
  for (const std::string& subject : subjects) {
    events_.log(Events::Level::detail, "subscribed", 0, subject, {{"subject", subject}});
  }
  if (!ready_fd) co_return;
  if (const auto reported = report_ready(*ready_fd); !reported) {
    events_.error("not notified", 0, reported.error());
  }
}

void HubRunner::end(int status) {
  if (!failed()) status_ = status;
  over_.set();
}

void HubRunner::handle(const hub::ClientEvent& event) {
  using Kind = hub::ClientEvent::Kind;
  switch (event.kind) {
    case Kind::disconnected: return events_.error("disconnected", 0, event.error);
    case Kind::reconnected: return events_.notice("reconnected", event.error);
    case Kind::messages_lost: return events_.notice("messages lost", event.error);
    case Kind::given_up: return end(fail(event.error));
    case Kind::complaint:
      if (event.error.code != std::errc::permission_denied) {
        return events_.error("complaint", 0, event.error);
      }
      Error denied = event.error;
      denied.operation = verb_;
      if (survives_denied_answers_ && denied.reason.contains("for Publish")) {
        return events_.error("not answered", 0, denied);
      }
      return end(fail(denied));
  }
}

Task<> HubRunner::show(const hub::Message& message, bool with_subject) {
  events_.message("received", 0, message.payload());
  if (flags_->verbosity.json) {
    output_.write(message_line(message));
  } else if (with_subject) {
    const std::string text = std::string(message.subject()) + ": " + std::string(message.payload());
    output_.write(printed_line(text, output_.is_terminal()));
  } else {
    output_.write(printed_line(message.payload(), output_.is_terminal()));
  }
  co_await output_.room();
}

// Requests ---------------------------------------------------------------------------------------

namespace {

Duration timeout_of(const HubFlags& flags) {
  return flags.target.timeout.value_or(defaults::request_time);
}

Task<> send_request(HubRunner& runner, hub::Client& hub, const std::string& subject,
                    const std::string& message, Deadline deadline) {
  const hub::Received answer = co_await hub.request(subject, message, deadline.left());
  if (answer) {
    if (const auto failure = answer->find("Nats-Service-Error")) {
      co_return runner.end(fail(error_of(std::errc::io_error, "request", subject,
                                         "the responder failed: " + std::string(*failure))));
    }
    co_await runner.show(*answer);
    co_return runner.end();
  }
  Error error = answer.error();
  if (answer.outcome() == Outcome::timed_out) {
    error = timed_out(std::move(error), "no answer", timeout_of(runner.flags()));
  }
  error.operation = "request";
  error.subject = subject;
  if (answer.outcome() == Outcome::no_responders) {
    error.hint = "`hallway reply` answers requests; the hub is " + hub.address().unescaped();
  }
  if (!runner.over().is_set()) runner.end(fail(error));
}

Task<> request_and_end(HubRunner& runner, const std::string& subject, const std::string& message) {
  const Deadline deadline(timeout_of(runner.flags()));
  // A restarted hub would not know the question.
  hub::Reconnect never;
  never.max_attempts = 0;
  auto hub = co_await runner.connect(never);
  if (!hub) co_return;
  co_await when_any(send_request(runner, *hub, subject, message, deadline), runner.over().wait());
}

}  // namespace

int run_request(const HubFlags& flags, const std::string& subject, const std::string& message) {
  HubRunner runner(flags, "request", HubRunner::Prints::messages);
  return runner.run(request_and_end(runner, subject, message));
}

}  // namespace hallway::tool
