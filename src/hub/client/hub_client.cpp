// SPDX-License-Identifier: Apache-2.0
#include <hallway/hub_client.hpp>

#include <new>
#include <utility>

#include "hub/client/hub_client_state.hpp"
#include "wire/nats_header.hpp"

namespace hallway {

using detail::HubClientState;
using detail::SubscriptionState;

// Messages ---------------------------------------------------------------------------------------

HubMessage::HubMessage(ByteView subject, ByteView reply, ByteView header, ByteView payload)
    : subject_end_(subject.size()),
      reply_end_(subject_end_ + reply.size()),
      header_end_(reply_end_ + header.size()) {
  bytes_.reserve(header_end_ + payload.size());
  bytes_.append(subject).append(reply).append(header).append(payload);
}

std::vector<HubField> HubMessage::header() const {
  std::vector<HubField> fields;
  if (const auto block = nats::HeaderBlock::parse(header_block())) {
    block->for_each(
        [&](const nats::HeaderField& field) { fields.push_back({field.name, field.value}); });
  }
  return fields;
}

std::optional<ByteView> HubMessage::find(ByteView name) const {
  const auto block = nats::HeaderBlock::parse(header_block());
  return block ? block->find(name) : std::nullopt;
}

ByteView HubMessage::status() const {
  const auto block = nats::HeaderBlock::parse(header_block());
  return block ? block->status() : ByteView();
}

ByteView HubMessage::description() const {
  const auto block = nats::HeaderBlock::parse(header_block());
  return block ? block->description() : ByteView();
}

HubReceived::HubReceived(Outcome outcome, HubMessage message, std::shared_ptr<HubClientState> from,
                         const char* why) noexcept
    : message_(std::move(message)), from_(std::move(from)), why_(why), outcome_(outcome) {}

Error HubReceived::error() const {
  return from_ ? from_->explain("receive from", outcome_, why_) : Error();
}

Error HubSent::error() const { return by_->explain("send to", outcome_, why_); }

std::optional<std::string> detail::header_block_of(const std::vector<HubField>& fields,
                                                   ByteView status) {
  std::string block;
  if (fields.empty() && status.empty()) return block;
  if (status.find_first_of("\r\n") != ByteView::npos) return std::nullopt;
  block = "NATS/1.0";
  if (!status.empty()) block.append(1, ' ').append(status);
  block += "\r\n";
  for (const HubField& field : fields) {
    const bool valid = !field.name.empty() &&
                       field.name.find_first_of(": \t\r\n") == ByteView::npos &&
                       field.value.find_first_of("\r\n") == ByteView::npos;
    if (!valid) return std::nullopt;
    block.append(field.name).append(": ").append(field.value).append("\r\n");
  }
  return block += "\r\n";
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

HubReceived Subscription::try_receive() {
  HubReceived received;
  static_cast<void>(state_->take(received));
  return received;
}

void Subscription::unsubscribe() { state_->unsubscribe(); }
ByteView Subscription::subject() const noexcept { return state_->subject(); }
std::uint64_t Subscription::dropped() const noexcept { return state_->dropped(); }
std::size_t Subscription::waiting() const noexcept { return state_->inbox().size(); }

bool Subscription::Receive::await_ready() { return state_->take(received_); }
bool Subscription::Receive::await_suspend(std::coroutine_handle<> awaiting) {
  wait_.emplace(state_->wait(within_, received_));
  return std::move(*wait_).operator co_await().await_suspend(awaiting);
}
HubReceived Subscription::Receive::await_resume() {
  if (wait_) std::move(*wait_).operator co_await().await_resume();
  return std::move(received_);
}

// HubClient --------------------------------------------------------------------------------------

namespace {

nats::Operation operation_of(ByteView subject, ByteView payload, ByteView reply, ByteView header) {
  return {.verb = header.empty() ? nats::Verb::pub : nats::Verb::hpub,
          .subject = subject,
          .reply = reply,
          .header = header,
          .payload = payload};
}

}  // namespace

HubClient::HubClient(std::shared_ptr<HubClientState> state) noexcept : state_(std::move(state)) {}
HubClient::HubClient(HubClient&& other) noexcept = default;
HubClient& HubClient::operator=(HubClient&& other) noexcept {
  const HubClient before(std::exchange(state_, std::exchange(other.state_, nullptr)));
  return *this;
}
HubClient::~HubClient() {
  try {
    if (state_) state_->close();
  } catch (const std::bad_alloc&) {
    // Out of memory: close() cannot wait for the queued bytes to be written, so they are lost.
  }
}

// A coroutine: it takes its parameters by value, so that they live in its frame.
Task<Result<HubClient>> HubClient::connect(Loop& loop, AddressSpec address,
                                           HubClientOptions options) {
  if (!address.get()) co_return std::unexpected(address.get().error());
  auto state = std::make_shared<HubClientState>(loop, std::move(address), std::move(options));
  const auto opened = co_await state->open();
  if (!opened) co_return std::unexpected(opened.error());
  co_return HubClient(std::move(state));
}

HubClient::Publish HubClient::publish(ByteView subject, ByteView payload,
                                      const PublishOptions& options) {
  return {*state_, subject, payload, options};
}

HubSent HubClient::try_publish(ByteView subject, ByteView payload, const PublishOptions& options) {
  const auto header = detail::header_block_of(options.header, options.status);
  if (!header) return {Outcome::failed, state_.get(), detail::reasons::bad_header};
  const char* why = nullptr;
  const Outcome outcome =
      state_->publish(operation_of(subject, payload, options.reply, *header), why);
  return {outcome, state_.get(), why};
}

HubClient::Publish::Publish(HubClientState& state, ByteView subject, ByteView payload,
                            const PublishOptions& options)
    : state_(&state), why_(detail::reasons::bad_header) {
  if (!options.header.empty() || !options.status.empty()) {
    auto header = detail::header_block_of(options.header, options.status);
    if (!header) return;
    header_ = std::move(*header);
  }
  const nats::Operation message = operation_of(subject, payload, options.reply, header_);
  outcome_ = state.publish(message, why_);
  if (outcome_ != Outcome::would_block) return;
  switch (state.options().full) {
    case PublishFull::wait:
      wait_.emplace(state.publish_when_writable(message, forever, outcome_, why_));
      return;
    case PublishFull::drop_newest:
      state.count_dropped();
      outcome_ = Outcome::ok;
      return;
    case PublishFull::fail: return;
  }
}

bool HubClient::Publish::await_suspend(std::coroutine_handle<> awaiting) {
  return std::move(*wait_).operator co_await().await_suspend(awaiting);
}
HubSent HubClient::Publish::await_resume() {
  if (wait_) std::move(*wait_).operator co_await().await_resume();
  return {outcome_, state_, why_};
}

Result<Subscription> HubClient::subscribe(ByteView subject, const SubscribeOptions& options) {
  auto made = state_->subscribe(subject, options);
  if (!made) return std::unexpected(std::move(made.error()));
  return Subscription(std::move(*made));
}

Task<HubReceived> HubClient::request(ByteView subject, ByteView payload, Duration within,
                                     const std::vector<HubField>& header) {
  return state_->request(subject, payload, within, detail::header_block_of(header));
}

Task<HubSent> HubClient::flush(Duration within) {
  HubClientState* by = state_.get();
  const Outcome outcome = co_await by->flush(within);
  co_return HubSent(outcome, by);
}

Task<HubSent> HubClient::drain(Duration within) {
  HubClientState* by = state_.get();
  const Outcome outcome = co_await by->drain(within);
  co_return HubSent(outcome, by);
}

void HubClient::close() { state_->close(); }
bool HubClient::connected() const noexcept { return state_->connected(); }
const Address& HubClient::address() const noexcept { return state_->address(); }
std::size_t HubClient::max_payload() const noexcept { return state_->max_payload(); }
std::size_t HubClient::unsent_bytes() const noexcept { return state_->unsent_bytes(); }
HubClientCounters HubClient::counters() const noexcept { return state_->counters(); }
Loop& HubClient::loop() const noexcept { return state_->loop(); }

}  // namespace hallway
