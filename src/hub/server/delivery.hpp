// SPDX-License-Identifier: Apache-2.0
//
// Brings each message to its subscribers.
//
// What a subscriber gets is a line with its own sid, and the payload. So subscribers with the same
// sid get the same bytes, and most clients count from 1: the bytes are written once, into a shared
// chunk, and each of these subscribers gets a reference. The first decides which sid that is; who
// has another gets a line of his own and, where it is large, the same payload.
//
// Messages with the same subject that follow each other in one turn go to the same subscribers:
// they are written one behind the other, and reach the queues as one range, at the end of the turn
// or before anything else may happen to one of these queues. Only the first of them is matched.
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
  const Subscriber* except = nullptr;  ///< a publisher that wants no echo
  std::uint64_t publisher = 0;         ///< the number of its connection; 0: the hub
  const User* user = nullptr;          ///< the publisher's
  bool was_held = false;  ///< it waited for HubLimits::hold_time: only rules hold it now
};

class Delivery final : private detail::Flushable {
 public:
  /// Everything borrowed outlives it.
  /// @param asked  what links see in front of reply subjects, up to the number of the connection
  Delivery(detail::LoopCore& core, Router& router, DeliveryTotals& totals, std::string asked)
      : core_(core), router_(router), totals_(totals), asked_prefix_(std::move(asked)) {}
  Delivery(const Delivery&) = delete;
  Delivery& operator=(const Delivery&) = delete;
  ~Delivery() override { detail::LoopCore::cancel_flush(*this); }

  struct Published {
    bool delivered = false;            ///< somebody gets it
    Subscriber* blocked_by = nullptr;  ///< nobody got it yet: this one has to have room first
    std::size_t work = 0;              ///< as Router::looked_at()
  };
  Published publish(const Publication& publication);

  /// Answers a request, at the subscription of its own that the requester has for the reply. The
  /// answer is a message like others: the policy of that subscription decides what becomes of it.
  /// @return as publish(): delivered, if the requester has such a subscription; blocked_by is the
  ///         requester, if it has to have room first (DeliveryPolicy::wait)
  [[nodiscard]] Published answer(Subscriber& requester, const Publication& answer);

  /// Tells a requester that nobody listens. It does not count for UNSUB's max, as in a nats-server.
  void tell_no_responders(Subscriber& requester, ByteView reply);

  /// Gives a subscription a message of the hub's own, in its turn. Precondition: publishers need
  /// not wait for it now; see DeliveryQueue::blocks().
  void tell(SubscriptionId id, const Publication& news) noexcept;

  /// Hands over to the connections what was published so far.
  void settle() noexcept;

 private:
  struct Recipient {
    SubscriptionId id;
    bool directly;  // it need not wait
  };

  static constexpr std::size_t no_size = SIZE_MAX;

  /// Messages on their way to the same subscribers.
  struct Batch {
    detail::SharedBytes range;
    std::vector<SubscriptionId> to;
    std::string sid;
    bool with_headers = false;  // they take them
    bool with_links = false;    // some of them are links
    // What stands before a payload of this size, without reply and header: mostly that of the
    // next one, too.
    std::string line;
    std::size_t line_for = no_size;
    // Whether others may follow, and to whom these went.
    bool open = false;
    std::string subject;
    const Subscriber* except = nullptr;
  };

  /// A message for those who have to wait for it, in a chunk of its own size: who knows when the
  /// last of them reads it.
  struct Kept {
    detail::SharedBytes message;
    std::string sid;
    bool with_headers = false;
    bool asked = false;  // its reply is as a link sees it
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
  /// What a subscription gets; good until the next call.
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
  core::Chunk shared_;  // where messages are written, one after the other
  std::size_t shared_used_ = 0;
  Batch batch_;  // on its way
  // Of the message that is published now:
  Batch next_;
  Kept kept_;
  std::vector<SubscriptionId> matched_;
  std::vector<Recipient> recipients_;
  std::string line_;
  const std::string asked_prefix_;
  std::string asked_;  // the reply of the message as a link sees it
};

}  // namespace hallway::hub
