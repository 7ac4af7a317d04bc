// SPDX-License-Identifier: Apache-2.0
//
// As hallway.cpp through the C interface: one hallway_send() a message, and as many messages as
// there are from one hallway_receive().
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "../support/one_way.hpp"
#include "../support/with_hallway_c.hpp"

namespace {

using namespace bench;

void receive_all(Side& side, const Options& options, const std::string& path) {
  Arrivals arrivals(side, options);
  const OwnedLoop loop = new_loop();
  static constexpr auto receive = [](hallway_connection* client, void* user) {
    std::array<hallway_view, 64> messages;
    std::size_t count = 0;
    hallway_error* error = nullptr;
    while (true) {
      const hallway_outcome outcome =
          hallway_receive(client, messages.data(), messages.size(), &count, &error);
      if (outcome == HALLWAY_WOULD_BLOCK) return;
      require_ok(outcome, error);
      for (std::size_t i = 0; i < count; ++i) {
        const std::string_view message(messages[i].data, messages[i].size);
        if (!static_cast<Arrivals*>(user)->take(message)) {
          hallway_loop_stop(hallway_connection_loop(client), 0);
          return;
        }
      }
    }
  };
  const auto serve = [](hallway_connection* client, void* /*user*/) {
    hallway_connection_on_readable(client, receive);
  };
  const OwnedServer server = open_server_in_c(loop.get(), path, options, serve, &arrivals);
  side.ready();
  run_loop(loop.get());
}

struct Sender {
  Departures departures;
  std::optional<std::string_view> unsent = {};  // for which there was no room

  void send(hallway_connection* server) {
    hallway_error* error = nullptr;
    for (auto message = unsent ? unsent : departures.next(); message; message = departures.next()) {
      const hallway_outcome outcome =
          hallway_send(server, message->data(), message->size(), &error);
      if (outcome == HALLWAY_WOULD_BLOCK) {
        unsent = message;
        return;
      }
      require_ok(outcome, error);
    }
    unsent.reset();
    const auto on_flushed = [](hallway_connection* flushed, hallway_outcome outcome,
                               const hallway_error* why, void* user) {
      require_ok(outcome, why);
      static_cast<Sender*>(user)->departures.end();
      hallway_loop_stop(hallway_connection_loop(flushed), 0);
    };
    require_ok(hallway_connection_flush(server, on_flushed, this, &error), error);
  }
};

void send_all(Side& side, const Options& options, const std::string& path) {
  Sender sender{Departures(side, options)};
  const OwnedLoop loop = new_loop();
  static constexpr auto send = [](hallway_connection* server, void* user) {
    static_cast<Sender*>(user)->send(server);
  };
  const auto on_connected = [](hallway_connection* server, hallway_outcome outcome,
                               const hallway_error* why, void* user) {
    require_ok(outcome, why);
    hallway_connection_on_writable(server, send);
    // The receiver may have ended before the sender knows that everything is written.
    hallway_connection_on_end(server, [](hallway_connection*, void*) {});
    send(server, user);
  };
  hallway_error* error = nullptr;
  require_ok(hallway_connect(loop.get(), path.c_str(), connect_options_in_c(options).get(),
                             on_connected, &sender, &error),
             error);
  run_loop(loop.get());
}

}  // namespace

int main(int argc, char** argv) { return run_one_way(argc, argv, receive_all, send_all); }
