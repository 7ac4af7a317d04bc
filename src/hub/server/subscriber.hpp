// SPDX-License-Identifier: Apache-2.0
//
// The side of a client that messages go out to: its connection's outbound queue, its subscriptions,
// and what waits for them while that queue is full.
//
// While nothing waits, a message goes to the outbound queue directly. When that is full, it waits
// for its subscription, and a task, the pump, moves what waits to the outbound queue each time the
// kernel has taken that: one message of each subscription in turn.
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

/// What all subscribers of a hub share.
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
    /// A subscription comes or goes, or something is about to be written: what is on its way to
    /// subscribers goes first.
    virtual void settle_deliveries() noexcept = 0;
    /// It did not read, and is cut.
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

  /// By sid; nullptr: it has none of that name.
  [[nodiscard]] ClientSubscription* find(std::string_view sid) const;

  /// Precondition: the subject is valid, nothing has this sid, and the account has one left.
  void subscribe(std::string sid, std::string subject, std::string group, const Service& service);

  /// What waits for it is forgotten.
  void unsubscribe(ClientSubscription& subscription) noexcept;

  /// UNSUB with a number; see Subscription::end_after().
  void end_after(ClientSubscription& subscription, std::uint64_t most) noexcept;

  /// It has had its last message; what waits for it is still delivered.
  void finish(ClientSubscription& subscription) noexcept;

  template <typename Visit>
  void for_each(Visit visit) const {
    for (const auto& [sid, subscription] : subscriptions_) visit(*subscription);
  }
  [[nodiscard]] std::size_t size() const noexcept { return subscriptions_.size(); }

  /// What a link was subscribed to when its connection ended, and the messages of all of its
  /// subscriptions that have ended: they were given to it, or lost.
  [[nodiscard]] std::vector<std::string> take_subjects() { return std::exchange(subjects_, {}); }
  [[nodiscard]] std::uint64_t handed() const noexcept { return handed_; }

  // Outbound -----------------------------------------------------------------------------------

  /// Whether a message may be given to the connection; the kernel is asked before it is denied.
  [[nodiscard]] bool has_room() noexcept;

  /// Copies bytes to the connection. What is on its way goes first where the caller has seen to it;
  /// the same is true of append().
  void write(ByteView bytes) noexcept;

  /// Refers the connection to bytes of a shared chunk.
  void append(const detail::SharedBytes& range) noexcept;

  /// Has a message wait for a subscription that cannot have it now.
  void enqueue_pending(ClientSubscription& subscription, std::string_view subject,
                       const detail::SharedBytes& message) noexcept;

  /// Until there is room, or it turns out to be slow. When it takes nothing for
  /// HubLimits::slow_time meanwhile, it is cut.
  [[nodiscard]] detail::TimedWait room(Duration longest);

  /// It took less than HubLimits::least_rate while others waited for it, and has not caught up
  /// since: nobody is held back for it.
  [[nodiscard]] bool slow() const noexcept { return slow_; }
  [[nodiscard]] const User& user() const noexcept { return user_; }

  /// Tells a subscription how many messages are missing here.
  void tell_gap(const ClientSubscription& subscription, std::uint64_t lost) noexcept;

  /// Moves everything that waits to the connection, which is about to be closed.
  void deliver_rest() noexcept;

  // Ending -------------------------------------------------------------------------------------

  /// Says why, and closes the connection after what was written. Empty: says nothing.
  void end(ByteView error) noexcept;
  /// There is no memory for something it ought to get.
  void abort_out_of_memory() noexcept;
  [[nodiscard]] bool ended() const noexcept { return ended_; }

  /// Whether it is a link, which passes messages on to others.
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
  // Ordered, because strangers choose the sids: nobody can make it slow.
  std::map<std::string, Owned, std::less<>> subscriptions_;
  std::multimap<std::string, Owned, std::less<>> finishing_;
  core::LinkedList<ClientSubscription> waiting_;  // for which something waits, or a gap to be told
  detail::WaiterList publishers_;                 // that wait for room
  std::uint64_t taken_ = 0;                       // bytes, when it was last looked at
  Loop::Clock::time_point took_at_;               // when it was last seen to take any
  bool slow_ = false;
  bool takes_headers_ = false;
  bool is_link_ = false;
  std::vector<std::string> subjects_;
  std::uint64_t handed_ = 0;
  bool pumping_ = false;
  bool ended_ = false;
  detail::TaskGroup tasks_;  // last: the pump refers to everything above
};

}  // namespace hallway::hub
