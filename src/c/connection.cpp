// SPDX-License-Identifier: Apache-2.0
#include "c/connection.hpp"

#include <new>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <hallway.h>
#include <hallway/address.hpp>
#include <hallway/framing.hpp>
#include <hallway/socket.hpp>

#include "c/handle.hpp"
#include "c/loop.hpp"
#include "c/options.hpp"

using namespace hallway;     // NOLINT(google-build-using-namespace): functions of C are global
using namespace hallway::c;  // NOLINT(google-build-using-namespace)

// The task ---------------------------------------------------------------------------------------

hallway_connection::~hallway_connection() {
  // If the task was destroyed where it waited, a server or the loop is being freed.
  if (!completed) sending = Sending::over;
  gate.open();
  tasks.cancel();
  call(*loop, on_closed, this, ending.outcome(), ending.error(), user);
  sending = Sending::over;
  tasks.cancel();  // what on_closed has begun
  if (handle_of_child != nullptr) *handle_of_child = nullptr;
}

void hallway_connection::receive(const Message& message) noexcept {
  first = message;
  current = {};
  has_first = has_more = true;
}

// What wakes the task at the gate: resume(), close().
Task<> hallway_connection::run() {
  try {
    while (true) {
      Received received = co_await connection.receive();
      if (!received) {
        ending = Ending::of(received);
        break;
      }
      receive(*received);
      // on_readable takes the message, and perhaps some behind it; or the task waits until the
      // program has done so, or resumes.
      while (has_first && !closing) {
        taken = false;
        if (!paused) call(*loop, on_readable, this, user);
        if (taken && !paused) break;
        if (closing) break;
        gate.close(loop->loop());
        co_await gate.join();
      }
      current = {};
    }
    if (ending.outcome() == HALLWAY_END_OF_STREAM && on_end != nullptr) {
      has_first = has_more = false;
      call(*loop, on_end, this, user);
      while (!closing) {
        gate.close(loop->loop());
        co_await gate.join();
      }
      ending = Ending(HALLWAY_CLOSED);
    }
  } catch (const std::bad_alloc&) {
    ending = Ending(HALLWAY_OUT_OF_MEMORY);
  }
  has_first = has_more = false;
  completed = true;
}

void hallway_connection::close(bool at_once) noexcept {
  closing = true;
  has_first = has_more = false;
  current = {};
  if (at_once) {
    connection.abort();
  } else {
    connection.close();
  }
  gate.open();
}

void hallway_connection::resume() noexcept {
  paused = false;
  gate.open();
}

namespace {

void now_writable(hallway_connection& connection) noexcept {
  if (!connection.closing)
    call(*connection.loop, connection.on_writable, &connection, connection.user);
}

Task<> watch_room(hallway_connection& connection) {
  try {
    // Whatever it gives, the next send of the program says so too.
    const Sent written = co_await connection.connection.flush();
    (void)written.outcome();
    if (connection.loop->starting > 0) co_await connection.loop->loop().sleep(Duration::zero());
  } catch (const std::bad_alloc&) {
    // The program tries to send, and gets what there is to know.
  }
  connection.awaits_room = false;
  now_writable(connection);
}

Task<> send_with(hallway_connection& connection, std::string message,
                 std::vector<Descriptor> descriptors) {
  Ending ending;
  try {
    Connection::Send sending = connection.connection.send(message, std::move(descriptors));
    const Sent sent = co_await sending;
    ending = Ending::of(sent);
  } catch (const std::bad_alloc&) {
    ending = Ending(HALLWAY_OUT_OF_MEMORY);
  }
  if (connection.sent != nullptr) {
    *connection.sent = std::move(ending);
    connection.sent = nullptr;
    co_return;
  }
  connection.sending = hallway_connection::Sending::open;
  now_writable(connection);
}

Task<> broadcast_later(hallway_connection& connection, std::string message) {
  try {
    co_await connection.connection.broadcast(message);
  } catch (const std::bad_alloc&) {
    // As for any other queue without room: some connections have not got it.
  }
  connection.broadcasts = false;
  if (std::exchange(connection.refused_broadcast, false)) now_writable(connection);
}

using ConnectionDone = Completion<hallway_connection>;

Task<> flush(hallway_connection& connection, ConnectionDone done) {
  done.start();
  Ending ending;
  try {
    const Sent sent = co_await connection.connection.flush();
    ending = Ending::of(sent);
    if (done.loop().starting > 0) co_await done.loop().loop().sleep(Duration::zero());
  } catch (const std::bad_alloc&) {
    ending = Ending(HALLWAY_OUT_OF_MEMORY);
  }
  done.complete(ending);
}

Task<> confirm(hallway_connection& connection, Duration within, ConnectionDone done) {
  done.start();
  Ending ending;
  try {
    const Sent sent = co_await connection.connection.confirm(within);
    ending = Ending::of(sent);
    if (done.loop().starting > 0) co_await done.loop().loop().sleep(Duration::zero());
  } catch (const std::bad_alloc&) {
    ending = Ending(HALLWAY_OUT_OF_MEMORY);
  }
  done.complete(ending);
}

Task<> connect(std::string address, ConnectOptions options, ConnectionDone done) {
  done.start();
  hallway_loop& loop = done.loop();
  // The program does not expect the call before hallway_connect() has returned.
  try {
    co_await loop.loop().sleep(Duration::zero());
  } catch (const std::bad_alloc&) {
    done.drop();
    co_return;
  }
  std::unique_ptr<hallway_connection> connection;
  Ending ending;
  try {
    Task<Result<Connection>> connecting =
        Connection::connect(loop.loop(), AddressSpec(address), options);
    Result<Connection> connected = co_await std::move(connecting);
    if (connected) {
      connection = std::make_unique<hallway_connection>(
          loop, std::move(*connected), options.connection.limits.outbound_soft, done.user());
    } else {
      ending = Ending(connected.error());
    }
  } catch (const std::bad_alloc&) {
    ending = Ending(HALLWAY_OUT_OF_MEMORY);
  }
  done.complete(connection.get(), ending);
  if (connection) co_await connection->run();
}

}  // namespace

void hallway_connection::await_room() {
  if (awaits_room || on_writable == nullptr || ended()) return;
  awaits_room = true;
  try {
    tasks.spawn(*loop, watch_room(*this));
  } catch (const std::bad_alloc&) {
    awaits_room = false;
    throw;
  }
}

Task<> hallway::c::run_later(std::unique_ptr<hallway_connection> connection) {
  try {
    co_await connection->loop->loop().sleep(Duration::zero());
  } catch (const std::bad_alloc&) {
    co_return;  // start() sees it
  }
  co_await connection->run();
}

hallway_connection* hallway::c::start(hallway_loop& loop, Connection connection,
                                      std::size_t outbound_soft, void* user) {
  auto made =
      std::make_unique<hallway_connection>(loop, std::move(connection), outbound_soft, user);
  hallway_connection* const handle = made.get();
  start(loop, run_later(std::move(made)));
  return handle;
}

// The functions: callbacks
// -------------------------------------------------------------------------

void hallway_connection_on_readable(hallway_connection* connection,
                                    hallway_connection_callback on_readable) {
  assert(alive(connection));
  connection->on_readable = on_readable;
  if (on_readable != nullptr && !connection->paused) connection->gate.open();
}
void hallway_connection_on_writable(hallway_connection* connection,
                                    hallway_connection_callback on_writable) {
  assert(alive(connection));
  connection->on_writable = on_writable;
}
void hallway_connection_on_end(hallway_connection* connection, hallway_connection_callback on_end) {
  assert(alive(connection));
  connection->on_end = on_end;
}
void hallway_connection_on_closed(hallway_connection* connection,
                                  hallway_closed_callback on_closed) {
  assert(alive(connection));
  connection->on_closed = on_closed;
}
void hallway_connection_set_user(hallway_connection* connection, void* user) {
  assert(alive(connection));
  connection->user = user;
}
void* hallway_connection_user(const hallway_connection* connection) {
  assert(alive(connection));
  return connection->user;
}

// Receiving
// ----------------------------------------------------------------------------------------

hallway_outcome hallway_receive(hallway_connection* connection, hallway_view* messages, size_t room,
                                size_t* count, hallway_error** error) {
  assert(alive(connection) && messages != nullptr && room > 0 && count != nullptr);
  std::size_t taken = 0;
  if (connection->has_first) {
    connection->has_first = false;
    connection->taken = true;
    connection->current = connection->first;
    messages[taken++] = view_of(connection->first.bytes());
  }
  if (connection->has_more) {
    return guarded(error, [&] {
      if (taken == 0) connection->current = {};
      const std::size_t free = room - taken;
      const std::size_t got = connection->connection.take_buffered(
          free, [&](const Message& message) { messages[taken++] = view_of(message.bytes()); });
      connection->has_more = got == free;
      if (taken == 0) return end(error, HALLWAY_WOULD_BLOCK);
      connection->taken = true;
      *count = taken;
      return ok;
    });
  }
  if (taken == 0)
    return end(error,
               connection->closing || connection->ended() ? HALLWAY_CLOSED : HALLWAY_WOULD_BLOCK);
  *count = taken;
  return HALLWAY_OK;
}

size_t hallway_connection_take_descriptors(hallway_connection* connection, int* descriptors,
                                           size_t room) {
  assert(alive(connection) && (descriptors != nullptr || room == 0));
  return take(connection->current.descriptors(), descriptors, room);
}
int hallway_connection_descriptors_lost(const hallway_connection* connection) {
  assert(alive(connection));
  return connection->current.descriptors_lost() ? 1 : 0;
}

// Sending
// ------------------------------------------------------------------------------------------

namespace {

/// Why nothing can be queued now; on_writable is called when that has changed.
[[gnu::cold]] hallway_outcome no_room(hallway_connection& connection, hallway_error** error) {
  if (connection.ended()) return end(error, HALLWAY_CLOSED);
  connection.await_room();
  return end(error, HALLWAY_WOULD_BLOCK);
}

/// Queues messages until one cannot be queued. Inlined: what queues a message that fits is not much
/// more than a call.
[[gnu::always_inline]] inline hallway_outcome send_some(hallway_connection& connection,
                                                        const hallway_view* messages,
                                                        std::size_t count, std::size_t& sent,
                                                        hallway_error** error) {
  if (connection.sending != hallway_connection::Sending::open) [[unlikely]]
    return no_room(connection, error);
  for (; sent < count; ++sent) {
    Connection::Send sending = connection.connection.send(bytes_of(messages[sent]));
    if (!sending.await_ready()) [[unlikely]]
      return no_room(connection, error);
    const Sent queued = sending.await_resume();
    if (!queued) [[unlikely]]
      return finish(error, queued);
  }
  return HALLWAY_OK;
}

}  // namespace

hallway_outcome hallway_send(hallway_connection* connection, const void* data, size_t size,
                             hallway_error** error) {
  assert(alive(connection) && (data != nullptr || size == 0));
  return guarded(error, [&] {
    const hallway_view message = view_of(bytes_of(data, size));
    std::size_t sent = 0;
    return send_some(*connection, &message, 1, sent, error);
  });
}

hallway_outcome hallway_send_many(hallway_connection* connection, const hallway_view* messages,
                                  size_t count, size_t* sent, hallway_error** error) {
  assert(alive(connection) && (messages != nullptr || count == 0));
  std::size_t queued = 0;
  const hallway_outcome outcome =
      guarded(error, [&] { return send_some(*connection, messages, count, queued, error); });
  if (sent != nullptr) *sent = queued;
  return outcome;
}

hallway_outcome hallway_send_descriptors(hallway_connection* connection, const void* data,
                                         size_t size, const int* descriptors, size_t count,
                                         hallway_error** error) {
  assert(alive(connection) && (data != nullptr || size == 0));
  assert(descriptors != nullptr || count == 0);
  return guarded(error, [&] {
    const bool full = connection->connection.unsent_bytes() >= connection->outbound_soft;
    if (connection->sending == hallway_connection::Sending::waiting ||
        (full && !connection->closing && !connection->ended())) {
      try {
        connection->await_room();
      } catch (const std::bad_alloc&) {
        (void)adopt(descriptors, count);
        throw;
      }
      return end(error, HALLWAY_WOULD_BLOCK);
    }
    std::vector<Descriptor> adopted = adopt(descriptors, count);
    if (connection->ended()) return end(error, HALLWAY_CLOSED);
    // There should be room. If there is none, because the peers of that user have used up their
    // memory, the message waits, and later ones behind it.
    Ending ending(HALLWAY_WOULD_BLOCK);
    connection->sent = &ending;
    try {
      connection->tasks.spawn(
          *connection->loop,
          send_with(*connection, std::string(bytes_of(data, size)), std::move(adopted)));
    } catch (const std::bad_alloc&) {
      connection->sent = nullptr;
      throw;
    }
    if (std::exchange(connection->sent, nullptr) != nullptr) {
      connection->sending = hallway_connection::Sending::waiting;
      return ok;
    }
    return ending.give_to(error);
  });
}

hallway_outcome hallway_broadcast(hallway_connection* connection, const void* data, size_t size,
                                  hallway_error** error) {
  assert(alive(connection) && (data != nullptr || size == 0));
  return guarded(error, [&] {
    if (connection->ended()) return end(error, HALLWAY_CLOSED);
    if (connection->broadcasts) {
      connection->refused_broadcast = true;
      return end(error, HALLWAY_WOULD_BLOCK);
    }
    const ByteView message = bytes_of(data, size);
    Connection::Broadcast now = connection->connection.broadcast(message);
    if (now.await_ready()) {
      now.await_resume();
      return ok;
    }
    connection->broadcasts = true;
    try {
      connection->tasks.spawn(*connection->loop,
                              broadcast_later(*connection, std::string(message)));
    } catch (const std::bad_alloc&) {
      connection->broadcasts = false;
      throw;
    }
    return ok;
  });
}

hallway_outcome hallway_connection_flush(hallway_connection* connection,
                                         hallway_done_callback on_done, void* user,
                                         hallway_error** error) {
  assert(alive(connection) && on_done != nullptr);
  return guarded(error, [&] {
    if (connection->completed || connection->ended()) return end(error, HALLWAY_CLOSED);
    connection->tasks.spawn(
        *connection->loop,
        flush(*connection, ConnectionDone(*connection->loop, connection, on_done, user)));
    return ok;
  });
}

hallway_outcome hallway_connection_confirm(hallway_connection* connection, int64_t within,
                                           hallway_done_callback on_done, void* user,
                                           hallway_error** error) {
  assert(alive(connection) && on_done != nullptr);
  return guarded(error, [&] {
    if (connection->completed || connection->ended()) return end(error, HALLWAY_CLOSED);
    connection->tasks.spawn(*connection->loop,
                            confirm(*connection, duration_of(within),
                                    ConnectionDone(*connection->loop, connection, on_done, user)));
    return ok;
  });
}

// Pausing and ending
// -------------------------------------------------------------------------------

void hallway_connection_pause(hallway_connection* connection) {
  assert(alive(connection));
  connection->paused = true;
}
void hallway_connection_resume(hallway_connection* connection) {
  assert(alive(connection));
  connection->resume();
}
void hallway_connection_half_close(hallway_connection* connection) {
  assert(alive(connection));
  if (!connection->ended()) connection->connection.half_close();
}
void hallway_connection_close(hallway_connection* connection) {
  assert(alive(connection));
  if (!connection->ended()) connection->close(false);
}
void hallway_connection_abort(hallway_connection* connection) {
  assert(alive(connection));
  if (!connection->ended()) connection->close(true);
}

// Inspecting
// ---------------------------------------------------------------------------------------

hallway_peer hallway_connection_peer(const hallway_connection* connection) {
  assert(alive(connection));
  return to_c(connection->connection.peer());
}
const char* hallway_connection_address(hallway_connection* connection) {
  assert(alive(connection));
  (void)guarded(nullptr, [&] {
    if (connection->address.empty())
      connection->address = connection->connection.address().unescaped();
    return ok;
  });
  return connection->address.c_str();
}
hallway_socket_type hallway_connection_type(const hallway_connection* connection) {
  assert(alive(connection));
  return static_cast<hallway_socket_type>(connection->connection.type());
}
uint64_t hallway_connection_number(const hallway_connection* connection) {
  assert(alive(connection));
  return connection->connection.number();
}
hallway_counters hallway_connection_counters(const hallway_connection* connection) {
  assert(alive(connection));
  return to_c(connection->connection.counters());
}
size_t hallway_connection_unsent_bytes(const hallway_connection* connection) {
  assert(alive(connection));
  return connection->connection.unsent_bytes();
}
int hallway_connection_descriptor(const hallway_connection* connection) {
  assert(alive(connection));
  return connection->connection.descriptor();
}
hallway_loop* hallway_connection_loop(const hallway_connection* connection) {
  assert(alive(connection));
  return connection->loop;
}
hallway_outcome hallway_connection_set_framing(hallway_connection* connection, const char* receive,
                                               const char* send, hallway_error** error) {
  assert(alive(connection) && receive != nullptr && send != nullptr);
  return guarded(error, [&] {
    const auto receiving = Framing::parse(receive);
    if (!receiving) return fail(error, receiving.error());
    const auto sending = Framing::parse(send);
    if (!sending) return fail(error, sending.error());
    connection->connection.set_framing(*receiving, *sending);
    return ok;
  });
}

// Making
// -------------------------------------------------------------------------------------------

hallway_outcome hallway_connect(hallway_loop* loop, const char* address,
                                const hallway_connect_options* options,
                                hallway_connected_callback on_connected, void* user,
                                hallway_error** error) {
  assert(alive(loop) && address != nullptr && on_connected != nullptr);
  return guarded_on(*loop, error, [&] {
    start(*loop,
          connect(address, value_of(options), ConnectionDone(*loop, nullptr, on_connected, user)));
    return ok;
  });
}

hallway_outcome hallway_adopt(hallway_loop* loop, int descriptor,
                              const hallway_connection_options* options, void* user,
                              hallway_connection** connection, hallway_error** error) {
  assert(alive(loop) && connection != nullptr);
  Descriptor socket = Descriptor::adopt(descriptor);
  return guarded_on(*loop, error, [&] {
    const ConnectionOptions value = value_of(options);
    auto adopted = Connection::adopt(loop->loop(), std::move(socket), value);
    if (!adopted) return fail(error, adopted.error());
    *connection = start(*loop, std::move(*adopted), value.limits.outbound_soft, user);
    return ok;
  });
}

hallway_outcome hallway_connection_pair(hallway_loop* loop, hallway_socket_type type,
                                        const hallway_connection_options* options, void* user,
                                        hallway_connection** first, hallway_connection** second,
                                        hallway_error** error) {
  assert(alive(loop) && first != nullptr && second != nullptr);
  return guarded_on(*loop, error, [&] {
    const auto known = connected_type(type);
    if (!known) return refuse(error, "connect", "a pair", "no such type of socket");
    const ConnectionOptions value = value_of(options);
    auto pair = Connection::pair(loop->loop(), *known, value);
    if (!pair) return fail(error, pair.error());
    hallway_connection* const one =
        start(*loop, std::move(pair->first), value.limits.outbound_soft, user);
    try {
      *second = start(*loop, std::move(pair->second), value.limits.outbound_soft, user);
    } catch (const std::bad_alloc&) {
      one->close(true);  // the program does not know it
      throw;
    }
    *first = one;
    return ok;
  });
}

hallway_outcome hallway_socket_pair(hallway_socket_type type, int* first, int* second,
                                    hallway_error** error) {
  assert(first != nullptr && second != nullptr);
  return guarded(error, [&] {
    if (type < HALLWAY_STREAM || type > HALLWAY_DATAGRAM)
      return refuse(error, "make", "a socket pair", "no such type of socket");
    auto pair = socket_pair(static_cast<SocketType>(type));
    if (!pair) return fail(error, pair.error());
    *first = pair->first.release();
    *second = pair->second.release();
    return ok;
  });
}
