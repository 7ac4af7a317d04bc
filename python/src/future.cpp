// SPDX-License-Identifier: Apache-2.0
#include "future.hpp"

#include <array>
#include <utility>

#include "arguments.hpp"
#include "guest.hpp"
#include "object.hpp"

namespace hallway::python {

namespace {

PyTypeObject* future_type = nullptr;

}  // namespace

PyObject* Future::continue_task(PyObject* self) noexcept {
  const Reference callback = std::exchange(callback_, {});
  const Reference context = std::exchange(context_, {});
  if (!callback) return none();
  return PyObject_CallMethodObjArgs(context.get(), names().run, callback.get(), self, nullptr);
}

PyObject* Future::continue_task_soon(PyObject* self) noexcept {
  const Reference callback = std::exchange(callback_, {});
  const Reference context = std::exchange(context_, {});
  if (!callback) return none();
  const Reference call_soon = Reference::adopt(PyObject_GetAttr(host_.get(), names().call_soon));
  const Reference arguments = Reference::adopt(PyTuple_Pack(2, callback.get(), self));
  const Reference named = Reference::adopt(Py_BuildValue("{sO}", "context", context.get()));
  return call_soon && arguments && named
             ? PyObject_Call(call_soon.get(), arguments.get(), named.get())
             : nullptr;
}

PyObject* Future::add_callback(PyObject* self, PyObject* callback, PyObject* context) noexcept {
  if (callback_) {
    PyErr_SetString(PyExc_RuntimeError, "another task already waits for this");
    return nullptr;
  }
  callback_ = Reference::borrow(callback);
  context_ = Reference::borrow(context);
  return done() ? continue_task_soon(self) : none();
}

PyObject* Future::cancel(PyObject* self, PyObject* message) noexcept {
  if (done()) return Py_NewRef(Py_False);
  state_ = State::cancelled;
  message_ = Reference::borrow(message);
  const Reference continued = Reference::adopt(continue_task_soon(self));
  return continued ? Py_NewRef(Py_True) : nullptr;
}

PyObject* Future::result() const noexcept {
  if (state_ == State::ended) return none();
  const Reference module = Reference::adopt(PyImport_ImportModule("asyncio.exceptions"));
  const Reference type =
      Reference::adopt(module ? PyObject_GetAttrString(module.get(), state_ == State::cancelled
                                                                         ? "CancelledError"
                                                                         : "InvalidStateError")
                              : nullptr);
  if (type) PyErr_SetObject(type.get(), message_.get());
  return nullptr;
}

int Future::traverse(visitproc visit, void* arg) const {
  Py_VISIT(host_.get());
  Py_VISIT(callback_.get());
  Py_VISIT(context_.get());
  Py_VISIT(message_.get());
  return 0;
}

void Future::clear() noexcept {
  callback_ = {};
  context_ = {};
  message_ = {};
}

PyObject* make_future(PyObject* host) noexcept { return make_object<Future>(future_type, host); }

// The type ---------------------------------------------------------------------------------------

namespace {

Future& future(PyObject* self) noexcept { return state_of<Future>(self); }

PyObject* add_done_callback(PyObject* self, PyObject* const* arguments, Py_ssize_t positional,
                            PyObject* keywords) {
  static constexpr std::array names{"callback", "context"};
  std::array<PyObject*, names.size()> given{};
  if (!read_arguments("add_done_callback", names, 2, arguments, positional, keywords, given))
    return nullptr;
  return future(self).add_callback(self, given[0], given[1]);
}

PyObject* cancel(PyObject* self, PyObject* const* arguments, Py_ssize_t positional,
                 PyObject* keywords) {
  static constexpr std::array names{"msg"};
  std::array<PyObject*, names.size()> given{};
  if (!read_arguments("cancel", names, 0, arguments, positional, keywords, given)) return nullptr;
  return future(self).cancel(self, given[0] == Py_None ? nullptr : given[0]);
}

PyObject* result(PyObject* self, PyObject* /*unused*/) { return future(self).result(); }
PyObject* get_loop(PyObject* self, PyObject* /*unused*/) { return Py_NewRef(future(self).host()); }
PyObject* done(PyObject* self, PyObject* /*unused*/) {
  return PyBool_FromLong(future(self).done() ? 1 : 0);
}

PyObject* get_blocking(PyObject* self, void* /*unused*/) {
  return PyBool_FromLong(future(self).blocking() ? 1 : 0);
}

int set_blocking(PyObject* self, PyObject* value, void* /*unused*/) {
  future(self).set_blocking(value == Py_True);
  return 0;
}

int traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(reinterpret_cast<PyObject*>(Py_TYPE(self)));
  return future(self).traverse(visit, arg);
}

int clear(PyObject* self) {
  future(self).clear();
  return 0;
}

PyMethodDef methods[] = {
    {"add_done_callback", method(add_done_callback), METH_FASTCALL | METH_KEYWORDS, nullptr},
    {"cancel", method(cancel), METH_FASTCALL | METH_KEYWORDS, nullptr},
    {"done", method(done), METH_NOARGS, nullptr},
    {"get_loop", method(get_loop), METH_NOARGS, nullptr},
    {"result", method(result), METH_NOARGS, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

PyGetSetDef members[] = {
    {"_asyncio_future_blocking", get_blocking, set_blocking, nullptr, nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

PyType_Slot slots[] = {
    {Py_tp_dealloc, slot(destroy_tracked_object<Future>)},
    {Py_tp_new, slot(refuse_new)},
    {Py_tp_traverse, slot(traverse)},
    {Py_tp_clear, slot(clear)},
    {Py_tp_methods, methods},
    {Py_tp_getset, members},
    {0, nullptr},
};

PyType_Spec spec = {"hallway._core._Future", sizeof(Object<Future>), 0,
                    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, slots};

}  // namespace

bool add_future(PyObject* module) {
  future_type = add_type(module, spec);
  return future_type != nullptr;
}

}  // namespace hallway::python
