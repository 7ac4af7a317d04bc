// SPDX-License-Identifier: Apache-2.0
#include "hub/server/hub_state.hpp"

#include <algorithm>
#include <new>
#include <random>
#include <utility>

#include "core/random.hpp"
#include "subject/reserved_subjects.hpp"

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
      info{make_server_id(), {}, of_hub.max_payload, of_hub.max_control_line},
      asked(std::string(asked_prefix) + core::random_base32(10) + '.'),
      rules(std::move(first_rules)),
      interest(*this),
      router(
          {core::random_number(), core::random_number()},
          [random = std::minstd_rand(std::random_device{}())]() mutable {
            return static_cast<std::uint32_t>(random());
          },
          &interest),
      users(loop.core(), limits.max_subscriptions_per_uid),
      delivery(loop.core(), router, totals, asked),
      retained_import(loop.core(), [this](const RetainedRecord& record) { take_retained(record); }),
      on_event_(std::move(on_event)) {
  retained.set_rules(rules.retain());
}

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
          .answers_refused = answers_refused,
          .retained = retained.usage().values,
          .retained_memory = retained.usage().memory,
          .retained_evicted = retained.usage().evicted};
}

/// Includes the users that have gone and have retained values.
std::vector<UserStatistics> HubState::user_statistics() const {
  std::map<std::uint32_t, UserStatistics> all;
  users.for_each([&](const User& user) {
    const core::Account& account = user.account();
    all[account.uid()] = {.uid = account.uid(),
                          .connections = account.used(core::Quota::connections),
                          .subscriptions = user.subscriptions(),
                          .memory = account.used(core::Quota::memory),
                          .memory_share = account.share(core::Quota::memory),
                          .loop_time = user.loop_time(),
                          .held_back = user.held_back()};
  });
  retained.for_each_user([&](std::uint32_t uid, const RetainedValues::Usage& usage) {
    UserStatistics& user = all[uid];
    user.uid = uid;
    user.retained += usage.values;
    user.retained_memory += usage.memory;
    user.retained_evicted += usage.evicted;
  });
  std::vector<UserStatistics> list;
  list.reserve(all.size());
  for (auto& [uid, user] : all) list.push_back(user);
  return list;
}

// Retained values --------------------------------------------------------------------------------

bool HubState::retain(const RetainableMessage& message, RetainedValues::Time published) noexcept {
  const bool named = retained.put(message, published);
  if (named && retained_export.active()) retained_export.add(message, published);
  return named;
}

Descriptor HubState::export_retained() {
  return retained.active() ? retained_export.begin(retained) : Descriptor();
}

void HubState::import_retained(Descriptor file) {
  if (retained.active()) retained_import.begin(std::move(file));
}

/// A record that was written while the other hub drained may be older than the value here.
void HubState::take_retained(const RetainedRecord& record) {
  const auto published = std::min(record.published, Loop::Clock::now());
  if (retained.published(record.subject).value_or(published) > published) return;
  const bool named = retain({.subject = record.subject,
                             .header = record.header,
                             .payload = record.payload,
                             .uid = record.uid},
                            published);
  // To those who subscribed here in the meantime it is a message like any other. None of them may
  // hold back the others.
  if (!named || clients.empty()) return;
  delivery.publish({.subject = record.subject,
                    .reply = {},
                    .header = record.header,
                    .payload = record.payload,
                    .was_held = true});
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
