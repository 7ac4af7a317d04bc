// SPDX-License-Identifier: Apache-2.0
#include "datagram.hpp"

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <hallway/datagram_socket.hpp>

#include "arguments.hpp"
#include "awaitable.hpp"
#include "error.hpp"
#include "guest.hpp"
#include "object.hpp"
#include "outcome.hpp"

namespace hallway::python {

namespace {

constexpr auto what = "this socket";

/// The part that lives on the loop.
struct DatagramCore {
  explicit DatagramCore(DatagramSocket made) noexcept : socket(std::move(made)) {}

  DatagramSocket socket;
  std::optional<Result<Datagram>> front;  // what a task has waited for, until it is taken
  bool closed = false;
};

class DatagramState final : public Source {
 public:
  DatagramState(PyObject* guest, std::unique_ptr<DatagramCore> made) noexcept
      : Source(guest), core(std::move(made)) {}
  DatagramState(const DatagramState&) = delete;
  DatagramState& operator=(const DatagramState&) = delete;
  ~DatagramState() override {
    if (core) guest().dispose(std::move(core));
  }

  [[nodiscard]] bool check_open() const noexcept {
    if (!guest().check()) return false;
    if (!core->closed) return true;
    raise_closed(what);
    return false;
  }

  /// (bytes, sender or None), and with Take::with_descriptors also (uid, gid, pid) and the
  /// descriptors.
  PyObject* take(Take kind, const Room* /*room*/) override {
    if (!core->front) {
      if (!core->closed) return nullptr;
      return kind == Take::next ? end_of(kind, {}) : raise_closed(what);
    }
    Result<Datagram> received = std::move(*core->front);
    core->front.reset();
    if (!received) {
      if (received.error().code != std::errc::operation_canceled) return raise(received.error());
      return kind == Take::next ? end_of(kind, {}) : raise(Outcome::closed, received.error());
    }
    if (received->outcome() == Outcome::truncated)
      return raise_truncated(received->bytes(), received->whole_size(),
                             "the datagram is longer than max_message, and was cut off");
    const Address& sender = received->sender();
    const Reference bytes = Reference::adopt(to_bytes(received->bytes()));
    const Reference from = sender.kind() == Address::Kind::unnamed
                               ? Reference::borrow(Py_None)
                               : Reference::adopt(to_text(sender.unescaped()));
    if (!bytes || !from) return nullptr;
    if (kind != Take::with_descriptors) return PyTuple_Pack(2, bytes.get(), from.get());
    const Reference peer = Reference::adopt(to_tuple(received->peer()));
    const Reference descriptors = received->descriptors_lost()
                                      ? Reference::borrow(Py_None)
                                      : Reference::adopt(to_list(received->descriptors()));
    if (!peer || !descriptors) return nullptr;
    return PyTuple_Pack(4, bytes.get(), from.get(), peer.get(), descriptors.get());
  }

  void forget_timeout() noexcept override {
    if (core->front && !*core->front && core->front->error().code == std::errc::timed_out)
      core->front.reset();
  }

  std::unique_ptr<DatagramCore> core;

 private:
  Task<> wait(Duration within) override {
    DatagramCore* const waited = core.get();
    auto receiving = waited->socket.receive(within);
    auto received = co_await std::move(receiving);
    waited->front.emplace(std::move(received));
    woken();
  }
};

DatagramState& state(PyObject* self) noexcept { return state_of<DatagramState>(self); }

using Open = Result<DatagramSocket> (*)(Loop&, const AddressSpec&, DatagramOptions);

PyObject* open(Open how, const char* function, PyObject* type, PyObject* positional,
               PyObject* named) {
  return guarded([&]() -> PyObject* {
    PyObject* guest = nullptr;
    PyObject* where = nullptr;
    std::string address;
    DatagramOptions to;
    Options options(named);
    if (!PyArg_ParseTuple(positional, "OO", &guest, &where) || !check_guest(guest) ||
        !read_address(where, "address", address) || !options.read(to.file) ||
        !options.read("descriptors", to.descriptors) ||
        !options.read("max_message", to.max_message) ||
        !options.read("server_uid", to.server_uid) ||
        !options.read("on_path_lost", to.on_path_lost) || !options.finish(function))
      return nullptr;
    auto socket = how(state_of<Guest>(guest).loop(), address, std::move(to));
    if (!socket) return raise(socket.error());
    return make_object<DatagramState>(reinterpret_cast<PyTypeObject*>(type), guest,
                                      std::make_unique<DatagramCore>(std::move(*socket)));
  });
}

PyObject* bind(PyObject* type, PyObject* positional, PyObject* named) {
  return open(DatagramSocket::bind, "bind", type, positional, named);
}

PyObject* connect(PyObject* type, PyObject* positional, PyObject* named) {
  return open(DatagramSocket::connect, "connect", type, positional, named);
}

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

PyObject* receive_datagram(PyObject* self, PyObject* const* arguments, Py_ssize_t positional,
                           PyObject* keywords) {
  return receive_by(Take::with_descriptors, "receive_datagram", self, arguments, positional,
                    keywords);
}

PyObject* next(PyObject* self) { return receive_from(self, state(self), Take::next); }

// Sending ----------------------------------------------------------------------------------------

/// Where a datagram goes: to the connected address, to an address, or back to a sender.
struct Destination {
  enum class Kind : std::uint8_t { connected, address, sender } kind = Kind::connected;
  ReturnAddress to = {};
};

Task<Result<void>> begin_sending(DatagramSocket& socket, const Destination& to, ByteView bytes,
                                 std::vector<Descriptor> descriptors, Duration within) {
  switch (to.kind) {
    case Destination::Kind::address:
      return socket.send_to(to.to.address, bytes, std::move(descriptors), within);
    case Destination::Kind::sender:
      return socket.answer(to.to, bytes, std::move(descriptors), within);
    default: return socket.send(bytes, within);
  }
}

Task<> send_task(Operation* operation, DatagramCore* core, Destination to, PyObject* message,
                 std::vector<Descriptor> descriptors, Duration within) {
  const Reference kept = Reference::borrow(message);
  Bytes bytes;
  if (!bytes.read(message, "message")) {
    operation->finish(nullptr);
    co_return;
  }
  Task<Result<void>> sending =
      begin_sending(core->socket, to, bytes.view(), std::move(descriptors), within);
  const auto sent = co_await std::move(sending);
  operation->finish(sent ? none() : raise(sent.error()));
}

PyObject* start_sending(PyObject* self, Destination to, PyObject* message,
                        std::vector<Descriptor> descriptors, Duration within) {
  DatagramState& state = python::state(self);
  return start_operation(state.guest_object(), self, [&](Operation& operation) {
    return send_task(&operation, state.core.get(), std::move(to), message, std::move(descriptors),
                     within);
  });
}

PyObject* send(PyObject* self, PyObject* const* arguments, Py_ssize_t positional,
               PyObject* keywords) {
  return guarded([&]() -> PyObject* {
    static constexpr std::array names{"message", "timeout"};
    std::array<PyObject*, names.size()> given{};
    Duration within = forever;
    Bytes bytes;
    if (!state(self).check_open() ||
        !read_arguments("send", names, 1, arguments, positional, keywords, given) ||
        !bytes.read(given[0], "message") ||
        (given[1] != nullptr && !read_duration(given[1], "timeout", within)))
      return nullptr;
    return start_sending(self, {}, given[0], {}, within);
  });
}

PyObject* send_to(PyObject* self, PyObject* const* arguments, Py_ssize_t positional,
                  PyObject* keywords) {
  return guarded([&]() -> PyObject* {
    static constexpr std::array names{"address", "message", "descriptors", "timeout"};
    std::array<PyObject*, names.size()> given{};
    std::string text;
    std::vector<Descriptor> descriptors;
    Duration within = forever;
    Bytes bytes;
    if (!state(self).check_open() ||
        !read_arguments("send_to", names, 2, arguments, positional, keywords, given) ||
        !read_address(given[0], "address", text) || !bytes.read(given[1], "message") ||
        !read_descriptors(given[2], descriptors) ||
        (given[3] != nullptr && !read_duration(given[3], "timeout", within)))
      return nullptr;
    auto address = Address::parse(text);
    if (!address) return raise(address.error());
    Destination to{.kind = Destination::Kind::address};
    to.to.address = std::move(*address);
    return start_sending(self, std::move(to), given[1], std::move(descriptors), within);
  });
}

/// _answer(sender, (uid, gid, pid), message, descriptors=None, timeout=None)
PyObject* answer(PyObject* self, PyObject* const* arguments, Py_ssize_t positional,
                 PyObject* keywords) {
  return guarded([&]() -> PyObject* {
    static constexpr std::array names{"sender", "peer", "message", "descriptors", "timeout"};
    std::array<PyObject*, names.size()> given{};
    std::vector<Descriptor> descriptors;
    Duration within = forever;
    Bytes bytes;
    unsigned long uid = 0;
    unsigned long gid = 0;
    int pid = 0;
    if (!state(self).check_open() ||
        !read_arguments("answer", names, 3, arguments, positional, keywords, given) ||
        !PyArg_ParseTuple(given[1], "kki", &uid, &gid, &pid) || !bytes.read(given[2], "message") ||
        !read_descriptors(given[3], descriptors) ||
        (given[4] != nullptr && !read_duration(given[4], "timeout", within)))
      return nullptr;
    Destination to{.kind = Destination::Kind::sender};
    if (given[0] != Py_None) {
      std::string text;
      if (!read_address(given[0], "sender", text)) return nullptr;
      auto address = Address::parse(text);
      if (!address) return raise(address.error());
      to.to.address = std::move(*address);
    }
    to.to.sender = {static_cast<std::uint32_t>(uid), static_cast<std::uint32_t>(gid), pid};
    return start_sending(self, std::move(to), given[2], std::move(descriptors), within);
  });
}

// The rest ---------------------------------------------------------------------------------------

PyObject* close(PyObject* self, PyObject* /*unused*/) {
  return guarded([&]() -> PyObject* {
    DatagramState& state = python::state(self);
    if (state.core->closed || !state.guest().owner().is_this_process()) return none();
    if (!state.guest().check()) return nullptr;
    state.core->closed = true;
    state.core->socket.close();
    return none();
  });
}

PyObject* file_number(PyObject* self, PyObject* /*unused*/) {
  return PyLong_FromLong(state(self).core->closed ? -1 : state(self).core->socket.descriptor());
}

PyObject* get_address(PyObject* self, void* /*unused*/) {
  return guarded([&] { return to_text(state(self).core->socket.address().unescaped()); });
}

PyObject* get_closed(PyObject* self, void* /*unused*/) {
  return PyBool_FromLong(state(self).core->closed ? 1 : 0);
}

constexpr int fast = METH_FASTCALL | METH_KEYWORDS;
constexpr int made_by = METH_CLASS | METH_VARARGS | METH_KEYWORDS;

PyMethodDef methods[] = {
    {"_bind", method(bind), made_by, nullptr},
    {"_connect", method(connect), made_by, nullptr},
    {"receive", method(receive), fast,
     "receive($self, timeout=None)\n--\n\nAwait it: the next datagram and the name of its sender "
     "(None: it has none).\n\nhallway.Truncated: it was longer than max_message."},
    {"receive_datagram", method(receive_datagram), fast,
     "receive_datagram($self, timeout=None)\n--\n\nAwait it: (data, sender, (uid, gid, pid), "
     "descriptors); see receive_full()."},
    {"send", method(send), fast,
     "send($self, message, timeout=None)\n--\n\nAwait it: sends to the connected address; waits "
     "while the queue of the receiver is full."},
    {"send_to", method(send_to), fast,
     "send_to($self, address, message, descriptors=None, timeout=None)\n--\n\nAwait it: sends to "
     "an address that this program chose. For one that a sender wrote, see\nanswer_to()."},
    {"answer", method(answer), fast,
     "answer($self, sender, peer, message, descriptors=None, timeout=None)\n--\n\nAwait it: see "
     "answer_to()."},
    {"close", method(close), METH_NOARGS,
     "close($self)\n--\n\nCloses the socket and removes its name. A receive that waits ends with "
     "hallway.Closed."},
    {"fileno", method(file_number), METH_NOARGS,
     "fileno($self)\n--\n\nThe number of the socket, which stays the socket's; -1 once closed."},
    {nullptr, nullptr, 0, nullptr},
};

PyGetSetDef members[] = {
    {"address", get_address, nullptr, nullptr, nullptr},
    {"closed", get_closed, nullptr, nullptr, nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

PyType_Slot slots[] = {
    {Py_tp_dealloc, slot(destroy_object<DatagramState>)},
    {Py_tp_new, slot(refuse_new)},
    {Py_am_aiter, slot(PyObject_SelfIter)},
    {Py_am_anext, slot(next)},
    {Py_tp_methods, methods},
    {Py_tp_getset, members},
    {0, nullptr},
};

PyType_Spec spec = {"hallway._core.DatagramSocket", sizeof(Object<DatagramState>), 0,
                    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};

}  // namespace

bool add_datagram(PyObject* module) { return add_type(module, spec) != nullptr; }

}  // namespace hallway::python
