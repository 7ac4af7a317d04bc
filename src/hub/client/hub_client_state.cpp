// SPDX-License-Identifier: Apache-2.0
#include "hub/client/hub_client_state.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <new>
#include <utility>

#include <hallway/deadline.hpp>
#include <hallway/detail/race.hpp>

#include "core/backoff.hpp"
#include "core/check_overflow.hpp"
#include "core/copy_bytes.hpp"
#include "core/number.hpp"
#include "core/random.hpp"
#include "core/siphash.hpp"
#include "loop/timed_wait.hpp"
#include "message/connection/connection_state.hpp"
#include "subject/inbox_subject.hpp"
#include "subject/reserved_subjects.hpp"
#include "subject/subject.hpp"
#include "wire/nats_header.hpp"
#include "wire/nats_writer.hpp"

namespace hallway::detail {

namespace {

/// Maximum size of a line: a server's INFO may name every member of its cluster.
constexpr std::size_t max_line = 64 * kibibyte;

/// Bytes of PONG replies that may be queued in addition to what the program publishes.
constexpr std::size_t max_answers = 64 * kibibyte;

/// Allowance for the bytes of a SUB line other than its subject and queue group.
constexpr std::size_t around_words = 32;

/// @return 0, which is never an id, if `text` is not a number
std::uint64_t number_in(ByteView text) noexcept {
  return core::parse_number<std::uint64_t>(text).value_or(0);
}

/// The start of the subjects for replies: unique, and not guessable by other clients.
std::string own_inbox() { return std::string(hub::inbox_prefix) + core::random_base32(25) + '.'; }

ConnectOptions connect_options(const hub::ClientOptions& options) {
  ConnectOptions how;
  how.timeout = options.timeout;
  how.connection.framing = Framing::raw();
  how.server_uid = options.server_uid;
  how.trusted_server = options.trusted_server.value_or(false);
  how.connection.limits.max_message =
      bounds::max_message;  // applies to one write, not to one message
  how.connection.limits.outbound_soft = options.limits.outbound;
  // A hub that stops reading applies back-pressure to its publishers. Do not disconnect from it.
  how.connection.limits.outbound_soft_time = Duration::zero();
  return how;
}

/// Writes what is queued, and then `rest`. It is limited in time because a hub that does not read
/// must not keep the program from ending.
Task<> flush_and_close(Connection connection, std::string rest) {
  CallbackTimer abort([&connection] { connection.abort(); });
  abort.start_after(connection.loop().core(), Limits{}.outbound_soft_time);
  co_await connection.send(rest);
  co_await connection.flush();
}

bool is_about_permissions(ByteView complaint) noexcept {
  return complaint.starts_with("Permissions Violation") || complaint.starts_with("Authorization");
}

}  // namespace

std::optional<std::string> header_block_of(std::span<const hub::Field> fields, ByteView status) {
  std::string block;
  if (fields.empty() && status.empty()) return block;
  if (status.find_first_of("\r\n") != ByteView::npos) return std::nullopt;
  block = "NATS/1.0";
  if (!status.empty()) block.append(1, ' ').append(status);
  block += "\r\n";
  for (const hub::Field& field : fields) {
    const bool valid = !field.name.empty() &&
                       field.name.find_first_of(": \t\r\n") == ByteView::npos &&
                       field.value.find_first_of("\r\n") == ByteView::npos;
    if (!valid) return std::nullopt;
    block.append(field.name).append(": ").append(field.value).append("\r\n");
  }
  return block += "\r\n";
}

// Connecting -------------------------------------------------------------------------------------

struct HubClientState::Pending {
  std::optional<hub::Message> answer;
  WaiterList waiting;
};

/// One request, from before it is published until its answer has been taken.
class HubClientState::Request {
 public:
  explicit Request(HubClientState& client) : client_(client), id_(client.next_request_id()) {
    if (client_.answers_id_ == 0) client_.send_sub_for_answers();
    reply_ = client_.answers_to_ + std::to_string(id_);
    client_.pending_.emplace(id_, &pending);  // last: the destructor removes it
  }
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;
  ~Request() { client_.pending_.erase(id_); }

  [[nodiscard]] ByteView reply() const noexcept { return reply_; }

  Pending pending;

 private:
  HubClientState& client_;
  std::uint64_t id_;
  std::string reply_;
};

HubClientState::HubClientState(Loop& loop, AddressSpec address, hub::ClientOptions options)
    : loop_(&loop),
      address_(std::move(address)),
      options_(std::move(options)),
      jitter_(options_.reconnect.first_wait, options_.reconnect.max_wait,
              options_.reconnect.seed.value_or(core::random_number())),
      errors_(std::make_shared<ClientErrors>(this->address().unescaped())),
      parser_(nats::Sender::server) {}

Task<Result<void>> HubClientState::open() {
  auto greeted = co_await send_connect(options_.retry_for);
  if (greeted) tasks_.spawn(run());
  co_return greeted;
}

Task<Result<void>> HubClientState::send_connect(Duration retry_for) {
  Deadline deadline(options_.timeout);
  ConnectOptions how = connect_options(options_);
  how.retry_for = retry_for;
  auto made = co_await Connection::connect(*loop_, address_, how);
  if (!made) co_return std::unexpected(made.error());
  if (retry_for > Duration::zero()) deadline = Deadline(options_.timeout);
  ConnectionState::of(*made).keep_while_draining();  // what is published meanwhile still goes out
  parser_ = nats::Parser(nats::Sender::server,
                         {.control_line = max_line, .payload = options_.limits.max_message});
  auto received = co_await wait_for(*made, nats::Verb::info, deadline);
  if (!received) co_return received;
  made->try_send("CONNECT " + hub::greeting_of(options_, seen_) + "\r\nPING\r\n");
  received = co_await wait_for(*made, nats::Verb::pong, deadline);
  if (!received || end_ != Outcome::ok) co_return received;
  connection_.emplace(std::move(*made));
  connected_at_ = loop_->now();
  ++connections_;
  seen_ = 0;
  pings_ = pongs_ = announced_by_ = 0;
  co_return received;
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
                                            "the server there sent no greeting of a hub in time",
                                            "check whether it is another kind of server"));
    }
    if (piece.outcome() == Outcome::end_of_stream || piece.outcome() == Outcome::peer_gone) {
      co_return std::unexpected(
          error_about(std::errc::connection_aborted, "connect",
                      "the hub closed the connection before its greeting",
                      "a hub that turns this user away does so; its log has the reason"));
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
  if (loop_->now() - connected_at_ >= options_.reconnect.max_wait) jitter_.reset();
  connection_.reset();
  waiting_.clear();
  stalled_by_ = 0;
  for (const auto& [id, pending] : pending_) wake_all(core(), pending->waiting);
  wake_changed();
  if (options_.reconnect.max_attempts > 0) report(hub::ClientEvent::Kind::disconnected, reason);
}

Task<bool> HubClientState::reconnect(Error reason) {
  for (std::size_t attempt = 0; attempt < options_.reconnect.max_attempts; ++attempt) {
    const Deadline pause(jitter_.next());
    while (end_ == Outcome::ok && !pause.passed()) {
      co_await TimedWait(core(), changed_, pause.left());
    }
    if (end_ != Outcome::ok) co_return false;
    const auto greeted = co_await send_connect(Duration::zero());
    if (end_ != Outcome::ok) co_return false;
    if (greeted) {
      ++counters_.reconnects;
      subscribe_again();
      co_return true;
    }
    reason = greeted.error();
  }
  end(Outcome::peer_gone, reason);
  report(hub::ClientEvent::Kind::given_up, std::move(reason));
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
  errors_->set_reason(std::move(reason));
  for (const auto& [id, subscription] : subscriptions_) subscription->end(outcome);
  for (const auto& [id, pending] : pending_) wake_all(core(), pending->waiting);
  wake_changed();
}

void HubClientState::close() {
  if (end_ != Outcome::ok) return;
  end(Outcome::closed, error_about(std::errc::operation_canceled, "use", "the client was closed"));
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
      return report(hub::ClientEvent::Kind::complaint, complaint_of(operation.text, "use"));
    case nats::Verb::info:
      if (const auto info = hub::ServerInfo::parse(operation.text)) update_info(*info);
      return;
    default: return;  // +OK; nothing else comes from a server
  }
}

/// A hub that keeps sending PING but does not read must not grow our queue without bound.
void HubClientState::answer_ping() {
  if (unsent_bytes() < options_.limits.outbound + max_answers) send({.verb = nats::Verb::pong});
}

void HubClientState::note_pong() {
  ++pongs_;
  wake_changed();
  if (pongs_ != announced_by_) return;
  announced_by_ = 0;
  report(hub::ClientEvent::Kind::reconnected, error_about({}, "reconnected to", ""));
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

/// Whether the latest message filled a subscription with OverflowPolicy::wait.
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
  if (!is_subject(message.subject)) return "not a subject to publish to";
  if (!message.reply.empty() && !is_subject(message.reply)) {
    return "not a subject for replies";
  }
  if (nats::line_size(message) > info_.control_line) return "the subject is too long";
  if (!message.header.empty() && !info_.headers) return "the hub does not accept headers";
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

/// Whether messages have to wait for changed_. The pump may write everything at once: a task that
/// began to wait after that would not be woken.
bool HubClientState::is_full() {
  if (unsent_bytes() < options_.limits.outbound) return false;
  if (connection_) start_pump();
  return unsent_bytes() >= options_.limits.outbound;
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
  if (is_full()) return Outcome::would_block;
  if (repeats) {
    constexpr ByteView line_end = "\r\n";
    const std::size_t line = operation_.size() - line_end.size() - last_payload_;
    if (takes_messages() &&
        ConnectionState::of(*connection_)
            .core()
            .halves()
            .send.try_enqueue(ByteView(operation_).substr(0, line), message.payload, line_end)) {
      ++counters_.messages_published;
      return Outcome::ok;
    }
    core::copy_bytes(message.payload, operation_.data() + line);
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

/// Whether what is published goes into the connection's queue at once, if there is room.
bool HubClientState::takes_messages() const noexcept {
  return connection_ && !pumping_ && !next_hub_awaited();
}

/// Whether messages must wait for the next hub: this one has announced that it is leaving, and
/// whatever it no longer reads would be lost with it.
bool HubClientState::next_hub_awaited() const noexcept {
  return info_.leaving && options_.reconnect.max_attempts > 0;
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
    if (!taken) co_await Pause(Duration::zero());
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
    ByteView subject, const hub::SubscribeOptions& options) {
  if (end_ != Outcome::ok) return std::unexpected(errors_->explain("subscribe", end_, nullptr));
  if (draining_) return std::unexpected(errors_->explain("subscribe", Outcome::closed, nullptr));
  const bool valid = is_subject_pattern(subject) && !hub::has_white_space(options.queue) &&
                     subject.size() + options.queue.size() + around_words < info_.control_line;
  if (!valid) {
    Error error = error_about(std::errc::invalid_argument, "subscribe",
                              "not a subject and queue group to subscribe to",
                              "tokens between dots, without white space; * matches one token, > "
                              "at the end one or more");
    error.subject = subject;
    return std::unexpected(std::move(error));
  }
  if (auto checked =
          core::check_overflow(options.overflow, hub::inbox_policies, "a client's inboxes");
      !checked) {
    return std::unexpected(std::move(checked.error()));
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

Task<hub::Received> HubClientState::request(ByteView subject, ByteView payload, Duration within,
                                            std::optional<std::string> header) {
  const auto self = shared_from_this();
  const auto end_with = [&self](Outcome outcome, const char* why = nullptr) {
    return hub::Received(outcome, hub::Message(), self->errors(), why);
  };
  const Deadline deadline(within);
  if (!header) co_return end_with(Outcome::failed, reasons::bad_header);
  if (end_ != Outcome::ok) co_return end_with(end_);

  Request asked(*this);
  Pending& pending = asked.pending;
  nats::Operation message{.verb = header->empty() ? nats::Verb::pub : nats::Verb::hpub,
                          .subject = subject,
                          .reply = asked.reply(),
                          .header = *header,
                          .payload = payload};
  const char* why = nullptr;
  Outcome outcome = publish(message, why);
  if (outcome == Outcome::would_block && options_.overflow == OverflowPolicy::wait) {
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
  co_return hub::Received(Outcome::ok, std::move(*pending.answer), nullptr);
}

Task<Result<hub::MatchCount>> HubClientState::publish_counted(nats::Operation message,
                                                              Duration within) {
  co_return co_await ask_for_count(
      message, {.verb = nats::Verb::pub, .subject = hub::delivered_subject}, within);
}

Task<Result<hub::MatchCount>> HubClientState::count_matches(ByteView subject, Duration within) {
  if (!is_subject(subject)) {
    co_return std::unexpected(error_about(std::errc::invalid_argument, "count",
                                          "\"" + printable(subject) + "\" is not a subject"));
  }
  co_return co_await ask_for_count(
      {}, {.verb = nats::Verb::pub, .subject = hub::matches_subject, .payload = subject}, within);
}

/// Publishes a message, if there is one, and the question in one piece: the answer is about the
/// last message before the question, so no other task may publish in between.
Task<Result<hub::MatchCount>> HubClientState::ask_for_count(std::optional<nats::Operation> message,
                                                            nats::Operation question,
                                                            Duration within) {
  const auto self = shared_from_this();
  const auto failed = [&](Outcome outcome) {
    return std::unexpected(errors_->explain("publish to", outcome, nullptr));
  };
  const Deadline deadline(within);
  if (end_ != Outcome::ok) co_return failed(end_);
  if (!info_.hallway) {
    co_return std::unexpected(error_about(std::errc::not_supported, "count",
                                          "this server does not report who gets a message",
                                          "only a hallway hub does"));
  }
  if (const char* why = message ? reason_against(*message) : nullptr) {
    co_return std::unexpected(error_about(std::errc::invalid_argument, "publish to", why));
  }
  Request asked(*this);
  question.reply = asked.reply();
  while (end_ == Outcome::ok && is_full()) {
    const bool in_time = co_await TimedWait(core(), changed_, deadline.left());
    if (!in_time) co_return failed(Outcome::timed_out);
  }
  if (end_ != Outcome::ok) co_return failed(end_);
  std::string both;
  if (message) {
    write(*message);
    both = operation_;
    ++counters_.messages_published;
  }
  write(question);
  both += operation_;
  const bool sent = connection_ && !next_hub_awaited() && put(both);
  if (!sent) kept_ += both;
  const std::uint64_t sent_on = connections_ + (sent ? 0 : 1);
  Pending& pending = asked.pending;
  while (!pending.answer && end_ == Outcome::ok) {
    const bool gone = connections_ > sent_on || (connections_ == sent_on && !connection_);
    if (gone) {
      co_return std::unexpected(error_about(std::errc::connection_reset, "publish to",
                                            "the hub went away before it answered"));
    }
    const bool in_time = co_await TimedWait(core(), pending.waiting, deadline.left());
    if (!in_time && !pending.answer) co_return failed(Outcome::timed_out);
  }
  if (!pending.answer) co_return failed(end_);
  const auto count = hub::parse_match_count(pending.answer->payload());
  if (!count) {
    co_return std::unexpected(
        error_about(std::errc::bad_message, "count", "the hub's answer is not a count"));
  }
  co_return *count;
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

void HubClientState::report(hub::ClientEvent::Kind kind, Error error) const {
  if (!options_.on_event) return;
  try {
    options_.on_event({kind, std::move(error)});
  } catch (const std::bad_alloc&) {
    // Only this event is lost.
  }
}

Error HubClientState::error_about(std::errc code, std::string operation, std::string reason,
                                  std::string hint) const {
  return errors_->about(code, std::move(operation), std::move(reason), std::move(hint));
}

Error HubClientState::no_hub() const {
  return error_about(std::errc::bad_message, "connect",
                     "the server does not speak the NATS client protocol",
                     "check whether a hub listens there");
}

Error HubClientState::too_large() const {
  return error_about(
      std::errc::message_size, "receive",
      "a message is over the limit of " + std::to_string(options_.limits.max_message) + " bytes");
}

Error HubClientState::complaint_of(ByteView text, std::string operation) const {
  const auto code =
      is_about_permissions(text) ? std::errc::permission_denied : std::errc::protocol_error;
  return error_about(code, std::move(operation), "the hub replied: " + printable(text));
}

}  // namespace hallway::detail
