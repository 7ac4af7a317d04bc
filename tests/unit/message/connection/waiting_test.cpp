// SPDX-License-Identifier: Apache-2.0
//
// Waiting: who asks before it sleeps, whom it asks, and when it stops.
#include <gtest/gtest.h>

#include <ctime>

#include <optional>
#include <string>

#include <hallway/client.hpp>

#include "support/conversation.hpp"
#include "support/faults.hpp"

namespace hallway {
namespace {

using namespace test;

/// Processor time of this thread.
Duration busy() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return std::chrono::seconds(time.tv_sec) + Duration(time.tv_nsec);
}

/// A loop, and two connections that are received from.
class waiting : public testing::Test {
 protected:
  struct Line {
    explicit Line(Loop& loop) {
      auto [near, far] = raw_pair(SOCK_STREAM);
      auto adopted = Connection::adopt(loop, std::move(near));
      EXPECT_TRUE(adopted);
      ours.emplace(std::move(*adopted));
      theirs.emplace(std::move(far));
      loop.spawn(receive_all(*ours, log));
    }
    std::optional<Connection> ours;
    std::optional<RawStream> theirs;
    Log log;
  };

  void start(std::optional<Duration> spin) {
    loop = std::make_unique<Loop>(LoopOptions{.spin = spin});
    lively = std::make_unique<Line>(*loop);
    quiet = std::make_unique<Line>(*loop);
  }

  /// From here on the loop expects more from the lively one. The other was heard too long ago to
  /// count as company.
  void make_lively() {
    std::size_t heard = 0;
    const auto began = Loop::Clock::now();
    while (Loop::Clock::now() - began < 5ms) {
      lively->theirs->send("news\n");
      ++heard;
      ASSERT_TRUE(run_until(*loop, [&] { return lively->log.messages.size() == heard; }));
    }
    lively->log.messages.clear();
  }

  std::unique_ptr<Loop> loop;
  std::unique_ptr<Line> lively;
  std::unique_ptr<Line> quiet;
};

TEST_F(waiting, polls_the_most_recent_peer_without_epoll) {
  start(10s);
  make_lively();
  const CallCount waits(sys::Call::epoll_wait);
  for (std::size_t i = 1; i <= 16; ++i) {
    lively->theirs->send("more\n");
    loop->turn(1s);
    ASSERT_EQ(lively->log.messages.size(), i);
  }
  EXPECT_LT(waits.calls(), 8U);
}

TEST_F(waiting, serves_the_others_however_fast_that_peer_is) {
  start(10s);
  make_lively();
  quiet->theirs->send("and me\n");
  unsigned turns = 0;
  for (; quiet->log.messages.empty() && turns < 100; ++turns) {
    lively->theirs->send("more\n");
    loop->turn(1s);
  }
  EXPECT_LE(turns, 8U);
}

TEST_F(waiting, runs_posted_work_however_fast_that_peer_is) {
  start(10s);
  make_lively();
  bool posted = false;
  loop->post([&] { posted = true; });
  unsigned turns = 0;
  for (; !posted && turns < 100; ++turns) {
    lively->theirs->send("more\n");
    loop->turn(1s);
  }
  EXPECT_LE(turns, 8U);
}

TEST_F(waiting, forgets_a_peer_that_is_gone) {
  start(10s);
  make_lively();
  lively->ours->close();
  loop->turn();
  quiet->theirs->send("me\n");
  EXPECT_TRUE(run_until(*loop, [&] { return quiet->log.messages.size() == 1; }));
}

TEST_F(waiting, asks_epoll_alone_with_a_budget_of_zero) {
  start(Duration::zero());
  make_lively();
  const CallCount waits(sys::Call::epoll_wait);
  const CallCount reads(sys::Call::recvmsg);
  lively->theirs->send("more\n");
  loop->turn(1s);
  EXPECT_EQ(waits.calls(), 1U);
  EXPECT_EQ(reads.calls(), 1U);
}

TEST_F(waiting, sleeps_when_its_peers_fall_silent) {
  start({});
  make_lively();
  const Duration before = busy();
  for (int i = 0; i < 20; ++i) loop->turn(10ms);
  // A tenth of that time; the budget is a hundredth, and a busy machine makes the loop cost more.
  EXPECT_LT(busy() - before, 20ms);
}

TEST(client_waiting, asks_before_it_sleeps_and_not_at_all_with_a_budget_of_zero) {
  auto [near, far] = raw_pair(SOCK_STREAM);
  auto client = Client::adopt(std::move(near));
  ASSERT_TRUE(client);
  for (const Duration spin : {Duration::zero(), Duration(1ms)}) {
    client->set_spin(spin);
    const CallCount reads(sys::Call::recvmsg);
    EXPECT_EQ(client->receive(10ms).outcome(), Outcome::timed_out);
    if (spin == Duration::zero()) {
      EXPECT_EQ(reads.calls(), 1U);
    } else {
      EXPECT_GE(reads.calls(), 3U);
    }
  }
}

TEST(client_waiting, takes_no_longer_than_its_deadline) {
  auto [near, far] = raw_pair(SOCK_STREAM);
  auto client = Client::adopt(std::move(near));
  ASSERT_TRUE(client);
  client->set_spin(10s);
  const auto began = Loop::Clock::now();
  EXPECT_EQ(client->receive(20ms).outcome(), Outcome::timed_out);
  EXPECT_LT(Loop::Clock::now() - began, 5s);
}

}  // namespace
}  // namespace hallway
