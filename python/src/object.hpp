// SPDX-License-Identifier: Apache-2.0
//
// A Python object that holds a C++ object.
#pragma once

#include "python.hpp"

#include <memory>
#include <utility>

#include "reference.hpp"

namespace hallway::python {

/// The memory of a Python object with a `State` in it.
template <typename State>
struct Object {
  PyObject_HEAD State state;

  static State& of(PyObject* self) noexcept { return reinterpret_cast<Object*>(self)->state; }
};

template <typename State>
State& state_of(PyObject* self) noexcept {
  return Object<State>::of(self);
}

/// A new object of `type`, which may be a subclass made in Python. Its state is made of the
/// arguments by a constructor that does not throw. Null if there is no memory; an exception is set.
template <typename State, typename... Arguments>
PyObject* make_object(PyTypeObject* type, Arguments&&... arguments) noexcept {
  auto* const allocate = reinterpret_cast<allocfunc>(PyType_GetSlot(type, Py_tp_alloc));
  PyObject* const made = allocate(type, 0);
  if (made != nullptr) {
    std::construct_at(&state_of<State>(made), std::forward<Arguments>(arguments)...);
  }
  return made;
}

/// Py_tp_dealloc of a type without cyclic garbage collection.
template <typename State>
void destroy_object(PyObject* self) noexcept {
  PyTypeObject* const type = Py_TYPE(self);
  std::destroy_at(&state_of<State>(self));
  reinterpret_cast<freefunc>(PyType_GetSlot(type, Py_tp_free))(self);
  Py_DECREF(type);
}

/// Py_tp_dealloc of a type with it.
template <typename State>
void destroy_tracked_object(PyObject* self) noexcept {
  PyObject_GC_UnTrack(self);
  destroy_object<State>(self);
}

/// Keeps the exception that is set, if any, while code runs that may set and clear another one:
/// destructors run also while an exception is on its way.
class KeepException {
 public:
  KeepException() noexcept { PyErr_Fetch(&type_, &value_, &traceback_); }
  KeepException(const KeepException&) = delete;
  KeepException& operator=(const KeepException&) = delete;
  ~KeepException() { PyErr_Restore(type_, value_, traceback_); }

 private:
  PyObject* type_ = nullptr;
  PyObject* value_ = nullptr;
  PyObject* traceback_ = nullptr;
};

/// Py_tp_new of a type that only its class methods make.
PyObject* refuse_new(PyTypeObject* type, PyObject* positional, PyObject* named) noexcept;

/// Makes the type and adds it to the module under its own name. Null if that failed; an exception
/// is set. The module and the caller own it together.
PyTypeObject* add_type(PyObject* module, PyType_Spec& spec) noexcept;

/// Converts a function of any signature for a table of methods.
template <typename Function>
PyCFunction method(Function function) noexcept {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function));
}

/// The same for a table of slots.
template <typename Function>
void* slot(Function function) noexcept {
  return reinterpret_cast<void*>(function);
}

inline PyObject* none() noexcept { return Py_NewRef(Py_None); }

}  // namespace hallway::python
