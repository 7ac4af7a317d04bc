// SPDX-License-Identifier: Apache-2.0
//
// Where received bytes are stored until their messages have been handed out.
//
// A quiet connection owns no buffer. When bytes arrive, it acquires a large buffer from its loop's
// pool, and it releases the buffer when everything in it has been handed out. Only the beginning of
// an incomplete message moves to a buffer of its own, which grows with the bytes that arrive and
// never by a size that the peer announces.
#pragma once

#include <array>
#include <cstddef>
#include <utility>

#include <hallway/detail/receive_buffer.hpp>
#include <hallway/limits.hpp>

namespace hallway::core {

/// Hands out buffers and retains a few released ones: large ones to receive into, and small ones
/// for the few bytes that wait between receives. Thread: one.
class ReceiveBufferPool {
 public:
  /// Large enough for a message of the default max_message with its framing, or for a packet and
  /// one more byte, which shows that the packet was longer. Pages that no byte was received into
  /// cost nothing.
  static constexpr std::size_t buffer_size = 1 * mebibyte + 16;
  static constexpr std::size_t small_size = 1 * kibibyte;

  ReceiveBuffer acquire() { return large_.acquire(buffer_size); }

  /// A buffer for `size` bytes: a small one if that is large enough, else one of exactly `size`.
  ReceiveBuffer acquire_exact(std::size_t size) {
    return size <= small_size ? small_.acquire(small_size) : ReceiveBuffer(size);
  }

  /// Accepts any buffer, and frees one of another size.
  void release(ReceiveBuffer buffer) noexcept {
    if (buffer.size() == buffer_size) return large_.release(std::move(buffer));
    if (buffer.size() == small_size) small_.release(std::move(buffer));
  }

 private:
  template <std::size_t most>
  struct FreeList {
    std::array<ReceiveBuffer, most> kept;
    std::size_t count = 0;

    ReceiveBuffer acquire(std::size_t size) {
      return count == 0 ? ReceiveBuffer(size) : std::exchange(kept[--count], {});
    }
    void release(ReceiveBuffer buffer) noexcept {
      if (count < most) kept[count++] = std::move(buffer);
    }
  };

  FreeList<4> large_;
  FreeList<64> small_;
};

}  // namespace hallway::core
