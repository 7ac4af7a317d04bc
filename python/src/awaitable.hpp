// SPDX-License-Identifier: Apache-2.0
//
// What the functions of the asyncio side return to be awaited. None of them makes a Future unless
// it has to wait:
//
//   Done        has ended already, with None
//   Receive     takes from something that messages arrive on; what it waits for stays there until
//   it
//               takes it, so that cancelling loses nothing
//   Operation   any other call: a task of the library whose result it gives
#pragma once

#include "python.hpp"

#include <cassert>
#include <memory>
#include <utility>

#include <hallway/error.hpp>
#include <hallway/limits.hpp>
#include <hallway/task.hpp>
#include <hallway/task_handle.hpp>

#include "arguments.hpp"
#include "guest.hpp"
#include "object.hpp"
#include "reference.hpp"

namespace hallway::python {

class Receive;

/// What a Receive gives.
enum class Take : unsigned char {
  message,           ///< the message; None at the end
  with_descriptors,  ///< (message, descriptors); None at the end
  into,              ///< the length of what was copied; None at the end
  batch,             ///< a list; empty at the end
  answer,            ///< the message; an exception at the end
  next,              ///< the message; StopAsyncIteration at the end
  next_batch,        ///< a list; StopAsyncIteration at the end
};

/// Something that messages arrive on: the base of the states that have a Receive.
class Source {
 public:
  explicit Source(PyObject* guest) noexcept : user_(guest) {}
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  virtual ~Source();

  [[nodiscard]] Guest& guest() const noexcept { return user_.state(); }
  [[nodiscard]] PyObject* guest_object() const noexcept { return user_.object(); }

  /// Takes what has arrived.
  /// @param room  where Take::into copies it
  /// @return a new reference; null with an exception; or null without one: nothing has arrived
  virtual PyObject* take(Take kind, const Room* room) = 0;

  /// Forgets that a wait has timed out: the Receive that it was for has been cancelled.
  virtual void forget_timeout() noexcept = 0;

 protected:
  /// A task that waits until something has arrived, keeps it, and then calls woken().
  virtual Task<> wait(Duration within) = 0;

  /// Something can be taken now.
  void woken() noexcept;
  /// Ends the task that waits, if there is one. What it waits for is not lost.
  void stop_waiting() noexcept { waiting_.cancel(); }

 private:
  friend class Receive;

  Guest::User user_;
  Receive* receiver_ = nullptr;  // the one that waits
  TaskHandle waiting_;
};

/// A new reference to a Receive of `source`, which is the state of `owner`. Null with an exception.
/// @param within  from its first await on
PyObject* receive_from(PyObject* owner, Source& source, Take kind, Duration within = forever,
                       std::unique_ptr<Room> room = nullptr) noexcept;

/// The end of what a Receive of this kind takes from: a value, or an exception.
/// @param error  for Take::answer
PyObject* end_of(Take kind, const Error& error) noexcept;

/// A new reference to the Done.
PyObject* done() noexcept;

/// The state of an Operation.
class Operation {
 public:
  /// @param owner  what the operation uses, kept as long as it exists; may be null
  Operation(PyObject* guest, PyObject* owner) noexcept
      : user_(guest), owner_(Reference::borrow(owner)) {}
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;
  ~Operation();

  [[nodiscard]] Guest& guest() const noexcept { return user_.state(); }

  /// Ends it with a value, which is adopted, or if it is null, with the exception that is set.
  /// Called by its task, once.
  void finish(PyObject* value) noexcept;

  /// For start_operation().
  void start(Task<> task) { task_ = guest().loop().spawn(std::move(task)); }

  PySendResult send(PyObject** result) noexcept;
  PyObject* cancel(PyObject* arguments) noexcept;
  int traverse(visitproc visit, void* arg) const;
  void clear() noexcept;

 private:
  Guest::User user_;
  Reference owner_;
  TaskHandle task_;
  Reference value_;
  Reference exception_;
  Reference future_;
  bool finished_ = false;
};

/// A new reference to an Operation; null with an exception. `make` returns its task, which gets the
/// operation and ends it. The task starts now, and ends where it waits when the operation is
/// cancelled or no longer referred to.
template <typename Make>
PyObject* start_operation(PyObject* guest, PyObject* owner, Make make);

extern PyTypeObject* operation_type;

/// Adds the types. Returns whether it could; if not, an exception is set.
bool add_awaitables(PyObject* module);

template <typename Make>
PyObject* start_operation(PyObject* guest, PyObject* owner, Make make) {
  Reference made = Reference::adopt(make_object<Operation>(operation_type, guest, owner));
  if (!made || !state_of<Guest>(guest).request_turn(guest)) return nullptr;
  auto& operation = state_of<Operation>(made.get());
  operation.start(make(operation));
  return made.release();
}

}  // namespace hallway::python
