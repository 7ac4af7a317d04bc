// SPDX-License-Identifier: Apache-2.0
#include "round_trips.hpp"

#include "hogs.hpp"
#include "json.hpp"

namespace bench {

int run_round_trips(int argc, char** argv, const Half& serve, const Half& ask) {
  const Options options = parse_options(argc, argv);
  Sides load(Placement::unpinned);
  start_hogs(load, options.hogs);
  start_disturbers(load, options.disturbers);
  Sides sides(options.placement);
  run_halves(sides, options, serve, ask);
  load.terminate("hog");
  load.terminate("disturber");

  const Account& client = sides.account("client");
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
