// SPDX-License-Identifier: Apache-2.0
//
// How long diagnose() takes for a server that accepts its clients, among --processes others (1)
// that have --connections socket pairs (1) together. A diagnosis that is not healthy ends the
// measurement.
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>

#include "../support/clock.hpp"
#include "../support/descriptors.hpp"
#include "../support/directory.hpp"
#include "../support/fail.hpp"
#include "../support/json.hpp"
#include "../support/latencies.hpp"
#include "../support/options.hpp"
#include "../support/sides.hpp"
#include "../support/with_hallway.hpp"

namespace {

using namespace bench;

/// Accepts every client, for ever. One that diagnoses sends nothing and closes.
void serve(Side& side, const hallway::Address& address) {
  hallway::Loop loop;
  const auto server = require(hallway::Server::open(
      loop, address,
      [](hallway::Connection client) -> hallway::Task<> { co_await client.receive(); }));
  side.ready();
  loop.run();
}

/// Has so many socket pairs open, and does nothing.
void idle(Side& side, std::size_t pairs) {
  for (std::size_t i = 0; i < pairs; ++i) {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
      fail_with_errno("socketpair");
  }
  side.ready();
  ::pause();
}

/// @return microseconds
Summary diagnose_for(double seconds, const hallway::Address& address) {
  constexpr std::size_t most = 10'000;
  Latencies times(most);
  const auto until = now() + static_cast<std::uint64_t>(seconds * 1e9);
  while (times.count() < most && now() < until) {
    const auto began = now();
    const auto diagnosis = require(hallway::diagnose(address));
    times.note(now() - began);
    if (diagnosis.state != hallway::Diagnosis::State::healthy) fail(diagnosis.to_string());
  }
  return times.summarize();
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse_options(argc, argv);
  const Directory directory;
  const auto address = require(hallway::Address::path(directory.socket()));
  const std::size_t pairs = options.connections / options.processes;
  allow_descriptors(2 * pairs);
  Sides sides(options.placement);
  sides.start("server", Core::server, [&](Side& side) { serve(side, address); });
  for (std::size_t i = 0; i < options.processes; ++i) {
    sides.start("idle", Core::server, [&](Side& side) { idle(side, pairs); });
  }
  sides.await_ready("server");
  sides.await_ready("idle");
  sides.start("client", Core::client, [&](Side& side) {
    const auto began = cpu_time();
    side.account().latency = diagnose_for(options.duration, address);
    side.account().cpu = cpu_time() - began;
  });
  sides.wait("client");
  const Summary latency = sides.account("client").latency;
  JsonLine()
      .add("value", latency.p50 / 1e3)
      .add("unit", "ms")
      .add("p50", latency.p50)
      .add("p99", latency.p99)
      .add("mean", latency.mean)
      .print();
}
