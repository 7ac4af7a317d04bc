// SPDX-License-Identifier: Apache-2.0
//
// Reports to the subscribers of $SYS.HUB.INTEREST (listeners) which subjects have subscriptions;
// include/hallway/hub.hpp documents the format.
//
// A listener that does not read is not disconnected. Changes that have not been sent to it wait
// here, one per subject, and a subject whose interest began and ended in between is left out. So
// the list grows no larger than the set of subscribed subjects, no matter how often clients
// subscribe.
//
// It costs nothing while there are no listeners: the registry of subscribed subjects is built from
// the client connections for the first listener, and cleared after the last.
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

  /// Sends all subscribed subjects to a new subscription, and from now on the changes.
  /// @param client  the connection number of its client
  void add_listener(std::uint64_t client, const std::string& sid);

  void interest_began(std::string_view subject, std::string_view group) noexcept override;
  void interest_ended(std::string_view subject, std::string_view group) noexcept override;

 private:
  struct Listener {
    std::uint64_t client;
    std::string sid;
    bool begins = true;                                // nothing has been sent to it yet
    std::map<std::string, bool, std::less<>> changes;  // not sent yet: whether now subscribed to

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
  // The queue groups that subscribe to each subject; an empty name stands for subscriptions without
  // a group. Ordered maps, not hash tables: clients choose the names, and no choice can make them
  // slow.
  std::map<std::string, std::set<std::string, std::less<>>, std::less<>> groups_of_;
};

}  // namespace hallway::hub
