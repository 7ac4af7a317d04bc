// SPDX-License-Identifier: Apache-2.0
//
// The parts of ClientConnection that differ for links. A link has more rights than the clients on
// whose behalf it acts, so it must not lend them these rights.
#include <algorithm>
#include <charconv>
#include <new>

#include "hub/reserved_subjects.hpp"
#include "hub/server/client_connection.hpp"
#include "net/trust.hpp"
#include "subject/subject.hpp"

namespace hallway::hub {

namespace {

/// Whether the subject is reserved for hubs and links.
bool is_internal(ByteView subject) {
  return subject.starts_with(reserved_prefix) || subject.starts_with(link_prefix);
}

}  // namespace

// Publishing -------------------------------------------------------------------------------------

/// Whether this client may not publish to the subject, whatever the rules allow.
bool ClientConnection::is_reserved(ByteView subject) const {
  if (subscriber_.is_link()) return is_internal(subject);
  if (subject.starts_with(reserved_prefix)) return subject != statistics_subject;
  return subject.starts_with(link_prefix) && !subject.starts_with(link_reply_prefix) &&
         !net::trusts(connection_.peer());
}

/// Accepts the reply to a request that a client sent over the link. If that client itself may
/// publish to the reply subject, the reply is published; otherwise only that client receives it.
void ClientConnection::bring_back(const nats::Operation& answer) {
  ok();
  ByteView subject = answer.subject;
  const bool is_ours = subject.starts_with(hub_.asked);  // false for a hub that ran here before
  subject.remove_prefix(is_ours ? hub_.asked.size() : 0);
  std::uint64_t number = 0;
  const auto [end, error] =
      std::from_chars(subject.data(), subject.data() + subject.size(), number);
  subject.remove_prefix(static_cast<std::size_t>(end - subject.data()));
  const bool is_valid = is_ours && error == std::errc() && subject.starts_with('.');
  if (is_valid) subject.remove_prefix(1);
  const auto asker = hub_.clients.find(number);
  if (!is_valid || !is_valid_literal(subject) || is_internal(subject) ||
      asker == hub_.clients.end()) {
    ++hub_.answers_refused;
    return;
  }
  Publication publication{.subject = subject,
                          .reply = answer.reply,
                          .header = without_forged_identity(answer),
                          .payload = answer.payload,
                          .except = &subscriber_,
                          .publisher = number_,
                          .user = &user_};
  if (asker->second->permissions_.may_publish(subject)) return publish(publication);
  asker_ = number;
  publication.was_held = true;  // a link must not wait for a single client
  bring_to_asker(publication);
  if (full_ == nullptr) asker_.reset();
}

/// Delivers a reply only to the client that sent the request.
void ClientConnection::bring_to_asker(const Publication& publication) {
  if (subscriber_.ended()) return;
  const auto asker = hub_.clients.find(*asker_);
  Delivery::Published published;
  if (asker != hub_.clients.end()) {
    published = hub_.delivery.answer(asker->second->subscriber_, publication);
    work_ += hub_.router.looked_at();
  }
  if (published.blocked_by != nullptr) return keep_for(*published.blocked_by, publication);
  if (!published.delivered) ++hub_.answers_refused;
  drop_large_header();
}

// Subscribing ------------------------------------------------------------------------------------

void ClientConnection::subscribe_link(ByteView subject) {
  AbsentLinks& links = hub_.absent_links;
  if (subject == interest_subject) {
    links.come_back(options_.link,
                    static_cast<std::uint64_t>(std::max<std::int64_t>(0, options_.seen)));
  } else {
    links.subscribe(options_.link, subject);
    if (links.is_complete(options_.link)) tell_missed();
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
void ClientConnection::tell_missed() {
  const ClientSubscription* told = nullptr;
  subscriber_.for_each([&](const ClientSubscription& subscription) {
    if (subscription.subject() == interest_subject) told = &subscription;
  });
  if (told == nullptr) return;
  const std::uint64_t missed = hub_.absent_links.settle(options_.link);
  if (missed > 0) subscriber_.tell_gap(*told, missed);
}

/// A link that has reconnected sends its first PING after all of its subscriptions.
void ClientConnection::pong() {
  if (subscriber_.is_link() && !hub_.absent_links.empty()) tell_missed();
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
