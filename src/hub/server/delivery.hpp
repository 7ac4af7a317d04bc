// SPDX-License-Identifier: Apache-2.0
//
// Delivers each message to its subscribers.
//
// A subscriber gets a protocol line with its own sid, then the payload. Subscribers with the same
// sid therefore get the same bytes, and most clients count their sids from 1. These bytes are
// written once, into a shared chunk, and each of these subscribers gets a reference. The first
// recipient decides the sid. A subscriber with another sid gets its own line and, if the payload is
// large, a reference to the shared payload.
//
// Consecutive messages with the same subject in one turn go to the same subscribers. They are
// written one after the other and are added to the queues as one range: at the end of the turn, or
// before anything else happens to one of these queues. Only the first of them is matched.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <hallway/bytes.hpp>

#include "hub/server/client_subscription.hpp"
#include "hub/server/retained_values.hpp"
#include "hub/server/subscriber.hpp"
#include "hub/server/users.hpp"
#include "loop/loop_core.hpp"
#include "loop/task_group.hpp"
#include "loop/timed_wait.hpp"
#include "message/connection/broadcast_batch.hpp"
#include "subject/router.hpp"
#include "wire/nats_operation.hpp"

namespace hallway::hub {

/// A message that was published.
struct Publication {
  ByteView subject;
  ByteView reply;
  ByteView header;
  ByteView payload;
  const Subscriber* except = nullptr;  ///< the publisher, if it wants no echo
  std::uint64_t publisher = 0;         ///< the number of its connection; 0: the hub
  const User* user = nullptr;          ///< the publisher's
  std::uint64_t requester = 0;  ///< of a reply: the only connection that gets it; 0: all that match
  bool was_held = false;  ///< it has waited for HubLimits::hold_time; only rules delay it further
};

class Delivery final : private detail::Flushable {
 public:
  /// Everything borrowed outlives it.
  /// @param asked  the prefix of reply subjects as links see them, up to the connection number
  Delivery(detail::LoopCore& core, Router& router, DeliveryTotals& totals, std::string asked)
      : core_(core),
        router_(router),
        totals_(totals),
        batch_(&core.buffers().sent),
        asked_prefix_(std::move(asked)) {}
  Delivery(const Delivery&) = delete;
  Delivery& operator=(const Delivery&) = delete;

  /// How many subscriptions a message goes to. A full queue may still drop it.
  struct Recipients {
    std::size_t subscriptions = 0;  ///< those of links excluded
    std::size_t links = 0;
  };

  struct Published {
    bool delivered = false;            ///< at least one subscriber gets it
    Subscriber* blocked_by = nullptr;  ///< not delivered yet: this one must have room first
    std::size_t work = 0;              ///< as Router::looked_at()
    Recipients recipients = {};        ///< if it was delivered by publish()
  };
  Published publish(const Publication& publication);

  /// Counts the subscriptions that match a subject now, all members of queue groups included.
  [[nodiscard]] Recipients count_matches(ByteView subject);

  /// Delivers a reply only to the requester, through its own subscription to the reply subject. The
  /// policy of that subscription applies to the reply as to any message.
  /// @return as publish(): delivered, if the requester has such a subscription; blocked_by is the
  ///         requester, if it has to have room first (OverflowPolicy::wait)
  [[nodiscard]] Published answer(Subscriber& requester, const Publication& answer);

  /// Notifies a requester that its request has no subscriber. As in nats-server, this message does
  /// not count towards UNSUB's max.
  void report_no_responders(Subscriber& requester, ByteView reply);

  /// Sends a message of the hub to one subscription, in order. Precondition: publishers need not
  /// wait for it now; see DeliveryQueue::blocks().
  void send_to(SubscriptionId id, const Publication& publication) noexcept;

  /// Sends a retained value to a subscription whose queue is held. It counts as any message, also
  /// towards UNSUB's max.
  void send_retained(SubscriptionId id, const RetainedValue& value, Duration age) noexcept;

  /// A subscription has got all of its retained values: what waits in its queue follows. Does
  /// nothing for a subscription that has ended, except that what waits for it follows as well.
  void end_retained(Subscriber& subscriber, SubscriptionId id) noexcept;

  /// Moves the messages published so far to the queues of the connections. Called before anything
  /// else happens to one of these queues or to a subscription.
  void settle() noexcept;

  /// Waits until the subscriber has room, or until it turns out to be slow. A subscriber that takes
  /// nothing for HubLimits::slow_time meanwhile is disconnected.
  [[nodiscard]] detail::TimedWait wait_for_room(Subscriber& subscriber, Duration longest);

 private:
  class RateTimer;

  struct Recipient {
    SubscriptionId id;
    bool directly;  // the message need not wait in the subscription's queue
  };

  static constexpr std::size_t no_size = SIZE_MAX;

  /// The reply subject of a message as a subscriber receives it.
  enum class ReplyForm : std::uint8_t {
    plain,      // as published
    asked,      // for a link: behind asked_prefix, with the requester
    publisher,  // for a link that wants publishers: behind by_prefix, with the publisher's uid
  };

  /// What the messages of a batch have in common. More may join it if they have the same subject
  /// and the same excluded publisher.
  struct Audience {
    std::vector<SubscriptionId> to;
    std::string sid;
    bool with_headers = false;  // the subscribers take headers
    bool with_links = false;    // some of the subscribers are links
    // The protocol line for a payload of this size, without reply and header. The next message can
    // usually reuse it.
    std::string line;
    std::size_t line_for = no_size;
    std::string subject;
    const Subscriber* except = nullptr;
    Recipients recipients;  // of each message
  };

  /// A message for subscriptions that have to wait for it. It is in a chunk of exactly its size,
  /// because the chunk lives until the last, possibly slow, subscriber has taken it.
  struct Kept {
    detail::SharedBytes message;
    std::string sid;
    bool with_headers = false;
    ReplyForm form = ReplyForm::plain;
  };

  [[nodiscard]] ClientSubscription* find(SubscriptionId id) const {
    return static_cast<ClientSubscription*>(router_.find(id));
  }
  [[nodiscard]] ClientSubscription* own_subscription(const Subscriber& requester, ByteView reply);
  bool publish_batched(const Publication& publication);
  Subscriber* find_recipients(const Publication& publication);
  [[nodiscard]] detail::SharedBytes begin_batch(const Publication& publication);
  std::size_t size_in_batch(const Publication& publication);
  char* write_in_batch(const Publication& publication, char* at) const noexcept;
  /// The operation that a subscription gets; valid until the next call.
  [[nodiscard]] nats::Operation delivered_to(const Publication& publication,
                                             const ClientSubscription& to);
  [[nodiscard]] static ReplyForm form_of(const Publication& publication,
                                         const ClientSubscription& to);
  [[nodiscard]] bool same_line(const ClientSubscription& to, const Publication& publication) const;
  bool deliver(const Recipient& recipient, const Publication& publication,
               const detail::SharedBytes& shared) noexcept;
  void deliver_now(ClientSubscription& to, const Publication& publication,
                   const detail::SharedBytes& shared);
  void deliver_alone(ClientSubscription& to, const Publication& publication);
  void deliver_retained(ClientSubscription& to, const RetainedValue& value, Duration age);
  void enqueue_pending(ClientSubscription& to, const Publication& publication);
  void start_pump(Subscriber& subscriber) noexcept;
  static detail::TaskGroup::Spawned run_pump(detail::TaskGroup& tasks, Delivery& self,
                                             Subscriber& subscriber);
  void check_rate(Subscriber& subscriber);
  void flush_turn() override { settle(); }

  detail::LoopCore& core_;
  Router& router_;
  DeliveryTotals& totals_;
  detail::BroadcastBatch batch_;
  Audience audience_;  // of the batch
  // State of the message being published:
  Kept kept_;
  std::vector<SubscriptionId> matched_;
  std::vector<Recipient> recipients_;
  std::size_t links_ = 0;  // among the recipients
  std::string line_;
  const std::string asked_prefix_;
  std::string reply_;  // its reply subject in a form for links
};

}  // namespace hallway::hub
