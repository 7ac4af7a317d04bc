// SPDX-License-Identifier: Apache-2.0
#include "hub/server/client_connection.hpp"

#include <algorithm>
#include <chrono>
#include <new>
#include <utility>

#include <hallway/detail/race.hpp>

#include "hub/json.hpp"
#include "loop/timed_wait.hpp"
#include "message/connection/connection_state.hpp"
#include "net/tcp_listener.hpp"
#include "net/trust.hpp"
#include "subject/reserved_subjects.hpp"
#include "subject/subject.hpp"
#include "wire/nats_errors.hpp"
#include "wire/nats_writer.hpp"

namespace hallway::hub {

namespace {

// Units of work (operations, and entries that the router visits) between two readings of the clock.
// The clock matters because the operations that one client has sent at once may occupy the loop for
// half a minute, if wildcards match everywhere or thousands of subscribers get each message.
constexpr std::size_t work_between_looks = 1024;
constexpr std::size_t work_of_operation = 16;

// Memory for an incomplete operation is charged only above this size: up to it, the fixed cost of
// each connection includes it.
constexpr std::size_t small_rest = 8 * kibibyte;

// How often a client connection checks whether there is memory for the rest of its operation.
constexpr Duration between_looks_for_memory = std::chrono::milliseconds(10);

// Maximum number of users in a reply to a request for statistics: those with the lowest uids.
constexpr std::size_t max_users_reported = 256;

std::uint64_t microseconds(Duration time) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(time).count());
}

template <typename Statistics>
void add_retained(JsonObject& text, const Statistics& of) {
  text.add("retained", of.retained)
      .add("retained_memory", of.retained_memory)
      .add("retained_evicted", of.retained_evicted);
}

// Maximum capacity that the buffer for changed headers retains between messages.
constexpr std::size_t header_kept = 4 * kibibyte;

// How long a request for statistics waits for the loop to be idle.
constexpr Duration statistics_patience = std::chrono::milliseconds(100);

}  // namespace

using nats::Verb;

ClientConnection::ClientConnection(HubState& hub, Connection connection)
    : hub_(hub),
      connection_(std::move(connection)),
      membership_(hub.users, detail::ConnectionState::of(connection_).observer()->account()),
      user_(membership_.user()),
      groups_(connection_.peer_groups().value_or(std::vector<std::uint32_t>())),
      permissions_(permissions_now()),
      subscriber_(connection_, user_, hub.limits, hub.router, hub.totals, *this),
      parser_(nats::Sender::client, {hub.limits.max_control_line, hub.limits.max_payload}),
      rest_memory_(user_.account(), core::Quota::memory) {
  hub_.clients.emplace(number_, this);
  ++hub_.clients_total;
  ++hub_.reading;
}

ClientConnection::~ClientConnection() {
  hub_.delivery.settle();
  stop_reading();
  set_finishing(false);
  hub_.clients.erase(number_);
  leave_as_link();
}

// Reading ----------------------------------------------------------------------------------------

Task<> ClientConnection::run() {
  send_info();
  restart_ping_clock();
  const Outcome end = co_await read();
  stop_reading();
  if (end != Outcome::closed || subscriber_.ended()) co_return;
  // The hub drains: other clients may still publish messages that this one has to receive.
  if (hub_.reading > 0) {
    co_await detail::TimedWait(hub_.loop.core(), hub_.until_read);
  }
  hub_.delivery.settle();
  subscriber_.deliver_rest();
}

// NOLINTNEXTLINE(readability-function-cognitive-complexity): one frame for all it waits for
Task<Outcome> ClientConnection::read() {
  Users& users = hub_.users;
  while (!subscriber_.ended()) {
    while (users.over(user_)) co_await users.next_turn(user_, true);
    const hallway::Received piece = co_await connection_.receive();
    if (!piece) co_return piece.outcome();
    while (users.over(user_)) co_await users.next_turn(user_, false);
    users.begin();
    parser_.arrive(*piece);
    while (const nats::Operation* operation = parser_.next()) {
      set_finishing(false);
      // An UNSUB with a number that follows the SUB also counts retained values.
      if (awaiting_retained_ && operation->verb != Verb::unsub) {
        co_await send_retained();
        if (subscriber_.ended()) co_return Outcome::closed;
      }
      const std::optional<Unfinished> unfinished = dispatch(*operation);
      if (unfinished && unfinished->full != nullptr) {
        co_await publish_when_room(unfinished->publication, unfinished->full);
      } else if (unfinished) {
        co_await answer_statistics(unfinished->publication.reply);
      }
      if (has_unread_answers()) co_await flush_answers();
      answered_ = false;
      work_ += work_of_operation;
      for (bool had_some = true; turn_is_over(); had_some = false) {
        co_await users.next_turn(user_, had_some);
        users.begin();
      }
      if (subscriber_.ended()) co_return Outcome::closed;
    }
    if (awaiting_retained_) co_await send_retained();
    users.note(user_);
    if (!accept_rest()) co_await reserve_rest();
  }
  co_return Outcome::closed;
}

/// Reserves memory for an operation of which a part has arrived, or refuses input that is not one.
/// @return false if the memory has to be waited for
bool ClientConnection::accept_rest() {
  if (parser_.error() == nats::ProtocolError::none) return reserve_rest_now();
  refuse(text_of(parser_.error(), parser_.verb()));
  return true;
}

/// Whether the client's next operation has to wait, as back-pressure, until the client reads the
/// replies sent to it.
bool ClientConnection::has_unread_answers() { return answered_ && !subscriber_.has_room(); }

Task<> ClientConnection::flush_answers() {
  hub_.users.note(user_);
  co_await connection_.flush();
  hub_.users.begin();
}

/// Whether the user's share of this turn is used up. It reads the clock only once in
/// work_between_looks units of work.
bool ClientConnection::turn_is_over() {
  if (work_ < work_between_looks) return false;
  hub_.users.note(user_);
  const bool over = hub_.users.over(user_) && !subscriber_.ended();
  if (!over) work_ = 0;
  return over;
}

/// Waits until a subscriber has room for what this client publishes.
/// @param hold_left  for how long back-pressure may still pause this client; the wait reduces it
Task<> ClientConnection::wait_for(Subscriber& full, Duration& hold_left) {
  hub_.users.note(user_);
  user_.count_held_back();
  const auto began = Loop::Clock::now();
  held_back_ = true;
  co_await hub_.delivery.wait_for_room(full, std::max(hold_left, hub_.limits.hold_time / 4));
  held_back_ = false;
  hold_left -= Loop::Clock::now() - began;
  hub_.users.begin();
}

std::size_t ClientConnection::memory_for_rest() const noexcept {
  const std::size_t rest = parser_.rest_memory();
  return rest > small_rest ? rest : 0;
}

/// Charges memory for the rest of an incomplete operation. What was reserved for the operation
/// before is released first: otherwise clients of one user could wait for each other, and a client
/// for itself. If the user has used up its share, a client that has not waited yet yields to those
/// that wait: otherwise a client that sends without a pause would always get the memory first.
/// @return false if there is not enough memory now
bool ClientConnection::reserve_rest_now() noexcept {
  const std::size_t wanted = memory_for_rest();
  if (wanted > 0 && !finishing_) {
    rest_memory_.set(std::min(rest_memory_.amount(), parser_.memory()));
    const bool yields = !held_back_ && user_.waits_for_memory();
    if (!rest_memory_.may_grow() && (yields || !user_.may_exceed_share())) return false;
  }
  rest_memory_.set(wanted);
  set_finishing(wanted > 0);
  return true;
}

void ClientConnection::set_finishing(bool finishing) noexcept {
  if (std::exchange(finishing_, finishing) == finishing) return;
  if (finishing) user_.begin_finishing();
  if (!finishing) user_.end_finishing();
}

/// A large operation has arrived only in part. Memory for all of it is charged before more of it is
/// read, so that clients get the memory one after the other: clients that each held memory for a
/// part would wait for each other. A client that gets none within HubLimits::slow_time is
/// disconnected.
Task<> ClientConnection::reserve_rest() {
  const auto deadline = Loop::Clock::now() + hub_.limits.slow_time;
  const User::MemoryWait wait(user_);
  user_.count_held_back();
  held_back_ = true;
  while (!subscriber_.ended()) {
    if (hub_.leaving) {
      rest_memory_.set(memory_for_rest());
      break;
    }
    if (Loop::Clock::now() >= deadline) {
      refuse(nats::errors::no_memory_left);
      break;
    }
    co_await detail::Pause(between_looks_for_memory);
    if (reserve_rest_now()) break;
  }
  held_back_ = false;
}

void ClientConnection::stop_reading() noexcept {
  if (!std::exchange(reading_, false)) return;
  if (--hub_.reading == 0) detail::wake_all(hub_.loop.core(), hub_.until_read);
}

std::optional<ClientConnection::Unfinished> ClientConnection::dispatch(
    const nats::Operation& operation) {
  switch (operation.verb) {
    case Verb::pub:
    case Verb::hpub: return handle_publish(operation);
    case Verb::connect: connect(operation.text); break;
    case Verb::sub: subscribe(operation); break;
    case Verb::unsub: unsubscribe(operation); break;
    case Verb::ping: pong(); break;
    case Verb::pong: pings_out_ = 0; break;
    case Verb::err: refuse(nats::errors::client_error(operation.text)); break;
    default: break;  // INFO and +OK from a client have no meaning
  }
  return std::nullopt;
}

void ClientConnection::connect(ByteView text) {
  const auto options = options_.with(text);
  if (!options) return refuse(options.error());
  if (const ByteView why = options->refusal(); !why.empty()) return refuse(why);
  const bool is_link = !options->link.empty();
  if (is_link && !net::trusts(connection_.peer())) {
    return refuse(nats::errors::authorization_violation);
  }
  options_ = *options;
  hub_.delivery.settle();
  subscriber_.take_headers(options_.headers);
  if (is_link) subscriber_.become_link(options_.publishers);
  decision_.known = false;
  ok();
}

// Subscribing ------------------------------------------------------------------------------------

// The checks are in the order of nats-server, so that a client gets the same error.
void ClientConnection::subscribe(const nats::Operation& operation) {
  const ByteView subject = operation.subject;
  const bool valid = is_subject_pattern(subject);
  if (count_tokens(subject) > hub_.limits.max_subject_tokens) {
    return violation(nats::errors::too_many_tokens(subject));
  }
  const auto allowed =
      valid ? permissions_.may_subscribe(subject) : Permissions::Subscribing::whole;
  const bool wants_interest = subject == interest_subject;
  const bool for_trusted = wants_interest || operation.queue.starts_with(link_prefix);
  if (allowed == Permissions::Subscribing::refused ||
      (for_trusted && !net::trusts(connection_.peer()))) {
    return violation(nats::errors::subscription_violation(subject, operation.queue));
  }
  if (!user_.may_subscribe()) {
    return send_error(nats::errors::too_many_subscriptions);
  }
  if (subscriber_.find(operation.sid) != nullptr) return ok();  // the sid is in use
  if (!valid) return send_error(nats::errors::invalid_subject);
  if (has_white_space(operation.queue)) return send_error(nats::errors::invalid_queue_name);
  const bool in_part = allowed == Permissions::Subscribing::in_part;
  hub_.delivery.settle();
  subscriber_.subscribe(std::string(operation.sid), std::string(subject), group_of(operation.queue),
                        service_of(subject, in_part));
  ok();
  // Out of memory, the client has ended with its subscriptions.
  if (ClientSubscription* made = subscriber_.find(operation.sid)) await_retained(*made);
  if (subscriber_.is_link()) subscribe_link(subject);
  if (wants_interest) hub_.interest.add_listener(number_, std::string(operation.sid));
}

Service ClientConnection::service_of(ByteView subject, bool in_part) const {
  const DeliveryRule* rule = hub_.rules.delivery_of(subject, connection_.peer(), groups_);
  OverflowPolicy policy =
      rule != nullptr ? rule->overflow : options_.overflow.value_or(OverflowPolicy::disconnect);
  // Only a rule may make publishers wait without limit; a client cannot choose that.
  if (rule == nullptr && policy == OverflowPolicy::wait) policy = OverflowPolicy::disconnect;
  // Publishers wait for such a subscription, so it needs no queue.
  const std::size_t pending =
      policy == OverflowPolicy::wait ? 0 : hub_.limits.max_pending_per_subscription;
  Service service{.policy = policy,
                  .holds_back = policy == OverflowPolicy::disconnect && !subscriber_.is_link() &&
                                hub_.limits.min_rate > 0,
                  .pending = rule != nullptr ? rule->pending.value_or(pending) : pending,
                  .in_part = in_part ? &permissions_ : nullptr,
                  .receives_inboxes = permissions_.receives_inboxes(subject)};
  if (subject == interest_subject) {
    // A listener that missed a change would have to start over, so InterestNotifier sends it only
    // what fits.
    service.policy = OverflowPolicy::disconnect;
    service.holds_back = false;
    service.pending = hub_.limits.max_memory_per_uid;
  }
  return service;
}

void ClientConnection::unsubscribe(const nats::Operation& operation) {
  ok();
  hub_.delivery.settle();
  ClientSubscription* subscription = subscriber_.find(operation.sid);
  if (subscription != nullptr) subscriber_.end_after(*subscription, operation.max);
}

// Publishing -------------------------------------------------------------------------------------

std::optional<ClientConnection::Unfinished> ClientConnection::handle_publish(
    const nats::Operation& operation) {
  if (operation.verb == Verb::hpub && !options_.headers) {
    refuse(nats::errors::headers_not_supported);
    return std::nullopt;
  }
  ++hub_.messages_in;
  hub_.bytes_in += operation.header.size() + operation.payload.size();
  const ByteView subject = operation.subject;
  const bool is_link = subscriber_.is_link();
  if (is_link && subject.starts_with(asked_prefix)) return import_reply(operation);
  const PublishDecision& decision = decide_publish(subject);
  if (!decision.valid) return refuse_publish(nats::errors::invalid_publish_subject);
  if (!operation.reply.empty() && has_white_space(operation.reply)) {
    return refuse_publish(nats::errors::invalid_reply_subject);
  }
  if (options_.pedantic && !is_subject(subject)) {
    send_error(nats::errors::invalid_publish_subject);
  }
  if (!decision.allowed) return refuse_publish(nats::errors::publish_violation(subject));
  ok();
  if (subject == statistics_subject) {
    if (operation.reply.empty()) return std::nullopt;
    return Unfinished{{.subject = subject, .reply = operation.reply, .header = {}, .payload = {}}};
  }
  if (subject == delivered_subject) return answer_count(operation.reply, delivered_to_);
  if (subject == matches_subject) return answer_matches(operation);
  // A link forwards messages that were published elsewhere, by publishers that this kernel does not
  // know.
  return try_publish({.subject = subject,
                      .reply = operation.reply,
                      .header = decision.identified && !is_link
                                    ? with_identity(operation)
                                    : without_forged_identity(operation),
                      .payload = operation.payload,
                      .except = options_.echo ? nullptr : &subscriber_,
                      .publisher = number_,
                      .user = &user_});
}

std::optional<ClientConnection::Unfinished> ClientConnection::refuse_publish(ByteView error) {
  delivered_to_ = {};
  violation(error);
  return std::nullopt;
}

const ClientConnection::PublishDecision& ClientConnection::decide_publish(ByteView subject) {
  if (decision_.known && decision_.subject == subject) return decision_;
  decision_.known = false;
  decision_.subject = subject;
  decision_.valid = !has_white_space(subject);
  // The answers to these questions reveal nothing that publishing would not.
  const bool asks_for_count = subject == delivered_subject || subject == matches_subject;
  decision_.allowed =
      !is_reserved(subject) && (asks_for_count || permissions_.may_publish(subject));
  decision_.identified = hub_.rules.identifies(subject);
  decision_.known = true;
  return decision_;
}

/// The header of the message with the publisher's identity added.
ByteView ClientConnection::with_identity(const nats::Operation& operation) {
  if (!identity_) identity_.emplace(connection_);
  identity_->add(operation.header, header_);
  return header_;
}

/// The header of the message without any field that looks like an identity.
ByteView ClientConnection::without_forged_identity(const nats::Operation& operation) {
  if (operation.header.empty()) return {};
  return IdentityHeader::strip(operation.header, header_) ? ByteView(header_) : operation.header;
}

/// Releases the buffer of a changed header if it is large.
void ClientConnection::drop_large_header() noexcept {
  if (header_.capacity() > header_kept) header_ = {};
}

/// Delivers a message to its subscribers.
/// @return the subscriber that must have room before any subscriber gets the message, or nullptr
Subscriber* ClientConnection::publish(const Publication& publication) {
  if (subscriber_.ended()) return nullptr;
  if (publication.requester != 0) return publish_to_requester(publication);
  const auto [delivered, blocked_by, work, recipients] = hub_.delivery.publish(publication);
  work_ += work;
  if (blocked_by != nullptr) return blocked_by;
  delivered_to_ = recipients;
  if (!hub_.absent_links.empty() && !subscriber_.is_link()) {
    hub_.absent_links.publish(publication.subject, hub_.loop.now());
  }
  if (!delivered && options_.no_responders && !publication.reply.empty()) {
    hub_.delivery.report_no_responders(subscriber_, publication.reply);
    work_ += hub_.router.looked_at();
    answered_ = true;
  }
  if (hub_.retained.active()) [[unlikely]]
    retain(publication);
  if (!publication.header.empty()) drop_large_header();
  return nullptr;
}

/// @return the message, if it has to wait
std::optional<ClientConnection::Unfinished> ClientConnection::try_publish(
    const Publication& publication) {
  Subscriber* const full = publish(publication);
  if (full == nullptr) return std::nullopt;
  return Unfinished{publication, full};
}

/// Publishes a message that has to wait until a subscriber has room: for HubLimits::hold_time in
/// all, or without limit if a rule makes publishers wait.
Task<> ClientConnection::publish_when_room(Publication publication, Subscriber* full) {
  core::Charge header_memory(user_.account(), core::Quota::memory);
  header_memory.set(header_.capacity());
  Duration hold_left = hub_.limits.hold_time;
  while (full != nullptr) {
    co_await wait_for(*full, hold_left);
    publication.was_held = publication.was_held || hold_left <= Duration::zero();
    full = publish(publication);
  }
}

// Counts -----------------------------------------------------------------------------------------

/// Answers how many subscriptions match the subject in the payload. A client may ask only about
/// subjects that it may publish to.
std::optional<ClientConnection::Unfinished> ClientConnection::answer_matches(
    const nats::Operation& question) {
  const ByteView subject = question.payload;
  const bool valid = subject.size() <= hub_.limits.max_control_line && is_subject(subject);
  if (!valid) {
    violation(nats::errors::invalid_publish_subject);
    return std::nullopt;
  }
  if (is_reserved(subject) || !permissions_.may_publish(subject)) {
    violation(nats::errors::publish_violation(subject));
    return std::nullopt;
  }
  const Delivery::Recipients count = hub_.delivery.count_matches(subject);
  work_ += hub_.router.looked_at();
  return answer_count(question.reply, count);
}

std::optional<ClientConnection::Unfinished> ClientConnection::answer_count(
    ByteView reply, Delivery::Recipients count) {
  if (reply.empty()) return std::nullopt;
  JsonObject text;
  text.add("subscriptions", count.subscriptions).add("links", count.links);
  counted_ = text.text();
  answered_ = true;
  return try_publish(
      {.subject = reply, .reply = {}, .header = {}, .payload = counted_, .requester = number_});
}

// Statistics -------------------------------------------------------------------------------------

/// Answers a request for statistics when the loop has nothing else to do, so that it delays no
/// message and counts the messages that have arrived. It waits for that for at most
/// statistics_patience in all.
Task<> ClientConnection::answer_statistics(ByteView reply) {
  Duration hold_left = hub_.limits.hold_time;
  Duration patience = statistics_patience;
  detail::LoopCore& core = hub_.loop.core();
  while (true) {
    const auto began = Loop::Clock::now();
    if (patience > Duration::zero()) {
      hub_.users.note(user_);
      co_await detail::TimedWait(core, core.until_idle(), patience);
      hub_.users.begin();
    }
    patience -= Loop::Clock::now() - began;
    Subscriber* const full = send_statistics(reply, hold_left <= Duration::zero());
    if (full == nullptr) break;
    co_await wait_for(*full, hold_left);
  }
}

/// @return the requester itself if its subscription makes publishers wait now; else nullptr
Subscriber* ClientConnection::send_statistics(ByteView reply, bool was_held) {
  if (subscriber_.ended()) return nullptr;
  const HubStatistics all = hub_.statistics();
  JsonObject text;
  text.add("connections", all.connections)
      .add("subscriptions", all.subscriptions)
      .add("connections_total", all.connections_total)
      .add("messages_in", all.messages_in)
      .add("bytes_in", all.bytes_in)
      .add("messages_out", all.messages_out)
      .add("bytes_out", all.bytes_out)
      .add("dropped", all.dropped)
      .add("superseded", all.superseded)
      .add("slow_consumers", all.slow_consumers)
      .add("violations", all.violations)
      .add("answers_refused", all.answers_refused);
  if (hub_.retained.active()) add_retained(text, all);
  text.add("users", visible_users());
  Subscriber* const full = hub_.delivery
                               .answer(subscriber_, {.subject = reply,
                                                     .reply = {},
                                                     .header = {},
                                                     .payload = text.text(),
                                                     .was_held = was_held})
                               .blocked_by;
  work_ += hub_.router.looked_at();
  if (full == nullptr) answered_ = true;
  return full;
}

/// The resources that each user takes up. A client of a user other than root and the hub's own sees
/// only its own user.
std::vector<JsonObject> ClientConnection::visible_users() const {
  std::vector<JsonObject> users;
  const bool all = net::trusts(connection_.peer());
  for (const UserStatistics& user : hub_.user_statistics()) {
    if (!all && user.uid != user_.account().uid()) continue;
    if (users.size() == max_users_reported) break;
    JsonObject one;
    one.add("uid", user.uid)
        .add("connections", user.connections)
        .add("subscriptions", user.subscriptions)
        .add("memory", user.memory)
        .add("memory_share", user.memory_share)
        .add("loop_microseconds", microseconds(user.loop_time))
        .add("held_back", user.held_back);
    if (hub_.retained.active()) add_retained(one, user);
    users.push_back(std::move(one));
  }
  return users;
}

// Answering --------------------------------------------------------------------------------------

void ClientConnection::send_info() {
  std::optional<HubInfo::TcpHost> at;
  if (connection_.peer().over_tcp) {
    const auto host = net::tcp_host(connection_.descriptor());
    if (host) at = {.host = host->host_text(), .port = host->port};
  }
  const std::string text = hub_.info.to_json(number_, hub_.leaving, at);
  reply({.verb = Verb::info, .text = text});
}

void ClientConnection::enter_lame_duck() {
  if (!subscriber_.ended()) send_info();
}

void ClientConnection::reply(const nats::Operation& operation) {
  hub_.delivery.settle();
  subscriber_.write(nats::to_bytes(operation));
  answered_ = true;
}

void ClientConnection::ok() {
  if (options_.verbose) reply({.verb = Verb::ok});
}

void ClientConnection::send_error(ByteView error) { reply({.verb = Verb::err, .text = error}); }

void ClientConnection::violation(ByteView text) {
  ++hub_.violations;
  hub_.report(HubEvent::Kind::violation, connection_, std::string(text));
  send_error(text);
}

/// Reports an error to the client and the log, and ends the connection.
void ClientConnection::refuse(ByteView error) {
  hub_.report(HubEvent::Kind::refused, connection_, std::string(error));
  hub_.delivery.settle();
  subscriber_.end(error);
}

/// The message that causes a slow link to be disconnected is the first that it misses, so the link
/// is remembered as absent now: the client connection ends only later.
void ClientConnection::remember_as_absent() noexcept {
  try {
    std::vector<std::string> subjects;
    subscriber_.for_each([&](const ClientSubscription& subscription) {
      if (subscription.subject() != interest_subject) subjects.push_back(subscription.subject());
    });
    hub_.absent_links.leave(options_.link, 0, std::move(subjects), hub_.loop.now());
  } catch (const std::bad_alloc&) {
    // The link will not be notified of what it missed.
  }
}

void ClientConnection::too_slow() noexcept {
  ++hub_.slow_consumers;
  if (subscriber_.is_link()) remember_as_absent();
  hub_.report(HubEvent::Kind::slow_consumer, connection_, std::string(nats::errors::slow_consumer));
}

// Rules and clocks -------------------------------------------------------------------------------

void ClientConnection::rules_changed() {
  hub_.delivery.settle();
  permissions_ = permissions_now();
  decision_.known = false;
  std::vector<std::string> refused;
  subscriber_.for_each([&](ClientSubscription& subscription) {
    subscription.receives_inboxes = permissions_.receives_inboxes(subscription.subject());
    switch (permissions_.may_subscribe(subscription.subject())) {
      case Permissions::Subscribing::refused: refused.push_back(subscription.sid()); break;
      case Permissions::Subscribing::whole: subscription.in_part = nullptr; break;
      case Permissions::Subscribing::in_part: subscription.in_part = &permissions_; break;
    }
  });
  for (const std::string& sid : refused) {
    ClientSubscription* subscription = subscriber_.find(sid);
    if (subscription == nullptr) return;  // reporting the last violation ended the connection
    const std::string text =
        nats::errors::subscription_violation(subscription->subject(), subscription->group());
    subscriber_.unsubscribe(*subscription);
    violation(text);
  }
}

/// The permissions of the client, restricted to those of the user that is responsible for it (the
/// one whose account it is charged to).
Permissions ClientConnection::permissions_now() const {
  const Peer& peer = connection_.peer();
  Permissions permissions = hub_.rules.permissions_of(peer, groups_, net::trusts(peer));
  const std::uint32_t responsible = user_.account().uid();
  if (responsible != peer.uid) {
    const Peer other{responsible, peer.gid, peer.pid, peer.over_tcp};
    permissions.restrict_to(hub_.rules.permissions_of(other, groups_, false));
  }
  return permissions;
}

void ClientConnection::restart_ping_clock() {
  if (hub_.limits.ping_interval <= Duration::zero()) return;
  start_after(hub_.loop.core(), hub_.limits.ping_interval);
}

/// A client is alive if it has sent anything since the last call, or if the hub has paused it.
void ClientConnection::fire() {
  if (subscriber_.ended()) return;
  const std::uint64_t received = connection_.counters().bytes_received;
  if (std::exchange(received_before_, received) != received || held_back_) {
    pings_out_ = 0;
  } else if (pings_out_ >= hub_.limits.max_unanswered_pings) {
    return refuse(nats::errors::stale_connection);
  } else {
    ++pings_out_;
    reply({.verb = Verb::ping});
  }
  restart_ping_clock();
}

}  // namespace hallway::hub
