// SPDX-License-Identifier: Apache-2.0
//
// Hallway: a Server, and a handler of one line.
#include "../support/crowd.hpp"
#include "../support/with_hallway.hpp"

namespace {

hallway::Task<> echo(hallway::Connection client) {
  while (auto message = co_await client.receive()) co_await client.send(*message);
}

void serve(const bench::Options& options, const std::string& path) {
  hallway::Loop loop;
  // A visitor who has gone still counts until that is noticed.
  const auto server = bench::require(
      hallway::Server::open(loop, path, echo,
                            {.connection = {.framing = hallway::Framing::raw()},
                             .server_limits = bench::limits_for_many(2 * options.connections)}));
  loop.run();
}

}  // namespace

int main(int argc, char** argv) { return bench::run_crowd(argc, argv, serve); }
