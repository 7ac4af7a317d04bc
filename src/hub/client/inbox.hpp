// SPDX-License-Identifier: Apache-2.0
//
// The messages of a subscription that have arrived and that the program has not received yet. Pure.
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
  /// @param limit  bytes at which it is full; see cost() for what a message counts
  Inbox(std::size_t limit, OverflowPolicy policy) : limit_(limit), policy_(policy) {}

  [[nodiscard]] bool full() const noexcept { return bytes_ >= limit_; }
  [[nodiscard]] bool empty() const noexcept { return messages_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return messages_.size(); }
  [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_; }

  /// Whether the client should stop reading from the hub, for all of its subscriptions.
  [[nodiscard]] bool blocks() const noexcept { return policy_ == OverflowPolicy::wait && full(); }
  /// Whether another message should end the subscription.
  [[nodiscard]] bool overflows() const noexcept {
    return policy_ == OverflowPolicy::disconnect && full();
  }

  /// Adds a message. If there is no room, the policy may drop this message or older ones.
  /// @return whether a message was dropped for the first time since the inbox was found empty
  bool offer(Message message) {
    const bool loses = full() && (policy_ == OverflowPolicy::drop_oldest ||
                                  policy_ == OverflowPolicy::drop_newest);
    if (loses && policy_ == OverflowPolicy::drop_newest) return count_loss();
    bool first = false;
    while (policy_ == OverflowPolicy::drop_oldest && full()) {
      static_cast<void>(take());
      first = count_loss() || first;
    }
    bytes_ += cost(message);
    messages_.push_back(std::move(message));
    return first;
  }

  std::optional<Message> take() {
    if (messages_.empty()) {
      losing_ = false;
      return std::nullopt;
    }
    std::optional<Message> first(std::move(messages_.front()));
    messages_.pop_front();
    bytes_ -= cost(*first);
    return first;
  }

 private:
  /// Bytes that a message counts: an empty message also takes up memory.
  static std::size_t cost(const Message& message) noexcept {
    return message.size() + sizeof(Message);
  }

  bool count_loss() noexcept {
    ++dropped_;
    return !std::exchange(losing_, true);
  }

  std::size_t limit_;
  OverflowPolicy policy_;
  std::deque<Message> messages_;
  std::size_t bytes_ = 0;
  std::uint64_t dropped_ = 0;
  bool losing_ = false;
};

}  // namespace hallway::hub
