// SPDX-License-Identifier: Apache-2.0
//
// Messages in flight: when each was due to be sent, and whether its answers arrive completely and
// in order. Pure.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>

namespace hallway::tool {

using Moment = std::chrono::steady_clock::time_point;

/// Messages that were sent and have not reached all their receivers. Numbers count from 0.
class Flight {
 public:
  /// @param receivers  number of receivers of each message: 1 if answered, more in a broadcast
  explicit Flight(std::size_t receivers) : receivers_(receivers) {}

  /// The next message is sent.
  void depart(Moment intended) { messages_.push_back({intended, receivers_}); }

  /// One receiver has the message, or will never have it. Precondition: it has departed.
  /// @return when it was due to be sent
  Moment arrive(std::uint64_t number) {
    Message& message = messages_[static_cast<std::size_t>(number - first_)];
    const Moment intended = message.intended;
    --message.missing;
    while (!messages_.empty() && messages_.front().missing == 0) {
      messages_.pop_front();
      ++first_;
    }
    return intended;
  }

  /// The number of messages that have departed, which is also the number of the next one.
  [[nodiscard]] std::uint64_t departed() const noexcept { return first_ + messages_.size(); }
  [[nodiscard]] std::size_t size() const noexcept { return messages_.size(); }

  /// When the oldest of them was due to be sent. Precondition: there is one.
  [[nodiscard]] Moment oldest() const { return messages_.front().intended; }

 private:
  struct Message {
    Moment intended;
    std::size_t missing;  // receivers that do not have it yet
  };

  std::size_t receivers_;
  std::deque<Message> messages_;
  std::uint64_t first_ = 0;
};

/// The messages that one receiver gets: without faults, all of them in the order of their numbers.
class Arrivals {
 public:
  enum class Kind : std::uint8_t {
    next,      ///< it is new; the messages that it skipped count as lost for now
    late,      ///< it had been counted as lost
    repeated,  ///< it arrived before, or was never sent
  };

  struct Arrival {
    Kind kind;
    std::uint64_t first;   ///< with Kind::next: the first number that this arrival settles
    std::uint64_t number;  ///< the number that arrived; those from `first` up to it are lost
  };

  /// Classifies an arrival.
  /// @param low       the bits of its number that `mask` selects
  /// @param departed  number of messages sent so far
  Arrival classify(std::uint64_t low, std::uint64_t mask, std::uint64_t departed) {
    const std::uint64_t ahead = (low - expected_) & mask;
    if (ahead < departed - expected_) {
      const Arrival arrival{Kind::next, expected_, expected_ + ahead};
      leave_out(ahead);
      ++expected_;
      return arrival;
    }
    const auto same = [&](std::uint64_t number) { return (number & mask) == low; };
    const auto missed = std::ranges::find_if(missing_, same);
    if (missed == missing_.end()) {
      ++repeated_;
      return {Kind::repeated, expected_, expected_};
    }
    missing_.erase(missed);
    --lost_;
    ++reordered_;
    return {Kind::late, expected_, expected_};
  }

  /// The number of messages that are settled: arrived, or skipped.
  [[nodiscard]] std::uint64_t settled() const noexcept { return expected_; }
  [[nodiscard]] std::uint64_t lost() const noexcept { return lost_; }
  [[nodiscard]] std::uint64_t reordered() const noexcept { return reordered_; }
  [[nodiscard]] std::uint64_t repeated() const noexcept { return repeated_; }

 private:
  /// Limit of remembered missing messages. An older one that arrives late counts as repeated.
  static constexpr std::size_t most_missing = 4096;

  void leave_out(std::uint64_t count) {
    lost_ += count;
    for (; count > 0; --count, ++expected_) {
      if (count <= most_missing) missing_.push_back(expected_);
    }
    while (missing_.size() > most_missing) missing_.pop_front();
  }

  std::deque<std::uint64_t> missing_;  // the latest of the lost numbers
  std::uint64_t expected_ = 0;
  std::uint64_t lost_ = 0;
  std::uint64_t reordered_ = 0;
  std::uint64_t repeated_ = 0;
};

}  // namespace hallway::tool
