// SPDX-License-Identifier: Apache-2.0
//
// Where received bytes lie until their messages have been handed out.
//
// A quiet connection owns no buffer. When bytes arrive it borrows a large one from its loop's
// pool and gives it back when everything in it has been handed out; only the beginning of a
// message that is not whole yet is kept in a buffer of its own, which grows with the bytes that
// arrive and never on a peer's word.
#pragma once

#include <array>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <utility>

#include <hallway/limits.hpp>

namespace hallway::core {

/// A block of bytes from malloc(3): realloc(3) moves the pages of a large one instead of copying.
class ReceiveBuffer {
 public:
  ReceiveBuffer() noexcept = default;
  explicit ReceiveBuffer(std::size_t size) { resize(size); }
  ReceiveBuffer(ReceiveBuffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  ReceiveBuffer& operator=(ReceiveBuffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ReceiveBuffer(const ReceiveBuffer&) = delete;
  ReceiveBuffer& operator=(const ReceiveBuffer&) = delete;
  ~ReceiveBuffer() { std::free(data_); }

  void resize(std::size_t size) {
    auto* moved = static_cast<char*>(std::realloc(data_, size));
    if (moved == nullptr) throw std::bad_alloc();
    data_ = moved;
    size_ = size;
  }

  explicit operator bool() const noexcept { return data_ != nullptr; }
  [[nodiscard]] char* data() const noexcept { return data_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  char* data_ = nullptr;
  std::size_t size_ = 0;
};

/// Lends buffers, and keeps a few that came back: large ones to receive into, and small ones for
/// the little that waits in between. Thread: one.
class ReceiveBufferPool {
 public:
  /// Large enough for a message of the default max_message with its framing, or for a packet and
  /// one byte to see that it was longer. Pages that no byte was received into cost nothing.
  static constexpr std::size_t buffer_size = 1 * mebibyte + 16;
  static constexpr std::size_t small_size = 1 * kibibyte;

  ReceiveBuffer acquire() { return large_.acquire(buffer_size); }

  /// For `size` bytes and no more: kept small ones where they do, else one of just that size.
  ReceiveBuffer acquire_exact(std::size_t size) {
    return size <= small_size ? small_.acquire(small_size) : ReceiveBuffer(size);
  }

  /// Takes back any buffer; one of another size is freed.
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
