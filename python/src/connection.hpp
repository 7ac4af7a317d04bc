// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "python.hpp"

#include <memory>
#include <optional>

#include <hallway/connection.hpp>

#include "awaitable.hpp"
#include "reference.hpp"

namespace hallway::python {

/// Adds the type Connection, a hallway::Connection on a guest loop. Returns whether it could; if
/// not, an exception is set.
bool add_connection(PyObject* module);

/// What a connection that belongs to something else, a server's handler or a child process, shares
/// with it. Each side may end first.
class Tenure {
 public:
  virtual ~Tenure() = default;

  /// The program has closed the connection, or dropped it.
  virtual void connection_ended() noexcept = 0;

  /// Ends the connection from the other side, if it still exists.
  void end_connection() noexcept;

 private:
  friend class ConnectionCore;
  class ConnectionCore* core_ = nullptr;
};

/// A new object of `type`, a subclass of Connection. Null with an exception.
PyObject* make_connection(PyTypeObject* type, PyObject* guest, Connection connection,
                          std::shared_ptr<Tenure> tenure = nullptr);

/// Whether `object` is the type Connection or a subclass of it; if not, TypeError is raised.
[[nodiscard]] bool check_connection_type(PyObject* object) noexcept;

}  // namespace hallway::python
