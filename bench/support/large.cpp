// SPDX-License-Identifier: Apache-2.0
#include "large.hpp"

#include "json.hpp"

namespace bench {

int run_large(int argc, char** argv, const Half& receive, const Half& send) {
  const Options options = parse_options(argc, argv, {.size = std::size_t{1} << 20});
  Sides sides(options.placement);
  run_halves(sides, options, receive, send);

  const Account& client = sides.account("client");
  const double seconds = static_cast<double>(client.ended - client.began) / 1e9;
  const double bytes = static_cast<double>(client.messages) * static_cast<double>(options.size);
  JsonLine()
      .add("count", client.messages)
      .add("seconds", seconds)
      .add("value", bytes / seconds / 1e9)
      .add("unit", "GB/s")
      .add("cpu_ns", sides.cpu_per(client.messages))
      .add("lost", std::uint64_t{0})
      .print();
  return 0;
}

}  // namespace bench
