// SPDX-License-Identifier: Apache-2.0
#include "awaitable.hpp"

#include <array>
#include <cstddef>

#include "error.hpp"
#include "future.hpp"
#include "outcome.hpp"

namespace hallway::python {

namespace {

PyTypeObject* receive_type = nullptr;
PyObject* the_done = nullptr;

/// Begins to wait for a new future, as `await future` does.
PySendResult wait_for_future(Guest& guest, Reference& future, PyObject** result) noexcept {
  future = Reference::adopt(guest.create_future());
  *result = Py_XNewRef(future.get());
  return future ? PYGEN_NEXT : PYGEN_ERROR;
}

/// Whether the wait for a future has ended: only then does a task continue. If not, an exception is
/// set.
bool check_done(const Reference& future) noexcept {
  if (state_of<Future>(future.get()).done()) [[likely]]
    return true;
  PyErr_SetString(PyExc_RuntimeError, "this was resumed before what it waits for has happened");
  return false;
}

/// Raises the StopIteration by which a generator returns `value`, which it adopts.
PyObject* stop(PyObject* value) noexcept {
  const Reference returned = Reference::adopt(value);
  // Made here: a value that is a tuple or an exception would be taken for its arguments.
  const Reference made =
      Reference::adopt(PyObject_CallFunctionObjArgs(PyExc_StopIteration, value, nullptr));
  if (made) PyErr_SetObject(PyExc_StopIteration, made.get());
  return nullptr;
}

/// `send` as tp_iternext: since Python 3.12 `await` prefers it.
template <typename Send>
PyObject* next_by(Send send) noexcept {
  PyObject* result = nullptr;
  switch (send(&result)) {
    case PYGEN_NEXT: return result;
    case PYGEN_ERROR: return nullptr;
    case PYGEN_RETURN: break;
  }
  if (result != Py_None) return stop(result);
  Py_DECREF(result);
  return nullptr;
}

/// Raises what generator.throw() was given.
void raise_thrown(PyObject* arguments) noexcept {
  PyObject* type = nullptr;
  PyObject* value = nullptr;
  PyObject* traceback = nullptr;
  if (!PyArg_ParseTuple(arguments, "O|OO:throw", &type, &value, &traceback)) return;
  if (PyExceptionInstance_Check(type)) {
    PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(type)), type);
  } else if (PyExceptionClass_Check(type)) {
    PyErr_SetObject(type, value == Py_None ? nullptr : value);
  } else {
    PyErr_Format(PyExc_TypeError, "exceptions must be classes or instances of exceptions, not %R",
                 Py_TYPE(type));
  }
}

}  // namespace

// Receive ----------------------------------------------------------------------------------------

/// The state of a Receive.
class Receive {
 public:
  Receive(PyObject* owner, Source& source, Take kind, Duration within,
          std::unique_ptr<Room> room) noexcept
      : owner_(Reference::borrow(owner)),
        source_(&source),
        within_(within),
        room_(std::move(room)),
        kind_(kind) {}
  Receive(const Receive&) = delete;
  Receive& operator=(const Receive&) = delete;
  ~Receive() { give_up(); }

  PySendResult send(PyObject** result) noexcept {
    if (!source_->guest().check()) return PYGEN_ERROR;
    if (future_) {
      if (!check_done(future_)) return PYGEN_ERROR;
      end_wait();
    }
    try {
      return take(result);
    } catch (...) {
      end_wait();
      raise_current_exception();
      return PYGEN_ERROR;
    }
  }

  PyObject* cancel(PyObject* arguments) noexcept {
    give_up();
    raise_thrown(arguments);
    return nullptr;
  }

  void wake() noexcept { source_->guest().wake(future_.get()); }

  /// Ends the wait without taking what it may have brought. A message stays for the next Receive.
  void give_up() noexcept {
    if (source_ != nullptr && source_->receiver_ == this && source_->guest().owner().is_this())
      source_->forget_timeout();
    end_wait();
  }

  void end_wait() noexcept {
    if (source_ != nullptr && source_->receiver_ == this) {
      source_->receiver_ = nullptr;
      if (source_->guest().owner().is_this()) {
        source_->stop_waiting();
      } else {
        (void)owner_.release();  // the task that waits refers to it, and cannot be ended from here
      }
    }
    future_ = {};
  }

  int traverse(visitproc visit, void* arg) const {
    Py_VISIT(owner_.get());
    Py_VISIT(future_.get());
    return 0;
  }

  void clear() noexcept {
    give_up();
    source_ = nullptr;
    owner_ = {};
  }

 private:
  PySendResult take(PyObject** result) {
    *result = source_->take(kind_, room_.get());
    if (*result != nullptr) [[likely]]
      return PYGEN_RETURN;
    if (PyErr_Occurred() != nullptr) return PYGEN_ERROR;
    if (source_->receiver_ != nullptr) {
      PyErr_SetString(PyExc_RuntimeError, "another task already receives here");
      return PYGEN_ERROR;
    }
    source_->receiver_ = this;
    source_->waiting_ = source_->guest().loop().spawn(source_->wait(within_));
    if (source_->waiting_.done()) {
      source_->receiver_ = nullptr;
      *result = source_->take(kind_, room_.get());
      if (*result != nullptr) return PYGEN_RETURN;
      if (PyErr_Occurred() == nullptr) {
        PyErr_SetString(PyExc_RuntimeError, "a receive has ended without a result");
      }
      return PYGEN_ERROR;
    }
    const PySendResult step = wait_for_future(source_->guest(), future_, result);
    if (step == PYGEN_ERROR) end_wait();
    return step;
  }

  Reference owner_;
  Source* source_;  // the state of owner_
  Duration within_;
  std::unique_ptr<Room> room_;
  Reference future_;
  Take kind_;
};

namespace {

/// Memory of Receives that have ended. There is one for each message that is awaited alone, and
/// making it from nothing costs as much as everything else.
struct FreeReceives {
  static constexpr std::size_t most = 8;
  std::array<PyObject*, most> objects;
  std::size_t count = 0;
};
FreeReceives free_receives;

void destroy_receive(PyObject* self) noexcept {
  if (free_receives.count == FreeReceives::most) return destroy_tracked_object<Receive>(self);
  PyObject_GC_UnTrack(self);
  std::destroy_at(&state_of<Receive>(self));
  free_receives.objects[free_receives.count++] = self;
  Py_DECREF(receive_type);
}

}  // namespace

Source::~Source() = default;

void Source::woken() noexcept {
  if (receiver_ != nullptr) receiver_->wake();
}

PyObject* receive_from(PyObject* owner, Source& source, Take kind, Duration within,
                       std::unique_ptr<Room> room) noexcept {
  if (free_receives.count == 0) [[unlikely]] {
    return make_object<Receive>(receive_type, owner, source, kind, within, std::move(room));
  }
  PyObject* const made = free_receives.objects[--free_receives.count];
  PyObject_Init(made, receive_type);
  std::construct_at(&state_of<Receive>(made), owner, source, kind, within, std::move(room));
  PyObject_GC_Track(made);
  return made;
}

PyObject* end_of(Take kind, const Error& error) noexcept {
  switch (kind) {
    case Take::batch: return PyList_New(0);
    case Take::answer: return raise(error);
    case Take::next:
    case Take::next_batch: PyErr_SetNone(PyExc_StopAsyncIteration); return nullptr;
    default: return none();
  }
}

namespace {

Receive& receive(PyObject* self) noexcept { return state_of<Receive>(self); }

PySendResult send_to_receive(PyObject* self, PyObject* /*sent*/, PyObject** result) {
  *result = nullptr;  // an error leaves it so, and a debug build of Python asserts that
  return receive(self).send(result);
}

PyObject* next_of_receive(PyObject* self) {
  return next_by([&](PyObject** result) { return receive(self).send(result); });
}

PyObject* throw_to_receive(PyObject* self, PyObject* arguments) {
  return receive(self).cancel(arguments);
}

PyObject* close_receive(PyObject* self, PyObject* /*unused*/) {
  receive(self).give_up();
  return none();
}

int traverse_receive(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(reinterpret_cast<PyObject*>(Py_TYPE(self)));
  return receive(self).traverse(visit, arg);
}

int clear_receive(PyObject* self) {
  receive(self).clear();
  return 0;
}

PyObject* send_method(PyObject* self, PyObject* sent) {
  PyObject* result = nullptr;
  const PySendResult step = PyIter_Send(self, sent, &result);
  return step == PYGEN_RETURN ? stop(result) : result;
}

PyMethodDef receive_methods[] = {
    {"send", method(send_method), METH_O, nullptr},
    {"throw", method(throw_to_receive), METH_VARARGS, nullptr},
    {"close", method(close_receive), METH_NOARGS, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

PyType_Slot receive_slots[] = {
    {Py_tp_dealloc, slot(destroy_receive)},   {Py_tp_new, slot(refuse_new)},
    {Py_tp_traverse, slot(traverse_receive)}, {Py_tp_clear, slot(clear_receive)},
    {Py_tp_iter, slot(PyObject_SelfIter)},    {Py_tp_iternext, slot(next_of_receive)},
    {Py_am_await, slot(PyObject_SelfIter)},   {Py_am_send, slot(send_to_receive)},
    {Py_tp_methods, receive_methods},         {0, nullptr},
};

PyType_Spec receive_spec = {"hallway._core._Receive", sizeof(Object<Receive>), 0,
                            Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, receive_slots};

}  // namespace

// Operation --------------------------------------------------------------------------------------

// Set once, when the module is made.
// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables)
PyTypeObject* operation_type = nullptr;

Operation::~Operation() {
  if (guest().owner().is_this()) task_.cancel();
}

void Operation::finish(PyObject* value) noexcept {
  finished_ = true;
  value_ = Reference::adopt(value);
  if (!value_) {
    PyObject* type = nullptr;
    PyObject* exception = nullptr;
    PyObject* traceback = nullptr;
    PyErr_Fetch(&type, &exception, &traceback);
    PyErr_NormalizeException(&type, &exception, &traceback);
    Py_XDECREF(type);
    Py_XDECREF(traceback);
    exception_ = Reference::adopt(exception);
  }
  guest().wake(future_.get());
}

PySendResult Operation::send(PyObject** result) noexcept {
  if (!guest().check()) return PYGEN_ERROR;
  if (future_) {
    if (!check_done(future_)) return PYGEN_ERROR;
    future_ = {};
  }
  if (!finished_) {
    if (task_.done()) {
      PyErr_SetString(PyExc_RuntimeError, "this operation was cancelled");
      return PYGEN_ERROR;
    }
    return wait_for_future(guest(), future_, result);
  }
  if (value_) {
    *result = value_.release();
    return PYGEN_RETURN;
  }
  if (exception_) {
    PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(exception_.get())), exception_.get());
  } else {
    PyErr_SetString(PyExc_RuntimeError, "this operation was already awaited");
  }
  return PYGEN_ERROR;
}

PyObject* Operation::cancel(PyObject* arguments) noexcept {
  future_ = {};
  if (guest().owner().is_this()) task_.cancel();
  if (arguments != nullptr) raise_thrown(arguments);
  return nullptr;
}

int Operation::traverse(visitproc visit, void* arg) const {
  Py_VISIT(owner_.get());
  Py_VISIT(value_.get());
  Py_VISIT(exception_.get());
  Py_VISIT(future_.get());
  return 0;
}

void Operation::clear() noexcept {
  cancel(nullptr);
  value_ = {};
  exception_ = {};
}

namespace {

Operation& operation(PyObject* self) noexcept { return state_of<Operation>(self); }

PySendResult send_to_operation(PyObject* self, PyObject* /*sent*/, PyObject** result) {
  *result = nullptr;  // as in send_to_receive()
  return operation(self).send(result);
}

PyObject* next_of_operation(PyObject* self) {
  return next_by([&](PyObject** result) { return operation(self).send(result); });
}

PyObject* throw_to_operation(PyObject* self, PyObject* arguments) {
  return operation(self).cancel(arguments);
}

PyObject* close_operation(PyObject* self, PyObject* /*unused*/) {
  operation(self).cancel(nullptr);
  return none();
}

int traverse_operation(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(reinterpret_cast<PyObject*>(Py_TYPE(self)));
  return operation(self).traverse(visit, arg);
}

int clear_operation(PyObject* self) {
  operation(self).clear();
  return 0;
}

PyMethodDef operation_methods[] = {
    {"send", method(send_method), METH_O, nullptr},
    {"throw", method(throw_to_operation), METH_VARARGS, nullptr},
    {"close", method(close_operation), METH_NOARGS, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

PyType_Slot operation_slots[] = {
    {Py_tp_dealloc, slot(destroy_tracked_object<Operation>)},
    {Py_tp_new, slot(refuse_new)},
    {Py_tp_traverse, slot(traverse_operation)},
    {Py_tp_clear, slot(clear_operation)},
    {Py_tp_iter, slot(PyObject_SelfIter)},
    {Py_tp_iternext, slot(next_of_operation)},
    {Py_am_await, slot(PyObject_SelfIter)},
    {Py_am_send, slot(send_to_operation)},
    {Py_tp_methods, operation_methods},
    {0, nullptr},
};

PyType_Spec operation_spec = {"hallway._core._Operation", sizeof(Object<Operation>), 0,
                              Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, operation_slots};

// Done -------------------------------------------------------------------------------------------

struct Nothing {};

PySendResult send_to_done(PyObject* /*self*/, PyObject* /*sent*/, PyObject** result) {
  *result = none();
  return PYGEN_RETURN;
}

PyObject* next_of_done(PyObject* /*self*/) { return nullptr; }

PyType_Slot done_slots[] = {
    {Py_tp_dealloc, slot(destroy_object<Nothing>)},
    {Py_tp_new, slot(refuse_new)},
    {Py_tp_iter, slot(PyObject_SelfIter)},
    {Py_tp_iternext, slot(next_of_done)},
    {Py_am_await, slot(PyObject_SelfIter)},
    {Py_am_send, slot(send_to_done)},
    {0, nullptr},
};

PyType_Spec done_spec = {"hallway._core._Done", sizeof(Object<Nothing>), 0, Py_TPFLAGS_DEFAULT,
                         done_slots};

}  // namespace

PyObject* done() noexcept { return Py_NewRef(the_done); }

bool add_awaitables(PyObject* module) {
  receive_type = add_type(module, receive_spec);
  operation_type = add_type(module, operation_spec);
  PyTypeObject* const done_type = add_type(module, done_spec);
  if (receive_type == nullptr || operation_type == nullptr || done_type == nullptr) return false;
  the_done = make_object<Nothing>(done_type);
  return the_done != nullptr;
}

}  // namespace hallway::python
