// SPDX-License-Identifier: Apache-2.0
#include "message/connection/connection_state.hpp"

#include <algorithm>
#include <cassert>
#include <new>

#include "sys/file.hpp"

namespace hallway::detail {

class ConnectionState::Deadline : public Timer {
 public:
  explicit Deadline(ConnectionState& state) : state_(state) {}

 private:
  void fire() override { state_.give_up_receiving(); }

  ConnectionState& state_;
};

class ConnectionState::Clock : public Timer {
 public:
  explicit Clock(ConnectionState& state) : state_(state) {}

 private:
  void fire() override {
    state_.or_end([this] { state_.check_clocks(); });
  }

  ConnectionState& state_;
};

Result<Connection> ConnectionState::open(Loop& loop, Descriptor socket, const Peer& peer,
                                         std::shared_ptr<const ConnectionConfig> config,
                                         std::shared_ptr<ConnectionObserver> observer) {
  std::unique_ptr<ConnectionState> state(
      new ConnectionState(loop, std::move(socket), peer, std::move(config)));
  auto watched = state->watch(loop.core(), state->descriptor(), sys::event_readable);
  if (!watched) return std::unexpected(watched.error());
  const Limits& limits = state->config().options.limits;
  if (limits.handshake_time > Duration::zero()) state->waits().opened_at = Loop::Clock::now();
  if (limits.handshake_time > Duration::zero() || limits.idle_time > Duration::zero()) {
    state->start_clock();
  }
  // Last: the observer is notified only of the end of a connection that was opened.
  if (observer) state->kept_.emplace(observer->account(), core::Quota::memory);
  state->observer_ = std::move(observer);
  return Connection(state.release());
}

ConnectionState::ConnectionState(Loop& loop, Descriptor socket, const Peer& peer,
                                 std::shared_ptr<const ConnectionConfig> config)
    : ConnectionCore(std::move(socket), peer, std::move(config), loop.core().buffers()),
      loop_(&loop) {}

ConnectionState::~ConnectionState() {
  kept_.reset();  // the account ends with the slot
  send_buffer_.reset();
  if (observer_ && !finished_) observer_->connection_ended(*this, "closed here");
  if (receiving_ != nullptr) receiving_->wait_->over = true;
  if (waits_) {
    for (Connection::Send* send : waits_->senders) send->rest_->waiting = false;
    for (Connection::Send* send : waits_->flushers) send->rest_->waiting = false;
  }
  LoopCore::cancel_flush(*this);
}

template <typename Action>
void ConnectionState::or_end(Action action) noexcept {
  try {
    action();
  } catch (const std::bad_alloc&) {
    fail_out_of_memory();
    complete_with_end();
  }
}

// Receiving --------------------------------------------------------------------------------------

bool ConnectionState::begin_receive(Connection::Receive& receive) {
  assert(receiving_ == nullptr && "one task receives from a connection at a time");
  receiving_ = &receive;
  if (!yielded()) await_more();
  if (draining_ || yielded())
    core().schedule_flush(*this);  // continues at the end of the turn: flush_turn()
  if (receive.within_ != forever) {
    auto& deadline = waits().deadline;
    if (!deadline) deadline = std::make_unique<Deadline>(*this);
    deadline->start(core(), Loop::Clock::now() + receive.within_);
  }
  return true;
}

void ConnectionState::await_more() {
  release_buffer();
  note_kept();
  note_partial();
  note_asking();
  listening_ = true;
  update_events();
}

void ConnectionState::forget(const Connection::Receive& receive) noexcept {
  if (receiving_ != &receive) return;
  receiving_ = nullptr;
  if (waits_ && waits_->deadline) waits_->deadline->stop();
}

Received ConnectionState::try_receive() {
  std::optional<Received> received;
  if (next(received) || (yielded() && next(received)) || read_once(received)) {
    note_whole();
    return *received;
  }
  release_buffer();
  note_kept();
  note_partial();
  note_asking();
  const Running next_end = next_clock(true);
  if (next_end.until > core().now()) return {Outcome::would_block, Message(), this};
  // The time is over, unless the rest of the message is already in the socket.
  std::uint64_t before = 0;
  do {
    before = bytes_received();
    if (read_once(received)) {
      note_whole();
      return *received;
    }
  } while (bytes_received() != before);
  fail_with_timeout(next_end.reason);
  next(received);
  return *received;
}

void ConnectionState::ready(std::uint32_t events) {
  or_end([&] { handle(events); });
}

// In the middle of a message nothing is urgent: epoll reports when more of it has arrived.
bool ConnectionState::try_read_now() {
  if (receiving_ == nullptr || draining_ || has_partial()) return false;
  bool reports = true;
  or_end([&] { reports = read(); });
  return reports;
}

void ConnectionState::handle(std::uint32_t events) {
  const bool hung_up = (events & (sys::event_hangup | sys::event_error)) != 0;
  if (full_ && (hung_up || (events & sys::event_writable) != 0)) write();
  if (finished_ || (!hung_up && (events & sys::event_readable) == 0)) return;
  if (receiving_ != nullptr) {
    read();
  } else {
    // The watch ends now, not when the last message was taken: most tasks call receive() again
    // before the next event, which saves two system calls per message.
    listening_ = false;
    update_events();
  }
}

/// @return whether the outcome of the receive is now known
bool ConnectionState::read() {
  std::optional<Received> received;
  if (read_once(received)) {
    complete(*received);
    if (inbound_end() == Outcome::failed) complete_with_end();
    return true;
  }
  release_buffer();
  note_kept();
  note_partial();
  if (!draining_ || has_partial()) return false;
  // Between this check and the close, a peer could send data that would never be read. So its sends
  // are made to fail first (EPIPE, which it sees), and what arrived before that is still answered.
  if (shut_down_reading()) return read();
  complete(Received(Outcome::closed, Message(), this));
  return true;
}

bool ConnectionState::read_once(std::optional<Received>& received) {
  const bool short_of_room = kept_ && !kept_->may_grow();
  if (short_of_room && has_partial() && buffered_bytes() > bounds::fair_read) take_too_much();
  const bool shared = core().several_fds_active();
  const bool little = shared || short_of_room;
  if (fill(little ? bounds::fair_read : bounds::stream_read) == Fill::progress) note_activity();
  if (shared) yield();
  if (buffered_bytes() > bounds::fair_read) note_kept();
  return take(received);
}

/// Takes what the receiving task has asked for: a message, or a piece of one.
bool ConnectionState::take(std::optional<Received>& received) {
  return receiving_ != nullptr && receiving_->wait_->for_piece ? next_some(received)
                                                               : next(received);
}

/// The timeout of a receive has passed. Data that arrived within it counts, even if the loop was
/// busy with other work and has not read it yet.
void ConnectionState::give_up_receiving() {
  try {
    std::optional<Received> received;
    if (yielded() && take(received)) return complete(*received);
    read_what_arrived();
  } catch (const std::bad_alloc&) {
    // It stays in the socket, for the next receive.
  }
  complete(Received(Outcome::timed_out, Message(), this));
}

void ConnectionState::complete(const Received& received) {
  if (receiving_ == nullptr) return;
  Connection::Receive& receive = *std::exchange(receiving_, nullptr);
  if (waits_ && waits_->deadline) waits_->deadline->stop();
  if (received.outcome() != Outcome::timed_out) note_whole();
  receive.received_ = received;
  receive.wait_->over = true;
  core().schedule(receive.wait_->waiter);
}

// After a failure both directions have ended. All waiters are notified, and the socket is closed
// now rather than when the program closes it.
void ConnectionState::complete_with_end() {
  std::optional<Received> received;
  if (receiving_ != nullptr && take(received)) complete(*received);
  if (waits_) {
    complete_senders(waits_->senders, outbound_end());
    complete_senders(waits_->flushers, outbound_end());
  }
  closing_ = closing_ || inbound_end() == Outcome::failed;
  if (closing_) finish();
}

// Sending ----------------------------------------------------------------------------------------

bool ConnectionState::begin_send(Connection::Send& send) {
  if (send.rest_->kind == Unsent::Kind::flush) {
    before_queuing();
    or_end([this] { write(); });
    if (queue_empty() || outbound_end() != Outcome::ok) {
      send.outcome_ = outbound_end();
      return false;
    }
    waits().flushers.push_back(&send);
  } else {
    if (send.rest_->kind == Unsent::Kind::with_descriptors) {
      send.outcome_ = enqueue(send.rest_->message, *send.rest_->descriptors);
    }
    if (send.outcome_ != Outcome::would_block) return false;
    waits().senders.push_back(&send);
  }
  return true;
}

void ConnectionState::forget(const Connection::Send& send) noexcept {
  if (!waits_) return;
  std::erase(waits_->senders, &send);
  std::erase(waits_->flushers, &send);
}

Outcome ConnectionState::look_whether_confirmed() {
  before_queuing();
  const bool queued = queued_bytes() > 0 && outbound_end() == Outcome::ok;
  const Outcome outcome = queued ? Outcome::would_block : look_whether_read();
  if (outcome == Outcome::failed || outcome == Outcome::peer_gone) complete_with_end();
  return outcome;
}

bool ConnectionState::turn_is_over() const {
  return Loop::Clock::now() - core().now() > bounds::turn_share;
}

void ConnectionState::on_queued() {
  if (!closing_) core().schedule_flush(*this);
}

void ConnectionState::flush_turn() {
  end_turn();
  or_end([this] {
    write();
    if (yielded() && receiving_ != nullptr) {
      std::optional<Received> received;
      if (!take(received)) return await_more();
      return complete(*received);
    }
    // What has arrived is still received, one read per turn: a peer that keeps sending must not
    // keep the loop from noticing that the time is over.
    if (draining_ && receiving_ != nullptr) read();
  });
}

void ConnectionState::write() {
  if (finished_) return;
  const std::size_t before = queued_bytes();
  const Outcome outcome = flush();
  if (queued_bytes() != before) note_activity();
  note_kept();
  note_pressure(outcome);
  if (outcome != Outcome::ok && outcome != Outcome::would_block) complete_with_end();
  wake_senders();
  if (observer_ && config().options.full == Full::wait && !over_soft_limit() && !over_share()) {
    observer_->room_made();
  }
  if (!queue_empty() || finished_) return;
  if (waits_) complete_senders(waits_->flushers, outbound_end());
  if (half_closed_ && outbound_end() == Outcome::ok) {
    shut_down_writing();
    if (outbound_end() == Outcome::failed) complete_with_end();
  }
  if (closing_) finish();
}

void ConnectionState::note_pressure(Outcome outcome) {
  const bool refused = outcome == Outcome::would_block && resource_backoff().active();
  full_ = outcome == Outcome::would_block && !refused;
  update_events();
  if (refused) {
    waits().retry_at = Loop::Clock::now() + resource_backoff().pause();
  } else if (waits_) {
    waits_->retry_at = off;
  }
  // If there is no soft limit, the owner of the connection watches the queue.
  const bool has_limit = config().options.limits.outbound_soft != SIZE_MAX;
  const bool over = over_soft_limit() || (has_limit && over_share());
  if (over && waits().soft_since == off) waits_->soft_since = Loop::Clock::now();
  if (!over && waits_) waits_->soft_since = off;
  if (refused || over) start_clock();
}

// In order, and each with its own message: a sender that was only woken, and found the queue full
// again, would have lost its position.
void ConnectionState::wake_senders() {
  if (!waits_ || waits_->senders.empty()) return;
  before_queuing();  // may end this connection, and its waiters with it
  auto& senders = waits_->senders;
  while (!senders.empty()) {
    Connection::Send& send = *senders.front();
    Unsent& rest = *send.rest_;
    send.outcome_ = rest.kind == Unsent::Kind::plain ? append(rest.message)
                                                     : enqueue(rest.message, *rest.descriptors);
    if (send.outcome_ == Outcome::would_block) break;
    senders.erase(senders.begin());
    rest.waiting = false;
    core().schedule(rest.waiter);
  }
}

void ConnectionState::complete_senders(std::vector<Connection::Send*>& sends, Outcome outcome) {
  for (Connection::Send* send : sends) {
    send->outcome_ = outcome;
    send->rest_->waiting = false;
    core().schedule(send->rest_->waiter);
  }
  sends.clear();
}

bool ConnectionState::blocks_broadcast() const noexcept {
  return config().options.full == Full::wait && !closing_ && outbound_end() == Outcome::ok &&
         (over_soft_limit() || over_share());
}

void ConnectionState::note_blocking() {
  if (!closing_) core().schedule_flush(*this);
}

void ConnectionState::deliver(const SharedBytes& frame) noexcept {
  or_end([&] { queue_broadcast(frame); });
}

void ConnectionState::miss_broadcast() noexcept {
  fail_out_of_memory();
  complete_with_end();
}

void ConnectionState::queue_broadcast(const SharedBytes& frame) {
  if (closing_ || outbound_end() != Outcome::ok) return;
  // A sender with a larger SO_SNDBUF than ours can send packets that we cannot forward.
  if (!fits(frame.end - frame.begin)) {
    count_dropped();
    return;
  }
  const Limits& limits = config().options.limits;
  const std::size_t size = frame.end - frame.begin;
  const std::size_t after = queued_bytes() + size;
  const bool no_more = over_share();
  switch (config().options.full) {
    case Full::wait: break;
    case Full::drop_newest:
      if (after > limits.outbound_soft || no_more) {
        count_dropped();
        return;
      }
      break;
    case Full::drop_oldest: {
      // Over its share, the connection may only refill the space that it gives up.
      const std::size_t most =
          no_more ? std::min(limits.outbound_soft, queued_bytes()) : limits.outbound_soft;
      while (queued_bytes() + size > most && drop_oldest()) count_dropped();
      break;
    }
    case Full::disconnect:
      if (after > limits.outbound_hard) {
        return fail_with_timeout("it reads too slowly: the outbound queue reached its hard limit");
      }
      if (no_more) {
        return fail_with_timeout("it reads too slowly: its uid has as much waiting as it may");
      }
      break;
  }
  enqueue_shared(frame);
  if (send_blocked()) note_kept();
}

// Accounting -------------------------------------------------------------------------------------

/// Charges a server's connection for what it holds beyond bounds::connection. That is what the
/// kernel refused, with the rest of the chunk it is in, and a receive buffer with more than a fair
/// read, which then has as many pages as one read fills.
void ConnectionState::note_kept() noexcept {
  if (!kept_) return;
  const std::size_t unsent = send_blocked() && !queue_empty() ? queued_bytes() + bounds::chunk : 0;
  const std::size_t read = buffered_bytes();
  kept_->set(unsent + (read > bounds::fair_read ? std::max(read, bounds::stream_read) : 0));
}

// The kernel doubles the requested size (man 7 socket, SO_SNDBUF).

bool ConnectionState::may_raise_send_buffer(std::size_t bytes) noexcept {
  return !observer_ || observer_->account().has_left(core::Quota::send_buffers, 2 * bytes);
}

void ConnectionState::note_send_buffer(std::size_t bytes) noexcept {
  if (!observer_) return;
  send_buffer_.emplace(observer_->account(), core::Quota::send_buffers);
  send_buffer_->set(2 * bytes);
}

void ConnectionState::take_too_much() noexcept {
  fail([&] {
    return sys::failure(EMSGSIZE, "receive from", peer().to_string(),
                        "a message would make it keep more than its uid may",
                        "raise the server's limit of memory, or send less at once")
        .error();
  });
}

// Ending -----------------------------------------------------------------------------------------

void ConnectionState::half_close() {
  if (half_closed_ || closing_) return;
  before_queuing();
  half_closed_ = true;
  refuse_more();
  on_queued();
}

void ConnectionState::close(Outcome outcome) {
  if (closing_) return;
  before_queuing();
  if (closing_) return;  // a broadcast has ended it
  on_queued();
  closing_ = true;
  refuse_more();
  if (inbound_end() == Outcome::ok) end_inbound(outcome);
  complete(Received(outcome, Message(), this));
  if (waits_) complete_senders(waits_->senders, outcome);
  if (queue_empty()) {
    finish();
    return;
  }
  if (observer_) observer_->room_made();  // no broadcast waits for it any longer
  try {
    waits().active_at = Loop::Clock::now();  // the peer's time starts here
    start_clock();
  } catch (const std::bad_alloc&) {
    // Without a clock, the peer could take any time to read the rest.
    end_outbound(Outcome::closed);
    finish();
  }
}

void ConnectionState::abort() {
  close();
  if (finished_) return;
  end_outbound(Outcome::closed);
  if (waits_) complete_senders(waits_->flushers, Outcome::closed);
  finish();
}

Descriptor ConnectionState::release() {
  stop_watching();
  LoopCore::cancel_flush(*this);
  closing_ = finished_ = true;
  Descriptor socket = release_socket();
  // Restores the state of a new socket, which the next owner expects. These calls fail only for an
  // option that the kernel does not have, and then we did not change it either.
  (void)sys::set_nonblocking(socket.get(), false);
  (void)sys::allow_fd_passing(socket.get(), true);
  if (packets()) (void)sys::pass_credentials(socket.get(), false);
  if (observer_) observer_->connection_released();
  return socket;
}

void ConnectionState::detach() {
  close();
  orphaned_ = !finished_;
  if (orphaned_) {
    core().adopt(std::unique_ptr<Lingering>(this));
  } else {
    delete this;
  }
}

bool ConnectionState::move_to(Loop& loop) noexcept {
  const std::uint32_t events = Watch::events();
  stop_watching();
  loop_ = &loop;
  use_buffers(core().buffers());
  LoopCore::cancel_flush(*this);  // on a loop that runs no further turn
  core().schedule_flush(*this);
  Clock* clock = waits_ ? waits_->clock.get() : nullptr;
  if (clock != nullptr && clock->running()) clock->start(core(), clock->when());
  try {
    return watch(core(), descriptor(), events).has_value();
  } catch (const std::bad_alloc&) {
    return false;
  }
}

void ConnectionState::finish() noexcept {
  if (finished_) return;
  finished_ = true;
  stop_watching();
  LoopCore::cancel_flush(*this);
  if (waits_ && waits_->clock) waits_->clock->stop();
  close_socket();  // the receive buffer stays: a message in it may still be in use
  note_kept();
  send_buffer_.reset();
  if (waits_) complete_senders(waits_->flushers, outbound_end());
  if (observer_) {
    std::string reason;
    try {
      reason = reason_of_end();
    } catch (const std::bad_alloc&) {
      reason = "out of memory";  // short enough to need no allocation
    }
    observer_->connection_ended(*this, std::move(reason));
    observer_->room_made();
  }
  if (orphaned_) core().destroy_later(*this);
}

std::string ConnectionState::reason_of_end() const {
  for (const Outcome outcome : {inbound_end(), outbound_end()}) {
    if (outcome == Outcome::failed) return explain_outcome("", outcome).why();
  }
  switch (inbound_end()) {
    case Outcome::end_of_stream: return "the peer has finished";
    case Outcome::peer_gone: return "the peer reset the connection";
    default: break;
  }
  return outbound_end() == Outcome::peer_gone ? "the peer closed before it had read everything"
                                              : "closed here";
}

void ConnectionState::drain() noexcept {
  if (draining_) return;
  draining_ = true;
  or_end([this] {
    if (receiving_ != nullptr) read();
  });
}

// Watched events ---------------------------------------------------------------------------------

void ConnectionState::update_events() {
  set_events((listening_ ? sys::event_readable : 0U) | (full_ ? sys::event_writable : 0U));
}

// Clocks -----------------------------------------------------------------------------------------

// Clocks start at the current time, not at that of the turn: work of the program may have blocked
// the loop since, and that time must not count against the peer.

ConnectionState::Waits& ConnectionState::waits() {
  if (!waits_) waits_ = std::make_unique<Waits>();
  return *waits_;
}

void ConnectionState::note_partial() {
  if (!has_partial()) {
    note_whole();
  } else {
    if (waits().partial_since == off) waits_->partial_since = Loop::Clock::now();
    start_clock();
  }
}

void ConnectionState::note_whole() noexcept {
  if (waits_) waits_->partial_since = off;
}

void ConnectionState::note_activity() noexcept {
  if (waits_) waits_->active_at = Loop::Clock::now();
}

/// The program has processed the messages it was given, so from now on the peer is idle. A program
/// that asks again after a timeout of its own has processed none, and the idle time continues.
void ConnectionState::note_asking() {
  if (config().options.limits.idle_time <= Duration::zero()) return;
  if (waits().dealt_with != messages_received_) {
    waits_->dealt_with = messages_received_;
    waits_->active_at = Loop::Clock::now();
  }
  start_clock();
}

/// @param asking  whether a task wants the next message now. Otherwise no task waits for the rest
///                of it, which may already be in the kernel
ConnectionState::Running ConnectionState::next_clock(bool asking) const noexcept {
  Running next{off, ""};
  if (!waits_) return next;
  const auto consider = [&next](TimePoint since, Duration time, const char* reason) {
    if (since == off || time <= Duration::zero() || since + time >= next.until) return;
    next = {since + time, reason};
  };
  const Limits& limits = config().options.limits;
  if (asking) {
    consider(waits_->partial_since, limits.message_time,
             "a message took longer than its time to arrive whole");
  }
  if (messages_received_ == 0) {
    consider(waits_->opened_at, limits.handshake_time,
             "no whole message came within the handshake's time");
  }
  consider(waits_->soft_since, limits.outbound_soft_time,
           "it reads too slowly: the outbound queue stayed over its soft limit");
  // While the program processes a message, the peer is not expected to send.
  if (waits_->dealt_with == messages_received_) {
    consider(waits_->active_at, limits.idle_time, "nothing came or went within the idle time");
  }
  if (closing_) {
    consider(waits_->active_at, limits.outbound_soft_time,
             "it did not read the rest of what was sent");
  }
  return next;
}

void ConnectionState::start_clock() {
  if (waits().active_at == off) waits_->active_at = Loop::Clock::now();
  const TimePoint next = std::min(next_clock(receiving_ != nullptr).until, waits_->retry_at);
  if (next == off) return;
  auto& clock = waits_->clock;
  if (!clock) clock = std::make_unique<Clock>(*this);
  if (!clock->running() || clock->when() > next) clock->start(core(), next);
}

// A clock is not restarted when the times it watches advance: it fires, checks, and is set again.
// So it costs nothing for messages that keep coming.
void ConnectionState::check_clocks() {
  const TimePoint now = core().now();
  if (waits_->retry_at <= now) {
    waits_->retry_at = off;
    write();
    if (finished_) return;
  }
  if (next_clock(receiving_ != nullptr).until <= now) look_once_more();
  if (finished_) return;
  const Running next = next_clock(receiving_ != nullptr);
  if (next.until > now) {
    start_clock();
  } else {
    fail_with_timeout(next.reason);
  }
}

/// The loop may have been blocked by other work, or by many other ready sockets, and may not have
/// processed in time what this peer did.
void ConnectionState::look_once_more() {
  if (full_) write();
  read_what_arrived();
}

/// A message may take several reads: reads until it is whole, or the socket is empty. This is
/// bounded, because a message over max_message ends the connection.
void ConnectionState::read_what_arrived() {
  std::uint64_t before = 0;
  do {
    if (finished_ || receiving_ == nullptr) return;
    before = bytes_received();
  } while (!read() && bytes_received() != before);
}

void ConnectionState::fail_with_timeout(const char* reason) noexcept {
  fail([&] { return sys::failure(ETIMEDOUT, "talk to", peer().to_string(), reason).error(); });
  complete_with_end();
}

}  // namespace hallway::detail
