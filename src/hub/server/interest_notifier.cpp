// SPDX-License-Identifier: Apache-2.0
#include "hub/server/interest_notifier.hpp"

#include <chrono>
#include <new>

#include "hub/server/client_connection.hpp"
#include "hub/server/hub_state.hpp"
#include "subject/reserved_subjects.hpp"

namespace hallway::hub {

namespace {

/// Maximum size of a message in bytes, which only its last line may exceed.
constexpr std::size_t bytes_per_change = 32 * kibibyte;

/// How long to wait before checking again whether a listener has room.
constexpr Duration pause = std::chrono::milliseconds(5);

bool counts(std::string_view subject, std::string_view group) noexcept {
  return !subject.starts_with(reserved_prefix) && !group.starts_with(link_group_prefix);
}

}  // namespace

void InterestNotifier::add_listener(std::uint64_t client, const std::string& sid) {
  std::erase_if(listeners_, [&](const Listener& one) {  // of an older subscription with this sid
    return one.client == client && one.sid == sid;
  });
  if (listeners_.empty()) count_all();
  Listener& fresh = listeners_.emplace_back(client, sid);
  for (const auto& [subject, groups] : groups_of_) fresh.changes.emplace(subject, true);
  send_changes(fresh);
}

void InterestNotifier::count_all() {
  groups_of_.clear();
  for (const auto& [number, client] : hub_.clients) {
    client->subscriber().for_each([this](const ClientSubscription& subscription) {
      add(subscription.subject(), subscription.group());
    });
  }
}

/// @return whether the subject had no subscription before
bool InterestNotifier::add(std::string_view subject, std::string_view group) {
  if (!counts(subject, group)) return false;
  const auto [place, first] = groups_of_.try_emplace(std::string(subject));
  place->second.emplace(group);
  return first;
}

/// @return whether the subject no longer has a subscription
bool InterestNotifier::remove(std::string_view subject, std::string_view group) {
  const auto place = groups_of_.find(subject);
  if (!counts(subject, group) || place == groups_of_.end()) return false;
  if (const auto member = place->second.find(group); member != place->second.end()) {
    place->second.erase(member);
  }
  if (!place->second.empty()) return false;
  groups_of_.erase(place);
  return true;
}

void InterestNotifier::interest_began(std::string_view subject, std::string_view group) noexcept {
  if (listeners_.empty()) return;
  try {
    if (add(subject, group)) note(true, subject);
  } catch (const std::bad_alloc&) {
    abort_out_of_memory();
  }
}

void InterestNotifier::interest_ended(std::string_view subject, std::string_view group) noexcept {
  if (listeners_.empty()) return;
  try {
    if (remove(subject, group)) note(false, subject);
  } catch (const std::bad_alloc&) {
    abort_out_of_memory();
  }
}

void InterestNotifier::note(bool wanted, std::string_view subject) {
  for (Listener& listener : listeners_) {
    const auto [known, added] = listener.changes.try_emplace(std::string(subject), wanted);
    if (!added && known->second != wanted) listener.changes.erase(known);
  }
  hub_.loop.core().schedule_flush_first(*this);
}

/// The registry is no longer correct: all listeners have to start over with a new connection. They
/// are not removed before the next turn, because this may run while listeners_ is being iterated.
void InterestNotifier::abort_out_of_memory() noexcept {
  for (const Listener& listener : listeners_) {
    if (ClientSubscription* to = find(listener)) to->subscriber().abort_out_of_memory();
  }
}

/// @return nullptr if the subscription no longer exists
ClientSubscription* InterestNotifier::find(const Listener& listener) const {
  const auto client = hub_.clients.find(listener.client);
  if (client == hub_.clients.end()) return nullptr;
  ClientSubscription* found = client->second->subscriber().find(listener.sid);
  return found != nullptr && found->subject() == interest_subject ? found : nullptr;
}

/// Sends as many changes as the listener has room for now. A timer retries the rest soon; by then
/// some changes may have cancelled each other out.
void InterestNotifier::send_changes(Listener& listener) {
  while (listener.begins || !listener.changes.empty()) {
    ClientSubscription* to = find(listener);
    if (to == nullptr) return;
    const bool takes = to->queue.idle() && (to->subscriber().has_room() || !to->queue.full());
    if (!takes) {
      if (!running()) start_after(hub_.loop.core(), pause);
      return;
    }
    const std::string lines = next_piece(listener);
    hub_.delivery.send_to(
        to->id(), {.subject = interest_subject, .reply = {}, .header = {}, .payload = lines});
  }
}

std::string InterestNotifier::next_piece(Listener& listener) const {
  std::string lines;
  if (listener.begins) lines = '=' + hub_.info.server_id + '\n';
  auto& changes = listener.changes;
  auto end = changes.begin();
  for (; end != changes.end() && lines.size() < bytes_per_change; ++end) {
    lines.append(1, end->second ? '+' : '-').append(end->first).append(1, '\n');
  }
  changes.erase(changes.begin(), end);
  listener.begins = false;
  return lines;
}

void InterestNotifier::flush_turn() {
  std::erase_if(listeners_, [this](const Listener& one) { return find(one) == nullptr; });
  if (listeners_.empty()) groups_of_.clear();
  for (Listener& listener : listeners_) send_changes(listener);
}

}  // namespace hallway::hub
