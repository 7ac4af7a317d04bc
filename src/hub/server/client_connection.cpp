// SPDX-License-Identifier: Apache-2.0
#include "hub/server/client_connection.hpp"

#include <algorithm>
#include <chrono>
#include <new>
#include <utility>

#include "hub/json.hpp"
#include "hub/reserved_subjects.hpp"
#include "loop/timed_wait.hpp"
#include "message/connection/connection_state.hpp"
#include "net/trust.hpp"
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
constexpr std::size_t most_users_told = 256;

std::uint64_t microseconds(Duration time) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(time).count());
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
      parser_(nats::Sender::client, {hub.limits.control_line, hub.limits.max_payload}),
      header_memory_(user_.account(), core::Quota::memory),
      rest_memory_(user_.account(), core::Quota::memory) {
  hub_.clients.emplace(number_, this);
  ++hub_.clients_total;
  ++hub_.reading;
}

ClientConnection::~ClientConnection() {
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
  subscriber_.deliver_rest();
}

Task<Outcome> ClientConnection::read() {
  Users& users = hub_.users;
  while (!subscriber_.ended()) {
    while (users.over(user_)) co_await users.next_turn(user_, true);
    const Received piece = co_await connection_.receive();
    if (!piece) co_return piece.outcome();
    while (users.over(user_)) co_await users.next_turn(user_, false);
    users.begin();
    parser_.arrive(*piece);
    while (const nats::Operation* operation = parser_.next()) {
      set_finishing(false);
      dispatch(*operation);
      if (has_to_wait()) co_await wait();
      answered_ = false;
      work_ += work_of_operation;
      for (bool had_some = true; turn_is_over(); had_some = false) {
        co_await users.next_turn(user_, had_some);
        users.begin();
      }
      if (subscriber_.ended()) co_return Outcome::closed;
    }
    users.note(user_);
    if (parser_.error() != nats::ProtocolError::none) {
      refuse(text_of(parser_.error(), parser_.verb()));
    } else if (!reserve_rest_now()) {
      co_await reserve_rest();
    }
  }
  co_return Outcome::closed;
}

/// Whether the client's next operation has to wait: for the reply to its request for statistics,
/// for room at a subscriber, or, as back-pressure, until the client reads the replies sent to it.
bool ClientConnection::has_to_wait() {
  return statistics_for_ || full_ != nullptr || has_unread_answers();
}

bool ClientConnection::has_unread_answers() { return answered_ && !subscriber_.has_room(); }

Task<> ClientConnection::wait() {
  if (statistics_for_) co_await answer_when_writable();
  while (full_ != nullptr) {
    co_await wait_for(*full_);
    publish_again();
  }
  if (!has_unread_answers()) co_return;
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

/// Waits until a subscriber has room for what this client publishes: for HubLimits::hold_time in
/// all, or without limit if a rule makes publishers wait.
Task<> ClientConnection::wait_for(Subscriber& full) {
  hub_.users.note(user_);
  user_.count_held_back();
  const auto began = Loop::Clock::now();
  held_back_ = true;
  co_await full.room(std::max(hold_left_, hub_.limits.hold_time / 4));
  held_back_ = false;
  hold_left_ -= Loop::Clock::now() - began;
  if (publication_ && hold_left_ <= Duration::zero()) publication_->was_held = true;
  hub_.users.begin();
}

std::size_t ClientConnection::memory_for_rest() const noexcept {
  const std::size_t rest = parser_.rest_memory();
  return rest > small_rest ? rest : 0;
}

/// Charges memory for the rest of an incomplete operation. What was reserved for the operation
/// before is released first: otherwise clients of one user could wait for each other, and a client
/// for itself. Where the share of the user is used up, a client yields to those that wait already:
/// otherwise one that sends without a pause would take each chance.
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
/// read: so clients get the memory one after the other, where clients that each held a part would
/// wait for each other. A client that gets no memory within HubLimits::slow_time is disconnected.
Task<> ClientConnection::reserve_rest() {
  const auto longest = Loop::Clock::now() + hub_.limits.slow_time;
  const User::MemoryWait wait(user_);
  user_.count_held_back();
  held_back_ = true;
  while (!subscriber_.ended()) {
    if (hub_.leaving) {
      rest_memory_.set(memory_for_rest());
      break;
    }
    if (Loop::Clock::now() >= longest) {
      refuse(nats::errors::no_memory_left);
      break;
    }
    co_await hub_.loop.sleep(between_looks_for_memory);
    if (reserve_rest_now()) break;
  }
  held_back_ = false;
}

/// Answers a request for statistics when the loop has nothing else to do, so that it delays no
/// message and counts the messages that have arrived. It waits for that for at most
/// statistics_patience in all.
Task<> ClientConnection::answer_when_writable() {
  Duration patience = statistics_patience;
  detail::LoopCore& core = hub_.loop.core();
  while (statistics_for_) {
    const auto began = Loop::Clock::now();
    if (patience > Duration::zero()) {
      hub_.users.note(user_);
      co_await detail::TimedWait(core, core.until_idle(), patience);
      hub_.users.begin();
    }
    patience -= Loop::Clock::now() - began;
    if (Subscriber* const full = answer_statistics(); full != nullptr) co_await wait_for(*full);
  }
}

void ClientConnection::stop_reading() noexcept {
  if (!std::exchange(reading_, false)) return;
  if (--hub_.reading == 0) detail::wake_all(hub_.loop.core(), hub_.until_read);
}

void ClientConnection::dispatch(const nats::Operation& operation) {
  switch (operation.verb) {
    case Verb::connect: return connect(operation.text);
    case Verb::pub:
    case Verb::hpub: return handle_publish(operation);
    case Verb::sub: return subscribe(operation);
    case Verb::unsub: return unsubscribe(operation);
    case Verb::ping: return pong();
    case Verb::pong: pings_out_ = 0; return;
    case Verb::err: return refuse(nats::errors::client_error(operation.text));
    default: return;  // INFO and +OK from a client have no meaning
  }
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
  subscriber_.take_headers(options_.headers);
  if (is_link) subscriber_.become_link();
  decision_.known = false;
  ok();
}

// Subscribing ------------------------------------------------------------------------------------

// The checks are in the order of nats-server, so that a client gets the same error.
void ClientConnection::subscribe(const nats::Operation& operation) {
  const ByteView subject = operation.subject;
  const bool valid = is_valid_subject(subject);
  if (count_tokens(subject) > hub_.limits.subject_tokens) {
    return violation(nats::errors::too_many_tokens(subject));
  }
  const auto allowed =
      valid ? permissions_.may_subscribe(subject) : Permissions::Subscribing::whole;
  const bool hears_interest = subject == interest_subject;
  const bool for_trusted = hears_interest || operation.queue.starts_with(link_prefix);
  if (allowed == Permissions::Subscribing::refused ||
      (for_trusted && !net::trusts(connection_.peer()))) {
    return violation(nats::errors::subscription_violation(subject, operation.queue));
  }
  if (!user_.may_subscribe()) {
    return complain(nats::errors::too_many_subscriptions);
  }
  if (subscriber_.find(operation.sid) != nullptr) return ok();  // the sid is in use
  if (!valid) return complain(nats::errors::invalid_subject);
  if (has_white_space(operation.queue)) return complain(nats::errors::invalid_queue_name);
  const bool in_part = allowed == Permissions::Subscribing::in_part;
  subscriber_.subscribe(std::string(operation.sid), std::string(subject), group_of(operation.queue),
                        service_of(subject, in_part));
  ok();
  if (subscriber_.is_link()) subscribe_link(subject);
  if (hears_interest) hub_.interest.listen(number_, std::string(operation.sid));
}

Service ClientConnection::service_of(ByteView subject, bool in_part) const {
  const DeliveryRule* rule = hub_.rules.delivery_of(subject, connection_.peer(), groups_);
  DeliveryPolicy policy =
      rule != nullptr ? rule->policy : options_.full.value_or(DeliveryPolicy::disconnect);
  // Only a rule may make publishers wait without limit; a client cannot choose that.
  if (rule == nullptr && policy == DeliveryPolicy::wait) policy = DeliveryPolicy::disconnect;
  // Publishers wait for such a subscription, so it needs no queue.
  const std::size_t pending =
      policy == DeliveryPolicy::wait ? 0 : hub_.limits.pending_per_subscription;
  Service service{.policy = policy,
                  .holds_back = policy == DeliveryPolicy::disconnect && !subscriber_.is_link() &&
                                hub_.limits.least_rate > 0,
                  .pending = rule != nullptr ? rule->pending.value_or(pending) : pending,
                  .in_part = in_part ? &permissions_ : nullptr,
                  .hears_inboxes = permissions_.hears_inboxes(subject)};
  if (subject == interest_subject) {
    // A listener that missed a change would have to start over, so InterestNotifier sends it only
    // what fits.
    service.policy = DeliveryPolicy::disconnect;
    service.holds_back = false;
    service.pending = hub_.limits.memory_per_uid;
  }
  return service;
}

void ClientConnection::unsubscribe(const nats::Operation& operation) {
  ok();
  ClientSubscription* subscription = subscriber_.find(operation.sid);
  if (subscription != nullptr) subscriber_.end_after(*subscription, operation.max);
}

// Publishing -------------------------------------------------------------------------------------

void ClientConnection::handle_publish(const nats::Operation& operation) {
  if (operation.verb == Verb::hpub && !options_.headers) {
    return refuse(nats::errors::headers_not_supported);
  }
  ++hub_.messages_in;
  hub_.bytes_in += operation.header.size() + operation.payload.size();
  const ByteView subject = operation.subject;
  const bool is_link = subscriber_.is_link();
  if (is_link && subject.starts_with(asked_prefix)) return bring_back(operation);
  const PublishDecision& decision = decide_publish(subject);
  if (!decision.valid) return violation(nats::errors::invalid_publish_subject);
  if (!operation.reply.empty() && has_white_space(operation.reply)) {
    return violation(nats::errors::invalid_reply_subject);
  }
  if (options_.pedantic && !is_valid_literal(subject)) {
    complain(nats::errors::invalid_publish_subject);
  }
  if (!decision.allowed) return violation(nats::errors::publish_violation(subject));
  ok();
  if (subject == statistics_subject) {
    if (!operation.reply.empty()) statistics_for_ = operation.reply;
    hold_left_ = hub_.limits.hold_time;
    return;
  }
  // A link forwards messages that were published elsewhere, by publishers that this kernel does not
  // know.
  publish({.subject = subject,
           .reply = operation.reply,
           .header = decision.identified && !is_link ? with_identity(operation)
                                                     : without_forged_identity(operation),
           .payload = operation.payload,
           .except = options_.echo ? nullptr : &subscriber_,
           .publisher = number_,
           .user = &user_});
}

const ClientConnection::PublishDecision& ClientConnection::decide_publish(ByteView subject) {
  if (decision_.known && decision_.subject == subject) return decision_;
  decision_.known = false;
  decision_.subject = subject;
  decision_.valid = !has_white_space(subject);
  decision_.allowed = !is_reserved(subject) && permissions_.may_publish(subject);
  decision_.identified = hub_.rules.stamps(subject);
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
  header_memory_.set(0);
  if (header_.capacity() > header_kept) header_ = {};
}

/// Delivers a message to its subscribers, or retains it until one of them has room.
void ClientConnection::publish(const Publication& publication) {
  if (subscriber_.ended()) return;
  const auto [delivered, blocked_by, work] = hub_.delivery.publish(publication);
  work_ += work;
  if (blocked_by != nullptr) return keep_for(*blocked_by, publication);
  if (!hub_.absent_links.empty() && !subscriber_.is_link()) {
    hub_.absent_links.publish(publication.subject, hub_.loop.now());
  }
  if (!delivered && options_.no_responders && !publication.reply.empty()) {
    hub_.delivery.tell_no_responders(subscriber_, publication.reply);
    work_ += hub_.router.looked_at();
    answered_ = true;
  }
  if (!publication.header.empty()) drop_large_header();
}

/// Retains the message until a subscriber has room. This client is paused until then.
void ClientConnection::keep_for(Subscriber& full, const Publication& publication) {
  full_ = &full;
  if (publication_) return;  // it is the retained one
  publication_ = publication;
  hold_left_ = hub_.limits.hold_time;
  header_memory_.set(header_.capacity());
}

/// Publishes the retained message, unless it has to wait again.
void ClientConnection::publish_again() {
  full_ = nullptr;
  asker_ ? bring_to_asker(*publication_) : publish(*publication_);
  if (full_ != nullptr) return;
  publication_.reset();
  asker_.reset();
}

/// @return the requester itself if its subscription makes publishers wait now; else nullptr
Subscriber* ClientConnection::answer_statistics() {
  if (!subscriber_.ended()) {
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
        .add("answers_refused", all.answers_refused)
        .add("users", users_to_be_told());
    Subscriber* const full = hub_.delivery
                                 .answer(subscriber_, {.subject = *statistics_for_,
                                                       .reply = {},
                                                       .header = {},
                                                       .payload = text.text(),
                                                       .was_held = hold_left_ <= Duration::zero()})
                                 .blocked_by;
    work_ += hub_.router.looked_at();
    if (full != nullptr) return full;
    answered_ = true;
  }
  statistics_for_.reset();
  return nullptr;
}

/// The resources that each user takes up. A client of a user other than root and the hub's own sees
/// only its own user.
std::vector<JsonObject> ClientConnection::users_to_be_told() const {
  std::vector<JsonObject> users;
  const bool all = net::trusts(connection_.peer());
  for (const UserStatistics& user : hub_.user_statistics()) {
    if (!all && user.uid != user_.account().uid()) continue;
    if (users.size() == most_users_told) break;
    JsonObject one;
    one.add("uid", user.uid)
        .add("connections", user.connections)
        .add("subscriptions", user.subscriptions)
        .add("memory", user.memory)
        .add("memory_share", user.memory_share)
        .add("loop_microseconds", microseconds(user.loop_time))
        .add("held_back", user.held_back);
    users.push_back(std::move(one));
  }
  return users;
}

// Answering --------------------------------------------------------------------------------------

void ClientConnection::send_info() {
  const std::string text = hub_.info.to_json(number_, hub_.leaving);
  reply({.verb = Verb::info, .text = text});
}

void ClientConnection::enter_lame_duck() {
  if (!subscriber_.ended()) send_info();
}

void ClientConnection::reply(const nats::Operation& operation) {
  settle_deliveries();
  subscriber_.write(nats::to_bytes(operation));
  answered_ = true;
}

void ClientConnection::ok() {
  if (options_.verbose) reply({.verb = Verb::ok});
}

void ClientConnection::complain(ByteView error) { reply({.verb = Verb::err, .text = error}); }

void ClientConnection::violation(ByteView text) {
  ++hub_.violations;
  hub_.report(HubEvent::Kind::violation, connection_, std::string(text));
  complain(text);
}

/// Reports an error to the client and the log, and ends the connection.
void ClientConnection::refuse(ByteView error) {
  hub_.report(HubEvent::Kind::refused, connection_, std::string(error));
  subscriber_.end(error);
}

/// The message that causes a slow link to be disconnected is the first that it misses, so the link
/// is remembered as absent now: the client connection ends only later.
void ClientConnection::miss_from_now_on() noexcept {
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
  if (subscriber_.is_link()) miss_from_now_on();
  hub_.report(HubEvent::Kind::slow_consumer, connection_, std::string(nats::errors::slow_consumer));
}

// Rules and clocks -------------------------------------------------------------------------------

void ClientConnection::rules_changed() {
  settle_deliveries();
  permissions_ = permissions_now();
  decision_.known = false;
  std::vector<std::string> refused;
  subscriber_.for_each([&](ClientSubscription& subscription) {
    subscription.hears_inboxes = permissions_.hears_inboxes(subscription.subject());
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
    const Peer other{responsible, peer.gid, peer.pid};
    permissions.restrict_to(hub_.rules.permissions_of(other, groups_, false));
  }
  return permissions;
}

void ClientConnection::restart_ping_clock() {
  if (hub_.limits.ping_interval <= Duration::zero()) return;
  start(hub_.loop.core(), Loop::Clock::now() + hub_.limits.ping_interval);
}

/// A client is alive if it has sent anything since the last call, or if the hub has paused it.
void ClientConnection::fire() {
  if (subscriber_.ended()) return;
  const std::uint64_t heard = connection_.counters().bytes_received;
  if (std::exchange(heard_, heard) != heard || held_back_) {
    pings_out_ = 0;
  } else if (pings_out_ >= hub_.limits.pings_unanswered) {
    return refuse(nats::errors::stale_connection);
  } else {
    ++pings_out_;
    reply({.verb = Verb::ping});
  }
  restart_ping_clock();
}

}  // namespace hallway::hub
