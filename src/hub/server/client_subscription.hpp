// SPDX-License-Identifier: Apache-2.0
//
// A subscription of a client, with the messages that wait for it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "core/linked_list.hpp"
#include "hub/server/delivery_queue.hpp"
#include "hub/server/permissions.hpp"
#include "message/connection/connection_core.hpp"
#include "subject/subscription.hpp"

namespace hallway::hub {

class Subscriber;

/// How the hub serves a subscription.
struct Service {
  OverflowPolicy policy = OverflowPolicy::disconnect;
  bool holds_back = false;  ///< pauses publishers while nearly full; see HubLimits::min_rate
  std::size_t pending = 0;  ///< see HubLimits::max_pending_per_subscription
  /// Checked for each message, if some subjects that the subscription covers are denied; otherwise
  /// nullptr. They outlive the subscription.
  const Permissions* in_part = nullptr;
  bool receives_inboxes = true;  ///< see Permissions::receives_inboxes()
};

class ClientSubscription final : public RoutedSubscription,
                                 public core::Linked<ClientSubscription> {
 public:
  /// @param owner  outlives it
  /// @param cost  bytes of memory that it takes up, including in the router
  ClientSubscription(Subscriber& owner, std::string sid, std::string subject, std::string group,
                     const Service& service, core::Account& account, std::size_t cost)
      : RoutedSubscription(&owner, std::move(subject), std::move(group)),
        queue(service.policy, service.pending, account),
        holds_back(service.holds_back),
        in_part(service.in_part),
        receives_inboxes(service.receives_inboxes),
        subscriber_(owner),
        sid_(std::move(sid)),
        cost_(account, core::Quota::memory) {
    cost_.set(cost);
  }

  /// @param to_inbox  the result of is_inbox(subject)
  [[nodiscard]] bool accepts(std::string_view subject, bool to_inbox) const noexcept {
    if (to_inbox && !receives_inboxes) return false;
    return in_part == nullptr || in_part->may_receive(subject);
  }

  [[nodiscard]] Subscriber& subscriber() const noexcept { return subscriber_; }
  [[nodiscard]] const std::string& sid() const noexcept { return sid_; }

  DeliveryQueue<detail::SharedBytes> queue;
  const bool holds_back;       ///< as in Service
  const Permissions* in_part;  ///< as in Service
  bool receives_inboxes;       ///< as in Service

 private:
  Subscriber& subscriber_;
  const std::string sid_;
  core::Charge cost_;
};

}  // namespace hallway::hub
