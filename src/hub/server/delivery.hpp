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

#include "core/chunk.hpp"
#include "hub/server/client_subscription.hpp"
#include "hub/server/subscriber.hpp"
#include "hub/server/users.hpp"
#include "loop/loop_core.hpp"
#include "message/connection/connection_core.hpp"
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
  bool was_held = false;  ///< it has waited for HubLimits::hold_time; only rules delay it further
};

class Delivery final : private detail::Flushable {
 public:
  /// Everything borrowed outlives it.
  /// @param asked  the prefix of reply subjects as links see them, up to the connection number
  Delivery(detail::LoopCore& core, Router& router, DeliveryTotals& totals, std::string asked)
      : core_(core), router_(router), totals_(totals), asked_prefix_(std::move(asked)) {}
  Delivery(const Delivery&) = delete;
  Delivery& operator=(const Delivery&) = delete;
  ~Delivery() override { detail::LoopCore::cancel_flush(*this); }

  struct Published {
    bool delivered = false;            ///< at least one subscriber gets it
    Subscriber* blocked_by = nullptr;  ///< not delivered yet: this one must have room first
    std::size_t work = 0;              ///< as Router::looked_at()
  };
  Published publish(const Publication& publication);

  /// Delivers a reply only to the requester, through its own subscription to the reply subject. The
  /// policy of that subscription applies to the reply as to any message.
  /// @return as publish(): delivered, if the requester has such a subscription; blocked_by is the
  ///         requester, if it has to have room first (DeliveryPolicy::wait)
  [[nodiscard]] Published answer(Subscriber& requester, const Publication& answer);

  /// Notifies a requester that its request has no subscriber. As in nats-server, this message does
  /// not count towards UNSUB's max.
  void tell_no_responders(Subscriber& requester, ByteView reply);

  /// Sends a message of the hub to one subscription, in order. Precondition: publishers need not
  /// wait for it now; see DeliveryQueue::blocks().
  void tell(SubscriptionId id, const Publication& news) noexcept;

  /// Moves the messages published so far to the queues of the connections.
  void settle() noexcept;

 private:
  struct Recipient {
    SubscriptionId id;
    bool directly;  // the message need not wait in the subscription's queue
  };

  static constexpr std::size_t no_size = SIZE_MAX;

  /// Messages to the same subscribers that are not in their queues yet.
  struct Batch {
    detail::SharedBytes range;
    std::vector<SubscriptionId> to;
    std::string sid;
    bool with_headers = false;  // the subscribers take headers
    bool with_links = false;    // some of the subscribers are links
    // The protocol line for a payload of this size, without reply and header. The next message can
    // usually reuse it.
    std::string line;
    std::size_t line_for = no_size;
    // Whether more messages may join, and which ones: same subject, same excluded publisher.
    bool open = false;
    std::string subject;
    const Subscriber* except = nullptr;
  };

  /// A message for subscriptions that have to wait for it. It is in a chunk of exactly its size,
  /// because the chunk lives until the last, possibly slow, subscriber has taken it.
  struct Kept {
    detail::SharedBytes message;
    std::string sid;
    bool with_headers = false;
    bool asked = false;  // the reply subject is in the form for links
  };

  [[nodiscard]] ClientSubscription* find(SubscriptionId id) const {
    return static_cast<ClientSubscription*>(router_.find(id));
  }
  [[nodiscard]] ClientSubscription* own_subscription(const Subscriber& requester, ByteView reply);
  bool publish_batched(const Publication& publication);
  Subscriber* find_recipients(const Publication& publication);
  void begin_batch(const Publication& publication);
  static std::size_t size_in_batch(const Publication& publication, Batch& batch);
  void write_to_batch(const Publication& publication, Batch& batch) noexcept;
  /// The operation that a subscription gets; valid until the next call.
  [[nodiscard]] nats::Operation delivered_to(const Publication& publication,
                                             const ClientSubscription& to);
  [[nodiscard]] bool same_line(const ClientSubscription& to, const Publication& publication) const;
  bool deliver(const Recipient& recipient, const Publication& publication) noexcept;
  void deliver_now(ClientSubscription& to, const Publication& publication);
  void deliver_alone(ClientSubscription& to, const Publication& news);
  void enqueue_pending(ClientSubscription& to, const Publication& publication);
  void reserve(std::size_t size);
  void flush_turn() override { settle(); }

  detail::LoopCore& core_;
  Router& router_;
  DeliveryTotals& totals_;
  core::Chunk shared_;  // messages are written into it, one after the other
  std::size_t shared_used_ = 0;
  Batch batch_;  // not settled yet
  // State of the message being published:
  Batch next_;
  Kept kept_;
  std::vector<SubscriptionId> matched_;
  std::vector<Recipient> recipients_;
  std::string line_;
  const std::string asked_prefix_;
  std::string asked_;  // its reply subject in the form for links
};

}  // namespace hallway::hub
