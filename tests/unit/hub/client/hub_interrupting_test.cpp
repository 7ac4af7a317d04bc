// SPDX-License-Identifier: Apache-2.0
//
// Each wait of a hub's client without a loop, ended by an Interrupt, and the client afterwards.
#include <gtest/gtest.h>

#include <sys/socket.h>

#include <cerrno>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include <hallway/hub_blocking_client.hpp>
#include <hallway/interrupt.hpp>

#include "support/faults.hpp"
#include "support/hub_serving.hpp"
#include "support/hub_thread.hpp"
#include "support/interruption.hpp"
#include "support/raw_socket.hpp"
#include "support/temp_directory.hpp"
#include "support/waiting.hpp"

namespace hallway {
namespace {

using namespace test;
using hub::BlockingClient;
using hub::BlockingSubscription;

class hub_interrupting : public testing::TestWithParam<InterruptedBy> {
 protected:
  BlockingClient connect(const hub::ClientOptions& options = {}) {
    auto made = BlockingClient::connect(path, options, interruption.get());
    EXPECT_TRUE(made) << made.error().explain();
    return std::move(*made);
  }

  static BlockingSubscription subscribe(BlockingClient& by, ByteView subject) {
    auto made = by.subscribe(subject, {}, patience);
    EXPECT_TRUE(made) << made.error().explain();
    return std::move(*made);
  }

  void expect_interrupted(const Error& error) {
    EXPECT_EQ(error.code, std::errc::interrupted) << error.explain();
    EXPECT_EQ(error.subject, "unix:" + path);
    EXPECT_EQ(error.reason, "interrupted by this program");
    EXPECT_FALSE(error.operation.empty());
  }

  /// Makes a call, which waits, and interrupts it.
  template <typename Call>
  void interrupt(Call call) {
    const auto result = interruption.during(call);
    ASSERT_FALSE(result);
    if constexpr (requires { result.outcome(); }) {
      EXPECT_EQ(result.outcome(), Outcome::failed);
    }
    expect_interrupted(result.error());
    interruption.over();
  }

  static void expect_usable(BlockingClient& client) {
    BlockingSubscription all = subscribe(client, "usable");
    EXPECT_TRUE(client.publish("usable", "yes", {}, patience));
    const hub::Received received = all.receive(patience);
    ASSERT_TRUE(received) << received.error().explain();
    EXPECT_EQ(received->payload(), "yes");
  }

  TempDirectory directory;
  std::string path = directory / "hub";
  HubThread hub;
  Interruption interruption{GetParam()};
};

INSTANTIATE_TEST_SUITE_P(by, hub_interrupting,
                         testing::Values(InterruptedBy::trigger, InterruptedBy::signal),
                         testing::PrintToStringParamName());

TEST_P(hub_interrupting, ends_a_connect_while_no_hub_listens) {
  interrupt(
      [&] { return BlockingClient::connect(path, {.retry_for = patience}, interruption.get()); });
  hub.start(path);
  BlockingClient client = connect();
  expect_usable(client);
}

TEST_P(hub_interrupting, ends_a_connect_to_a_hub_that_does_not_greet) {
  const Descriptor silent = raw_listening(SOCK_STREAM, path);
  interrupt([&] { return BlockingClient::connect(path, {}, interruption.get()); });
}

TEST_P(hub_interrupting, ends_a_receive) {
  hub.start(path);
  BlockingClient client = connect();
  BlockingSubscription from = subscribe(client, "s");
  interrupt([&] { return from.receive(patience); });
  EXPECT_TRUE(client.publish("s", "later"));
  const hub::Received received = from.receive(patience);
  ASSERT_TRUE(received);
  EXPECT_EQ(received->payload(), "later");
  expect_usable(client);
}

TEST_P(hub_interrupting, ends_a_request_and_drops_its_late_answer) {
  hub.start(path);
  BlockingClient client = connect();
  BlockingSubscription questions = subscribe(client, "question");
  interrupt([&] { return client.request("question", "?", patience); });
  const hub::Received question = questions.receive(patience);
  ASSERT_TRUE(question);
  EXPECT_TRUE(client.publish(question->reply(), "late"));
  expect_usable(client);
}

TEST_P(hub_interrupting, ends_what_waits_for_a_hub_that_is_away) {
  hub.start(path);
  hub::ClientOptions options;
  options.limits.outbound = 100;
  options.reconnect.first_wait = 1ms;
  options.reconnect.max_wait = 5ms;
  BlockingClient client = connect(options);
  BlockingSubscription kept = subscribe(client, "kept");
  hub.stop();
  interrupt([&] { return client.flush(patience); });
  EXPECT_FALSE(client.connected());
  interrupt([&] { return client.subscribe("s", {}, patience); });
  interrupt([&] { return client.publish("kept", std::string(100, 'x'), {}, patience); });
  interrupt([&] { return client.publish("kept", "has no room", {}, patience); });
  interrupt([&] { return kept.receive(patience); });
  hub.start(path);
  EXPECT_TRUE(client.flush(patience));
  const hub::Received received = kept.receive(patience);
  ASSERT_TRUE(received);
  EXPECT_EQ(received->payload(), std::string(100, 'x'));
  expect_usable(client);
}

TEST_P(hub_interrupting, ends_a_close_that_another_one_completes) {
  const Descriptor listener = raw_listening(SOCK_STREAM, path);
  std::optional<RawStream> stalled;
  std::thread greeter([&] {
    stalled.emplace(Descriptor::adopt(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC)));
    stalled->send("INFO {\"max_payload\":1048576}\r\n");
    std::string greeting;
    while (!greeting.ends_with("PING\r\n")) {
      const RawReception got = raw_receive(stalled->get(), 65536, true);
      if (got.result <= 0) return;
      greeting += got.bytes;
    }
    stalled->send("PONG\r\n");
  });
  BlockingClient client = connect();
  greeter.join();
  const std::string large(1'000'000, 'x');
  int published = 0;  // until the kernel takes no more; the last one stays queued
  Outcome outcome = Outcome::ok;
  for (; outcome == Outcome::ok && published < 100; ++published) {
    outcome = client.publish("s", large, {}, 1ms).outcome();
  }
  ASSERT_EQ(outcome, Outcome::timed_out);
  const auto before = Loop::Clock::now();
  interruption.during([&] {
    client.close();
    return true;
  });
  EXPECT_LT(Loop::Clock::now() - before, patience);
  EXPECT_EQ(client.publish("s", "x").outcome(), Outcome::closed);
  interruption.over();
  std::thread reader([&] {
    while (!stalled->ended) stalled->collect();
  });
  client.close();
  reader.join();
  const std::size_t one = pub("s", large).size();
  EXPECT_EQ(stalled->received.size(), static_cast<std::size_t>(published) * one);
  EXPECT_TRUE(stalled->received.ends_with(large + "\r\n"));
}

TEST_P(hub_interrupting, waits_at_once_where_the_kernel_cannot_poll) {
  hub.start(path);
  BlockingClient client = connect();
  const FaultOn fault(sys::Call::poll, 1, ENOMEM, FaultOn::always);
  expect_usable(client);
}

}  // namespace
}  // namespace hallway
