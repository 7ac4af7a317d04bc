// SPDX-License-Identifier: Apache-2.0
//
// Links between hubs and real NATS servers.
#include "link/linked_hubs.hpp"
#include "support/watchdog.hpp"

namespace hallway {
namespace {

using namespace test;

class a_link : public LinkedHubs {
 protected:
  /// Everything leaves that somebody wants, and everything enters.
  static LinkOptions open_door(const NatsServer& server) {
    LinkOptions options = quick({server.url()});
    options.exports = {">"};
    options.imports = {">"};
    return options;
  }
};

// What crosses -----------------------------------------------------------------------------------

TEST_F(a_link, passes_messages_between_two_hubs_both_ways) {
  NatsServer& server = add_server();
  Machine& one = add_linked(open_door(server));
  Machine& other = add_linked(open_door(server));
  hub::Subscription at_one = one.subscribe("news.*");
  hub::Subscription at_other = other.subscribe("news.*");
  ASSERT_TRUE(until([&] { return one.leaves(">") && other.leaves(">"); }));
  one.publish("news.today", "from one");
  EXPECT_EQ(text(at_one), "from one");
  const hub::Message crossed = next(at_other);
  EXPECT_EQ(crossed.payload(), "from one");
  EXPECT_EQ(crossed.subject(), "news.today");
  other.publish("news.today", "from other");
  EXPECT_EQ(text(at_one), "from other");
  EXPECT_EQ(text(at_other), "from other");
  EXPECT_TRUE(until([&] { return one.statistics().out == 1 && other.statistics().out == 1; }));
  EXPECT_EQ(one.statistics().in, 1U);
}

TEST_F(a_link, lets_only_what_is_exported_leave_and_only_what_is_imported_enter) {
  NatsServer& server = add_server();
  LinkOptions options = quick({server.url()});
  options.exports = {"open.>"};
  options.imports = {"open.>", "in.*"};
  Machine& one = add_linked(options);
  Machine& other = add_linked(options);
  hub::Subscription everything = other.subscribe(">");
  ASSERT_TRUE(until([&] { return one.leaves("open.>"); }));
  Foreigner& foreigner = add_foreigner(server.url());
  one.publish("closed", "1");
  one.publish("in.a", "2");
  one.publish("open.a", "3");
  EXPECT_EQ(text(everything), "3");
  foreigner.publish("closed", "4");
  foreigner.publish("in.a", "5");
  EXPECT_EQ(text(everything), "5");
}

TEST_F(a_link, carries_headers_and_names_the_origin_of_a_message) {
  NatsServer& server = add_server();
  Machine& one = add_linked(open_door(server));
  Machine& other = add_linked(open_door(server));
  hub::Subscription at_other = other.subscribe("s");
  ASSERT_TRUE(until([&] { return one.leaves(">"); }));
  const std::vector<hub::Field> fields{{"Color", "red"}, {"Color", "blue"}};
  one.publish("s", "x", {.header = fields});
  const hub::Message message = next(at_other);
  std::vector<std::string> colors;
  for (const hub::Field& field : message.header()) {
    if (field.name == "Color") colors.emplace_back(field.value);
  }
  EXPECT_EQ(colors, (std::vector<std::string>{"red", "blue"}));
  EXPECT_EQ(message.find("Hallway-Origin").value_or("").substr(0, 1), "N");
  add_foreigner(server.url()).publish("s", "y");
  EXPECT_EQ(next(at_other).find("Hallway-Origin"), "nats");
}

TEST_F(a_link, delivers_a_message_once_to_overlapping_subscriptions_of_a_client) {
  NatsServer& server = add_server();
  LinkOptions options = quick({server.url()});
  options.exports = {"a.*", "*.b", "a.b"};
  options.imports = {"a.>", "*.b"};
  Machine& one = add_linked(options);
  Machine& other = add_linked(options);
  hub::Subscription first = other.subscribe("a.*");
  hub::Subscription second = other.subscribe("*.b");
  hub::Subscription third = other.subscribe("a.b");
  ASSERT_TRUE(until([&] { return one.leaves("a.*") && one.leaves("*.b") && one.leaves("a.b"); }));
  for (const char* payload : {"1", "2", "3"}) one.publish("a.b", payload);
  for (hub::Subscription* each : {&first, &second, &third}) {
    std::vector<std::string> all{text(*each), text(*each), text(*each)};
    std::ranges::sort(all);
    EXPECT_EQ(all, (std::vector<std::string>{"1", "2", "3"}));
  }
  ASSERT_TRUE(until([&] { return one.statistics().out == 3; }));
  EXPECT_EQ(other.statistics().in, 3U);
}

TEST_F(a_link, gives_a_message_to_one_member_of_a_queue_group_of_each_hub) {
  NatsServer& server = add_server();
  Machine& one = add_linked(open_door(server));
  Machine& other = add_linked(open_door(server));
  std::vector<hub::Subscription> members;
  for (int i = 0; i < 2; ++i) {
    auto member = other.program->subscribe("jobs", {.queue = "workers"});
    ASSERT_TRUE(member);
    members.push_back(std::move(*member));
  }
  hub::Subscription here = one.subscribe("jobs");
  ASSERT_TRUE(until([&] { return one.leaves(">"); }));
  for (int i = 0; i < 10; ++i) one.publish("jobs", std::to_string(i));
  std::size_t done = 0;
  ASSERT_TRUE(until([&] {
    for (hub::Subscription& member : members) {
      while (member.try_receive()) ++done;
    }
    return done >= 10 && other.statistics().in == 10;
  }));
  EXPECT_EQ(done, 10U);
}

// Interest ---------------------------------------------------------------------------------------

TEST_F(a_link, crosses_only_while_a_remote_client_subscribes) {
  NatsServer& server = add_server();
  Machine& one = add_linked(open_door(server));
  Machine& other = add_linked(open_door(server));
  EXPECT_FALSE(one.leaves(">"));
  {
    hub::Subscription wanted = other.subscribe("a");
    ASSERT_TRUE(until([&] { return one.leaves(">"); }));
    one.publish("b", "nobody wants it");
    one.publish("a", "x");
    EXPECT_EQ(text(wanted), "x");
  }
  ASSERT_TRUE(until([&] { return !one.leaves(">"); }));
  EXPECT_TRUE(until([&] { return one.statistics().out > 0; }));  // once the server has confirmed it
  EXPECT_EQ(one.statistics().out, 1U);
  EXPECT_EQ(other.statistics().in, 1U);
}

TEST_F(a_link, forgets_what_a_hub_wanted_that_went_away) {
  NatsServer& server = add_server();
  Machine& one = add_linked(open_door(server));
  add_linked(open_door(server));
  hub::Subscription wanted = machines.back()->subscribe("a");
  ASSERT_TRUE(until([&] { return one.leaves(">"); }));
  machines.back()->links.clear();
  EXPECT_TRUE(until([&] { return !one.leaves(">"); }));
}

TEST_F(a_link, forgets_no_hub_because_its_own_loop_was_late) {
  NatsServer& server = add_server();
  Machine& one = add_linked(open_door(server));
  Machine& other = add_linked(open_door(server));
  hub::Subscription wanted = other.subscribe("a");
  ASSERT_TRUE(until([&] { return one.leaves(">"); }));
  natsSubscription* words = add_foreigner(server.url()).subscribe("_HALLWAY.LINK");
  // Each hub is there five times, which is longer than a silence may last; the loop does not run.
  natsMsg* word = nullptr;
  for (int i = 0; i < 10; ++i) {
    ASSERT_EQ(natsSubscription_NextMsg(&word, words, 10000), NATS_OK);
    natsMsg_Destroy(word);
  }
  bool forgotten = false;
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(until([&] {
      forgotten = forgotten || !one.leaves(">");
      return natsSubscription_NextMsg(&word, words, 1) == NATS_OK;
    }));
    natsMsg_Destroy(word);
  }
  EXPECT_FALSE(forgotten);
}

TEST_F(a_link, passes_to_clients_of_the_cluster_what_leaves_always) {
  NatsServer& server = add_server();
  LinkOptions options = quick({server.url()});
  options.always = {"news.>"};
  options.imports = {"orders"};
  Machine& machine = add_linked(options);
  Foreigner& foreigner = add_foreigner(server.url());
  natsSubscription* news = foreigner.subscribe("news.>");
  machine.publish("news.today", "hello");
  EXPECT_STREQ(natsMsg_GetData(next(news).get()), "hello");
  hub::Subscription orders = machine.subscribe("orders");
  std::string arrived;
  // It may not have reached the server yet that somebody subscribed.
  EXPECT_TRUE(until([&] {
    foreigner.publish("orders", "one");
    const hub::Received received = orders.try_receive();
    if (received) arrived = received->payload();
    return static_cast<bool>(received);
  }));
  EXPECT_EQ(arrived, "one");
}

// Loops ------------------------------------------------------------------------------------------

TEST_F(a_link, delivers_once_everywhere_with_three_hubs_on_a_cluster_of_three) {
  const std::string cluster = "cluster { name: c, listen: \"127.0.0.1:-1\"";
  const std::string first = add_server(cluster + " }\n").route();
  for (int i = 0; i < 2; ++i) add_server(cluster + ", routes: [\"" + first + "\"] }\n");
  std::vector<hub::Subscription> arrived;
  for (const auto& server : servers) {
    LinkOptions options = open_door(*server);
    options.always = {">"};
    arrived.push_back(add_linked(options).subscribe(">"));
  }
  // Everybody hears everybody, once the servers have found each other.
  std::vector<std::vector<std::string>> all(3);
  const auto collect = [&] {
    for (std::size_t i = 0; i < 3; ++i) {
      while (const hub::Received one = arrived[i].try_receive()) {
        all[i].emplace_back(one->payload());
      }
    }
  };
  const auto has = [&](std::size_t at, const std::string& what) {
    return std::ranges::find(all[at], what) != all[at].end();
  };
  const auto reached = [&](const std::string& what) {
    return until([&] {
      collect();
      return has(0, what) && has(1, what) && has(2, what);
    });
  };
  for (std::size_t from = 0; from < 3; ++from) {
    ASSERT_TRUE(until([&] {
      machines[from]->publish("find", std::to_string(from));
      collect();
      return has((from + 1) % 3, std::to_string(from)) && has((from + 2) % 3, std::to_string(from));
    }));
  }
  for (auto& each : all) each.clear();
  for (int i = 0; i < 100; ++i) {
    for (std::size_t from = 0; from < 3; ++from) {
      machines[from]->publish("s", std::to_string(from) + "." + std::to_string(i));
    }
  }
  for (std::size_t from = 0; from < 3; ++from) {
    machines[from]->publish("s", "last of " + std::to_string(from));
    ASSERT_TRUE(reached("last of " + std::to_string(from)));
  }
  for (auto& each : all) {
    std::erase_if(each, [](const std::string& one) { return one.size() == 1; });  // of "find"
    std::ranges::sort(each);
    EXPECT_EQ(each.size(), 303U);
    EXPECT_TRUE(std::ranges::adjacent_find(each) == each.end());
  }
}

TEST_F(a_link, takes_nothing_back_that_another_link_of_its_hub_passed_on) {
  NatsServer& server = add_server();
  LinkOptions options = quick({server.url()});
  options.always = {"s.own"};
  options.imports = {">"};
  Machine& machine = add_linked(options);
  machine.link(options);
  // One pattern for both, as patterns can reach the server one after the other.
  hub::Subscription arrived = machine.subscribe("s.*");
  Foreigner& foreigner = add_foreigner(server.url());
  natsSubscription* outside = foreigner.subscribe("s.own");
  // Until each has told the server what is subscribed to here.
  ASSERT_TRUE(until([&] {
    foreigner.publish("s.probe", "");
    return machine.links[0].statistics().in > 0 && machine.links[1].statistics().in > 0;
  }));
  machine.publish("s.own", "x");
  const auto next_of_our_own = [&] {
    hub::Received received = arrived.try_receive();
    while (received && received->subject() != "s.own") received = arrived.try_receive();
    return received;
  };
  EXPECT_TRUE(until([&] { return static_cast<bool>(next_of_our_own()); }));
  // Each link has it leave, and each turns away what the other brought.
  EXPECT_STREQ(natsMsg_GetData(next(outside).get()), "x");
  EXPECT_STREQ(natsMsg_GetData(next(outside).get()), "x");
  EXPECT_TRUE(until([&] {
    return machine.links[0].statistics().loops_stopped == 1 &&
           machine.links[1].statistics().loops_stopped == 1;
  }));
  EXPECT_FALSE(next_of_our_own());
}

// Requests ---------------------------------------------------------------------------------------

TEST_F(a_link, brings_requests_to_other_hubs_and_answers_back) {
  NatsServer& server = add_server();
  LinkOptions options = quick({server.url()});
  options.exports = {"time"};
  options.imports = {"time"};
  Machine& one = add_linked(options);
  Machine& other = add_linked(options);
  serve(other, "time", "at ");
  ASSERT_TRUE(until([&] { return one.leaves("time"); }));
  const hub::Received answer = ask(one, "time", "noon", {{"Zone", "UTC"}});
  ASSERT_TRUE(answer) << answer.error().explain();
  EXPECT_EQ(answer->payload(), "at noon");
  EXPECT_EQ(answer->find("Zone"), "UTC");
}

TEST_F(a_link, brings_requests_from_clients_of_the_cluster_and_to_them) {
  NatsServer& server = add_server();
  LinkOptions options = quick({server.url()});
  options.always = {"theirs"};
  options.imports = {"ours"};
  Machine& machine = add_linked(options);
  serve(machine, "ours", "hub: ");
  Foreigner& foreigner = add_foreigner(server.url());
  natsSubscription* inbox = foreigner.subscribe("my.inbox");
  natsMsg* answer = nullptr;
  // It may not have reached the server yet that somebody serves.
  ASSERT_TRUE(until([&] {
    foreigner.publish("ours", "x", "my.inbox");
    return natsSubscription_NextMsg(&answer, inbox, 1) == NATS_OK;
  }));
  EXPECT_STREQ(natsMsg_GetData(NatsMessage(answer).get()), "hub: x");

  natsSubscription* requests = foreigner.subscribe("theirs");
  std::string arrived;
  bool done = false;
  loop.spawn([](hub::Client& by, std::string& into, bool& end) -> Task<> {
    const hub::Received received = co_await by.request("theirs", "question", patience);
    if (received) into = received->payload();
    end = true;
  }(*machine.program, arrived, done));
  const NatsMessage request = next(requests);
  foreigner.publish(natsMsg_GetReply(request.get()), "answer");
  ASSERT_TRUE(until([&] { return done; }));
  EXPECT_EQ(arrived, "answer");
}

TEST_F(a_link, publishes_no_answer_to_a_subject_it_did_not_give_out) {
  NatsServer& server = add_server();
  LinkOptions options = quick({server.url()});
  options.always = {"theirs"};
  Machine& machine = add_linked(options);
  Foreigner& foreigner = add_foreigner(server.url());
  natsSubscription* requests = foreigner.subscribe("theirs");
  hub::Subscription secret = machine.subscribe("secret");
  hub::Subscription inbox = machine.subscribe("inbox");
  machine.publish("theirs", "x", {.reply = "inbox"});
  const std::string reply = natsMsg_GetReply(next(requests).get());
  const std::string forged = reply.substr(0, reply.size() - 5) + "secret";
  foreigner.publish(forged, "forged");
  foreigner.publish(reply, "right");
  EXPECT_EQ(text(inbox), "right");
  EXPECT_FALSE(secret.try_receive());
}

TEST_F(a_link, reports_that_the_cluster_has_no_subscriber) {
  NatsServer& server = add_server();
  LinkOptions options = quick({server.url()});
  options.always = {"theirs"};
  Machine& machine = add_linked(options);
  EXPECT_EQ(ask(machine, "theirs", "x").outcome(), Outcome::no_responders);
}

TEST_F(a_link, brings_the_acknowledgement_of_jetstream_to_the_publisher) {
  TempDirectory store;
  NatsServer& server = add_server("jetstream { store_dir: \"" + store.path() + "\" }\n");
  jsCtx* stream = nullptr;
  Foreigner& foreigner = add_foreigner(server.url());
  ASSERT_EQ(natsConnection_JetStream(&stream, foreigner.get(), nullptr), NATS_OK);
  jsStreamConfig config;
  jsStreamConfig_Init(&config);
  config.Name = "ORDERS";
  std::array<const char*, 1> subjects{"orders.>"};
  config.Subjects = subjects.data();
  config.SubjectsLen = 1;
  ASSERT_EQ(js_AddStream(nullptr, stream, &config, nullptr, nullptr), NATS_OK);
  jsCtx_Destroy(stream);
  LinkOptions options = quick({server.url()});
  options.always = {"orders.>"};
  Machine& machine = add_linked(options);
  const hub::Received acknowledged = ask(machine, "orders.new", "one");
  ASSERT_TRUE(acknowledged) << acknowledged.error().explain();
  EXPECT_EQ(acknowledged->payload(), R"({"stream":"ORDERS", "seq":1})");
}

// Losses -----------------------------------------------------------------------------------------

TEST_F(a_link, keeps_for_a_server_that_is_away_what_there_is_room_for_and_counts_the_rest) {
  NatsServer& server = add_server();
  LinkOptions options = quick({server.url()});
  options.always = {"s"};
  options.outbound = 16 * kibibyte;
  Machine& machine = add_linked(options);
  hub::Subscription local = machine.subscribe("s");
  machine.publish("s", "before");
  ASSERT_TRUE(until([&] { return machine.statistics().out == 1; }));
  server.kill();
  ASSERT_TRUE(until([&] { return machine.count(LinkEvent::Kind::reconnecting) == 1; }));
  EXPECT_FALSE(machine.statistics().up);
  constexpr std::uint64_t published = 100;
  for (std::uint64_t i = 0; i < published; ++i) machine.publish("s", std::string(1000, 'x'));
  EXPECT_EQ(text(local), "before");
  for (std::uint64_t i = 0; i < published; ++i) EXPECT_EQ(text(local).size(), 1000U);
  ASSERT_TRUE(until([&] {
    const LinkStatistics now = machine.statistics();
    return now.kept + now.dropped_out == published;
  }));
  const std::uint64_t kept = machine.statistics().kept;
  EXPECT_GT(kept, 5U);
  EXPECT_LT(kept, 16U);

  server.start();
  ASSERT_TRUE(until([&] { return server.ready(); })) << server.log();
  ASSERT_TRUE(until([&] { return machine.count(LinkEvent::Kind::up) == 2; }));
  ASSERT_TRUE(until([&] { return machine.statistics().kept == 0; }));
  const LinkStatistics after = machine.statistics();
  EXPECT_EQ(after.out, 1 + kept);
  EXPECT_EQ(after.dropped_out, published - kept);
  EXPECT_EQ(after.unconfirmed, 0U);
  EXPECT_EQ(after.connects, 2U);
}

TEST_F(a_link, loses_what_its_counters_report_when_a_server_is_killed_and_nothing_local) {
  NatsServer& server = add_server();
  LinkOptions options = quick({server.url()});
  options.exports = {"s"};
  options.imports = {"s"};
  options.keep_while_away = false;
  Machine& one = add_linked(options);
  Machine& other = add_linked(options);
  hub::Subscription local = one.subscribe("s");
  hub::Subscription remote = other.subscribe("s");
  ASSERT_TRUE(until([&] { return one.leaves("s"); }));
  int count = 0;
  const auto publish_some = [&] {
    for (int i = 0; i < 50; ++i) {
      one.publish("s", std::to_string(count++));
      EXPECT_EQ(text(local), std::to_string(count - 1));
    }
    return static_cast<std::uint64_t>(count);
  };
  publish_some();
  ASSERT_TRUE(until([&] { return one.statistics().out == 50 && remote.waiting() == 50; }));
  server.kill();
  // While it goes, and while it is away.
  publish_some();
  ASSERT_TRUE(until([&] { return one.count(LinkEvent::Kind::reconnecting) == 1; }));
  publish_some();
  server.start();
  ASSERT_TRUE(until([&] { return server.ready(); })) << server.log();
  ASSERT_TRUE(until([&] {
    return one.count(LinkEvent::Kind::up) == 2 && other.count(LinkEvent::Kind::up) == 2;
  }));
  const std::uint64_t published = publish_some();
  const auto accounted = [&] {
    const LinkStatistics now = one.statistics();
    return now.out + now.dropped_out + now.unconfirmed;
  };
  ASSERT_TRUE(until([&] { return accounted() == published; }));
  const std::string last = std::to_string(published - 1);
  std::vector<std::string> received;
  ASSERT_TRUE(until([&] {
    while (const hub::Received message = remote.try_receive()) {
      received.emplace_back(message->payload());
    }
    return !received.empty() && received.back() == last;
  }));
  const LinkStatistics after = one.statistics();
  EXPECT_GE(received.size(), published - after.dropped_out - after.unconfirmed);
  EXPECT_LE(received.size(), published - after.dropped_out);
  EXPECT_GE(after.dropped_out, 50U);
}

TEST_F(a_link, counts_what_it_missed_when_its_hub_cut_it_and_comes_back) {
  NatsServer& server = add_server();
  HubOptions impatient;
  impatient.limits.outbound = 1;
  impatient.limits.send_buffer = 4096;
  impatient.rules.delivery.push_back(
      {.subjects = {"s"}, .overflow = OverflowPolicy::disconnect, .pending = 1});
  Machine& machine = add_machine(std::move(impatient));
  LinkOptions options = quick({server.url()});
  options.always = {"s"};
  machine.link(std::move(options));
  ASSERT_TRUE(until([&] { return machine.count(LinkEvent::Kind::up) > 0; }));
  std::uint64_t published = 0;
  // The hub cuts a subscriber whose queue is full: this one, until it has come back three times. In
  // each turn of their loop a link takes as much as a program brings, so there are several.
  std::vector<hub::Client> programs;
  for (int i = 0; i < 4; ++i) programs.push_back(machine.connect());
  ASSERT_TRUE(until([&] {
    for (hub::Client& program : programs) {
      for (int i = 0; i < 40; ++i) {
        if (program.try_publish("s", std::string(5000, 'x'))) ++published;
      }
    }
    return machine.hub->statistics().slow_consumers >= 3;
  }));
  ASSERT_TRUE(until([&] { return machine.leaves("s"); }));
  EXPECT_TRUE(until([&] {
    const LinkStatistics now = machine.statistics();
    return now.kept == 0 && now.out + now.unconfirmed + now.dropped_out == published;
  })) << published
      << " published, " << machine.statistics().out << " out, " << machine.statistics().dropped_out
      << " dropped";
  EXPECT_GT(machine.statistics().dropped_out, 0U);
}

TEST_F(a_link, counts_what_is_too_large_for_a_server_as_dropped) {
  NatsServer& server = add_server("max_payload: 1000\n");
  LinkOptions options = quick({server.url()});
  options.always = {"s"};
  Machine& machine = add_linked(options);
  natsSubscription* outside = add_foreigner(server.url()).subscribe("s");
  machine.publish("s", std::string(1000, 'x'));  // and the header makes it larger
  machine.publish("s", "small");
  EXPECT_STREQ(natsMsg_GetData(next(outside).get()), "small");
  EXPECT_TRUE(until([&] { return machine.statistics().out == 1; }));
  EXPECT_EQ(machine.statistics().dropped_out, 1U);
}

TEST_F(a_link, sends_nothing_to_a_server_without_headers_since_it_could_come_back) {
  NatsServer& server = add_server("no_header_support: true\n");
  LinkOptions options = quick({server.url()});
  options.always = {"s"};
  Machine& machine = add_linked(options);
  machine.publish("s", "x");
  EXPECT_TRUE(until([&] { return machine.statistics().dropped_out == 1; }));
  EXPECT_EQ(machine.statistics().kept, 0U);
}

TEST_F(a_link, lets_in_what_there_is_room_for_and_counts_the_rest) {
  NatsServer& server = add_server();
  LinkOptions options = quick({server.url()});
  options.imports = {">"};
  options.inbound = 16 * kibibyte;
  Machine& machine = add_linked(options);
  hub::Subscription inside = machine.subscribe("s");
  Foreigner& foreigner = add_foreigner(server.url());
  ASSERT_TRUE(until([&] {
    foreigner.publish("s", "");
    return machine.statistics().in > 0;
  }));
  constexpr std::uint64_t published = 200;
  // The loop does not run meanwhile.
  for (std::uint64_t i = 0; i < published; ++i) foreigner.publish("s", std::string(1000, 'x'));
  std::uint64_t arrived = 0;
  ASSERT_TRUE(until([&] {
    while (const hub::Received message = inside.try_receive()) {
      if (!message->payload().empty()) ++arrived;
    }
    return arrived + machine.statistics().dropped_in == published;
  }));
  EXPECT_GT(machine.statistics().dropped_in, 0U);
}

TEST_F(a_link, sends_what_waits_before_it_ends_with_its_loop) {
  NatsServer& server = add_server();
  LinkOptions options = quick({server.url()});
  options.always = {"s"};
  Machine& machine = add_linked(options);
  natsSubscription* outside = add_foreigner(server.url()).subscribe("s");
  constexpr int published = 1000;
  for (int i = 0; i < published; ++i) machine.publish("s", std::to_string(i));
  ASSERT_TRUE(loop.run(machine.program->flush()));
  loop.drain();
  EXPECT_EQ(loop.run(), 0);
  for (int i = 0; i < published; ++i) {
    EXPECT_EQ(natsMsg_GetData(next(outside).get()), std::to_string(i));
  }
}

// Who may ----------------------------------------------------------------------------------------

TEST_F(a_link, reports_why_a_server_refuses_it_and_connects_once_it_may) {
  NatsServer& server = add_server("authorization { user: hub, password: right }\n");
  LinkOptions options = quick({server.url()});
  options.user = "hub";
  options.password = "wrong";
  Machine& machine = add_machine();
  machine.link(options);
  ASSERT_TRUE(until([&] { return machine.count(LinkEvent::Kind::down) >= 2; }));
  EXPECT_NE(machine.events.front().about.explain().find("Authorization Violation"),
            std::string::npos)
      << machine.events.front().about.explain();
  machine.links.clear();
  options.password = "right";
  machine.link(options);
  EXPECT_TRUE(until([&] { return machine.count(LinkEvent::Kind::up) == 1; }));
}

TEST_F(a_link, takes_in_again_all_that_is_wanted_by_then_when_it_may_come_back) {
  NatsServer& server = add_server();
  LinkOptions options = quick({server.url()});
  options.imports = {">"};
  Machine& machine = add_linked(options);
  hub::Subscription kept = machine.subscribe("kept.*");
  const auto comes = [&](Foreigner& from, hub::Subscription& to, const std::string& subject) {
    return until([&] {
      from.publish(subject, "");
      const hub::Received message = to.try_receive();
      return message && message->subject() == subject;
    });
  };
  Foreigner& before = add_foreigner(server.url());
  ASSERT_TRUE(comes(before, kept, "kept.before"));
  foreigners.clear();
  server.replace("authorization { user: nobody, password: known }\n");
  ASSERT_TRUE(until([&] { return machine.count(LinkEvent::Kind::down) >= 2; }));
  hub::Subscription fresh = machine.subscribe("fresh");
  server.replace("");
  ASSERT_TRUE(until([&] { return server.ready(); })) << server.log();
  ASSERT_TRUE(until([&] { return machine.count(LinkEvent::Kind::up) == 2; }));
  Foreigner& after = add_foreigner(server.url());
  EXPECT_TRUE(comes(after, kept, "kept.after"));
  EXPECT_TRUE(comes(after, fresh, "fresh"));
}

TEST_F(a_link, waits_for_a_server_that_is_not_there_yet_and_shows_no_secret) {
  NatsServer& server = add_server("authorization { token: sesame }\n");
  server.kill();
  Machine& machine = add_machine();
  machine.link(quick({server.url("sesame")}));
  ASSERT_TRUE(until([&] { return machine.count(LinkEvent::Kind::down) >= 1; }));
  EXPECT_EQ(machine.events.front().about.explain().find("sesame"), std::string::npos);
  server.start();
  ASSERT_TRUE(until([&] { return machine.count(LinkEvent::Kind::up) == 1; }));
  EXPECT_EQ(machine.events.back().about.subject, server.url());
}

TEST_F(a_link, reports_what_the_cluster_does_not_permit) {
  NatsServer& server = add_server(
      "authorization { users: [{ user: hub, password: right,"
      " permissions: { publish: { deny: secret } } }] }\n");
  LinkOptions options = quick({server.url()});
  options.user = "hub";
  options.password = "right";
  options.always = {"secret"};
  Machine& machine = add_linked(options);
  machine.publish("secret", "x");
  ASSERT_TRUE(until([&] { return machine.count(LinkEvent::Kind::complaint) == 1; }));
  const std::string words = machine.events.back().about.explain();
  EXPECT_NE(words.find("Permissions Violation for Publish to \"secret\""), std::string::npos)
      << words;
}

TEST_F(a_link, is_not_started_with_what_cannot_be_meant) {
  Machine& machine = add_machine();
  const auto refusal = [&](const LinkOptions& options) {
    auto started = loop.run(Link::start(loop, machine.path, options));
    return started ? "started" : started.error().explain();
  };
  EXPECT_NE(refusal({.urls = {}}).find("no server is given"), std::string::npos);
  EXPECT_NE(refusal({.urls = {"nats://x"}, .always = {"$SYS.>"}})
                .find("\"$SYS.>\" matches no subject that a link forwards"),
            std::string::npos);
  EXPECT_NE(refusal({.urls = {"nats://x"}, .reconnect = {.first_wait = 3s}})
                .find("first_wait: longer than max_wait"),
            std::string::npos);
  EXPECT_EQ(refusal({.urls = {"nats://x"}, .overflow = OverflowPolicy::wait}),
            "overflow policy wait: a link's messages support drop_oldest, drop_newest");
  EXPECT_NE(refusal({.urls = {"nats://x"}, .imports = {"a..b"}})
                .find("\"a..b\" is not a subject pattern"),
            std::string::npos);
  const auto refused_account = [&](LinkAccount account) {
    return refusal({.urls = {"nats://x"}, .accounts = {std::move(account)}});
  };
  EXPECT_NE(refused_account({.user = "u"}).find("accounts[0].who: no rule is given"),
            std::string::npos);
  EXPECT_NE(refused_account({.who = {allow::any()}, .password = "p"})
                .find("no user, token or credentials are given"),
            std::string::npos);
  EXPECT_NE(refused_account({.who = {allow::gid(7)}, .user = "u"})
                .find("\"gid:7\": a link knows the uid of a publisher, not its groups"),
            std::string::npos);
  EXPECT_NE(
      refused_account({.who = {allow::user("no-such-user")}, .user = "u"}).find("no-such-user"),
      std::string::npos);
  EXPECT_NE(refused_account({.who = {allow::any()}, .user = "a\"b"}).find("cannot be sent"),
            std::string::npos);
  const LinkAccount any{.who = {allow::any()}, .user = "u"};
  EXPECT_NE(
      refusal({.urls = {"nats://x"}, .accounts = {any, {.who = {allow::root()}, .user = "u"}}})
          .find("accounts[1].who: never used"),
      std::string::npos);
  EXPECT_NE(refusal({.urls = {"nats://x"}, .accounts = {any, any}})
                .find("\"any\" is the name of another account"),
            std::string::npos);
  EXPECT_NE(
      refusal({.urls = {"nats://x"}, .accounts = {max_link_accounts + 1, any}}).find("a link may"),
      std::string::npos);
  EXPECT_NE(refusal({.urls = {"nats://x"}, .tls = {.key = "k"}}).find("a key its certificate"),
            std::string::npos);
}

}  // namespace
}  // namespace hallway
