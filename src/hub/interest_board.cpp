// SPDX-License-Identifier: Apache-2.0
#include "hub/interest_board.hpp"

#include <new>
#include <utility>

#include "hub/reserved_subjects.hpp"
#include "hub/session.hpp"
#include "hub/switchboard.hpp"

namespace hallway::hub {

namespace {

/// So long is a message at most, but for its last line.
constexpr std::size_t piece = 32 * kibibyte;

bool counts(std::string_view subject, std::string_view group) noexcept {
  return !subject.starts_with(reserved_prefix) && !group.starts_with(link_group_prefix);
}

}  // namespace

void InterestBoard::listen(std::uint64_t session, const std::string& sid) {
  const Listener fresh{session, sid};
  std::erase(listeners_, fresh);  // it was another subscription's
  flush_turn();                   // to the others, and not once more to this one
  if (listeners_.empty()) open_book();
  listeners_.push_back(fresh);
  std::vector<std::string> pieces{'=' + board_.info.server_id + '\n'};
  for (const auto& [subject, groups] : book_) {
    if (pieces.back().size() >= piece) pieces.emplace_back();
    pieces.back().append(1, '+').append(subject).append(1, '\n');
  }
  // Only now: who has no room for it is cut, and what it subscribed to is struck out of the book.
  for (const std::string& lines : pieces) tell(fresh, lines);
}

void InterestBoard::open_book() {
  book_.clear();
  changes_.clear();
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
    if (enter(subject, group)) note('+', subject);
  } catch (const std::bad_alloc&) {
    miss();
  }
}

void InterestBoard::interest_ended(std::string_view subject, std::string_view group) noexcept {
  if (listeners_.empty()) return;
  try {
    if (strike(subject, group)) note('-', subject);
  } catch (const std::bad_alloc&) {
    miss();
  }
}

void InterestBoard::note(char sign, std::string_view subject) {
  changes_.append(1, sign).append(subject).append(1, '\n');
  board_.loop.core().mark_first(*this);
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

void InterestBoard::tell(const Listener& listener, std::string_view lines) {
  if (ClientSubscription* to = find(listener)) {
    board_.delivery.tell(
        to->id(), {.subject = interest_subject, .reply = {}, .header = {}, .payload = lines});
  }
}

void InterestBoard::flush_turn() {
  std::erase_if(listeners_, [this](const Listener& one) { return find(one) == nullptr; });
  if (listeners_.empty()) book_.clear();
  const std::string all = std::exchange(changes_, {});
  for (std::string_view rest = all; !rest.empty();) {
    const std::size_t end = rest.size() <= piece ? rest.size() : rest.find('\n', piece) + 1;
    for (const Listener& listener : listeners_) tell(listener, rest.substr(0, end));
    rest.remove_prefix(end);
  }
}

}  // namespace hallway::hub
