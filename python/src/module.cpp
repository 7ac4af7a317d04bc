// SPDX-License-Identifier: Apache-2.0
//
// The extension module hallway._core. It is imported by the package hallway, which is what programs
// use.
#include "python.hpp"

#include <hallway/limits.hpp>
#include <hallway/version.hpp>

#include "awaitable.hpp"
#include "child.hpp"
#include "client.hpp"
#include "connection.hpp"
#include "datagram.hpp"
#include "future.hpp"
#include "guest.hpp"
#include "hub.hpp"
#include "listener.hpp"
#include "outcome.hpp"
#include "owner.hpp"
#include "server.hpp"

namespace {

PyModuleDef definition = {PyModuleDef_HEAD_INIT,
                          "hallway._core",
                          "Hallway's C++ library, for the package hallway.",
                          -1,
                          nullptr,
                          nullptr,
                          nullptr,
                          nullptr,
                          nullptr};

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): Python's name
PyMODINIT_FUNC PyInit__core() {
  using namespace hallway::python;  // NOLINT(google-build-using-namespace)
  PyObject* const module = PyModule_Create(&definition);
  if (module == nullptr) return nullptr;
  count_forks();
  if (add_exceptions(module) && add_listener(module) && add_client(module) && add_guest(module) &&
      add_future(module) && add_awaitables(module) && add_connection(module) &&
      add_server(module) && add_datagram(module) && add_child(module) && add_hub(module) &&
      PyModule_AddStringConstant(module, "default_address", hallway::defaults::address) == 0 &&
      PyModule_AddStringConstant(module, "default_hub_address", hallway::defaults::hub_address) ==
          0 &&
      PyModule_AddStringConstant(module, "version", hallway::version) == 0)
    return module;
  Py_DECREF(module);
  return nullptr;
}
