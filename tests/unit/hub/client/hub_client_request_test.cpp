// SPDX-License-Identifier: Apache-2.0
//
// Requests: one subscription for all answers, and each answer to its own request.
#include "unit/hub/client/scripted_hub.hpp"

namespace hallway {
namespace {

using namespace test;

class hub_client_request : public HubClientTest {
 protected:
  struct Answer {
    std::optional<Outcome> outcome;
    std::string payload;
    std::string why;
  };

  /// Asks, and notes what came of it.
  void ask(const std::string& payload, Answer& answer, Duration within = patience) {
    loop.spawn(
        [](hub::Client& by, std::string question, Duration longest, Answer& result) -> Task<> {
          const hub::Received received = co_await by.request("time", question, longest);
          result.outcome = received.outcome();
          result.payload = received ? std::string(received->payload()) : "";
          result.why = received.error().explain();
        }(*client, payload, within, answer));
  }

  /// The subject to which the request with this payload is to be answered.
  std::string reply_to(const std::string& payload) {
    std::string reply;
    EXPECT_TRUE(until([&] {
      for (const std::string& operation : hub.received) {
        if (!operation.starts_with("PUB subject=time reply=")) continue;
        if (!operation.ends_with(" payload=" + payload)) continue;
        reply = operation.substr(sizeof("PUB subject=time reply=") - 1);
        reply.resize(reply.find(' '));
      }
      return !reply.empty();
    }));
    return reply;
  }

  bool until_answered(const Answer& answer) {
    return until([&] { return answer.outcome.has_value(); });
  }
};

TEST_F(hub_client_request, gives_each_its_own_answer) {
  connect();
  Answer first;
  Answer second;
  ask("1", first);
  ask("2", second);
  const std::string to_first = reply_to("1");
  const std::string to_second = reply_to("2");
  EXPECT_NE(to_first, to_second);
  EXPECT_EQ(std::ranges::count_if(hub.received,
                                  [](auto& operation) { return operation.starts_with("SUB"); }),
            1);
  hub.deliver(to_second, 1, "two");
  hub.deliver(to_first, 1, "one");
  hub.deliver(to_first, 1, "once more");
  ASSERT_TRUE(until_answered(first) && until_answered(second));
  EXPECT_EQ(first.payload, "one");
  EXPECT_EQ(second.payload, "two");
}

TEST_F(hub_client_request, learns_that_there_is_no_subscriber) {
  connect();
  Answer answer;
  ask("1", answer);
  hub.send("HMSG " + reply_to("1") + " 1 16 16\r\nNATS/1.0 503\r\n\r\n\r\n");
  ASSERT_TRUE(until_answered(answer));
  EXPECT_EQ(answer.outcome, Outcome::no_responders);
  EXPECT_NE(answer.why.find("no subscribers"), std::string::npos);
}

TEST_F(hub_client_request, waits_as_long_as_asked_and_ignores_a_late_answer) {
  connect();
  Answer answer;
  ask("1", answer, 10ms);
  const std::string reply = reply_to("1");
  ASSERT_TRUE(until_answered(answer));
  EXPECT_EQ(answer.outcome, Outcome::timed_out);
  hub.deliver(reply, 1, "late");
  hub.deliver("_INBOX.else", 1, "?");
  hub.deliver("x", 1, "?");
  EXPECT_EQ(flush(), Outcome::ok);
}

// Who was asked once knows the inbox, but not where the next answer is to come.
TEST_F(hub_client_request, is_answered_at_a_subject_that_no_other_answer_reveals) {
  connect();
  Answer first;
  Answer second;
  Answer third;
  ask("1", first);
  ask("2", second);
  ask("3", third);
  const auto number_of = [this](const char* question) {
    const std::string reply = reply_to(question);
    return std::stoull(reply.substr(reply.rfind('.') + 1));
  };
  const auto one = number_of("1");
  const auto two = number_of("2");
  const auto three = number_of("3");
  EXPECT_NE(two - one, three - two);
  EXPECT_GT(std::max({one, two, three}), std::uint64_t{1} << 32U);
  hub.deliver(reply_to("2"), 1, "two");
  ASSERT_TRUE(until_answered(second));
  EXPECT_EQ(second.payload, "two");
}

TEST_F(hub_client_request, is_answered_by_a_hub_that_was_away_meanwhile) {
  connect(tireless());
  Answer answer;
  ask("1", answer);
  const std::string reply = reply_to("1");
  hub.received.clear();
  hub.cut();
  ASSERT_TRUE(until_reported(Kind::reconnected));
  ASSERT_TRUE(until([&] { return !hub.received.empty(); }));
  EXPECT_TRUE(hub.received.front().starts_with("SUB subject=_INBOX."));
  hub.deliver(reply, 1, "sorry");
  ASSERT_TRUE(until_answered(answer));
  EXPECT_EQ(answer.payload, "sorry");
}

TEST_F(hub_client_request, ends_with_the_client) {
  connect();
  Answer answer;
  ask("1", answer);
  client->close();
  ASSERT_TRUE(until_answered(answer));
  EXPECT_EQ(answer.outcome, Outcome::closed);
  Answer late;
  ask("2", late);
  EXPECT_EQ(late.outcome, Outcome::closed);
}

TEST_F(hub_client_request, is_refused_like_any_message) {
  connect();
  const hub::Received bad_subject = loop.run(client->request("no subject", "x"));
  EXPECT_EQ(bad_subject.outcome(), Outcome::failed);
  EXPECT_NE(bad_subject.error().explain().find("not a subject to publish to"), std::string::npos);
  const std::vector<hub::Field> fields{{"a:b", "v"}};
  const hub::Received bad_field = loop.run(client->request("s", "x", 1s, fields));
  EXPECT_EQ(bad_field.outcome(), Outcome::failed);
}

TEST_F(hub_client_request, waits_for_room_no_longer_than_asked) {
  for (const OverflowPolicy policy : {OverflowPolicy::wait, OverflowPolicy::drop_newest}) {
    hub::ClientOptions options;
    options.limits.outbound = 100'000;
    options.overflow = policy;
    connect(options);
    hub.read_on(false);
    while (publish("load", std::string(10'000, 'x')) == Outcome::ok) loop.turn();
    const hub::Received received = loop.run(client->request("s", "x", 10ms));
    EXPECT_EQ(received.outcome(),
              policy == OverflowPolicy::wait ? Outcome::timed_out : Outcome::would_block);
    hub.read_on(true);
  }
}

}  // namespace
}  // namespace hallway
