// SPDX-License-Identifier: Apache-2.0
//
// The state behind a hub::Subscription: the messages that the program has not received yet, and how
// the subscription ended.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <hallway/detail/waiter.hpp>
#include <hallway/hub_client.hpp>
#include <hallway/task.hpp>

#include "hub/client/inbox.hpp"

namespace hallway::detail {

/// Lives until the program destroys its hub::Subscription, or longer while a wait() refers to it.
class SubscriptionState : public std::enable_shared_from_this<SubscriptionState> {
 public:
  SubscriptionState(std::shared_ptr<HubClientState> client, std::uint64_t id, ByteView subject,
                    const hub::SubscribeOptions& options);
  SubscriptionState(const SubscriptionState&) = delete;
  SubscriptionState& operator=(const SubscriptionState&) = delete;
  ~SubscriptionState() = default;

  [[nodiscard]] const std::string& subject() const noexcept { return subject_; }
  [[nodiscard]] const std::string& queue() const noexcept { return queue_; }
  [[nodiscard]] std::uint64_t id() const noexcept { return id_; }
  [[nodiscard]] const hub::Inbox& inbox() const noexcept { return inbox_; }
  [[nodiscard]] std::uint64_t dropped() const noexcept { return inbox_.dropped() + missing_; }

  /// Whether the subscription has not ended yet.
  [[nodiscard]] bool active() const noexcept { return end_ == Outcome::ok; }
  /// How many more messages will be delivered; 0 if it has no maximum.
  [[nodiscard]] std::uint32_t left() const noexcept { return max_ == 0 ? 0 : max_ - delivered_; }
  /// Whether the program has received the outcome that ended it, after the last message.
  [[nodiscard]] bool finished() const noexcept { return finished_; }

  /// Adds a message that the hub delivered. Precondition: active().
  void deliver(hub::Message message);
  /// The hub has reported how many messages it had no room for.
  void note_gap(std::uint64_t count);
  /// Ends the subscription. Messages that have arrived can still be taken, then comes this outcome.
  void end(Outcome outcome);

  /// @return false if no message is there and more may come
  bool take(hub::Received& received);
  Task<> wait(Duration within, hub::Received& received);
  void unsubscribe();
  /// The program has destroyed its hub::Subscription.
  void forget() noexcept;

 private:
  void report_lost(const std::string& reason) const;

  std::shared_ptr<HubClientState> client_;
  std::uint64_t id_;
  std::string subject_;
  std::string queue_;
  std::uint32_t max_;
  std::uint32_t delivered_ = 0;  // counted only if there is a max_
  hub::Inbox inbox_;
  std::uint64_t missing_ = 0;  // messages that the hub reported as lost
  Outcome end_ = Outcome::ok;
  const char* why_ = nullptr;  // the reason, if not the end of the client
  bool finished_ = false;
  WaiterList receivers_;
};

}  // namespace hallway::detail
