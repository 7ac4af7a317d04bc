// SPDX-License-Identifier: Apache-2.0
//
// The messages that wait for a subscription while its connection has no room, and the policy that
// applies when there are too many. It does not depend on sockets: a Message is any type that refers
// to the bytes, such as a range of a shared chunk.
//
//     if (queue.idle() && connection.has_room()) {
//       connection.append(message);
//       queue.pass(message.size());
//     } else if (queue.offer(subject, message, message.size()) == Offered::disconnect) {
//       connection.close();
//     }
//
// and when the connection has room again:
//
//     const auto [lost, next] = queue.take();
//     if (lost > 0) connection.append(notice_of(lost));
//     if (next) connection.append(*next);
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <hallway/hub_rules.hpp>

#include "core/accounts.hpp"

namespace hallway::hub {

/// The result of offering a message to a queue.
enum class Offered : std::uint8_t { queued, dropped, wait, disconnect };

struct DeliveryCounters {
  std::uint64_t delivered = 0;   ///< messages
  std::uint64_t bytes = 0;       ///< size of the delivered messages
  std::uint64_t dropped = 0;     ///< lost messages; each is reported in a gap
  std::uint64_t superseded = 0;  ///< replaced by a later message on the same subject
};

template <typename Message>
class DeliveryQueue {
 public:
  /// @param limit  bytes at which it is full; see cost_of() for what a message counts
  /// @param account  is charged for what waits; outlives the queue
  DeliveryQueue(OverflowPolicy policy, std::size_t limit, core::Account& account) noexcept
      : policy_(policy), limit_(limit), account_(account) {}
  DeliveryQueue(const DeliveryQueue&) = delete;
  DeliveryQueue& operator=(const DeliveryQueue&) = delete;
  ~DeliveryQueue() { account_.refund(core::Quota::memory, pending_); }

  /// Whether no message waits, no loss is unreported and the queue is not held, so that a message
  /// may bypass the queue.
  [[nodiscard]] bool idle() const noexcept { return entries_.empty() && lost_ == 0 && !held_; }

  /// While it is held, the subscription gets earlier messages from elsewhere: retained values.
  /// Those offered here wait, even if there is room, and the caller takes none.
  void hold() noexcept { held_ = true; }
  void release() noexcept { held_ = false; }
  [[nodiscard]] bool held() const noexcept { return held_; }
  /// @param besides  bytes that other subscriptions of the account are about to take
  [[nodiscard]] bool full(std::size_t besides = 0) const noexcept {
    return pending_ >= limit_ || !account_.has_left(core::Quota::memory, besides);
  }
  /// Whether more than three quarters of its room are taken.
  [[nodiscard]] bool nearly_full(std::size_t besides = 0) const noexcept {
    const auto three_quarters = [](std::size_t of) { return of - of / 4; };
    return pending_ >= three_quarters(limit_) ||
           account_.used(core::Quota::memory) + besides >=
               three_quarters(account_.share(core::Quota::memory));
  }
  /// Whether publishers have to wait: offer() would return Offered::wait.
  [[nodiscard]] bool blocks(std::size_t besides = 0) const noexcept {
    return policy_ == OverflowPolicy::wait && full(besides);
  }
  /// Bytes that a message counts: the memory that it takes up. If malloc(3) maps it, the real use
  /// may be larger by up to a page.
  [[nodiscard]] std::size_t cost_of(std::string_view subject, std::size_t bytes) const noexcept {
    return bytes + message_overhead + (by_subject() ? subject_overhead + subject.size() : 0);
  }

  /// Counts messages that went to the connection directly. Precondition: idle().
  /// @param bytes  their size together
  void pass(std::size_t bytes, std::uint64_t messages = 1) noexcept {
    assert(idle());
    count_delivered(bytes, messages);
  }

  /// Counts a message from elsewhere. Precondition: held().
  void pass_held(std::size_t bytes) noexcept {
    assert(held());
    count_delivered(bytes, 1);
  }

  /// Queues a message even if the queue is full, for OverflowPolicy::wait: blocks() was false when
  /// the publisher was allowed to continue, but the queue may be full now because other accounts
  /// have taken more memory since. Out of memory, it throws as offer() does.
  void put(std::string_view subject, Message message, std::size_t bytes) {
    append(subject, std::move(message), bytes);
  }

  /// Applies the policy. If it throws std::bad_alloc, the message is not queued and not counted.
  Offered offer(std::string_view subject, Message message, std::size_t bytes) {
    if (const auto known = by_subject_.find(subject); known != by_subject_.end()) {
      return supersede(*known->second, std::move(message), bytes);
    }
    make_room(nullptr);
    if (!full()) {
      append(subject, std::move(message), bytes);
      return Offered::queued;
    }
    if (policy_ == OverflowPolicy::wait) return Offered::wait;
    if (policy_ == OverflowPolicy::disconnect) return Offered::disconnect;
    ++lost_;
    ++counters_.dropped;
    return Offered::dropped;
  }

  struct Next {
    std::uint64_t lost = 0;  ///< messages lost before this one; each is reported once
    std::optional<Message> message;
  };
  /// The next message in order. If no message waits, `lost` may still report the latest losses.
  Next take() noexcept {
    if (entries_.empty()) return {std::exchange(lost_, 0), std::nullopt};
    Entry& first = entries_.front();
    Next next{first.lost_before, std::move(first.message)};
    count_delivered(first.bytes, 1);
    remove_first();
    return next;
  }

  [[nodiscard]] std::size_t waiting() const noexcept { return entries_.size(); }
  [[nodiscard]] OverflowPolicy policy() const noexcept { return policy_; }
  [[nodiscard]] const DeliveryCounters& counters() const noexcept { return counters_; }

 private:
  struct Entry {
    Message message;
    std::size_t bytes = 0;
    std::size_t cost = 0;           // as cost_of()
    std::uint64_t lost_before = 0;  // messages lost between the previous one and this
    std::string subject;            // only for OverflowPolicy::latest_only
  };

  // Memory of a message besides its bytes, as malloc(3) of glibc rounds it: the list node, and the
  // overhead of the block that holds the bytes. For tiny messages, this is most of the memory.
  static constexpr std::size_t message_overhead = sizeof(Entry) + 72;
  // Memory of its entry in by_subject_.
  static constexpr std::size_t subject_overhead = 96;

  [[nodiscard]] bool by_subject() const noexcept { return policy_ == OverflowPolicy::latest_only; }

  void append(std::string_view subject, Message message, std::size_t bytes) {
    entries_.push_back(
        {std::move(message), bytes, 0, lost_, by_subject() ? std::string(subject) : std::string()});
    Entry& entry = entries_.back();
    try {
      if (by_subject()) by_subject_.emplace(entry.subject, &entry);
    } catch (...) {
      entries_.pop_back();
      throw;
    }
    charge(entry);
    lost_ = 0;
  }

  /// Replaces an older message with the same subject, which does not count as a loss.
  Offered supersede(Entry& entry, Message message, std::size_t bytes) noexcept {
    ++counters_.superseded;
    refund(entry);
    make_room(&entry);
    if (full()) {
      drop_first();
      return Offered::dropped;
    }
    entry.message = std::move(message);
    entry.bytes = bytes;
    charge(entry);
    return Offered::queued;
  }

  /// If the policy permits it, drops the oldest messages while the queue is full, but never `last`.
  void make_room(const Entry* last) noexcept {
    if (policy_ != OverflowPolicy::drop_oldest && policy_ != OverflowPolicy::latest_only) return;
    while (full() && !entries_.empty() && &entries_.front() != last) drop_first();
  }

  void drop_first() noexcept {
    const std::uint64_t lost = entries_.front().lost_before + 1;
    remove_first();
    (entries_.empty() ? lost_ : entries_.front().lost_before) += lost;
    ++counters_.dropped;
  }

  void remove_first() noexcept {
    Entry& first = entries_.front();
    refund(first);
    if (by_subject()) by_subject_.erase(by_subject_.find(first.subject));
    entries_.pop_front();
  }

  void charge(Entry& entry) noexcept {
    entry.cost = cost_of(entry.subject, entry.bytes);
    pending_ += entry.cost;
    account_.add(core::Quota::memory, entry.cost);
  }
  void refund(Entry& entry) noexcept {
    pending_ -= entry.cost;
    account_.refund(core::Quota::memory, std::exchange(entry.cost, 0));
  }

  void count_delivered(std::size_t bytes, std::uint64_t messages) noexcept {
    counters_.delivered += messages;
    counters_.bytes += bytes;
  }

  const OverflowPolicy policy_;
  const std::size_t limit_;
  core::Account& account_;
  std::list<Entry> entries_;  // not a deque, which takes half a kilobyte while it is empty
  // For latest_only. An ordered map, not a hash table: clients choose the subjects, and no choice
  // can make it slow.
  std::map<std::string_view, Entry*> by_subject_;
  std::size_t pending_ = 0;  // bytes, also charged to the account
  std::uint64_t lost_ = 0;   // messages lost after the last one that waits
  bool held_ = false;
  DeliveryCounters counters_;
};

}  // namespace hallway::hub
