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
  std::condition_variable changed;
  std::map<Number, std::weak_ptr<ClusterState>> states;
  Number last = 0;
  std::size_t subscriptions = 0;  // of all links, not yet released by libnats
  bool abandoned = false;
};

/// Never destroyed: detached threads may still use it while the program exits.
Registry& registry() {
  static Registry& shared = *new Registry;
  return shared;
}

ClusterState::Shared find(void* closure) {
  Registry& shared = registry();
  const std::lock_guard lock(shared.mutex);
  const auto found = shared.states.find(reinterpret_cast<Number>(closure));
  return found == shared.states.end() ? nullptr : found->second.lock();
}

void gone(void* /*closure*/) {
  Registry& shared = registry();
  const std::lock_guard lock(shared.mutex);
  --shared.subscriptions;
  shared.changed.notify_all();
}

/// Reports an event. The reason is libnats' last error, or `otherwise` if there is none.
void report(const ClusterState::Shared& state, LinkEvent::Kind kind, std::errc code,
            natsConnection* connection, const char* otherwise) {
  const char* reason = nullptr;
  natsConnection_GetLastError(connection, &reason);
  const bool silent = reason == nullptr || *reason == '\0';
  ClusterState::report(state, kind, std::make_error_code(code), state->options.urls,
                       silent ? otherwise : without_position(reason));
}

}  // namespace

Number register_state(const ClusterState::Shared& state) {
  Registry& shared = registry();
  const std::lock_guard lock(shared.mutex);
  shared.states[++shared.last] = state;
  return shared.last;
}

void unregister_state(Number number) {
  Registry& shared = registry();
  const std::lock_guard lock(shared.mutex);
  shared.states.erase(number);
}

void* closure(Number number) {
  return reinterpret_cast<void*>(number);  // NOLINT(performance-no-int-to-ptr): not dereferenced
}

void follow(natsSubscription* subscription) {
  Registry& shared = registry();
  const std::lock_guard lock(shared.mutex);
  if (natsSubscription_SetOnCompleteCB(subscription, &gone, nullptr) == NATS_OK) {
    ++shared.subscriptions;
  }
}

void wait_until_gone(Duration within) {
  Registry& shared = registry();
  const auto none_left = [&shared] { return shared.subscriptions == 0; };
  std::unique_lock lock(shared.mutex);
  if (within == forever) {
    shared.changed.wait(lock, none_left);
  } else {
    shared.changed.wait_for(lock, within, none_left);
  }
}

void abandon() {
  Registry& shared = registry();
  const std::lock_guard lock(shared.mutex);
  shared.abandoned = true;
}

bool any_abandoned() {
  Registry& shared = registry();
  const std::lock_guard lock(shared.mutex);
  return shared.abandoned;
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

template void message<Source::gossip>(natsConnection*, natsSubscription*, natsMsg*, void*);
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
         "the server closed the connection");
}

void complained(natsConnection* connection, natsSubscription* /*subscription*/, natsStatus status,
                void* closure) {
  const auto state = find(closure);
  if (!state) return;
  const char* words = natsStatus_GetText(status);
  report(state, LinkEvent::Kind::complaint, std::errc::permission_denied, connection,
         words == nullptr ? "the server reported an error" : words);
}

std::int64_t pause(natsConnection* /*connection*/, int attempts, void* closure) {
  const auto state = find(closure);
  if (!state) return 1;
  const hub::Reconnect& bounds = state->options.reconnect;
  hub::FullJitter jitter(bounds.first_wait, bounds.max_wait, std::random_device{}());
  Duration wait = jitter.next();
  for (int i = 1; i < std::min(attempts, 32); ++i) wait = jitter.next();
  return milliseconds(wait);
}

}  // namespace hallway::link::callbacks
