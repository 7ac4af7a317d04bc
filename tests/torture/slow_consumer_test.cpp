// SPDX-License-Identifier: Apache-2.0
//
// Subscribers of a broadcast, some of which have stopped reading. The others must not notice, the
// server must not pay, and those who stopped must be told exactly what they missed.
#include <gtest/gtest.h>

#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <memory>

#include "support/raw_socket.hpp"
#include "support/temp_directory.hpp"
#include "support/watchdog.hpp"
#include "torture/server_process.hpp"
#include "torture/torture.hpp"

namespace hallway::torture {
namespace {

using namespace std::chrono_literals;
using test::ForkedProcess;
using test::TempDirectory;
using test::Watchdog;

constexpr unsigned processes = 2;
constexpr std::size_t message_size = 1024;  // with its line feed
constexpr std::size_t soft = 64 * kibibyte;

struct Show {
  std::atomic<std::uint64_t> wanted;     // messages to be broadcast in all
  std::atomic<std::uint64_t> broadcast;  // so far
  std::atomic<std::uint64_t> received;   // by those who do not stop, together
  std::atomic<unsigned> joined;
  std::atomic<bool> stopped;  // those who stop do not read
  std::atomic<bool> ask;      // they read all that is there, and ask what they missed
  std::atomic<bool> end;
  std::atomic<std::uint64_t> kept;
  std::atomic<std::uint64_t> missed;
  std::atomic<unsigned> exact;  // of those who stopped: what they got and missed is all there was
};

/// Broadcasts what is wanted, at a steady rate. On a busy machine those who read may be late
/// without being slow: it does not get so far ahead of all `readers` together that a queue is full.
Task<> broadcast(Loop& loop, Server& server, Show& show, Duration between, unsigned readers) {
  constexpr std::uint64_t most_ahead = soft / message_size / 4;
  while (!show.end) {
    const bool ahead = show.broadcast * readers > show.received + most_ahead * readers;
    if (show.broadcast >= show.wanted || ahead) {
      co_await loop.sleep(1ms);
      continue;
    }
    std::string message = std::to_string(show.broadcast + 1) + " ";
    message.resize(message_size - 1, 'x');
    co_await server.broadcast(message);
    ++show.broadcast;
    co_await loop.sleep(between);
  }
}

/// Tells whoever asks how many messages it missed.
Task<> tell_missed(Connection connection) {
  while (auto message = co_await connection.receive()) {
    co_await connection.send("missed " + std::to_string(connection.counters().dropped));
  }
}

class Audience {
 public:
  Audience(const std::string& path, unsigned many, unsigned stopping, Show& show)
      : stopping_(stopping), show_(show) {
    for (unsigned i = 0; i < many; ++i) {
      sockets_.push_back(test::raw_connected(SOCK_STREAM, path));
      epoll_event event{.events = EPOLLIN, .data = {.u32 = i}};
      ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, sockets_[i].get(), &event);
    }
    ++show_.joined;
  }

  void watch() {
    std::array<epoll_event, 64> events{};
    bool left_out = false;
    while (!show_.end) {
      if (show_.stopped && !left_out) {
        for (unsigned i = 0; i < stopping_; ++i) {
          ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, sockets_[i].get(), nullptr);
        }
        left_out = true;
      }
      if (show_.ask) return account();
      const int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), 5);
      for (int i = 0; i < count; ++i) take(events.at(static_cast<std::size_t>(i)).data.u32);
    }
  }

 private:
  void take(unsigned which) {
    std::array<char, 65536> bytes;
    const ssize_t size = ::recv(sockets_[which].get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    const auto lines = std::count(bytes.begin(), bytes.begin() + std::max<ssize_t>(size, 0), '\n');
    if (which >= stopping_) show_.received += static_cast<std::uint64_t>(lines);
  }

  /// For those who stopped: all that is there, in order and without repetition.
  void account() {
    for (unsigned i = 0; i < stopping_; ++i) {
      test::raw_send(sockets_[i].get(), "what did I miss?\n");
      std::string text;
      while (!text.ends_with('\n') || text.find("missed ") == std::string::npos) {
        const auto piece = test::raw_receive(sockets_[i].get(), 65536, true);
        if (piece.result <= 0) return;
        text += piece.bytes;
      }
      const std::uint64_t missed = std::stoull(text.substr(text.find("missed ") + 7));
      std::uint64_t kept = 0;
      std::uint64_t last = 0;
      bool in_order = true;
      for (std::size_t at = 0; text[at] != 'm'; at = text.find('\n', at) + 1) {
        const std::uint64_t number = std::stoull(text.substr(at, 20));
        in_order = in_order && number > last;
        last = number;
        ++kept;
      }
      show_.kept += kept;
      show_.missed += missed;
      // It read everything before it stopped, so the first number here is where it stopped.
      const std::uint64_t first = std::stoull(text);
      if (in_order && kept + missed == show_.broadcast - (first - 1)) ++show_.exact;
    }
  }

  unsigned stopping_;
  Show& show_;
  Descriptor epoll_ = Descriptor::adopt(::epoll_create1(EPOLL_CLOEXEC));
  std::vector<Descriptor> sockets_;
};

class slow_consumers : public testing::Test {
 protected:
  void SetUp() override {
    Watchdog::allow(120);
    ::getrlimit(RLIMIT_NOFILE, &before_);
    if (raise_descriptor_limit(many + 200) < many + 200) {
      GTEST_SKIP() << "needs " << many + 200 << " descriptors";
    }
  }
  void TearDown() override { ::setrlimit(RLIMIT_NOFILE, &before_); }

  void perform(Full full, const std::string& what) {
    ServerProcess server(
        path, ServerProcess::Library{
                  .options = {.limits = {.outbound_soft = soft},
                              .server_limits = {.max_connections = many, .max_per_uid = many},
                              .full = full},
                  .handler = tell_missed,
                  .also = [this](Loop& loop, Server& running) {
                    loop.spawn(broadcast(loop, running, *show, between, many - stopping));
                  }});
    ASSERT_TRUE(server.serving());
    std::vector<std::unique_ptr<ForkedProcess>> audience;
    for (unsigned i = 0; i < processes; ++i) {
      audience.push_back(std::make_unique<ForkedProcess>([&, i](const auto&) {
        Audience(path, many / processes, i == 0 ? stopping : 0, *show).watch();
      }));
    }
    ASSERT_TRUE(eventually([&] { return show->joined == processes; }));
    ASSERT_TRUE(eventually([&] { return server.events().connected == many; }));

    const double baseline = rate_of_the_others();
    const std::size_t memory_before = footprint_of(server.pid()).memory_kib;
    show->stopped = true;
    pause_briefly(20ms);  // longer than an audience looks away from its flags
    const double beside = rate_of_the_others();
    const std::size_t memory_after = footprint_of(server.pid()).memory_kib;
    show->ask = true;
    EXPECT_EQ(audience[0]->wait(), 0);
    show->end = true;
    EXPECT_EQ(audience[1]->wait(), 0);
    EXPECT_TRUE(eventually([&] { return server.events().closed == many; }));
    EXPECT_EQ(server.terminate(), 0);

    EXPECT_EQ(show->exact, stopping) << "the count of dropped messages is not what was missing";
    EXPECT_GT(show->missed, 0U);
    EXPECT_EQ(server.events().dropped, show->missed) << "somebody who read missed something";
    const std::size_t cap = 11 * soft * stopping / 10 / kibibyte;
    const auto growth = static_cast<long>(memory_after) - static_cast<long>(memory_before);
    if (!test::sanitized) {
      EXPECT_LE(growth, static_cast<long>(cap));
    }
    if (in_full()) {
      EXPECT_GE(beside, 0.95 * baseline);
    }
    report("T19 slow consumers, " + what + ": asked " + std::to_string(many) + " subscribers, " +
           std::to_string(stopping) +
           " stopped, others >= 95 % of baseline, memory <= caps + 10 % (" + std::to_string(cap) +
           " KiB), counters exact; reached " + rounded(100 * beside / baseline) + " % (" +
           rounded(beside, 0) + " of " + rounded(baseline, 0) + " deliveries/s), memory +" +
           std::to_string(growth) + " KiB, exact for " + std::to_string(show->exact) + " (" +
           std::to_string(show->kept) + " kept, " + std::to_string(show->missed) + " missed)");
  }

  const unsigned many = times(1000, 100);
  const unsigned stopping = times(10, 3);

 private:
  /// Has so many messages broadcast and gives what those who read got in a second.
  double rate_of_the_others() {
    constexpr std::uint64_t messages = 400;
    const std::uint64_t expected = show->received + messages * (many - stopping);
    const auto begin = Clock::now();
    show->wanted += messages;
    EXPECT_TRUE(eventually([&] { return show->received >= expected; }, 30s));
    return static_cast<double>(messages * (many - stopping)) /
           std::chrono::duration<double>(Clock::now() - begin).count();
  }

  const Duration between = in_full() ? 10ms : 3ms;
  TempDirectory directory;
  std::string path = directory / "s";
  Shared<Show> show;
  rlimit before_{};
};

TEST_F(slow_consumers, lose_the_oldest_and_hold_nobody_up) {
  perform(Full::drop_oldest, "drop_oldest");
}

TEST_F(slow_consumers, lose_the_newest_and_hold_nobody_up) {
  perform(Full::drop_newest, "drop_newest");
}

}  // namespace
}  // namespace hallway::torture
