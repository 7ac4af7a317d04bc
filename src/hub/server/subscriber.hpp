// SPDX-License-Identifier: Apache-2.0
//
// The outbound side of a client: the outbound queue of its connection, its subscriptions, and the
// messages that wait in the subscriptions' own queues while the outbound queue is full.
//
// While no message waits, a message goes directly to the outbound queue. If that is full, the
// message waits in the queue of its subscription. Each time the kernel has accepted the outbound
// queue, a task, the pump, moves waiting messages to it: one message of each subscription in turn.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <hallway/bytes.hpp>
#include <hallway/connection.hpp>
#include <hallway/limits.hpp>

#include "core/linked_list.hpp"
#include "hub/server/client_subscription.hpp"
#include "hub/server/users.hpp"
#include "loop/loop_core.hpp"
#include "loop/task_group.hpp"
#include "loop/timed_wait.hpp"
#include "message/connection/connection_state.hpp"
#include "subject/router.hpp"

namespace hallway::hub {

/// Counters over all subscribers of a hub.
struct DeliveryTotals {
  std::uint64_t messages_out = 0;
  std::uint64_t bytes_out = 0;
  std::uint64_t dropped = 0;
  std::uint64_t superseded = 0;
};

class Subscriber : private detail::Timer {
 public:
  class Observer {
   public:
    /// Called before a subscription begins or ends and before anything is written: messages already
    /// published must be moved to the queues first.
    virtual void settle_deliveries() noexcept = 0;
    /// The client did not read fast enough and is about to be disconnected.
    virtual void too_slow() noexcept = 0;

   protected:
    ~Observer() = default;
  };

  /// Everything borrowed outlives the subscriber.
  Subscriber(Connection& connection, User& user, const HubLimits& limits, Router& router,
             DeliveryTotals& totals, Observer& observer);
  Subscriber(const Subscriber&) = delete;
  Subscriber& operator=(const Subscriber&) = delete;
  ~Subscriber() override;

  // Subscriptions ------------------------------------------------------------------------------

  /// @return nullptr if there is no subscription with this sid
  [[nodiscard]] ClientSubscription* find(std::string_view sid) const;

  /// Precondition: the subject is valid, the sid is not in use, and User::may_subscribe().
  void subscribe(std::string sid, std::string subject, std::string group, const Service& service);

  /// Messages that wait for the subscription are discarded.
  void unsubscribe(ClientSubscription& subscription) noexcept;

  /// UNSUB with a number; see Subscription::end_after().
  void end_after(ClientSubscription& subscription, std::uint64_t most) noexcept;

  /// The subscription has got its last message. Messages that wait for it are still delivered.
  void finish(ClientSubscription& subscription) noexcept;

  template <typename Visit>
  void for_each(Visit visit) const {
    for (const auto& [sid, subscription] : subscriptions_) visit(*subscription);
  }
  [[nodiscard]] std::size_t size() const noexcept { return subscriptions_.size(); }

  /// For a link whose connection has ended: the subjects that it was subscribed to, and the number
  /// of messages of all of its ended subscriptions, whether they were handed to it or lost.
  [[nodiscard]] std::vector<std::string> take_subjects() { return std::exchange(subjects_, {}); }
  [[nodiscard]] std::uint64_t handed() const noexcept { return handed_; }

  // Outbound -----------------------------------------------------------------------------------

  /// Whether the connection has room for a message. It tries to flush a full queue first.
  [[nodiscard]] bool has_room() noexcept;

  /// Copies bytes to the outbound queue. Neither this nor append() settles deliveries: the caller
  /// must do so first if the order matters.
  void write(ByteView bytes) noexcept;

  /// Adds a reference to bytes of a shared chunk to the outbound queue.
  void append(const detail::SharedBytes& range) noexcept;

  /// Queues a message for a subscription that cannot get it now.
  void enqueue_pending(ClientSubscription& subscription, std::string_view subject,
                       const detail::SharedBytes& message) noexcept;

  /// Waits until there is room, or until the subscriber turns out to be slow. A subscriber that
  /// takes nothing for HubLimits::slow_time meanwhile is disconnected.
  [[nodiscard]] detail::TimedWait room(Duration longest);

  /// Whether it took less than HubLimits::least_rate while publishers waited for it, and has not
  /// caught up since. No publisher is paused for a slow subscriber.
  [[nodiscard]] bool slow() const noexcept { return slow_; }
  [[nodiscard]] const User& user() const noexcept { return user_; }

  /// Reports to a subscription how many messages are missing at this point.
  void tell_gap(const ClientSubscription& subscription, std::uint64_t lost) noexcept;

  /// Moves all waiting messages to the outbound queue of a connection that is about to be closed.
  void deliver_rest() noexcept;

  // Ending -------------------------------------------------------------------------------------

  /// Sends an error, unless it is empty, and closes the connection after what was written.
  void end(ByteView error) noexcept;
  /// Aborts the connection because there is no memory for something that the client must get.
  void abort_out_of_memory() noexcept;
  [[nodiscard]] bool ended() const noexcept { return ended_; }

  /// Whether the client is a link, which forwards messages to others.
  [[nodiscard]] bool is_link() const noexcept { return is_link_; }
  void become_link() noexcept {
    observer_.settle_deliveries();
    is_link_ = true;
  }
  [[nodiscard]] bool takes_headers() const noexcept { return takes_headers_; }
  void take_headers(bool take) noexcept {
    observer_.settle_deliveries();
    takes_headers_ = take;
  }
  [[nodiscard]] const Connection& connection() const noexcept { return connection_; }

 private:
  using Owned = std::unique_ptr<ClientSubscription>;

  static detail::TaskGroup::Spawned pump(detail::TaskGroup& tasks, Subscriber& self);
  void start_pump() noexcept;
  Offered offer(ClientSubscription& subscription, std::string_view subject,
                const detail::SharedBytes& message);
  void refill(std::size_t limit) noexcept;
  void deliver_next(ClientSubscription& subscription) noexcept;
  void disconnect_slow_consumer() noexcept;
  void withdraw() noexcept;
  void note_subjects() noexcept;
  void remove(ClientSubscription& subscription) noexcept;
  void drop_finished(const ClientSubscription& subscription) noexcept;
  void note_kept() noexcept {
    if (state().send_blocked()) state().note_kept();
  }
  [[nodiscard]] Duration between_looks() const noexcept;
  void fire() override;

  [[nodiscard]] detail::ConnectionState& state() const noexcept {
    return detail::ConnectionState::of(connection_);
  }
  [[nodiscard]] detail::LoopCore& core() const noexcept { return connection_.loop().core(); }

  Connection& connection_;
  User& user_;
  const HubLimits& limits_;
  Router& router_;
  DeliveryTotals& totals_;
  Observer& observer_;
  // Ordered maps, not hash tables: clients choose the sids, and no choice can make them slow.
  std::map<std::string, Owned, std::less<>> subscriptions_;
  std::multimap<std::string, Owned, std::less<>> finishing_;
  core::LinkedList<ClientSubscription> waiting_;  // with waiting messages or an unreported gap
  detail::WaiterList publishers_;                 // publishers that wait for room
  std::uint64_t taken_ = 0;                       // bytes taken by the last check
  Loop::Clock::time_point took_at_;               // when a check last found that it took any
  bool slow_ = false;
  bool takes_headers_ = false;
  bool is_link_ = false;
  std::vector<std::string> subjects_;
  std::uint64_t handed_ = 0;
  bool pumping_ = false;
  bool ended_ = false;
  detail::TaskGroup tasks_;  // last: the pump refers to all members above
};

}  // namespace hallway::hub
