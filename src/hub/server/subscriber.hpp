// SPDX-License-Identifier: Apache-2.0
//
// The outbound side of a client: the outbound queue of its connection, its subscriptions, and the
// messages that wait in the subscriptions' own queues while the outbound queue is full.
//
// While no message waits, a message goes directly to the outbound queue. If that is full, the
// message waits in the queue of its subscription. Each time the kernel has accepted the outbound
// queue, a task of Delivery, the pump, moves waiting messages to it: one message of each
// subscription in turn.
//
// The ClientConnection and the Delivery call a Subscriber. It calls back only to report that its
// client is too slow (Observer). Both settle deliveries before they call it, so that the messages
// published before are in the queues.
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

class Subscriber {
 public:
  class Observer {
   public:
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
  ~Subscriber();

  // Subscriptions ------------------------------------------------------------------------------

  /// @return nullptr if there is no subscription with this sid
  [[nodiscard]] ClientSubscription* find(std::string_view sid) const;

  /// Precondition: the subject is valid, the sid is not in use, and User::may_subscribe().
  void subscribe(std::string sid, std::string subject, std::string group, const Service& service);

  /// Messages that wait for the subscription are discarded.
  void unsubscribe(ClientSubscription& subscription) noexcept;

  /// UNSUB with a number; see RoutedSubscription::end_after().
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

  /// Copies bytes to the outbound queue.
  void write(ByteView bytes) noexcept;

  /// Adds a reference to bytes of a shared chunk to the outbound queue.
  void append(const detail::SharedBytes& range) noexcept;

  /// Queues a message for a subscription that cannot get it now.
  void enqueue_pending(ClientSubscription& subscription, std::string_view subject,
                       const detail::SharedBytes& message) noexcept;

  /// The subscription has got its retained values: what waits behind them may follow.
  void release(ClientSubscription& subscription) noexcept;

  /// Moves waiting messages to the outbound queue while that has room.
  void refill() noexcept { refill(limits_.outbound); }
  /// Moves all waiting messages to the outbound queue of a connection that is about to be closed.
  void deliver_rest() noexcept { refill(SIZE_MAX); }
  [[nodiscard]] bool has_waiting() const noexcept { return !ended_ && !waiting_.empty(); }

  // Back-pressure ------------------------------------------------------------------------------

  /// What Delivery runs for a subscriber without room.
  struct Pump {
    explicit Pump(detail::LoopCore& core) noexcept : tasks(core) {}

    bool running = false;
    std::unique_ptr<detail::Timer> rate_timer;  // runs while publishers wait
    detail::TaskGroup tasks;
  };
  [[nodiscard]] Pump& pump() noexcept { return pump_; }
  /// The pump has moved all messages, so there is room again.
  void end_pumping() noexcept;

  /// The publishers that wait for room.
  [[nodiscard]] detail::WaiterList& publishers() noexcept { return publishers_; }
  void wake_publishers() noexcept { detail::wake_all(core(), publishers_); }

  /// A publisher is about to wait. The rate is measured only then: before, there may have been
  /// nothing to take.
  /// @param measuring  whether an interval has begun already
  /// @return whether an interval begins now
  [[nodiscard]] bool begin_interval(bool measuring) noexcept;
  [[nodiscard]] Duration interval() const noexcept;
  /// Measures the rate at the end of an interval.
  /// @return false if the client has taken nothing for HubLimits::slow_time
  [[nodiscard]] bool end_interval() noexcept;

  /// Whether it took less than HubLimits::min_rate while publishers waited for it, and has not
  /// caught up since. No publisher is paused for a slow subscriber.
  [[nodiscard]] bool slow() const noexcept { return slow_; }
  [[nodiscard]] const User& user() const noexcept { return user_; }

  /// Reports to a subscription how many messages are missing at this point.
  void report_gap(const ClientSubscription& subscription, std::uint64_t lost) noexcept;

  // Ending -------------------------------------------------------------------------------------

  /// Sends an error, unless it is empty, and closes the connection after what was written.
  void end(ByteView error) noexcept;
  /// Ends the connection of a client that does not read fast enough.
  void disconnect_slow_consumer() noexcept;
  /// Aborts the connection because there is no memory for something that the client must get.
  void abort_out_of_memory() noexcept;
  [[nodiscard]] bool ended() const noexcept { return ended_; }

  /// Whether the client is a link, which forwards messages to others.
  [[nodiscard]] bool is_link() const noexcept { return is_link_; }
  /// @param wants_publishers  it receives the uid of each message's publisher
  void become_link(bool wants_publishers) noexcept {
    is_link_ = true;
    wants_publishers_ = wants_publishers;
  }
  /// Whether the client is a link that receives the uid of each message's publisher.
  [[nodiscard]] bool wants_publishers() const noexcept { return wants_publishers_; }
  [[nodiscard]] bool takes_headers() const noexcept { return takes_headers_; }
  void take_headers(bool take) noexcept { takes_headers_ = take; }
  [[nodiscard]] Connection& connection() const noexcept { return connection_; }

 private:
  using Owned = std::unique_ptr<ClientSubscription>;

  Offered offer(ClientSubscription& subscription, std::string_view subject,
                const detail::SharedBytes& message);
  void refill(std::size_t limit) noexcept;
  void deliver_next(ClientSubscription& subscription) noexcept;
  void withdraw() noexcept;
  void note_subjects() noexcept;
  void drop_finished(const ClientSubscription& subscription) noexcept;
  void update_memory_charge() noexcept {
    detail::ConnectionCore& core = state().core();
    if (core.send_blocked()) core.update_memory_charge();
  }

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
  std::uint64_t taken_ = 0;                       // bytes taken when the interval began
  Loop::Clock::time_point took_at_;               // when bytes were last known to be taken
  bool slow_ = false;
  bool takes_headers_ = false;
  bool is_link_ = false;
  bool wants_publishers_ = false;
  std::vector<std::string> subjects_;
  std::uint64_t handed_ = 0;
  bool ended_ = false;
  Pump pump_{core()};  // last: it refers to all members above
};

}  // namespace hallway::hub
