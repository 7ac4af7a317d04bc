// SPDX-License-Identifier: Apache-2.0
#include "connection.hpp"

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "arguments.hpp"
#include "client.hpp"
#include "error.hpp"
#include "guest.hpp"
#include "object.hpp"
#include "outcome.hpp"

namespace hallway::python {

namespace {

PyTypeObject* connection_type = nullptr;
constexpr auto what = "this connection";

}  // namespace

/// The part that lives on the loop.
class ConnectionCore {
 public:
  ConnectionCore(Connection made, std::shared_ptr<Tenure> shared) noexcept
      : connection(std::move(made)), tenure(std::move(shared)) {
    if (tenure) tenure->core_ = this;
  }
  ConnectionCore(const ConnectionCore&) = delete;
  ConnectionCore& operator=(const ConnectionCore&) = delete;
  ~ConnectionCore() { leave(); }

  void close() noexcept {
    closed = true;
    may_take = false;
    connection.close();
    leave();
  }

  Connection connection;
  std::optional<Received> front;  // what a task has waited for, until it is taken
  std::shared_ptr<Tenure> tenure;
  bool may_take = false;  // whether take_buffered() may be called
  bool closed = false;

 private:
  void leave() noexcept {
    if (!tenure) return;
    const std::shared_ptr<Tenure> left = std::exchange(tenure, nullptr);
    left->core_ = nullptr;
    left->connection_ended();
  }
};

void Tenure::end_connection() noexcept {
  if (core_ == nullptr) return;
  ConnectionCore* const core = std::exchange(core_, nullptr);
  core->tenure = nullptr;
  core->close();
}

namespace {

/// Finds what belongs to a batch after its first message. take_buffered() stops now and then for
/// the sake of other tasks of the loop, but handing a batch to Python costs more than going on. The
/// socket is read again only where there were so many messages that more are likely: looking costs
/// a system call.
class RestOfBatch {
 public:
  explicit RestOfBatch(ConnectionCore& core) noexcept : core_(core) {}

  std::size_t operator()(std::span<Message> room) {
    std::size_t taken = core_.connection.take_buffered(room);
    if (taken == 0 && messages_ >= many && messages_ < most_messages && bytes_ < most_bytes) {
      taken = receive(room.front());
    }
    messages_ += taken;
    for (const Message& message : room.first(taken)) bytes_ += message.bytes().size();
    return taken;
  }

 private:
  std::size_t receive(Message& message) {
    Received received = core_.connection.try_receive();
    if (received) {
      message = *received;
      return 1;
    }
    if (received.outcome() != Outcome::would_block) {
      // The end is for the next receive.
      core_.may_take = false;
      core_.front.emplace(std::move(received));
    }
    return 0;
  }

  static constexpr std::size_t many = 16;
  static constexpr std::size_t most_messages = 1024;
  static constexpr std::size_t most_bytes = 256 * kibibyte;

  ConnectionCore& core_;
  std::size_t messages_ = 0;
  std::size_t bytes_ = 0;
};

class ConnectionState final : public Source {
 public:
  ConnectionState(PyObject* guest, std::unique_ptr<ConnectionCore> made) noexcept
      : Source(guest), core(std::move(made)) {}
  ConnectionState(const ConnectionState&) = delete;
  ConnectionState& operator=(const ConnectionState&) = delete;
  ~ConnectionState() override {
    if (core) guest().dispose(std::move(core));
  }

  [[nodiscard]] Connection& connection() const noexcept { return core->connection; }

  /// Whether a call may begin; if not, an exception is set.
  [[nodiscard]] bool check() const noexcept { return guest().check(); }
  [[nodiscard]] bool check_open() const noexcept {
    if (!check()) return false;
    if (!core->closed) [[likely]]
      return true;
    raise_closed(what);
    return false;
  }

  PyObject* take(Take kind, const Room* room) override {
    Message message;
    if (core->may_take && connection().take_buffered({&message, 1}) == 1) [[likely]] {
    } else if (core->front) {
      const Received received = std::move(*core->front);
      core->front.reset();
      if (!received) return end(kind, received);
      message = *received;
      core->may_take = true;
    } else if (core->closed) {
      if (kind == Take::next || kind == Take::next_batch) return end_of(kind, {});
      return raise_closed(what);
    } else {
      core->may_take = false;
      return nullptr;
    }
    return convert(kind, message, room);
  }

  void forget_timeout() noexcept override {
    if (core->front && core->front->outcome() == Outcome::timed_out) core->front.reset();
  }

  std::unique_ptr<ConnectionCore> core;

 private:
  Task<> wait(Duration within) override {
    ConnectionCore* const waited = core.get();
    Received received = co_await waited->connection.receive(within);
    waited->front.emplace(std::move(received));
    woken();
  }

  PyObject* convert(Take kind, const Message& message, const Room* room) const {
    switch (kind) {
      case Take::batch:
      case Take::next_batch: return list_of(message, RestOfBatch(*core));
      case Take::with_descriptors: return with_descriptors(message);
      case Take::into: return copy_into(*room, message);
      default: return to_bytes(message.bytes());
    }
  }

  static PyObject* end(Take kind, const Received& received) {
    const Outcome outcome = received.outcome();
    if (outcome == Outcome::end_of_stream) return end_of(kind, received.error());
    // A server that drains ends the loops of its handlers.
    if (outcome == Outcome::closed && (kind == Take::next || kind == Take::next_batch))
      return end_of(kind, {});
    return raise(outcome, received.error());
  }
};

ConnectionState& state(PyObject* self) noexcept { return state_of<ConnectionState>(self); }

/// The guest is a first argument that the package adds.
bool read_guest(PyObject* positional, const char* format, PyObject*& guest, PyObject*& other) {
  return PyArg_ParseTuple(positional, format, &guest, &other) && check_guest(guest);
}

// Making -----------------------------------------------------------------------------------------

Task<> connect_task(Operation* operation, PyTypeObject* type, PyObject* guest, std::string address,
                    ConnectOptions options) {
  const Reference kept_type = Reference::borrow(reinterpret_cast<PyObject*>(type));
  const Reference kept_guest = Reference::borrow(guest);
  AddressSpec where(address);
  auto connecting = Connection::connect(state_of<Guest>(guest).loop(), std::move(where), options);
  auto connection = co_await std::move(connecting);
  operation->finish(connection ? make_connection(type, guest, std::move(*connection))
                               : raise(connection.error()));
}

PyObject* connect(PyObject* type, PyObject* positional, PyObject* named) {
  return guarded([&]() -> PyObject* {
    PyObject* guest = nullptr;
    PyObject* where = nullptr;
    std::string address;
    ConnectOptions to;
    Options options(named);
    if (!read_guest(positional, "OO:connect", guest, where) ||
        !read_address(where, "address", address) || !options.read(to) || !options.finish("connect"))
      return nullptr;
    return start_operation(guest, nullptr, [&](Operation& operation) {
      return connect_task(&operation, reinterpret_cast<PyTypeObject*>(type), guest, address, to);
    });
  });
}

PyObject* adopt(PyObject* type, PyObject* positional, PyObject* named) {
  return guarded([&]() -> PyObject* {
    PyObject* guest = nullptr;
    PyObject* given = nullptr;
    int number = -1;
    ConnectionOptions to;
    Options options(named);
    if (!PyArg_ParseTuple(positional, "OO:adopt", &guest, &given) || !check_guest(guest) ||
        !read_number(given, "descriptor", number) || !options.read(to) || !options.finish("adopt"))
      return nullptr;
    auto connection =
        Connection::adopt(state_of<Guest>(guest).loop(), Descriptor::adopt(number), to);
    if (!connection) return raise(connection.error());
    return make_connection(reinterpret_cast<PyTypeObject*>(type), guest, std::move(*connection));
  });
}

PyObject* pair(PyObject* type, PyObject* positional, PyObject* named) {
  return guarded([&]() -> PyObject* {
    PyObject* guest = nullptr;
    ConnectionOptions to;
    SocketType socket_type = SocketType::stream;
    Options options(named);
    if (!PyArg_ParseTuple(positional, "O:pair", &guest) || !check_guest(guest) ||
        !options.read("type", socket_type) || !options.read(to) || !options.finish("pair"))
      return nullptr;
    auto made = Connection::pair(state_of<Guest>(guest).loop(), socket_type, to);
    if (!made) return raise(made.error());
    auto* const of = reinterpret_cast<PyTypeObject*>(type);
    const Reference first = Reference::adopt(make_connection(of, guest, std::move(made->first)));
    if (!first) return nullptr;
    const Reference second = Reference::adopt(make_connection(of, guest, std::move(made->second)));
    return second ? PyTuple_Pack(2, first.get(), second.get()) : nullptr;
  });
}

// Receiving --------------------------------------------------------------------------------------

PyObject* receive_by(Take kind, const char* function, PyObject* self, PyObject* const* arguments,
                     Py_ssize_t positional, PyObject* keywords) {
  Duration within = forever;
  if (!read_timeout(function, arguments, positional, keywords, within)) return nullptr;
  return receive_from(self, state(self), kind, within);
}

PyObject* receive(PyObject* self, PyObject* const* arguments, Py_ssize_t positional,
                  PyObject* keywords) {
  return receive_by(Take::message, "receive", self, arguments, positional, keywords);
}

PyObject* receive_many(PyObject* self, PyObject* const* arguments, Py_ssize_t positional,
                       PyObject* keywords) {
  return receive_by(Take::batch, "receive_many", self, arguments, positional, keywords);
}

PyObject* receive_with_descriptors(PyObject* self, PyObject* const* arguments,
                                   Py_ssize_t positional, PyObject* keywords) {
  return receive_by(Take::with_descriptors, "receive_with_descriptors", self, arguments, positional,
                    keywords);
}

PyObject* receive_answer(PyObject* self, PyObject* const* arguments, Py_ssize_t positional,
                         PyObject* keywords) {
  return receive_by(Take::answer, "receive_answer", self, arguments, positional, keywords);
}

PyObject* receive_into(PyObject* self, PyObject* const* arguments, Py_ssize_t positional,
                       PyObject* keywords) {
  return guarded([&]() -> PyObject* {
    static constexpr std::array names{"buffer", "timeout"};
    std::array<PyObject*, names.size()> given{};
    Duration within = forever;
    auto room = std::make_unique<Room>();
    if (!read_arguments("receive_into", names, 1, arguments, positional, keywords, given) ||
        !room->read(given[0], "buffer") ||
        (given[1] != nullptr && !read_duration(given[1], "timeout", within)))
      return nullptr;
    return receive_from(self, state(self), Take::into, within, std::move(room));
  });
}

PyObject* next(PyObject* self) { return receive_from(self, state(self), Take::next); }

PyObject* next_batch(PyObject* self, PyObject* /*unused*/) {
  return receive_from(self, state(self), Take::next_batch);
}

PyObject* try_receive(PyObject* self, PyObject* /*unused*/) {
  return guarded([&]() -> PyObject* {
    ConnectionState& state = python::state(self);
    if (!state.check()) return nullptr;
    if (!state.core->may_take && !state.core->front && !state.core->closed) {
      Received received = state.connection().try_receive();
      if (received.outcome() == Outcome::would_block) return none();
      if (received.outcome() == Outcome::end_of_stream) {
        PyErr_SetNone(PyExc_EOFError);
        return nullptr;
      }
      state.core->front.emplace(std::move(received));
    }
    PyObject* const taken = state.take(Take::message, nullptr);
    if (taken != nullptr || PyErr_Occurred() != nullptr) return taken;
    return try_receive(self, nullptr);  // may_take is false now
  });
}

// Sending ----------------------------------------------------------------------------------------

/// Holds the program's buffer, or its bytes, until the library has taken them.
Task<> send_task(Operation* operation, ConnectionCore* core, PyObject* message,
                 std::vector<Descriptor> descriptors) {
  const Reference kept = Reference::borrow(message);
  Bytes bytes;
  if (!bytes.read(message, "message")) {
    operation->finish(nullptr);
    co_return;
  }
  std::optional<Sent> sent;
  if (descriptors.empty()) {
    sent.emplace(co_await core->connection.send(bytes.view()));
  } else {
    sent.emplace(co_await core->connection.send(bytes.view(), std::move(descriptors)));
  }
  operation->finish(*sent ? none() : raise(sent->outcome(), sent->error()));
}

PyObject* send(PyObject* self, PyObject* const* arguments, Py_ssize_t positional,
               PyObject* keywords) {
  return guarded([&]() -> PyObject* {
    ConnectionState& state = python::state(self);
    PyObject* message = nullptr;
    std::vector<Descriptor> descriptors;
    if (!state.check_open()) return nullptr;
    if (positional == 1 && keywords == nullptr) [[likely]] {
      message = arguments[0];
    } else {
      static constexpr std::array names{"message", "descriptors"};
      std::array<PyObject*, names.size()> given{};
      if (!read_arguments("send", names, 1, arguments, positional, keywords, given) ||
          !read_descriptors(given[1], descriptors))
        return nullptr;
      message = given[0];
    }
    if (descriptors.empty()) {
      Bytes bytes;
      if (!bytes.read(message, "message") || !state.guest().request_turn(state.guest_object()))
        return nullptr;
      const Sent sent = state.connection().try_send(bytes.view());
      if (sent) [[likely]]
        return done();
      if (sent.outcome() != Outcome::would_block) return raise(sent.outcome(), sent.error());
    }
    return start_operation(state.guest_object(), self, [&](Operation& operation) {
      return send_task(&operation, state.core.get(), message, std::move(descriptors));
    });
  });
}

/// Sends the rest of `messages`, a tuple, from the first that did not find room.
Task<> send_many_task(Operation* operation, ConnectionCore* core, PyObject* messages,
                      Py_ssize_t next) {
  const Reference kept = Reference::borrow(messages);
  for (const Py_ssize_t count = PyTuple_Size(messages); next < count; ++next) {
    Bytes bytes;
    if (!bytes.read(PyTuple_GetItem(messages, next), "messages")) {
      operation->finish(nullptr);
      co_return;
    }
    const Sent sent = co_await core->connection.send(bytes.view());
    if (!sent) {
      operation->finish(raise(sent.outcome(), sent.error()));
      co_return;
    }
  }
  operation->finish(none());
}

PyObject* send_many(PyObject* self, PyObject* given) {
  return guarded([&]() -> PyObject* {
    ConnectionState& state = python::state(self);
    const Reference messages = Reference::adopt(read_messages(given));
    // The iterable may have run code that closed the connection.
    if (!messages || !state.check_open() || !state.guest().request_turn(state.guest_object()))
      return nullptr;
    Connection& connection = state.connection();
    const Py_ssize_t count = PyTuple_Size(messages.get());
    for (Py_ssize_t next = 0; next < count; ++next) {
      Bytes bytes;
      if (!bytes.read(PyTuple_GetItem(messages.get(), next), "messages")) return nullptr;
      const Sent sent = connection.try_send(bytes.view());
      if (sent) [[likely]]
        continue;
      if (sent.outcome() != Outcome::would_block) return raise(sent.outcome(), sent.error());
      return start_operation(state.guest_object(), self, [&](Operation& operation) {
        return send_many_task(&operation, state.core.get(), messages.get(), next);
      });
    }
    return done();
  });
}

PyObject* try_send(PyObject* self, PyObject* message) {
  return guarded([&]() -> PyObject* {
    ConnectionState& state = python::state(self);
    Bytes bytes;
    if (!state.check_open() || !bytes.read(message, "message") ||
        !state.guest().request_turn(state.guest_object()))
      return nullptr;
    const Sent sent = state.connection().try_send(bytes.view());
    if (sent) return Py_NewRef(Py_True);
    if (sent.outcome() == Outcome::would_block) return Py_NewRef(Py_False);
    return raise(sent.outcome(), sent.error());
  });
}

Task<> flush_task(Operation* operation, ConnectionCore* core) {
  const Sent sent = co_await core->connection.flush();
  operation->finish(sent ? none() : raise(sent.outcome(), sent.error()));
}

PyObject* flush(PyObject* self, PyObject* /*unused*/) {
  return guarded([&]() -> PyObject* {
    ConnectionState& state = python::state(self);
    if (!state.check_open()) return nullptr;
    return start_operation(state.guest_object(), self, [&](Operation& operation) {
      return flush_task(&operation, state.core.get());
    });
  });
}

Task<> confirm_task(Operation* operation, ConnectionCore* core, Duration within) {
  const Sent sent = co_await core->connection.confirm(within);
  operation->finish(sent ? none() : raise(sent.outcome(), sent.error()));
}

PyObject* confirm(PyObject* self, PyObject* const* arguments, Py_ssize_t positional,
                  PyObject* keywords) {
  return guarded([&]() -> PyObject* {
    ConnectionState& state = python::state(self);
    static constexpr std::array names{"timeout"};
    std::array<PyObject*, names.size()> given{};
    Duration within = defaults::request_time;
    if (!state.check_open() ||
        !read_arguments("confirm", names, 0, arguments, positional, keywords, given) ||
        (given[0] != nullptr && !read_duration(given[0], "timeout", within)))
      return nullptr;
    return start_operation(state.guest_object(), self, [&](Operation& operation) {
      return confirm_task(&operation, state.core.get(), within);
    });
  });
}

Task<> broadcast_task(Operation* operation, ConnectionCore* core, PyObject* message) {
  const Reference kept = Reference::borrow(message);
  Bytes bytes;
  if (!bytes.read(message, "message")) {
    operation->finish(nullptr);
    co_return;
  }
  co_await core->connection.broadcast(bytes.view());
  operation->finish(none());
}

PyObject* broadcast(PyObject* self, PyObject* message) {
  return guarded([&]() -> PyObject* {
    ConnectionState& state = python::state(self);
    Bytes bytes;
    if (!state.check_open() || !bytes.read(message, "message")) return nullptr;
    return start_operation(state.guest_object(), self, [&](Operation& operation) {
      return broadcast_task(&operation, state.core.get(), message);
    });
  });
}

// Ending -----------------------------------------------------------------------------------------

PyObject* half_close(PyObject* self, PyObject* /*unused*/) {
  return guarded([&]() -> PyObject* {
    ConnectionState& state = python::state(self);
    if (!state.check_open()) return nullptr;
    state.connection().half_close();
    return state.guest().request_turn(state.guest_object()) ? none() : nullptr;
  });
}

PyObject* close(PyObject* self, PyObject* /*unused*/) {
  return guarded([&]() -> PyObject* {
    ConnectionState& state = python::state(self);
    if (state.core->closed || !state.guest().owner().is_this_process()) return none();
    if (!state.check()) return nullptr;
    state.core->close();
    // A closed host takes no turn; what was queued is written when the guest ends.
    if (!state.guest().request_turn(state.guest_object())) PyErr_Clear();
    return none();
  });
}

PyObject* abort(PyObject* self, PyObject* /*unused*/) {
  return guarded([&]() -> PyObject* {
    ConnectionState& state = python::state(self);
    if (state.core->closed || !state.guest().owner().is_this_process()) return none();
    if (!state.check()) return nullptr;
    state.connection().abort();
    state.core->close();
    return none();
  });
}

// Inspecting -------------------------------------------------------------------------------------

PyObject* file_number(PyObject* self, PyObject* /*unused*/) {
  return PyLong_FromLong(state(self).core->closed ? -1 : state(self).connection().descriptor());
}

PyObject* get_peer(PyObject* self, void* /*unused*/) {
  return to_tuple(state(self).connection().peer());
}

PyObject* groups_of_peer(PyObject* self, PyObject* /*unused*/) {
  return guarded([&] {
    const ConnectionState& state = python::state(self);
    return state.core->closed ? raise_closed(what) : peer_groups(state.connection().descriptor());
  });
}

PyObject* pidfd_of_peer(PyObject* self, PyObject* /*unused*/) {
  return guarded([&] {
    const ConnectionState& state = python::state(self);
    return state.core->closed ? raise_closed(what) : peer_pidfd(state.connection().descriptor());
  });
}

PyObject* get_address(PyObject* self, void* /*unused*/) {
  return guarded([&] { return to_text(state(self).connection().address().unescaped()); });
}

PyObject* get_type(PyObject* self, void* /*unused*/) {
  return to_text(to_string(state(self).connection().type()));
}

PyObject* get_number(PyObject* self, void* /*unused*/) {
  return PyLong_FromUnsignedLongLong(state(self).connection().number());
}

PyObject* get_counters(PyObject* self, void* /*unused*/) {
  return to_dict(state(self).connection().counters());
}

PyObject* get_unsent_bytes(PyObject* self, void* /*unused*/) {
  return PyLong_FromSize_t(state(self).connection().unsent_bytes());
}

PyObject* get_closed(PyObject* self, void* /*unused*/) {
  return PyBool_FromLong(state(self).core->closed ? 1 : 0);
}

PyObject* get_guest(PyObject* self, void* /*unused*/) {
  return Py_NewRef(state(self).guest_object());
}

PyObject* set_framing(PyObject* self, PyObject* positional, PyObject* named) {
  return guarded([&]() -> PyObject* {
    Framing receive_framing = Framing::lines();
    Framing send_framing = Framing::lines();
    if (!state(self).check_open() ||
        !read_framings(positional, named, receive_framing, send_framing))
      return nullptr;
    state(self).connection().set_framing(receive_framing, send_framing);
    return none();
  });
}

// The type ---------------------------------------------------------------------------------------

constexpr int fast = METH_FASTCALL | METH_KEYWORDS;
constexpr int made_by = METH_CLASS | METH_VARARGS | METH_KEYWORDS;

PyMethodDef methods[] = {
    {"_connect", method(connect), made_by, nullptr},
    {"_adopt", method(adopt), made_by, nullptr},
    {"_pair", method(pair), made_by, nullptr},
    {"receive", method(receive), fast,
     "receive($self, timeout=None)\n--\n\n"
     "Await it: the next message, or None at the end of the stream (an empty message is b'').\n\n"
     "TimeoutError: none came within `timeout` seconds; the connection can be used further.\n"
     "hallway.Closed: this side closed it, or its server drains. Cancelling loses no message."},
    {"receive_many", method(receive_many), fast,
     "receive_many($self, timeout=None)\n--\n\n"
     "Await it: a list of the messages that are there, at least one; empty at the end of the\n"
     "stream. A message in a list costs a fraction of one that is received alone."},
    {"receive_with_descriptors", method(receive_with_descriptors), fast,
     "receive_with_descriptors($self, timeout=None)\n--\n\n"
     "Await it: the next message as (bytes, descriptors), or None at the end of the stream.\n\n"
     "The caller owns the descriptors, a list of numbers, and closes them. They come only if the\n"
     "connection was made with descriptors=N, the most that one message may carry. The list is\n"
     "None if some that came were lost."},
    {"receive_into", method(receive_into), fast,
     "receive_into($self, buffer, timeout=None)\n--\n\n"
     "Await it: copies the next message into a writable buffer and gives its length; None at the\n"
     "end of the stream. Raises hallway.Truncated if the buffer is too small: .data is the\n"
     "message."},
    {"_peer_groups", method(groups_of_peer), METH_NOARGS, nullptr},
    {"_peer_pidfd", method(pidfd_of_peer), METH_NOARGS, nullptr},
    {"_receive_answer", method(receive_answer), fast, nullptr},
    {"_next_batch", method(next_batch), METH_NOARGS, nullptr},
    {"try_receive", method(try_receive), METH_NOARGS,
     "try_receive($self)\n--\n\n"
     "The next message if it has arrived, otherwise None. EOFError: the stream has ended."},
    {"send", method(send), fast,
     "send($self, message, descriptors=None)\n--\n\n"
     "Queues one message: bytes, another buffer, or str as UTF-8. Await the result: it suspends\n"
     "only while the queue is over its soft limit, because the peer does not read.\n\n"
     "The message is queued by the call, and written together with what else this iteration of\n"
     "the event loop sends. `descriptors` are duplicated: the caller keeps its own."},
    {"send_many", method(send_many), METH_O,
     "send_many($self, messages, /)\n--\n\n"
     "Queues each message of an iterable, as send() does; await the result. A message in it costs "
     "a\n"
     "fraction of one that is sent alone. One that cannot be sent raises: those before it are "
     "sent."},
    {"try_send", method(try_send), METH_O,
     "try_send($self, message, /)\n--\n\nQueues one message if the queue has room: True, otherwise "
     "False."},
    {"flush", method(flush), METH_NOARGS,
     "flush($self)\n--\n\nAwait it: until the kernel has everything that was sent."},
    {"confirm", method(confirm), fast,
     "confirm($self, timeout=30.0)\n--\n\nAwait it: until the peer has read everything that was "
     "sent."},
    {"broadcast", method(broadcast), METH_O,
     "broadcast($self, message, /)\n--\n\nAwait it: sends to every other connection of the same "
     "server."},
    {"half_close", method(half_close), METH_NOARGS,
     "half_close($self)\n--\n\n"
     "Ends the sending side: the peer reads an end of stream. Receiving goes on."},
    {"close", method(close), METH_NOARGS,
     "close($self)\n--\n\nWrites what is queued, then closes. Waiting receives and sends end with\n"
     "hallway.Closed."},
    {"abort", method(abort), METH_NOARGS,
     "abort($self)\n--\n\nCloses now and drops what is queued."},
    {"fileno", method(file_number), METH_NOARGS,
     "fileno($self)\n--\n\nThe number of the socket, which stays the connection's; -1 once "
     "closed."},
    {"set_framing", method(set_framing), METH_VARARGS | METH_KEYWORDS,
     "set_framing($self, *, receive, send)\n--\n\n"
     "Sets the framing of both directions from the next message on."},
    {nullptr, nullptr, 0, nullptr},
};

PyGetSetDef members[] = {
    {"_peer", get_peer, nullptr, nullptr, nullptr},
    {"_guest", get_guest, nullptr, nullptr, nullptr},
    {"address", get_address, nullptr, "The address of the server's end, as text.", nullptr},
    {"type", get_type, nullptr, "'stream' or 'seqpacket'.", nullptr},
    {"number", get_number, nullptr, "1, 2, ... in its server; 0: it has no server.", nullptr},
    {"counters", get_counters, nullptr,
     "A dict of what the connection has transferred: messages_received, messages_sent,\n"
     "bytes_received, bytes_sent (framing included), dropped.",
     nullptr},
    {"unsent_bytes", get_unsent_bytes, nullptr, "Bytes that the kernel has not taken yet.",
     nullptr},
    {"closed", get_closed, nullptr, "Whether this side has closed it.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

PyType_Slot slots[] = {
    {Py_tp_dealloc, slot(destroy_object<ConnectionState>)},
    {Py_tp_new, slot(refuse_new)},
    {Py_am_aiter, slot(PyObject_SelfIter)},
    {Py_am_anext, slot(next)},
    {Py_tp_methods, methods},
    {Py_tp_getset, members},
    {Py_tp_doc, const_cast<char*>("A connection on an event loop.")},
    {0, nullptr},
};

PyType_Spec spec = {"hallway._core.Connection", sizeof(Object<ConnectionState>), 0,
                    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};

}  // namespace

bool add_connection(PyObject* module) {
  connection_type = add_type(module, spec);
  return connection_type != nullptr;
}

PyObject* make_connection(PyTypeObject* type, PyObject* guest, Connection connection,
                          std::shared_ptr<Tenure> tenure) {
  auto core = std::make_unique<ConnectionCore>(std::move(connection), std::move(tenure));
  return make_object<ConnectionState>(type, guest, std::move(core));
}

bool check_connection_type(PyObject* object) noexcept {
  if (PyType_Check(object) != 0 &&
      PyType_IsSubtype(reinterpret_cast<PyTypeObject*>(object), connection_type) != 0)
    return true;
  PyErr_Format(PyExc_TypeError, "a subclass of Connection is needed, not %R", object);
  return false;
}

}  // namespace hallway::python
