// SPDX-License-Identifier: Apache-2.0
//
// As hallway.cpp through the C interface: a server on a loop, a blocking client.
#include <cstddef>
#include <string>
#include <string_view>

#include "../support/round_trips.hpp"
#include "../support/with_hallway_c.hpp"

namespace {

using namespace bench;

void serve(Side& side, const Options& options, const std::string& path) {
  Echoes echoes(side, options);
  const OwnedLoop loop = new_loop();
  static constexpr auto echo = [](hallway_connection* client, void* user) {
    hallway_view question;
    std::size_t count = 0;
    hallway_error* error = nullptr;
    while (hallway_receive(client, &question, 1, &count, nullptr) == HALLWAY_OK) {
      static_cast<Echoes*>(user)->asked({question.data, question.size});
      require_ok(hallway_send(client, question.data, question.size, &error), error);
    }
  };
  static constexpr auto stop = [](hallway_connection* client, hallway_outcome /*outcome*/,
                                  const hallway_error* /*error*/, void* /*user*/) {
    hallway_loop_stop(hallway_connection_loop(client), 0);
  };
  const auto on_connection = [](hallway_connection* client, void* /*user*/) {
    hallway_connection_on_readable(client, echo);
    hallway_connection_on_closed(client, stop);
  };
  const OwnedServer server = open_server_in_c(loop.get(), path, options, on_connection, &echoes);
  side.ready();
  run_loop(loop.get());
  echoes.end();
}

void ask(Side& side, const Options& options, const std::string& path) {
  hallway_client* made = nullptr;
  hallway_error* error = nullptr;
  require_ok(hallway_client_connect(path.c_str(), connect_options_in_c(options).get(), nullptr,
                                    &made, &error),
             error);
  const Owned<hallway_client, hallway_client_free> client(made);
  RoundTrips trips(side, options);
  bool more = true;
  while (more) {
    const std::string_view question = trips.question();
    hallway_view answer;
    require_ok(hallway_client_request(client.get(), question.data(), question.size(),
                                      30 * HALLWAY_SECOND, &answer, &error),
               error);
    more = trips.answered({answer.data, answer.size});
  }
}

}  // namespace

int main(int argc, char** argv) { return run_round_trips(argc, argv, serve, ask); }
