// SPDX-License-Identifier: Apache-2.0
#include "object.hpp"

namespace hallway::python {

PyObject* refuse_new(PyTypeObject* type, PyObject* /*positional*/, PyObject* /*named*/) noexcept {
  return PyErr_Format(PyExc_TypeError, "cannot make %R directly: see help(hallway)", type);
}

PyTypeObject* add_type(PyObject* module, PyType_Spec& spec) noexcept {
  auto* const type =
      reinterpret_cast<PyTypeObject*>(PyType_FromModuleAndSpec(module, &spec, nullptr));
  if (type == nullptr || PyModule_AddType(module, type) < 0) return nullptr;
  return type;
}

}  // namespace hallway::python
