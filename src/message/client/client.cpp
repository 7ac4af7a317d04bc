// SPDX-License-Identifier: Apache-2.0
#include <hallway/client.hpp>

#include <algorithm>
#include <cerrno>

#include <hallway/deadline.hpp>

#include "loop/interruptible_wait.hpp"
#include "loop/spin.hpp"
#include "message/connection/connect.hpp"
#include "message/connection/connection_core.hpp"
#include "sys/event.hpp"

namespace hallway {

/// The blocking driver of a ConnectionCore: ConnectionState waits on a loop, this one polls.
class Client::State {
 public:
  State(message::Connected made, Interrupt* interrupt)
      : core_(std::move(made.socket), made.peer, std::move(made.config), buffers_),
        wait_(interrupt) {}

  [[nodiscard]] detail::ConnectionCore& core() noexcept { return core_; }

  Outcome wait_for(std::uint32_t events, const Deadline& deadline) {
    const auto ready = wait_.poll_one(core_.descriptor(), events, deadline.left());
    if (!ready && ready.error() == EINTR) return note_interruption();
    if (!ready) {
      core_.fail([&] {
        return sys::failure(ready.error(), "wait for", core_.peer().to_string()).error();
      });
      return Outcome::failed;
    }
    return *ready ? Outcome::ok : Outcome::timed_out;
  }

  Outcome flush_within(const Deadline& deadline) {
    while (true) {
      core_.end_turn();
      const Outcome written = core_.flush();
      if (written != Outcome::would_block) return written;
      if (core_.resource_backoff().active()) {
        if (deadline.passed()) return Outcome::timed_out;
        const Duration pause = std::min(core_.resource_backoff().pause(), deadline.left());
        if (!wait_.pause_for(pause)) return note_interruption();
        continue;
      }
      const Outcome waited = wait_for(sys::event_writable, deadline);
      if (waited != Outcome::ok) return waited;
    }
  }

  Sent send(ByteView message, std::vector<Descriptor> descriptors, const Deadline& deadline) {
    // Only a message that timed out partly written can still be queued.
    Outcome outcome = flush_within(deadline);
    if (outcome == Outcome::ok) outcome = core_.enqueue(message, descriptors);
    if (outcome == Outcome::ok) outcome = flush_within(deadline);
    return sent(outcome);
  }

  Sent confirm(const Deadline& deadline) {
    Outcome outcome = flush_within(deadline);
    if (outcome == Outcome::closed) outcome = Outcome::ok;  // half-closed: all of it was written
    core::Backoff pauses = detail::read_pauses;
    while (outcome == Outcome::ok) {
      outcome = core_.check_peer_has_read();
      if (outcome != Outcome::would_block) break;
      if (deadline.passed()) return sent(Outcome::timed_out);
      const Duration pause = std::min(pauses.next(), deadline.left());
      outcome = wait_.pause_for(pause) ? Outcome::ok : note_interruption();
    }
    return sent(outcome);
  }

  Received receive(const Deadline& deadline) {
    std::optional<Received> received;
    while (!(core_.find(received) || core_.take(received))) {
      auto filled = core_.fill();
      const auto poll = [&] {
        filled = core_.fill();
        return filled != detail::ConnectionCore::Fill::would_block;
      };
      if (filled != detail::ConnectionCore::Fill::would_block || spin_.poll(poll, deadline.left()))
        continue;
      core_.halves().receive.release_buffer();
      const Outcome waited = wait_for(sys::event_readable, deadline);
      spin_.note_woken(waited == Outcome::ok);
      if (waited == Outcome::timed_out) return Received(core_.reason(waited));
      if (std::exchange(interrupted_, false)) {
        return Received(core_.interrupted("receive from", false));
      }
    }
    return std::move(*received);
  }

  // No other task waits for its turn, so the clock is put off.
  std::size_t take_buffered(std::span<Message> room) {
    detail::ReceiveHalf& half = core_.halves().receive;
    std::size_t taken = 0;
    std::size_t found = 0;
    do {
      half.postpone_clock();
      found = half.take_buffered(room.subspan(taken));
      taken += found;
    } while (found > 0);
    return taken;
  }

  void set_spin(std::optional<Duration> spin) noexcept { spin_.set(spin); }

  [[nodiscard]] Sent sent(Outcome outcome) noexcept {
    if (std::exchange(interrupted_, false)) return Sent(core_.interrupted("send to", true));
    return Sent(core_.reason(outcome));
  }

 private:
  // Not a failure of the connection, whose directions go on.
  Outcome note_interruption() noexcept {
    interrupted_ = true;
    return Outcome::failed;
  }

  core::BufferPools buffers_;
  detail::ConnectionCore core_;
  detail::Spin spin_;
  detail::InterruptibleWait wait_;
  bool interrupted_ = false;  // the current call
};

Result<Client> Client::connect(const AddressSpec& address, ConnectOptions options,
                               Interrupt* interrupt) {
  message::Connecting connecting(address, options);
  const detail::InterruptibleWait wait(interrupt);
  while (true) {
    auto tried = connecting.attempt();
    if (!tried) return std::unexpected(tried.error());
    if (*tried) return Client(std::make_unique<State>(std::move(**tried), interrupt));
    if (!wait.pause_for(connecting.pause())) return connecting.interrupted();
  }
}

Result<Client> Client::adopt(Descriptor socket, ConnectionOptions options, Interrupt* interrupt) {
  auto adopted = message::adopt_connected(std::move(socket), std::move(options));
  if (!adopted) return std::unexpected(adopted.error());
  return Client(std::make_unique<State>(std::move(*adopted), interrupt));
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

std::size_t Client::take_buffered(std::span<Message> room) { return state_->take_buffered(room); }

Received Client::request(ByteView message, Duration within) {
  const Deadline deadline(within);
  Sent sent = state_->send(message, {}, deadline);
  if (!sent) return Received(std::move(sent));
  return state_->receive(deadline);
}

void Client::half_close() {
  state_->core().refuse_more();
  state_->core().shut_down_writing();
  if (state_->core().outbound_end() == Outcome::failed) state_->core().close_socket();
}

void Client::close() {
  state_->core().end_outbound(Outcome::closed);
  state_->core().end_inbound(Outcome::closed);
  state_->core().close_socket();
}

const Peer& Client::peer() const noexcept { return state_->core().peer(); }
Result<std::vector<std::uint32_t>> Client::peer_groups() const {
  return Peer::groups_of(descriptor());
}
Result<Descriptor> Client::peer_pidfd() const { return Peer::pidfd_of(descriptor()); }
Result<PidStatus> Client::peer_identity() const { return Peer::identity_of(descriptor()); }
const Address& Client::address() const noexcept { return state_->core().config().address; }
SocketType Client::type() const noexcept { return state_->core().config().type; }
Counters Client::counters() const noexcept { return state_->core().counters(); }
int Client::descriptor() const noexcept { return state_->core().descriptor(); }
void Client::set_spin(std::optional<Duration> spin) noexcept { state_->set_spin(spin); }
void Client::set_framing(Framing receive, Framing send) noexcept {
  state_->core().set_framing(receive, send);
}

}  // namespace hallway
