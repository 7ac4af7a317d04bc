// SPDX-License-Identifier: Apache-2.0
//
// Calls that block: they let other Python threads run while they sleep, end when a signal handler
// raises (Ctrl-C), and can be ended by another thread.
#pragma once

#include "python.hpp"

#include <optional>
#include <utility>

#include <hallway/error.hpp>
#include <hallway/interrupt.hpp>

#include "owner.hpp"
#include "reference.hpp"

namespace hallway::python {

/// What the blocking calls of one client share. One call at a time uses it. Neither copied nor
/// moved: the interrupt refers to it.
class Waiting {
 public:
  Waiting() noexcept = default;
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;
  ~Waiting() = default;

  /// Makes the interrupt. Returns whether it could; if not, an exception is set.
  [[nodiscard]] bool open();
  /// Precondition: open() has succeeded.
  [[nodiscard]] Interrupt& interrupt() noexcept { return **interrupt_; }

  /// Whether a call may begin; if not, RuntimeError is raised.
  [[nodiscard]] bool check(const char* what) const noexcept {
    if (!busy_) [[likely]]
      return process_.check();
    return refuse(what);
  }
  [[nodiscard]] bool busy() const noexcept { return busy_; }
  [[nodiscard]] bool is_this_process() const noexcept { return process_.is_this(); }

  enum class Gil : bool {
    release_to_sleep,  ///< for a call that mostly does not wait: it is kept until it does
    release,           ///< for a call that waits or takes long
  };

  /// Runs a call of the library that may block, without the GIL while it waits. Afterwards an
  /// exception may be set, by a signal handler of Python's: then the call was interrupted.
  template <typename Call>
  auto run(Gil gil, Call&& call) {
    const Scope scope(*this, gil);
    return std::forward<Call>(call)();
  }

 private:
  class Scope {
   public:
    Scope(Waiting& waiting, Gil gil) noexcept : waiting_(waiting) {
      waiting_.busy_ = true;
      if (gil == Gil::release) waiting_.released_ = PyEval_SaveThread();
    }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;
    ~Scope() {
      if (waiting_.released_ != nullptr) {
        take_gil(std::exchange(waiting_.released_, nullptr));
      }
      waiting_.busy_ = false;
    }

   private:
    Waiting& waiting_;
  };

  bool before_sleep() noexcept;
  bool refuse(const char* what) const noexcept;

  std::optional<Result<Interrupt>> interrupt_;
  PyThreadState* released_ = nullptr;  // of the thread in run(), while it does not hold the GIL
  OwnerProcess process_;
  bool busy_ = false;
};

}  // namespace hallway::python
