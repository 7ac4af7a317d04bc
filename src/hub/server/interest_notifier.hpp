// SPDX-License-Identifier: Apache-2.0
//
// Tells those who listen to $SYS.HUB.INTEREST what is subscribed to; include/hallway/hub.hpp says
// in which words.
//
// A listener that does not read is not cut: changes it has not been sent wait here, each subject
// once, and a subject that was wanted only in between is left out. So this grows no larger than the
// set of subjects that are subscribed to, whatever clients subscribe to and how often.
//
// It costs nothing while nobody listens: the book of what is subscribed to is made for the first
// listener, from what the sessions have, and closed behind the last.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "loop/loop_core.hpp"
#include "subject/router.hpp"

namespace hallway::hub {

class ClientSubscription;
class HubState;

class InterestNotifier final : public InterestObserver,
                               private detail::Flushable,
                               private detail::Timer {
 public:
  explicit InterestNotifier(HubState& hub) noexcept : hub_(hub) {}
  InterestNotifier(const InterestNotifier&) = delete;
  InterestNotifier& operator=(const InterestNotifier&) = delete;
  ~InterestNotifier() override { detail::LoopCore::cancel_flush(*this); }

  /// Tells a subscription that has just begun all there is, and from now on what changes.
  /// @param session  the number of its connection
  void listen(std::uint64_t session, const std::string& sid);

  void interest_began(std::string_view subject, std::string_view group) noexcept override;
  void interest_ended(std::string_view subject, std::string_view group) noexcept override;

 private:
  struct Listener {
    std::uint64_t client;
    std::string sid;
    bool begins = true;                                // it was told nothing so far
    std::map<std::string, bool, std::less<>> changes;  // that it was not told: wanted, or no longer

    Listener(std::uint64_t of, std::string named) : client(of), sid(std::move(named)) {}
  };

  void count_all();
  bool add(std::string_view subject, std::string_view group);
  bool remove(std::string_view subject, std::string_view group);
  void note(bool wanted, std::string_view subject);
  void abort_out_of_memory() noexcept;
  [[nodiscard]] ClientSubscription* find(const Listener& listener) const;
  void send_changes(Listener& listener);
  [[nodiscard]] std::string next_piece(Listener& listener) const;
  void flush_turn() override;
  void fire() override { flush_turn(); }

  HubState& hub_;
  std::vector<Listener> listeners_;
  // The groups that subscribe to each subject, the empty one for who is in none. Ordered, because
  // strangers choose what stands there: nobody can make it slow.
  std::map<std::string, std::set<std::string, std::less<>>, std::less<>> groups_of_;
};

}  // namespace hallway::hub
