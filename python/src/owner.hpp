// SPDX-License-Identifier: Apache-2.0
//
// Which process and which thread may use an object. Hallway's objects are not shared between
// threads without a lock, and a forked child must not touch the sockets of its parent.
#pragma once

#include "python.hpp"

namespace hallway::python {

/// Counts the forks that led to this process.
unsigned forks() noexcept;

/// Prepares forks(). Called once, when the module is imported.
void count_forks() noexcept;

/// The process that made an object.
class OwnerProcess {
 public:
  /// Whether this is that process; if not, RuntimeError is raised.
  [[nodiscard]] bool check() const noexcept {
    if (forks_ == forks()) [[likely]]
      return true;
    return refuse();
  }
  [[nodiscard]] bool is_this() const noexcept { return forks_ == forks(); }

 private:
  static bool refuse() noexcept;

  unsigned forks_ = forks();
};

/// The process and the thread.
class OwnerThread {
 public:
  [[nodiscard]] bool check() const noexcept {
    if (thread_ == PyThread_get_thread_ident()) [[likely]]
      return process_.check();
    return refuse();
  }
  [[nodiscard]] bool is_this() const noexcept {
    return thread_ == PyThread_get_thread_ident() && process_.is_this();
  }
  [[nodiscard]] bool is_this_process() const noexcept { return process_.is_this(); }

 private:
  [[nodiscard]] bool refuse() const noexcept;

  OwnerProcess process_;
  unsigned long thread_ = PyThread_get_thread_ident();
};

}  // namespace hallway::python
