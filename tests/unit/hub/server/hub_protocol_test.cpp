// SPDX-License-Identifier: Apache-2.0
//
// What a client of a hub hears, and when its connection ends. All of it was heard from a
// nats-server 2.9.10, too, unless a test says otherwise; of what is malformed ("Parser Error", and
// headers that were not announced) that server says nothing, and closes as well.
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "hub/json.hpp"
#include "support/hub_serving.hpp"

namespace hallway {
namespace {

using namespace test;

class hub_protocol : public HubServing {
 protected:
  /// What a new client hears until its connection ends, after it has bytes this.
  std::string last_words(std::string_view bytes, std::string_view first = connect_as_programs_do) {
    RawStream client = connect(first);
    client.received.clear();
    client.send(bytes);
    EXPECT_TRUE(until_ended(client)) << bytes;
    return client.received;
  }
};

TEST_F(hub_protocol, greets_with_what_it_is) {
  HubOptions options;
  options.name = "the \"hall\"";
  options.limits.max_payload = 1000;
  start(std::move(options));
  RawStream client = connect("");
  ASSERT_TRUE(info.starts_with("INFO {"));
  ASSERT_TRUE(info.ends_with("\r\n"));
  const std::string text = info.substr(5, info.size() - 7);
  hub::JsonReader reader(text);
  std::vector<std::string> members;
  while (const hub::JsonMember* member = reader.next()) {
    members.push_back(std::string(member->name) + '=' + std::string(member->value));
  }
  EXPECT_TRUE(reader.valid()) << text;
  ASSERT_EQ(members.size(), 9U);
  EXPECT_EQ(members[0].size(), std::string("server_id=").size() + 56);
  EXPECT_EQ(members[1], R"(server_name=the \"hall\")");
  EXPECT_EQ(members[2], "version=2.9.10");
  EXPECT_EQ(members[4], "proto=1");
  EXPECT_EQ(members[5], "headers=true");
  EXPECT_EQ(members[6], "max_payload=1000");
  EXPECT_EQ(members[7], "max_control_line=4096");
  EXPECT_EQ(members[8], "client_id=1");
}

TEST_F(hub_protocol, is_verbose_and_pedantic_by_default) {
  start();
  RawStream person = connect("");
  EXPECT_EQ(answer(person, "SUB a 1\r\n"), "+OK\r\n");
  EXPECT_EQ(answer(person, "SUB a 1\r\n"), "+OK\r\n");  // it has that already
  EXPECT_EQ(answer(person, pub("a", "x")), "+OK\r\nMSG a 1 1\r\nx\r\n");
  EXPECT_EQ(answer(person, pub("a.*", "x")), "-ERR 'Invalid Publish Subject'\r\n+OK\r\n");
  EXPECT_EQ(answer(person, "UNSUB 7\r\n"), "+OK\r\n");
  EXPECT_EQ(answer(person, "UNSUB 1\r\n"), "+OK\r\n");
  EXPECT_EQ(answer(person, pub("a", "x")), "+OK\r\n");
  EXPECT_EQ(answer(person, "CONNECT {\"pedantic\":false}\r\n"), "+OK\r\n");
  EXPECT_EQ(answer(person, pub("a.*", "x")), "+OK\r\n");
  EXPECT_EQ(answer(person, "CONNECT {\"Verbose\":false}\r\n"), "");
  EXPECT_EQ(answer(person, pub("a.*", "x")), "");
}

TEST_F(hub_protocol, takes_any_object_for_a_connect) {
  start();
  for (const char* fine :
       {R"({})", R"(null)", R"({"verbose":null})", R"({"unknown":{"a":[1,2,{"b":"\u00e4"}]}})",
        R"({"name":"n","lang":"go","version":"1","user":"u","pass":"p","protocol":1})"}) {
    RawStream client = connect("");
    EXPECT_EQ(answer(client, "CONNECT " + std::string(fine) + "\r\n"), "+OK\r\n") << fine;
  }
  for (const char* wrong :
       {"nonsense", "[1]", "{", R"({"verbose":false} trailing)", R"({"verbose":true,})", ""}) {
    EXPECT_EQ(last_words("CONNECT " + std::string(wrong) + "\r\n", ""),
              "-ERR 'Parser Error: CONNECT takes one JSON object, of at most 64 values in each "
              "other'\r\n")
        << wrong;
  }
  for (const auto& [name, value] : {std::pair("verbose", "1"),
                                    {"name", "5"},
                                    {"protocol", "1.5"},
                                    {"protocol", R"("1")"},
                                    {"full", "7"}}) {
    const std::string member = '"' + std::string(name) + '"';
    EXPECT_EQ(last_words("CONNECT {" + member + ":" + value + "}\r\n", ""),
              "-ERR 'Parser Error: the member " + member + " of CONNECT is not of its type'\r\n");
  }
}

TEST_F(hub_protocol, refuses_what_it_does_not_speak) {
  start();
  EXPECT_EQ(last_words("CONNECT {\"protocol\":2}\r\n", ""), "-ERR 'invalid client protocol'\r\n");
  EXPECT_EQ(last_words("CONNECT {\"protocol\":-1}\r\n", ""), "-ERR 'invalid client protocol'\r\n");
  EXPECT_EQ(last_words("CONNECT {\"no_responders\":true}\r\n", ""),
            "-ERR 'no responders requires headers support'\r\n");
  // A hub's own.
  for (const std::string policy : {"drop_some", "fail"}) {
    EXPECT_EQ(last_words("CONNECT {\"full\":\"" + policy + "\"}\r\n", ""),
              "-ERR 'unknown policy for full queues'\r\n");
  }
}

TEST_F(hub_protocol, ends_where_the_protocol_is_lost) {
  HubOptions options;
  options.limits.max_payload = 100;
  options.limits.max_control_line = 100;
  start(std::move(options));
  EXPECT_EQ(last_words("foo\r\n"), "-ERR 'Unknown Protocol Operation'\r\n");
  EXPECT_EQ(last_words("PUB a 1\r\nxyz\r\n"), "-ERR 'Unknown Protocol Operation'\r\n");
  EXPECT_EQ(last_words("PUB a 101\r\n"), "-ERR 'Maximum Payload Violation'\r\n");
  EXPECT_EQ(last_words("SUB " + std::string(110, 'a') + " 1\r\n"),
            "-ERR 'maximum control line exceeded'\r\n");
  EXPECT_EQ(last_words("PUB a\r\n"),
            "-ERR 'Parser Error: PUB takes SUBJECT [REPLY] SIZE, and a size is a number of 1 to 9 "
            "digits'\r\n");
  EXPECT_EQ(last_words("PUB a -1\r\n"), last_words("PUB a\r\n"));
  EXPECT_EQ(last_words("SUB a\r\n"), "-ERR 'Parser Error: SUB takes SUBJECT [QUEUE] SID'\r\n");
  EXPECT_EQ(last_words("UNSUB 1 2 3\r\n"), "-ERR 'Parser Error: UNSUB takes SID [MAX]'\r\n");
  EXPECT_TRUE(last_words("HPUB a 2 1\r\n").starts_with("-ERR 'Parser Error: HPUB takes SUBJECT"));
  EXPECT_EQ(last_words("-ERR 'x'\r\n"), "-ERR 'Client Error: x'\r\n");
  EXPECT_EQ(last_words("HPUB a 12 12\r\nNATS/1.0\r\n\r\n\r\n", "CONNECT {\"verbose\":false}\r\n"),
            "-ERR 'message headers not supported'\r\n");
  ASSERT_EQ(events.size(), 12U);
  EXPECT_EQ(events[0].kind, Kind::refused);
  EXPECT_EQ(events[0].reason, "Unknown Protocol Operation");
  EXPECT_EQ(events[0].connection, 1U);
  EXPECT_EQ(events[7].reason, "Parser Error: SUB takes SUBJECT [QUEUE] SID");
  EXPECT_EQ(events[10].reason, "Client Error: x");
}

TEST_F(hub_protocol, ignores_verbs_of_servers) {
  start();
  RawStream client = connect();
  EXPECT_EQ(answer(client, "INFO {}\r\n+OK\r\nPONG\r\n"), "");
}

TEST_F(hub_protocol, delivers_by_subject_and_by_wildcard) {
  start();
  RawStream client = connect();
  send(client, "SUB foo.bar 1\r\nSUB foo.* 2\r\nSUB foo.> 3\r\nSUB * 4\r\n");
  EXPECT_EQ(answer(client, pub("foo", "x")), msg("foo", "4", "x"));
  EXPECT_EQ(answer(client, pub("foo.x.y", "x")), msg("foo.x.y", "3", "x"));
  const std::string three = answer(client, pub("foo.bar", "x"));
  for (const char* sid : {"1", "2", "3"}) {
    EXPECT_TRUE(three.contains(msg("foo.bar", sid, "x"))) << three;
  }
  for (const char* nobodys : {"foo.", ".foo", "foo..bar"}) {
    EXPECT_EQ(answer(client, pub(nobodys, "x")), "") << nobodys;
  }
}

TEST_F(hub_protocol, reports_which_subjects_are_invalid) {
  start();
  RawStream client = connect();
  for (const char* none : {"a..b", ".a", "a.", ">.a", "a.>.b"}) {
    EXPECT_EQ(answer(client, "SUB " + std::string(none) + " 1\r\n"), "-ERR 'Invalid Subject'\r\n")
        << none;
  }
  for (const char* one : {"a", "a.*x", "a.>", "*.*"}) {
    EXPECT_EQ(answer(client, "SUB " + std::string(one) + " " + one + "\r\n"), "") << one;
  }
}

TEST_F(hub_protocol, counts_the_tokens_of_a_subscription) {
  HubOptions options;
  options.limits.max_subject_tokens = 3;
  start(std::move(options));
  RawStream client = connect();
  EXPECT_EQ(answer(client, "SUB a.b.c 1\r\n"), "");
  EXPECT_EQ(answer(client, "SUB a.b.c.d 2\r\n"),
            "-ERR 'Permissions Violation for Subscription to \"a.b.c.d\", too many tokens'\r\n");
}

TEST_F(hub_protocol, carries_reply_subjects_and_headers) {
  start();
  RawStream client = connect();
  RawStream plain = connect("CONNECT {\"verbose\":false}\r\n");
  send(client, "SUB a 1\r\n");
  send(plain, "SUB a 1\r\n");
  EXPECT_EQ(answer(client, pub("a", "x", "inbox.1")), "MSG a 1 inbox.1 1\r\nx\r\n");
  const std::string header = "NATS/1.0\r\nA: b\r\n\r\n";
  EXPECT_EQ(answer(client, "HPUB a in 18 19\r\n" + header + "x\r\n"),
            "HMSG a 1 in 18 19\r\n" + header + "x\r\n");
  // Carried as they are, also where they are none.
  EXPECT_EQ(answer(client, "HPUB a 3 4\r\nabcx\r\n"), "HMSG a 1 3 4\r\nabcx\r\n");
  // Not to those who never bytes that they can read them.
  EXPECT_TRUE(
      until_received(plain, "MSG a 1 inbox.1 1\r\nx\r\nMSG a 1 in 1\r\nx\r\nMSG a 1 1\r\nx\r\n"));
}

TEST_F(hub_protocol, reports_to_a_requester_that_there_is_no_subscriber) {
  start();
  RawStream client = connect();
  send(client, "SUB in.* 9\r\n");
  EXPECT_EQ(answer(client, pub("nobody", "x", "in.1")),
            "HMSG in.1 9 16 16\r\nNATS/1.0 503\r\n\r\n\r\n");
  EXPECT_EQ(answer(client, pub("nobody", "x")), "");
  EXPECT_EQ(answer(client, pub("nobody", "x", "elsewhere")), "");
  send(client, "SUB nobody q 8\r\n");
  EXPECT_EQ(answer(client, pub("nobody", "x", "in.1")), "MSG nobody 8 in.1 1\r\nx\r\n");
  RawStream incurious = connect("CONNECT {\"verbose\":false,\"headers\":true}\r\n");
  send(incurious, "SUB in.* 9\r\n");
  EXPECT_EQ(answer(incurious, pub("really.nobody", "x", "in.1")), "");
}

TEST_F(hub_protocol, sends_no_echo_to_a_client_that_disabled_it) {
  start();
  RawStream client = connect("CONNECT {\"verbose\":false,\"echo\":false}\r\n");
  RawStream other = connect();
  send(client, "SUB a 1\r\n");
  send(other, "SUB a 1\r\n");
  EXPECT_EQ(answer(client, pub("a", "mine") + pub("a", "again")), "");
  EXPECT_TRUE(until_received(other, msg("a", "1", "mine") + msg("a", "1", "again")));
  other.send(pub("a", "yours"));
  EXPECT_TRUE(until_received(client, msg("a", "1", "yours")));
}

TEST_F(hub_protocol, gives_each_message_to_one_of_a_queue_group) {
  start();
  RawStream first = connect();
  RawStream second = connect();
  RawStream publisher = connect();
  send(first, "SUB a q 1\r\n");
  send(second, "SUB a q 1\r\n");
  std::string all;
  for (int i = 0; i < 100; ++i) all += pub("a", "x");
  send(publisher, all);
  const std::string one = msg("a", "1", "x");
  ASSERT_TRUE(until([&] {
    first.collect();
    second.collect();
    return first.received.size() + second.received.size() == 100 * one.size();
  }));
  EXPECT_GE(first.received.size(), 10 * one.size());
  EXPECT_GE(second.received.size(), 10 * one.size());
}

TEST_F(hub_protocol, ends_a_subscription_after_the_number_of_messages_in_unsub) {
  start();
  RawStream client = connect();
  send(client, "SUB a 1\r\nUNSUB 1 2\r\n");
  const std::string three = pub("a", "1") + pub("a", "2") + pub("a", "3");
  EXPECT_EQ(answer(client, three), msg("a", "1", "1") + msg("a", "1", "2"));
  EXPECT_EQ(hub->statistics().subscriptions, 0U);
  // Those it had before count, too.
  send(client, "SUB a 1\r\n");
  EXPECT_EQ(answer(client, three), msg("a", "1", "1") + msg("a", "1", "2") + msg("a", "1", "3"));
  send(client, "UNSUB 1 2\r\n");
  EXPECT_EQ(answer(client, three), "");
  // Messages that were published in one go with it.
  EXPECT_EQ(answer(client, "SUB a 2\r\n" + three + "UNSUB 2 4\r\n" + three),
            msg("a", "2", "1") + msg("a", "2", "2") + msg("a", "2", "3") + msg("a", "2", "1"));
}

TEST_F(hub_protocol, pings_a_silent_client_and_disconnects_one_that_is_gone) {
  ASSERT_TRUE(holds_with_some_clock([&](Duration clock) {
    HubOptions options;
    options.limits.ping_interval = clock;
    hub.reset();
    start(std::move(options));
    RawStream client = connect();
    client.received.clear();
    if (!until_ended(client)) return false;
    return client.received == "PING\r\nPING\r\n-ERR 'Stale Connection'\r\n";
  }));
}

TEST_F(hub_protocol, keeps_a_client_that_answers) {
  HubOptions options;
  options.limits.ping_interval = 20ms;
  start(std::move(options));
  RawStream client = connect();
  int pings = 0;
  EXPECT_TRUE(until([&] {
    client.collect();
    while (client.received.starts_with("PING\r\n")) {
      client.received.erase(0, 6);
      client.send("PONG\r\n");
      ++pings;
    }
    return pings == 5 || client.ended;
  }));
  EXPECT_FALSE(client.ended);
  EXPECT_EQ(client.received, "");
}

TEST_F(hub_protocol, goes_on_when_a_publisher_breaks_off_in_the_middle_of_a_payload) {
  start();
  RawStream listener = connect();
  send(listener, "SUB > 1\r\n");
  RawStream broken = connect();
  broken.send(pub("a", "whole") + "PUB a 1000\r\nnever");
  broken.close();
  EXPECT_TRUE(until([&] { return hub->statistics().connections == 1; }));
  RawStream other = connect();
  other.send(pub("b", "next"));
  EXPECT_TRUE(until_received(listener, msg("a", "1", "whole") + msg("b", "1", "next")));
}

TEST_F(hub_protocol, finds_the_same_however_the_bytes_come) {
  start();
  RawStream listener = connect();
  send(listener, "SUB a.> 1\r\n");
  RawStream typist = connect();
  for (const char letter : pub("a.b", "slow\r\nly", "r") + "SUB x 1\r\n" + pub("x", "")) {
    typist.send({&letter, 1});
    loop.turn();
  }
  EXPECT_TRUE(until_received(listener, "MSG a.b 1 r 8\r\nslow\r\nly\r\n"));
  EXPECT_TRUE(until_received(typist, msg("x", "1", "")));
}

}  // namespace
}  // namespace hallway
