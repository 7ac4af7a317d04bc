// SPDX-License-Identifier: Apache-2.0
#include "one_way.hpp"

#include "json.hpp"

namespace bench {

int run_one_way(int argc, char** argv, const Half& receive, const Half& send) {
  const Options options = parse_options(argc, argv);
  Sides sides(options.placement);
  run_halves(sides, options, receive, send);

  const Account& server = sides.account("server");
  const std::uint64_t messages = server.messages;
  // Until the last message has arrived: the client may still be tidying up.
  const double seconds = static_cast<double>(server.ended - sides.account("client").began) / 1e9;
  JsonLine()
      .add("count", messages)
      .add("seconds", seconds)
      .add("value", static_cast<double>(messages) / seconds)
      .add("unit", "messages/s")
      .add("cpu_ns", sides.cpu_per(messages))
      .add("lost", std::uint64_t{0})
      .print();
  return 0;
}

}  // namespace bench
