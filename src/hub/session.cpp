// SPDX-License-Identifier: Apache-2.0
#include "hub/session.hpp"

#include <chrono>
#include <new>
#include <utility>

#include "hub/json.hpp"
#include "hub/reserved_subjects.hpp"
#include "hub/subject.hpp"
#include "loop/timed_wait.hpp"
#include "wire/nats_errors.hpp"
#include "wire/nats_writer.hpp"

namespace hallway::hub {

namespace {

// From here on it is the others' turn: a few milliseconds. What one client has sent at once may
// keep the loop for half a minute, where wildcards lead everywhere or thousands get each message.
constexpr std::size_t most_work = 65'536;

// How long a request for statistics lets everything else go first.
constexpr Duration statistics_patience = std::chrono::milliseconds(100);

}  // namespace

using nats::Verb;

Session::Session(Switchboard& board, Connection connection, Account& account)
    : board_(board),
      connection_(std::move(connection)),
      account_(account),
      groups_(connection_.peer_groups().value_or(std::vector<std::uint32_t>())),
      permissions_(board.rules.permissions_of(connection_.peer(), groups_,
                                              Switchboard::trusts(connection_.peer()))),
      subscriber_(connection_, account, board.limits, board.router, board.totals, *this),
      parser_(nats::Sender::client, {board.limits.control_line, board.limits.max_payload}) {
  board_.sessions.emplace(number_, this);
  ++board_.sessions_total;
  ++board_.reading;
}

Session::~Session() {
  stop_reading();
  board_.sessions.erase(number_);
  leave_as_link();
}

// Reading ----------------------------------------------------------------------------------------

Task<> Session::run() {
  greet();
  restart_ping_clock();
  const Outcome end = co_await read();
  stop_reading();
  if (end != Outcome::closed || subscriber_.ended()) co_return;
  // The hub drains: others may still say something that this one is to get.
  if (board_.reading > 0) {
    co_await detail::TimedWait(board_.loop.core(), board_.until_read);
  }
  subscriber_.deliver_rest();
}

Task<Outcome> Session::read() {
  while (!subscriber_.ended()) {
    const Received piece = co_await connection_.receive();
    if (!piece) co_return piece.outcome();
    parser_.arrive(*piece);
    while (const nats::Operation* operation = parser_.next()) {
      act(*operation);
      if (statistics_for_) co_await answer_patiently();
      while (Subscriber* full = publish()) {
        held_back_ = true;
        co_await full->room();
        held_back_ = false;
      }
      // Who lets us answer and does not read the answers is not listened to until he does.
      if (std::exchange(answered_, false) && !subscriber_.has_room()) {
        co_await connection_.flush();
      }
      if (work_ >= most_work) {
        work_ = 0;
        co_await board_.loop.sleep(Duration::zero());
      }
      if (subscriber_.ended()) co_return Outcome::closed;
    }
    if (parser_.error() != nats::ProtocolError::none)
      refuse(text_of(parser_.error(), parser_.verb()));
  }
  co_return Outcome::closed;
}

/// Answers a request for statistics when the loop has nothing else to do: so it delays nobody's
/// message, and counts those that have arrived. After statistics_patience in all it waits no longer
/// for that.
Task<> Session::answer_patiently() {
  Duration patience = statistics_patience;
  detail::LoopCore& core = board_.loop.core();
  while (statistics_for_) {
    const auto began = Loop::Clock::now();
    if (patience > Duration::zero()) {
      co_await detail::TimedWait(core, core.until_idle(), patience);
    }
    patience -= Loop::Clock::now() - began;
    if (Subscriber* const full = answer_statistics(); full != nullptr) {
      held_back_ = true;
      co_await full->room();
      held_back_ = false;
    }
  }
}

void Session::stop_reading() noexcept {
  if (!std::exchange(reading_, false)) return;
  if (--board_.reading == 0) detail::wake_all(board_.loop.core(), board_.until_read);
}

void Session::act(const nats::Operation& operation) {
  switch (operation.verb) {
    case Verb::connect: return connect(operation.text);
    case Verb::pub:
    case Verb::hpub: return accept(operation);
    case Verb::sub: return subscribe(operation);
    case Verb::unsub: return unsubscribe(operation);
    case Verb::ping: return pong();
    case Verb::pong: pings_out_ = 0; return;
    case Verb::err: return refuse(nats::errors::client_error(operation.text));
    default: return;  // INFO and +OK mean nothing here
  }
}

void Session::connect(ByteView text) {
  const auto options = options_.with(text);
  if (!options) return refuse(options.error());
  if (const ByteView why = options->refusal(); !why.empty()) return refuse(why);
  const bool is_link = !options->link.empty();
  if (is_link && !Switchboard::trusts(connection_.peer())) {
    return refuse(nats::errors::authorization_violation);
  }
  options_ = *options;
  subscriber_.take_headers(options_.headers);
  if (is_link) subscriber_.become_link();
  judgement_.known = false;
  ok();
}

// Subscribing ------------------------------------------------------------------------------------

// In the order in which nats-server finds fault.
void Session::subscribe(const nats::Operation& operation) {
  const ByteView subject = operation.subject;
  const bool valid = is_valid_subject(subject);
  if (count_tokens(subject) > board_.limits.subject_tokens) {
    return violation(nats::errors::too_many_tokens(subject));
  }
  const auto allowed =
      valid ? permissions_.may_subscribe(subject) : Permissions::Subscribing::whole;
  const bool hears_interest = subject == interest_subject;
  const bool for_trusted = hears_interest || operation.queue.starts_with(link_prefix);
  if (allowed == Permissions::Subscribing::refused ||
      (for_trusted && !Switchboard::trusts(connection_.peer()))) {
    return violation(nats::errors::subscription_violation(subject, operation.queue));
  }
  if (!account_.has_left(Quota::subscriptions)) {
    return complain(nats::errors::too_many_subscriptions);
  }
  if (subscriber_.find(operation.sid) != nullptr) return ok();  // it has that one
  if (!valid) return complain(nats::errors::invalid_subject);
  if (has_white_space(operation.queue)) return complain(nats::errors::invalid_queue_name);
  const bool in_part = allowed == Permissions::Subscribing::in_part;
  subscriber_.subscribe(std::string(operation.sid), std::string(subject), group_of(operation.queue),
                        service_of(subject, in_part));
  ok();
  if (subscriber_.is_link()) subscribe_link(subject);
  if (hears_interest) board_.interest.listen(number_, std::string(operation.sid));
}

Service Session::service_of(ByteView subject, bool in_part) const {
  const DeliveryRule* rule = board_.rules.delivery_of(subject, connection_.peer(), groups_);
  const DeliveryPolicy policy =
      rule != nullptr ? rule->policy : options_.full.value_or(DeliveryPolicy::disconnect);
  // Publishers wait for it then: nothing has to be kept.
  const std::size_t pending =
      policy == DeliveryPolicy::wait ? 0 : board_.limits.pending_per_subscription;
  Service service{.policy = policy,
                  .pending = rule != nullptr ? rule->pending.value_or(pending) : pending,
                  .in_part = in_part ? &permissions_ : nullptr,
                  .hears_inboxes = permissions_.hears_inboxes(subject)};
  if (subject == interest_subject) {
    // A listener that missed a change would have to begin again, so it gets no more than fits.
    service.policy = DeliveryPolicy::disconnect;
    service.pending = board_.limits.pending_per_uid;
  }
  return service;
}

void Session::unsubscribe(const nats::Operation& operation) {
  ok();
  ClientSubscription* subscription = subscriber_.find(operation.sid);
  if (subscription != nullptr) subscriber_.end_after(*subscription, operation.max);
}

// Publishing -------------------------------------------------------------------------------------

void Session::accept(const nats::Operation& operation) {
  if (operation.verb == Verb::hpub && !options_.headers) {
    return refuse(nats::errors::headers_not_supported);
  }
  ++board_.messages_in;
  board_.bytes_in += operation.header.size() + operation.payload.size();
  const ByteView subject = operation.subject;
  const bool is_link = subscriber_.is_link();
  if (is_link && subject.starts_with(asked_prefix)) return bring_back(operation);
  const Judgement& judgement = judge(subject);
  if (!judgement.valid) return violation(nats::errors::invalid_publish_subject);
  if (!operation.reply.empty() && has_white_space(operation.reply)) {
    return violation(nats::errors::invalid_reply_subject);
  }
  if (options_.pedantic && !is_valid_literal(subject)) {
    complain(nats::errors::invalid_publish_subject);
  }
  if (!judgement.allowed) return violation(nats::errors::publish_violation(subject));
  ok();
  if (subject == statistics_subject) {
    if (!operation.reply.empty()) statistics_for_ = operation.reply;
    return;
  }
  // What a link publishes was published elsewhere, and by nobody the kernel knows of.
  publication_ = {
      .subject = subject,
      .reply = operation.reply,
      .header = judgement.stamped && !is_link ? stamped(operation) : unforged(operation),
      .payload = operation.payload,
      .except = options_.echo ? nullptr : &subscriber_,
      .publisher = number_};
}

const Session::Judgement& Session::judge(ByteView subject) {
  if (judgement_.known && judgement_.subject == subject) return judgement_;
  judgement_.known = false;
  judgement_.subject = subject;
  judgement_.valid = !has_white_space(subject);
  judgement_.allowed = !is_reserved(subject) && permissions_.may_publish(subject);
  judgement_.stamped = board_.rules.stamps(subject);
  judgement_.known = true;
  return judgement_;
}

/// Its header with the publisher's identity.
ByteView Session::stamped(const nats::Operation& operation) {
  if (!stamp_) stamp_.emplace(connection_);
  stamp_->put_on(operation.header, header_);
  return header_;
}

/// Its header without what looks like an identity.
ByteView Session::unforged(const nats::Operation& operation) {
  const bool changed = !operation.header.empty() && Stamp::take_off(operation.header, header_);
  return changed ? ByteView(header_) : operation.header;
}

/// What was accepted, if anything was.
/// @return the subscriber that has to have room before; nullptr: it is done
Subscriber* Session::publish() {
  if (!publication_) return nullptr;
  if (asker_) return bring_to_asker();
  if (!subscriber_.ended()) {
    const auto [delivered, blocked_by, work] = board_.delivery.publish(*publication_);
    work_ += work;
    if (blocked_by != nullptr) return blocked_by;
    if (!board_.absent_links.empty() && !subscriber_.is_link()) {
      board_.absent_links.publish(publication_->subject, board_.loop.now());
    }
    if (!delivered && options_.no_responders && !publication_->reply.empty()) {
      board_.delivery.tell_no_responders(subscriber_, publication_->reply);
      work_ += board_.router.looked_at();
      answered_ = true;
    }
  }
  publication_.reset();
  return nullptr;
}

/// @return as publish(): the requester itself, where its subscription has publishers wait
Subscriber* Session::answer_statistics() {
  if (!subscriber_.ended()) {
    const HubStatistics all = board_.statistics();
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
    Subscriber* const full =
        board_.delivery
            .answer(
                subscriber_,
                {.subject = *statistics_for_, .reply = {}, .header = {}, .payload = text.text()})
            .blocked_by;
    work_ += board_.router.looked_at();
    if (full != nullptr) return full;
    answered_ = true;
  }
  statistics_for_.reset();
  return nullptr;
}

// Answering --------------------------------------------------------------------------------------

void Session::greet() {
  const std::string text = board_.info.to_json(number_, board_.leaving);
  reply({.verb = Verb::info, .text = text});
}

void Session::tell_leaving() {
  if (!subscriber_.ended()) greet();
}

void Session::reply(const nats::Operation& operation) {
  settle_deliveries();
  subscriber_.write(nats::to_bytes(operation));
  answered_ = true;
}

void Session::ok() {
  if (options_.verbose) reply({.verb = Verb::ok});
}

void Session::complain(ByteView error) { reply({.verb = Verb::err, .text = error}); }

void Session::violation(ByteView text) {
  ++board_.violations;
  board_.report(HubEvent::Kind::violation, connection_, std::string(text));
  complain(text);
}

/// The connection ends. @param error  what the client and the log are told before
void Session::refuse(ByteView error) {
  board_.report(HubEvent::Kind::refused, connection_, std::string(error));
  subscriber_.end(error);
}

/// The message over which a link is cut is the first that it misses; this session ends later.
void Session::miss_from_now_on() noexcept {
  try {
    std::vector<std::string> subjects;
    subscriber_.for_each([&](const ClientSubscription& subscription) {
      if (subscription.subject() != interest_subject) subjects.push_back(subscription.subject());
    });
    board_.absent_links.leave(options_.link, 0, std::move(subjects), board_.loop.now());
  } catch (const std::bad_alloc&) {
    // It is not told.
  }
}

void Session::too_slow() noexcept {
  ++board_.slow_consumers;
  if (subscriber_.is_link()) miss_from_now_on();
  board_.report(HubEvent::Kind::slow_consumer, connection_,
                std::string(nats::errors::slow_consumer));
}

// Rules and clocks -------------------------------------------------------------------------------

void Session::rules_changed() {
  settle_deliveries();
  permissions_ = board_.rules.permissions_of(connection_.peer(), groups_,
                                             Switchboard::trusts(connection_.peer()));
  judgement_.known = false;
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
    if (subscription == nullptr) return;  // the connection was cut over the last one
    const std::string text =
        nats::errors::subscription_violation(subscription->subject(), subscription->group());
    subscriber_.unsubscribe(*subscription);
    violation(text);
  }
}

void Session::restart_ping_clock() {
  if (board_.limits.ping_interval <= Duration::zero()) return;
  start(board_.loop.core(), Loop::Clock::now() + board_.limits.ping_interval);
}

/// Whoever was heard since the last time is alive, and so is who may not speak.
void Session::fire() {
  if (subscriber_.ended()) return;
  const std::uint64_t heard = connection_.counters().bytes_received;
  if (std::exchange(heard_, heard) != heard || held_back_) {
    pings_out_ = 0;
  } else if (pings_out_ >= board_.limits.pings_unanswered) {
    return refuse(nats::errors::stale_connection);
  } else {
    ++pings_out_;
    reply({.verb = Verb::ping});
  }
  restart_ping_clock();
}

}  // namespace hallway::hub
