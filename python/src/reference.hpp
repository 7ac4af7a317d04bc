// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "python.hpp"

#include <unistd.h>

#include <utility>

namespace hallway::python {

/// An owned reference to a Python object, or none. Thread: hold the GIL, also to destroy it.
class Reference {
 public:
  Reference() noexcept = default;
  /// Adopts a new reference, as most functions of the C API return one.
  static Reference adopt(PyObject* object) noexcept { return Reference(object); }
  /// Takes a reference of its own to a borrowed object.
  static Reference borrow(PyObject* object) noexcept { return Reference(Py_XNewRef(object)); }

  Reference(Reference&& other) noexcept : object_(other.release()) {}
  Reference& operator=(Reference&& other) noexcept {
    // The old object is released last: its destructor may run any Python code.
    const Reference old = Reference(std::exchange(object_, other.release()));
    return *this;
  }
  Reference(const Reference&) = delete;
  Reference& operator=(const Reference&) = delete;
  ~Reference() { Py_XDECREF(object_); }

  [[nodiscard]] PyObject* get() const noexcept { return object_; }
  [[nodiscard]] PyObject* release() noexcept { return std::exchange(object_, nullptr); }
  explicit operator bool() const noexcept { return object_ != nullptr; }

 private:
  explicit Reference(PyObject* object) noexcept : object_(object) {}

  PyObject* object_ = nullptr;
};

/// Takes the GIL again for `thread`, which PyEval_SaveThread() returned. Once the interpreter is
/// ending, it does not return: Python then ends the thread by unwinding its stack (pthread_exit),
/// which must not pass the library's frames. So the thread sleeps until the process ends.
inline void take_gil(PyThreadState* thread) noexcept {
  try {
    PyEval_RestoreThread(thread);
  } catch (...) {
    while (true) pause();
  }
}

/// Releases the GIL while it lives, so that other Python threads run. No object may be touched.
class GilRelease {
 public:
  GilRelease() noexcept : thread_(PyEval_SaveThread()) {}
  GilRelease(const GilRelease&) = delete;
  GilRelease& operator=(const GilRelease&) = delete;
  ~GilRelease() { take_gil(thread_); }

 private:
  PyThreadState* thread_;
};

}  // namespace hallway::python
