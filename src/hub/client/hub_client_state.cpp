// SPDX-License-Identifier: Apache-2.0
#include "hub/client/hub_client_state.hpp"

#include <array>
#include <cassert>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <new>
#include <utility>

#include "core/copy_bytes.hpp"
#include "core/random.hpp"
#include "core/siphash.hpp"
#include "hub/inbox_subject.hpp"
#include "hub/reserved_subjects.hpp"
#include "loop/timed_wait.hpp"
#include "subject/subject.hpp"
#include "wire/nats_header.hpp"
#include "wire/nats_writer.hpp"

namespace hallway::detail {

using core::Deadline;

namespace {

/// Maximum size of a line: a server's INFO may name every member of its cluster.
constexpr std::size_t longest_line = 64 * kibibyte;

/// Bytes of PONG replies that may be queued in addition to what the program publishes.
constexpr std::size_t most_answers = 64 * kibibyte;

/// Allowance for the bytes of a SUB line other than its subject and queue group.
constexpr std::size_t around_words = 32;

/// @return 0, which is never an id, if `text` is not a number
std::uint64_t number_in(ByteView text) noexcept {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size() ? number : 0;
}

/// The start of the subjects for replies: unique, and not guessable by other clients.
std::string own_inbox() { return std::string(hub::inbox_prefix) + core::random_base32(25) + '.'; }

ConnectOptions connect_options(const HubClientOptions& options) {
  ConnectOptions how;
  how.deadline = options.deadline;
  how.framing = Framing::raw();
  how.server_uid = options.server_uid;
  how.limits.max_message = bounds::largest_message;  // applies to one write, not to one message
  how.limits.outbound_soft = options.limits.outbound;
  // A hub that stops reading applies back-pressure to its publishers. Do not disconnect from it.
  how.limits.outbound_soft_time = Duration::zero();
  return how;
}

/// Aborts a connection when its time is up.
class AbortTimer : private Timer {
 public:
  AbortTimer(LoopCore& core, Connection& connection, Duration within) : connection_(connection) {
    start(core, Loop::Clock::now() + within);
  }

 private:
  void fire() override { connection_.abort(); }

  Connection& connection_;
};

/// Writes what is queued, and then `rest`. It is limited in time because a hub that does not read
/// must not keep the program from ending.
Task<> flush_and_close(Connection connection, std::string rest) {
  const AbortTimer cut(connection.loop().core(), connection, Limits{}.outbound_soft_time);
  co_await connection.send(rest);
  co_await connection.flush();
}

bool is_about_permissions(ByteView complaint) noexcept {
  return complaint.starts_with("Permissions Violation") || complaint.starts_with("Authorization");
}

}  // namespace

// Connecting -------------------------------------------------------------------------------------

struct HubClientState::Pending {
  std::optional<HubMessage> answer;
  WaiterList waiting;
};

HubClientState::HubClientState(Loop& loop, AddressSpec address, HubClientOptions options)
    : loop_(&loop),
      address_(std::move(address)),
      options_(std::move(options)),
      jitter_(options_.reconnect.first_wait, options_.reconnect.most_wait,
              options_.reconnect.seed.value_or(core::random_number())),
      parser_(nats::Sender::server) {}

Task<Result<void>> HubClientState::open() {
  auto greeted = co_await send_connect();
  if (greeted) tasks_.spawn(run());
  co_return greeted;
}

Task<Result<void>> HubClientState::send_connect() {
  const Deadline deadline(options_.deadline);
  auto made = co_await Connection::connect(*loop_, address_, connect_options(options_));
  if (!made) co_return std::unexpected(made.error());
  parser_ = nats::Parser(nats::Sender::server,
                         {.control_line = longest_line, .payload = options_.limits.max_message});
  auto heard = co_await wait_for(*made, nats::Verb::info, deadline);
  if (!heard) co_return heard;
  made->try_send("CONNECT " + hub::greeting_of(options_, seen_) + "\r\nPING\r\n");
  heard = co_await wait_for(*made, nats::Verb::pong, deadline);
  if (!heard || end_ != Outcome::ok) co_return heard;
  connection_.emplace(std::move(*made));
  connected_at_ = loop_->now();
  ++connections_;
  seen_ = 0;
  pings_ = pongs_ = announced_by_ = 0;
  co_return heard;
}

/// Reads until the server sends the wanted verb.
Task<Result<void>> HubClientState::wait_for(Connection& connection, nats::Verb wanted,
                                            Deadline deadline) {
  while (true) {
    while (const nats::Operation* operation = parser_.next()) {
      const nats::Verb verb = operation->verb;
      if (verb == nats::Verb::info) {
        const auto info = hub::ServerInfo::parse(operation->text);
        if (!info) co_return std::unexpected(no_hub());
        update_info(*info);
      }
      if (verb == nats::Verb::err) {
        co_return std::unexpected(complaint_of(operation->text, "connect"));
      }
      if (verb == wanted) co_return Result<void>();
    }
    if (parser_.error() != nats::ProtocolError::none) co_return std::unexpected(no_hub());
    const Received piece = co_await connection.receive(deadline.left());
    if (piece.outcome() == Outcome::timed_out) {
      co_return std::unexpected(error_about(std::errc::timed_out, "connect",
                                            "it does not greet as a hub does before the deadline",
                                            "see whether another server listens there"));
    }
    if (piece.outcome() == Outcome::end_of_stream || piece.outcome() == Outcome::peer_gone) {
      co_return std::unexpected(error_about(
          std::errc::connection_aborted, "connect", "it closed the connection before it greeted",
          "a hub whose rules turn this user away does so, and logs it"));
    }
    if (!piece) co_return std::unexpected(piece.error());
    parser_.arrive(piece->bytes());
  }
}

// Running ----------------------------------------------------------------------------------------

// A detached task: running out of memory ends the client.
Task<> HubClientState::run() {
  try {
    bool back = true;
    while (back) {
      const Error reason = co_await read();
      if (end_ != Outcome::ok) break;
      lose_connection(reason);
      back = co_await reconnect(reason);
    }
  } catch (const std::bad_alloc&) {
    end(Outcome::failed, {std::make_error_code(std::errc::not_enough_memory), {}, {}, {}, {}});
  }
}

/// Reads until the connection ends.
/// @return the reason
Task<Error> HubClientState::read() {
  while (true) {
    while (const nats::Operation* operation = parser_.next()) {
      handle(*operation);
      while (stalled()) co_await TimedWait(core(), changed_);
      if (end_ != Outcome::ok) co_return Error();
    }
    if (parser_.error() == nats::ProtocolError::payload_too_large) co_return too_large();
    if (parser_.error() != nats::ProtocolError::none) co_return no_hub();
    const Received piece = co_await connection_->receive();
    if (end_ != Outcome::ok) co_return Error();
    if (!piece) co_return piece.error();
    parser_.arrive(piece->bytes());
  }
}

void HubClientState::lose_connection(const Error& reason) {
  // Reset the back-off only after a connection that lasted. Otherwise a hub that accepts clients
  // and disconnects them at once would be contacted again and again after the shortest wait.
  if (loop_->now() - connected_at_ >= options_.reconnect.most_wait) jitter_.reset();
  connection_.reset();
  waiting_.clear();
  stalled_by_ = 0;
  wake_changed();
  if (options_.reconnect.attempts > 0) report(HubClientEvent::Kind::disconnected, reason);
}

Task<bool> HubClientState::reconnect(Error reason) {
  for (std::size_t attempt = 0; attempt < options_.reconnect.attempts; ++attempt) {
    const Deadline pause(jitter_.next());
    while (end_ == Outcome::ok && pause.left() > Duration::zero()) {
      co_await TimedWait(core(), changed_, pause.left());
    }
    if (end_ != Outcome::ok) co_return false;
    const auto greeted = co_await send_connect();
    if (end_ != Outcome::ok) co_return false;
    if (greeted) {
      ++counters_.reconnects;
      subscribe_again();
      co_return true;
    }
    reason = greeted.error();
  }
  end(Outcome::peer_gone, reason);
  report(HubClientEvent::Kind::given_up, std::move(reason));
  co_return false;
}

void HubClientState::subscribe_again() {
  if (answers_id_ != 0) send_sub_for_answers();
  for (const auto& [id, subscription] : subscriptions_) {
    if (subscription->active() && !draining_) send_sub(*subscription);
  }
  if (!kept_.empty()) put(std::exchange(kept_, {}));
  announced_by_ = ++pings_;
  send({.verb = nats::Verb::ping});
  wake_changed();
}

void HubClientState::end(Outcome outcome, Error reason) {
  end_ = outcome;
  reason_ = std::move(reason);
  for (const auto& [id, subscription] : subscriptions_) subscription->end(outcome);
  for (const auto& [id, pending] : pending_) wake_all(core(), pending->waiting);
  wake_changed();
}

void HubClientState::close() {
  if (end_ != Outcome::ok) return;
  end(Outcome::closed, error_about(std::errc::operation_canceled, "use", "it was closed"));
  if (!connection_) return;
  loop_->spawn(flush_and_close(std::move(*connection_), std::exchange(waiting_, {})));
  connection_.reset();
}

// Receiving --------------------------------------------------------------------------------------

void HubClientState::handle(const nats::Operation& operation) {
  switch (operation.verb) {
    case nats::Verb::msg:
    case nats::Verb::hmsg: return deliver(operation);
    case nats::Verb::ping: return answer_ping();
    case nats::Verb::pong: return note_pong();
    case nats::Verb::err:
      return report(HubClientEvent::Kind::complaint, complaint_of(operation.text, "use"));
    case nats::Verb::info:
      if (const auto info = hub::ServerInfo::parse(operation.text)) update_info(*info);
      return;
    default: return;  // +OK; nothing else comes from a server
  }
}

/// A hub that keeps sending PING but does not read must not grow our queue without bound.
void HubClientState::answer_ping() {
  if (unsent_bytes() < options_.limits.outbound + most_answers) send({.verb = nats::Verb::pong});
}

void HubClientState::note_pong() {
  ++pongs_;
  wake_changed();
  if (pongs_ != announced_by_) return;
  announced_by_ = 0;
  report(HubClientEvent::Kind::reconnected, error_about({}, "connect", "the hub is back"));
}

void HubClientState::update_info(const hub::ServerInfo& info) {
  info_ = info;
  last_subject_.clear();  // a message of that size may be too large now
}

void HubClientState::deliver(const nats::Operation& operation) {
  const bool gap = operation.subject == hub::gap_subject;
  if (!gap) ++counters_.messages_received;
  const std::uint64_t id = number_in(operation.sid);
  if (id == answers_id_) return answer(operation);
  const auto found = subscriptions_.find(id);
  if (!options_.link.empty()) {
    const bool about_interest =
        found != subscriptions_.end() && found->second->subject() == hub::interest_subject;
    if (!about_interest) seen_ += gap ? number_in(operation.payload) : 1;
  }
  // Drop messages that were in flight when the program unsubscribed.
  if (found == subscriptions_.end() || !found->second->active()) return;
  if (gap) return found->second->note_gap(number_in(operation.payload));
  found->second->deliver({operation.subject, operation.reply, operation.header, operation.payload});
  stalled_by_ = id;
}

void HubClientState::answer(const nats::Operation& operation) {
  if (operation.subject.size() <= answers_to_.size()) return;
  const auto found = pending_.find(number_in(operation.subject.substr(answers_to_.size())));
  if (found == pending_.end() || found->second->answer) return;  // late, or not the first
  found->second->answer.emplace(operation.subject, operation.reply, operation.header,
                                operation.payload);
  wake_all(core(), found->second->waiting);
}

/// Whether the latest message filled a subscription with Full::wait.
bool HubClientState::stalled() const {
  if (stalled_by_ == 0 || end_ != Outcome::ok) return false;
  const auto found = subscriptions_.find(stalled_by_);
  return found != subscriptions_.end() && found->second->active() &&
         found->second->inbox().blocks();
}

// Sending ----------------------------------------------------------------------------------------

std::size_t HubClientState::unsent_bytes() const noexcept {
  return kept_.size() + waiting_.size() + (connection_ ? connection_->unsent_bytes() : 0);
}

const char* HubClientState::reason_against(const nats::Operation& message) const noexcept {
  if (!hub::is_valid_literal(message.subject)) return "this is no subject to publish to";
  if (!message.reply.empty() && !hub::is_valid_literal(message.reply)) {
    return "this is no subject to answer to";
  }
  if (nats::line_size(message) > info_.control_line) return "the subject is too long";
  if (!message.header.empty() && !info_.headers) return "the hub takes no headers";
  if (message.header.size() + message.payload.size() > info_.max_payload) {
    return "the message is larger than the hub accepts";
  }
  return nullptr;
}

/// Most messages have the subject and size of the one before. For them, only the payload is copied.
bool HubClientState::repeats_the_last(const nats::Operation& message) const noexcept {
  return !last_subject_.empty() && message.subject == last_subject_ &&
         message.payload.size() == last_payload_ && message.reply.empty() && message.header.empty();
}

void HubClientState::write(const nats::Operation& message) {
  last_subject_.clear();
  operation_.resize(nats::written_size(message));
  nats::write(message, operation_.data());
}

Outcome HubClientState::publish(const nats::Operation& message, const char*& why) {
  if (end_ != Outcome::ok) return end_;
  const bool repeats = repeats_the_last(message);
  why = repeats ? nullptr : reason_against(message);
  if (why != nullptr) return Outcome::failed;
  if (unsent_bytes() >= options_.limits.outbound) {
    if (connection_) start_pump();
    return Outcome::would_block;
  }
  if (repeats) {
    const std::size_t end = operation_.size() - ByteView("\r\n").size();
    core::copy_bytes(message.payload, operation_.data() + end - last_payload_);
  } else {
    write(message);
    if (message.reply.empty() && message.header.empty()) last_subject_ = message.subject;
    last_payload_ = message.payload.size();
  }
  if (!connection_ || next_hub_awaited() || !put(operation_)) kept_ += operation_;
  ++counters_.messages_published;
  return Outcome::ok;
}

Task<> HubClientState::publish_when_writable(nats::Operation message, Duration within,
                                             Outcome& outcome, const char*& why) {
  const auto self = shared_from_this();
  const Deadline deadline(within);
  bool in_time = true;
  for (outcome = publish(message, why); outcome == Outcome::would_block && in_time;
       outcome = publish(message, why)) {
    in_time = co_await TimedWait(core(), changed_, deadline.left());
  }
  if (!in_time && outcome == Outcome::would_block) outcome = Outcome::timed_out;
}

/// Whether messages must wait for the next hub: this one has announced that it is leaving, and
/// whatever it no longer reads would be lost with it.
bool HubClientState::next_hub_awaited() const noexcept {
  return info_.leaving && options_.reconnect.attempts > 0;
}

/// Sends an operation that is not a message. Without a connection it is discarded, because the
/// client repeats what still applies after it has reconnected.
void HubClientState::send(const nats::Operation& operation) {
  if (!connection_) return;
  write(operation);
  put(operation_);
}

/// @return false if the connection has ended and run() has not noticed yet
bool HubClientState::put(const std::string& bytes) {
  if (!pumping_) {
    const Outcome outcome = connection_->try_send(bytes).outcome();
    if (outcome != Outcome::would_block) return outcome == Outcome::ok;
  }
  waiting_ += bytes;
  start_pump();
  return true;
}

void HubClientState::start_pump() {
  if (!pumping_) tasks_.spawn(pump());
}

/// Waits until the kernel has accepted the connection's queue, then moves waiting_ into it.
Task<> HubClientState::pump() {
  pumping_ = true;
  bool alive = true;
  do {
    const Sent flushed = co_await connection_->flush();
    alive = flushed && connection_;
    if (!alive || waiting_.empty()) break;
    // The connection may also refuse in order to leave the rest of this turn to others.
    const bool taken = connection_->try_send(waiting_).outcome() != Outcome::would_block;
    if (taken) waiting_.clear();
    if (!taken) co_await loop_->sleep(Duration::zero());
    alive = connection_.has_value();
  } while (alive && !waiting_.empty());
  pumping_ = false;
  // Otherwise reconnect() or end() wakes the waiting tasks.
  if (alive) wake_changed();
}

// Subscribing ------------------------------------------------------------------------------------

void HubClientState::send_sub(const SubscriptionState& subscription) {
  const std::string id = std::to_string(subscription.id());
  send({.verb = nats::Verb::sub,
        .subject = subscription.subject(),
        .queue = subscription.queue(),
        .sid = id});
  if (subscription.left() > 0) {
    send({.verb = nats::Verb::unsub, .max = subscription.left(), .sid = id});
  }
}

Result<std::shared_ptr<SubscriptionState>> HubClientState::subscribe(
    ByteView subject, const SubscribeOptions& options) {
  if (end_ != Outcome::ok) return std::unexpected(explain("subscribe", end_, nullptr));
  if (draining_) return std::unexpected(explain("subscribe", Outcome::closed, nullptr));
  const bool valid = hub::is_valid_subject(subject) && !hub::has_white_space(options.queue) &&
                     subject.size() + options.queue.size() + around_words < info_.control_line;
  if (!valid) {
    Error error = error_about(std::errc::invalid_argument, "subscribe",
                              "this is no subject and group to subscribe to",
                              "tokens between dots, * for any one, > at the end for all that "
                              "follow; no blanks");
    error.subject = subject;
    return std::unexpected(std::move(error));
  }
  auto made =
      std::make_shared<SubscriptionState>(shared_from_this(), last_id_ + 1, subject, options);
  subscriptions_.emplace(++last_id_, made.get());
  send_sub(*made);
  return made;
}

void HubClientState::unsubscribe(const SubscriptionState& subscription) {
  const std::string id = std::to_string(subscription.id());
  send({.verb = nats::Verb::unsub, .sid = id});
}

// If there is no memory to notify the hub, it keeps sending, and deliver() drops the messages.
void HubClientState::forget(const SubscriptionState& subscription) noexcept {
  subscriptions_.erase(subscription.id());
  wake_changed();
  if (!subscription.active()) return;
  try {
    unsubscribe(subscription);
  } catch (const std::bad_alloc&) {
  }
}

// Requests ---------------------------------------------------------------------------------------

void HubClientState::send_sub_for_answers() {
  if (answers_id_ == 0) {
    answers_to_ = own_inbox();
    answers_id_ = ++last_id_;
  }
  const std::string subject = answers_to_ + '*';
  const std::string id = std::to_string(answers_id_);
  send({.verb = nats::Verb::sub, .subject = subject, .sid = id});
}

/// A program that replies to one request must not be able to guess the reply subject of another.
std::uint64_t HubClientState::next_request_id() noexcept {
  while (true) {
    ++last_request_;
    std::array<char, sizeof last_request_> bytes{};
    std::memcpy(bytes.data(), &last_request_, bytes.size());
    const std::uint64_t id = core::SipHash::of({bytes.data(), bytes.size()}, request_key_);
    if (id != 0 && !pending_.contains(id))
      return id;  // not 0: number_in() returns 0 for text that is not a number
  }
}

Task<HubReceived> HubClientState::request(ByteView subject, ByteView payload, Duration within,
                                          std::optional<std::string> header) {
  const auto self = shared_from_this();
  const auto end_with = [&self](Outcome outcome, const char* why = nullptr) {
    return HubReceived(outcome, HubMessage(), self, why);
  };
  const Deadline deadline(within);
  if (!header) co_return end_with(Outcome::failed, reasons::bad_header);
  if (end_ != Outcome::ok) co_return end_with(end_);
  if (answers_id_ == 0) send_sub_for_answers();

  Pending pending;
  struct Entry {
    std::map<std::uint64_t, Pending*>& all;
    std::uint64_t id;
    ~Entry() { all.erase(id); }
  };
  const Entry entry{pending_, next_request_id()};
  pending_.emplace(entry.id, &pending);
  const std::string reply = answers_to_ + std::to_string(entry.id);
  nats::Operation message{.verb = header->empty() ? nats::Verb::pub : nats::Verb::hpub,
                          .subject = subject,
                          .reply = reply,
                          .header = *header,
                          .payload = payload};
  const char* why = nullptr;
  Outcome outcome = publish(message, why);
  if (outcome == Outcome::would_block && options_.full == PublishFull::wait) {
    co_await publish_when_writable(message, deadline.left(), outcome, why);
  }
  if (outcome != Outcome::ok) co_return end_with(outcome, why);

  while (!pending.answer && end_ == Outcome::ok) {
    const bool in_time = co_await TimedWait(core(), pending.waiting, deadline.left());
    if (!in_time && !pending.answer) co_return end_with(Outcome::timed_out);
  }
  if (!pending.answer) co_return end_with(end_);
  if (pending.answer->payload().empty() && pending.answer->status() == "503") {
    co_return end_with(Outcome::no_responders);
  }
  co_return HubReceived(Outcome::ok, std::move(*pending.answer), nullptr);
}

// Flushing and draining --------------------------------------------------------------------------

Task<Outcome> HubClientState::flush(Duration within) {
  const auto self = shared_from_this();
  const Deadline deadline(within);
  bool in_time = true;
  const auto must_wait = [this] { return !connection_ || !kept_.empty(); };
  while (end_ == Outcome::ok && must_wait() && in_time) {
    in_time = co_await TimedWait(core(), changed_, deadline.left());
  }
  if (end_ != Outcome::ok) co_return end_;
  if (must_wait()) co_return Outcome::timed_out;
  const std::uint64_t connection = connections_;
  const std::uint64_t number = ++pings_;
  send({.verb = nats::Verb::ping});
  while (end_ == Outcome::ok && in_time) {
    if (connection != connections_) co_return Outcome::peer_gone;
    if (pongs_ >= number) co_return Outcome::ok;
    if (!connection_) co_return Outcome::peer_gone;
    in_time = co_await TimedWait(core(), changed_, deadline.left());
  }
  co_return end_ != Outcome::ok ? end_ : Outcome::timed_out;
}

Task<Outcome> HubClientState::drain(Duration within) {
  const auto self = shared_from_this();
  const Deadline deadline(within);
  if (end_ != Outcome::ok) co_return end_;
  draining_ = true;
  for (const auto& [id, subscription] : subscriptions_) {
    if (subscription->active()) unsubscribe(*subscription);
  }
  Outcome outcome = co_await flush(deadline.left());
  for (const auto& [id, subscription] : subscriptions_) subscription->end(Outcome::end_of_stream);
  const auto unfinished = [this] {
    return std::ranges::any_of(subscriptions_,
                               [](const auto& one) { return !one.second->finished(); });
  };
  bool in_time = true;
  while (end_ == Outcome::ok && unfinished() && in_time) {
    in_time = co_await TimedWait(core(), changed_, deadline.left());
  }
  if (!in_time) outcome = Outcome::timed_out;
  // Flush what the program published while it handled the last messages.
  if (outcome == Outcome::ok) outcome = co_await flush(deadline.left());
  close();
  co_return outcome;
}

// Events and errors ------------------------------------------------------------------------------

void HubClientState::wake_changed() { wake_all(core(), changed_); }

void HubClientState::report(HubClientEvent::Kind kind, Error error) const {
  if (!options_.on_event) return;
  try {
    options_.on_event({kind, std::move(error)});
  } catch (const std::bad_alloc&) {
    // Only this event is lost.
  }
}

Error HubClientState::error_about(std::errc code, std::string operation, std::string reason,
                                  std::string hint) const {
  return {.code = std::make_error_code(code),
          .operation = std::move(operation),
          .subject = address().unescaped(),
          .reason = std::move(reason),
          .hint = std::move(hint)};
}

Error HubClientState::no_hub() const {
  return error_about(std::errc::bad_message, "connect",
                     "what it says is not the NATS client protocol",
                     "see whether it is a hub that listens there");
}

Error HubClientState::too_large() const {
  return error_about(std::errc::message_size, "receive",
                     "a message has more than " + std::to_string(options_.limits.max_message) +
                         " bytes, which is the limit here");
}

Error HubClientState::complaint_of(ByteView text, std::string operation) const {
  const auto code =
      is_about_permissions(text) ? std::errc::permission_denied : std::errc::protocol_error;
  return error_about(code, std::move(operation), "the hub says: " + printable(text));
}

Error HubClientState::explain(const char* operation, Outcome outcome, const char* why) const {
  const auto in_words = [&](std::errc code, const char* words) {
    return error_about(code, operation, why != nullptr ? why : words);
  };
  switch (outcome) {
    case Outcome::ok: return in_words({}, "");
    case Outcome::would_block: return in_words(std::errc::resource_unavailable_try_again, "");
    case Outcome::timed_out:
      return in_words(std::errc::timed_out, "nothing came within the deadline");
    case Outcome::end_of_stream:
      return in_words(std::errc::broken_pipe, "the subscription is over");
    case Outcome::no_responders:
      return in_words(std::errc::no_such_device_or_address, "nobody listens to this subject");
    case Outcome::closed:
      return in_words(std::errc::operation_canceled, "this side has closed the connection");
    case Outcome::truncated:
    case Outcome::peer_gone:
    case Outcome::failed: break;
  }
  if (why != nullptr) return in_words(std::errc::invalid_argument, why);
  if (!reason_) return in_words(std::errc::connection_reset, "the hub went away");
  Error error = *reason_;
  error.operation = operation;
  error.subject = address().unescaped();
  return error;
}

}  // namespace hallway::detail
