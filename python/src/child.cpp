// SPDX-License-Identifier: Apache-2.0
#include "child.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <hallway/child.hpp>

#include "arguments.hpp"
#include "awaitable.hpp"
#include "connection.hpp"
#include "error.hpp"
#include "guest.hpp"
#include "object.hpp"

namespace hallway::python {

namespace {

struct ChildState {
  ChildState(PyObject* guest, std::unique_ptr<Child> made) noexcept
      : user(guest), child(std::move(made)) {}
  ChildState(const ChildState&) = delete;
  ChildState& operator=(const ChildState&) = delete;
  ~ChildState() {
    if (child) user.state().dispose(std::move(child));
  }

  Guest::User user;
  std::unique_ptr<Child> child;
};

ChildState& state(PyObject* self) noexcept { return state_of<ChildState>(self); }

/// (child, connection)
PyObject* spawn(PyObject* type, PyObject* positional, PyObject* named) {
  return guarded([&]() -> PyObject* {
    PyObject* guest = nullptr;
    PyObject* command = nullptr;
    PyObject* connection_type = nullptr;
    std::vector<std::string> words;
    ChildOptions to;
    Options options(named);
    if (!PyArg_ParseTuple(positional, "OOO:spawn", &guest, &command, &connection_type) ||
        !check_guest(guest) || !check_connection_type(connection_type))
      return nullptr;
    const Reference of_command = Reference::adopt(Py_BuildValue("{sO}", "command", command));
    if (!of_command) return nullptr;
    Options words_of(of_command.get());
    if (!words_of.read("command", words) || !options.read("type", to.type) ||
        !options.read("environment", to.process.environment) ||
        !options.read("own_group", to.process.own_group) || !options.read(to.connection) ||
        !options.finish("spawn"))
      return nullptr;
    if (words.empty()) {
      PyErr_SetString(PyExc_ValueError, "command must not be empty");
      return nullptr;
    }
    auto child = Child::spawn(state_of<Guest>(guest).loop(), std::move(words), std::move(to));
    if (!child) return raise(child.error());
    const Reference connection = Reference::adopt(make_connection(
        reinterpret_cast<PyTypeObject*>(connection_type), guest, std::move(child->connection())));
    if (!connection) return nullptr;
    const Reference made = Reference::adopt(make_object<ChildState>(
        reinterpret_cast<PyTypeObject*>(type), guest, std::make_unique<Child>(std::move(*child))));
    return made ? PyTuple_Pack(2, made.get(), connection.get()) : nullptr;
  });
}

Task<> wait_task(Operation* operation, Child* child) {
  auto waiting = child->wait();
  const auto status = co_await std::move(waiting);
  operation->finish(status ? Py_BuildValue("(ii)", status->code, status->signal)
                           : raise(status.error()));
}

PyObject* wait(PyObject* self, PyObject* /*unused*/) {
  return guarded([&]() -> PyObject* {
    ChildState& state = python::state(self);
    if (!state.user.state().check()) return nullptr;
    return start_operation(state.user.object(), self, [&](Operation& operation) {
      return wait_task(&operation, state.child.get());
    });
  });
}

PyObject* kill(PyObject* self, PyObject* positional) {
  return guarded([&]() -> PyObject* {
    int signal = 0;
    if (!PyArg_ParseTuple(positional, "i:kill", &signal) || !state(self).user.state().check())
      return nullptr;
    const auto sent = state(self).child->kill(signal);
    return sent ? none() : raise(sent.error());
  });
}

PyObject* get_pid(PyObject* self, void* /*unused*/) {
  return PyLong_FromLong(state(self).child->pid());
}

PyMethodDef methods[] = {
    {"_spawn", method(spawn), METH_CLASS | METH_VARARGS | METH_KEYWORDS, nullptr},
    {"_wait", method(wait), METH_NOARGS, nullptr},
    {"kill", method(kill), METH_VARARGS,
     "kill($self, signal, /)\n--\n\nSends a signal; to the whole group if the child has its own. "
     "One that has ended is no error."},
    {nullptr, nullptr, 0, nullptr},
};

PyGetSetDef members[] = {
    {"pid", get_pid, nullptr, nullptr, nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

PyType_Slot slots[] = {
    {Py_tp_dealloc, slot(destroy_object<ChildState>)},
    {Py_tp_new, slot(refuse_new)},
    {Py_tp_methods, methods},
    {Py_tp_getset, members},
    {0, nullptr},
};

PyType_Spec spec = {"hallway._core.Child", sizeof(Object<ChildState>), 0,
                    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};

}  // namespace

bool add_child(PyObject* module) { return add_type(module, spec) != nullptr; }

}  // namespace hallway::python
