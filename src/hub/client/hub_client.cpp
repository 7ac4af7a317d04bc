// SPDX-License-Identifier: Apache-2.0
#include <hallway/hub_client.hpp>

#include <algorithm>
#include <chrono>
#include <new>
#include <ostream>
#include <utility>

#include <hallway/deadline.hpp>

#include "core/backoff.hpp"
#include "core/check_overflow.hpp"
#include "hub/client/hub_client_state.hpp"
#include "wire/nats_header.hpp"

namespace hallway::hub {

using detail::HubClientState;
using detail::SubscriptionState;

// Messages ---------------------------------------------------------------------------------------

Message::Message(ByteView subject, ByteView reply, ByteView header, ByteView payload)
    : subject_end_(subject.size()),
      reply_end_(subject_end_ + reply.size()),
      header_end_(reply_end_ + header.size()) {
  bytes_.reserve(header_end_ + payload.size());
  bytes_.append(subject).append(reply).append(header).append(payload);
}

std::vector<Field> Message::header() const {
  std::vector<Field> fields;
  if (const auto block = nats::HeaderBlock::parse(header_block())) {
    block->for_each(
        [&](const nats::HeaderField& field) { fields.push_back({field.name, field.value}); });
  }
  return fields;
}

std::optional<ByteView> Message::find(ByteView name) const {
  const auto block = nats::HeaderBlock::parse(header_block());
  return block ? block->find(name) : std::nullopt;
}

ByteView Message::status() const {
  const auto block = nats::HeaderBlock::parse(header_block());
  return block ? block->status() : ByteView();
}

ByteView Message::description() const {
  const auto block = nats::HeaderBlock::parse(header_block());
  return block ? block->description() : ByteView();
}

namespace {

/// @param errors  null: the outcome is explained in general
Error explain(const detail::ClientErrors* errors, const char* operation, Outcome outcome,
              const char* why) {
  if (outcome == Outcome::ok) return {};
  if (errors != nullptr) return errors->explain(operation, outcome, why);
  return detail::ClientErrors("").explain(operation, outcome, why);
}

}  // namespace

Received::Received(Outcome outcome, Message message,
                   std::shared_ptr<const detail::ClientErrors> errors, const char* why) noexcept
    : message_(std::move(message)), errors_(std::move(errors)), why_(why), outcome_(outcome) {}

Error Received::error() const { return explain(errors_.get(), "receive from", outcome_, why_); }

Sent::Sent(Outcome outcome, std::shared_ptr<const detail::ClientErrors> errors,
           const char* why) noexcept
    : errors_(std::move(errors)), why_(why), outcome_(outcome) {}

Error Sent::error() const { return explain(errors_.get(), "send to", outcome_, why_); }

// Events -----------------------------------------------------------------------------------------

std::string to_string(const ClientEvent& event) {
  const Error& error = event.error;
  switch (event.kind) {
    case ClientEvent::Kind::disconnected:
      return "disconnected from " + printable(error.subject) + ": " + printable(error.why());
    case ClientEvent::Kind::given_up:
      return "gave up reconnecting to " + printable(error.subject) + ": " + printable(error.why());
    case ClientEvent::Kind::reconnected:
    case ClientEvent::Kind::complaint:
    case ClientEvent::Kind::messages_lost: break;
  }
  return error.explain();
}

std::ostream& operator<<(std::ostream& out, const ClientEvent& event) {
  return out << to_string(event);
}

// Subscription -----------------------------------------------------------------------------------

Subscription::Subscription(std::shared_ptr<SubscriptionState> state) noexcept
    : state_(std::move(state)) {}
Subscription::Subscription(Subscription&& other) noexcept = default;
Subscription& Subscription::operator=(Subscription&& other) noexcept {
  if (this == &other) return *this;
  if (state_) state_->forget();
  state_ = std::move(other.state_);
  return *this;
}
Subscription::~Subscription() {
  if (state_) state_->forget();
}

Subscription::Receive Subscription::receive(Duration within) { return {*state_, within}; }

Received Subscription::try_receive() {
  Received received;
  static_cast<void>(state_->take(received));
  return received;
}

void Subscription::unsubscribe() { state_->unsubscribe(); }
ByteView Subscription::subject() const noexcept { return state_->subject(); }
std::uint64_t Subscription::dropped() const noexcept { return state_->dropped(); }
std::size_t Subscription::waiting() const noexcept { return state_->inbox().size(); }

bool Subscription::Receive::await_ready() { return state_->take(received_); }
Task<> Subscription::Receive::begin() { return state_->wait(within_, received_); }
Received Subscription::Receive::await_resume() {
  wait_.finish();
  return std::move(received_);
}

// Client --------------------------------------------------------------------------------------

namespace {

nats::Operation operation_of(ByteView subject, ByteView payload, ByteView reply, ByteView header) {
  return {.verb = header.empty() ? nats::Verb::pub : nats::Verb::hpub,
          .subject = subject,
          .reply = reply,
          .header = header,
          .payload = payload};
}

Result<void> check(const ClientOptions& options) {
  auto checked =
      core::check_overflow(options.overflow, publish_policies, "a client's publications");
  if (!checked || !options.delivery_overflow) return checked;
  return core::check_overflow(*options.delivery_overflow, delivery_policies,
                              "a hub's subscriptions");
}

}  // namespace

namespace {

// Between two looks for a hub that is not served yet: as those of Connection::connect().
constexpr Duration first_pause = std::chrono::milliseconds(10);
constexpr Duration longest_pause = std::chrono::milliseconds(200);

/// Whether no server listens at the address.
bool is_absence(const std::error_code& code) {
  return code == std::errc::no_such_file_or_directory || code == std::errc::connection_refused ||
         code == std::errc::not_a_directory;
}

/// "unix:/run/hallway/hub or unix:/tmp/hallway-hub.sock"
std::string alternatives(const std::vector<std::string>& addresses) {
  std::string words;
  for (std::size_t at = 0; at < addresses.size(); ++at) {
    if (at > 0) words += at + 1 < addresses.size() ? ", " : " or ";
    const AddressSpec address(addresses[at]);
    words += address.get() ? address.get()->unescaped() : addresses[at];
  }
  return words;
}

/// Only HALLWAY_HUB can hold a text that is not an address.
Error wrong_variable(Error error) {
  error.reason = error.why() + " (HALLWAY_HUB)";
  return error;
}

Error no_hub_at(const std::vector<std::string>& addresses) {
  return {.code = std::make_error_code(std::errc::no_such_file_or_directory),
          .operation = "connect",
          .subject = "the hub",
          .reason = "none is served at " + alternatives(addresses),
          .hint = "`hallway hub` starts one; HALLWAY_HUB names one that is elsewhere"};
}

Error canceled(const std::vector<std::string>& addresses) {
  Error error = no_hub_at(addresses);
  error.code = std::make_error_code(std::errc::operation_canceled);
  error.reason = "the loop drains, and " + error.reason;
  error.hint.clear();
  return error;
}

}  // namespace

Client::Client(std::shared_ptr<HubClientState> state) noexcept : state_(std::move(state)) {}
Client::Client(Client&& other) noexcept = default;
Client& Client::operator=(Client&& other) noexcept {
  const Client before(std::exchange(state_, std::exchange(other.state_, nullptr)));
  return *this;
}
Client::~Client() {
  try {
    if (state_) state_->close();
  } catch (const std::bad_alloc&) {
    // Out of memory: close() cannot wait for the queued bytes to be written, so they are lost.
  }
}

Task<Result<Client>> Client::connect(Loop& loop, AddressSpec address) {
  return connect_with(loop, std::move(address), ClientOptions());
}

Task<Result<Client>> Client::connect(Loop& loop, AddressSpec address,
                                     const ClientOptions& options) {
  return connect_with(loop, std::move(address), options);
}

Task<Result<Client>> Client::find(Loop& loop) { return find_with(loop, ClientOptions()); }

Task<Result<Client>> Client::find(Loop& loop, const ClientOptions& options) {
  return find_with(loop, options);
}

// A coroutine: it takes its parameters by value, so that they live in its frame.
Task<Result<Client>> Client::connect_with(Loop& loop, AddressSpec address, ClientOptions options) {
  if (!address.get()) co_return std::unexpected(address.get().error());
  if (auto checked = check(options); !checked) co_return std::unexpected(checked.error());
  auto state = std::make_shared<HubClientState>(loop, std::move(address), std::move(options));
  const auto opened = co_await state->open();
  if (!opened) co_return std::unexpected(opened.error());
  co_return Client(std::move(state));
}

Task<Result<Client>> Client::find_with(Loop& loop, ClientOptions options) {
  const Deadline retried_until(std::exchange(options.retry_for, Duration::zero()));
  if (!options.trusted_server) options.trusted_server = true;
  core::Backoff pauses(first_pause, longest_pause);
  while (true) {
    const std::vector<std::string> addresses = default_addresses();
    std::optional<Error> denied;
    for (const std::string& address : addresses) {
      AddressSpec spec(address);
      if (!spec.get()) co_return std::unexpected(wrong_variable(spec.get().error()));
      auto connecting = connect_with(loop, std::move(spec), options);
      auto client = co_await std::move(connecting);
      if (client) co_return client;
      const std::error_code code = client.error().code;
      // Another address may have a hub that lets this user in.
      if (code == std::errc::permission_denied && !denied) denied = client.error();
      if (!is_absence(code) && code != std::errc::permission_denied) {
        co_return std::unexpected(std::move(client.error()));
      }
    }
    if (denied) co_return std::unexpected(std::move(*denied));
    if (retried_until.passed()) co_return std::unexpected(no_hub_at(addresses));
    const Outcome slept = co_await loop.sleep(std::min(pauses.next(), retried_until.left()));
    if (slept != Outcome::ok) co_return std::unexpected(canceled(addresses));
  }
}

Client::Publish Client::publish(ByteView subject, ByteView payload, const PublishOptions& options) {
  return {*state_, subject, payload, options};
}

Sent Client::try_publish(ByteView subject, ByteView payload, const PublishOptions& options) {
  const auto header = detail::header_block_of(options.header, options.status);
  if (!header) return {Outcome::failed, state_->errors(), detail::reasons::bad_header};
  const char* why = nullptr;
  const Outcome outcome =
      state_->publish(operation_of(subject, payload, options.reply, *header), why);
  if (outcome == Outcome::ok) return {outcome, nullptr};
  return {outcome, state_->errors(), why};
}

Client::Publish::Publish(HubClientState& state, ByteView subject, ByteView payload,
                         const PublishOptions& options)
    : why_(detail::reasons::bad_header) {
  if (!options.header.empty() || !options.status.empty()) {
    auto header = detail::header_block_of(options.header, options.status);
    if (!header) {
      errors_ = state.errors();
      return;
    }
    header_ = std::move(*header);
  }
  const nats::Operation message = operation_of(subject, payload, options.reply, header_);
  outcome_ = state.publish(message, why_);
  if (outcome_ == Outcome::ok) return;
  errors_ = state.errors();
  if (outcome_ != Outcome::would_block) return;
  switch (state.options().overflow) {
    case OverflowPolicy::wait:
      wait_.emplace(state.publish_when_writable(message, forever, outcome_, why_));
      return;
    case OverflowPolicy::drop_newest:
      state.count_dropped();
      outcome_ = Outcome::ok;
      return;
    default: return;
  }
}

Sent Client::Publish::await_resume() {
  waiting_.finish();
  if (outcome_ == Outcome::ok) return {outcome_, nullptr};
  return {outcome_, std::move(errors_), why_};
}

Result<Subscription> Client::subscribe(ByteView subject, const SubscribeOptions& options) {
  auto made = state_->subscribe(subject, options);
  if (!made) return std::unexpected(std::move(made.error()));
  return Subscription(std::move(*made));
}

Task<Received> Client::request(ByteView subject, ByteView payload, Duration within,
                               std::span<const Field> header) {
  return state_->request(subject, payload, within, detail::header_block_of(header));
}

// The program may destroy the client meanwhile.
Task<Result<MatchCount>> Client::publish_counted(ByteView subject, ByteView payload,
                                                 PublishOptions options, Duration within) {
  const auto state = state_;
  const auto header = detail::header_block_of(options.header, options.status);
  if (!header) {
    co_return std::unexpected(
        state->error_about(std::errc::invalid_argument, "publish to", detail::reasons::bad_header));
  }
  co_return co_await state->publish_counted(operation_of(subject, payload, options.reply, *header),
                                            within);
}

Task<Result<MatchCount>> Client::count_matches(ByteView subject, Duration within) {
  const auto state = state_;
  co_return co_await state->count_matches(subject, within);
}

bool Client::counts() const noexcept { return state_->counts(); }

// The program may destroy the client meanwhile.
Task<Sent> Client::flush(Duration within) {
  const auto state = state_;
  const Outcome outcome = co_await state->flush(within);
  co_return Sent(outcome, state->errors());
}

Task<Sent> Client::drain(Duration within) {
  const auto state = state_;
  const Outcome outcome = co_await state->drain(within);
  co_return Sent(outcome, state->errors());
}

void Client::close() { state_->close(); }
bool Client::connected() const noexcept { return state_->connected(); }
const Address& Client::address() const noexcept { return state_->address(); }
std::size_t Client::max_payload() const noexcept { return state_->max_payload(); }
std::size_t Client::unsent_bytes() const noexcept { return state_->unsent_bytes(); }
ClientCounters Client::counters() const noexcept { return state_->counters(); }
Loop& Client::loop() const noexcept { return state_->loop(); }

}  // namespace hallway::hub
