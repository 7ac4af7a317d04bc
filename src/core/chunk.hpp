// SPDX-License-Identifier: Apache-2.0
//
// Outbound bytes are written once, then only read, and freed with the last queue that refers to
// them. A broadcast to a hundred connections is one chunk and a hundred references.
#pragma once

#include <array>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <utility>

#include <hallway/limits.hpp>

namespace hallway::core {

class ChunkPool;

/// A shared reference to a block of bytes of fixed size. Only the code that made the chunk appends
/// to it; other holders read only ranges that are already written.
/// Thread: one, because the count is not atomic.
class Chunk {
 public:
  Chunk() noexcept = default;

  /// Makes a new, uninitialized block of `size` bytes. A block of a size that `pool` retains may
  /// come from the pool and returns to it on release; the pool outlives it.
  static Chunk make(std::size_t size, ChunkPool* pool = nullptr);

  Chunk(const Chunk& other) noexcept : block_(other.block_) {
    if (block_ != nullptr) ++block_->references;
  }
  Chunk(Chunk&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  Chunk& operator=(Chunk other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~Chunk() {
    if (block_ != nullptr && --block_->references == 0) release();
  }

  /// Makes release free the block, as one without a pool.
  void detach_from_pool() noexcept {
    if (block_ != nullptr) block_->pool = nullptr;
  }

  explicit operator bool() const noexcept { return block_ != nullptr; }
  friend bool operator==(const Chunk& a, const Chunk& b) noexcept { return a.block_ == b.block_; }

  [[nodiscard]] char* data() const noexcept { return reinterpret_cast<char*>(block_ + 1); }
  [[nodiscard]] std::size_t size() const noexcept { return block_->size; }

 private:
  friend class ChunkPool;
  struct Block {
    std::size_t references;
    std::size_t size;
    ChunkPool* pool;  // may be null
  };
  explicit Chunk(Block* block) noexcept : block_(block) {}
  inline void release() noexcept;

  Block* block_ = nullptr;
};

/// Retains a few free blocks of the two sizes that every turn uses, so that steady traffic does not
/// allocate. Thread: one.
class ChunkPool {
 public:
  /// For the first bytes of a turn. Most turns send little.
  static constexpr std::size_t small = 1 * kibibyte;
  static constexpr std::size_t large = bounds::chunk;

  ChunkPool() noexcept = default;
  ChunkPool(const ChunkPool&) = delete;
  ChunkPool& operator=(const ChunkPool&) = delete;
  ~ChunkPool() {
    for (FreeList* list : {&small_, &large_}) {
      while (list->count > 0) std::free(list->blocks[--list->count]);
    }
  }

 private:
  friend class Chunk;
  struct FreeList {
    static constexpr std::size_t most = 20;  // 20 large blocks are a queue at its usual soft limit
    std::array<Chunk::Block*, most> blocks;
    std::size_t count = 0;
  };

  FreeList* free_list_of(std::size_t size) noexcept {
    if (size == small) return &small_;
    return size == large ? &large_ : nullptr;
  }

  FreeList small_;
  FreeList large_;
};

inline Chunk Chunk::make(std::size_t size, ChunkPool* pool) {
  ChunkPool::FreeList* list = pool == nullptr ? nullptr : pool->free_list_of(size);
  const bool kept = list != nullptr && list->count > 0;
  auto* block =
      kept ? list->blocks[--list->count] : static_cast<Block*>(std::malloc(sizeof(Block) + size));
  if (block == nullptr) throw std::bad_alloc();
  *block = {1, size, pool};
  return Chunk(block);
}

inline void Chunk::release() noexcept {
  ChunkPool::FreeList* list =
      block_->pool == nullptr ? nullptr : block_->pool->free_list_of(block_->size);
  if (list != nullptr && list->count < ChunkPool::FreeList::most) {
    list->blocks[list->count++] = block_;
  } else {
    std::free(block_);
  }
}

}  // namespace hallway::core
