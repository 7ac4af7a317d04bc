// SPDX-License-Identifier: Apache-2.0
#include "guest.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "arguments.hpp"
#include "error.hpp"
#include "future.hpp"

namespace hallway::python {

namespace {

PyTypeObject* guest_type = nullptr;
Names the_names = {};

}  // namespace

Guest::Guest(PyObject* host) noexcept
    : host_(Reference::borrow(host)),
      ready_(Reference::adopt(PyObject_GetAttr(host, names().ready))) {
  if (!ready_) PyErr_Clear();
}

bool Guest::open(const LoopOptions& options) {
  loop_ = std::make_unique<Loop>(options);
  if (!loop_->error()) return true;
  raise(*loop_->error());
  loop_.reset();
  return false;
}

Guest::~Guest() { destroy_loop(); }

void Guest::destroy_loop() noexcept {
  if (!loop_) return;
  // In a forked child the descriptors still belong to the parent. On another thread, where a
  // garbage collection may run, nothing can be done with the loop.
  if (!owner_.is_this()) {
    (void)loop_.release();
    return;
  }
  // What was sent last has not been written if the host was closed before its next iteration.
  try {
    turning_ = true;
    loop_->turn();
  } catch (...) {  // NOLINT(bugprone-empty-catch)
    // There is no caller, and the host may be gone.
  }
  loop_.reset();
  turning_ = false;
}

bool Guest::refuse() const noexcept {
  if (!owner_.check()) return false;
  PyErr_SetString(PyExc_RuntimeError, turning_ ? "this call is made from within a turn of the loop"
                                               : "the event loop of this object has ended");
  return false;
}

/// Whether the host has nothing to call but this turn.
bool Guest::host_is_idle(PyObject* self, bool has_traffic) noexcept {
  if (ready_) {
    const Py_ssize_t count = PyObject_Size(ready_.get());
    if (count < 0) PyErr_Clear();
    return count == 0;
  }
  if (std::exchange(asked_again_, false)) return true;
  if (has_traffic) {
    asked_again_ = call_turn_soon(self);
    if (!asked_again_) PyErr_Clear();  // the host is closed
  }
  return false;
}

PyObject* Guest::create_future() noexcept { return make_future(host_.get()); }

bool Guest::request_first_turn(PyObject* self) noexcept {
  // At the end of a turn no host is needed.
  if (!calling_ && !call_turn_soon(self)) return false;
  turn_requested_ = true;
  loop_->expect_turn();
  return true;
}

bool Guest::call_turn_soon(PyObject* self) noexcept {
  const Reference turn = Reference::adopt(PyObject_GetAttr(self, names().turn));
  const Reference handle = Reference::adopt(
      turn ? PyObject_CallMethodObjArgs(host_.get(), names().call_soon, turn.get(), nullptr)
           : nullptr);
  return handle.get() != nullptr;
}

void Guest::wake(PyObject* future) noexcept {
  if (future == nullptr || !state_of<Future>(future).end()) return;
  const KeepException keep;
  if (turning_) return call_after_turn(nullptr, Reference::borrow(future));
  const Reference soon = Reference::adopt(state_of<Future>(future).continue_task_soon(future));
  if (!soon) report_exception("hallway: a task could not be woken");
}

void Guest::call_after_turn(PyObject* function, Reference argument) noexcept {
  try {
    deferred_.push_back({Reference::borrow(function), std::move(argument)});
  } catch (...) {
    raise_current_exception();
    report_exception("hallway: an event was lost");
  }
}

void Guest::report_exception(const char* message) noexcept {
  PyObject* type = nullptr;
  PyObject* value = nullptr;
  PyObject* traceback = nullptr;
  PyErr_Fetch(&type, &value, &traceback);
  PyErr_NormalizeException(&type, &value, &traceback);
  if (value != nullptr && traceback != nullptr) PyException_SetTraceback(value, traceback);
  const Reference exception = Reference::adopt(value);
  Py_XDECREF(type);
  Py_XDECREF(traceback);
  const Reference context = Reference::adopt(Py_BuildValue(
      "{ss sO}", "message", message, "exception", exception ? exception.get() : Py_None));
  const Reference done = Reference::adopt(
      context ? PyObject_CallMethod(host_.get(), "call_exception_handler", "O", context.get())
              : nullptr);
  if (!done) PyErr_WriteUnraisable(host_.get());
}

/// Returns false if an exception is set, which ends the host's loop. What is left is then called
/// after the next turn, because asyncio.run() goes on until the tasks have ended.
bool Guest::call_deferred() noexcept {
  // A call may run code that adds another, which is called after the next turn.
  std::vector<Deferred> calls;
  calls.swap(deferred_);
  for (auto call = calls.begin(); call != calls.end();) {
    const auto [function, argument] = std::move(*call++);
    const Reference result = Reference::adopt(
        function ? PyObject_CallFunctionObjArgs(function.get(), argument.get(), nullptr)
                 : state_of<Future>(argument.get()).continue_task(argument.get()));
    if (result) continue;
    // As asyncio's own callbacks: these two end the loop.
    if (is_raised(PyExc_SystemExit) || is_raised(PyExc_KeyboardInterrupt)) {
      calls.erase(calls.begin(), call);
      std::ranges::move(deferred_, std::back_inserter(calls));
      deferred_.swap(calls);
      return false;
    }
    report_exception("hallway: a callback has raised an exception");
  }
  calls.clear();
  if (deferred_.empty()) deferred_.swap(calls);  // keeps the memory
  return true;
}

template <typename Call>
bool Guest::run_loop(Call call) noexcept {
  bool has_work = false;
  turning_ = true;
  try {
    has_work = call();
  } catch (...) {
    raise_current_exception();
    report_exception("hallway: a task has thrown an exception");
  }
  turning_ = false;
  return has_work;
}

PyObject* Guest::turn(PyObject* self) noexcept {
  if (!loop_) return none();  // it has ended since the host was asked to call
  if (!check()) return nullptr;
  // However long there is something to do: what the host waits for is late by no more than this,
  // and by what was called last.
  constexpr Duration longest = std::chrono::microseconds(500);
  const auto end = Loop::Clock::now() + longest;
  const auto in_time = [&] { return Loop::Clock::now() < end; };
  turn_requested_ = false;
  bool has_work = run_loop([&] { return loop_->turn(); });
  bool called = true;
  bool has_traffic = false;
  do {
    if (deferred_.empty() && host_is_idle(self, has_traffic)) {
      has_work = run_loop([&] { return loop_->turn_if_soon(); });
    }
    has_traffic = !deferred_.empty();
    if (!has_traffic) break;
    calling_ = true;
    loop_->expect_turn();
    called = call_deferred();
    calling_ = false;
    turn_requested_ = false;
    if (loop_ != nullptr) {
      const KeepException keep;
      has_work = run_loop([&] { return loop_->flush(); });
    }
  } while (called && loop_ != nullptr && in_time());
  if (!deferred_.empty()) {
    const KeepException keep;
    if (!call_turn_soon(self)) PyErr_Clear();  // the host is closed
  }
  if (!called) return nullptr;
  if (users_ == 0 && !has_work && loop_ != nullptr) return close();
  return none();
}

PyObject* Guest::close() noexcept {
  if (!loop_) return none();
  if (!check()) return nullptr;
  if (users_ != 0) {
    PyErr_SetString(PyExc_RuntimeError, "objects that live on this loop are still open");
    return nullptr;
  }
  const int descriptor = loop_->descriptor();
  const Reference closed =
      Reference::adopt(PyObject_CallMethod(host_.get(), "remove_reader", "i", descriptor));
  if (!closed) PyErr_Clear();  // the host is closed
  destroy_loop();
  return none();
}

int Guest::traverse(visitproc visit, void* arg) const {
  Py_VISIT(host_.get());
  Py_VISIT(ready_.get());
  return 0;
}

void Guest::clear() noexcept {
  host_ = Reference::borrow(Py_None);
  ready_ = {};
}

// The guest may end now: but not here, where the object that used it is being destroyed.
Guest::User::~User() {
  Guest& guest = state();
  if (--guest.users_ != 0 || !guest.loop_ || !guest.owner_.is_this()) return;
  const KeepException keep;
  if (!guest.request_turn(guest_.get())) PyErr_Clear();  // the host is closed
}

// The type ---------------------------------------------------------------------------------------

namespace {

Guest& guest(PyObject* self) noexcept { return state_of<Guest>(self); }

PyObject* make(PyTypeObject* type, PyObject* positional, PyObject* named) {
  return guarded([&]() -> PyObject* {
    PyObject* host = nullptr;
    LoopOptions to;
    Options options(named);
    if (!PyArg_ParseTuple(positional, "O:Guest", &host) || !options.read("spin", to.spin) ||
        !options.finish("Guest"))
      return nullptr;
    Reference made = Reference::adopt(make_object<Guest>(type, host));
    if (!made || !guest(made.get()).open(to)) return nullptr;
    return made.release();
  });
}

PyObject* turn(PyObject* self, PyObject* /*unused*/) { return guest(self).turn(self); }
PyObject* close(PyObject* self, PyObject* /*unused*/) { return guest(self).close(); }

PyObject* file_number(PyObject* self, PyObject* /*unused*/) {
  return guarded([&] {
    return PyLong_FromLong(guest(self).is_open() ? guest(self).loop().descriptor() : -1);
  });
}

PyObject* get_closed(PyObject* self, void* /*unused*/) {
  return PyBool_FromLong(guest(self).is_open() ? 0 : 1);
}

int traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(reinterpret_cast<PyObject*>(Py_TYPE(self)));
  return guest(self).traverse(visit, arg);
}

int clear(PyObject* self) {
  guest(self).clear();
  return 0;
}

PyMethodDef methods[] = {
    {"turn", method(turn), METH_NOARGS,
     "turn($self)\n--\n\nOne pass of the loop, when fileno() is readable. Never blocks."},
    {"fileno", method(file_number), METH_NOARGS,
     "fileno($self)\n--\n\nReadable when turn() has something to do; -1 once closed."},
    {"close", method(close), METH_NOARGS,
     "close($self)\n--\n\nEnds the loop, once nothing lives on it."},
    {nullptr, nullptr, 0, nullptr},
};

PyGetSetDef members[] = {
    {"closed", get_closed, nullptr, "Whether the loop has ended.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

PyType_Slot slots[] = {
    {Py_tp_dealloc, slot(destroy_tracked_object<Guest>)},
    {Py_tp_new, slot(make)},
    {Py_tp_traverse, slot(traverse)},
    {Py_tp_clear, slot(clear)},
    {Py_tp_methods, methods},
    {Py_tp_getset, members},
    {Py_tp_doc, const_cast<char*>("A loop of the library as a guest of an event loop.")},
    {0, nullptr},
};

PyType_Spec spec = {"hallway._core.Guest", sizeof(Object<Guest>), 0,
                    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, slots};

}  // namespace

const Names& names() noexcept { return the_names; }

bool add_guest(PyObject* module) {
  the_names = {PyUnicode_InternFromString("call_soon"), PyUnicode_InternFromString("_ready"),
               PyUnicode_InternFromString("run"), PyUnicode_InternFromString("turn")};
  if (PyErr_Occurred() != nullptr) return false;
  guest_type = add_type(module, spec);
  return guest_type != nullptr;
}

bool check_guest(PyObject* object) noexcept {
  if (Py_TYPE(object) == guest_type) return guest(object).check();
  PyErr_Format(PyExc_TypeError, "a Guest is needed, not %R", Py_TYPE(object));
  return false;
}

}  // namespace hallway::python
