// SPDX-License-Identifier: Apache-2.0
#include "clients.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "clock.hpp"
#include "fail.hpp"
#include "json.hpp"
#include "loopback.hpp"
#include "sides.hpp"

namespace bench {

namespace {

// Client libraries take their time to connect, and their runtimes to warm up.
constexpr double seconds_measured = 0.5;

/// What a program of clients prints as it ends.
struct Delivered {
  unsigned long long deliveries = 0;
  double seconds = 0;
};

std::string program_of(std::string_view library) {
  if (library != "libnats" && library != "go") fail("--mode is libnats or go");
  std::string program = library == "go" ? GO_CLIENTS : LIBNATS_CLIENTS;
  if (access(program.c_str(), X_OK) != 0) fail(program + " was not built");
  return program;
}

Delivered run_program(const Options& options, std::uint16_t port) {
  const std::string command = program_of(options.mode) + " " + std::to_string(port) + " " +
                              std::to_string(options.subscribers) + " " +
                              std::to_string(options.size) + " " + std::to_string(options.duration);
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> output(popen(command.c_str(), "re"),
                                                               pclose);
  if (output == nullptr) fail_with_errno("popen");
  std::array<char, 128> line{};
  Delivered delivered;
  if (std::fgets(line.data(), line.size(), output.get()) == nullptr ||
      std::sscanf(line.data(), "%llu %lf", &delivered.deliveries, &delivered.seconds) != 2) {
    fail("the clients ended without a result");
  }
  return delivered;
}

/// Nanoseconds of the programs that this one has started and that have ended.
std::uint64_t cpu_time_of_children() {
  rusage usage{};
  getrusage(RUSAGE_CHILDREN, &usage);
  const auto nanoseconds = [](const timeval& time) {
    return (static_cast<std::uint64_t>(time.tv_sec) * 1'000'000 +
            static_cast<std::uint64_t>(time.tv_usec)) *
           1000;
  };
  return nanoseconds(usage.ru_utime) + nanoseconds(usage.ru_stime);
}

}  // namespace

int run_clients(int argc, char** argv,
                const std::function<std::function<void()>(const Options&, const Directory&,
                                                          std::uint16_t port)>& make) {
  Options defaults;
  defaults.duration = seconds_measured;
  defaults.mode = "libnats";
  const Options options = parse_options(argc, argv, defaults);
  const Directory directory;
  const std::uint16_t port = free_port();
  const auto serve = make(options, directory, port);

  Sides sides(options.placement);
  sides.start("server", Core::server, [&](Side&) { serve(); });
  const pid_t broker = sides.pid("server");
  sides.start("client", Core::client, [&](Side& side) {
    {
      const Socket listens = connect_over_tcp(port);
    }
    side.begin();
    const Delivered delivered = run_program(options, port);
    side.end(delivered.deliveries);
    side.account().cpu = cpu_time_of_children();
    side.account().server_cpu = cpu_time_of(broker);
    side.account().value = static_cast<double>(delivered.deliveries) / delivered.seconds;
  });
  sides.wait("client");
  sides.terminate("server");

  const Account& client = sides.account("client");
  const auto count = static_cast<double>(client.messages);
  JsonLine()
      .add("count", client.messages)
      .add("seconds", count / client.value)
      .add("value", client.value)
      .add("unit", "deliveries/s")
      .add("cpu_ns", JsonLine()
                         .add("client", static_cast<double>(client.cpu) / count)
                         .add("server", static_cast<double>(client.server_cpu) / count))
      .add("lost", std::uint64_t{0})
      .print();
  return 0;
}

}  // namespace bench
