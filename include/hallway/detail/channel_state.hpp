// SPDX-License-Identifier: Apache-2.0
// Layer: loop
//
// What a Channel is without the type of its values. Internal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include <hallway/deadline.hpp>
#include <hallway/error.hpp>
#include <hallway/export.hpp>
#include <hallway/limits.hpp>
#include <hallway/loop.hpp>
#include <hallway/task.hpp>

namespace hallway::detail {

class WaitQueue;

/// The tasks that wait for a channel share it, because the channel may be gone before they
/// continue.
class HALLWAY_EXPORT ChannelState {
 public:
  ChannelState(Loop& loop, std::size_t capacity);
  ChannelState(const ChannelState&) = delete;
  ChannelState& operator=(const ChannelState&) = delete;
  ~ChannelState();

  // For a task that does not wait, or has just continued. Room and values that others were woken
  // for are theirs.
  [[nodiscard]] Outcome may_put(std::size_t size) const noexcept;   ///< ok, would_block, closed
  [[nodiscard]] Outcome may_take(std::size_t size) const noexcept;  ///< ok, would_block,
                                                                    ///< end_of_stream
  void wake_receiver();
  void wake_sender();
  void close() noexcept;

 private:
  friend class ChannelWait;

  const std::size_t capacity_;
  bool closed_ = false;
  std::unique_ptr<WaitQueue> receivers_;
  std::unique_ptr<WaitQueue> senders_;
};

/// One task that waits for a channel, possibly several times.
class HALLWAY_EXPORT ChannelWait {
 public:
  enum class For : std::uint8_t { value, room };

  ChannelWait(ChannelState& state, For what, Duration within);
  ChannelWait(const ChannelWait&) = delete;
  ChannelWait& operator=(const ChannelWait&) = delete;
  ~ChannelWait() = default;

  /// timed_out, closed (the loop drains), or ok: it may wait, again.
  [[nodiscard]] Outcome over() const noexcept { return over_; }
  [[nodiscard]] Task<> again();

 private:
  WaitQueue& queue_;
  Deadline deadline_;
  Outcome over_ = Outcome::ok;
};

}  // namespace hallway::detail
