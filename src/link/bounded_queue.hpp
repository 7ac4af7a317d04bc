// SPDX-License-Identifier: Apache-2.0
//
// Messages that wait to be forwarded, limited in bytes. Thread: the caller holds the lock that
// protects the queue.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>

#include <hallway/link.hpp>

#include "link/forwarded_message.hpp"

namespace hallway::link {

class BoundedQueue {
 public:
  BoundedQueue(std::size_t limit, OverflowPolicy overflow) : limit_(limit), overflow_(overflow) {}

  /// @return the number of messages dropped, which may include `message` itself
  std::uint64_t offer(ForwardedMessage message) {
    const std::size_t size = message.size();
    std::uint64_t lost = 0;
    while (overflow_ == OverflowPolicy::drop_oldest && bytes_ + size > limit_ &&
           !waiting_.empty()) {
      bytes_ -= waiting_.front().size();
      waiting_.pop_front();
      ++lost;
    }
    if (bytes_ + size > limit_) return lost + 1;
    bytes_ += size;
    waiting_.push_back(std::move(message));
    return lost;
  }

  std::optional<ForwardedMessage> take() {
    if (waiting_.empty()) return std::nullopt;
    ForwardedMessage message = std::move(waiting_.front());
    waiting_.pop_front();
    bytes_ -= message.size();
    return message;
  }

  /// Takes all messages. They count against the limit until settle() is called.
  std::deque<ForwardedMessage> take_all() {
    on_their_way_ = waiting_.size();
    bytes_on_their_way_ = bytes_;
    return std::exchange(waiting_, {});
  }

  /// Ends what take_all() began: puts unsent messages back in front and frees the others' room.
  void settle(std::deque<ForwardedMessage> unsent) {
    bytes_ -= bytes_on_their_way_;
    on_their_way_ = bytes_on_their_way_ = 0;
    while (!unsent.empty()) {
      bytes_ += unsent.back().size();
      waiting_.push_front(std::move(unsent.back()));
      unsent.pop_back();
    }
  }

  /// @return the number of messages removed
  std::uint64_t clear() {
    std::uint64_t lost = 0;
    while (take()) ++lost;
    return lost;
  }

  [[nodiscard]] bool empty() const noexcept { return waiting_.empty(); }
  /// Number of messages, including taken ones that are not settled.
  [[nodiscard]] std::size_t size() const noexcept { return waiting_.size() + on_their_way_; }

 private:
  std::size_t limit_;
  OverflowPolicy overflow_;
  std::deque<ForwardedMessage> waiting_;
  std::size_t bytes_ = 0;
  std::size_t on_their_way_ = 0;
  std::size_t bytes_on_their_way_ = 0;
};

}  // namespace hallway::link
