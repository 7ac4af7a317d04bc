// SPDX-License-Identifier: Apache-2.0
#include <hallway/datagram_socket.hpp>

#include <memory>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <hallway.h>
#include <hallway/address.hpp>

#include "c/handle.hpp"
#include "c/loop.hpp"
#include "c/options.hpp"

struct hallway_datagram : hallway::c::Handle {
  explicit hallway_datagram(hallway::Datagram received) : value(std::move(received)) {
    if (value.sender().kind() != hallway::Address::Kind::unnamed)
      sender = value.sender().unescaped();
  }

  hallway::Datagram value;
  std::string sender;
};

struct hallway_return_address : hallway::c::Handle {
  explicit hallway_return_address(hallway::ReturnAddress address) : value(std::move(address)) {}

  hallway::ReturnAddress value;
};

struct hallway_datagram_socket : hallway::c::Handle {
  hallway_datagram_socket(hallway_loop& loop, hallway_datagram_callback function, void* argument)
      : on(loop), on_datagram(function), user(argument) {}

  hallway::c::OnLoop on;
  hallway_datagram_callback on_datagram;
  hallway_datagram_end_callback on_end = nullptr;
  void* user;
  bool paused = false;
  std::string address;
  std::optional<hallway::DatagramSocket> socket;
  hallway::c::Gate gate;
  hallway::c::Tasks tasks;  // last: they use all above
};

using namespace hallway;     // NOLINT(google-build-using-namespace): functions of C are global
using namespace hallway::c;  // NOLINT(google-build-using-namespace)

namespace {

using SocketDone = Completion<hallway_datagram_socket>;

Ending ending_of(const Error& error) noexcept {
  if (error.code == std::errc::operation_canceled) return Ending(HALLWAY_CLOSED);
  if (error.code == std::errc::timed_out) return Ending(HALLWAY_TIMED_OUT);
  return Ending(error);
}

Task<> receive(hallway_datagram_socket& socket) {
  // The program has not got the handle yet.
  try {
    co_await socket.on.loop().sleep(Duration::zero());
  } catch (const std::bad_alloc&) {
    co_return;  // open() sees it
  }
  Ending ending;
  try {
    while (true) {
      Result<Datagram> received = co_await socket.socket->receive();
      if (!received) {
        ending = ending_of(received.error());
        break;
      }
      while (socket.paused) {
        socket.gate.close(socket.on.loop());
        co_await socket.gate.join();
      }
      hallway_datagram datagram(std::move(*received));
      call(socket.on.handle(), socket.on_datagram, &socket, &datagram, socket.user);
    }
  } catch (const std::bad_alloc&) {
    ending = Ending(HALLWAY_OUT_OF_MEMORY);
  }
  call(socket.on.handle(), socket.on_end, &socket, ending.outcome(), ending.error(), socket.user);
}

/// Where a message goes.
struct Target {
  enum class Kind : std::uint8_t { connected, named, sender };

  Kind kind = Kind::connected;
  Address name = {};
  ReturnAddress sender = {};
};

Task<Result<void>> begin_sending(DatagramSocket& socket, const Target& to, ByteView message,
                                 std::vector<Descriptor> descriptors, Duration within) {
  switch (to.kind) {
    case Target::Kind::named:
      return socket.send_to(to.name, message, std::move(descriptors), within);
    case Target::Kind::sender:
      return socket.answer(to.sender, message, std::move(descriptors), within);
    default: return socket.send(message, within);
  }
}

Task<> send(hallway_datagram_socket& socket, Target to, std::string message,
            std::vector<Descriptor> descriptors, Duration within, SocketDone done) {
  done.start();
  Ending ending;
  try {
    Task<Result<void>> sending =
        begin_sending(*socket.socket, to, message, std::move(descriptors), within);
    const Result<void> sent = co_await std::move(sending);
    if (!sent) ending = ending_of(sent.error());
    if (done.loop().starting > 0) co_await done.loop().loop().sleep(Duration::zero());
  } catch (const std::bad_alloc&) {
    ending = Ending(HALLWAY_OUT_OF_MEMORY);
  }
  done.complete(ending);
}

/// Sends what the caller of hallway_datagram_socket_try_send() has: it is destroyed before that
/// returns.
Task<> try_send(DatagramSocket& socket, const Target& to, ByteView message, Ending& ending) {
  try {
    Task<Result<void>> sending = begin_sending(socket, to, message, {}, forever);
    const Result<void> sent = co_await std::move(sending);
    ending = sent ? Ending() : ending_of(sent.error());
  } catch (const std::bad_alloc&) {
    ending = Ending(HALLWAY_OUT_OF_MEMORY);
  }
}

Result<Target> target_of(const char* to) {
  if (to == nullptr) return Target{};
  auto address = Address::parse(to);
  if (!address) return std::unexpected(std::move(address.error()));
  return Target{.kind = Target::Kind::named, .name = std::move(*address)};
}

hallway_outcome open(hallway_loop* loop, const char* address,
                     const hallway_datagram_options* options, hallway_datagram_callback on_datagram,
                     void* user, hallway_datagram_socket** socket, hallway_error** error,
                     Result<DatagramSocket> (*make)(Loop&, const AddressSpec&, DatagramOptions)) {
  return guarded_on(*loop, error, [&] {
    DatagramOptions value = value_of(options);
    value.on_path_event = as_callback(*loop, std::move(value.on_path_event));
    auto handle = std::make_unique<hallway_datagram_socket>(*loop, on_datagram, user);
    auto made = make(loop->loop(), address, std::move(value));
    if (!made) return fail(error, made.error());
    handle->socket = std::move(*made);
    handle->address = handle->socket->address().unescaped();
    if (on_datagram != nullptr && !handle->tasks.spawn(*loop, receive(*handle)))
      throw std::bad_alloc();
    *socket = handle.release();
    return ok;
  });
}

}  // namespace

hallway_outcome hallway_datagram_socket_bind(hallway_loop* loop, const char* address,
                                             const hallway_datagram_options* options,
                                             hallway_datagram_callback on_datagram, void* user,
                                             hallway_datagram_socket** socket,
                                             hallway_error** error) {
  assert(alive(loop) && address != nullptr && socket != nullptr);
  return open(loop, address, options, on_datagram, user, socket, error, &DatagramSocket::bind);
}

hallway_outcome hallway_datagram_socket_connect(hallway_loop* loop, const char* address,
                                                const hallway_datagram_options* options,
                                                hallway_datagram_callback on_datagram, void* user,
                                                hallway_datagram_socket** socket,
                                                hallway_error** error) {
  assert(alive(loop) && address != nullptr && socket != nullptr);
  return open(loop, address, options, on_datagram, user, socket, error, &DatagramSocket::connect);
}

void hallway_datagram_socket_free(hallway_datagram_socket* socket) {
  if (socket == nullptr) return;
  assert(alive(socket) && "the socket was freed before");
  assert(socket->on.handle().callbacks == 0 &&
         "hallway_datagram_socket_free() in a callback of its loop");
  delete socket;
}

void hallway_datagram_socket_on_end(hallway_datagram_socket* socket,
                                    hallway_datagram_end_callback on_end) {
  assert(alive(socket));
  socket->on_end = on_end;
}
void hallway_datagram_socket_close(hallway_datagram_socket* socket) {
  assert(alive(socket));
  socket->socket->close();
  hallway_datagram_socket_resume(socket);
}
void hallway_datagram_socket_pause(hallway_datagram_socket* socket) {
  assert(alive(socket));
  socket->paused = true;
}
void hallway_datagram_socket_resume(hallway_datagram_socket* socket) {
  assert(alive(socket));
  socket->paused = false;
  socket->gate.open();
}

hallway_outcome hallway_datagram_socket_try_send(hallway_datagram_socket* socket, const char* to,
                                                 const void* data, size_t size,
                                                 hallway_error** error) {
  assert(alive(socket) && (data != nullptr || size == 0));
  return guarded(error, [&] {
    const Result<Target> target = target_of(to);
    if (!target) return fail(error, target.error());
    Ending ending(HALLWAY_WOULD_BLOCK);
    TaskHandle task =
        socket->on.loop().spawn(try_send(*socket->socket, *target, bytes_of(data, size), ending));
    if (!task.done()) task.cancel();
    return ending.give_to(error);
  });
}

hallway_outcome hallway_datagram_socket_send(hallway_datagram_socket* socket, const char* to,
                                             const void* data, size_t size, const int* descriptors,
                                             size_t count, int64_t within,
                                             hallway_sent_callback on_sent, void* user,
                                             hallway_error** error) {
  assert(alive(socket) && (data != nullptr || size == 0) && (descriptors != nullptr || count == 0));
  return guarded(error, [&] {
    std::vector<Descriptor> adopted = adopt(descriptors, count);
    Result<Target> target = target_of(to);
    if (!target) return fail(error, target.error());
    if (to == nullptr && count > 0)
      return refuse(error, "send descriptors to", "the connected address",
                    "descriptors need an address");
    socket->tasks.spawn(
        socket->on.handle(),
        send(*socket, std::move(*target), std::string(bytes_of(data, size)), std::move(adopted),
             duration_of(within), SocketDone(socket->on.handle(), socket, on_sent, user)));
    return ok;
  });
}

hallway_outcome hallway_datagram_socket_answer(hallway_datagram_socket* socket,
                                               const hallway_return_address* to, const void* data,
                                               size_t size, const int* descriptors, size_t count,
                                               int64_t within, hallway_sent_callback on_sent,
                                               void* user, hallway_error** error) {
  assert(alive(socket) && alive(to) && (data != nullptr || size == 0));
  assert(descriptors != nullptr || count == 0);
  return guarded(error, [&] {
    std::vector<Descriptor> adopted = adopt(descriptors, count);
    Target target{.kind = Target::Kind::sender, .sender = to->value};
    socket->tasks.spawn(
        socket->on.handle(),
        send(*socket, std::move(target), std::string(bytes_of(data, size)), std::move(adopted),
             duration_of(within), SocketDone(socket->on.handle(), socket, on_sent, user)));
    return ok;
  });
}

const char* hallway_datagram_socket_address(hallway_datagram_socket* socket) {
  assert(alive(socket));
  return socket->address.c_str();
}
int hallway_datagram_socket_descriptor(const hallway_datagram_socket* socket) {
  assert(alive(socket));
  return socket->socket->descriptor();
}

// Datagrams --------------------------------------------------------------------------------------

hallway_view hallway_datagram_bytes(const hallway_datagram* datagram) {
  assert(alive(datagram));
  return view_of(datagram->value.bytes());
}
const char* hallway_datagram_sender(hallway_datagram* datagram) {
  assert(alive(datagram));
  return datagram->sender.c_str();
}
hallway_peer hallway_datagram_peer(const hallway_datagram* datagram) {
  assert(alive(datagram));
  return to_c(datagram->value.peer());
}
size_t hallway_datagram_whole_size(const hallway_datagram* datagram) {
  assert(alive(datagram));
  return datagram->value.whole_size();
}
hallway_outcome hallway_datagram_outcome(const hallway_datagram* datagram) {
  assert(alive(datagram));
  return to_c(datagram->value.outcome());
}
size_t hallway_datagram_take_descriptors(hallway_datagram* datagram, int* descriptors,
                                         size_t room) {
  assert(alive(datagram) && (descriptors != nullptr || room == 0));
  return take(datagram->value.descriptors(), descriptors, room);
}
int hallway_datagram_descriptors_lost(const hallway_datagram* datagram) {
  assert(alive(datagram));
  return datagram->value.descriptors_lost() ? 1 : 0;
}

hallway_return_address* hallway_return_address_new(const hallway_datagram* datagram) {
  assert(alive(datagram));
  try {
    return new hallway_return_address(datagram->value.return_address());
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
void hallway_return_address_free(hallway_return_address* address) {
  assert((address == nullptr || alive(address)) && "the address was freed before");
  delete address;
}
