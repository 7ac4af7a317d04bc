// SPDX-License-Identifier: Apache-2.0
//
// What a task of the host's waits for: as much of a Future as a task of asyncio's needs to await
// it. asyncio's own continues a task in the next iteration of the event loop, which has to ask the
// kernel for events before. This one lets the guest continue it at the end of the turn that woke
// it, so that a request is received, answered and written in one iteration.
#pragma once

#include "python.hpp"

#include "reference.hpp"

namespace hallway::python {

/// The state of a Python object of type Future. One task waits for it.
class Future {
 public:
  explicit Future(PyObject* host) noexcept : host_(Reference::borrow(host)) {}
  Future(const Future&) = delete;
  Future& operator=(const Future&) = delete;
  ~Future() = default;

  /// Whether the wait has ended, or was cancelled.
  [[nodiscard]] bool done() const noexcept { return state_ != State::pending; }

  /// Ends the wait. Returns false if it had ended.
  bool end() noexcept {
    if (done()) return false;
    state_ = State::ended;
    return true;
  }

  /// Continues the task, now or in the host's next iteration. Null with an exception. `self` is the
  /// object that this is the state of.
  PyObject* continue_task(PyObject* self) noexcept;
  PyObject* continue_task_soon(PyObject* self) noexcept;

  // What the methods of the type do.
  PyObject* add_callback(PyObject* self, PyObject* callback, PyObject* context) noexcept;
  PyObject* cancel(PyObject* self, PyObject* message) noexcept;
  PyObject* result() const noexcept;
  [[nodiscard]] PyObject* host() const noexcept { return host_.get(); }
  [[nodiscard]] bool blocking() const noexcept { return blocking_; }
  void set_blocking(bool blocking) noexcept { blocking_ = blocking; }

  int traverse(visitproc visit, void* arg) const;
  void clear() noexcept;

 private:
  enum class State : unsigned char { pending, ended, cancelled };

  Reference host_;
  Reference callback_;
  Reference context_;  // of callback_
  Reference message_;  // with which it was cancelled
  State state_ = State::pending;
  bool blocking_ = true;  // by which a task tells `await` from `yield`
};

/// A new Future; null with an exception.
PyObject* make_future(PyObject* host) noexcept;

/// Adds the type. Returns whether it could; if not, an exception is set.
bool add_future(PyObject* module);

}  // namespace hallway::python
