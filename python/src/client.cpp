// SPDX-License-Identifier: Apache-2.0
#include "client.hpp"

#include <array>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <hallway/client.hpp>

#include "arguments.hpp"
#include "error.hpp"
#include "object.hpp"
#include "outcome.hpp"
#include "reference.hpp"
#include "waiting.hpp"

namespace hallway::python {

namespace {

using Gil = Waiting::Gil;

struct ClientState {
  /// On the heap, so that a forked child can leave it alone.
  struct Core {
    Waiting waiting;
    std::optional<Client> client;
  };

  ClientState() : core(std::make_unique<Core>()) {}
  ClientState(const ClientState&) = delete;
  ClientState& operator=(const ClientState&) = delete;
  ~ClientState() {
    // The socket still belongs to the parent, and so does what is queued for it.
    if (core && !core->waiting.is_this_process()) (void)core.release();
  }

  std::unique_ptr<Core> core;
  std::size_t views = 0;  // memoryviews of the last message
  /// Whether take_buffered() may be called: a receive gave a message, and none began since.
  bool may_take = false;
  bool closed = false;
  bool close_requested = false;  // by another thread, while a call waits
};

ClientState& state(PyObject* self) noexcept { return state_of<ClientState>(self); }

constexpr auto what = "this client";
constexpr std::size_t large = 64 * kibibyte;  // copying it takes so long that others may run

/// Whether a call may begin; if not, an exception is set.
bool check(const ClientState& state) noexcept {
  if (!state.core->waiting.check(what)) return false;
  if (!state.closed) [[likely]]
    return true;
  raise_closed(what);
  return false;
}

/// The same for a call that invalidates the last message.
bool check_receive(const ClientState& state) noexcept {
  if (!check(state)) return false;
  if (state.views == 0) [[likely]]
    return true;
  PyErr_SetString(PyExc_BufferError,
                  "a view of the last message is in use: release it before the next receive");
  return false;
}

void close_now(ClientState& state) {
  state.closed = true;
  state.may_take = false;
  state.core->client->close();
}

/// Runs a call of the library that may block.
/// @return its result; empty if an exception is set
template <typename Call>
auto run(ClientState& state, Gil gil, Call&& call)
    -> std::optional<decltype(std::forward<Call>(call)())> {
  std::optional<decltype(std::forward<Call>(call)())> result =
      state.core->waiting.run(gil, std::forward<Call>(call));
  if (state.close_requested) [[unlikely]] {
    state.close_requested = false;
    close_now(state);
    if (PyErr_Occurred() == nullptr && !*result) raise_closed(what);
  }
  if (PyErr_Occurred() != nullptr) [[unlikely]] {
    if (!*result) (void)result->outcome();
    return std::nullopt;
  }
  return result;
}

/// Receives the next message, at once if it arrived together with the last one.
/// @return false: there is none. At the end of the stream no exception is set.
bool next(ClientState& state, Duration within, Message& message) {
  if (state.may_take && state.core->client->take_buffered({&message, 1}) == 1) return true;
  state.may_take = false;
  Client& client = *state.core->client;
  const auto received = run(state, Gil::release, [&] { return client.receive(within); });
  if (!received) return false;
  if (*received) [[likely]] {
    message = **received;
    state.may_take = true;
    return true;
  }
  if (received->outcome() != Outcome::end_of_stream) raise(received->outcome(), received->error());
  return false;
}

/// A call with the single argument timeout. Returns whether it is valid.
bool read_timeout(const char* function, PyObject* const* arguments, Py_ssize_t positional,
                  PyObject* keywords, Duration& within) {
  if (positional == 0 && keywords == nullptr) [[likely]]
    return true;
  static constexpr std::array names{"timeout"};
  std::array<PyObject*, names.size()> given{};
  return read_arguments(function, names, 0, arguments, positional, keywords, given) &&
         (given[0] == nullptr || read_duration(given[0], "timeout", within));
}

PyObject* none_unless_raised() noexcept { return PyErr_Occurred() == nullptr ? none() : nullptr; }

// Making -----------------------------------------------------------------------------------------

/// A client of `type` whose library object `make` returns.
template <typename Make>
PyObject* make_client(PyObject* type, Options& options, Make make) {
  std::optional<Duration> spin;
  if (!options.read("spin", spin)) return nullptr;
  Reference made =
      Reference::adopt(make_object<ClientState>(reinterpret_cast<PyTypeObject*>(type)));
  if (!made) return nullptr;
  ClientState& state = python::state(made.get());
  if (!state.core->waiting.open()) return nullptr;
  auto client =
      state.core->waiting.run(Gil::release, [&] { return make(state.core->waiting.interrupt()); });
  if (PyErr_Occurred() != nullptr) return nullptr;
  if (!client) return raise(client.error());
  state.core->client.emplace(std::move(*client));
  if (spin) state.core->client->set_spin(spin);
  return made.release();
}

PyObject* connect(PyObject* type, PyObject* positional, PyObject* named) {
  return guarded([&]() -> PyObject* {
    PyObject* where = nullptr;
    if (!PyArg_ParseTuple(positional, "O:connect", &where)) return nullptr;
    std::string address;
    ConnectOptions to;
    Options options(named);
    if (!read_address(where, "address", address) || !options.read(to)) return nullptr;
    Options rest = options;
    std::optional<Duration> spin;
    if (!rest.read("spin", spin) || !rest.finish("connect")) return nullptr;
    return make_client(type, options, [&](Interrupt& interrupt) {
      return Client::connect(address, to, &interrupt);
    });
  });
}

PyObject* adopt(PyObject* type, PyObject* positional, PyObject* named) {
  return guarded([&]() -> PyObject* {
    PyObject* given = nullptr;
    int number = -1;
    if (!PyArg_ParseTuple(positional, "O:adopt", &given) ||
        !read_number(given, "descriptor", number))
      return nullptr;
    ConnectionOptions to;
    Options options(named);
    if (!options.read(to)) return nullptr;
    Options rest = options;
    std::optional<Duration> spin;
    if (!rest.read("spin", spin) || !rest.finish("adopt")) return nullptr;
    return make_client(type, options, [&](Interrupt& interrupt) {
      return Client::adopt(Descriptor::adopt(number), to, &interrupt);
    });
  });
}

// Receiving --------------------------------------------------------------------------------------

PyObject* receive(PyObject* self, PyObject* const* arguments, Py_ssize_t positional,
                  PyObject* keywords) {
  return guarded([&]() -> PyObject* {
    ClientState& state = python::state(self);
    Duration within = forever;
    Message message;
    if (!check_receive(state) || !read_timeout("receive", arguments, positional, keywords, within))
      return nullptr;
    if (next(state, within, message)) return to_bytes(message.bytes());
    return none_unless_raised();
  });
}

PyObject* iterate_next(PyObject* self) {
  return guarded([&]() -> PyObject* {
    ClientState& state = python::state(self);
    Message message;
    if (!check_receive(state) || !next(state, forever, message)) return nullptr;
    return to_bytes(message.bytes());
  });
}

PyObject* try_receive(PyObject* self, PyObject* /*unused*/) {
  return guarded([&]() -> PyObject* {
    ClientState& state = python::state(self);
    Message message;
    if (!check_receive(state)) return nullptr;
    if (state.may_take && state.core->client->take_buffered({&message, 1}) == 1)
      return to_bytes(message.bytes());
    state.may_take = false;
    Client& client = *state.core->client;
    const auto received =
        run(state, Gil::release_to_sleep, [&] { return client.receive(Duration::zero()); });
    if (!received) return nullptr;
    if (*received) {
      state.may_take = true;
      return to_bytes((*received)->bytes());
    }
    if (received->outcome() == Outcome::timed_out) return none();
    if (received->outcome() == Outcome::end_of_stream) {
      PyErr_SetNone(PyExc_EOFError);
      return nullptr;
    }
    return raise(received->outcome(), received->error());
  });
}

PyObject* receive_many(PyObject* self, PyObject* const* arguments, Py_ssize_t positional,
                       PyObject* keywords) {
  return guarded([&]() -> PyObject* {
    ClientState& state = python::state(self);
    Duration within = forever;
    Message first;
    if (!check_receive(state) ||
        !read_timeout("receive_many", arguments, positional, keywords, within))
      return nullptr;
    if (!next(state, within, first)) {
      return PyErr_Occurred() == nullptr ? PyList_New(0) : nullptr;
    }
    return list_of(
        first, [&](std::span<Message> room) { return state.core->client->take_buffered(room); });
  });
}

PyObject* receive_with_descriptors(PyObject* self, PyObject* const* arguments,
                                   Py_ssize_t positional, PyObject* keywords) {
  return guarded([&]() -> PyObject* {
    ClientState& state = python::state(self);
    Duration within = forever;
    Message message;
    if (!check_receive(state) ||
        !read_timeout("receive_with_descriptors", arguments, positional, keywords, within))
      return nullptr;
    if (next(state, within, message)) return with_descriptors(message);
    return none_unless_raised();
  });
}

PyObject* receive_into(PyObject* self, PyObject* const* arguments, Py_ssize_t positional,
                       PyObject* keywords) {
  return guarded([&]() -> PyObject* {
    ClientState& state = python::state(self);
    static constexpr std::array names{"buffer", "timeout"};
    std::array<PyObject*, names.size()> given{};
    Duration within = forever;
    Room room;
    Message message;
    if (!check_receive(state) ||
        !read_arguments("receive_into", names, 1, arguments, positional, keywords, given) ||
        !room.read(given[0], "buffer") ||
        (given[1] != nullptr && !read_duration(given[1], "timeout", within)))
      return nullptr;
    if (!next(state, within, message)) return none_unless_raised();
    return copy_into(room, message.bytes());
  });
}

// Views ------------------------------------------------------------------------------------------

/// The last message of a client. Its memoryview keeps it, and it keeps the client.
struct ViewState {
  ViewState(PyObject* receiver, ByteView message) noexcept
      : client(Reference::borrow(receiver)), bytes(message) {}

  Reference client;
  ByteView bytes;
};

PyTypeObject* view_type = nullptr;

int get_buffer(PyObject* self, Py_buffer* into, int flags) {
  auto& [client, bytes] = state_of<ViewState>(self);
  constexpr int read_only = 1;
  if (PyBuffer_FillInfo(into, self, const_cast<char*>(bytes.data()),
                        static_cast<Py_ssize_t>(bytes.size()), read_only, flags) < 0)
    return -1;
  ++state(client.get()).views;
  return 0;
}

void release_buffer(PyObject* self, Py_buffer* /*buffer*/) {
  --state(state_of<ViewState>(self).client.get()).views;
}

PyObject* receive_view(PyObject* self, PyObject* const* arguments, Py_ssize_t positional,
                       PyObject* keywords) {
  return guarded([&]() -> PyObject* {
    ClientState& state = python::state(self);
    Duration within = forever;
    Message message;
    if (!check_receive(state) ||
        !read_timeout("receive_view", arguments, positional, keywords, within))
      return nullptr;
    if (!next(state, within, message)) return none_unless_raised();
    const Reference view =
        Reference::adopt(make_object<ViewState>(view_type, self, message.bytes()));
    return view ? PyMemoryView_FromObject(view.get()) : nullptr;
  });
}

// Sending ----------------------------------------------------------------------------------------

PyObject* send(PyObject* self, PyObject* const* arguments, Py_ssize_t positional,
               PyObject* keywords) {
  return guarded([&]() -> PyObject* {
    ClientState& state = python::state(self);
    static constexpr std::array names{"message", "timeout", "descriptors"};
    std::array<PyObject*, names.size()> given{};
    Bytes message;
    Duration within = forever;
    std::vector<Descriptor> descriptors;
    if (!check(state) ||
        !read_arguments("send", names, 1, arguments, positional, keywords, given) ||
        !message.read(given[0], "message") ||
        (given[1] != nullptr && !read_duration(given[1], "timeout", within)) ||
        !read_descriptors(given[2], descriptors))
      return nullptr;
    Client& client = *state.core->client;
    const Gil gil = message.view().size() < large ? Gil::release_to_sleep : Gil::release;
    const auto sent = run(state, gil, [&] {
      return descriptors.empty() ? client.send(message.view(), within)
                                 : client.send(message.view(), std::move(descriptors), within);
    });
    if (!sent) return nullptr;
    return *sent ? none() : raise(sent->outcome(), sent->error());
  });
}

PyObject* request(PyObject* self, PyObject* const* arguments, Py_ssize_t positional,
                  PyObject* keywords) {
  return guarded([&]() -> PyObject* {
    ClientState& state = python::state(self);
    static constexpr std::array names{"message", "timeout"};
    std::array<PyObject*, names.size()> given{};
    Bytes message;
    Duration within = defaults::request_time;
    if (!check_receive(state) ||
        !read_arguments("request", names, 1, arguments, positional, keywords, given) ||
        !message.read(given[0], "message") ||
        (given[1] != nullptr && !read_duration(given[1], "timeout", within)))
      return nullptr;
    Client& client = *state.core->client;
    state.may_take = false;
    const auto received =
        run(state, Gil::release, [&] { return client.request(message.view(), within); });
    if (!received) return nullptr;
    if (!*received) return raise(received->outcome(), received->error());
    state.may_take = true;
    return to_bytes((*received)->bytes());
  });
}

PyObject* confirm(PyObject* self, PyObject* const* arguments, Py_ssize_t positional,
                  PyObject* keywords) {
  return guarded([&]() -> PyObject* {
    ClientState& state = python::state(self);
    Duration within = defaults::request_time;
    if (!check(state) || !read_timeout("confirm", arguments, positional, keywords, within))
      return nullptr;
    Client& client = *state.core->client;
    const auto sent = run(state, Gil::release, [&] { return client.confirm(within); });
    if (!sent) return nullptr;
    return *sent ? none() : raise(sent->outcome(), sent->error());
  });
}

// Ending -----------------------------------------------------------------------------------------

PyObject* half_close(PyObject* self, PyObject* /*unused*/) {
  return guarded([&]() -> PyObject* {
    if (!check(state(self))) return nullptr;
    state(self).core->client->half_close();
    return none();
  });
}

PyObject* close(PyObject* self, PyObject* /*unused*/) {
  return guarded([&]() -> PyObject* {
    ClientState& state = python::state(self);
    Waiting& waiting = state.core->waiting;
    if (state.closed || !waiting.is_this_process()) return none();
    if (state.views != 0) {
      PyErr_SetString(PyExc_BufferError,
                      "a view of the last message is in use: release it before closing");
      return nullptr;
    }
    if (waiting.busy()) {
      state.close_requested = true;
      waiting.interrupt().trigger();
    } else {
      close_now(state);
    }
    return none();
  });
}

PyObject* enter(PyObject* self, PyObject* /*unused*/) { return Py_NewRef(self); }

PyObject* leave(PyObject* self, PyObject* /*arguments*/) { return close(self, nullptr); }

// Inspecting -------------------------------------------------------------------------------------

PyObject* file_number(PyObject* self, PyObject* /*unused*/) {
  const ClientState& state = python::state(self);
  return PyLong_FromLong(state.closed ? -1 : state.core->client->descriptor());
}

PyObject* get_peer(PyObject* self, void* /*unused*/) {
  return to_tuple(state(self).core->client->peer());
}

PyObject* groups_of_peer(PyObject* self, PyObject* /*unused*/) {
  return guarded([&] {
    const ClientState& state = python::state(self);
    return state.closed ? raise_closed(what) : peer_groups(state.core->client->descriptor());
  });
}

PyObject* pidfd_of_peer(PyObject* self, PyObject* /*unused*/) {
  return guarded([&] {
    const ClientState& state = python::state(self);
    return state.closed ? raise_closed(what) : peer_pidfd(state.core->client->descriptor());
  });
}

PyObject* get_address(PyObject* self, void* /*unused*/) {
  return guarded([&] { return to_text(state(self).core->client->address().unescaped()); });
}

PyObject* get_type(PyObject* self, void* /*unused*/) {
  return to_text(to_string(state(self).core->client->type()));
}

PyObject* get_counters(PyObject* self, void* /*unused*/) {
  return to_dict(state(self).core->client->counters());
}

PyObject* get_closed(PyObject* self, void* /*unused*/) {
  return PyBool_FromLong(state(self).closed ? 1 : 0);
}

PyObject* set_framing(PyObject* self, PyObject* positional, PyObject* named) {
  return guarded([&]() -> PyObject* {
    Framing receive_framing = Framing::lines();
    Framing send_framing = Framing::lines();
    if (!check(state(self)) || !read_framings(positional, named, receive_framing, send_framing))
      return nullptr;
    state(self).core->client->set_framing(receive_framing, send_framing);
    return none();
  });
}

// The type ---------------------------------------------------------------------------------------

constexpr int fast = METH_FASTCALL | METH_KEYWORDS;
constexpr int made_by = METH_CLASS | METH_VARARGS | METH_KEYWORDS;

PyMethodDef methods[] = {
    {"connect", method(connect), made_by,
     "connect($type, address, /, **options)\n--\n\nConnects; see hallway.connect()."},
    {"adopt", method(adopt), made_by,
     "adopt($type, descriptor, /, **options)\n--\n\nAdopts the number of a connected socket."},
    {"receive", method(receive), fast,
     "receive($self, timeout=None)\n--\n\n"
     "The next message, or None at the end of the stream (an empty message is b'').\n\n"
     "Blocks until the message is whole, or raises TimeoutError after `timeout` seconds; the\n"
     "connection can be used further. ConnectionResetError: the peer reset the connection."},
    {"receive_many", method(receive_many), fast,
     "receive_many($self, timeout=None)\n--\n\n"
     "A list of the messages that are there; blocks for the first as receive() does.\n\n"
     "The list is empty at the end of the stream. A message in a list costs a fraction of one\n"
     "that is received alone."},
    {"receive_with_descriptors", method(receive_with_descriptors), fast,
     "receive_with_descriptors($self, timeout=None)\n--\n\n"
     "The next message as (bytes, descriptors), or None at the end of the stream.\n\n"
     "The caller owns the descriptors, a list of numbers, and closes them. They come only if the\n"
     "client was made with descriptors=N, the most that one message may carry. The list is None\n"
     "if some that came were lost: more than N, or more than this process may have open."},
    {"receive_into", method(receive_into), fast,
     "receive_into($self, buffer, timeout=None)\n--\n\n"
     "Copies the next message into a writable buffer and returns its length; None at the end of\n"
     "the stream. Raises hallway.Truncated if the buffer is too small: .data is the message."},
    {"receive_view", method(receive_view), fast,
     "receive_view($self, timeout=None)\n--\n\n"
     "The next message as a memoryview, without a copy; None at the end of the stream.\n\n"
     "Until the view is released, the next receive raises BufferError: use `with`."},
    {"try_receive", method(try_receive), METH_NOARGS,
     "try_receive($self)\n--\n\n"
     "The next message if it has arrived, otherwise None. Never blocks. EOFError: the stream has\n"
     "ended."},
    {"send", method(send), fast,
     "send($self, message, timeout=None, descriptors=None)\n--\n\n"
     "Sends one message: bytes, another buffer, or str as UTF-8.\n\n"
     "Blocks until the kernel has it, or raises TimeoutError; then its rest stays queued until\n"
     "the next send, request or confirm. `descriptors` are duplicated: the caller keeps its own."},
    {"request", method(request), fast,
     "request($self, message, timeout=30.0)\n--\n\n"
     "Sends one message and returns the next that arrives; `timeout` covers both.\n\n"
     "BrokenPipeError: the stream has ended without an answer."},
    {"confirm", method(confirm), fast,
     "confirm($self, timeout=30.0)\n--\n\nBlocks until the peer has read everything that was "
     "sent."},
    {"half_close", method(half_close), METH_NOARGS,
     "half_close($self)\n--\n\n"
     "Ends the sending side: the peer reads an end of stream. Receiving goes on."},
    {"close", method(close), METH_NOARGS,
     "close($self)\n--\n\n"
     "Closes the connection. A call that waits in another thread ends with hallway.Closed. The\n"
     "only method that may be called while another thread uses the client."},
    {"fileno", method(file_number), METH_NOARGS,
     "fileno($self)\n--\n\nThe number of the socket, which stays the client's; -1 once closed."},
    {"set_framing", method(set_framing), METH_VARARGS | METH_KEYWORDS,
     "set_framing($self, *, receive, send)\n--\n\n"
     "Sets the framing of both directions from the next message on."},
    {"_peer_groups", method(groups_of_peer), METH_NOARGS, nullptr},
    {"_peer_pidfd", method(pidfd_of_peer), METH_NOARGS, nullptr},
    {"__enter__", method(enter), METH_NOARGS, nullptr},
    {"__exit__", method(leave), METH_VARARGS, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

PyGetSetDef members[] = {
    {"_peer", get_peer, nullptr, nullptr, nullptr},
    {"address", get_address, nullptr, "The address of the server's end, as text.", nullptr},
    {"type", get_type, nullptr, "'stream' or 'seqpacket'.", nullptr},
    {"counters", get_counters, nullptr,
     "A dict of what the connection has transferred: messages_received, messages_sent,\n"
     "bytes_received, bytes_sent (framing included), dropped.",
     nullptr},
    {"closed", get_closed, nullptr, "Whether close() was called.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

PyType_Slot slots[] = {
    {Py_tp_dealloc, slot(destroy_object<ClientState>)},
    {Py_tp_new, slot(refuse_new)},
    {Py_tp_iter, slot(PyObject_SelfIter)},
    {Py_tp_iternext, slot(iterate_next)},
    {Py_tp_methods, methods},
    {Py_tp_getset, members},
    {Py_tp_doc, const_cast<char*>("A connection for programs without an event loop; see "
                                  "hallway.connect().")},
    {0, nullptr},
};

PyType_Spec spec = {"hallway._core.Client", sizeof(Object<ClientState>), 0,
                    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};

PyType_Slot view_slots[] = {
    {Py_tp_dealloc, slot(destroy_object<ViewState>)},
    {Py_tp_new, slot(refuse_new)},
    {Py_bf_getbuffer, slot(get_buffer)},
    {Py_bf_releasebuffer, slot(release_buffer)},
    {0, nullptr},
};

PyType_Spec view_spec = {"hallway._core._MessageView", sizeof(Object<ViewState>), 0,
                         Py_TPFLAGS_DEFAULT, view_slots};

}  // namespace

bool add_client(PyObject* module) {
  view_type = add_type(module, view_spec);
  return view_type != nullptr && add_type(module, spec) != nullptr;
}

// What both kinds of connections share ------------------------------------------------------------

PyObject* with_descriptors(const Message& message) {
  Reference descriptors = message.descriptors_lost()
                              ? Reference::borrow(Py_None)
                              : Reference::adopt(to_list(message.descriptors()));
  Reference bytes = Reference::adopt(to_bytes(message.bytes()));
  if (!descriptors || !bytes) return nullptr;
  return PyTuple_Pack(2, bytes.get(), descriptors.get());
}

PyObject* peer_groups(int socket) {
  const auto groups = Peer::groups_of(socket);
  if (!groups) return raise(groups.error());
  Reference list = Reference::adopt(PyList_New(0));
  for (const std::uint32_t group : *groups) {
    const Reference number = Reference::adopt(list ? PyLong_FromUnsignedLong(group) : nullptr);
    if (!number || PyList_Append(list.get(), number.get()) < 0) return nullptr;
  }
  return list.release();
}

PyObject* peer_pidfd(int socket) {
  auto pidfd = Peer::pidfd_of(socket);
  return pidfd ? PyLong_FromLong(pidfd->release()) : raise(pidfd.error());
}

PyObject* copy_into(const Room& room, ByteView message) {
  if (message.size() > room.span().size()) {
    return raise_truncated(message, message.size(), "buffer is smaller than the message");
  }

  if (!message.empty()) std::memcpy(room.span().data(), message.data(), message.size());
  return PyLong_FromSize_t(message.size());
}

}  // namespace hallway::python
