// SPDX-License-Identifier: Apache-2.0
#include "hub/interest_board.hpp"

#include <chrono>
#include <new>

#include "hub/reserved_subjects.hpp"
#include "hub/session.hpp"
#include "hub/switchboard.hpp"

namespace hallway::hub {

namespace {

/// So long is a message at most, but for its last line.
constexpr std::size_t piece = 32 * kibibyte;

/// Before a listener without room is looked at again.
constexpr Duration pause = std::chrono::milliseconds(5);

bool counts(std::string_view subject, std::string_view group) noexcept {
  return !subject.starts_with(reserved_prefix) && !group.starts_with(link_group_prefix);
}

}  // namespace

void InterestBoard::listen(std::uint64_t session, const std::string& sid) {
  std::erase_if(listeners_, [&](const Listener& one) {  // it was another subscription's
    return one.session == session && one.sid == sid;
  });
  if (listeners_.empty()) open_book();
  Listener& fresh = listeners_.emplace_back(session, sid);
  for (const auto& [subject, groups] : book_) fresh.changes.emplace(subject, true);
  tell_changes(fresh);
}

void InterestBoard::open_book() {
  book_.clear();
  for (const auto& [number, session] : board_.sessions) {
    session->subscriber().for_each([this](const ClientSubscription& subscription) {
      enter(subscription.subject(), subscription.group());
    });
  }
}

/// @return whether nobody was interested in that before
bool InterestBoard::enter(std::string_view subject, std::string_view group) {
  if (!counts(subject, group)) return false;
  const auto [place, first] = book_.try_emplace(std::string(subject));
  place->second.emplace(group);
  return first;
}

/// @return whether nobody is any more
bool InterestBoard::strike(std::string_view subject, std::string_view group) {
  const auto place = book_.find(subject);
  if (!counts(subject, group) || place == book_.end()) return false;
  if (const auto member = place->second.find(group); member != place->second.end()) {
    place->second.erase(member);
  }
  if (!place->second.empty()) return false;
  book_.erase(place);
  return true;
}

void InterestBoard::interest_began(std::string_view subject, std::string_view group) noexcept {
  if (listeners_.empty()) return;
  try {
    if (enter(subject, group)) note(true, subject);
  } catch (const std::bad_alloc&) {
    miss();
  }
}

void InterestBoard::interest_ended(std::string_view subject, std::string_view group) noexcept {
  if (listeners_.empty()) return;
  try {
    if (strike(subject, group)) note(false, subject);
  } catch (const std::bad_alloc&) {
    miss();
  }
}

void InterestBoard::note(bool wanted, std::string_view subject) {
  for (Listener& listener : listeners_) {
    const auto [known, added] = listener.changes.try_emplace(std::string(subject), wanted);
    if (!added && known->second != wanted) listener.changes.erase(known);
  }
  board_.loop.core().schedule_flush_first(*this);
}

/// The book is not right any more: whoever reads it has to begin anew, and none is forgotten before
/// the next turn, because this may happen while they are told something.
void InterestBoard::miss() noexcept {
  for (const Listener& listener : listeners_) {
    if (ClientSubscription* to = find(listener)) to->subscriber().miss();
  }
}

/// nullptr: it has gone.
ClientSubscription* InterestBoard::find(const Listener& listener) const {
  const auto session = board_.sessions.find(listener.session);
  if (session == board_.sessions.end()) return nullptr;
  ClientSubscription* found = session->second->subscriber().find(listener.sid);
  return found != nullptr && found->subject() == interest_subject ? found : nullptr;
}

/// As much as it has room for now. What is left is looked at again soon, and may be less by then.
void InterestBoard::tell_changes(Listener& listener) {
  while (listener.begins || !listener.changes.empty()) {
    ClientSubscription* to = find(listener);
    if (to == nullptr) return;
    const bool takes = to->queue.idle() && (to->subscriber().has_room() || !to->queue.full());
    if (!takes) {
      if (!running()) start(board_.loop.core(), Loop::Clock::now() + pause);
      return;
    }
    const std::string lines = next_piece(listener);
    board_.delivery.tell(
        to->id(), {.subject = interest_subject, .reply = {}, .header = {}, .payload = lines});
  }
}

std::string InterestBoard::next_piece(Listener& listener) const {
  std::string lines;
  if (listener.begins) lines = '=' + board_.info.server_id + '\n';
  auto& changes = listener.changes;
  auto end = changes.begin();
  for (; end != changes.end() && lines.size() < piece; ++end) {
    lines.append(1, end->second ? '+' : '-').append(end->first).append(1, '\n');
  }
  changes.erase(changes.begin(), end);
  listener.begins = false;
  return lines;
}

void InterestBoard::flush_turn() {
  std::erase_if(listeners_, [this](const Listener& one) { return find(one) == nullptr; });
  if (listeners_.empty()) book_.clear();
  for (Listener& listener : listeners_) tell_changes(listener);
}

}  // namespace hallway::hub
