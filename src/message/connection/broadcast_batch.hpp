// SPDX-License-Identifier: Apache-2.0
//
// Writes messages that many connections get. Each message is written once, into a shared chunk, and
// the outbound queues of the receivers refer to it. Messages that follow in the same turn and go to
// the same receivers are written behind it, and are added to the queues as one range:
//
//     batch.reserve(size);                           // may throw: then no receiver has the message
//     const SharedBytes first = batch.write(frame);  // frame(at) writes at `at`, returns its end
//     batch.hold(first, true);
//     ...
//     if (batch.takes(size)) batch.append(frame);    // visits no receiver
//     ...
//     const SharedBytes range = batch.take();        // then add it to the queue of each receiver
//
// The range must be taken before anything else happens to one of these queues, and at the latest at
// the end of the turn.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <utility>

#include <hallway/limits.hpp>

#include "core/chunk.hpp"
#include "message/connection/connection_core.hpp"

namespace hallway::detail {

class BroadcastBatch {
 public:
  /// @param pool  the pool of its chunks, if there is one; outlives the batch
  explicit BroadcastBatch(core::ChunkPool* pool = nullptr) noexcept : pool_(pool) {}

  /// Makes room for `size` bytes. If that takes a new chunk, no message may be appended to a held
  /// range any longer.
  void reserve(std::size_t size) {
    if (chunk_ && has_room(size)) return;
    chunk_ = core::Chunk::make(std::max(size, bounds::chunk), pool_);
    used_ = 0;
    open_ = false;
  }

  /// Writes a message for which room was reserved. The caller queues it, or holds it.
  template <typename Write>
  [[nodiscard]] SharedBytes write(Write write) {
    assert(!open_);
    const std::size_t begin = used_;
    advance(write);
    return {chunk_, begin, used_, 1};
  }

  /// Holds a range that ends where the last message ends. The range may be empty.
  /// @param open  whether messages may be appended to it
  void hold(SharedBytes range, bool open) noexcept {
    assert(range.end == used_ || !open);
    held_ = std::move(range);
    open_ = open;
  }

  /// Whether messages may be appended to the held range, if they fit.
  [[nodiscard]] bool open() const noexcept { return open_; }
  /// Whether a message of `size` bytes may be appended now.
  [[nodiscard]] bool takes(std::size_t size) const noexcept { return open_ && has_room(size); }

  /// Appends a message to the held range. Precondition: takes().
  template <typename Write>
  void append(Write write) {
    advance(write);
    held_.end = used_;
    ++held_.messages;
  }

  /// Ends the held range.
  /// @return the range, which has no messages if none was held or appended
  [[nodiscard]] SharedBytes take() noexcept {
    open_ = false;
    return std::exchange(held_, {});
  }

 private:
  [[nodiscard]] bool has_room(std::size_t size) const noexcept {
    return chunk_.size() - used_ >= size;
  }

  template <typename Write>
  void advance(Write& write) {
    char* const begin = chunk_.data() + used_;
    used_ += static_cast<std::size_t>(write(begin) - begin);
  }

  core::ChunkPool* pool_;
  core::Chunk chunk_;
  std::size_t used_ = 0;
  SharedBytes held_;
  bool open_ = false;
};

}  // namespace hallway::detail
