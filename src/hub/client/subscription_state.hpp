// SPDX-License-Identifier: Apache-2.0
//
// A Subscription from the inside: what has arrived and was not taken, and how it ends.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <hallway/detail/waiter.hpp>
#include <hallway/hub_client.hpp>
#include <hallway/task.hpp>

#include "hub/client/inbox.hpp"

namespace hallway::detail {

/// A subscription, until the program lets go of it.
class SubscriptionState : public std::enable_shared_from_this<SubscriptionState> {
 public:
  SubscriptionState(std::shared_ptr<HubClientState> client, std::uint64_t id, ByteView subject,
                    const SubscribeOptions& options);
  SubscriptionState(const SubscriptionState&) = delete;
  SubscriptionState& operator=(const SubscriptionState&) = delete;
  ~SubscriptionState() = default;

  [[nodiscard]] const std::string& subject() const noexcept { return subject_; }
  [[nodiscard]] const std::string& queue() const noexcept { return queue_; }
  [[nodiscard]] std::uint64_t id() const noexcept { return id_; }
  [[nodiscard]] const hub::Inbox& inbox() const noexcept { return inbox_; }
  [[nodiscard]] std::uint64_t dropped() const noexcept { return inbox_.dropped() + missing_; }

  /// Whether the hub is to send more.
  [[nodiscard]] bool active() const noexcept { return end_ == Outcome::ok; }
  /// How many messages, counted from now; 0: no end was named.
  [[nodiscard]] std::uint32_t left() const noexcept { return max_ == 0 ? 0 : max_ - delivered_; }
  /// Whether its task knows that nothing more will come.
  [[nodiscard]] bool finished() const noexcept { return finished_; }

  /// Takes in what the hub delivered. Precondition: active().
  void deliver(HubMessage message);
  /// The hub says how many messages it had no room for.
  void note_gap(std::uint64_t count);
  /// What has arrived can still be taken; then comes this.
  void end(Outcome outcome);

  /// False: nothing is there, and more may come.
  bool take(HubReceived& received);
  Task<> wait(Duration within, HubReceived& received);
  void unsubscribe();
  /// The program has let go.
  void forget() noexcept;

 private:
  void report_lost(const std::string& reason) const;

  std::shared_ptr<HubClientState> client_;
  std::uint64_t id_;
  std::string subject_;
  std::string queue_;
  std::uint32_t max_;
  std::uint32_t delivered_ = 0;  // counted where there is a max_
  hub::Inbox inbox_;
  std::uint64_t missing_ = 0;  // by the hub's word
  Outcome end_ = Outcome::ok;
  const char* why_ = nullptr;  // where it is no end of the client's
  bool finished_ = false;
  WaiterList receivers_;
};

}  // namespace hallway::detail
