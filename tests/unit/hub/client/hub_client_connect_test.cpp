// SPDX-License-Identifier: Apache-2.0
//
// hub::Client::connect(): whom it accepts as a hub, what it says of itself, and how it ends.
#include "unit/hub/client/scripted_hub.hpp"

#include <unistd.h>

#include "support/inventory.hpp"

namespace hallway {
namespace {

using namespace test;

using hub_client_connect = HubClientTest;

TEST_F(hub_client_connect, sends_its_identity_and_its_options) {
  connect({.name = "a \"name\"", .echo = false});
  EXPECT_TRUE(client->connected());
  EXPECT_EQ(client->address().name(), path);
  EXPECT_EQ(client->max_payload(), 1048576U);
  for (const char* member : {R"("name":"a \"name\"")", R"("echo":false)", R"("headers":true)",
                             R"("no_responders":true)", R"("verbose":false)"}) {
    EXPECT_NE(hub.greeting.find(member), std::string::npos) << hub.greeting;
  }
}

TEST_F(hub_client_connect, understands_a_hub_however_its_bytes_are_cut) {
  hub.in_single_bytes = true;
  connect();
  hub::Subscription all = subscribe("all");
  ASSERT_TRUE(until_received("SUB subject=all sid=1"));
  for (const char byte : std::string("MSG all 1 r 5\r\nhello\r\nHMSG all 1 18 20\r\n"
                                     "NATS/1.0\r\nA: b\r\n\r\nhi\r\n")) {
    hub.send({byte});
    loop.turn();
  }
  EXPECT_EQ(next(all), "hello");
  EXPECT_EQ(next(all), "hi");
}

TEST_F(hub_client_connect, explains_that_there_is_no_server) {
  hub.crash();
  EXPECT_EQ(connect_error().code, std::errc::no_such_file_or_directory);
}

TEST_F(hub_client_connect, tries_again_until_the_hub_listens) {
  hub.crash();
  loop.spawn([](Loop& on, ScriptedHub& late) -> Task<> {
    co_await on.sleep(50ms);
    late.open();
  }(loop, hub));
  connect({.retry_for = patience});
  EXPECT_TRUE(client->connected());
  EXPECT_TRUE(events.empty());
}

TEST_F(hub_client_connect, tries_again_no_longer_than_asked) {
  hub.crash();
  const auto begun = Loop::Clock::now();
  EXPECT_EQ(connect_error({.retry_for = 50ms}).code, std::errc::no_such_file_or_directory);
  EXPECT_GE(Loop::Clock::now() - begun, 50ms);
}

TEST_F(hub_client_connect, does_not_try_a_server_again_that_refuses_it) {
  hub.refusal = "Authorization Violation";
  EXPECT_EQ(connect_error({.retry_for = patience}).code, std::errc::permission_denied);
  EXPECT_EQ(hub.greeted, 1U);
}

TEST_F(hub_client_connect, refuses_an_overflow_policy_that_is_not_supported) {
  const Error own = connect_error({.overflow = OverflowPolicy::disconnect});
  EXPECT_EQ(own.code, std::errc::invalid_argument);
  EXPECT_EQ(own.explain(),
            "overflow policy disconnect: a client's publications support wait, drop_newest, fail");
  const Error hubs = connect_error({.delivery_overflow = OverflowPolicy::fail});
  EXPECT_EQ(hubs.code, std::errc::invalid_argument);
  EXPECT_EQ(hubs.explain(),
            "overflow policy fail: a hub's subscriptions support wait, drop_oldest, drop_newest, "
            "latest_only, disconnect");
}

TEST_F(hub_client_connect, gives_up_on_a_server_that_does_not_greet) {
  hub.greets = false;
  const Error error = connect_error({.timeout = 50ms});
  EXPECT_EQ(error.code, std::errc::timed_out);
  EXPECT_NE(error.explain().find(path), std::string::npos);
  EXPECT_FALSE(error.hint.empty());
}

TEST_F(hub_client_connect, recognizes_a_server_that_is_not_a_hub) {
  for (const char* words : {"{\"headers\":", "[]", "{} trailing", "{\"a\":}", "{\"a\" 1}"}) {
    hub.info = words;
    EXPECT_EQ(connect_error().code, std::errc::bad_message) << words;
  }
  hub.info = "{}\r\nwelcome";
  EXPECT_EQ(connect_error().code, std::errc::bad_message);
}

TEST_F(hub_client_connect, reports_why_a_hub_refuses_it) {
  hub.refusal = "Authorization Violation";
  const Error error = connect_error();
  EXPECT_EQ(error.code, std::errc::permission_denied);
  EXPECT_NE(error.why().find("Authorization Violation"), std::string::npos);
  hub.refusal = "maximum connections exceeded";
  EXPECT_EQ(connect_error().code, std::errc::protocol_error);
}

TEST_F(hub_client_connect, refuses_a_hub_of_another_uid_before_the_first_byte) {
  EXPECT_EQ(connect_error({.server_uid = ::geteuid() + 1}).code,
            std::errc::operation_not_permitted);
  EXPECT_EQ(hub.greeted, 0U);
  connect({.server_uid = ::geteuid()});
}

TEST_F(hub_client_connect, answers_the_hubs_ping) {
  connect();
  hub.send("PING\r\n");
  EXPECT_TRUE(until_received("PONG"));
}

TEST_F(hub_client_connect, answers_no_more_of_a_hubs_pings_than_fit) {
  hub::ClientOptions options;
  options.limits.outbound = 64 * kibibyte;
  connect(options);
  hub.read_on(false);
  std::string pings;
  for (int i = 0; i < 10'000; ++i) pings += "PING\r\n";
  for (int i = 0; i < 100; ++i) {
    hub.send(pings);  // a million: six megabytes of answers
    EXPECT_TRUE(until([&] { return hub.unsent_bytes() == 0; }));
  }
  EXPECT_LT(client->unsent_bytes(), 256 * kibibyte);
  hub.read_on(true);
  EXPECT_EQ(flush(), Outcome::ok);
}

TEST_F(hub_client_connect, reports_what_the_hub_complains_about_and_goes_on) {
  connect();
  hub.send("-ERR 'Permissions Violation for Publish to \"secret\"'\r\n-ERR 'Invalid Subject'\r\n");
  ASSERT_TRUE(until([&] { return count(Kind::complaint) == 2; }));
  EXPECT_EQ(events[0].error.code, std::errc::permission_denied);
  EXPECT_NE(events[0].error.why().find("secret"), std::string::npos);
  EXPECT_EQ(events[1].error.code, std::errc::protocol_error);
  EXPECT_EQ(flush(), Outcome::ok);
}

TEST_F(hub_client_connect, closes_after_what_was_published_is_written) {
  connect();
  EXPECT_EQ(publish("last", "words"), Outcome::ok);
  client->close();
  EXPECT_FALSE(client->connected());
  EXPECT_EQ(publish("too", "late"), Outcome::closed);
  EXPECT_EQ(flush(), Outcome::closed);
  EXPECT_TRUE(until_received("PUB subject=last payload=words"));
  EXPECT_TRUE(until([&] { return !hub.has_client(); }));
}

TEST_F(hub_client_connect, closes_when_it_is_destroyed) {
  connect();
  EXPECT_EQ(publish("last", "words"), Outcome::ok);
  client.reset();
  EXPECT_TRUE(until_received("PUB subject=last payload=words"));
  EXPECT_TRUE(until([&] { return !hub.has_client(); }));
}

TEST_F(hub_client_connect, does_not_keep_the_loop_running) {
  connect();
  hub.crash();
  EXPECT_EQ(loop.run(), 0);
}

TEST_F(hub_client_connect, leaves_nothing_behind) {
  connect();
  client.reset();
  ASSERT_TRUE(until([&] { return !hub.has_client(); }));
  const Inventory before = Inventory::take();
  connect();
  hub::Subscription kept = subscribe("kept");
  client.reset();
  ASSERT_TRUE(until([&] { return !hub.has_client(); }));
  EXPECT_EQ(next(kept), "closed");
  EXPECT_EQ(before.difference(Inventory::take()), "");
}

}  // namespace
}  // namespace hallway
