// SPDX-License-Identifier: Apache-2.0
//
// A hub that goes away and comes back: what the client does meanwhile, and what it tells it then.
#include "unit/hub/client/scripted_hub.hpp"

#include <sstream>

#include "hub/full_jitter.hpp"

namespace hallway {
namespace {

using namespace test;

using hub_client_reconnect = HubClientTest;

TEST_F(hub_client_reconnect, comes_back_and_subscribes_again) {
  connect(tireless());
  hub::Subscription plain = subscribe("a");
  hub::Subscription grouped = subscribe("b", {.queue = "g"});
  hub::Subscription ended = subscribe("c");
  ended.unsubscribe();
  ASSERT_TRUE(until_received("UNSUB sid=3"));
  hub.crash();
  ASSERT_TRUE(until_reported(Kind::disconnected));
  EXPECT_FALSE(client->connected());
  hub.received.clear();
  hub.open();
  ASSERT_TRUE(until_reported(Kind::reconnected));
  EXPECT_EQ(flush(), Outcome::ok);
  EXPECT_EQ(hub.received,
            (std::vector<std::string>{"SUB subject=a sid=1", "SUB subject=b queue=g sid=2"}));
  hub.deliver("a", 1, "again");
  EXPECT_EQ(next(plain), "again");
  EXPECT_EQ(client->counters().reconnects, 1U);
}

TEST_F(hub_client_reconnect, prints_each_event_as_one_line) {
  hub::ClientOptions options = tireless();
  options.reconnect.max_attempts = 1;
  connect(options);
  hub.send("-ERR 'Invalid\tSubject'\r\n");
  ASSERT_TRUE(until_reported(Kind::complaint));
  EXPECT_EQ(to_string(events.back()), "use unix:" + path + ": the hub replied: Invalid\\tSubject");
  hub.cut();
  ASSERT_TRUE(until_reported(Kind::reconnected));
  EXPECT_TRUE(to_string(events[1]).starts_with("disconnected from unix:" + path + ": "))
      << events[1];
  EXPECT_EQ(to_string(events.back()), "reconnected to unix:" + path);
  hub.crash();
  ASSERT_TRUE(until_reported(Kind::given_up));
  EXPECT_EQ(to_string(events.back()),
            "gave up reconnecting to unix:" + path + ": " + events.back().error.why());
  std::ostringstream printed;
  printed << events.back();
  EXPECT_EQ(printed.str(), to_string(events.back()));
}

TEST_F(hub_client_reconnect, asks_for_what_is_left_of_a_number_of_messages) {
  connect(tireless());
  hub::Subscription from = subscribe("a", {.max = 5});
  hub.deliver("a", 1, "1");
  hub.deliver("a", 1, "2");
  EXPECT_EQ(next(from), "1");
  EXPECT_EQ(next(from), "2");
  hub.cut();
  EXPECT_TRUE(until_received("UNSUB sid=1 max=3"));
  for (const char* payload : {"3", "4", "5"}) {
    hub.deliver("a", 1, payload);
    EXPECT_EQ(next(from), payload);
  }
  EXPECT_EQ(next(from), "end of stream");
}

TEST_F(hub_client_reconnect, keeps_what_is_published_meanwhile_up_to_the_limit) {
  hub::ClientOptions options = tireless();
  options.limits.outbound = 1000;
  connect(options);
  hub::Subscription from = subscribe("s");
  hub.crash();
  ASSERT_TRUE(until_reported(Kind::disconnected));
  hub.received.clear();
  std::size_t kept = 0;
  while (publish("s", "0123456789") == Outcome::ok) ++kept;
  EXPECT_GT(kept, 10U);
  EXPECT_GE(client->unsent_bytes(), 1000U);
  EXPECT_LT(client->unsent_bytes(), 1100U);
  std::optional<Outcome> waited;
  loop.spawn([](hub::Client& by, std::optional<Outcome>& outcome) -> Task<> {
    outcome = (co_await by.publish("last", "x")).outcome();
  }(*client, waited));
  EXPECT_FALSE(waited);
  hub.open();
  ASSERT_TRUE(until([&] { return waited.has_value(); }));
  EXPECT_EQ(waited, Outcome::ok);
  EXPECT_EQ(flush(), Outcome::ok);
  EXPECT_EQ(hub.received.front(), "SUB subject=s sid=1");
  EXPECT_EQ(hub.received.size(), 1 + kept + 1);
  EXPECT_EQ(hub.received.back(), "PUB subject=last payload=x");
}

TEST_F(hub_client_reconnect, reports_the_outcome_of_a_flush_as_unknown) {
  connect(tireless());
  hub.answers_pings = false;
  std::optional<Outcome> outcome;
  loop.spawn([](hub::Client& by, std::optional<Outcome>& result) -> Task<> {
    result = (co_await by.flush()).outcome();
  }(*client, outcome));
  loop.turn();
  hub.answers_pings = true;
  hub.cut();
  ASSERT_TRUE(until([&] { return outcome.has_value(); }));
  EXPECT_EQ(outcome, Outcome::peer_gone);
}

TEST_F(hub_client_reconnect, flushes_by_way_of_the_next_hub_when_there_is_none) {
  connect(tireless());
  hub.crash();
  ASSERT_TRUE(until_reported(Kind::disconnected));
  EXPECT_EQ(flush(1ms), Outcome::timed_out);
  EXPECT_EQ(publish("s", "x"), Outcome::ok);
  hub.open();
  EXPECT_EQ(flush(), Outcome::ok);
  EXPECT_TRUE(hub.has_received("PUB subject=s payload=x"));
}

TEST_F(hub_client_reconnect, publishes_to_the_next_hub_when_this_one_leaves) {
  connect(tireless());
  hub.send("INFO {\"headers\":true,\"max_payload\":1048576,\"ldm\":true}\r\n");
  // What it was sent is on its way after a turn, and what is kept is not.
  ASSERT_TRUE(until([&] {
    if (client->unsent_bytes() > 0) return true;
    EXPECT_EQ(publish("s", "before"), Outcome::ok);
    return false;
  }));
  EXPECT_EQ(publish("s", "after"), Outcome::ok);
  std::optional<Outcome> outcome;
  loop.spawn([](hub::Client& by, std::optional<Outcome>& result) -> Task<> {
    result = (co_await by.flush()).outcome();
  }(*client, outcome));
  loop.turn();
  hub.crash();
  ASSERT_TRUE(until_reported(Kind::disconnected));
  EXPECT_FALSE(outcome);
  EXPECT_FALSE(hub.has_received("PUB subject=s payload=after"));
  hub.open();
  ASSERT_TRUE(until([&] { return outcome.has_value(); }));
  EXPECT_EQ(outcome, Outcome::ok);
  EXPECT_TRUE(hub.has_received("PUB subject=s payload=after"));
}

TEST_F(hub_client_reconnect, gives_up_after_the_given_number_of_attempts) {
  hub::ClientOptions options = tireless();
  options.reconnect.max_attempts = 3;
  connect(options);
  hub::Subscription from = subscribe("s");
  hub.deliver("s", 1, "before");
  ASSERT_TRUE(until([&] { return from.waiting() == 1; }));
  hub.crash();
  ASSERT_TRUE(until_reported(Kind::given_up));
  EXPECT_EQ(next(from), "before");
  EXPECT_EQ(next(from), "peer gone");
  EXPECT_EQ(publish("s", "x"), Outcome::peer_gone);
  EXPECT_EQ(flush(), Outcome::peer_gone);
  EXPECT_NE(client->try_publish("s", "x").error().explain().find(path), std::string::npos);
}

TEST_F(hub_client_reconnect, does_not_come_back_unless_asked) {
  connect({.reconnect = {.max_attempts = 0}});
  hub.cut();
  ASSERT_TRUE(until_reported(Kind::given_up));
  EXPECT_EQ(count(Kind::disconnected), 0U);
  EXPECT_EQ(hub.greeted, 1U);
}

TEST_F(hub_client_reconnect, leaves_a_hub_that_breaks_the_protocol) {
  connect(tireless());
  hub.send("MSG without a size\r\n");
  ASSERT_TRUE(until_reported(Kind::reconnected));
  EXPECT_EQ(events.front().error.code, std::errc::bad_message);
}

TEST_F(hub_client_reconnect, can_be_closed_while_the_hub_is_away) {
  hub::ClientOptions options;
  options.reconnect.first_wait = 1h;
  options.reconnect.max_wait = 1h;
  connect(options);
  hub::Subscription from = subscribe("s");
  hub.crash();
  ASSERT_TRUE(until_reported(Kind::disconnected));
  client->close();
  EXPECT_EQ(next(from), "closed");
  client.reset();
}

TEST_F(hub_client_reconnect, can_be_destroyed_while_it_reconnects) {
  connect(tireless());
  hub.greets = false;
  hub.cut();
  ASSERT_TRUE(until_reported(Kind::disconnected));
  ASSERT_TRUE(until([&] { return hub.has_client(); }));
  client.reset();
  EXPECT_TRUE(until([&] { return !hub.has_client(); }));
}

TEST(full_jitter, draws_from_a_range_that_doubles_up_to_its_bound) {
  hub::FullJitter jitter(10ms, 100ms, 1);
  for (const Duration bound : {10ms, 20ms, 40ms, 80ms, 100ms, 100ms, 100ms}) {
    const Duration drawn = jitter.next();
    EXPECT_GE(drawn, 0ms);
    EXPECT_LE(drawn, bound);
  }
  jitter.reset();
  EXPECT_LE(jitter.next(), 10ms);
}

TEST(full_jitter, uses_the_whole_range) {
  hub::FullJitter jitter(1s, 1s, 2);
  int low = 0;
  int high = 0;
  for (int i = 0; i < 1000; ++i) {
    const Duration drawn = jitter.next();
    low += drawn < 100ms ? 1 : 0;
    high += drawn > 900ms ? 1 : 0;
  }
  EXPECT_GT(low, 50);
  EXPECT_GT(high, 50);
}

TEST(full_jitter, repeats_itself_with_the_same_seed_alone) {
  hub::FullJitter one(1s, 1s, 3);
  hub::FullJitter same(1s, 1s, 3);
  hub::FullJitter other(1s, 1s, 4);
  const Duration drawn = one.next();
  EXPECT_EQ(same.next(), drawn);
  EXPECT_NE(other.next(), drawn);
}

TEST_F(hub_client_reconnect, reports_that_a_message_was_too_large_for_it) {
  hub::ClientOptions options = tireless();
  options.limits.max_message = 10;
  connect(std::move(options));
  const hub::Subscription numbers = subscribe("n");
  ASSERT_EQ(flush(), Outcome::ok);
  hub.deliver("n", 1, "12345678901");
  ASSERT_TRUE(until_reported(Kind::disconnected));
  EXPECT_EQ(events.front().error.code, std::errc::message_size);
  EXPECT_TRUE(events.front().error.reason.contains("10 bytes"));
}

}  // namespace
}  // namespace hallway
