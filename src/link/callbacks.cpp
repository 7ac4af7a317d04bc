// SPDX-License-Identifier: Apache-2.0
#include "link/callbacks.hpp"

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <system_error>
#include <utility>

#include <hallway/subject.hpp>

#include "hub/full_jitter.hpp"

namespace hallway::link::callbacks {

namespace {

using Connection = ClusterState::Connection;
using Source = ForwardedMessage::Source;

struct Registry {
  std::mutex mutex;
  std::condition_variable news;
  std::map<Number, std::weak_ptr<ClusterState>> states;
  Number last = 0;
  std::size_t subscriptions = 0;  // of all links, not yet released by libnats
  bool abandoned = false;
};

/// Never destroyed: detached threads may still use it while the program exits.
Registry& registry() {
  static Registry& book = *new Registry;
  return book;
}

ClusterState::Shared find(void* closure) {
  Registry& book = registry();
  const std::lock_guard lock(book.mutex);
  const auto found = book.states.find(reinterpret_cast<Number>(closure));
  return found == book.states.end() ? nullptr : found->second.lock();
}

void gone(void* /*closure*/) {
  Registry& book = registry();
  const std::lock_guard lock(book.mutex);
  --book.subscriptions;
  book.news.notify_all();
}

/// Reports an event. The reason is libnats' last error, or `otherwise` if there is none.
void report(const ClusterState::Shared& state, LinkEvent::Kind kind, std::errc code,
            natsConnection* connection, const char* otherwise) {
  const char* said = nullptr;
  natsConnection_GetLastError(connection, &said);
  const bool silent = said == nullptr || *said == '\0';
  ClusterState::report(state, kind, std::make_error_code(code), state->options.urls,
                       silent ? otherwise : without_position(said));
}

}  // namespace

Number register_state(const ClusterState::Shared& state) {
  Registry& book = registry();
  const std::lock_guard lock(book.mutex);
  book.states[++book.last] = state;
  return book.last;
}

void unregister_state(Number number) {
  Registry& book = registry();
  const std::lock_guard lock(book.mutex);
  book.states.erase(number);
}

void* closure(Number number) {
  return reinterpret_cast<void*>(number);  // NOLINT(performance-no-int-to-ptr): not dereferenced
}

void follow(natsSubscription* subscription) {
  Registry& book = registry();
  const std::lock_guard lock(book.mutex);
  if (natsSubscription_SetOnCompleteCB(subscription, &gone, nullptr) == NATS_OK) {
    ++book.subscriptions;
  }
}

void wait_until_gone(Duration within) {
  Registry& book = registry();
  const auto none_left = [&book] { return book.subscriptions == 0; };
  std::unique_lock lock(book.mutex);
  if (within == forever) {
    book.news.wait(lock, none_left);
  } else {
    book.news.wait_for(lock, within, none_left);
  }
}

void abandon() {
  Registry& book = registry();
  const std::lock_guard lock(book.mutex);
  book.abandoned = true;
}

bool any_abandoned() {
  Registry& book = registry();
  const std::lock_guard lock(book.mutex);
  return book.abandoned;
}

template <Source way>
void message(natsConnection* /*connection*/, natsSubscription* subscription, natsMsg* message,
             void* closure) {
  const NatsMessage owned(message);
  const auto state = find(closure);
  if (!state) return;
  ForwardedMessage arrived = from_nats(message, way);
  // The server names the subscription that a message is for. Do not trust it.
  const char* const pattern = natsSubscription_GetSubject(subscription);
  if (pattern == nullptr || !matches_subject(pattern, arrived.subject))
    arrived.source = Source::stray;
  ClusterState::arrive(state, std::move(arrived));
}

template void message<Source::word>(natsConnection*, natsSubscription*, natsMsg*, void*);
template void message<Source::answer>(natsConnection*, natsSubscription*, natsMsg*, void*);
template void message<Source::import>(natsConnection*, natsSubscription*, natsMsg*, void*);

void lost(natsConnection* connection, void* closure) {
  const auto state = find(closure);
  if (!state) return;
  state->set(Connection::away);
  report(state, LinkEvent::Kind::reconnecting, std::errc::connection_reset, connection,
         "the connection was lost");
}

void back(natsConnection* /*connection*/, void* closure) {
  if (const auto state = find(closure)) state->set(Connection::up);
}

void closed(natsConnection* connection, void* closure) {
  const auto state = find(closure);
  if (!state) return;
  state->set(Connection::closed);
  report(state, LinkEvent::Kind::down, std::errc::connection_refused, connection,
         "the server ended the connection");
}

void complained(natsConnection* connection, natsSubscription* /*subscription*/, natsStatus status,
                void* closure) {
  const auto state = find(closure);
  if (!state) return;
  const char* words = natsStatus_GetText(status);
  report(state, LinkEvent::Kind::complaint, std::errc::permission_denied, connection,
         words == nullptr ? "the server complained" : words);
}

std::int64_t pause(natsConnection* /*connection*/, int attempts, void* closure) {
  const auto state = find(closure);
  if (!state) return 1;
  const HubReconnect& bounds = state->options.reconnect;
  hub::FullJitter jitter(bounds.first_wait, bounds.most_wait, std::random_device{}());
  Duration wait = jitter.next();
  for (int i = 1; i < std::min(attempts, 32); ++i) wait = jitter.next();
  return milliseconds(wait);
}

}  // namespace hallway::link::callbacks
