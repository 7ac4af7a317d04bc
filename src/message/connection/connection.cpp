// SPDX-License-Identifier: Apache-2.0
#include <hallway/connection.hpp>

#include <algorithm>
#include <memory>

#include "core/deadline.hpp"
#include "message/connection/connect.hpp"
#include "message/connection/connection_state.hpp"
#include "net/resolve.hpp"
#include "net/socket_type.hpp"
#include "sys/socket.hpp"

namespace hallway {

using detail::ConnectionState;

namespace {

ConnectionState& state_of(detail::Flow* flow) noexcept {
  return *static_cast<ConnectionState*>(static_cast<detail::ConnectionCore*>(flow));
}

}  // namespace

// Awaitables -------------------------------------------------------------------------------------

void Connection::Receive::forget() const noexcept {
  if (!wait_->over) state_of(flow_).forget(*this);
}

bool Connection::Receive::await_suspend(std::coroutine_handle<> awaiting) {
  wait_.emplace().waiter.coroutine = awaiting;
  return state_of(flow_).begin_receive(*this);
}

bool Connection::ReceiveSome::await_suspend(std::coroutine_handle<> awaiting) {
  wait_.emplace().waiter.coroutine = awaiting;
  wait_->for_piece = true;
  return state_of(flow_).begin_receive(*this);
}

Connection::Send::Send(detail::Flow& flow, ByteView message, std::vector<Descriptor> descriptors)
    : flow_(&flow) {
  detail::Unsent& rest = rest_.emplace();
  rest.message = message;
  rest.descriptors = std::make_unique<std::vector<Descriptor>>(std::move(descriptors));
  rest.kind = detail::Unsent::Kind::with_descriptors;
}

Connection::Send::Send(detail::Flow& flow, FlushOnly /*only*/) : flow_(&flow) {
  rest_.emplace().kind = detail::Unsent::Kind::flush;
}

void Connection::Send::forget() const noexcept {
  if (rest_->waiting) state_of(flow_).forget(*this);
}

bool Connection::Send::await_suspend(std::coroutine_handle<> awaiting) {
  rest_->waiter.coroutine = awaiting;
  rest_->waiting = state_of(flow_).begin_send(*this);
  return rest_->waiting;
}

Error Received::error() const {
  if (flow_ == nullptr) return {};
  return flow_->explain("receive from", outcome_);
}

Error Sent::error() const { return flow_->explain("send to", outcome_); }

// Connection -------------------------------------------------------------------------------------

// A coroutine: its parameters are passed by value and live in its frame.
Task<Result<Connection>> Connection::connect(Loop& loop, AddressSpec address,
                                             ConnectOptions options) {
  message::Connecting connecting(address, options);
  while (true) {
    auto tried = connecting.attempt();
    if (!tried) co_return std::unexpected(tried.error());
    if (*tried) {
      message::Connected& made = **tried;
      co_return ConnectionState::open(loop, std::move(made.socket), made.peer,
                                      std::move(made.config));
    }
    co_await loop.sleep(connecting.pause());
  }
}

Result<Connection> Connection::adopt(Loop& loop, Descriptor socket, ConnectionOptions options) {
  auto adopted = message::adopt_connected(std::move(socket), std::move(options));
  if (!adopted) return std::unexpected(adopted.error());
  return ConnectionState::open(loop, std::move(adopted->socket), adopted->peer,
                               std::move(adopted->config));
}

Result<std::pair<Connection, Connection>> Connection::pair(Loop& loop, SocketType type,
                                                           const ConnectionOptions& options) {
  auto sockets = socket_pair(type);
  if (!sockets) return std::unexpected(sockets.error());
  auto first = adopt(loop, std::move(sockets->first), options);
  if (!first) return std::unexpected(first.error());
  auto second = adopt(loop, std::move(sockets->second), options);
  if (!second) return std::unexpected(second.error());
  return std::pair(std::move(*first), std::move(*second));
}

Connection::Connection(detail::ConnectionState* state) noexcept : flow_(state) {}

Connection& Connection::operator=(Connection&& other) noexcept {
  if (this == &other) return *this;
  if (flow_ != nullptr) state().detach();
  flow_ = std::exchange(other.flow_, nullptr);
  return *this;
}

Connection::~Connection() {
  if (flow_ != nullptr) state().detach();
}

ConnectionState& Connection::state() const noexcept { return state_of(flow_); }

Received Connection::try_receive() { return state().try_receive(); }

Connection::Send Connection::send(ByteView message, std::vector<Descriptor> descriptors) {
  return {*flow_, message, std::move(descriptors)};
}

Connection::Send Connection::send(ByteView message, Descriptor descriptor) {
  std::vector<Descriptor> descriptors;
  descriptors.push_back(std::move(descriptor));
  return send(message, std::move(descriptors));
}

Sent Connection::try_send(ByteView message) { return {flow_->append(message), flow_}; }

Connection::Send Connection::flush() { return {*flow_, Send::FlushOnly{}}; }

Task<Sent> Connection::confirm(Duration within) {
  const core::Deadline deadline(within);
  detail::ReadPause pause;
  Outcome outcome = state().look_whether_confirmed();
  while (outcome == Outcome::would_block && deadline.left() > Duration::zero()) {
    co_await loop().sleep(std::min(pause.next(), deadline.left()));
    outcome = state().look_whether_confirmed();
  }
  co_return Sent(outcome == Outcome::would_block ? Outcome::timed_out : outcome, flow_);
}

Task<Received> Connection::request(ByteView message, Duration within) {
  const Sent sent = co_await send(message);
  if (!sent) co_return Received(sent.outcome(), Message(), flow_);
  co_return co_await receive(within);
}

bool Connection::Broadcast::await_ready() {
  detail::ConnectionObserver* observer = from_->state().observer();
  return observer == nullptr || observer->broadcast_batched(message_, &from_->state());
}
bool Connection::Broadcast::await_suspend(std::coroutine_handle<> awaiting) {
  walk_.emplace(from_->state().observer()->broadcast(message_, &from_->state()));
  return std::move(*walk_).operator co_await().await_suspend(awaiting);
}
void Connection::Broadcast::await_resume() {
  if (walk_) std::move(*walk_).operator co_await().await_resume();
}

void Connection::half_close() { state().half_close(); }
void Connection::close() { state().close(); }
void Connection::abort() { state().abort(); }

Descriptor Connection::release() && {
  ConnectionState* released = &state();
  Descriptor socket = released->release();
  flow_ = nullptr;
  delete released;
  return socket;
}

const Peer& Connection::peer() const noexcept { return state().peer(); }
Result<std::vector<std::uint32_t>> Connection::peer_groups() const {
  return Peer::groups_of(descriptor());
}
Result<Descriptor> Connection::peer_pidfd() const { return Peer::pidfd_of(descriptor()); }
Result<PidStatus> Connection::peer_identity() const { return Peer::identity_of(descriptor()); }
const Address& Connection::address() const noexcept { return state().config().address; }
SocketType Connection::type() const noexcept { return state().config().type; }
std::uint64_t Connection::number() const noexcept {
  const detail::ConnectionObserver* observer = state().observer();
  return observer == nullptr ? 0 : observer->number();
}
Counters Connection::counters() const noexcept {
  state().settle_broadcasts();
  return state().counters();
}
std::size_t Connection::unsent_bytes() const noexcept {
  state().settle_broadcasts();
  return state().queued_bytes();
}
int Connection::descriptor() const noexcept { return state().descriptor(); }
Loop& Connection::loop() const noexcept { return state().loop(); }
void Connection::set_framing(Framing receive, Framing send) noexcept {
  state().set_framing(receive, send);
}

}  // namespace hallway
