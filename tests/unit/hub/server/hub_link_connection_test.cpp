// SPDX-License-Identifier: Apache-2.0
//
// Links as a hub sees them: clients that pass messages on, and bring back answers.
#include <gtest/gtest.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "hub/server/absent_links.hpp"
#include "support/hub_serving.hpp"

namespace hallway {
namespace {

using namespace test;

class a_link_at_a_hub : public HubServing {
 protected:
  static std::string as_link(int seen = 0) {
    return "CONNECT {\"verbose\":false,\"pedantic\":false,\"headers\":true,\"echo\":false,"
           "\"link\":\"l\",\"seen\":" +
           std::to_string(seen) + "}\r\n";
  }
  /// The reply subject of the first message in what a link received.
  static std::string reply_in(const std::string& received) {
    const std::size_t begin = received.find("_HALLWAY.ASKED.");
    return begin == std::string::npos ? ""
                                      : received.substr(begin, received.find(' ', begin) - begin);
  }
  [[nodiscard]] std::uint64_t refused() const { return hub->statistics().answers_refused; }
};

TEST_F(a_link_at_a_hub, sees_the_requester_and_others_see_the_request) {
  start();
  RawStream link = connect(as_link());
  RawStream other = connect();
  RawStream asker = connect();
  send(link, "SUB a _HALLWAY.LINK.l 1\r\n");
  send(other, "SUB a 1\r\n");
  send(asker, "SUB r 1\r\n");
  // In one piece: the hub writes messages of one subject behind each other, for all who get them.
  send(asker, pub("a", "1") + pub("a", "2", "r") + pub("a", "3") + pub("a", "4", "r"));
  synchronize(link);
  synchronize(other);
  EXPECT_EQ(other.received, msg("a", "1", "1") + "MSG a 1 r 1\r\n2\r\n" + msg("a", "1", "3") +
                                "MSG a 1 r 1\r\n4\r\n");
  const std::string reply = reply_in(link.received);
  ASSERT_TRUE(reply.ends_with(".r")) << link.received;
  EXPECT_EQ(link.received, msg("a", "1", "1") + "MSG a 1 " + reply + " 1\r\n2\r\n" +
                               msg("a", "1", "3") + "MSG a 1 " + reply + " 1\r\n4\r\n");
  send(link, pub(reply, "answer"));
  synchronize(asker);
  EXPECT_EQ(asker.received, msg("r", "1", "answer"));
  EXPECT_EQ(refused(), 0U);
}

TEST_F(a_link_at_a_hub, sees_the_uid_of_each_publisher_if_it_asks_for_it) {
  start();
  RawStream plain = connect(as_link());
  RawStream link = connect(
      "CONNECT "
      "{\"verbose\":false,\"headers\":true,\"echo\":false,\"link\":\"m\",\"publishers\":true}"
      "\r\n");
  RawStream other = connect("CONNECT {\"verbose\":false,\"publishers\":true}\r\n");
  RawStream asker = connect();
  send(plain, "SUB a 1\r\n");
  send(link, "SUB a 1\r\n");
  send(other, "SUB a 1\r\n");
  send(asker, "SUB r 1\r\n");
  send(asker, pub("a", "1") + pub("a", "2", "r") + pub("a", "3"));
  for (RawStream* stream : {&plain, &link, &other}) synchronize(*stream);
  // A client that is not a link does not get it, and a link only if it asks.
  EXPECT_EQ(other.received, msg("a", "1", "1") + "MSG a 1 r 1\r\n2\r\n" + msg("a", "1", "3"));
  const std::string reply = reply_in(plain.received);
  EXPECT_EQ(plain.received,
            msg("a", "1", "1") + "MSG a 1 " + reply + " 1\r\n2\r\n" + msg("a", "1", "3"));
  const std::string by = "_HALLWAY.BY." + std::to_string(::geteuid());
  EXPECT_EQ(link.received, "MSG a 1 " + by + " 1\r\n1\r\n" + "MSG a 1 " + by + "." + reply +
                               " 1\r\n2\r\n" + "MSG a 1 " + by + " 1\r\n3\r\n");
  send(link, pub(reply, "answer"));
  synchronize(asker);
  EXPECT_EQ(asker.received, msg("r", "1", "answer"));
}

TEST_F(a_link_at_a_hub, sees_the_requester_when_a_large_request_has_to_wait_for_it) {
  HubOptions options;
  options.limits.outbound = 1;
  start(std::move(options));
  RawStream link = connect(as_link());
  RawStream asker = connect();
  send(link, "SUB a 1\r\n");
  const std::string large(600'000, 'x');
  for (int i = 0; i < 4; ++i) send_all(asker, pub("a", large, "r"));
  std::size_t whole = 0;
  EXPECT_TRUE(until([&] {
    link.collect();
    whole = 0;
    for (std::size_t at = 0;
         (at = link.received.find("MSG a 1 _HALLWAY.ASKED.", at)) != std::string::npos; ++at) {
      ++whole;
    }
    return whole == 4 && link.received.size() > 4 * large.size();
  }));
}

TEST_F(a_link_at_a_hub, gets_a_request_of_the_largest_size) {
  start();
  RawStream link = connect(as_link());
  RawStream asker = connect();
  send(link, "SUB a 1\r\n");
  const std::string large(HubLimits{}.max_payload, 'x');
  send_all(asker, pub("a", large, "r"));
  EXPECT_TRUE(until([&] {
    link.collect();
    return link.received.ends_with(large + "\r\n");
  }));
}

TEST_F(a_link_at_a_hub, publishes_imports_without_an_identity_and_nothing_of_the_hub) {
  HubRules rules;
  rules.stamped = {"a"};
  start_with(std::move(rules));
  RawStream link = connect(as_link());
  RawStream listener = connect();
  send(listener, "SUB a 1\r\n");
  EXPECT_EQ(answer(link, "HPUB a 34 35\r\nNATS/1.0\r\nHallway-Uid: 0\r\nA: b\r\n\r\nx\r\n"), "");
  synchronize(listener);
  EXPECT_EQ(listener.received, "HMSG a 1 18 19\r\nNATS/1.0\r\nA: b\r\n\r\nx\r\n");
  for (const char* subject :
       {"$SYS.HUB.STATS", "$SYS.HUB.GAP", "_HALLWAY.LINK", "_HALLWAY.REPLY.x"}) {
    EXPECT_TRUE(answer(link, pub(subject, "x", "r")).contains("Permissions Violation")) << subject;
  }
}

TEST_F(a_link_at_a_hub, brings_answers_to_no_subject_that_a_client_cannot_choose) {
  start();
  RawStream link = connect(as_link());
  RawStream asker = connect();
  send(link, "SUB a 1\r\n");
  send(asker, "SUB > 1\r\n" + pub("a", "1", "r"));
  synchronize(link);
  const std::string reply = reply_in(link.received);
  const std::string asked = reply.substr(0, reply.rfind('.') + 1);
  asker.received.clear();
  std::uint64_t count = 0;
  const std::vector<std::string> subjects = {asked + "$SYS.HUB.GAP",
                                             asked + "_HALLWAY.LINK",
                                             asked + "*",
                                             asked + "a..b",
                                             asked,
                                             std::string("_HALLWAY.ASKED.x"),
                                             std::string("_HALLWAY.ASKED."),
                                             asked.substr(0, asked.size() - 2) + "99999.r",
                                             "_HALLWAY.ASKED.OTHERHUB.1.r"};
  for (const std::string& subject : subjects) {
    send(link, pub(subject, "x"));
    EXPECT_EQ(refused(), ++count) << subject;
  }
  synchronize(asker);
  EXPECT_EQ(asker.received, "");
}

TEST_F(a_link_at_a_hub, brings_an_answer_to_the_client_alone_where_that_may_not_publish) {
  HubRules rules;
  rules.permissions.push_back({{allow::any()}, {.allow = std::nullopt, .deny = {"r.>"}}, {}});
  start_with(std::move(rules));
  RawStream link = connect(as_link());
  RawStream asker = connect();
  RawStream other = connect();
  send(link, "SUB a 1\r\n");
  send(other, "SUB r.> 1\r\n");
  send(asker, "SUB r.own 1\r\n" + pub("a", "x", "r.own"));
  synchronize(link);
  send(link, pub(reply_in(link.received), "answer"));
  EXPECT_TRUE(until_received(asker, msg("r.own", "1", "answer")));
  EXPECT_EQ(refused(), 0U);
  send(asker, "UNSUB 1\r\n");
  send(link, pub(reply_in(link.received), "answer"));
  EXPECT_EQ(refused(), 1U);
  synchronize(other);
  EXPECT_EQ(other.received, "");
}

TEST_F(a_link_at_a_hub, shares_its_queue_group_with_no_other_connection) {
  start();
  RawStream link = connect(as_link());
  RawStream thief = connect();
  send(link, "SUB a _HALLWAY.LINK.l 1\r\nSUB > _HALLWAY.LINK.l 2\r\n");
  send(thief, "SUB a _HALLWAY.LINK.l 1\r\nSUB a _HALLWAY.LINK.l.1 2\r\n");
  RawStream publisher = connect();
  for (int i = 0; i < 50; ++i) send(publisher, pub("a", "x"));
  synchronize(link);
  std::size_t got = 0;
  for (const char letter : link.received) got += letter == 'x' ? 1U : 0U;
  EXPECT_EQ(got, 50U);
}

TEST_F(a_link_at_a_hub, learns_what_it_missed_when_it_reconnects) {
  start();
  RawStream publisher = connect();
  {
    RawStream link = connect(as_link());
    send(link,
         "SUB $SYS.HUB.INTEREST 1\r\nSUB a.> _HALLWAY.LINK.l 2\r\nSUB a.b _HALLWAY.LINK.l 3\r\n");
    for (int i = 0; i < 5; ++i) send(publisher, pub("a.b", "x"));
    link.close();  // of these five it will have seen three
    EXPECT_TRUE(until([&] { return hub->statistics().connections == 1; }));
  }
  for (int i = 0; i < 4; ++i) send(publisher, pub("a.b", "x"));
  send(publisher, pub("b", "x"));
  RawStream back = connect(as_link(3));
  back.received.clear();
  send(back, "SUB $SYS.HUB.INTEREST 7\r\n");
  // 2 that it was given and has not seen, and 4 that came while it was away.
  EXPECT_TRUE(back.received.ends_with(gap("7", 6))) << back.received;
  // It is told once.
  back.close();
  EXPECT_TRUE(until([&] { return hub->statistics().connections == 1; }));
  RawStream again = connect(as_link());
  EXPECT_FALSE(answer(again, "SUB $SYS.HUB.INTEREST 7\r\n").contains("$SYS.HUB.GAP"));
}

TEST_F(a_link_at_a_hub, learns_what_was_published_before_it_came_where_it_was_awaited) {
  HubOptions options;
  options.awaited_exports = {"a.*", "b"};
  start(std::move(options));
  RawStream publisher = connect();
  send(publisher, pub("a.b", "x") + pub("b", "x") + pub("c", "x"));
  RawStream link = connect(as_link());
  link.send("SUB $SYS.HUB.INTEREST 1\r\nSUB a.* _HALLWAY.LINK.l 2\r\n");
  EXPECT_TRUE(until([&] { return hub->statistics().subscriptions == 2; }));
  send(publisher, pub("a.b", "got") + pub("b", "x"));
  link.send("SUB b _HALLWAY.LINK.l 3\r\n");
  EXPECT_TRUE(until([&] {
    link.collect();
    return link.received.ends_with(gap("1", 3));
  })) << link.received;
  EXPECT_TRUE(link.received.contains(msg("a.b", "2", "got")));
}

TEST(absent_links, are_forgotten_after_a_while_and_never_too_many) {
  hub::AbsentLinks links;
  const auto begin = Loop::Clock::now();
  for (int i = 0; i < 100; ++i) links.leave(std::to_string(i), 1, {"a.*"}, begin);
  links.publish("a.b", begin);
  EXPECT_EQ(links.settle("0"), 1U);
  EXPECT_EQ(links.settle("99"), 0U);
  links.publish("a.b", begin + 2 * hub::AbsentLinks::longest);
  EXPECT_TRUE(links.empty());
}

TEST(absent_links, miss_what_they_are_subscribed_to_until_they_subscribe_again) {
  hub::AbsentLinks links;
  const auto now = Loop::Clock::now();
  links.leave("l", 10, {"a", "b.>"}, now);
  links.publish("a", now);
  links.publish("b.c", now);
  links.publish("c", now);
  links.reconnect("l", 9);
  links.subscribe("l", "a");
  links.publish("a", now);
  links.publish("b.c", now);
  // It goes once more before it is told, and nothing is forgotten or counted twice.
  links.leave("l", 5, {"a"}, now);
  links.reconnect("l", 5);
  EXPECT_EQ(links.settle("l"), 4U);
}

}  // namespace
}  // namespace hallway
