// SPDX-License-Identifier: Apache-2.0
#include "server.hpp"

#include <coroutine>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <hallway/server.hpp>

#include "arguments.hpp"
#include "awaitable.hpp"
#include "connection.hpp"
#include "error.hpp"
#include "guest.hpp"
#include "object.hpp"
#include "outcome.hpp"

namespace hallway::python {

namespace {

constexpr auto what = "this server";

// Handlers ---------------------------------------------------------------------------------------

/// The library's handler of one connection: a coroutine that waits until the program has ended with
/// the connection, so that the server counts it and drains as it does for handlers in C++.
class Handler final : public Tenure, public std::enable_shared_from_this<Handler> {
 public:
  explicit Handler(Loop& loop) noexcept : loop_(loop) {}

  void connection_ended() noexcept override {
    ended_ = true;
    if (!waiting_) return;
    try {
      loop_.post([kept = shared_from_this()] {
        if (const auto waiting = std::exchange(kept->waiting_, nullptr)) waiting.resume();
      });
    } catch (const std::bad_alloc&) {
      // The handler ends with its server.
    }
  }

  /// Awaited by the coroutine. Draining does not end it.
  struct Ended {
    Handler& handler;
    [[nodiscard]] bool await_ready() const noexcept { return handler.ended_; }
    void await_suspend(std::coroutine_handle<> waiting) const noexcept {
      handler.waiting_ = waiting;
    }
    void await_resume() const noexcept {}
  };

  /// In the coroutine's frame: the server may destroy it while it waits.
  struct InFrame {
    Handler& handler;
    explicit InFrame(Handler& of) noexcept : handler(of) {}
    InFrame(const InFrame&) = delete;
    InFrame& operator=(const InFrame&) = delete;
    ~InFrame() {
      handler.waiting_ = nullptr;
      handler.end_connection();
    }
  };

 private:
  Loop& loop_;
  std::coroutine_handle<> waiting_;
  bool ended_ = false;
};

/// A connection whose socket the program uses by other means, in a thread of its own. Its slot in
/// the server stays taken until release().
struct AcceptedSocket {
  AcceptedSocket(PyObject* guest, Descriptor accepted, std::shared_ptr<Handler> of) noexcept
      : user(guest), socket(std::move(accepted)), handler(std::move(of)) {}

  AcceptedSocket(const AcceptedSocket&) = delete;
  AcceptedSocket& operator=(const AcceptedSocket&) = delete;
  ~AcceptedSocket() { release(); }

  // On any thread: the handler ends in the next turn of its loop.
  void release() noexcept {
    if (handler && user.state().owner().is_this_process()) handler->connection_ended();
    handler.reset();
  }

  Guest::User user;
  Descriptor socket;
  std::shared_ptr<Handler> handler;
};

PyTypeObject* accepted_type = nullptr;

// The server -------------------------------------------------------------------------------------

/// The part that lives on the loop.
struct ServerCore {
  PyObject* guest = nullptr;  // borrowed from the object that owns this
  std::optional<Server> server;
  Reference connection_type;  // none: connections become AcceptedSockets
  Reference on_connection;
  Reference on_event;

  ServerCore() = default;
  ServerCore(const ServerCore&) = delete;
  ServerCore& operator=(const ServerCore&) = delete;
  ~ServerCore() = default;

  /// Hands a connection to the program after this turn.
  void admit(Connection connection, const std::shared_ptr<Handler>& handler) const {
    Reference made;
    if (connection_type) {
      made =
          Reference::adopt(make_connection(reinterpret_cast<PyTypeObject*>(connection_type.get()),
                                           guest, std::move(connection), handler));
    } else {
      made = Reference::adopt(make_object<AcceptedSocket>(
          accepted_type, guest, std::move(connection).release(), handler));
    }
    auto& to = state_of<Guest>(guest);
    if (made) {
      to.call_after_turn(on_connection.get(), std::move(made));
    } else {
      to.report_exception("hallway: a connection was lost");
      handler->connection_ended();
    }
  }

  void report(const ServerEvent& event) const {
    const PyGILState_STATE gil = PyGILState_Ensure();  // a takeover reports without it
    {
      constexpr const char* kinds[] = {"connected",        "turned_away",       "closed",
                                       "accepting_paused", "accepting_resumed", "handler_threw",
                                       "path_lost",        "path_regained",     "taken_over"};
      const Reference peer = Reference::adopt(to_tuple(event.peer));
      const Reference reason = Reference::adopt(to_text(event.reason));
      const Reference counters = Reference::adopt(to_dict(event.counters));
      const Reference path = Reference::adopt(to_text(event.path.unescaped()));
      Reference made;
      if (peer && reason && counters && path) {
        made =
            Reference::adopt(Py_BuildValue("(sKOOOO)", kinds[static_cast<std::size_t>(event.kind)],
                                           static_cast<unsigned long long>(event.connection),
                                           peer.get(), reason.get(), counters.get(), path.get()));
      }
      auto& to = state_of<Guest>(guest);
      if (made) {
        to.call_after_turn(on_event.get(), std::move(made));
      } else {
        to.report_exception("hallway: an event of a server was lost");
      }
    }
    PyGILState_Release(gil);
  }
};

Task<> serve_connection(const ServerCore* server, Connection connection) {
  const auto handler = std::make_shared<Handler>(connection.loop());
  const Handler::InFrame in_frame(*handler);
  server->admit(std::move(connection), handler);
  Handler::Ended ended{*handler};
  co_await ended;
}

struct ServerState {
  explicit ServerState(PyObject* guest) noexcept : user(guest) {}
  ServerState(const ServerState&) = delete;
  ServerState& operator=(const ServerState&) = delete;
  ~ServerState() {
    if (core) guest().dispose(std::move(core));
  }

  [[nodiscard]] Guest& guest() const noexcept { return user.state(); }
  [[nodiscard]] bool check() const noexcept {
    if (!guest().check()) return false;
    if (core) return true;
    raise_closed(what);
    return false;
  }

  Guest::User user;
  std::unique_ptr<ServerCore> core;  // null once closed
};

ServerState& state(PyObject* self) noexcept { return state_of<ServerState>(self); }

bool read_options(Options& options, ServerOptions& into) {
  ServerLimits& limits = into.server_limits;
  if (!options.read("type", into.type) || !options.read(into.file) ||
      !options.read("allow", into.allow) || !options.read(into.connection) ||
      !options.read("max_connections", limits.max_connections) ||
      !options.read("max_connections_per_uid", limits.max_connections_per_uid) ||
      !options.read("descriptor_reserve", limits.descriptor_reserve) ||
      !options.read("drain_time", limits.drain_time) ||
      !options.read("max_memory", limits.max_memory) ||
      !options.read("max_memory_per_uid", limits.max_memory_per_uid) ||
      !options.read("send_buffers", limits.send_buffers) ||
      !options.read("on_path_lost", into.on_path_lost) ||
      !options.read("takeover", into.takeover) || !options.read("backlog", into.backlog))
    return false;
  if (into.type != SocketType::datagram) return true;
  PyErr_SetString(PyExc_ValueError,
                  "type must be 'stream' or 'seqpacket': for datagrams, see DatagramSocket");
  return false;
}

PyObject* open(PyObject* type, PyObject* positional, PyObject* named) {
  return guarded([&]() -> PyObject* {
    PyObject* guest = nullptr;
    PyObject* where = nullptr;
    PyObject* connection_type = nullptr;
    PyObject* on_connection = nullptr;
    PyObject* on_event = nullptr;
    std::string address;
    ServerOptions to;
    Options options(named);
    if (!PyArg_ParseTuple(positional, "OOOO:open", &guest, &where, &connection_type,
                          &on_connection) ||
        !check_guest(guest) || !read_address(where, "address", address) ||
        !options.read("on_event", on_event) || !read_options(options, to) ||
        !options.finish("serve") ||
        (connection_type != Py_None && !check_connection_type(connection_type)))
      return nullptr;
    Reference made =
        Reference::adopt(make_object<ServerState>(reinterpret_cast<PyTypeObject*>(type), guest));
    if (!made) return nullptr;
    auto core = std::make_unique<ServerCore>();
    core->guest = guest;
    core->on_connection = Reference::borrow(on_connection);
    if (connection_type != Py_None) core->connection_type = Reference::borrow(connection_type);
    if (on_event != nullptr) {
      core->on_event = Reference::borrow(on_event);
      to.on_event = [in = core.get()](const ServerEvent& event) { in->report(event); };
    }
    auto& loop = state_of<Guest>(guest).loop();
    const auto handle = [in = core.get()](Connection connection) {
      return serve_connection(in, std::move(connection));
    };
    Error failure;
    {
      std::optional<GilRelease> others_run;  // a takeover waits for the running server
      if (to.takeover) others_run.emplace();
      auto server = Server::open(loop, address, handle, to);
      if (server) {
        core->server.emplace(std::move(*server));
      } else {
        failure = std::move(server.error());
      }
    }
    if (!core->server) return raise(failure);
    state(made.get()).core = std::move(core);
    return made.release();
  });
}

Task<> broadcast_task(Operation* operation, ServerCore* core, PyObject* message) {
  const Reference kept = Reference::borrow(message);
  Bytes bytes;
  if (!bytes.read(message, "message")) {
    operation->finish(nullptr);
    co_return;
  }
  co_await core->server->broadcast(bytes.view());
  operation->finish(none());
}

PyObject* broadcast(PyObject* self, PyObject* message) {
  return guarded([&]() -> PyObject* {
    ServerState& state = python::state(self);
    Bytes bytes;
    if (!state.check() || !bytes.read(message, "message")) return nullptr;
    return start_operation(state.user.object(), self, [&](Operation& operation) {
      return broadcast_task(&operation, state.core.get(), message);
    });
  });
}

PyObject* set_allow(PyObject* self, PyObject* rules) {
  return guarded([&]() -> PyObject* {
    ServerState& state = python::state(self);
    const Reference named = Reference::adopt(Py_BuildValue("{sO}", "allow", rules));
    std::vector<AllowRule> allow;
    if (!named || !state.check()) return nullptr;
    Options options(named.get());
    if (!options.read("allow", allow)) return nullptr;
    const auto set = state.core->server->set_allow(allow);
    return set ? none() : raise(set.error());
  });
}

PyObject* drain(PyObject* self, PyObject* /*unused*/) {
  return guarded([&]() -> PyObject* {
    ServerState& state = python::state(self);
    if (!state.check()) return nullptr;
    state.core->server->drain();
    return state.guest().request_turn(state.user.object()) ? none() : nullptr;
  });
}

PyObject* close(PyObject* self, PyObject* /*unused*/) {
  return guarded([&]() -> PyObject* {
    ServerState& state = python::state(self);
    if (!state.core || !state.guest().owner().is_this_process()) return none();
    if (!state.check()) return nullptr;
    const std::unique_ptr<ServerCore> closed = std::move(state.core);
    // A closed host takes no turn.
    if (!state.guest().request_turn(state.user.object())) PyErr_Clear();
    return none();
  });
}

PyObject* get_address(PyObject* self, void* /*unused*/) {
  return guarded([&]() -> PyObject* {
    ServerState& state = python::state(self);
    return state.check() ? to_text(state.core->server->address().unescaped()) : nullptr;
  });
}

PyObject* get_connections(PyObject* self, void* /*unused*/) {
  ServerState& state = python::state(self);
  return PyLong_FromSize_t(state.core ? state.core->server->connections() : 0);
}

PyObject* get_lost(PyObject* self, void* /*unused*/) {
  return guarded([&]() -> PyObject* {
    ServerState& state = python::state(self);
    if (!state.check()) return nullptr;
    const auto reason = state.core->server->lost();
    return reason ? to_text(*reason) : none();
  });
}

PyObject* get_closed(PyObject* self, void* /*unused*/) {
  return PyBool_FromLong(state(self).core ? 0 : 1);
}

PyMethodDef methods[] = {
    {"_open", method(open), METH_CLASS | METH_VARARGS | METH_KEYWORDS, nullptr},
    {"broadcast", method(broadcast), METH_O,
     "broadcast($self, message, /)\n--\n\nAwait it: sends to every connection."},
    {"set_allow", method(set_allow), METH_O,
     "set_allow($self, rules, /)\n--\n\nReplaces the rules. Connections that are open stay."},
    {"drain", method(drain), METH_NOARGS,
     "drain($self)\n--\n\nRefuses new clients; the receives of handlers end once what has arrived "
     "is taken."},
    {"close", method(close), METH_NOARGS,
     "close($self)\n--\n\nStops at once: closes every connection and removes the name."},
    {nullptr, nullptr, 0, nullptr},
};

PyGetSetDef members[] = {
    {"address", get_address, nullptr, nullptr, nullptr},
    {"connections", get_connections, nullptr, nullptr, nullptr},
    {"lost", get_lost, nullptr, nullptr, nullptr},
    {"closed", get_closed, nullptr, nullptr, nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

PyType_Slot slots[] = {
    {Py_tp_dealloc, slot(destroy_object<ServerState>)},
    {Py_tp_new, slot(refuse_new)},
    {Py_tp_methods, methods},
    {Py_tp_getset, members},
    {0, nullptr},
};

PyType_Spec spec = {"hallway._core.Server", sizeof(Object<ServerState>), 0, Py_TPFLAGS_DEFAULT,
                    slots};

// Accepted sockets -------------------------------------------------------------------------------

PyObject* detach(PyObject* self, PyObject* /*unused*/) {
  return PyLong_FromLong(state_of<AcceptedSocket>(self).socket.release());
}

PyObject* release(PyObject* self, PyObject* /*unused*/) {
  state_of<AcceptedSocket>(self).release();
  return none();
}

PyMethodDef accepted_methods[] = {
    {"detach", method(detach), METH_NOARGS,
     "detach($self)\n--\n\nThe number of the socket, which the caller then owns."},
    {"release", method(release), METH_NOARGS,
     "release($self)\n--\n\nGives the slot back to the server. Thread: any."},
    {nullptr, nullptr, 0, nullptr},
};

PyType_Slot accepted_slots[] = {
    {Py_tp_dealloc, slot(destroy_object<AcceptedSocket>)},
    {Py_tp_new, slot(refuse_new)},
    {Py_tp_methods, accepted_methods},
    {0, nullptr},
};

PyType_Spec accepted_spec = {"hallway._core.AcceptedSocket", sizeof(Object<AcceptedSocket>), 0,
                             Py_TPFLAGS_DEFAULT, accepted_slots};

}  // namespace

bool add_server(PyObject* module) {
  accepted_type = add_type(module, accepted_spec);
  return accepted_type != nullptr && add_type(module, spec) != nullptr;
}

}  // namespace hallway::python
