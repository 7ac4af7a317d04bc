// SPDX-License-Identifier: Apache-2.0
#include "unit/faults/allocations.hpp"

#include <atomic>
#include <cstddef>
#include <new>

// The linker leads the calls of malloc(3) in our own object code to __wrap_malloc, and nobody
// else's (--wrap, see tests/CMakeLists.txt). The names are its own.
extern "C" {
void* __real_malloc(std::size_t size);
void* __real_realloc(void* block, std::size_t size);
void __real_free(void* block);
void* __wrap_malloc(std::size_t size);
void* __wrap_realloc(void* block, std::size_t size);
void __wrap_free(void* block);
}

namespace hallway::test {

namespace {

struct Count {
  bool active = false;
  unsigned made = 0;
  unsigned fails = 0;
};
// Constant-initialized and trivially destroyed: operator new may not need it to be constructed.
constinit thread_local Count count;

// Of all threads: what one allocates another may free.
constinit std::atomic<long> live = 0;

/// Whether the allocation that is now asked for fails.
bool fails() noexcept { return count.active && ++count.made == count.fails; }

void* allocate(std::size_t size) noexcept {
  void* block = fails() ? nullptr : __real_malloc(size == 0 ? 1 : size);
  if (block != nullptr) ++live;
  return block;
}

void* allocate_or_throw(std::size_t size) {
  void* block = allocate(size);
  if (block == nullptr) throw std::bad_alloc();
  return block;
}

void release(void* block) noexcept {
  if (block != nullptr) --live;
  __real_free(block);
}

}  // namespace

FailingAllocation::FailingAllocation(unsigned nth) noexcept {
  count.active = true;
  count.made = 0;
  count.fails = nth;
}

FailingAllocation::~FailingAllocation() { count.active = false; }

unsigned FailingAllocation::made() noexcept { return count.made; }

long live_blocks() noexcept { return live; }

}  // namespace hallway::test

void* __wrap_malloc(std::size_t size) { return hallway::test::allocate(size); }

void* __wrap_realloc(void* block, std::size_t size) {
  if (block == nullptr) return hallway::test::allocate(size);
  return hallway::test::fails() ? nullptr : __real_realloc(block, size);
}

void __wrap_free(void* block) { hallway::test::release(block); }

void* operator new(std::size_t size) { return hallway::test::allocate_or_throw(size); }
void* operator new[](std::size_t size) { return hallway::test::allocate_or_throw(size); }
void* operator new(std::size_t size, const std::nothrow_t& /*how*/) noexcept {
  return hallway::test::allocate(size);
}
void* operator new[](std::size_t size, const std::nothrow_t& /*how*/) noexcept {
  return hallway::test::allocate(size);
}
void operator delete(void* block) noexcept { hallway::test::release(block); }
void operator delete[](void* block) noexcept { hallway::test::release(block); }
void operator delete(void* block, std::size_t /*size*/) noexcept { hallway::test::release(block); }
void operator delete[](void* block, std::size_t /*size*/) noexcept {
  hallway::test::release(block);
}
void operator delete(void* block, const std::nothrow_t& /*how*/) noexcept {
  hallway::test::release(block);
}
void operator delete[](void* block, const std::nothrow_t& /*how*/) noexcept {
  hallway::test::release(block);
}
