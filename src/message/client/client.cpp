// SPDX-License-Identifier: Apache-2.0
#include <hallway/client.hpp>

#include <algorithm>

#include "core/deadline.hpp"
#include "loop/spin.hpp"
#include "message/connection/connect.hpp"
#include "message/connection/connection_core.hpp"
#include "sys/event.hpp"

namespace hallway {

namespace {

using core::Deadline;

/// A base class, so that the pool is constructed before the ConnectionCore and destroyed after it.
struct OwnPool {
  core::BufferPools pool;
};

}  // namespace

/// The blocking driver of a ConnectionCore: ConnectionState waits on a loop, this one polls.
class Client::State : private OwnPool, public detail::ConnectionCore {
 public:
  explicit State(message::Connected made)
      : ConnectionCore(std::move(made.socket), made.peer, std::move(made.config), pool) {}

  Outcome wait_for(std::uint32_t events, const Deadline& deadline) {
    const auto ready = sys::poll_one(descriptor(), events, deadline.left());
    if (!ready) {
      fail([&] { return sys::failure(ready.error(), "wait for", peer().to_string()).error(); });
      return Outcome::failed;
    }
    return *ready ? Outcome::ok : Outcome::timed_out;
  }

  Outcome flush_within(const Deadline& deadline) {
    while (true) {
      end_turn();
      const Outcome written = flush();
      if (written != Outcome::would_block) return written;
      if (resource_backoff().active()) {
        if (deadline.left() == Duration::zero()) return Outcome::timed_out;
        sys::pause_for(std::min(resource_backoff().pause(), deadline.left()));
        continue;
      }
      const Outcome waited = wait_for(sys::event_writable, deadline);
      if (waited != Outcome::ok) return waited;
    }
  }

  Sent send(ByteView message, std::vector<Descriptor> descriptors, const Deadline& deadline) {
    // Only a message that timed out partly written can still be queued.
    Outcome outcome = flush_within(deadline);
    if (outcome == Outcome::ok) outcome = enqueue(message, descriptors);
    if (outcome == Outcome::ok) outcome = flush_within(deadline);
    return {outcome, this};
  }

  Sent confirm(const Deadline& deadline) {
    Outcome outcome = flush_within(deadline);
    if (outcome == Outcome::closed) outcome = Outcome::ok;  // half-closed: all of it was written
    detail::ReadPause pause;
    while (outcome == Outcome::ok) {
      outcome = look_whether_read();
      if (outcome != Outcome::would_block) break;
      if (deadline.left() == Duration::zero()) return {Outcome::timed_out, this};
      sys::pause_for(std::min(pause.next(), deadline.left()));
      outcome = Outcome::ok;
    }
    return {outcome, this};
  }

  Received receive(const Deadline& deadline, bool some = false) {
    std::optional<Received> received;
    while (!(some ? next_some(received) : next(received))) {
      Fill filled = fill();
      const auto poll = [&] {
        filled = fill();
        return filled != Fill::would_block;
      };
      if (filled != Fill::would_block || spin_.poll(poll, deadline.left())) continue;
      release_buffer();
      const Outcome waited = wait_for(sys::event_readable, deadline);
      spin_.note_woken(waited == Outcome::ok);
      if (waited == Outcome::timed_out) return {waited, Message(), this};
    }
    return *received;
  }

  void set_spin(std::optional<Duration> spin) noexcept { spin_.set(spin); }

 private:
  detail::Spin spin_;
};

Result<Client> Client::connect(const AddressSpec& address, ConnectOptions options) {
  message::Connecting connecting(address, options);
  while (true) {
    auto tried = connecting.attempt();
    if (!tried) return std::unexpected(tried.error());
    if (*tried) return Client(std::make_unique<State>(std::move(**tried)));
    sys::pause_for(connecting.pause());
  }
}

Result<Client> Client::adopt(Descriptor socket, ConnectionOptions options) {
  auto adopted = message::adopt_connected(std::move(socket), std::move(options));
  if (!adopted) return std::unexpected(adopted.error());
  return Client(std::make_unique<State>(std::move(*adopted)));
}

Client::Client(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;
Client::~Client() = default;

Sent Client::send(ByteView message, Duration within) {
  return state_->send(message, {}, Deadline(within));
}

Sent Client::send(ByteView message, std::vector<Descriptor> descriptors, Duration within) {
  return state_->send(message, std::move(descriptors), Deadline(within));
}

Sent Client::send(ByteView message, Descriptor descriptor, Duration within) {
  std::vector<Descriptor> descriptors;
  descriptors.push_back(std::move(descriptor));
  return send(message, std::move(descriptors), within);
}

Sent Client::confirm(Duration within) { return state_->confirm(Deadline(within)); }

Received Client::receive(Duration within) { return state_->receive(Deadline(within)); }

Received Client::receive_some(Duration within) { return state_->receive(Deadline(within), true); }

Received Client::request(ByteView message, Duration within) {
  const Deadline deadline(within);
  const Sent sent = state_->send(message, {}, deadline);
  if (!sent) return {sent.outcome(), Message(), state_.get()};
  return state_->receive(deadline);
}

void Client::half_close() {
  state_->refuse_more();
  state_->shut_down_writing();
  if (state_->outbound_end() == Outcome::failed) state_->close_socket();
}

void Client::close() {
  state_->end_outbound(Outcome::closed);
  state_->end_inbound(Outcome::closed);
  state_->close_socket();
}

const Peer& Client::peer() const noexcept { return state_->peer(); }
Result<std::vector<std::uint32_t>> Client::peer_groups() const {
  return Peer::groups_of(descriptor());
}
Result<Descriptor> Client::peer_pidfd() const { return Peer::pidfd_of(descriptor()); }
Result<PidStatus> Client::peer_identity() const { return Peer::identity_of(descriptor()); }
const Address& Client::address() const noexcept { return state_->config().address; }
SocketType Client::type() const noexcept { return state_->config().type; }
Counters Client::counters() const noexcept { return state_->counters(); }
int Client::descriptor() const noexcept { return state_->descriptor(); }
void Client::set_spin(std::optional<Duration> spin) noexcept { state_->set_spin(spin); }
void Client::set_framing(Framing receive, Framing send) noexcept {
  state_->set_framing(receive, send);
}

}  // namespace hallway
