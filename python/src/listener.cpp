// SPDX-License-Identifier: Apache-2.0
#include "listener.hpp"

#include <array>
#include <memory>
#include <string>
#include <utility>

#include <hallway/listener.hpp>

#include "arguments.hpp"
#include "error.hpp"
#include "reference.hpp"

namespace hallway::python {

namespace {

struct ListenerObject {
  PyObject_HEAD std::unique_ptr<Listener> listener;  // null once closed
  PyObject* address;
};

ListenerObject& self_of(PyObject* object) { return *reinterpret_cast<ListenerObject*>(object); }

/// Unlike PyUnicode_FSConverter it lets NUL pass, which an abstract name may have.
int to_address(PyObject* given, void* into) {
  return read_address(given, "address", *static_cast<std::string*>(into)) ? 1 : 0;
}

/// A user or group: None, a name or a number. A bool would pass as a number and is refused.
int to_account(PyObject* given, void* into) {
  if (given == Py_None) return 1;
  const bool number = PyLong_Check(given) && !PyBool_Check(given);
  if (!number && !PyUnicode_Check(given)) {
    PyErr_Format(PyExc_TypeError, "owner and group must be str, int or None, not %R",
                 Py_TYPE(given));
    return 0;
  }
  const Reference text = Reference::adopt(PyObject_Str(given));
  const char* words = text ? PyUnicode_AsUTF8AndSize(text.get(), nullptr) : nullptr;
  if (words == nullptr) return 0;
  *static_cast<std::string*>(into) = words;
  return 1;
}

constexpr auto bind_doc =
    "bind($type, address, *, type='stream', mode=0o600, owner=None, group=None, "
    "backlog=4096)\n--\n\n"
    "Binds and listens. A live server's name is never taken and a dead one's is replaced; the "
    "mode,\n"
    "owner and group (names or numbers) are in effect before the first client can connect.\n"
    "Raises OSError: EADDRINUSE if a live server has the name, EEXIST if something else is there.";

PyObject* bind(PyObject* type, PyObject* positional, PyObject* named) {
  return guarded([&]() -> PyObject* {
    static std::array<const char*, 7> names = {"address", "type",    "mode", "owner",
                                               "group",   "backlog", nullptr};
    BindOptions options;
    std::string address;
    const char* type_name = "stream";
    int mode = static_cast<int>(options.file.mode);
    if (!PyArg_ParseTupleAndKeywords(positional, named, "O&|$siO&O&i:bind",
                                     const_cast<char**>(names.data()), to_address, &address,
                                     &type_name, &mode, to_account, &options.file.owner, to_account,
                                     &options.file.group, &options.backlog)) {
      return nullptr;
    }
    constexpr int most_mode = 07777;
    if (mode < 0 || mode > most_mode) {
      return PyErr_Format(PyExc_ValueError, "mode must be between 0 and 0o7777, not %d", mode);
    }
    options.file.mode = static_cast<unsigned>(mode);
    const auto socket_type = parse_socket_type(type_name);
    if (!socket_type || *socket_type == SocketType::datagram) {
      return PyErr_Format(PyExc_ValueError, "type must be 'stream' or 'seqpacket', not '%s'",
                          type_name);
    }
    options.type = *socket_type;

    std::unique_ptr<Listener> listener;
    Error failure;
    {
      const GilRelease others_run;  // the user database and the file system may take their time
      auto bound = Listener::bind(address, options);
      if (bound) {
        listener = std::make_unique<Listener>(std::move(*bound));
      } else {
        failure = std::move(bound.error());
      }
    }
    if (!listener) return raise(failure);

    const std::string words = listener->address().unescaped();
    Reference text = Reference::adopt(
        PyUnicode_DecodeFSDefaultAndSize(words.data(), static_cast<Py_ssize_t>(words.size())));
    if (!text) return nullptr;
    auto* const of = reinterpret_cast<PyTypeObject*>(type);
    auto* const allocate = reinterpret_cast<allocfunc>(PyType_GetSlot(of, Py_tp_alloc));
    PyObject* const made = allocate(of, 0);
    if (made == nullptr) return nullptr;
    std::construct_at(&self_of(made).listener, std::move(listener));
    self_of(made).address = text.release();
    return made;
  });
}

PyObject* file_number(PyObject* self, PyObject* /*unused*/) {
  const auto& listener = self_of(self).listener;
  return PyLong_FromLong(listener ? listener->descriptor() : -1);
}

PyObject* lost(PyObject* self, PyObject* /*unused*/) {
  return guarded([&]() -> PyObject* {
    const auto& listener = self_of(self).listener;
    if (!listener) {
      PyErr_SetString(PyExc_ValueError, "this listener is closed");
      return nullptr;
    }
    const auto reason = listener->lost();
    if (!reason) return Py_NewRef(Py_None);
    return PyUnicode_DecodeFSDefaultAndSize(reason->data(),
                                            static_cast<Py_ssize_t>(reason->size()));
  });
}

// Another thread that calls in meanwhile finds a closed listener.
void close_listener(PyObject* self) {
  auto listener = std::move(self_of(self).listener);
  if (!listener) return;
  const GilRelease others_run;
  listener.reset();
}

PyObject* close(PyObject* self, PyObject* /*unused*/) {
  close_listener(self);
  return Py_NewRef(Py_None);
}

PyObject* enter(PyObject* self, PyObject* /*unused*/) { return Py_NewRef(self); }

PyObject* represent(PyObject* self) {
  const auto& [head, listener, address] = self_of(self);
  return PyUnicode_FromFormat("<hallway.Listener %R%s>", address, listener ? "" : " closed");
}

void deallocate(PyObject* self) {
  close_listener(self);
  std::destroy_at(&self_of(self).listener);
  Py_XDECREF(self_of(self).address);
  PyTypeObject* const type = Py_TYPE(self);
  reinterpret_cast<freefunc>(PyType_GetSlot(type, Py_tp_free))(self);
  Py_DECREF(reinterpret_cast<PyObject*>(type));
}

PyObject* get_address(PyObject* self, void* /*unused*/) { return Py_NewRef(self_of(self).address); }

PyCFunction with_keywords(PyCFunctionWithKeywords function) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function));
}

}  // namespace

bool add_listener(PyObject* module) {
  static std::array<PyMethodDef, 7> methods = {{
      {"bind", with_keywords(bind), METH_CLASS | METH_VARARGS | METH_KEYWORDS, bind_doc},
      {"fileno", file_number, METH_NOARGS,
       "fileno($self)\n--\n\nThe descriptor, borrowed and non-blocking: readable when a client "
       "waits.\n"
       "-1 once closed."},
      {"lost", lost, METH_NOARGS,
       "lost($self)\n--\n\nWhy the path no longer leads here, such as 'the socket file is gone', "
       "or "
       "None."},
      {"close", close, METH_NOARGS,
       "close($self)\n--\n\nRemoves the name if it is still the one bound here, and closes. May be "
       "called "
       "again."},
      {"__enter__", enter, METH_NOARGS, nullptr},
      {"__exit__", close, METH_VARARGS, nullptr},
      {nullptr, nullptr, 0, nullptr},
  }};
  static std::array<PyGetSetDef, 2> attributes = {{
      {"address", get_address, nullptr, "The address as Hallway prints it: 'unix:/path'.", nullptr},
      {nullptr, nullptr, nullptr, nullptr, nullptr},
  }};
  static std::array<PyType_Slot, 6> slots = {{
      {Py_tp_doc, const_cast<char*>("A listening stream or seqpacket socket, and its name.")},
      {Py_tp_methods, methods.data()},
      {Py_tp_getset, attributes.data()},
      {Py_tp_repr, reinterpret_cast<void*>(represent)},
      {Py_tp_dealloc, reinterpret_cast<void*>(deallocate)},
      {0, nullptr},
  }};
  static PyType_Spec spec = {"hallway._core.Listener", sizeof(ListenerObject), 0,
                             Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots.data()};
  const Reference type = Reference::adopt(PyType_FromSpec(&spec));
  return type && PyModule_AddObjectRef(module, "Listener", type.get()) == 0;
}

}  // namespace hallway::python
