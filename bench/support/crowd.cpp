// SPDX-License-Identifier: Apache-2.0
#include "crowd.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <deque>
#include <fstream>
#include <vector>

#include "clock.hpp"
#include "descriptors.hpp"
#include "directory.hpp"
#include "fail.hpp"
#include "latencies.hpp"
#include "numbered.hpp"
#include "stream.hpp"

namespace bench {

namespace {

constexpr std::size_t most_active = 100;
constexpr std::size_t room = 2'000'000;  // for latencies

void hear(const Socket& server, std::string_view expected) {
  std::array<char, 4096> heard{};
  const ssize_t got = recv(server.get(), heard.data(), heard.size(), 0);
  if (got < 0) fail_with_errno("recv");
  const std::string_view answer(heard.data(), static_cast<std::size_t>(got));
  if (answer != expected) fail("this is not the answer to the question");
}

/// What a client of the crowd needs to keep accounts: its own, and its server's.
class Clients {
 public:
  Clients(Side& side, const Options& options, std::string path, pid_t server)
      : side_(side), options_(options), path_(std::move(path)), server_(server) {}

  void visit();
  void stay_idle();
  void ask();

 private:
  struct Visit {
    Socket server;
    std::uint64_t came;
  };

  void begin() {
    side_.begin();
    side_.account().server_cpu = cpu_time_of(server_);
  }
  void end(std::uint64_t messages) {
    side_.end(messages);
    side_.account().server_cpu = cpu_time_of(server_) - side_.account().server_cpu;
  }

  [[nodiscard]] Socket come() const {
    Socket server = connect_to(path_);
    write_all(server.get(), "x");
    return server;
  }
  void visit_and_go(std::size_t times) const {
    for (std::size_t i = 0; i < times; ++i) hear(come(), "x");
  }
  [[nodiscard]] std::vector<Socket> come_all() const;
  [[nodiscard]] double resident_bytes() const;

  Side& side_;
  const Options& options_;
  const std::string path_;
  const pid_t server_;
};

// In the order in which they came, so that no client spends time on finding out whose turn it is.
void Clients::visit() {
  visit_and_go(options_.connections);
  Latencies latencies(room);
  std::deque<Visit> present;
  begin();
  const std::uint64_t end_at = now() + static_cast<std::uint64_t>(options_.duration * 1e9);
  while (true) {
    if (now() < end_at && latencies.count() < room) {
      const std::uint64_t came = now();
      present.push_back({come(), came});
      if (present.size() < options_.connections) continue;
    }
    if (present.empty()) break;
    hear(present.front().server, "x");
    latencies.note(now() - present.front().came);
    present.pop_front();
  }
  end(latencies.count());
  side_.account().latency = latencies.summarize();
}

std::vector<Socket> Clients::come_all() const {
  std::vector<Socket> present;
  present.reserve(options_.connections);
  for (std::size_t i = 0; i < options_.connections; ++i) {
    present.push_back(come());
    hear(present.back(), "x");
  }
  return present;
}

/// What the server has in memory, to the page; statm(5) is only roughly right.
double Clients::resident_bytes() const {
  std::ifstream rollup("/proc/" + std::to_string(server_) + "/smaps_rollup");
  std::string line;
  while (std::getline(rollup, line)) {
    if (line.starts_with("Rss:")) return 1024 * std::stod(line.substr(4));
  }
  fail("the server's memory cannot be read");
}

void Clients::stay_idle() {
  visit_and_go(most_active);  // whatever the first ones alone need is there now
  begin();
  const double before = resident_bytes();
  const std::vector<Socket> present = come_all();
  const auto count = static_cast<double>(present.size());
  side_.account().value = (resident_bytes() - before) / count;
  end(present.size());
}

void Clients::ask() {
  const std::vector<Socket> present = come_all();
  struct Asking {
    const Socket* server;
    std::uint64_t next;
    std::uint64_t asked;
  };
  std::vector<Asking> active;
  const std::size_t asking = std::min(most_active, present.size());
  const int events = epoll_create1(EPOLL_CLOEXEC);
  for (std::size_t i = 0; i < asking; ++i) {
    active.push_back({&present[i * (present.size() / asking)], 0, 0});
    epoll_event event{EPOLLIN, {.u64 = i}};
    epoll_ctl(events, EPOLL_CTL_ADD, active.back().server->get(), &event);
  }
  Numbered question(options_.size);
  const auto ask_next = [&](Asking& one) {
    one.asked = now();
    write_all(one.server->get(), question.with(one.next));
  };

  constexpr std::uint64_t warm_up = 20;
  Latencies latencies(room);
  std::uint64_t end_at = UINT64_MAX;
  std::array<epoll_event, most_active> ready{};
  std::size_t waiting = active.size();
  std::size_t warm = 0;
  for (Asking& one : active) ask_next(one);
  while (waiting > 0) {
    const int count = epoll_wait(events, ready.data(), static_cast<int>(ready.size()), -1);
    for (int i = 0; i < count; ++i) {
      Asking& one = active[ready[static_cast<std::size_t>(i)].data.u64];
      hear(*one.server, question.with(one.next));
      const std::uint64_t time = now();
      if (side_.began()) latencies.note(time - one.asked);
      if (++one.next == warm_up && ++warm == active.size()) {
        begin();
        end_at = time + static_cast<std::uint64_t>(options_.duration * 1e9);
      }
      if (time < end_at && latencies.count() < room - active.size()) {
        ask_next(one);
      } else {
        --waiting;
      }
    }
  }
  end(latencies.count());
  side_.account().latency = latencies.summarize();
  side_.account().value = side_.account().latency.p99;
}

}  // namespace

int run_crowd(int argc, char** argv, const Serve& serve) {
  const Options options = parse_options(argc, argv);
  const Directory directory;
  const std::string path = directory.socket();
  allow_descriptors(options.connections);

  Sides sides(options.placement);
  sides.start("server", Core::server, [&](Side&) { serve(options, path); });
  sides.start("client", Core::client, [&](Side& side) {
    connect_when_listening(path);
    Clients clients(side, options, path, sides.pid("server"));
    if (options.mode == "visits") {
      clients.visit();
    } else if (options.mode == "idle") {
      clients.stay_idle();
    } else if (options.mode == "active") {
      clients.ask();
    } else {
      fail("--mode is visits, idle or active");
    }
  });
  sides.wait("client");
  sides.terminate("server");

  const Account& client = sides.account("client");
  const auto count = static_cast<double>(client.messages);
  const double seconds = sides.seconds();
  JsonLine line;
  line.add("count", client.messages).add("seconds", seconds);
  if (options.mode == "visits") {
    line.add("value", count / seconds).add("unit", "connections/s");
  } else if (options.mode == "idle") {
    line.add("value", client.value).add("unit", "B/connection");
  } else {
    line.add("value", client.value).add("unit", "us");
  }
  if (client.latency.max > 0) {
    line.add("p50", client.latency.p50)
        .add("p99", client.latency.p99)
        .add("mean", client.latency.mean)
        .add("max", client.latency.max);
  }
  line.add("cpu_ns", JsonLine()
                         .add("client", static_cast<double>(client.cpu) / count)
                         .add("server", static_cast<double>(client.server_cpu) / count))
      .add("lost", std::uint64_t{0})
      .print();
  return 0;
}

}  // namespace bench
