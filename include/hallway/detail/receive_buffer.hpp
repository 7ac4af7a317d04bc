// SPDX-License-Identifier: Apache-2.0
// Layer: core
#pragma once

#include <hallway/detail/require_cpp23.hpp>

#include <cstddef>
#include <cstdlib>
#include <new>
#include <utility>

namespace hallway::core {

/// A block of bytes from malloc(3), because realloc(3) moves the pages of a large block instead of
/// copying them.
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

}  // namespace hallway::core
