// SPDX-License-Identifier: Apache-2.0
//
// A loop of the library as a guest of an event loop of Python's. The host waits for the guest's one
// descriptor, level-triggered, and calls turn() when it is readable. So everything happens on the
// host's thread with the GIL held, and no thread of the library calls into Python.
//
// What the host must have: call_soon(), call_exception_handler() and remove_reader(), as asyncio's
// loops do. While traffic flows and the host has nothing else to call, a turn goes on as long as
// the library's own loop would before it sleeps: the host need not wake up then. asyncio's loops
// keep what they call next in `_ready`. A host without that is asked to call again, after what it
// has to call.
#pragma once

#include "python.hpp"

#include <cstddef>
#include <memory>
#include <vector>

#include <hallway/loop.hpp>

#include "object.hpp"
#include "owner.hpp"
#include "reference.hpp"

namespace hallway::python {

/// The state of a Python object of type Guest.
class Guest {
 public:
  explicit Guest(PyObject* host) noexcept;
  Guest(const Guest&) = delete;
  Guest& operator=(const Guest&) = delete;
  ~Guest();

  /// Makes the loop. Returns whether it could; if not, an exception is set.
  [[nodiscard]] bool open(const LoopOptions& options);

  [[nodiscard]] Loop& loop() noexcept { return *loop_; }
  [[nodiscard]] const OwnerThread& owner() const noexcept { return owner_; }
  [[nodiscard]] bool is_open() const noexcept { return loop_ != nullptr; }

  /// Whether a call may begin: on the thread of the host, in the process that made the guest, and
  /// not within a turn. If not, an exception is set.
  [[nodiscard]] bool check() const noexcept {
    if (!turning_ && loop_ != nullptr) [[likely]]
      return owner_.check();
    return refuse();
  }

  /// What a task of the host's waits for; null with an exception.
  PyObject* create_future() noexcept;

  /// Ends the wait for a future, which may be null. Its task continues after the turn that is under
  /// way.
  void wake(PyObject* future) noexcept;

  /// What the program sends until the end of this turn, or until the host's next iteration, leaves
  /// in one system call for each connection. Called before the work begins, so that the loop need
  /// not notify the host. Returns false with an exception if the host is closed.
  bool request_turn(PyObject* self) noexcept {
    if (turn_requested_) [[likely]]
      return true;
    return request_first_turn(self);
  }

  /// Calls `function` with `argument` after the turn that is under way: the library's callbacks may
  /// not run code of the program.
  void call_after_turn(PyObject* function, Reference argument) noexcept;

  /// Reports the exception that is set to the host's exception handler, because there is no caller.
  void report_exception(const char* message) noexcept;

  /// Destroys an object that lives on the loop: here, or if this is another thread, such as one
  /// that collects garbage, in the next turn. A forked child leaves it alone.
  template <typename Object>
  void dispose(std::unique_ptr<Object> object) noexcept {
    if (owner_.is_this()) return;
    if (!owner_.is_this_process()) {
      (void)object.release();
      return;
    }
    Object* const to_destroy = object.release();
    try {
      loop_->post([kept = std::unique_ptr<Object>(to_destroy)] {});
    } catch (...) {
      // Without memory it is never destroyed.
    }
  }

  /// What turn() and close() of the type do.
  PyObject* turn(PyObject* self) noexcept;
  PyObject* close() noexcept;

  int traverse(visitproc visit, void* arg) const;
  void clear() noexcept;

  /// A guest is in use as long as one of these exists.
  class User;

 private:
  struct Deferred {
    Reference function;  // null: the argument is a future, whose task continues
    Reference argument;
  };

  bool refuse() const noexcept;
  bool request_first_turn(PyObject* self) noexcept;
  bool call_turn_soon(PyObject* self) noexcept;
  bool host_is_idle(PyObject* self, bool has_traffic) noexcept;
  bool call_deferred() noexcept;
  /// What a turn or the end of one returns. Code of the program does not run meanwhile.
  template <typename Call>
  bool run_loop(Call call) noexcept;
  void destroy_loop() noexcept;

  Reference host_;
  Reference ready_;  // the host's list of what it calls next, or null
  std::unique_ptr<Loop> loop_;
  std::vector<Deferred> deferred_;
  OwnerThread owner_;
  std::size_t users_ = 0;
  bool turning_ = false;
  bool calling_ = false;  // what was deferred, at the end of a turn
  bool turn_requested_ = false;
  bool asked_again_ = false;  // a host that does not say whether it is idle
};

/// What every object that lives on a guest has: a reference to it.
class Guest::User {
 public:
  explicit User(PyObject* guest) noexcept : guest_(Reference::borrow(guest)) { ++state().users_; }
  User(const User&) = delete;
  User& operator=(const User&) = delete;
  ~User();

  [[nodiscard]] Guest& state() const noexcept { return state_of<Guest>(guest_.get()); }
  [[nodiscard]] PyObject* object() const noexcept { return guest_.get(); }

 private:
  Reference guest_;
};

/// Names of methods that are called often. Python remembers where it found a name by the name's
/// object, so one that is made for each call is looked up each time, and stays in memory.
struct Names {
  PyObject* call_soon;
  PyObject* ready;
  PyObject* run;
  PyObject* turn;
};
/// Available once add_guest() has returned.
const Names& names() noexcept;

/// Adds the type Guest. Returns whether it could; if not, an exception is set.
bool add_guest(PyObject* module);

/// Whether the object is a Guest that can be used now; if not, an exception is set.
[[nodiscard]] bool check_guest(PyObject* object) noexcept;

}  // namespace hallway::python
