// SPDX-License-Identifier: Apache-2.0
#include "hub/server/hub_state.hpp"

#include <new>
#include <random>
#include <utility>

#include "core/random.hpp"
#include "hub/reserved_subjects.hpp"

namespace hallway::hub {

namespace {

/// In the form of a NATS server's id.
std::string make_server_id() {
  constexpr std::size_t length = 56;
  return 'N' + core::random_base32(length - 1);
}

}  // namespace

HubState::HubState(Loop& of, const HubLimits& of_hub, Rules first_rules, OnEvent on_event)
    : loop(of),
      limits(of_hub),
      info{make_server_id(), {}, of_hub.max_payload, of_hub.control_line},
      asked(std::string(asked_prefix) + core::random_base32(10) + '.'),
      rules(std::move(first_rules)),
      interest(*this),
      router(
          {core::random_number(), core::random_number()},
          [random = std::minstd_rand(std::random_device{}())]() mutable {
            return static_cast<std::uint32_t>(random());
          },
          &interest),
      users(loop.core(), limits.subscriptions_per_uid),
      delivery(loop.core(), router, totals, asked),
      on_event_(std::move(on_event)) {}

HubStatistics HubState::statistics() {
  delivery.settle();
  return {.connections = clients.size(),
          .subscriptions = router.size(),
          .connections_total = clients_total,
          .messages_in = messages_in,
          .bytes_in = bytes_in,
          .messages_out = totals.messages_out,
          .bytes_out = totals.bytes_out,
          .dropped = totals.dropped,
          .superseded = totals.superseded,
          .slow_consumers = slow_consumers,
          .violations = violations,
          .answers_refused = answers_refused};
}

std::vector<UserStatistics> HubState::user_statistics() const {
  std::vector<UserStatistics> all;
  users.for_each([&](const User& user) {
    const core::Account& account = user.account();
    all.push_back({.uid = account.uid(),
                   .connections = account.used(core::Quota::connections),
                   .subscriptions = user.subscriptions(),
                   .memory = account.used(core::Quota::memory),
                   .memory_share = account.share(core::Quota::memory),
                   .loop_time = user.loop_time(),
                   .held_back = user.held_back()});
  });
  return all;
}

void HubState::report(HubEvent::Kind kind, const Connection& connection,
                      std::string reason) const noexcept {
  if (!on_event_) return;
  try {
    on_event_({kind, connection.number(), connection.peer(), std::move(reason)});
  } catch (const std::bad_alloc&) {
    // Out of memory: this event is lost.
  }
}

}  // namespace hallway::hub
