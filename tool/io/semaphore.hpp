// SPDX-License-Identifier: Apache-2.0
//
// A counting semaphore for tasks, which are served in order.
#pragma once

#include <cstddef>
#include <list>
#include <utility>

#include <hallway/loop.hpp>
#include <hallway/task.hpp>

#include "io/scoped_task.hpp"

namespace hallway::tool {

class Semaphore;

/// One unit of the semaphore, released with this object.
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

  /// Completes when a slot is free and all earlier callers have been served.
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
