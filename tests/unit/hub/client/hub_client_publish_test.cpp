// SPDX-License-Identifier: Apache-2.0
//
// Publishing: what goes to the hub, what is refused before it, and what happens without room.
#include "unit/hub/client/scripted_hub.hpp"

#include "support/faults.hpp"

namespace hallway {
namespace {

using namespace test;

class hub_client_publish : public HubClientTest {
 protected:
  /// Publishes until there is no room, while the hub reads nothing. How many were taken.
  std::size_t fill() {
    hub.read_on(false);
    std::size_t taken = 0;
    while (publish("load", std::string(10'000, 'x')) == Outcome::ok && taken < 10'000) {
      ++taken;
      loop.turn();
    }
    return taken;
  }

  static hub::ClientOptions little_room(OverflowPolicy policy) {
    hub::ClientOptions options;
    options.limits.outbound = 100'000;
    options.overflow = policy;
    return options;
  }

  /// Publishes by way of the awaitable, and notes what came of it.
  static Task<> note_publish(hub::Client& by, std::string subject, std::string payload,
                             std::optional<Outcome>& outcome) {
    outcome = (co_await by.publish(subject, payload)).outcome();
  }
};

TEST_F(hub_client_publish, sends_subject_reply_header_and_payload) {
  connect();
  EXPECT_EQ(publish("a.b", "hi"), Outcome::ok);
  EXPECT_EQ(publish("a.b", ""), Outcome::ok);
  const std::array<hub::Field, 2> fields{{{"K", "v"}, {"L", ""}}};
  EXPECT_EQ(publish("a", "hi", {.reply = "r.1", .header = fields}), Outcome::ok);
  EXPECT_EQ(flush(), Outcome::ok);
  EXPECT_EQ(hub.received, (std::vector<std::string>{
                              "PUB subject=a.b payload=hi", "PUB subject=a.b",
                              "HPUB subject=a reply=r.1 header=NATS/1.0\r\nK: v\r\nL: \r\n\r\n "
                              "payload=hi"}));
  EXPECT_EQ(client->counters().messages_published, 3U);
}

TEST_F(hub_client_publish, sends_what_is_new_in_a_message_like_the_one_before) {
  connect();
  EXPECT_EQ(publish("a.b", "one"), Outcome::ok);
  EXPECT_EQ(publish("a.b", "two"), Outcome::ok);
  EXPECT_EQ(publish("a.b", "three"), Outcome::ok);
  EXPECT_EQ(publish("a.c", "seven"), Outcome::ok);
  EXPECT_EQ(publish("a.c", "eight", {.reply = "r"}), Outcome::ok);
  EXPECT_EQ(publish("a.c", "seven"), Outcome::ok);
  EXPECT_EQ(flush(), Outcome::ok);  // with a PING in the middle
  EXPECT_EQ(publish("a.c", "eight"), Outcome::ok);
  EXPECT_EQ(flush(), Outcome::ok);
  EXPECT_EQ(hub.received, (std::vector<std::string>{
                              "PUB subject=a.b payload=one", "PUB subject=a.b payload=two",
                              "PUB subject=a.b payload=three", "PUB subject=a.c payload=seven",
                              "PUB subject=a.c reply=r payload=eight",
                              "PUB subject=a.c payload=seven", "PUB subject=a.c payload=eight"}));
}

TEST_F(hub_client_publish, writes_a_turn_at_once) {
  connect();
  const CallCount writes(sys::Call::sendmsg);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(publish("s", "payload"), Outcome::ok);
  loop.turn();
  EXPECT_LE(writes.calls(), 2U);  // one of them may be the hub's
  EXPECT_TRUE(until([&] { return hub.received.size() == 1000; }));
}

TEST_F(hub_client_publish, refuses_what_the_hub_would_close_the_connection_for) {
  hub.info = R"({"headers":true,"max_payload":10})";
  connect();
  const std::string long_subject(5000, 's');
  for (const char* subject : {"", "a b", "a..b", "a.*", ">", "a\r\nPUB"}) {
    EXPECT_EQ(publish(subject, "x"), Outcome::failed) << subject;
  }
  EXPECT_EQ(publish(long_subject, "x"), Outcome::failed);
  EXPECT_EQ(publish("a", "x", {.reply = "r r"}), Outcome::failed);
  EXPECT_EQ(publish("a", "12345678901"), Outcome::failed);
  const std::initializer_list<hub::Field> fields{{"K", "v"}};
  EXPECT_EQ(publish("a", "", {.header = fields}), Outcome::failed);  // 18 bytes
  const hub::Sent refused = client->try_publish("a", "12345678901");
  EXPECT_NE(refused.error().explain().find("larger than the hub accepts"), std::string::npos);
  EXPECT_EQ(publish("a", "1234567890"), Outcome::ok);
  hub.send("INFO {\"max_payload\":9}\r\n");
  EXPECT_TRUE(until([&] { return client->max_payload() == 9; }));
  EXPECT_EQ(publish("a", "1234567890"), Outcome::failed);
  EXPECT_EQ(flush(), Outcome::ok);
  EXPECT_EQ(hub.received, std::vector<std::string>{"PUB subject=a payload=1234567890"});
  hub.send("INFO {\"max_payload\":8,\"max_control_line\":1024}\r\n");
  EXPECT_TRUE(until([&] { return client->max_payload() == 8; }));
  EXPECT_EQ(publish(std::string(1025, 's'), "x"), Outcome::failed);
  EXPECT_EQ(publish(std::string(1000, 's'), "x"), Outcome::ok);
}

TEST_F(hub_client_publish, refuses_fields_that_would_break_the_header) {
  connect();
  for (const hub::Field& field :
       {hub::Field{"", "v"}, {"a:b", "v"}, {"a b", "v"}, {"a\n", "v"}, {"a", "v\r\nb: w"}}) {
    EXPECT_EQ(publish("s", "x", {.header = std::span(&field, 1)}), Outcome::failed);
    std::optional<Outcome> outcome;
    loop.spawn([](hub::Client& by, hub::Field bad, std::optional<Outcome>& result) -> Task<> {
      const hub::PublishOptions options{.reply = {}, .header = std::span(&bad, 1)};
      result = (co_await by.publish("s", "x", options)).outcome();
    }(*client, field, outcome));
    EXPECT_EQ(outcome, Outcome::failed);
  }
}

TEST_F(hub_client_publish, sends_no_header_to_a_hub_without_them) {
  hub.info = "{}";
  connect();
  const std::vector<hub::Field> fields{{"K", "v"}};
  EXPECT_EQ(publish("s", "x", {.header = fields}), Outcome::failed);
}

TEST_F(hub_client_publish, waits_for_room) {
  connect(little_room(OverflowPolicy::wait));
  const std::size_t taken = fill();
  EXPECT_GE(client->unsent_bytes(), 100'000U);
  EXPECT_LT(client->unsent_bytes(), 200'000U);
  std::vector<std::optional<Outcome>> outcomes(3);
  for (auto& outcome : outcomes) loop.spawn(note_publish(*client, "more", "x", outcome));
  for (int i = 0; i < 3; ++i) loop.turn();
  for (const auto& outcome : outcomes) EXPECT_FALSE(outcome);
  hub.read_on(true);
  ASSERT_TRUE(until([&] {
    return std::ranges::all_of(outcomes, [](auto& outcome) { return outcome.has_value(); });
  }));
  for (const auto& outcome : outcomes) EXPECT_EQ(outcome, Outcome::ok);
  EXPECT_EQ(flush(), Outcome::ok);
  EXPECT_EQ(hub.received.size(), taken + 3);
}

TEST_F(hub_client_publish, waits_until_the_client_is_closed) {
  connect(little_room(OverflowPolicy::wait));
  fill();
  std::optional<Outcome> outcome;
  loop.spawn(note_publish(*client, "more", "x", outcome));
  EXPECT_FALSE(outcome);
  client->close();
  ASSERT_TRUE(until([&] { return outcome.has_value(); }));
  EXPECT_EQ(outcome, Outcome::closed);
  hub.read_on(true);
}

TEST_F(hub_client_publish, drops_and_counts) {
  connect(little_room(OverflowPolicy::drop_newest));
  const std::size_t taken = fill();
  std::optional<Outcome> outcome;
  loop.spawn(note_publish(*client, "more", "x", outcome));
  EXPECT_EQ(outcome, Outcome::ok);
  EXPECT_EQ(client->counters().dropped, 1U);
  hub.read_on(true);
  EXPECT_EQ(flush(), Outcome::ok);
  EXPECT_EQ(hub.received.size(), taken);
}

TEST_F(hub_client_publish, fails_without_room) {
  connect(little_room(OverflowPolicy::fail));
  fill();
  std::optional<Outcome> outcome;
  loop.spawn(note_publish(*client, "more", "x", outcome));
  EXPECT_EQ(outcome, Outcome::would_block);
  EXPECT_EQ(client->counters().dropped, 0U);
  hub.read_on(true);
}

TEST_F(hub_client_publish, keeps_the_order_of_small_and_large_messages) {
  hub.info = R"({"max_payload":8388608})";
  hub::ClientOptions options;
  options.limits.outbound = 64 * mebibyte;
  connect(options);
  hub.read_on(false);
  std::vector<std::string> wanted;
  for (int i = 0; i < 12; ++i) {
    const std::string payload(i % 3 == 0 ? 3'000'000 : 10, static_cast<char>('a' + i));
    EXPECT_EQ(publish("s", payload), Outcome::ok);
    wanted.push_back("PUB subject=s payload=" + payload);
    loop.turn();
  }
  hub.read_on(true);
  EXPECT_EQ(flush(), Outcome::ok);
  EXPECT_TRUE(hub.received == wanted);
}

TEST_F(hub_client_publish, flushes_when_the_hub_has_had_everything) {
  connect();
  hub.answers_pings = false;
  EXPECT_EQ(publish("s", "x"), Outcome::ok);
  EXPECT_EQ(flush(20ms), Outcome::timed_out);
  hub.answers_pings = true;
  hub.send("PONG\r\n");
  EXPECT_EQ(flush(), Outcome::ok);
  EXPECT_TRUE(hub.has_received("PUB subject=s payload=x"));
}

TEST(hub_client_results, explain_themselves_after_client_and_loop_are_gone) {
  const TempDirectory directory;
  const std::string path = directory / "hub";
  std::optional<hub::Sent> refused;
  std::optional<hub::Sent> closed;
  std::optional<hub::Received> unanswered;
  {
    Loop loop;
    ScriptedHub hub(loop, path);
    hub.open();
    auto client = loop.run(hub::Client::connect(loop, path));
    ASSERT_TRUE(client);
    refused.emplace(client->try_publish("not a subject", "x"));
    unanswered.emplace(loop.run(client->request("s", "x", 1ms)));
    client->close();
    closed.emplace(loop.run(client->flush()));
  }
  EXPECT_EQ(refused->error().explain(), "send to unix:" + path + ": not a subject to publish to");
  EXPECT_EQ(unanswered->error().explain(),
            "receive from unix:" + path + ": no answer came in time");
  EXPECT_EQ(closed->error().explain(),
            "send to unix:" + path + ": this side closed the connection");
}

}  // namespace
}  // namespace hallway
