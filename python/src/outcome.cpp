// SPDX-License-Identifier: Apache-2.0
#include "outcome.hpp"

#include <cerrno>
#include <system_error>

#include "error.hpp"
#include "reference.hpp"

namespace hallway::python {

namespace {

// Owned by the module, which is never unloaded.
PyObject* closed_type = nullptr;
PyObject* truncated_type = nullptr;
PyObject* no_responders_type = nullptr;

PyObject* add_exception(PyObject* module, const char* name, const char* doc, PyObject* base) {
  PyObject* const type = PyErr_NewExceptionWithDoc(name, doc, base, nullptr);
  constexpr int length_of_prefix = 8;  // "hallway."
  if (type != nullptr && PyModule_AddObjectRef(module, name + length_of_prefix, type) == 0)
    return type;
  return nullptr;
}

}  // namespace

bool add_exceptions(PyObject* module) {
  closed_type = add_exception(
      module, "hallway.Closed",
      "This side has closed the connection, the server or the subscription, or is draining.",
      PyExc_ConnectionError);
  truncated_type =
      add_exception(module, "hallway.Truncated",
                    "A datagram was longer than max_message: .data is the part that was received, "
                    "and the rest is lost. Or the buffer of receive_into() was too small: .data is "
                    "the message. .size is the length that the sender sent.",
                    PyExc_OSError);
  no_responders_type =
      add_exception(module, "hallway.NoResponders",
                    "A request to a hub: no subscription matches its subject.", PyExc_OSError);
  return closed_type != nullptr && truncated_type != nullptr && no_responders_type != nullptr;
}

PyObject* raise(Outcome outcome, const Error& error) noexcept {
  switch (outcome) {
    case Outcome::closed: return raise(error, closed_type);
    case Outcome::truncated: return raise(error, truncated_type);
    case Outcome::no_responders: return raise(error, no_responders_type);
    case Outcome::peer_gone: return raise(error, PyExc_ConnectionResetError);
    case Outcome::timed_out: return raise(error, PyExc_TimeoutError);
    default: return raise(error);
  }
}

PyObject* raise_closed(const char* what) noexcept {
  return guarded([&] {
    Error error;
    error.code = std::make_error_code(std::errc::operation_canceled);
    error.operation = "use";
    error.subject = what;
    error.reason = "it is closed";
    return raise(Outcome::closed, error);
  });
}

PyObject* raise_truncated(ByteView data, std::size_t size, const char* sentence) noexcept {
  return guarded([&]() -> PyObject* {
    const Reference bytes = Reference::adopt(
        PyBytes_FromStringAndSize(data.data(), static_cast<Py_ssize_t>(data.size())));
    const Reference exception =
        Reference::adopt(PyObject_CallFunction(truncated_type, "is", EMSGSIZE, sentence));
    if (!bytes || !exception) return nullptr;
    const Reference whole = Reference::adopt(PyLong_FromSize_t(size));
    if (!whole || PyObject_SetAttrString(exception.get(), "data", bytes.get()) < 0 ||
        PyObject_SetAttrString(exception.get(), "size", whole.get()) < 0)
      return nullptr;
    PyErr_SetObject(truncated_type, exception.get());
    return nullptr;
  });
}

}  // namespace hallway::python
