// SPDX-License-Identifier: Apache-2.0
#include <hallway/connection.hpp>
#include <hallway/deadline.hpp>
#include <hallway/detail/race.hpp>

#include <algorithm>
#include <memory>

#include "message/connection/connect.hpp"
#include "message/connection/connection_state.hpp"
#include "net/resolve.hpp"
#include "net/socket_type.hpp"
#include "sys/socket.hpp"

namespace hallway {

using detail::ConnectionState;

// Where the inline paths do not suffice -----------------------------------------------------------

namespace detail {

// NOLINTBEGIN(readability-make-member-function-const): the state changes the halves.
bool ConnectionHalves::take_next(std::optional<Received>& received) {
  return state->take_next(received);
}
Outcome ConnectionHalves::enqueue_slowly(ByteView message) {
  return state->enqueue_slowly(message);
}
// NOLINTEND(readability-make-member-function-const)
Reason ConnectionHalves::reason(Outcome outcome) const noexcept { return core.reason(outcome); }

}  // namespace detail

// Awaitables -------------------------------------------------------------------------------------

bool Connection::Receive::take_next() { return halves_->take_next(wait_.emplace().received); }

void Connection::Receive::forget() noexcept { halves_->state->forget(*this); }

bool Connection::Receive::begin(std::coroutine_handle<> awaiting, bool for_answer) {
  wait_->waiter.coroutine = awaiting;
  wait_->waiting = true;
  wait_->for_answer = for_answer;
  return halves_->state->begin_receive(*this);
}

Connection::Send::Send(detail::ConnectionHalves& halves, ByteView message,
                       std::vector<Descriptor> descriptors)
    : halves_(&halves) {
  detail::Unsent& rest = rest_.emplace();
  rest.message = message;
  rest.descriptors = std::make_unique<std::vector<Descriptor>>(std::move(descriptors));
  rest.kind = detail::Unsent::Kind::with_descriptors;
}

Connection::Send::Send(detail::ConnectionHalves& halves, FlushOnly /*only*/) : halves_(&halves) {
  rest_.emplace().kind = detail::Unsent::Kind::flush;
}

void Connection::Send::enqueue_slowly(const ByteView& message) {
  const Outcome outcome = halves_->enqueue_slowly(message);
  if (outcome == Outcome::ok) return;
  detail::Unsent& rest = rest_.emplace();
  rest.message = message;
  rest.over = outcome != Outcome::would_block;
  if (rest.over) rest.sent = Sent(halves_->reason(outcome));
}

void Connection::Send::forget() const noexcept {
  if (rest_->waiting) halves_->state->forget(*this);
}

bool Connection::Send::begin(std::coroutine_handle<> awaiting) {
  rest_->waiter.coroutine = awaiting;
  rest_->waiting = halves_->state->begin_send(*this);
  return rest_->waiting;
}

// Connection -------------------------------------------------------------------------------------

// A coroutine: its parameters are passed by value and live in its frame.
Task<Result<Connection>> Connection::connect(Loop& loop, AddressSpec address,
                                             ConnectOptions options) {
  message::Connecting connecting(address, options);
  const bool drains = loop.draining();
  while (true) {
    auto tried = connecting.attempt();
    if (!tried) co_return std::unexpected(tried.error());
    if (*tried) {
      message::Connected& made = **tried;
      co_return ConnectionState::open(loop, std::move(made.socket), made.peer,
                                      std::move(made.config));
    }
    // A drain ends the wait. What connects while the loop drains already finishes something else.
    if (drains) {
      co_await detail::Pause(connecting.pause());
      continue;
    }
    const Outcome slept = co_await loop.sleep(connecting.pause());
    if (slept != Outcome::ok) co_return connecting.canceled();
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

Connection::Connection(detail::ConnectionState* state) noexcept
    : halves_(&state->core().halves()) {}

Connection& Connection::operator=(Connection&& other) noexcept {
  if (this == &other) return *this;
  end();
  halves_ = std::exchange(other.halves_, nullptr);
  return *this;
}

Connection::~Connection() { end(); }

void Connection::end() noexcept {
  if (halves_ == nullptr) return;
  detail::end_borrowers(halves_->borrowed_by);
  state().detach();
}

ConnectionState& Connection::state() const noexcept { return *halves_->state; }

Received Connection::try_receive() { return state().try_receive(); }

Connection::Send Connection::send(ByteView message, std::vector<Descriptor> descriptors) {
  return {*halves_, message, std::move(descriptors)};
}

Connection::Send Connection::send(ByteView message, Descriptor descriptor) {
  std::vector<Descriptor> descriptors;
  descriptors.push_back(std::move(descriptor));
  return send(message, std::move(descriptors));
}

Sent Connection::try_send(ByteView message) {
  return Sent(halves_->reason(halves_->enqueue(message)));
}

Connection::Send Connection::flush() { return {*halves_, Send::FlushOnly{}}; }

Task<Sent> Connection::confirm(Duration within) {
  const Deadline deadline(within);
  core::Backoff pauses = detail::read_pauses;
  Outcome outcome = state().check_confirmed();
  while (outcome == Outcome::would_block && !deadline.passed()) {
    co_await detail::Pause(std::min(pauses.next(), deadline.left()));
    outcome = state().check_confirmed();
  }
  if (outcome == Outcome::would_block) outcome = Outcome::timed_out;
  co_return Sent(halves_->reason(outcome));
}

namespace {

/// The answer to a request, which draining does not cut off.
class [[nodiscard]] Answer : public Connection::Receive {
 public:
  using Receive::Receive;
  template <typename Promise>
  bool await_suspend(std::coroutine_handle<Promise> awaiting,
                     std::source_location where = std::source_location::current()) {
    detail::note_wait(awaiting, where);
    return begin(awaiting, true);
  }
};

}  // namespace

Task<Received> Connection::request(ByteView message, Duration within) {
  Sent sent = co_await send(message);
  if (!sent) co_return Received(std::move(sent));
  co_return co_await Answer(*halves_, within);
}

bool Connection::Broadcast::await_ready() {
  detail::ConnectionObserver* observer = from_->state().observer();
  return observer == nullptr || observer->broadcast_batched(message_, &from_->state());
}
Task<> Connection::Broadcast::begin() {
  return from_->state().observer()->broadcast(message_, &from_->state());
}

void Connection::half_close() { state().half_close(); }
void Connection::close() { state().close(); }
void Connection::abort() { state().abort(); }

Descriptor Connection::release() && {
  ConnectionState* released = &state();
  Descriptor socket = released->release();
  detail::end_borrowers(halves_->borrowed_by);
  halves_ = nullptr;
  delete released;
  return socket;
}

const Peer& Connection::peer() const noexcept { return state().core().peer(); }
Result<std::vector<std::uint32_t>> Connection::peer_groups() const {
  return Peer::groups_of(descriptor());
}
Result<Descriptor> Connection::peer_pidfd() const { return Peer::pidfd_of(descriptor()); }
Result<PidStatus> Connection::peer_identity() const { return Peer::identity_of(descriptor()); }
const Address& Connection::address() const noexcept { return state().core().config().address; }
SocketType Connection::type() const noexcept { return state().core().config().type; }
std::uint64_t Connection::number() const noexcept {
  const detail::ConnectionObserver* observer = state().observer();
  return observer == nullptr ? 0 : observer->number();
}
Counters Connection::counters() const noexcept {
  state().settle_broadcasts();
  return state().core().counters();
}
std::size_t Connection::unsent_bytes() const noexcept {
  state().settle_broadcasts();
  return state().core().queued_bytes();
}
int Connection::descriptor() const noexcept { return state().core().descriptor(); }
Loop& Connection::loop() const noexcept { return state().loop(); }
void Connection::set_framing(Framing receive, Framing send) noexcept {
  state().set_framing(receive, send);
}

}  // namespace hallway
