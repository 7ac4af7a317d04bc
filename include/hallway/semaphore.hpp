// SPDX-License-Identifier: Apache-2.0
// Layer: loop
//
// A limit on how many tasks do something at once.
#pragma once

#include <cstddef>
#include <memory>

#include <hallway/detail/forward.hpp>
#include <hallway/export.hpp>
#include <hallway/loop.hpp>
#include <hallway/task.hpp>

namespace hallway {

/// A number of permits, which tasks acquire in the order in which they ask. Draining does not end
/// the wait, because the permits that are out come back. The loop outlives it; tasks that wait when
/// it is destroyed get their permits as if it still existed. It is not destroyed or moved between a
/// call of acquire() and the co_await of its result. Thread: the loop's.
class HALLWAY_EXPORT Semaphore {
 public:
  Semaphore(Loop& loop, std::size_t permits);
  Semaphore(Semaphore&&) noexcept;
  Semaphore& operator=(Semaphore&&) noexcept;
  ~Semaphore();

  /// One permit, which goes back when this object is destroyed. It may outlive the semaphore.
  class [[nodiscard]] HALLWAY_EXPORT Permit {
   public:
    Permit(Permit&&) noexcept;
    Permit& operator=(Permit&&) noexcept;
    ~Permit();

   private:
    friend class Semaphore;
    explicit Permit(std::shared_ptr<detail::SemaphoreState> state) noexcept;

    std::shared_ptr<detail::SemaphoreState> state_;
  };

  /// Completes when a permit is free and all tasks that asked before have theirs.
  [[nodiscard]] Task<Permit> acquire();

  [[nodiscard]] std::size_t free() const noexcept;  ///< permits that nobody has

 private:
  std::shared_ptr<detail::SemaphoreState> state_;
};

}  // namespace hallway
