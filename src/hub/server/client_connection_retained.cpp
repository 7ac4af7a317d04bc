// SPDX-License-Identifier: Apache-2.0
//
// The parts of ClientConnection for retained values: a SUB is not finished before the connection
// has got the values that the subscription matches. So they come before the reply to any later
// operation, a client that does not read them is not read from, and a connection searches and sends
// for one subscription at a time. Meanwhile later messages wait in the queue of the subscription.
#include <algorithm>
#include <functional>

#include "hub/server/client_connection.hpp"
#include "subject/inbox_subject.hpp"

namespace hallway::hub {

namespace {

// Subjects that a search compares between two looks at the clock.
constexpr std::size_t compared_at_once = 256;

// The work of a subject that is compared, or of a value that is sent; see work_between_looks.
constexpr std::size_t work_of_value = 4;

}  // namespace

void ClientConnection::retain(const Publication& publication) noexcept {
  hub_.retain({.subject = publication.subject,
               .header = publication.header,
               .payload = publication.payload,
               .uid = user_.account().uid(),
               .publisher = number_},
              hub_.loop.now());
}

/// Members of a queue group get no retained values, because the group shares its messages, nor do
/// links, which have already forwarded them.
void ClientConnection::await_retained(ClientSubscription& subscription) {
  if (!hub_.retained.active() || subscriber_.is_link() || !subscription.group().empty() ||
      !hub_.retained.may_match(subscription.subject())) {
    return;
  }
  awaiting_retained_.emplace(
      AwaitingRetained{subscription.id(), {hub_.retained, subscription.subject()}});
  subscription.queue.hold();
}

Task<> ClientConnection::send_retained() {
  AwaitingRetained awaiting = std::move(*awaiting_retained_);
  awaiting_retained_.reset();
  std::vector<RetainedValues::Ref> found;  // a heap, with the oldest value on top
  core::Charge memory(user_.account(), core::Quota::memory);
  for (bool more = true; more && !subscriber_.ended();) {
    const std::size_t known = found.size();
    more = awaiting.search.advance(hub_.retained, compared_at_once, found);
    for (auto end = found.begin() + static_cast<std::ptrdiff_t>(known); end != found.end();) {
      std::ranges::push_heap(found.begin(), ++end, std::greater<>());
    }
    memory.set(found.capacity() * sizeof(RetainedValues::Ref));
    work_ += compared_at_once * work_of_value;
    co_await end_turn();
  }
  while (!found.empty() && hub_.router.find(awaiting.id) != nullptr) {
    if (!subscriber_.has_room()) {
      co_await flush_answers();
      pings_out_ = 0;  // the client reads
    }
    std::ranges::pop_heap(found, std::greater<>());
    send_retained(awaiting.id, found.back());
    found.pop_back();
    work_ += work_of_value;
    if (work_ >= compared_at_once * work_of_value) co_await end_turn();
  }
  hub_.delivery.end_retained(subscriber_, awaiting.id);
}

/// A value that was replaced in the meantime is left out: the later one waits in the queue of the
/// subscription.
void ClientConnection::send_retained(SubscriptionId id, RetainedValues::Ref ref) {
  const RetainedValue* const value = hub_.retained.find(ref);
  const auto* const to = static_cast<const ClientSubscription*>(hub_.router.find(id));
  if (value == nullptr || to == nullptr) return;
  const bool is_echo = value->publisher == number_ && !options_.echo;
  if (is_echo || !to->accepts(value->subject, is_inbox(value->subject))) return;
  hub_.delivery.send_retained(id, *value, hub_.loop.now() - value->published);
}

/// Continues in the next turn if the share of the user in this one is used up.
Task<> ClientConnection::end_turn() {
  for (bool had_some = true; turn_is_over(); had_some = false) {
    co_await hub_.users.next_turn(user_, had_some);
    hub_.users.begin();
  }
}

}  // namespace hallway::hub
