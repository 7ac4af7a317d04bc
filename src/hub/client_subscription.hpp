// SPDX-License-Identifier: Apache-2.0
//
// A subscription of a client, with what waits for it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "core/linked_list.hpp"
#include "hub/delivery_queue.hpp"
#include "hub/permissions.hpp"
#include "hub/subscription.hpp"
#include "message/transport.hpp"

namespace hallway::hub {

class Subscriber;

/// How a subscription is to be served.
struct Service {
  DeliveryPolicy policy = DeliveryPolicy::disconnect;
  std::size_t pending = 0;  ///< see HubLimits::pending_per_subscription
  /// Where some of what it covers is denied: to be asked for each message. They outlive it.
  const Permissions* in_part = nullptr;
  bool hears_inboxes = true;  ///< see Permissions::hears_inboxes()
};

class ClientSubscription final : public Subscription, public core::Linked<ClientSubscription> {
 public:
  /// @param owner  outlives it
  ClientSubscription(Subscriber& owner, std::string sid, std::string subject, std::string group,
                     const Service& service, Account& account)
      : Subscription(&owner, std::move(subject), std::move(group)),
        queue(service.policy, service.pending, account),
        in_part(service.in_part),
        hears_inboxes(service.hears_inboxes),
        subscriber_(owner),
        sid_(std::move(sid)) {}

  /// @param to_inbox  what is_inbox() says of the subject
  [[nodiscard]] bool accepts(std::string_view subject, bool to_inbox) const noexcept {
    if (to_inbox && !hears_inboxes) return false;
    return in_part == nullptr || in_part->may_receive(subject);
  }

  [[nodiscard]] Subscriber& subscriber() const noexcept { return subscriber_; }
  [[nodiscard]] const std::string& sid() const noexcept { return sid_; }

  DeliveryQueue<detail::SharedFrame> queue;
  const Permissions* in_part;  ///< as in Service
  bool hears_inboxes;          ///< as in Service

 private:
  Subscriber& subscriber_;
  const std::string sid_;
};

}  // namespace hallway::hub
