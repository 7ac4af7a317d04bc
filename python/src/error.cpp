// SPDX-License-Identifier: Apache-2.0
#include "error.hpp"

#include <string>

#include "reference.hpp"

namespace hallway::python {

namespace {

/// Text of any bytes, as os.fsdecode() gives it.
Reference text(const std::string& bytes) {
  return Reference::adopt(
      PyUnicode_DecodeFSDefaultAndSize(bytes.data(), static_cast<Py_ssize_t>(bytes.size())));
}

bool set_text(PyObject* object, const char* attribute, const std::string& value) {
  const Reference words = text(value);
  return words && PyObject_SetAttrString(object, attribute, words.get()) == 0;
}

/// The exception, complete; empty if making it failed, and then that failure is raised.
Reference exception_of(const Error& error, PyObject* type) {
  const Reference sentence = text(error.explain());
  if (!sentence) return {};
  // OSError picks its subclass by the number if it gets one: without a code there is none to give.
  Reference exception = Reference::adopt(
      error.code ? PyObject_CallFunction(type, "iO", error.code.value(), sentence.get())
                 : PyObject_CallFunction(type, "O", sentence.get()));
  if (!exception) return {};
  PyObject* const made = exception.get();
  if (!set_text(made, "operation", error.operation) || !set_text(made, "subject", error.subject) ||
      !set_text(made, "hint", error.hint)) {
    return {};
  }
  if (error.hint.empty()) return exception;
  const Reference note = text("hint: " + error.hint);
  if (!note) return {};
  const Reference added = Reference::adopt(PyObject_CallMethod(made, "add_note", "O", note.get()));
  return added ? std::move(exception) : Reference();
}

}  // namespace

PyObject* raise(const Error& error, PyObject* type) noexcept {
  return guarded([&]() -> PyObject* {
    const Reference exception = exception_of(error, type);
    if (exception) {
      PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(exception.get())), exception.get());
    }
    return nullptr;
  });
}

PyObject* raise_current_exception() noexcept {
  try {
    throw;
  } catch (const std::bad_alloc&) {
    return PyErr_NoMemory();
  } catch (const std::exception& exception) {
    PyErr_SetString(PyExc_RuntimeError, exception.what());
  } catch (...) {
    PyErr_SetString(PyExc_RuntimeError, "an exception that is not a std::exception");
  }
  return nullptr;
}

}  // namespace hallway::python
