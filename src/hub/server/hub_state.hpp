// SPDX-License-Identifier: Apache-2.0
//
// What all clients of a hub share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <hallway/hub.hpp>
#include <hallway/loop.hpp>

#include "hub/server/absent_links.hpp"
#include "hub/server/client_options.hpp"
#include "hub/server/delivery.hpp"
#include "hub/server/interest_notifier.hpp"
#include "hub/server/rules.hpp"
#include "hub/server/users.hpp"
#include "subject/router.hpp"

namespace hallway::hub {

class ClientConnection;

class HubState {
 public:
  using OnEvent = std::function<void(const HubEvent&)>;

  HubState(Loop& of, const HubLimits& of_hub, Rules first_rules, OnEvent on_event);

  /// What is on its way to subscribers counts.
  [[nodiscard]] HubStatistics statistics();
  [[nodiscard]] std::vector<UserStatistics> user_statistics() const;
  void report(HubEvent::Kind kind, const Connection& connection, std::string reason) const noexcept;

  Loop& loop;
  const HubLimits limits;
  HubInfo info;
  const std::string asked;  // in front of what links see of reply subjects
  Rules rules;
  InterestNotifier interest;  // hears of what the router has
  Router router;
  Users users;
  DeliveryTotals totals;
  Delivery delivery;
  std::map<std::uint64_t, ClientConnection*> clients;  // by their connections' numbers
  std::uint64_t clients_total = 0;
  std::uint64_t messages_in = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t slow_consumers = 0;
  std::uint64_t violations = 0;
  std::uint64_t answers_refused = 0;
  AbsentLinks absent_links;
  bool leaving = false;           // the hub drains
  std::size_t reading = 0;        // sessions from which something may still come
  detail::WaiterList until_read;  // those who wait for the others to have said everything

 private:
  OnEvent on_event_;
};

}  // namespace hallway::hub
