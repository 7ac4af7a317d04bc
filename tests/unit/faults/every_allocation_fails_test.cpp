// SPDX-License-Identifier: Apache-2.0
//
// Every scenario, again and again: each time another of its allocations fails. std::bad_alloc may
// leave the call that was made, or one connection may end; nothing else may come of it, and
// nothing is left behind.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <hallway/hallway.hpp>

#include "support/conversation.hpp"
#include "support/inventory.hpp"
#include "support/raw_socket.hpp"
#include "support/temp_directory.hpp"
#include "support/waiting.hpp"
#include "support/watchdog.hpp"
#include "unit/faults/allocations.hpp"
#include "unit/faults/c_scenarios.hpp"
#include "unit/faults/scenarios.hpp"

namespace hallway {
namespace {

using namespace test;

constexpr unsigned most_seconds = 30;

class every_allocation : public testing::TestWithParam<Scenario> {
 protected:
  /// Runs the scenario once. Gives how many allocations it made.
  unsigned run_once(unsigned nth, bool first = false) {
    const std::string name = std::string(GetParam().title) + ": allocation " + std::to_string(nth);
    watchdog_.start(name, most_seconds);
    const TempDirectory directory;
    Inventory before = Inventory::take();
    before.threads += GetParam().threads;
    const long blocks = live_blocks();
    unsigned made = 0;
    {
      std::optional<Result<void>> ended;
      try {
        const FailingAllocation failing(nth);
        ended = run(GetParam(), directory.path());
        made = FailingAllocation::made();
      } catch (const std::bad_alloc&) {
      }
      const bool failed = ended && !*ended;
      if (failed) {
        EXPECT_NE(ended->error().operation, wrong_answer) << name << ended->error().subject;
      }
      EXPECT_TRUE(nth != 0 || !failed) << ended->error().explain();
    }
    EXPECT_EQ(lasting_difference(before), "") << name;
    // A thread may be about to free what it has worked with.
    const auto deadline = Loop::Clock::now() + 2s;
    while (!first && live_blocks() != blocks && Loop::Clock::now() < deadline) {
      std::this_thread::yield();
    }
    EXPECT_TRUE(first || live_blocks() == blocks) << name << ": " << live_blocks() - blocks;
    EXPECT_EQ(obstacle_to_a_next_start(GetParam(), directory.path()), "") << name;
    return made;
  }

  Watchdog watchdog_;
};

TEST_P(every_allocation, may_fail_once) {
  run_once(0, true);  // some things are made once in a process and stay
  const unsigned allocations = run_once(0);
  ASSERT_GT(allocations, 0U);
  for (unsigned nth = 1; nth <= allocations && !HasFailure(); ++nth) run_once(nth);
  std::printf("%s: %u runs\n", GetParam().title, allocations);
}

INSTANTIATE_TEST_SUITE_P(of, every_allocation, testing::ValuesIn(all_scenarios()),
                         [](const auto& scenario) { return std::string(scenario.param.title); });
INSTANTIATE_TEST_SUITE_P(in_c, every_allocation, testing::ValuesIn(c_scenarios()),
                         [](const auto& scenario) { return std::string(scenario.param.title); });

/// A server, and clients that are not of the library and allocate nothing while it fails.
class out_of_memory : public testing::Test {
 protected:
  void serve(ConnectionHandler handler, ServerOptions options) {
    options.on_event = [this](const ServerEvent& event) {
      ended_ += event.kind == ServerEvent::Kind::closed;
      connected_ += event.kind == ServerEvent::Kind::connected;
    };
    type_ = options.type == SocketType::stream ? SOCK_STREAM : SOCK_SEQPACKET;
    auto opened = Server::open(loop, path_, std::move(handler), std::move(options));
    ASSERT_TRUE(opened);
    server.emplace(std::move(*opened));
  }

  /// Turns the loop, as a program does that goes on after std::bad_alloc, until the client has an
  /// answer or has seen the end. Gives whether it was an answer.
  bool answered(const Descriptor& client, std::size_t size) {
    const auto deadline = Loop::Clock::now() + patience;
    std::array<char, 512> answer;
    while (Loop::Clock::now() < deadline) {
      try {
        loop.turn(1ms);
      } catch (const std::bad_alloc&) {
      }
      const ssize_t got = ::recv(client.get(), answer.data(), answer.size(), MSG_DONTWAIT);
      if (got >= 0) return static_cast<std::size_t>(got) == size;
      if (errno != EAGAIN) return false;
    }
    ADD_FAILURE() << "neither an answer nor an end";
    return false;
  }

  /// One client after the other: each time another allocation of the server fails.
  void every_one_may_fail(const std::string& question, std::size_t answer_size,
                          const std::vector<int>& passed = {}) {
    bool failed = true;
    unsigned runs = 0;
    for (unsigned nth = 1; failed && !HasFailure(); ++nth, ++runs) {
      SCOPED_TRACE(nth);
      watchdog_.start("out of memory, allocation " + std::to_string(nth), most_seconds);
      const Descriptor unlucky = raw_connected(type_, path_);
      raw_send(unlucky.get(), question, passed);
      const Descriptor bystander = raw_connected(type_, path_);
      {
        const FailingAllocation failing(nth);
        answered(unlucky, answer_size);
        failed = FailingAllocation::made() >= nth;
      }
      raw_send(bystander.get(), question, passed);
      answered(bystander, answer_size);
      const Descriptor next = raw_connected(type_, path_);
      raw_send(next.get(), question, passed);
      EXPECT_TRUE(answered(next, answer_size)) << "the server did not go on";
    }
    std::printf("%u runs\n", runs);
    EXPECT_GT(runs, 3U);
    EXPECT_TRUE(run_until(loop, [this] { return ended_ == connected_; })) << "events are missing";
  }

  TempDirectory directory_;
  std::string path_ = directory_ / "s";
  int type_ = SOCK_STREAM;
  unsigned connected_ = 0;
  unsigned ended_ = 0;
  Watchdog watchdog_;
  Loop loop;
  std::optional<Server> server;
};

TEST_F(out_of_memory, a_server_goes_on_after_any_allocation_that_failed) {
  serve(echo, {});
  const std::string question(200, 'q');
  every_one_may_fail(question + "\n", question.size() + 1);
}

TEST_F(out_of_memory, a_server_of_packets_goes_on) {
  serve(echo, {.type = SocketType::seqpacket});
  const std::string question(200, 'q');
  every_one_may_fail(question, question.size());
}

TEST_F(out_of_memory, a_server_that_is_passed_descriptors_goes_on) {
  serve(
      [](Connection connection) -> Task<> {
        while (auto message = co_await connection.receive()) {
          co_await connection.send(message->bytes());
        }
      },
      {.connection = {.descriptors = 2}});
  const Descriptor one = some_file();
  const Descriptor other = some_file();
  every_one_may_fail("two files\n", 10, {one.get(), other.get()});
}

TEST_F(out_of_memory, a_server_with_rules_goes_on) {
  serve(echo, {.allow = {allow::user(std::to_string(::geteuid())), allow::any()}});
  every_one_may_fail("question\n", 9);
}

/// Two connections to each other, one of which is at the end of its memory.
class connection_out_of_memory : public testing::Test {
 protected:
  void SetUp() override {
    auto made = Connection::pair(loop, SocketType::stream, {.descriptors = 2});
    ASSERT_TRUE(made);
    pair.emplace(std::move(*made));
  }

  Loop loop;
  std::optional<std::pair<Connection, Connection>> pair;
};

// Each is sent or it is not: none is cut, none is doubled, and none overtakes another.
TEST_F(connection_out_of_memory, keeps_every_message_that_was_accepted_whole_and_in_order) {
  std::vector<std::string> accepted;
  accepted.reserve(200);
  for (unsigned i = 0; i < 200; ++i) {
    // Of all sizes: the small ones grow a chunk, the large ones need one of their own.
    const std::string message = std::to_string(i) + std::string((i * 937) % 9000, 'm');
    bool sent = false;
    try {
      const FailingAllocation failing(1 + i % 2);
      sent = static_cast<bool>(pair->first.try_send(message));
    } catch (const std::bad_alloc&) {
    }
    if (sent) accepted.push_back(message);
  }
  EXPECT_GT(accepted.size(), 100U);
  EXPECT_LT(accepted.size(), 200U);
  pair->first.half_close();
  Log log;
  loop.spawn(receive_all(pair->second, log));
  ASSERT_TRUE(run_until(loop, [&] { return log.end.has_value(); }));
  EXPECT_TRUE(log.messages == accepted) << log.messages.size() << " of " << accepted.size();
}

TEST_F(connection_out_of_memory, sends_no_message_without_its_descriptors) {
  for (unsigned nth = 1;; ++nth) {
    bool accepted = false;
    bool failed = false;
    std::optional<Outcome> outcome;
    const auto send = [](Connection& connection, std::optional<Outcome>& came_of_it) -> Task<> {
      co_await connection.receive(0ns);  // suspends, so that what follows runs in a turn
      came_of_it = (co_await connection.send("with a file", some_file())).outcome();
    };
    loop.spawn(send(pair->first, outcome));
    try {
      const FailingAllocation failing(nth);
      const auto deadline = Loop::Clock::now() + patience;
      while (!outcome && Loop::Clock::now() < deadline) loop.turn(1ms);
      failed = FailingAllocation::made() >= nth;
    } catch (const std::bad_alloc&) {
      failed = true;
    }
    accepted = outcome == Outcome::ok;
    if (accepted) {
      Received got = loop.run([](Connection& connection) -> Task<Received> {
        co_return co_await connection.receive(patience);
      }(pair->second));
      ASSERT_EQ(got.outcome(), Outcome::ok);
      EXPECT_EQ(got->descriptors().size(), 1U);
    } else {
      ASSERT_EQ(pair->second.try_receive().outcome(), Outcome::would_block);
    }
    if (!failed) break;
  }
}

TEST_F(connection_out_of_memory, closes_with_descriptors_that_were_not_received) {
  const Descriptor file = some_file();
  bool failed = true;
  for (unsigned nth = 1; failed; ++nth) {
    auto [near, far] = raw_pair(SOCK_STREAM);
    auto adopted = Connection::adopt(loop, std::move(near), {.descriptors = 2});
    ASSERT_TRUE(adopted);
    for (int i = 0; i < 3; ++i) raw_send(far.get(), "a file\n", {file.get()});
    {
      const FailingAllocation failing(nth);
      adopted->close();
      failed = FailingAllocation::made() >= nth;
    }
    EXPECT_EQ(adopted->try_receive().outcome(), Outcome::closed);
  }
}

// Without memory for its reason, a result keeps its outcome, and its error says less.
TEST_F(connection_out_of_memory, leaves_results_their_outcome_without_memory_for_a_reason) {
  auto [near, far] = raw_pair(SOCK_STREAM);
  auto adopted = Connection::adopt(loop, std::move(near));
  ASSERT_TRUE(adopted);
  far.close();
  std::optional<Received> ended;
  {
    const FailingAllocation counting(0);
    while (!ended || ended->outcome() == Outcome::would_block) {
      ended.emplace(adopted->try_receive());
    }
  }
  EXPECT_EQ(ended->outcome(), Outcome::end_of_stream);
  {
    const FailingAllocation failing(1);
    ended.emplace(adopted->try_receive());
    EXPECT_EQ(FailingAllocation::made(), 1U);
  }
  EXPECT_EQ(ended->outcome(), Outcome::end_of_stream);
  EXPECT_EQ(ended->error().why(), "the peer closed the connection");
  EXPECT_EQ(ended->error().subject, "");
}

TEST_F(connection_out_of_memory, takes_none_to_report_that_a_call_would_block) {
  auto [near, far] = raw_pair(SOCK_STREAM);
  auto adopted = Connection::adopt(loop, std::move(near));
  ASSERT_TRUE(adopted);
  while (adopted->try_send(std::string(10'000, 'x'))) {
  }
  EXPECT_EQ(adopted->try_receive().outcome(), Outcome::would_block);
  const std::string message(10'000, 'x');
  const FailingAllocation counting(0);
  EXPECT_EQ(adopted->try_send(message).outcome(), Outcome::would_block);
  EXPECT_EQ(FailingAllocation::made(), 0U);
}

// What a message gathers while it arrives in pieces is its bytes, and not something for each.
TEST_F(connection_out_of_memory, takes_little_of_it_for_a_message_with_a_descriptor_in_pieces) {
  auto [near, far] = raw_pair(SOCK_STREAM);
  auto adopted = Connection::adopt(loop, std::move(near), {.descriptors = 2});
  ASSERT_TRUE(adopted);
  const Descriptor file = some_file();
  raw_send(far.get(), "a", {file.get()});
  EXPECT_EQ(adopted->try_receive().outcome(), Outcome::would_block);
  for (int i = 0; i < 10; ++i) {
    raw_send(far.get(), "b");
    EXPECT_EQ(adopted->try_receive().outcome(), Outcome::would_block);
  }
  const long blocks = live_blocks();
  unsigned grown = 0;
  for (int i = 0; i < 1000; ++i) {
    raw_send(far.get(), "b");
    const FailingAllocation counting(0);
    EXPECT_EQ(adopted->try_receive().outcome(), Outcome::would_block);
    grown = std::max(grown, FailingAllocation::made());
  }
  EXPECT_LE(live_blocks(), blocks);
  EXPECT_LE(grown, 1U) << "only the buffer for the bytes themselves";
  raw_send(far.get(), "\n");
  Received whole = adopted->try_receive();
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->descriptors().size(), 1U);
}

/// What tasks wait for, in a loop that goes on after std::bad_alloc.
class waits_out_of_memory : public testing::Test {
 protected:
  Task<> pass_one() {
    const auto permit = co_await permits.acquire();
    const Outcome sent = co_await channel.send(++last, 1s);
    if (sent == Outcome::ok) event.set();
  }

  Task<bool> wait_for_one() {
    const int number = co_await in_thread([] { return 7; });
    event.reset();
    TaskScope scope(loop);
    TaskHandle sender = scope.spawn(pass_one());
    const auto woken = co_await when_any(event.wait(), loop.sleep(1s));
    const auto value = co_await with_timeout(channel.receive(), 1s);
    co_await sender.join();
    co_await scope.join();
    co_return number == 7 && woken.index() == 0 && value == last&& permits.free() == 1;
  }

  Loop loop;
  Event event{loop};
  Channel<int> channel{loop, 1};
  Semaphore permits{loop, 1};
  int last = 0;
};

TEST_F(waits_out_of_memory, can_be_used_after_any_allocation_that_failed) {
  bool failed = true;
  for (unsigned nth = 1; failed && !HasFailure(); ++nth) {
    try {
      const FailingAllocation failing(nth);
      const bool all = loop.run(wait_for_one());
      failed = FailingAllocation::made() >= nth;
      EXPECT_TRUE(all || failed);
    } catch (const std::bad_alloc&) {
    }
    // What was sent and not received, before one of them failed.
    while (channel.try_receive()) {
    }
    EXPECT_TRUE(loop.run(wait_for_one())) << nth;
    EXPECT_EQ(channel.size(), 0U) << nth;
  }
}

/// By the function: a compiler may leave a new-expression out whose memory nobody uses.
struct Block {
  Block() : memory(::operator new(1)) {}
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;
  ~Block() { ::operator delete(memory); }
  void* memory;
};

TEST(failing_allocation, fails_the_nth_of_operator_new_and_of_the_librarys_malloc) {
  const long blocks = live_blocks();
  {
    const FailingAllocation failing(2);
    const Block first;
    EXPECT_THROW(Block(), std::bad_alloc);
    const Block third;
    EXPECT_EQ(FailingAllocation::made(), 3U);
  }
  const FailingAllocation failing(1);
  void* const volatile none = std::malloc(1);
  EXPECT_EQ(none, nullptr);
  EXPECT_EQ(live_blocks(), blocks);
}

}  // namespace
}  // namespace hallway
