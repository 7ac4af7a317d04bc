// SPDX-License-Identifier: Apache-2.0
#include "waiting.hpp"

#include "error.hpp"

namespace hallway::python {

bool Waiting::open() {
  // An Interrupt is not moved: it has to be made where it stays.
  struct Made {
    Waiting& waiting;
    operator Result<Interrupt>() const {  // NOLINT(google-explicit-constructor)
      return Interrupt::create([&to = waiting] { return to.before_sleep(); });
    }
  };
  interrupt_.emplace(Made{*this});
  if (*interrupt_) return true;
  raise(interrupt_->error());
  return false;
}

// The signals of this thread are blocked meanwhile, so none can arrive between this look and the
// sleep.
bool Waiting::before_sleep() noexcept {
  if (released_ != nullptr) take_gil(std::exchange(released_, nullptr));
  if (PyErr_CheckSignals() != 0) return false;
  released_ = PyEval_SaveThread();
  return true;
}

bool Waiting::refuse(const char* what) const noexcept {
  if (process_.check()) {
    PyErr_Format(PyExc_RuntimeError,
                 "%s is in use: a call of another thread, or the call that a signal handler has "
                 "interrupted, has not ended",
                 what);
  }
  return false;
}

}  // namespace hallway::python
