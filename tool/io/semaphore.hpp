// SPDX-License-Identifier: Apache-2.0
//
// At most so many at once; whoever comes later waits in order.
#pragma once

#include <cstddef>
#include <list>
#include <utility>

#include <hallway/loop.hpp>
#include <hallway/task.hpp>

#include "io/scoped_task.hpp"

namespace hallway::tool {

class Semaphore;

/// One of the places, given back with this object.
class [[nodiscard]] Slot {
 public:
  explicit Slot(Semaphore& slots) noexcept : slots_(&slots) {}
  Slot(Slot&& other) noexcept : slots_(std::exchange(other.slots_, nullptr)) {}
  Slot& operator=(Slot&&) = delete;
  ~Slot();

 private:
  Semaphore* slots_;
};

class Semaphore {
 public:
  Semaphore(Loop& loop, std::size_t count) : loop_(&loop), free_(count) {}
  Semaphore(const Semaphore&) = delete;
  Semaphore& operator=(const Semaphore&) = delete;

  /// Completes when a place is free and everybody who asked before has had one.
  Task<Slot> take();

 private:
  friend class Slot;
  struct Waiting;

  void give_back();

  Loop* loop_;
  std::size_t free_;
  std::list<Waiting*> waiting_;
};

}  // namespace hallway::tool
