// SPDX-License-Identifier: Apache-2.0
//
// Subscriptions: what they are given, how they end, and what a full inbox does.
#include <hallway/task_scope.hpp>

#include "unit/hub/client/scripted_hub.hpp"

#include <hallway/event.hpp>
#include <hallway/when_any.hpp>

namespace hallway {
namespace {

using namespace test;

class hub_client_subscribe : public HubClientTest {
 protected:
  void SetUp() override {
    HubClientTest::SetUp();
    connect();
  }

  /// Room for a few small messages.
  static hub::SubscribeOptions small(OverflowPolicy policy) {
    return {.inbox = 500, .overflow = policy};
  }

  void deliver_numbers(std::size_t sid, int count) {
    for (int i = 0; i < count; ++i) hub.deliver("s", sid, std::to_string(i));
  }

  /// All payloads that can be received now.
  static std::vector<std::string> all_of(hub::Subscription& from) {
    std::vector<std::string> payloads;
    while (const hub::Received received = from.try_receive()) {
      payloads.emplace_back(received->payload());
    }
    return payloads;
  }
};

TEST_F(hub_client_subscribe, receives_what_the_hub_delivers) {
  hub::Subscription one = subscribe("a.*");
  hub::Subscription other = subscribe("b.>", {.queue = "workers"});
  ASSERT_TRUE(until_received("SUB subject=b.> queue=workers sid=2"));
  EXPECT_TRUE(hub.has_received("SUB subject=a.* sid=1"));
  hub.send(
      "HMSG a.x 1 r.1 25 27\r\nNATS/1.0\r\nA: b\r\nB: c \r\n\r\nhi\r\n"
      "MSG b.y 2 0\r\n\r\nMSG c 3 1\r\nx\r\nMSG c none 1\r\nx\r\n");
  const hub::Received received = loop.run([](hub::Subscription& from) -> Task<hub::Received> {
    co_return co_await from.receive();
  }(one));
  ASSERT_TRUE(received);
  EXPECT_EQ(received->subject(), "a.x");
  EXPECT_EQ(received->reply(), "r.1");
  EXPECT_EQ(received->payload(), "hi");
  EXPECT_EQ(received->find("A"), "b");
  EXPECT_EQ(received->find("a"), std::nullopt);
  ASSERT_EQ(received->header().size(), 2U);
  EXPECT_EQ(received->header()[1].name, "B");
  EXPECT_EQ(received->header()[1].value, "c");
  EXPECT_EQ(next(other), "");
  EXPECT_EQ(one.try_receive().outcome(), Outcome::would_block);
  EXPECT_EQ(one.subject(), "a.*");
  EXPECT_EQ(client->counters().messages_received, 4U);
}

TEST_F(hub_client_subscribe, refuses_an_invalid_subscription) {
  for (const char* subject : {"", "a..b", "a b", ">.a", "a\r\nSUB"}) {
    const auto made = client->subscribe(subject);
    ASSERT_FALSE(made) << subject;
    EXPECT_EQ(made.error().code, std::errc::invalid_argument);
  }
  EXPECT_FALSE(client->subscribe("a", {.queue = "two words"}));
  EXPECT_FALSE(client->subscribe(std::string(4096, 'a')));
  EXPECT_EQ(flush(), Outcome::ok);
  EXPECT_TRUE(hub.received.empty());
}

TEST_F(hub_client_subscribe, waits_for_the_next_message_as_long_as_asked) {
  hub::Subscription from = subscribe("s");
  EXPECT_EQ(next(from, 1ms), "timed out");
  hub.deliver("s", 1, "late");
  EXPECT_EQ(next(from), "late");
}

TEST_F(hub_client_subscribe, ends_a_wait_with_closed_when_the_loop_drains) {
  hub::Subscription from = subscribe("s");
  ASSERT_TRUE(until_received("SUB subject=s sid=1"));
  std::optional<Outcome> outcome;
  loop.spawn([&]() -> Task<> { outcome = (co_await from.receive()).outcome(); });
  loop.turn();
  loop.drain(patience);
  EXPECT_TRUE(until([&] { return outcome.has_value(); }));
  EXPECT_EQ(outcome, Outcome::closed);
}

TEST_F(hub_client_subscribe, keeps_a_message_whose_receive_was_cancelled_before_it_continued) {
  hub::Subscription from = subscribe("s");
  ASSERT_TRUE(until_received("SUB subject=s sid=1"));
  Event event(loop);
  std::optional<std::size_t> index;
  loop.spawn(
      [&]() -> Task<> { index = (co_await when_any(event.wait(), from.receive())).index(); });
  hub.deliver("s", 1, "kept");
  event.set();
  EXPECT_TRUE(until([&] { return index.has_value() && from.waiting() == 1; }));
  EXPECT_EQ(index, 0U);
  EXPECT_EQ(next(from), "kept");
}

TEST_F(hub_client_subscribe, ends_after_the_given_number_of_messages) {
  hub::Subscription from = subscribe("s", {.max = 2});
  ASSERT_TRUE(until_received("UNSUB sid=1 max=2"));
  deliver_numbers(1, 3);
  EXPECT_EQ(next(from), "0");
  EXPECT_EQ(next(from), "1");
  EXPECT_EQ(next(from), "end of stream");
}

TEST_F(hub_client_subscribe, unsubscribes_and_still_gives_what_has_arrived) {
  hub::Subscription from = subscribe("s");
  ASSERT_TRUE(until_received("SUB subject=s sid=1"));
  deliver_numbers(1, 1);
  ASSERT_TRUE(until([&] { return from.waiting() == 1; }));
  from.unsubscribe();
  ASSERT_TRUE(until_received("UNSUB sid=1"));
  deliver_numbers(1, 1);
  EXPECT_EQ(flush(), Outcome::ok);
  EXPECT_EQ(next(from), "0");
  EXPECT_EQ(next(from), "end of stream");
}

TEST_F(hub_client_subscribe, unsubscribes_when_it_is_destroyed) {
  {
    hub::Subscription first = subscribe("s");
    hub::Subscription second = subscribe("t");
    first = std::move(second);
    EXPECT_TRUE(until_received("UNSUB sid=1"));
  }
  EXPECT_TRUE(until_received("UNSUB sid=2"));
}

TEST_F(hub_client_subscribe, ends_a_receive_that_waits_when_it_is_destroyed) {
  std::optional<hub::Subscription> from(subscribe("s"));
  std::optional<Outcome> outcome;
  loop.spawn([](hub::Subscription& waited, std::optional<Outcome>& result) -> Task<> {
    result = (co_await waited.receive()).outcome();
  }(*from, outcome));
  from.reset();
  ASSERT_TRUE(until([&] { return outcome.has_value(); }));
  EXPECT_EQ(outcome, Outcome::closed);
}

TEST_F(hub_client_subscribe, refuses_a_policy_that_inboxes_do_not_support) {
  const auto made = client->subscribe("s", small(OverflowPolicy::latest_only));
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, std::errc::invalid_argument);
  EXPECT_EQ(made.error().explain(),
            "overflow policy latest_only: a client's inboxes support wait, drop_oldest, "
            "drop_newest, disconnect");
}

TEST_F(hub_client_subscribe, drops_the_newest_of_a_full_inbox_and_reports_it_once) {
  hub::Subscription from = subscribe("s", small(OverflowPolicy::drop_newest));
  deliver_numbers(1, 50);
  EXPECT_EQ(flush(), Outcome::ok);
  const auto kept = static_cast<std::uint64_t>(from.waiting());
  EXPECT_GT(kept, 1U);
  EXPECT_EQ(from.dropped(), 50 - kept);
  EXPECT_EQ(count(Kind::messages_lost), 1U);
  EXPECT_EQ(events.back().error.subject, "s");
  EXPECT_EQ(all_of(from).front(), "0");
  deliver_numbers(1, 50);
  EXPECT_EQ(flush(), Outcome::ok);
  EXPECT_EQ(count(Kind::messages_lost), 2U);
}

TEST_F(hub_client_subscribe, counts_and_reports_what_the_hub_had_no_room_for) {
  hub::Subscription from = subscribe("s");
  hub.deliver("s", 1, "before");
  hub.deliver("$SYS.HUB.GAP", 1, "12");
  hub.deliver("s", 1, "behind");
  hub.deliver("$SYS.HUB.GAP", 1, "1");
  EXPECT_EQ(flush(), Outcome::ok);
  EXPECT_EQ(all_of(from), (std::vector<std::string>{"before", "behind"}));
  EXPECT_EQ(from.dropped(), 13U);
  EXPECT_EQ(client->counters().messages_received, 2U);
  EXPECT_EQ(count(Kind::messages_lost), 2U);
  EXPECT_EQ(events.front().error.subject, "s");
  EXPECT_NE(events.front().error.reason.find("12"), std::string::npos);
}

TEST_F(hub_client_subscribe, drops_the_oldest_of_a_full_inbox) {
  hub::Subscription from = subscribe("s", small(OverflowPolicy::drop_oldest));
  deliver_numbers(1, 50);
  EXPECT_EQ(flush(), Outcome::ok);
  const auto kept = all_of(from);
  EXPECT_EQ(kept.size(), 50 - from.dropped());
  EXPECT_EQ(kept.back(), "49");
}

TEST_F(hub_client_subscribe, ends_a_slow_one_if_the_policy_is_disconnect) {
  hub::Subscription slow = subscribe("s", small(OverflowPolicy::disconnect));
  hub::Subscription other = subscribe("t");
  deliver_numbers(1, 50);
  hub.deliver("t", 2, "as ever");
  EXPECT_EQ(next(other), "as ever");
  EXPECT_TRUE(until_received("UNSUB sid=1"));
  const auto kept = all_of(slow);
  EXPECT_EQ(kept.front(), "0");
  const hub::Received end = slow.try_receive();
  EXPECT_EQ(end.outcome(), Outcome::failed);
  EXPECT_NE(end.error().why().find("subscriber was too slow"), std::string::npos);
}

TEST_F(hub_client_subscribe, stops_reading_for_all_if_the_policy_is_wait) {
  hub::Subscription slow = subscribe("s", small(OverflowPolicy::wait));
  hub::Subscription other = subscribe("t");
  ASSERT_TRUE(until_received("SUB subject=t sid=2"));
  deliver_numbers(1, 50);
  hub.deliver("t", 2, "behind them");
  EXPECT_EQ(next(other, 20ms), "timed out");
  for (int i = 0; i < 50; ++i) EXPECT_EQ(next(slow), std::to_string(i));
  EXPECT_EQ(next(other), "behind them");
  EXPECT_EQ(slow.dropped(), 0U);
}

TEST_F(hub_client_subscribe, goes_on_reading_when_the_full_one_is_destroyed) {
  std::optional<hub::Subscription> slow(subscribe("s", small(OverflowPolicy::wait)));
  hub::Subscription other = subscribe("t");
  ASSERT_TRUE(until_received("SUB subject=t sid=2"));
  deliver_numbers(1, 50);
  hub.deliver("t", 2, "behind them");
  EXPECT_EQ(next(other, 20ms), "timed out");
  slow.reset();
  EXPECT_EQ(next(other), "behind them");
}

TEST_F(hub_client_subscribe, drains_to_the_last_message_and_what_was_answered_to_it) {
  hub::Subscription from = subscribe("s");
  ASSERT_TRUE(until_received("SUB subject=s sid=1"));
  deliver_numbers(1, 3);
  loop.spawn([](hub::Client& by, hub::Subscription& source) -> Task<> {
    while (const auto message = co_await source.receive()) {
      const hub::Sent sent = co_await by.publish("answer", message->payload());
      EXPECT_TRUE(sent);
    }
  }(*client, from));
  const hub::Sent drained = loop.run(client->drain());
  EXPECT_EQ(drained.outcome(), Outcome::ok);
  EXPECT_EQ(hub.received, (std::vector<std::string>{
                              "SUB subject=s sid=1", "UNSUB sid=1", "PUB subject=answer payload=0",
                              "PUB subject=answer payload=1", "PUB subject=answer payload=2"}));
  EXPECT_FALSE(client->subscribe("t"));
  EXPECT_TRUE(until([&] { return !hub.has_client(); }));
}

TEST_F(hub_client_subscribe, drains_no_longer_than_asked) {
  hub::Subscription ignored = subscribe("s");
  const hub::Sent drained = loop.run(client->drain(20ms));
  EXPECT_EQ(drained.outcome(), Outcome::timed_out);
  EXPECT_FALSE(client->connected());
}

TEST_F(hub_client_subscribe, ends_its_wait_when_the_loop_drains) {
  hub::Subscription from = subscribe("s");
  ASSERT_TRUE(until_received("SUB subject=s sid=1"));
  const auto on_time = [this]() -> Task<> {
    co_await loop.sleep(1ms);
    loop.drain();
  };
  loop.spawn(on_time);
  EXPECT_EQ(next(from), to_string(Outcome::closed));
}

TEST_F(hub_client_subscribe, takes_what_still_arrives_if_its_client_drains_with_the_loop) {
  hub::Subscription from = subscribe("s");
  ASSERT_TRUE(until_received("SUB subject=s sid=1"));
  std::vector<std::string> payloads;
  Outcome end = Outcome::ok;
  TaskScope tasks(loop);
  tasks.spawn([&]() -> Task<> {
    while (end == Outcome::ok) {
      const hub::Received received = co_await from.receive();
      end = received.outcome();
      if (received) payloads.emplace_back(received->payload());
    }
  });
  const auto on_drain = loop.on_drain([&] {
    tasks.spawn([&]() -> Task<> { (void)co_await client->drain(); });
    deliver_numbers(1, 3);
  });
  loop.drain();
  ASSERT_TRUE(until([&] { return end != Outcome::ok; }));
  EXPECT_EQ(payloads, (std::vector<std::string>{"0", "1", "2"}));
  EXPECT_EQ(end, Outcome::end_of_stream);
}

}  // namespace
}  // namespace hallway
