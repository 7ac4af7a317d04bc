// SPDX-License-Identifier: Apache-2.0
#include "round_trips.hpp"

#include "directory.hpp"
#include "hogs.hpp"
#include "json.hpp"

namespace bench {

int run_round_trips(int argc, char** argv, const Half& serve, const Half& ask) {
  const Options options = parse_options(argc, argv);
  const Directory directory;
  const std::string path = directory.socket();
  Sides sides(options.placement);
  start_hogs(sides, options.hogs);
  sides.start("server", Core::server, [&](Side& side) { serve(side, options, path); });
  sides.await_ready("server");
  sides.start("client", Core::client, [&](Side& side) { ask(side, options, path); });
  sides.wait("client");
  sides.wait("server");
  sides.terminate("hog");

  const Account& client = sides.account("client");
  if (client.messages == 0 || sides.account("server").messages != client.messages) {
    fail("the server answered another number of messages than the client asked");
  }
  JsonLine()
      .add("count", client.messages)
      .add("seconds", static_cast<double>(client.ended - client.began) / 1e9)
      .add("value", client.latency.p50)
      .add("unit", "us")
      .add("p50", client.latency.p50)
      .add("p99", client.latency.p99)
      .add("mean", client.latency.mean)
      .add("max", client.latency.max)
      .add("cpu_ns", sides.cpu_per(client.messages))
      .add("lost", std::uint64_t{0})
      .print();
  return 0;
}

}  // namespace bench
