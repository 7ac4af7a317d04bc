// SPDX-License-Identifier: Apache-2.0
//
// The parts of ClientConnection that differ for links. A link has more rights than the clients on
// whose behalf it acts, so it must not lend them these rights.
#include <algorithm>
#include <new>

#include "core/number.hpp"
#include "hub/server/client_connection.hpp"
#include "net/trust.hpp"
#include "subject/reserved_subjects.hpp"
#include "subject/subject.hpp"

namespace hallway::hub {

namespace {

bool is_for_hubs_and_links(ByteView subject) {
  return subject.starts_with(reserved_prefix) || subject.starts_with(link_prefix);
}

}  // namespace

// Publishing -------------------------------------------------------------------------------------

/// Whether this client may not publish to the subject, whatever the rules allow.
bool ClientConnection::is_reserved(ByteView subject) const {
  if (subscriber_.is_link()) return is_for_hubs_and_links(subject);
  if (subject.starts_with(reserved_prefix)) {
    return subject != statistics_subject && subject != delivered_subject &&
           subject != matches_subject;
  }
  return subject.starts_with(link_prefix) && !subject.starts_with(link_reply_prefix) &&
         !net::trusts(connection_.peer());
}

/// Publishes the reply to a request that a client sent over the link. Only that client receives it,
/// unless the client itself may publish to the reply subject.
std::optional<ClientConnection::Unfinished> ClientConnection::import_reply(
    const nats::Operation& answer) {
  ok();
  ByteView subject = answer.subject;
  const bool is_ours = subject.starts_with(hub_.asked);  // false for a hub that ran here before
  subject.remove_prefix(is_ours ? hub_.asked.size() : 0);
  const auto number = core::take_number<std::uint64_t>(subject);
  const bool is_valid = is_ours && number && subject.starts_with('.');
  if (is_valid) subject.remove_prefix(1);
  const auto requester = hub_.clients.find(number.value_or(0));
  if (!is_valid || !is_subject(subject) || is_for_hubs_and_links(subject) ||
      requester == hub_.clients.end()) {
    ++hub_.answers_refused;
    return std::nullopt;
  }
  const bool for_all = requester->second->permissions_.may_publish(subject);
  return try_publish({.subject = subject,
                      .reply = answer.reply,
                      .header = without_forged_identity(answer),
                      .payload = answer.payload,
                      .except = &subscriber_,
                      .publisher = number_,
                      .user = &user_,
                      .requester = for_all ? 0 : *number,
                      .was_held = !for_all});  // a link must not wait for a single client
}

/// Delivers a reply only to the client that sent the request. Returns as publish().
Subscriber* ClientConnection::publish_to_requester(const Publication& publication) {
  const auto requester = hub_.clients.find(publication.requester);
  Delivery::Published published;
  if (requester != hub_.clients.end()) {
    published = hub_.delivery.answer(requester->second->subscriber_, publication);
    work_ += hub_.router.looked_at();
  }
  if (published.blocked_by != nullptr) return published.blocked_by;
  // The hub's own answers (answer_count) are for the client itself.
  if (!published.delivered && publication.requester != number_) ++hub_.answers_refused;
  drop_large_header();
  return nullptr;
}

// Subscribing ------------------------------------------------------------------------------------

void ClientConnection::subscribe_link(ByteView subject) {
  AbsentLinks& links = hub_.absent_links;
  if (subject == interest_subject) {
    links.reconnect(options_.link,
                    static_cast<std::uint64_t>(std::max<std::int64_t>(0, options_.seen)));
  } else {
    links.subscribe(options_.link, subject);
    if (links.is_complete(options_.link)) report_missed();
  }
}

/// The number of the connection makes the group of a link its own: another member would take
/// messages away from it.
std::string ClientConnection::group_of(ByteView queue) const {
  std::string group(queue);
  if (queue.starts_with(link_group_prefix)) {
    group.append(1, '.').append(std::to_string(number_));
  }
  return group;
}

// Reconnecting -----------------------------------------------------------------------------------

/// Reports how many messages the link missed before this connection, on its subscription to
/// interest_subject.
void ClientConnection::report_missed() {
  const ClientSubscription* to_interest = nullptr;
  subscriber_.for_each([&](const ClientSubscription& subscription) {
    if (subscription.subject() == interest_subject) to_interest = &subscription;
  });
  if (to_interest == nullptr) return;
  const std::uint64_t missed = hub_.absent_links.settle(options_.link);
  if (missed > 0) subscriber_.report_gap(*to_interest, missed);
}

/// A link that has reconnected sends its first PING after all of its subscriptions.
void ClientConnection::pong() {
  hub_.delivery.settle();
  if (subscriber_.is_link() && !hub_.absent_links.empty()) report_missed();
  reply({.verb = nats::Verb::pong});
}

/// Remembers the link, so that it can learn what it missed when it reconnects.
void ClientConnection::leave_as_link() noexcept {
  if (!subscriber_.is_link() || hub_.leaving) return;
  subscriber_.end({});
  try {
    hub_.absent_links.leave(options_.link, subscriber_.handed(), subscriber_.take_subjects(),
                            hub_.loop.now());
  } catch (const std::bad_alloc&) {
    // The link will not be notified of what it missed.
  }
}

}  // namespace hallway::hub
