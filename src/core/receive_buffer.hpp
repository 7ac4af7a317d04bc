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

/// Lends large buffers, and keeps a few that came back. Thread: one.
class ReceiveBufferPool {
 public:
  /// Large enough for a packet of the default max_message, and one byte to see that it was
  /// longer. Pages that no byte was received into cost nothing.
  static constexpr std::size_t buffer_size = 1 * mebibyte + 1;
  static constexpr std::size_t most_kept = 4;

  ReceiveBuffer lend() {
    if (kept_count_ == 0) return ReceiveBuffer(buffer_size);
    return std::exchange(kept_[--kept_count_], {});
  }

  /// Takes back any buffer; one of another size is freed.
  void take_back(ReceiveBuffer buffer) noexcept {
    if (buffer.size() == buffer_size && kept_count_ < most_kept)
      kept_[kept_count_++] = std::move(buffer);
  }

 private:
  std::array<ReceiveBuffer, most_kept> kept_;
  std::size_t kept_count_ = 0;
};

}  // namespace hallway::core
