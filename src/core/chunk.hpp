// SPDX-License-Identifier: Apache-2.0
//
// Outbound bytes: written once, then only read, and freed with the last queue that refers to
// them. A broadcast to a hundred connections is one chunk and a hundred references.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <new>
#include <utility>

namespace hallway::core {

/// A shared reference to a block of bytes of fixed size. Appending is the business of whoever
/// made it; everybody else only looks at ranges that are already written.
/// Thread: one, because the count is not atomic.
class Chunk {
 public:
  Chunk() noexcept = default;

  /// A new block of `size` bytes, uninitialized.
  static Chunk make(std::size_t size) {
    auto* block = static_cast<Block*>(std::malloc(sizeof(Block) + size));
    if (block == nullptr) throw std::bad_alloc();
    block->references = 1;
    block->size = size;
    return Chunk(block);
  }

  Chunk(const Chunk& other) noexcept : block_(other.block_) {
    if (block_ != nullptr) ++block_->references;
  }
  Chunk(Chunk&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  Chunk& operator=(Chunk other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~Chunk() {
    if (block_ != nullptr && --block_->references == 0) std::free(block_);
  }

  explicit operator bool() const noexcept { return block_ != nullptr; }
  friend bool operator==(const Chunk& a, const Chunk& b) noexcept { return a.block_ == b.block_; }

  [[nodiscard]] char* data() const noexcept { return reinterpret_cast<char*>(block_ + 1); }
  [[nodiscard]] std::size_t size() const noexcept { return block_->size; }

 private:
  struct Block {
    std::size_t references;
    std::size_t size;
  };
  explicit Chunk(Block* block) noexcept : block_(block) {}

  Block* block_ = nullptr;
};

}  // namespace hallway::core
