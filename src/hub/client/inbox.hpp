// SPDX-License-Identifier: Apache-2.0
//
// The messages of a subscription between their arrival and the receive that takes them. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>

#include <hallway/hub_client.hpp>

namespace hallway::hub {

class Inbox {
 public:
  /// @param limit  bytes at which it is full; a message counts for a little more than its own
  Inbox(std::size_t limit, Full policy) noexcept : limit_(limit), policy_(policy) {}

  [[nodiscard]] bool full() const noexcept { return bytes_ >= limit_; }
  [[nodiscard]] bool empty() const noexcept { return messages_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return messages_.size(); }
  [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_; }

  /// Whether nothing more should be read for anybody.
  [[nodiscard]] bool blocks() const noexcept { return policy_ == Full::wait && full(); }
  /// Whether a message is one too many for the subscription.
  [[nodiscard]] bool overflows() const noexcept { return policy_ == Full::disconnect && full(); }

  /// Takes in a message, or loses one.
  /// @return whether this loss is the first since it was empty
  bool offer(HubMessage message) {
    const bool loses = full() && (policy_ == Full::drop_oldest || policy_ == Full::drop_newest);
    if (loses && policy_ == Full::drop_newest) return count_loss();
    bool first = false;
    while (policy_ == Full::drop_oldest && full()) {
      static_cast<void>(take());
      first = count_loss() || first;
    }
    bytes_ += cost(message);
    messages_.push_back(std::move(message));
    return first;
  }

  std::optional<HubMessage> take() {
    if (messages_.empty()) {
      losing_ = false;
      return std::nullopt;
    }
    std::optional<HubMessage> first(std::move(messages_.front()));
    messages_.pop_front();
    bytes_ -= cost(*first);
    return first;
  }

 private:
  /// Empty messages cost memory, too.
  static std::size_t cost(const HubMessage& message) noexcept {
    return message.size() + sizeof(HubMessage);
  }

  bool count_loss() noexcept {
    ++dropped_;
    return !std::exchange(losing_, true);
  }

  std::size_t limit_;
  Full policy_;
  std::deque<HubMessage> messages_;
  std::size_t bytes_ = 0;
  std::uint64_t dropped_ = 0;
  bool losing_ = false;
};

}  // namespace hallway::hub
