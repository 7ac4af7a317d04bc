// SPDX-License-Identifier: Apache-2.0
//
// More connections than usual, and more than there are descriptors for.
#include <gtest/gtest.h>

#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <memory>
#include <random>
#include <utility>

#include "support/raw_socket.hpp"
#include "support/temp_directory.hpp"
#include "support/watchdog.hpp"
#include "torture/server_process.hpp"
#include "torture/torture.hpp"

namespace hallway::torture {
namespace {

using test::ForkedProcess;
using test::TempDirectory;
using test::Watchdog;

double milliseconds_since(Clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

bool ping(int socket) {
  return ::send(socket, "x\n", 2, MSG_NOSIGNAL) == 2 &&
         test::raw_receive(socket, 64, true).bytes == "x\n";
}

// Ten thousand ------------------------------------------------------------------------------------

/// What the test asks its client processes to do, one after the other.
enum class Phase : std::uint8_t { wait, connect, ping, burst, close, end };

struct Crowd {
  std::atomic<Phase> phase;
  std::atomic<unsigned> done;  // processes that finished the phase
  std::atomic<unsigned> failures;
  std::atomic<double> slowest_p99;    // ms, over one ping at a time
  std::atomic<double> slowest_burst;  // ms, from the first send to the last reply
};

void raise_to(std::atomic<double>& most, double value) {
  double before = most;
  while (before < value && !most.compare_exchange_weak(before, value)) {
  }
}

class Member {
 public:
  Member(std::string path, unsigned many, Crowd& crowd)
      : path_(std::move(path)), many_(many), crowd_(crowd) {}

  void run() {
    Phase last = Phase::wait;
    while (last != Phase::end) {
      if (!eventually([&] { return crowd_.phase != last; }, seconds(60))) return;
      last = crowd_.phase;
      switch (last) {
        case Phase::connect: connect(); break;
        case Phase::ping: ping_one_by_one(); break;
        case Phase::burst: ping_all_at_once(); break;
        case Phase::close: sockets_.clear(); break;
        default: break;
      }
      ++crowd_.done;
    }
  }

 private:
  void connect() {
    for (unsigned i = 0; i < many_; ++i) {
      sockets_.push_back(test::raw_connected(SOCK_STREAM, path_));
      if (!sockets_.back().holds_one()) ++crowd_.failures;
    }
  }

  void ping_one_by_one() {
    std::mt19937 random(static_cast<unsigned>(::getpid()));
    std::vector<double> latencies;
    for (unsigned i = 0; i < 2 * many_; ++i) {
      const auto begin = Clock::now();
      if (!ping(sockets_[random() % many_].get())) ++crowd_.failures;
      latencies.push_back(milliseconds_since(begin));
    }
    raise_to(crowd_.slowest_p99, percentile(latencies, 0.99));
  }

  void ping_all_at_once() {
    const auto begin = Clock::now();
    for (const Descriptor& socket : sockets_) {
      if (::send(socket.get(), "x\n", 2, MSG_NOSIGNAL) != 2) ++crowd_.failures;
    }
    for (const Descriptor& socket : sockets_) {
      if (test::raw_receive(socket.get(), 64, true).bytes != "x\n") ++crowd_.failures;
    }
    raise_to(crowd_.slowest_burst, milliseconds_since(begin));
  }

  std::string path_;
  unsigned many_;
  Crowd& crowd_;
  std::vector<Descriptor> sockets_;
};

class ten_thousand_connections : public testing::Test {
 protected:
  void SetUp() override {
    Watchdog::allow(in_full() ? 200 : 60);
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const std::size_t limit = raise_descriptor_limit(in_full() ? 30'000 : 2'000);
    if (limit < many + 200) {
      GTEST_SKIP() << "needs " << many + 200 << " descriptors, the limit here is " << limit;
    }
  }
  void TearDown() override { ::setrlimit(RLIMIT_NOFILE, &before_); }

  /// Starts the processes that connect; they inherit no limit of the server's making.
  void gather() {
    for (unsigned i = 0; i < processes; ++i) {
      members_.push_back(std::make_unique<ForkedProcess>(
          [this](const auto&) { Member(path, many / processes, *crowd).run(); }));
    }
  }

  /// Whether all of them did, in time.
  bool all_do(Phase phase) {
    crowd->done = 0;
    crowd->phase = phase;
    return eventually([&] { return crowd->done == processes; }, seconds(60));
  }

  void disperse() {
    EXPECT_TRUE(all_do(Phase::end));
    for (const auto& member : members_) EXPECT_EQ(member->wait(), 0);
    EXPECT_EQ(crowd->failures, 0U);
  }

  static constexpr unsigned processes = 2;
  const unsigned many = times(10'000, 1'000);
  TempDirectory directory;
  std::string path = directory / "s";
  Shared<Crowd> crowd;

 private:
  rlimit before_{};
  std::vector<std::unique_ptr<ForkedProcess>> members_;
};

TEST_F(ten_thousand_connections, are_made_served_and_ended) {
  ServerProcess server(path, ServerProcess::Library{
                                 .options = {.server_limits = {.max_connections = many,
                                                               .max_connections_per_uid = many}}});
  ASSERT_TRUE(server.serving());
  gather();
  Events& events = server.events();
  const Footprint empty = footprint_of(server.pid());

  const auto begin = Clock::now();
  ASSERT_TRUE(all_do(Phase::connect));
  ASSERT_TRUE(eventually([&] { return events.connected == many; }));
  const double established = milliseconds_since(begin) / 1000;
  ASSERT_TRUE(all_do(Phase::ping));
  ASSERT_TRUE(all_do(Phase::burst));
  const Footprint full = footprint_of(server.pid());
  ASSERT_TRUE(all_do(Phase::close));
  ASSERT_TRUE(eventually([&] { return events.closed == many; }));
  const Footprint closed = footprint_of(server.pid());

  // Once more: whatever the allocator keeps, it must serve for the next ten thousand.
  ASSERT_TRUE(all_do(Phase::connect));
  ASSERT_TRUE(all_do(Phase::burst));
  const Footprint again = footprint_of(server.pid());
  ASSERT_TRUE(all_do(Phase::close));
  disperse();
  ASSERT_TRUE(eventually([&] { return events.closed == 2UL * many; }));
  EXPECT_EQ(footprint_of(server.pid()).descriptors, empty.descriptors);
  EXPECT_EQ(server.terminate(), 0);

  const double each = static_cast<double>(full.memory_kib - empty.memory_kib) / many;
  const double returned =
      static_cast<double>(full.memory_kib) - static_cast<double>(closed.memory_kib);
  if (!test::sanitized) {
    EXPECT_LT(each, 16);
    EXPECT_LE(again.memory_kib, full.memory_kib + full.memory_kib / 20);
  }
  if (in_full()) {
    EXPECT_LT(established, 5);
    EXPECT_LT(crowd->slowest_p99, 50);
  }
  report(
      "T12 many connections: asked " + std::to_string(many) +
      " established in < 5 s, echo p99 < 50 ms, < 16 KiB each, memory back within 5 %; reached " +
      rounded(established, 2) + " s, p99 " + rounded(crowd->slowest_p99, 3) +
      " ms one at a time, all " + std::to_string(many) + " at once answered within " +
      rounded(crowd->slowest_burst, 0) + " ms, " + rounded(each, 2) +
      " KiB each; memory of the server " + std::to_string(empty.memory_kib) + " KiB empty, " +
      std::to_string(full.memory_kib) + " full, " + std::to_string(closed.memory_kib) +
      " after all closed (" + rounded(returned, 0) + " given back to the kernel), " +
      std::to_string(again.memory_kib) + " full again");
}

// The library leaves malloc_trim(3) to the program, and the command is one.
TEST_F(ten_thousand_connections, leave_the_command_with_the_memory_it_had) {
  if (command_path().empty()) GTEST_SKIP() << "the command is not built";
  if (test::sanitized) GTEST_SKIP() << "a sanitizer's allocator gives nothing back";
  if (test::counts_branches) GTEST_SKIP() << "the counters of branches stay, and are memory, too";
  const std::string most = std::to_string(many);
  ServerProcess server(
      path, ServerProcess::Command{{"--echo", "--max-connections", most, "--max-per-uid", most}});
  ASSERT_TRUE(server.serving());
  gather();
  const Footprint empty = footprint_of(server.pid());
  const auto holds = [&](std::size_t clients) {
    return eventually(
        [&] { return footprint_of(server.pid()).descriptors == empty.descriptors + clients; });
  };

  std::vector<std::size_t> full;
  std::vector<std::size_t> closed;
  for (int wave = 0; wave < 2; ++wave) {
    ASSERT_TRUE(all_do(Phase::connect));
    ASSERT_TRUE(holds(many));
    ASSERT_TRUE(all_do(Phase::burst));
    full.push_back(footprint_of(server.pid()).memory_kib);
    ASSERT_TRUE(all_do(Phase::close));
    ASSERT_TRUE(holds(0));
    // It waits a second for those who are still leaving. What grew with them and stays, its tables
    // and half-used pages, is little of much.
    const std::size_t taken = full.back() - empty.memory_kib;
    const std::size_t enough = empty.memory_kib + std::max<std::size_t>(taken / 20, 256);
    EXPECT_TRUE(eventually([&] { return footprint_of(server.pid()).memory_kib <= enough; }));
    closed.push_back(footprint_of(server.pid()).memory_kib);
  }
  disperse();
  EXPECT_EQ(server.terminate(), 0);
  report("T12 many connections to the command: asked memory back within 5 %; reached " +
         std::to_string(empty.memory_kib) + " KiB empty, " + std::to_string(full[0]) + " full, " +
         std::to_string(closed[0]) + " after all closed, " + std::to_string(full[1]) +
         " full again, " + std::to_string(closed[1]) + " after that");
}

// Out of descriptors ------------------------------------------------------------------------------

/// Clients of a server that has fewer descriptors than clients.
class descriptor_exhaustion : public testing::Test {
 protected:
  static constexpr unsigned many = 1000;

  void SetUp() override {
    Watchdog::allow(120);
    ::getrlimit(RLIMIT_NOFILE, &before_);
    if (raise_descriptor_limit(many + 100) < many + 100) {
      GTEST_SKIP() << "needs " << many + 100 << " descriptors for its clients";
    }
  }
  void TearDown() override {
    clients.clear();
    ::setrlimit(RLIMIT_NOFILE, &before_);
  }

  /// How many of them have got an answer since they were asked.
  unsigned take_answers() {
    unsigned count = 0;
    for (std::size_t i = 0; i < clients.size();) {
      if (test::raw_receive(clients[i].get(), 64).bytes != "x\n") {
        ++i;
        continue;
      }
      ++count;
      answered.push_back(std::move(clients[i]));
      clients.erase(clients.begin() + static_cast<std::ptrdiff_t>(i));
    }
    return count;
  }

  void exhaust(std::size_t reserve, const std::string& what) {
    ServerProcess server(
        path,
        ServerProcess::Library{.options = {.server_limits = {.max_connections = 2UL * many,
                                                             .max_connections_per_uid = 2UL * many,
                                                             .descriptor_reserve = reserve}},
                               .descriptor_limit = 64});
    ASSERT_TRUE(server.serving());
    for (unsigned i = 0; i < many; ++i) {
      clients.push_back(test::raw_connected(SOCK_STREAM, path));
      ASSERT_TRUE(clients.back().holds_one());
      ASSERT_EQ(test::raw_send(clients.back().get(), "x\n"), 2);
    }
    ASSERT_TRUE(eventually([&] { return server.events().paused > 0; }));
    ASSERT_TRUE(eventually([&] { return take_answers() == 0 && !answered.empty(); }));
    const auto seated = answered.size();

    const auto pause = in_full() ? seconds(4) : seconds(1);
    const auto begin = Clock::now();
    const auto before = processor_time_of(server.pid());
    pause_briefly(pause);  // what is measured is that nothing happens
    const double share = static_cast<double>((processor_time_of(server.pid()) - before).count()) /
                         milliseconds_since(begin);
    EXPECT_LT(share, 0.05);
    EXPECT_EQ(take_answers(), 0U) << "a client was admitted without a free slot";

    // One leaves: the next in the queue must get its place.
    const auto freed = Clock::now();
    answered.pop_back();
    ASSERT_TRUE(eventually([&] { return take_answers() > 0; }));
    const double seated_after = milliseconds_since(freed);
    if (in_full()) {
      EXPECT_LT(seated_after, 1000);
    }

    // And in the end everybody was served.
    while (!clients.empty()) {
      answered.clear();
      ASSERT_TRUE(eventually([&] { return take_answers() > 0; })) << clients.size() << " wait";
    }
    answered.clear();
    EXPECT_TRUE(eventually([&] { return server.events().closed == many; }));
    EXPECT_EQ(server.terminate(), 0);
    report("T13 descriptor exhaustion, " + what + ": asked RLIMIT_NOFILE 64, " +
           std::to_string(many) +
           " clients, CPU < 5 %, first accept < 1 s after a slot frees; "
           "reached " +
           std::to_string(seated) + " seated, CPU " + rounded(share * 100) + " % over " +
           std::to_string(pause.count()) + " s, accept after " + rounded(seated_after) +
           " ms, all " + std::to_string(many) + " served");
  }

  TempDirectory directory;
  std::string path = directory / "s";
  std::vector<Descriptor> clients;  // not answered yet
  std::vector<Descriptor> answered;

 private:
  rlimit before_{};
};

TEST_F(descriptor_exhaustion, pauses_at_the_reserve_and_goes_on) {
  exhaust(32, "with the reserve");
}

TEST_F(descriptor_exhaustion, survives_without_a_reserve) {
  if (test::sanitized) GTEST_SKIP() << "a sanitizer needs descriptors itself, to look at memory";
  exhaust(0, "accept(2) fails");
}

}  // namespace
}  // namespace hallway::torture
