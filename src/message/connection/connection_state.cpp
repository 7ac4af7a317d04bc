// SPDX-License-Identifier: Apache-2.0
#include "message/connection/connection_state.hpp"

#include <algorithm>
#include <cassert>
#include <new>

#include "sys/file.hpp"

namespace hallway::detail {

namespace {

constexpr const char* closed_by_us = "closed by this server";  // only servers observe connections

}  // namespace

Result<Connection> ConnectionState::open(Loop& loop, Descriptor socket, const Peer& peer,
                                         std::shared_ptr<const ConnectionConfig> config,
                                         std::shared_ptr<ConnectionObserver> observer) {
  std::unique_ptr<ConnectionState> state(
      new ConnectionState(loop, std::move(socket), peer, std::move(config)));
  auto watched = state->watch(loop.core(), state->core_.descriptor(), sys::event_readable);
  if (!watched) return std::unexpected(watched.error());
  const Limits& limits = state->limits();
  if (limits.handshake_time > Duration::zero()) state->waits().opened_at = Loop::Clock::now();
  if (limits.handshake_time > Duration::zero() || limits.idle_time > Duration::zero()) {
    state->start_clock();
  }
  // Last: the observer is notified only of the end of a connection that was opened.
  if (observer) state->core_.charge_to(observer->account());
  state->observer_ = std::move(observer);
  if (!state->observer_) state->end_with_drain();
  return Connection(state.release());
}

void ConnectionState::end_with_drain() {
  on_drain_ = loop_->on_drain([this] {
    loop_drains_ = true;
    if (receiving_ != nullptr && !receiving_->wait_->for_answer) drain();
  });
}

void ConnectionState::keep_while_draining() noexcept {
  loop_drains_ = false;
  on_drain_ = {};
}

ConnectionState::ConnectionState(Loop& loop, Descriptor socket, const Peer& peer,
                                 std::shared_ptr<const ConnectionConfig> config)
    : loop_(&loop),
      core_(std::move(socket), peer, std::move(config), loop.core().buffers(), this) {}

ConnectionState::~ConnectionState() {
  if (observer_ && !finished_) observer_->connection_ended(*this, closed_by_us);
  if (receiving_ != nullptr) receiving_->wait_->waiting = false;
  if (core_.halves().completed != nullptr) core_.halves().completed->waiting = false;
  if (waits_) {
    for (Connection::Send* send : waits_->senders) send->rest_->waiting = false;
    for (Connection::Send* send : waits_->flushers) send->rest_->waiting = false;
  }
  stop_watching();  // before core_ closes the socket
}

template <typename Action>
void ConnectionState::end_if_out_of_memory(Action action) noexcept {
  try {
    action();
  } catch (const std::bad_alloc&) {
    core_.fail_out_of_memory();
    complete_with_end();
  }
}

// Receiving --------------------------------------------------------------------------------------

bool ConnectionState::begin_receive(Connection::Receive& receive) {
  assert(receiving_ == nullptr && "one task receives from a connection at a time");
  receiving_ = &receive;
  if (loop_drains_ && !receive.wait_->for_answer) draining_ = true;
  if (!yielded_) await_more();
  // Continues at the end of the turn: flush_turn().
  if (draining_ || yielded_) loop_core().schedule_flush(*this);
  if (receive.within_ != forever) {
    auto& deadline = waits().deadline;
    if (!deadline) deadline = make_timer([this] { give_up_receiving(); });
    deadline->start_after(loop_core(), receive.within_);
  }
  return true;
}

void ConnectionState::await_more() {
  release_buffer();
  note_asking();
  watches_readable_ = true;
  update_events();
}

/// No whole message is buffered.
void ConnectionState::release_buffer() {
  core_.halves().receive.release_buffer();
  core_.update_memory_charge();
  note_partial();
}

void ConnectionState::forget(Connection::Receive& receive) noexcept {
  if (core_.halves().completed == &*receive.wait_) {
    core_.halves().completed = nullptr;
    // It was to continue, and has been cancelled: its message is for the next receive.
    end_if_out_of_memory([&] { give_back(std::move(*receive.wait_->received)); });
  }
  if (receiving_ != &receive) return;
  receiving_ = nullptr;
  if (waits_ && waits_->deadline) waits_->deadline->stop();
}

Received ConnectionState::try_receive() {
  std::optional<Received> received;
  if (next(received) || (yielded_ && next(received)) || read_once(received)) {
    note_whole();
    return std::move(*received);
  }
  release_buffer();
  note_asking();
  const Running next_end = next_clock(true);
  if (next_end.until > loop_core().now()) return without_message(Outcome::would_block);
  // The time is over, unless the rest of the message is already in the socket.
  std::uint64_t before = 0;
  do {
    before = core_.halves().receive.bytes();
    if (read_once(received)) {
      note_whole();
      return std::move(*received);
    }
  } while (core_.halves().receive.bytes() != before);
  fail_with_timeout(next_end.reason);
  next(received);
  return std::move(*received);
}

void ConnectionState::ready(std::uint32_t events) {
  end_if_out_of_memory([&] { handle(events); });
}

// In the middle of a message nothing is urgent: epoll reports when more of it has arrived.
bool ConnectionState::try_read_now() {
  if (receiving_ == nullptr || draining_ || core_.has_partial()) return false;
  bool reports = true;
  end_if_out_of_memory([&] { reports = read(); });
  return reports;
}

void ConnectionState::handle(std::uint32_t events) {
  const bool hung_up = (events & (sys::event_hangup | sys::event_error)) != 0;
  if (watches_writable_ && (hung_up || (events & sys::event_writable) != 0)) write();
  if (finished_ || (!hung_up && (events & sys::event_readable) == 0)) return;
  if (receiving_ != nullptr) {
    read();
  } else {
    // The watch ends now, not when the last message was taken: most tasks call receive() again
    // before the next event, which saves two system calls per message.
    watches_readable_ = false;
    update_events();
  }
}

/// Precondition: a task receives.
/// @return whether the outcome of the receive is now known
bool ConnectionState::read() {
  std::optional<Received>& received = receiving_->wait_->received;
  // One that has yielded has a message in the buffer, which reading on would move.
  if ((yielded_ && next(received)) || read_once(received)) {
    complete();
    if (core_.inbound_end() == Outcome::failed) complete_with_end();
    return true;
  }
  release_buffer();
  if (!draining_ || core_.has_partial()) return false;
  // Between this check and the close, a peer could send data that would never be read. So its sends
  // are made to fail first (EPIPE, which it sees), and what arrived before that is still answered.
  if (core_.shut_down_reading()) return read();
  complete_with(without_message(Outcome::closed));
  return true;
}

bool ConnectionState::read_once(std::optional<Received>& received) {
  ReceiveHalf& half = core_.halves().receive;
  const bool short_of_room = !core_.may_hold_more();
  if (short_of_room && half.has_partial() && half.buffered_bytes() > bounds::fair_read) {
    fail_over_share();
  }
  const bool shared = loop_core().several_fds_active();
  const bool little = shared || short_of_room;
  const auto filled = core_.fill(little ? bounds::fair_read : bounds::stream_read);
  if (filled == ConnectionCore::Fill::progress) note_activity();
  if (shared) half.yield();
  if (half.buffered_bytes() > bounds::fair_read) core_.update_memory_charge();
  return next(received);
}

bool ConnectionState::next(std::optional<Received>& received) {
  return core_.find(received) || take_next(received);
}

bool ConnectionState::take_next(std::optional<Received>& received) {
  if (waits_ && waits_->returned) [[unlikely]]
    if (take_returned(received)) return true;
  return !must_yield() && core_.take(received);
}

void ConnectionState::give_back(Received received) {
  if (!received) return;
  waits().returned = std::move(received);
  core_.halves().receive.look_up();
}

bool ConnectionState::take_returned(std::optional<Received>& received) {
  auto returned = std::exchange(waits_->returned, std::nullopt);
  const Outcome end = core_.inbound_end();
  const bool discarded = end == Outcome::closed || end == Outcome::failed;
  if (!discarded) received = std::move(returned);
  return !discarded;
}
/// Whether the task has used up its share of this turn, although more is buffered.
bool ConnectionState::must_yield() {
  yielded_ = core_.halves().receive.clock_is_due() &&
             Loop::Clock::now() - loop_core().now() > bounds::turn_share;
  return yielded_;
}

/// The timeout of a receive has passed. Data that arrived within it counts, even if the loop was
/// busy with other work and has not read it yet.
void ConnectionState::give_up_receiving() {
  try {
    std::optional<Received> received;
    if (yielded_ && next(received)) return complete_with(std::move(*received));
    read_what_arrived();
  } catch (const std::bad_alloc&) {
    // It stays in the socket, for the next receive.
  }
  complete_with(without_message(Outcome::timed_out));
}

void ConnectionState::fail_over_share() noexcept {
  core_.fail([&] {
    return sys::failure(EMSGSIZE, "receive from", core_.peer().to_string(),
                        "the message does not fit into the uid's share of memory",
                        "raise the server's memory limit, or send less at once")
        .error();
  });
}

void ConnectionState::complete_with(Received received) {
  if (receiving_ == nullptr) return;
  receiving_->wait_->received = std::move(received);
  complete();
}

/// Its result is known: the receive continues.
void ConnectionState::complete() {
  Wait& wait = *std::exchange(receiving_, nullptr)->wait_;
  if (waits_) {
    if (waits_->deadline) waits_->deadline->stop();
    if (wait.received->outcome() != Outcome::timed_out) note_whole();
  }
  core_.halves().completed = &wait;
  loop_core().schedule(wait.waiter);
}

// After a failure both directions have ended. All waiters are notified, and the socket is closed
// now rather than when the program closes it.
void ConnectionState::complete_with_end() {
  std::optional<Received> received;
  if (receiving_ != nullptr && next(received)) complete_with(std::move(*received));
  if (waits_) {
    complete_senders(waits_->senders, core_.outbound_end());
    complete_senders(waits_->flushers, core_.outbound_end());
  }
  closing_ = closing_ || core_.inbound_end() == Outcome::failed;
  if (closing_) finish();
}

// Sending ----------------------------------------------------------------------------------------

bool ConnectionState::begin_send(Connection::Send& send) {
  if (send.rest_->kind == Unsent::Kind::flush) {
    settle_broadcasts();
    end_if_out_of_memory([this] { write(); });
    if (core_.queue_empty() || core_.outbound_end() != Outcome::ok) {
      send.rest_->sent = Sent(core_.reason(core_.outbound_end()));
      return false;
    }
    waits().flushers.push_back(&send);
  } else {
    if (send.rest_->kind == Unsent::Kind::with_descriptors) {
      const Outcome outcome = enqueue(send.rest_->message, *send.rest_->descriptors);
      if (outcome != Outcome::would_block) {
        send.rest_->sent = Sent(core_.reason(outcome));
        return false;
      }
    }
    waits().senders.push_back(&send);
  }
  return true;
}

void ConnectionState::forget(const Connection::Send& send) noexcept {
  if (!waits_) return;
  std::erase(waits_->senders, &send);
  std::erase(waits_->flushers, &send);
}

Outcome ConnectionState::check_confirmed() {
  settle_broadcasts();
  const bool queued = core_.queued_bytes() > 0 && core_.outbound_end() == Outcome::ok;
  const Outcome outcome = queued ? Outcome::would_block : core_.check_peer_has_read();
  if (outcome == Outcome::failed || outcome == Outcome::peer_gone) complete_with_end();
  return outcome;
}

/// Runs an action that queues a message, and schedules a flush.
template <typename Action>
Outcome ConnectionState::enqueue_by(Action action) {
  settle_broadcasts();
  const bool was_full = core_.over_soft_limit();
  const Outcome outcome = action();
  // A full queue is already being written, and its clock runs. If a sender has to wait for another
  // reason, neither is certain.
  if (outcome != Outcome::would_block || !was_full) schedule_flush();
  return outcome;
}

Outcome ConnectionState::enqueue_slowly(ByteView message) {
  return enqueue_by([&] { return core_.enqueue(message); });
}

Outcome ConnectionState::enqueue(ByteView message, std::vector<Descriptor>& descriptors) {
  return enqueue_by([&] { return core_.enqueue(message, descriptors); });
}

void ConnectionState::enqueue_shared(const SharedBytes& frames) {
  if (core_.enqueue_shared(frames)) schedule_flush();
}

void ConnectionState::set_framing(Framing receive, Framing send) noexcept {
  settle_broadcasts();
  core_.set_framing(receive, send);
}

void ConnectionState::schedule_flush() {
  if (!closing_) loop_core().schedule_flush(*this);
}

void ConnectionState::flush_turn() {
  core_.end_turn();
  end_if_out_of_memory([this] {
    write();
    if (yielded_ && receiving_ != nullptr) {
      std::optional<Received> received;
      if (!next(received)) return await_more();
      return complete_with(std::move(*received));
    }
    // What has arrived is still received, one read per turn: a peer that keeps sending must not
    // keep the loop from noticing that the time is over.
    if (draining_ && receiving_ != nullptr) read();
  });
}

void ConnectionState::write() {
  if (finished_) return;
  const std::size_t before = core_.queued_bytes();
  const Outcome outcome = core_.flush();
  if (core_.queued_bytes() != before) note_activity();
  core_.update_memory_charge();
  note_pressure(outcome);
  if (outcome != Outcome::ok && outcome != Outcome::would_block) complete_with_end();
  wake_senders();
  if (observer_ && core_.config().options.overflow == OverflowPolicy::wait &&
      !core_.over_soft_limit() && !core_.over_share()) {
    observer_->room_made();
  }
  if (!core_.queue_empty() || finished_) return;
  if (waits_) complete_senders(waits_->flushers, core_.outbound_end());
  if (half_closed_ && core_.outbound_end() == Outcome::ok) {
    core_.shut_down_writing();
    if (core_.outbound_end() == Outcome::failed) complete_with_end();
  }
  if (closing_) finish();
}

void ConnectionState::note_pressure(Outcome outcome) {
  const bool refused = outcome == Outcome::would_block && core_.resource_backoff().active();
  watches_writable_ = outcome == Outcome::would_block && !refused;
  update_events();
  if (refused) {
    waits().retry_at = Loop::Clock::now() + core_.resource_backoff().pause();
  } else if (waits_) {
    waits_->retry_at = off;
  }
  // If there is no soft limit, the owner of the connection watches the queue.
  const bool has_limit = limits().outbound_soft != SIZE_MAX;
  const bool over = core_.over_soft_limit() || (has_limit && core_.over_share());
  if (over && waits().soft_since == off) waits_->soft_since = Loop::Clock::now();
  if (!over && waits_) waits_->soft_since = off;
  if (refused || over) start_clock();
}

// In order, and each with its own message: a sender that was only woken, and found the queue full
// again, would have lost its position.
void ConnectionState::wake_senders() {
  if (!waits_ || waits_->senders.empty()) return;
  settle_broadcasts();  // may end this connection, and its waiters with it
  auto& senders = waits_->senders;
  while (!senders.empty()) {
    Connection::Send& send = *senders.front();
    Unsent& rest = *send.rest_;
    const Outcome outcome = rest.kind == Unsent::Kind::plain
                                ? enqueue(rest.message)
                                : enqueue(rest.message, *rest.descriptors);
    if (outcome == Outcome::would_block) break;
    senders.erase(senders.begin());
    rest.sent = Sent(core_.reason(outcome));
    rest.waiting = false;
    loop_core().schedule(rest.waiter);
  }
}

void ConnectionState::complete_senders(std::vector<Connection::Send*>& sends, Outcome outcome) {
  for (Connection::Send* send : sends) {
    send->rest_->sent = Sent(core_.reason(outcome));
    send->rest_->waiting = false;
    loop_core().schedule(send->rest_->waiter);
  }
  sends.clear();
}

bool ConnectionState::blocks_broadcast() const noexcept {
  return core_.config().options.overflow == OverflowPolicy::wait && !closing_ &&
         core_.outbound_end() == Outcome::ok && (core_.over_soft_limit() || core_.over_share());
}

void ConnectionState::note_blocking() { schedule_flush(); }

void ConnectionState::deliver(const SharedBytes& frame) noexcept {
  broadcasts_pending_ = true;
  end_if_out_of_memory([&] { queue_broadcast(frame); });
}

void ConnectionState::miss_broadcast() noexcept {
  core_.fail_out_of_memory();
  complete_with_end();
}

void ConnectionState::queue_broadcast(const SharedBytes& frame) {
  if (closing_ || core_.outbound_end() != Outcome::ok) return;
  // A sender with a larger SO_SNDBUF than ours can send packets that we cannot forward.
  const std::size_t size = frame.size();
  if (!core_.fits(size)) {
    core_.count_dropped();
    return;
  }
  const Limits& limits = core_.config().options.limits;
  const std::size_t after = core_.queued_bytes() + size;
  const bool no_more = core_.over_share();
  switch (core_.config().options.overflow) {
    case OverflowPolicy::drop_newest:
      if (after > limits.outbound_soft || no_more) {
        core_.count_dropped();
        return;
      }
      break;
    case OverflowPolicy::drop_oldest: {
      // Over its share, the connection may only refill the space that it gives up.
      const std::size_t most =
          no_more ? std::min(limits.outbound_soft, core_.queued_bytes()) : limits.outbound_soft;
      while (core_.queued_bytes() + size > most && core_.drop_oldest()) core_.count_dropped();
      break;
    }
    case OverflowPolicy::disconnect:
      if (after > limits.outbound_hard) {
        return fail_with_timeout(
            "the peer reads too slowly: the outbound queue reached its hard limit");
      }
      if (no_more) {
        return fail_with_timeout("the peer reads too slowly: its uid has used its share of memory");
      }
      break;
    default: break;  // wait: the sender waits
  }
  enqueue_shared(frame);
  if (core_.send_blocked()) core_.update_memory_charge();
}

// Ending -----------------------------------------------------------------------------------------

void ConnectionState::half_close() {
  if (half_closed_ || closing_) return;
  settle_broadcasts();
  half_closed_ = true;
  core_.refuse_more();
  schedule_flush();
}

void ConnectionState::close(Outcome outcome) {
  if (closing_) return;
  settle_broadcasts();
  if (closing_) return;  // a broadcast has ended it
  schedule_flush();
  closing_ = true;
  core_.refuse_more();
  if (core_.inbound_end() == Outcome::ok) core_.end_inbound(outcome);
  complete_with(without_message(outcome));
  if (waits_) complete_senders(waits_->senders, outcome);
  if (core_.queue_empty()) {
    finish();
    return;
  }
  if (observer_) observer_->room_made();  // no broadcast waits for it any longer
  try {
    waits().active_at = Loop::Clock::now();  // the peer's time starts here
    start_clock();
  } catch (const std::bad_alloc&) {
    // Without a clock, the peer could take any time to read the rest.
    core_.end_outbound(Outcome::closed);
    finish();
  }
}

void ConnectionState::abort() {
  close();
  if (finished_) return;
  core_.end_outbound(Outcome::closed);
  if (waits_) complete_senders(waits_->flushers, Outcome::closed);
  finish();
}

Descriptor ConnectionState::release() {
  stop_watching();
  LoopCore::cancel_flush(*this);
  closing_ = finished_ = true;
  Descriptor socket = core_.release_socket();
  // Restores the state of a new socket, which the next owner expects. These calls fail only for an
  // option that the kernel does not have, and then we did not change it either.
  (void)sys::set_nonblocking(socket.get(), false);
  (void)sys::allow_fd_passing(socket.get(), true);
  if (core_.packets()) (void)sys::pass_credentials(socket.get(), false);
  if (observer_) observer_->connection_released();
  return socket;
}

void ConnectionState::detach() {
  on_drain_ = {};
  close();
  orphaned_ = !finished_;
  if (orphaned_) {
    loop_core().adopt(std::unique_ptr<Lingering>(this));
  } else {
    delete this;
  }
}

bool ConnectionState::move_to(Loop& loop) noexcept {
  const std::uint32_t events = Watch::events();
  stop_watching();
  loop_ = &loop;
  core_.use_buffers(loop_core().buffers());
  LoopCore::cancel_flush(*this);  // on a loop that runs no further turn
  loop_core().schedule_flush(*this);
  Timer* clock = waits_ ? waits_->clock.get() : nullptr;
  if (clock != nullptr && clock->running()) clock->start(loop_core(), clock->when());
  try {
    return watch(loop_core(), core_.descriptor(), events).has_value();
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
  core_.close_socket();  // the receive buffer stays: a message in it may still be in use
  core_.update_memory_charge();
  if (waits_) complete_senders(waits_->flushers, core_.outbound_end());
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
  if (orphaned_) loop_core().destroy_later(*this);
}

std::string ConnectionState::reason_of_end() const {
  for (const Outcome outcome : {core_.inbound_end(), core_.outbound_end()}) {
    if (outcome == Outcome::failed) return core_.why_failed();
  }
  switch (core_.inbound_end()) {
    case Outcome::end_of_stream: return "the client closed the connection";
    case Outcome::peer_gone: return "the client reset the connection";
    default: break;
  }
  return core_.outbound_end() == Outcome::peer_gone
             ? "the client closed the connection before it had read everything"
             : closed_by_us;
}

void ConnectionState::drain() noexcept {
  if (draining_) return;
  draining_ = true;
  end_if_out_of_memory([this] {
    if (receiving_ != nullptr) read();
  });
}

// Watched events ---------------------------------------------------------------------------------

void ConnectionState::update_events() {
  set_events((watches_readable_ ? sys::event_readable : 0U) |
             (watches_writable_ ? sys::event_writable : 0U));
}

// Clocks -----------------------------------------------------------------------------------------

// Clocks start at the current time, not at that of the turn: work of the program may have blocked
// the loop since, and that time must not count against the peer.

ConnectionState::Waits& ConnectionState::waits() {
  if (!waits_) waits_ = std::make_unique<Waits>();
  return *waits_;
}

void ConnectionState::note_partial() {
  if (!core_.has_partial()) {
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
  if (limits().idle_time <= Duration::zero()) return;
  if (waits().dealt_with != core_.halves().receive.messages()) {
    waits_->dealt_with = core_.halves().receive.messages();
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
    if (since == off || time <= Duration::zero() || time >= next.until - since) return;
    next = {since + time, reason};
  };
  const Limits& limits = core_.config().options.limits;
  if (asking) {
    consider(waits_->partial_since, limits.message_time,
             "a message did not arrive completely within message_time");
  }
  if (core_.halves().receive.messages() == 0) {
    consider(waits_->opened_at, limits.handshake_time,
             "no message arrived completely within handshake_time");
  }
  consider(waits_->soft_since, limits.outbound_soft_time,
           "the peer reads too slowly: the outbound queue stayed over its soft limit");
  // While the program processes a message, the peer is not expected to send.
  if (waits_->dealt_with == core_.halves().receive.messages()) {
    consider(waits_->active_at, limits.idle_time, "nothing was received or sent within idle_time");
  }
  if (closing_) {
    consider(waits_->active_at, limits.outbound_soft_time,
             "the peer did not read the rest of what was sent");
  }
  return next;
}

void ConnectionState::start_clock() {
  if (waits().active_at == off) waits_->active_at = Loop::Clock::now();
  const TimePoint next = std::min(next_clock(receiving_ != nullptr).until, waits_->retry_at);
  if (next == off) return;
  auto& clock = waits_->clock;
  if (!clock) {
    clock = make_timer([this] { end_if_out_of_memory([this] { check_clocks(); }); });
  }
  if (!clock->running() || clock->when() > next) clock->start(loop_core(), next);
}

// A clock is not restarted when the times it watches advance: it fires, checks, and is set again.
// So it costs nothing for messages that keep coming.
void ConnectionState::check_clocks() {
  const TimePoint now = loop_core().now();
  if (waits_->retry_at <= now) {
    waits_->retry_at = off;
    write();
    if (finished_) return;
  }
  if (next_clock(receiving_ != nullptr).until <= now) process_late_events();
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
void ConnectionState::process_late_events() {
  if (watches_writable_) write();
  read_what_arrived();
}

/// A message may take several reads: reads until it is whole, or the socket is empty. This is
/// bounded, because a message over max_message ends the connection.
void ConnectionState::read_what_arrived() {
  std::uint64_t before = 0;
  do {
    if (finished_ || receiving_ == nullptr) return;
    before = core_.halves().receive.bytes();
  } while (!read() && core_.halves().receive.bytes() != before);
}

void ConnectionState::fail_with_timeout(const char* reason) noexcept {
  core_.fail(
      [&] { return sys::failure(ETIMEDOUT, "talk to", core_.peer().to_string(), reason).error(); });
  complete_with_end();
}

}  // namespace hallway::detail
