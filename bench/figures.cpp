// SPDX-License-Identifier: Apache-2.0
//
// The figures Hallway promises from its first day, measured through the public API as a program
// would use it, next to a raw program doing the same work in the same run:
//
//   one way     64-byte messages, one send() each, every one parsed and counted by the receiver
//   broadcast   one 1 MiB message to 100 clients that do not read: how many copies are kept
//   idle        what a connection costs in user space while nothing happens
//   echo        1,000 connections, 100 messages each, none lost
//
// Usage: figures [--rounds N] [--json]
#include <malloc.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <hallway/hallway.hpp>
#include <string>
#include <thread>
#include <vector>

using namespace hallway;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t message_size = 64;
constexpr std::size_t frame_size = message_size + Framing::length_size;

[[noreturn]] void give_up(const Error& error) { std::exit(report(error)); }

template <typename T>
T value(Result<T> result) {
  if (!result) give_up(result.error());
  return std::move(*result);
}

// Where the two sides of a measurement run --------------------------------------------------------

enum class Placement { split, same, unpinned };
constexpr std::array placements{Placement::split, Placement::same, Placement::unpinned};

const char* to_string(Placement placement) {
  switch (placement) {
    case Placement::split: return "split";
    case Placement::same: return "same core";
    case Placement::unpinned: return "unpinned";
  }
  return "";
}

void place(Placement placement, int side) {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  const auto all = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  for (int core = 0; core < all; ++core) {
    const bool chosen =
        placement == Placement::unpinned || core == (placement == Placement::same ? 0 : side % all);
    if (chosen) CPU_SET(static_cast<std::size_t>(core), &cores);
  }
  sched_setaffinity(0, sizeof cores, &cores);
}

// One way -----------------------------------------------------------------------------------------

struct Rate {
  double messages_per_second;
  double cpu_nanoseconds;  // of both sides together, per message
};

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// Runs a sender and a receiver on a fresh socket pair; the receiver says how many it counted.
Rate one_way(Placement placement, std::size_t count, const std::function<void(Descriptor)>& send,
             const std::function<std::size_t(Descriptor)>& receive) {
  auto pair = value(socket_pair());
  std::size_t received = 0;
  const double cpu = cpu_seconds();
  const auto start = std::chrono::steady_clock::now();
  std::thread receiver([&, socket = std::move(pair.second)]() mutable {
    place(placement, 0);
    received = receive(std::move(socket));
  });
  place(placement, 1);
  send(std::move(pair.first));
  receiver.join();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  place(Placement::unpinned, 0);
  if (received != count) {
    std::fprintf(stderr, "lost messages: %zu of %zu arrived\n", received, count);
    std::exit(1);
  }
  const auto messages = static_cast<double>(count);
  return {messages / took.count(), (cpu_seconds() - cpu) * 1e9 / messages};
}

Task<> send_all(Loop& loop, Descriptor socket, std::size_t count) {
  auto connection =
      value(Connection::adopt(loop, std::move(socket), {.framing = Framing::len32()}));
  const std::string message(message_size, 'h');
  for (std::size_t i = 0; i < count; ++i) co_await connection.send(message);
  co_await connection.flush();
}

Task<std::size_t> receive_all(Loop& loop, Descriptor socket) {
  auto connection =
      value(Connection::adopt(loop, std::move(socket), {.framing = Framing::len32()}));
  std::size_t count = 0;
  while (auto message = co_await connection.receive()) count += message->bytes().back() == 'h';
  co_return count;
}

Rate hallway_one_way(Placement placement, std::size_t count) {
  return one_way(
      placement, count,
      [count](Descriptor socket) {
        Loop loop;
        loop.run(send_all(loop, std::move(socket), count));
      },
      [](Descriptor socket) {
        Loop loop;
        return loop.run(receive_all(loop, std::move(socket)));
      });
}

/// What a program without batching does: a write a message, large reads, the same parsing.
Rate raw_one_way(Placement placement, std::size_t count) {
  return one_way(
      placement, count,
      [count](Descriptor socket) {
        std::array<char, frame_size> frame{};
        Framing::len32().write(std::string(message_size, 'h'), frame.data());
        for (std::size_t i = 0; i < count; ++i) {
          if (send(socket.get(), frame.data(), frame.size(), MSG_NOSIGNAL) != frame_size) return;
        }
      },
      [](Descriptor socket) {
        std::vector<char> buffer(256 * kibibyte);
        std::size_t filled = 0;
        std::size_t messages = 0;
        while (true) {
          const ssize_t got = recv(socket.get(), buffer.data() + filled, buffer.size() - filled, 0);
          if (got <= 0) return messages;
          filled += static_cast<std::size_t>(got);
          ByteView unread(buffer.data(), filled);
          for (Frame frame;
               (frame = Framing::len32().next(unread, mebibyte)).state == Frame::State::complete;
               unread.remove_prefix(frame.consumed)) {
            messages += frame.message.back() == 'h';
          }
          std::ranges::copy(unread, buffer.data());
          filled = unread.size();
        }
      });
}

// A server with many clients
// ------------------------------------------------------------------------

struct House {
  House() : directory(std::filesystem::temp_directory_path() / "hallway-bench-XXXXXX") {
    if (mkdtemp(directory.data()) == nullptr) std::exit(1);
  }
  House(const House&) = delete;
  House& operator=(const House&) = delete;
  ~House() { std::filesystem::remove_all(directory); }
  [[nodiscard]] std::string address() const { return directory + "/s"; }

  std::string directory;
};

std::vector<Descriptor> raw_clients(const std::string& path, std::size_t count) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::ranges::copy(path, static_cast<char*>(address.sun_path));
  std::vector<Descriptor> clients;
  for (std::size_t i = 0; i < count; ++i) {
    auto client = Descriptor::adopt(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (connect(client.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      std::perror("connect");
      std::exit(1);
    }
    clients.push_back(std::move(client));
  }
  return clients;
}

Task<> echo(Connection peer) {
  while (auto message = co_await peer.receive()) co_await peer.send(*message);
}

ServerOptions for_many() {
  ServerOptions options;
  options.server_limits.max_connections = 10'000;
  options.server_limits.max_per_uid = 10'000;
  return options;
}

void settle(Loop& loop, const Server& server, std::size_t connections) {
  while (server.connections() < connections) loop.turn(10ms);
  loop.turn();
}

std::size_t allocated() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

double idle_bytes_per_connection(std::size_t count) {
  const House house;
  Loop loop;
  const Server server = value(Server::open(loop, house.address(), echo, for_many()));
  const auto first = raw_clients(house.address(), 1);  // what the first one alone needs
  settle(loop, server, 1);
  const std::size_t before = allocated();
  const auto clients = raw_clients(house.address(), count);
  const std::size_t theirs = allocated();
  settle(loop, server, count + 1);
  return static_cast<double>(allocated() - theirs) / static_cast<double>(count) +
         0.0 * static_cast<double>(before);
}

double broadcast_copies(std::size_t clients_count) {
  const House house;
  Loop loop;
  Server server = value(Server::open(loop, house.address(), echo, for_many()));
  const auto clients = raw_clients(house.address(), clients_count);
  settle(loop, server, clients_count);
  const std::string payload(mebibyte - 1, 'b');
  const std::size_t before = allocated();
  loop.run(server.broadcast(payload));
  return static_cast<double>(allocated() - before) / static_cast<double>(mebibyte);
}

Task<> ask(Loop& loop, std::string address, std::size_t messages, std::size_t& answered) {
  auto connection = value(co_await Connection::connect(loop, address));
  for (std::size_t i = 0; i < messages; ++i) {
    const std::string message = std::to_string(i);
    auto reply = co_await connection.request(message);
    if (!reply) give_up(reply.error());
    answered += reply->bytes() == message;
  }
}

std::size_t echoed(std::size_t connections, std::size_t messages) {
  const House house;
  Loop loop;
  const Server server = value(Server::open(loop, house.address(), echo, for_many()));
  std::size_t answered = 0;
  for (std::size_t i = 0; i < connections; ++i) {
    loop.spawn(ask(loop, house.address(), messages, answered));
  }
  while (answered < connections * messages) loop.turn(1s);
  return answered;
}

// Reporting
// -----------------------------------------------------------------------------------------

struct Spread {
  double median;
  double least;
  double most;
};

Spread spread(std::vector<double> values) {
  std::ranges::sort(values);
  return {values[values.size() / 2], values.front(), values.back()};
}

struct Report {
  bool json;
  bool met = true;

  void figure(const char* name, double measured, const char* unit, const char* target,
              bool reached) {
    met = met && reached;
    std::printf(json ? R"({"figure":"%s","value":%.3f,"unit":"%s","target":"%s","met":%s})"
                       "\n"
                     : "%-34s %12.2f %-18s %-26s %s\n",
                name, measured, unit, target,
                json ? (reached ? "true" : "false") : (reached ? "met" : "MISSED"));
    std::fflush(stdout);
  }

  void rates(Placement placement, const char* who, const Spread& rate, const Spread& cpu) const {
    std::printf(
        json
            ? R"({"one_way":"%s","placement":"%s","median":%.0f,"min":%.0f,"max":%.0f,"cpu_ns":%.1f})"
              "\n"
            : "%-22s %-10s %8.2f M/s [%.2f-%.2f]  %6.0f ns CPU a message, both sides\n",
        json ? who : who, to_string(placement), json ? rate.median : rate.median / 1e6,
        json ? rate.least : rate.least / 1e6, json ? rate.most : rate.most / 1e6, cpu.median);
    std::fflush(stdout);
  }
};

void compare_one_way(Report& report, std::size_t rounds) {
  constexpr std::size_t ours = 10'000'000;
  constexpr std::size_t theirs = 1'000'000;
  for (const Placement placement : placements) {
    std::vector<double> rate, cpu, raw_rate, raw_cpu, ratio;
    for (std::size_t round = 0; round < rounds; ++round) {
      const Rate hallway = hallway_one_way(placement, ours);
      const Rate raw = raw_one_way(placement, theirs);
      rate.push_back(hallway.messages_per_second);
      cpu.push_back(hallway.cpu_nanoseconds);
      raw_rate.push_back(raw.messages_per_second);
      raw_cpu.push_back(raw.cpu_nanoseconds);
      ratio.push_back(hallway.messages_per_second / raw.messages_per_second);
    }
    report.rates(placement, "hallway send() each", spread(rate), spread(cpu));
    report.rates(placement, "raw write each", spread(raw_rate), spread(raw_cpu));
    const double median = spread(rate).median;
    report.figure((std::string("one way, ") + to_string(placement)).c_str(), median / 1e6,
                  "M messages/s", "at least 10", median >= 10e6);
    report.figure("  against one write a message", spread(ratio).median, "times", "", true);
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::size_t rounds = 5;
  Report report{false};
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    const std::string_view next = i + 1 < argc ? argv[i + 1] : "";
    if (argument == "--json") {
      report.json = true;
    } else if (argument == "--rounds" &&
               std::from_chars(next.data(), next.data() + next.size(), rounds).ec == std::errc() &&
               rounds > 0) {
      ++i;
    } else {
      std::fprintf(stderr, "usage: figures [--rounds N] [--json]\n");
      return 2;
    }
  }
  compare_one_way(report, rounds);
  constexpr std::size_t clients = 100;
  const double copies = broadcast_copies(clients);
  report.figure("broadcast of 1 MiB to 100", copies, "MiB kept", "at most 1.1: one copy",
                copies <= 1.1);
  constexpr std::size_t many = 1000;
  const double idle = idle_bytes_per_connection(many);
  report.figure("idle connection", idle, "bytes", "at most 1024", idle <= 1024);
  const auto answered = static_cast<double>(echoed(many, 100));
  report.figure("echo, 1,000 connections", answered, "answers", "100000: none lost",
                answered == 100'000);
  return report.met ? 0 : 1;
}
