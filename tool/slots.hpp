// SPDX-License-Identifier: Apache-2.0
//
// At most so many at once; whoever comes later waits in order.
#pragma once

#include <cstddef>
#include <list>
#include <utility>

#include <hallway/loop.hpp>
#include <hallway/task.hpp>

#include "background.hpp"

namespace hallway::tool {

class Slots;

/// One of the places, given back with this object.
class [[nodiscard]] Slot {
 public:
  explicit Slot(Slots& slots) noexcept : slots_(&slots) {}
  Slot(Slot&& other) noexcept : slots_(std::exchange(other.slots_, nullptr)) {}
  Slot& operator=(Slot&&) = delete;
  ~Slot();

 private:
  Slots* slots_;
};

class Slots {
 public:
  Slots(Loop& loop, std::size_t count) : loop_(&loop), free_(count) {}
  Slots(const Slots&) = delete;
  Slots& operator=(const Slots&) = delete;

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
