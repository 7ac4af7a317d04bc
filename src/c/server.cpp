// SPDX-License-Identifier: Apache-2.0
#include <hallway/server.hpp>

#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <hallway.h>
#include <hallway/peer.hpp>

#include "c/connection.hpp"
#include "c/handle.hpp"
#include "c/loop.hpp"
#include "c/options.hpp"

struct hallway_server : hallway::c::Handle {
  hallway_server(hallway_loop& loop, std::size_t soft, hallway_connection_callback function,
                 void* argument)
      : on(loop), outbound_soft(soft), on_connection(function), user(argument) {}

  hallway::c::OnLoop on;
  std::size_t outbound_soft;
  hallway_connection_callback on_connection;
  void* user;
  hallway_server_callback on_writable = nullptr;
  void* writable_user = nullptr;
  std::string address;
  std::optional<std::string> lost;
  bool broadcasts = false;                // a broadcast waits
  bool refused_broadcast = false;         // another one was refused meanwhile
  std::optional<hallway::Server> server;  // empty while hallway_server_free() ends connections
  hallway::c::Tasks tasks;                // last: they use the server
};

using namespace hallway;     // NOLINT(google-build-using-namespace): functions of C are global
using namespace hallway::c;  // NOLINT(google-build-using-namespace)

namespace {

/// The handler of a connection. If it is destroyed where it waits, so is the handle, with its last
/// call of the program.
Task<> serve(hallway_server& server, Connection connection) {
  hallway_connection handle(server.on.handle(), std::move(connection), server.outbound_soft,
                            server.user);
  call(server.on.handle(), server.on_connection, &handle, server.user);
  co_await handle.run();
}

Task<> broadcast(hallway_server& server, std::string message) {
  server.broadcasts = true;
  try {
    co_await server.server->broadcast(message);
  } catch (const std::bad_alloc&) {
    // As for any other queue without room: some connections have not got it.
  }
  server.broadcasts = false;
  if (std::exchange(server.refused_broadcast, false))
    call(server.on.handle(), server.on_writable, &server, server.writable_user);
}

}  // namespace

hallway_outcome hallway_server_open(hallway_loop* loop, const char* address,
                                    const hallway_server_options* options,
                                    hallway_connection_callback on_connection, void* user,
                                    hallway_server** server, hallway_error** error) {
  assert(alive(loop) && address != nullptr && on_connection != nullptr && server != nullptr);
  return guarded_on(*loop, error, [&] {
    ServerOptions value = value_of(options);
    value.on_event = as_callback(*loop, std::move(value.on_event));
    auto handle = std::make_unique<hallway_server>(*loop, value.connection.limits.outbound_soft,
                                                   on_connection, user);
    hallway_server& self = *handle;
    auto opened = Server::open(
        loop->loop(), address,
        [&self](Connection connection) { return serve(self, std::move(connection)); },
        std::move(value));
    if (!opened) return fail(error, opened.error());
    handle->server = std::move(*opened);
    handle->address = handle->server->address().unescaped();
    *server = handle.release();
    return ok;
  });
}

void hallway_server_free(hallway_server* server) {
  if (server == nullptr) return;
  assert(alive(server) && "the server was freed before");
  assert(server->on.handle().callbacks == 0 && "hallway_server_free() in a callback of its loop");
  delete server;
}

hallway_outcome hallway_server_broadcast(hallway_server* server, const void* data, size_t size,
                                         hallway_error** error) {
  assert(alive(server) && (data != nullptr || size == 0));
  return guarded(error, [&] {
    if (!server->server) return end(error, HALLWAY_CLOSED);
    if (server->broadcasts) {
      server->refused_broadcast = true;
      return end(error, HALLWAY_WOULD_BLOCK);
    }
    server->tasks.spawn(server->on.handle(), broadcast(*server, std::string(bytes_of(data, size))));
    return ok;
  });
}

void hallway_server_on_writable(hallway_server* server, hallway_server_callback on_writable,
                                void* user) {
  assert(alive(server));
  server->on_writable = on_writable;
  server->writable_user = user;
}

hallway_outcome hallway_server_set_allow(hallway_server* server, const char* const* rules,
                                         size_t count, hallway_error** error) {
  assert(alive(server) && (rules != nullptr || count == 0));
  return guarded(error, [&] {
    if (!server->server) return end(error, HALLWAY_CLOSED);
    std::vector<AllowRule> parsed;
    for (const char* const text : std::span(rules, count)) {
      auto rule = AllowRule::parse(text);
      if (!rule) return fail(error, rule.error());
      parsed.push_back(std::move(*rule));
    }
    const auto set = server->server->set_allow(parsed);
    return set ? ok : fail(error, set.error());
  });
}

hallway_outcome hallway_server_drain(hallway_server* server, hallway_error** error) {
  assert(alive(server));
  return guarded(error, [&] {
    if (!server->server) return end(error, HALLWAY_CLOSED);
    server->server->drain();
    return ok;
  });
}

const char* hallway_server_address(hallway_server* server) {
  assert(alive(server));
  return server->address.c_str();
}
size_t hallway_server_connections(const hallway_server* server) {
  assert(alive(server));
  return server->server ? server->server->connections() : 0;
}
const char* hallway_server_lost(hallway_server* server) {
  assert(alive(server));
  (void)guarded(nullptr, [&] {
    if (server->server) server->lost = server->server->lost();
    return ok;
  });
  return server->lost ? server->lost->c_str() : nullptr;
}
