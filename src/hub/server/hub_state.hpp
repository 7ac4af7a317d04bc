// SPDX-License-Identifier: Apache-2.0
//
// The state that all clients of a hub share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <hallway/descriptor.hpp>
#include <hallway/hub.hpp>
#include <hallway/loop.hpp>

#include "hub/server/absent_links.hpp"
#include "hub/server/delivery.hpp"
#include "hub/server/interest_notifier.hpp"
#include "hub/server/requested_options.hpp"
#include "hub/server/retained_transfer.hpp"
#include "hub/server/retained_values.hpp"
#include "hub/server/rules.hpp"
#include "hub/server/users.hpp"
#include "subject/router.hpp"

namespace hallway::hub {

class ClientConnection;

class HubState {
 public:
  using OnEvent = std::function<void(const HubEvent&)>;

  HubState(Loop& of, const HubLimits& of_hub, Rules first_rules, OnEvent on_event);

  /// Settles deliveries first, so that the counters include every published message.
  [[nodiscard]] HubStatistics statistics();
  [[nodiscard]] std::vector<UserStatistics> user_statistics() const;
  /// A message becomes the value of its subject, if a rule names that.
  /// @return whether one does
  bool retain(const RetainableMessage& message, RetainedValues::Time published) noexcept;
  /// The file with all retained values, for a hub that takes over; empty if there is none.
  [[nodiscard]] Descriptor export_retained();
  /// Reads the retained values of the hub that this one takes over from.
  void import_retained(Descriptor file);
  void report(HubEvent::Kind kind, const Connection& connection, std::string reason) const noexcept;

  Loop& loop;
  const HubLimits limits;
  HubInfo info;
  const std::string asked;  // the prefix of reply subjects as links see them
  Rules rules;
  InterestNotifier interest;  // observes the router
  Router router;
  Users users;
  DeliveryTotals totals;
  Delivery delivery;
  RetainedValues retained;
  RetainedExport retained_export;
  RetainedImport retained_import;
  std::map<std::uint64_t, ClientConnection*> clients;  // by their connections' numbers
  std::uint64_t clients_total = 0;
  std::uint64_t messages_in = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t slow_consumers = 0;
  std::uint64_t violations = 0;
  std::uint64_t answers_refused = 0;
  AbsentLinks absent_links;
  bool leaving = false;           // the hub drains
  std::size_t reading = 0;        // client connections that are still read from
  detail::WaiterList until_read;  // connections that wait until `reading` is 0

 private:
  void take_retained(const RetainedRecord& record);

  OnEvent on_event_;
};

}  // namespace hallway::hub
