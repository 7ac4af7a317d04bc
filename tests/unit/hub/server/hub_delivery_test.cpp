// SPDX-License-Identifier: Apache-2.0
//
// How messages get from many publishers to many subscribers, and what becomes of those that do not
// read.
#include <gtest/gtest.h>

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "support/hub_serving.hpp"

namespace hallway {
namespace {

using namespace test;

/// What a subscriber was sent, one message after the other.
struct Delivered {
  std::vector<std::size_t> numbers;  // that their payloads begin with
  std::size_t lost = 0;              // by its gap notices
  bool in_order = true;              // and each gap where the messages are missing
};

/// Reads MSG lines with payloads that begin with a number and a colon.
Delivered read_numbered(std::string_view stream) {
  Delivered all;
  std::size_t expected = 0;
  while (!stream.empty()) {
    const std::size_t end = stream.find("\r\n");
    const std::string_view line = stream.substr(0, end);
    if (!line.starts_with("MSG ")) break;
    const std::size_t size = std::stoul(std::string(line.substr(line.rfind(' ') + 1)));
    const std::string payload(stream.substr(end + 2, size));
    stream.remove_prefix(std::min(end + 2 + size + 2, stream.size()));
    const std::size_t number = std::stoul(payload);
    if (line.starts_with("MSG $SYS.HUB.GAP ")) {
      all.lost += number;
      expected += number;
    } else {
      all.in_order = all.in_order && number == expected;
      expected = number + 1;
      all.numbers.push_back(number);
    }
  }
  return all;
}

class hub_delivery : public HubServing {
 protected:
  static constexpr std::size_t payload_size = 1000;

  /// A payload that says its number.
  static std::string numbered(std::size_t number, std::size_t size = payload_size) {
    std::string payload = std::to_string(number) + ":";
    payload.resize(size, '.');
    return payload;
  }
  static std::string publications(std::size_t begin, std::size_t end,
                                  const std::string& subject = "a") {
    std::string all;
    for (std::size_t i = begin; i < end; ++i) all += pub(subject, numbered(i));
    return all;
  }

  /// Limits that a subscriber who does not read reaches soon.
  static HubOptions with_small_queues(OverflowPolicy policy, std::size_t pending = 100'000) {
    HubOptions options;
    options.limits.outbound = 64 * kibibyte;
    options.rules.delivery.push_back({.subjects = {">"}, .overflow = policy, .pending = pending});
    return options;
  }

  /// A subscriber to `a` that reads only when it is asked to.
  RawStream lazy_subscriber(std::string_view connect_with = connect_as_programs_do) {
    RawStream client = connect(connect_with);
    send(client, "SUB a 1\r\n");
    client.received.clear();
    return client;
  }

  [[nodiscard]] SubscriptionStatistics only_subscription() const {
    const auto all = hub->subscriptions();
    EXPECT_EQ(all.size(), 1U);
    return all.empty() ? SubscriptionStatistics() : all.front();
  }

  /// Publishes until the hub takes nothing more. @return what it did not take
  std::string_view publish_until_held_back(RawStream& publisher, std::string_view all) {
    std::size_t idle = 0;
    EXPECT_TRUE(until([&] {
      const ssize_t sent = publisher.send(all.substr(0, 64 * kibibyte));
      if (sent > 0) all.remove_prefix(static_cast<std::size_t>(sent));
      idle = sent > 0 ? 0 : idle + 1;
      return all.empty() || idle == 100;
    }));
    EXPECT_FALSE(all.empty());
    return all;
  }

  /// Publishes more than fits until nobody takes the rest of it. Then the subscriber reads, and has
  /// to get everything. What was known of its subscription between.
  SubscriptionStatistics while_nobody_reads(RawStream& subscriber) {
    RawStream publisher = connect();
    const std::string all = publications(0, 5'000);
    std::string_view rest = publish_until_held_back(publisher, all);
    const SubscriptionStatistics then = only_subscription();
    EXPECT_TRUE(until([&] {
      const ssize_t sent = publisher.send(rest.substr(0, 64 * kibibyte));
      if (sent > 0) rest.remove_prefix(static_cast<std::size_t>(sent));
      subscriber.collect();
      return rest.empty() && subscriber.received.ends_with(numbered(4'999) + "\r\n");
    }));
    const Delivered got = read_numbered(subscriber.received);
    EXPECT_EQ(got.numbers.size(), 5'000U);
    EXPECT_TRUE(got.in_order);
    EXPECT_EQ(got.lost, 0U);
    return then;
  }

  /// Reads until it has received everything there is: a message published last to say so.
  Delivered all_that_reaches(RawStream& client, RawStream& publisher, const std::string& last) {
    EXPECT_TRUE(until([&] {
      client.collect();
      return only_subscription().waiting == 0 && connection_is_empty(client);
    }));
    publisher.send(pub("a", last));
    EXPECT_TRUE(until([&] {
      client.collect();
      return client.received.ends_with(last + "\r\n");
    }));
    return read_numbered(client.received);
  }
  bool connection_is_empty(RawStream& client) {
    const std::size_t before = client.received.size();
    loop.turn();
    client.collect();
    return client.received.size() == before;
  }
};

TEST_F(hub_delivery, carries_from_several_publishers_to_several_subscribers) {
  start();
  constexpr std::size_t publishers = 3;
  constexpr std::size_t subscribers = 5;
  constexpr std::size_t messages = 200;
  std::vector<RawStream> from;
  std::vector<RawStream> to;
  for (std::size_t i = 0; i < publishers; ++i) from.push_back(connect());
  for (std::size_t i = 0; i < subscribers; ++i) {
    to.push_back(connect());
    // Some share a line, some have their own.
    send(to.back(), "SUB from.* " + std::to_string(i / 2) + "\r\n");
  }
  for (std::size_t number = 0; number < messages; ++number) {
    for (std::size_t i = 0; i < publishers; ++i) {
      from[i].send(pub("from." + std::to_string(i), numbered(number, 50)));
    }
    if (number % 7 == 0) loop.turn();
  }
  const std::size_t each = publishers * messages;
  for (std::size_t i = 0; i < subscribers; ++i) {
    const std::string line_end = " " + std::to_string(i / 2) + " 50\r\n";
    std::map<std::string, std::size_t> next;
    ASSERT_TRUE(until([&] {
      to[i].collect();
      return to[i].received.size() == each * (std::string("MSG from.0 0 50\r\n").size() + 52);
    }));
    for (std::string_view rest = to[i].received; !rest.empty();) {
      const std::string subject(rest.substr(4, 6));
      ASSERT_TRUE(rest.substr(10).starts_with(line_end));
      rest.remove_prefix(10 + line_end.size());
      ASSERT_EQ(rest.substr(0, 50), numbered(next[subject]++, 50));
      rest.remove_prefix(52);
    }
  }
  EXPECT_EQ(hub->statistics().messages_in, each);
  EXPECT_EQ(hub->statistics().messages_out, each * subscribers);
}

TEST_F(hub_delivery, carries_messages_of_any_size) {
  start();
  RawStream first = connect();
  RawStream second = connect();
  RawStream publisher = connect();
  send(first, "SUB a 1\r\n");
  send(second, "SUB a other-sid\r\n");
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{5'000},
                                 std::size_t{65'536}, std::size_t{1'048'576}}) {
    const std::string payload(size, 'p');
    send_all(publisher, pub("a", payload));
    EXPECT_TRUE(until_received(first, msg("a", "1", payload))) << size;
    EXPECT_TRUE(until_received(second, msg("a", "other-sid", payload))) << size;
    first.received.clear();
    second.received.clear();
  }
}

TEST_F(hub_delivery, keeps_the_order_of_messages_on_different_subjects) {
  start();
  RawStream client = connect();
  RawStream publisher = connect();
  send(client, "SUB > 1\r\n");
  std::string sent;
  std::string expected;
  for (std::size_t i = 0; i < 500; ++i) {
    const std::string subject = "s." + std::to_string(i % 3);
    sent += pub(subject, numbered(i, 30));
    expected += msg(subject, "1", numbered(i, 30));
  }
  send_all(publisher, sent);
  EXPECT_TRUE(until_received(client, expected));
}

TEST_F(hub_delivery, gives_a_late_subscriber_only_what_is_published_from_then_on) {
  start();
  RawStream early = connect();
  RawStream both = connect();
  send(early, "SUB a 1\r\n");
  EXPECT_EQ(
      answer(both, pub("a", "1") + "SUB a 1\r\n" + pub("a", "2") + "UNSUB 1\r\n" + pub("a", "3")),
      msg("a", "1", "2"));
  EXPECT_TRUE(until_received(early, msg("a", "1", "1") + msg("a", "1", "2") + msg("a", "1", "3")));
}

TEST_F(hub_delivery, waits_for_a_subscriber_where_a_rule_asks_for_it) {
  start(with_small_queues(OverflowPolicy::wait));
  RawStream subscriber = lazy_subscriber();
  const SubscriptionStatistics then = while_nobody_reads(subscriber);
  EXPECT_GT(then.waiting, 0U);
  EXPECT_LE(then.waiting, 110U);
}

TEST_F(hub_delivery, keeps_nothing_where_publishers_wait_and_the_rule_names_no_room) {
  HubOptions options;
  options.limits.outbound = 64 * kibibyte;
  options.rules.delivery = {{.subjects = {">"}, .overflow = OverflowPolicy::wait}};
  start(std::move(options));
  RawStream subscriber = lazy_subscriber();
  const SubscriptionStatistics then = while_nobody_reads(subscriber);
  EXPECT_EQ(then.overflow, OverflowPolicy::wait);
  EXPECT_EQ(then.waiting, 0U);
}

TEST_F(hub_delivery, treats_wait_as_disconnect_if_only_the_client_asks_for_it) {
  start();
  RawStream client = lazy_subscriber(R"(CONNECT {"verbose":false,"full":"wait"})"
                                     "\r\n");
  EXPECT_EQ(only_subscription().overflow, OverflowPolicy::disconnect);
}

TEST_F(hub_delivery, holds_back_publishers_for_a_client_that_reads) {
  HubOptions options = with_small_queues(OverflowPolicy::disconnect);
  options.limits.hold_time = 1h;  // nobody is slow before that
  options.limits.slow_time = 1h;
  start(std::move(options));
  RawStream subscriber = lazy_subscriber();
  const SubscriptionStatistics then = while_nobody_reads(subscriber);
  EXPECT_GT(then.waiting, 0U);
  EXPECT_LE(then.waiting, 80U);  // three quarters of the room
  EXPECT_EQ(hub->statistics().slow_consumers, 0U);
  EXPECT_GT(hub->users().front().held_back, 0U);
}

TEST_F(hub_delivery, holds_back_no_publisher_for_a_client_that_hardly_reads) {
  HubOptions options = with_small_queues(OverflowPolicy::disconnect);
  options.limits.hold_time = 50ms;
  start(std::move(options));
  RawStream subscriber = lazy_subscriber();
  RawStream publisher = connect();
  send_all(publisher, publications(0, 5'000));
  synchronize(publisher);
  EXPECT_EQ(hub->statistics().slow_consumers, 1U);
  EXPECT_EQ(hub->statistics().subscriptions, 0U);
}

TEST_F(hub_delivery, holds_back_no_publisher_without_a_least_rate) {
  HubOptions options = with_small_queues(OverflowPolicy::disconnect);
  options.limits.hold_time = 1h;
  options.limits.min_rate = 0;
  start(std::move(options));
  RawStream subscriber = lazy_subscriber();
  RawStream publisher = connect();
  send_all(publisher, publications(0, 5'000));
  synchronize(publisher);
  EXPECT_EQ(hub->statistics().slow_consumers, 1U);
}

TEST_F(hub_delivery, holds_back_publishers_again_for_a_client_that_has_caught_up) {
  HubOptions options = with_small_queues(OverflowPolicy::disconnect, 1'000'000);
  options.limits.hold_time = 50ms;
  start(std::move(options));
  RawStream subscriber = lazy_subscriber();
  RawStream publisher = connect();
  std::size_t published = 0;
  // Until it is slow, and nearly full: nobody is held back for it then.
  const auto publish_some = [&] {
    send_all(publisher, publications(published, published + 10));
    synchronize(publisher);
    published += 10;
  };
  while (only_subscription().waiting < 800 && published < 10'000) publish_some();
  ASSERT_LT(published, 10'000U);
  EXPECT_TRUE(until([&] {
    subscriber.collect();
    return subscriber.received.ends_with(numbered(published - 1) + "\r\n");
  }));
  const std::uint64_t before = hub->users().front().held_back;
  for (int i = 0; i < 1'000 && hub->users().front().held_back == before; ++i) publish_some();
  EXPECT_GT(hub->users().front().held_back, before);
  EXPECT_EQ(hub->statistics().slow_consumers, 0U);
}

TEST_F(hub_delivery, disconnects_a_client_that_keeps_publishers_waiting_and_reads_nothing) {
  HubOptions options = with_small_queues(OverflowPolicy::wait);
  options.limits.slow_time = 50ms;
  start(std::move(options));
  RawStream subscriber = lazy_subscriber();
  RawStream publisher = connect();
  send_all(publisher, publications(0, 5'000));
  synchronize(publisher);
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].kind, Kind::slow_consumer);
  EXPECT_EQ(hub->statistics().slow_consumers, 1U);
  EXPECT_EQ(hub->statistics().subscriptions, 0U);
}

TEST_F(hub_delivery, loses_the_oldest_and_reports_exactly_how_many) {
  start(with_small_queues(OverflowPolicy::drop_oldest));
  RawStream subscriber = lazy_subscriber();
  RawStream publisher = connect();
  send_all(publisher, publications(0, 5'000));
  synchronize(publisher);
  const SubscriptionStatistics then = only_subscription();
  EXPECT_GT(then.dropped, 0U);
  EXPECT_EQ(then.overflow, OverflowPolicy::drop_oldest);
  EXPECT_LE(then.waiting, 110U);
  const Delivered got = all_that_reaches(subscriber, publisher, numbered(5'000));
  EXPECT_TRUE(got.in_order);
  EXPECT_EQ(got.lost, then.dropped);
  EXPECT_EQ(got.numbers.size() + got.lost, 5'001U);
  EXPECT_EQ(got.numbers.back(), 5'000U);
  EXPECT_EQ(got.numbers[got.numbers.size() - 2], 4'999U);  // the newest are those that are left
  EXPECT_EQ(hub->statistics().dropped, got.lost);
}

TEST_F(hub_delivery, loses_the_newest_and_reports_exactly_how_many) {
  start(with_small_queues(OverflowPolicy::drop_newest));
  RawStream subscriber = lazy_subscriber();
  RawStream publisher = connect();
  send_all(publisher, publications(0, 5'000));
  synchronize(publisher);
  const Delivered got = all_that_reaches(subscriber, publisher, numbered(5'000));
  EXPECT_TRUE(got.in_order);
  EXPECT_GT(got.lost, 0U);
  EXPECT_EQ(got.numbers.size() + got.lost, 5'001U);
  // All that were lost were lost in one go: what waited before them was read in order.
  EXPECT_EQ(got.numbers[got.numbers.size() - 2] + 1 + got.lost, 5'000U);
}

TEST_F(hub_delivery, keeps_only_the_latest_of_each_subject_for_a_client_that_asked_for_it) {
  HubOptions options;
  options.limits.outbound = 64 * kibibyte;
  start(std::move(options));
  RawStream subscriber = connect("CONNECT {\"verbose\":false,\"full\":\"latest_only\"}\r\n");
  send(subscriber, "SUB s.* 1\r\n");
  subscriber.received.clear();
  RawStream publisher = connect();
  std::string all;
  for (std::size_t i = 0; i < 5'000; ++i) all += pub("s." + std::to_string(i % 5), numbered(i));
  send_all(publisher, all);
  synchronize(publisher);
  const SubscriptionStatistics then = only_subscription();
  EXPECT_EQ(then.overflow, OverflowPolicy::latest_only);
  EXPECT_EQ(then.waiting, 5U);
  EXPECT_EQ(then.dropped, 0U);
  EXPECT_GT(then.superseded, 0U);
  ASSERT_TRUE(until([&] {
    subscriber.collect();
    return only_subscription().waiting == 0 && connection_is_empty(subscriber);
  }));
  const Delivered got = read_numbered(subscriber.received);
  EXPECT_EQ(got.numbers.size() + then.superseded, 5'000U);
  std::vector<std::size_t> last(got.numbers.end() - 5, got.numbers.end());
  std::ranges::sort(last);  // they come in the order in which their subjects began to wait
  EXPECT_EQ(last, (std::vector<std::size_t>{4'995, 4'996, 4'997, 4'998, 4'999}));
}

TEST_F(hub_delivery, disconnects_a_slow_consumer_by_default) {
  HubOptions options;
  options.limits.outbound = 64 * kibibyte;
  options.limits.max_pending_per_subscription = 100'000;
  start(std::move(options));
  RawStream subscriber = lazy_subscriber();
  RawStream publisher = connect();
  send_all(publisher, publications(0, 5'000));
  synchronize(publisher);
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].kind, Kind::slow_consumer);
  EXPECT_TRUE(until_ended(subscriber));
  EXPECT_TRUE(subscriber.received.ends_with("-ERR 'Slow Consumer'\r\n"));
  // Others hear the next ones all the same.
  RawStream quick = connect();
  send(quick, "SUB a 1\r\n");
  publisher.send(pub("a", "x"));
  EXPECT_TRUE(until_received(quick, msg("a", "1", "x")));
}

TEST_F(hub_delivery, serves_the_others_as_if_the_stopped_one_were_not_there) {
  start(with_small_queues(OverflowPolicy::drop_oldest));
  RawStream stopped = lazy_subscriber();
  std::vector<RawStream> others;
  for (int i = 0; i < 10; ++i) others.push_back(lazy_subscriber());
  RawStream publisher = connect();
  const std::string all = publications(0, 3'000);
  std::string_view rest = all;
  const std::size_t line = std::string("MSG a 1 1000\r\n").size() + 2;
  ASSERT_TRUE(until([&] {
    const ssize_t sent = publisher.send(rest.substr(0, 32 * kibibyte));
    if (sent > 0) rest.remove_prefix(static_cast<std::size_t>(sent));
    bool whole = true;
    for (RawStream& other : others) {
      other.collect();
      whole = whole && other.received.size() == 3'000 * (payload_size + line);
    }
    return whole;
  }));
  for (const RawStream& other : others) EXPECT_EQ(read_numbered(other.received).lost, 0U);
  EXPECT_GT(hub->statistics().dropped, 0U);
}

TEST_F(hub_delivery, delivers_what_waits_for_a_subscription_that_has_had_its_last_message) {
  start(with_small_queues(OverflowPolicy::drop_newest, 10'000'000));
  RawStream subscriber = lazy_subscriber();
  subscriber.send("UNSUB 1 5000\r\n");
  RawStream publisher = connect();
  send_all(publisher, publications(0, 6'000));
  synchronize(publisher);
  EXPECT_EQ(hub->statistics().subscriptions, 0U);
  const std::string last = numbered(4'999) + "\r\n";
  ASSERT_TRUE(until([&] {
    subscriber.collect();
    return subscriber.received.ends_with(last);
  }));
  EXPECT_EQ(read_numbered(subscriber.received).numbers.size(), 5'000U);
}

TEST_F(hub_delivery, counts_at_once_what_is_lost_before_the_last_message_of_a_subscription) {
  start(with_small_queues(OverflowPolicy::drop_newest));
  RawStream subscriber = lazy_subscriber();
  subscriber.send("UNSUB 1 5000\r\n");
  RawStream publisher = connect();
  send_all(publisher, publications(0, 5'000));
  synchronize(publisher);
  EXPECT_EQ(hub->statistics().subscriptions, 0U);
  EXPECT_GT(hub->statistics().dropped, 0U);
}

TEST_F(hub_delivery, counts_a_subscription_until_what_waits_for_it_is_delivered) {
  HubOptions options = with_small_queues(OverflowPolicy::drop_newest, 1);
  options.limits.max_subscriptions_per_uid = 3;
  start(std::move(options));
  RawStream client = lazy_subscriber();
  send_all(client, publications(0, 5'000));
  ASSERT_TRUE(until([&] { return hub->statistics().messages_in == 5'000; }));
  ASSERT_GT(hub->statistics().dropped, 0U);  // nothing gets through any more
  for (const std::string sid : {"2", "3"}) {
    client.send("SUB b " + sid + "\r\nUNSUB " + sid + " 1\r\n" + pub("b", ""));
  }
  ASSERT_TRUE(until([&] { return hub->statistics().messages_in == 5'002; }));
  EXPECT_EQ(hub->statistics().subscriptions, 1U);
  RawStream another = connect();  // of the same user: the first reads nothing yet
  another.send("SUB b 4\r\n");
  synchronize(another);
  EXPECT_TRUE(another.received.contains("-ERR 'maximum subscriptions exceeded'\r\n"));
  EXPECT_TRUE(until([&] {
    client.collect();
    return client.received.contains("MSG b 2 0") && client.received.contains("MSG b 3 0");
  }));
  client.send("SUB b 5\r\nSUB b 6\r\n");
  EXPECT_TRUE(until([&] { return hub->statistics().subscriptions == 3; }));
}

// Their user has no memory left for either, and both are there in part: one after the other may
// have more than its share.
TEST_F(hub_delivery, finishes_large_messages_of_a_user_that_has_its_share_already) {
  HubOptions options;
  options.limits.max_memory_per_uid = 2'000;  // two subscriptions
  start(std::move(options));
  RawStream subscriber = connect();
  send(subscriber, "SUB a 1\r\nSUB b 2\r\n");
  RawStream first = connect();
  RawStream second = connect();
  const std::string message = "PUB a 100000\r\n" + std::string(100'000, 'a') + "\r\n";
  for (RawStream* client : {&first, &second})
    client->send(std::string_view(message).substr(0, 50'000));
  ASSERT_TRUE(until([&] { return hub->users().front().held_back == 1; }));
  for (RawStream* client : {&second, &first})
    client->send(std::string_view(message).substr(50'000));
  EXPECT_TRUE(until([&] {
    subscriber.collect();
    return hub->statistics().messages_in == 2 && subscriber.received.size() > 200'000;
  }));
}

// One that sends without a pause has finished a message and begun the next in each piece that is
// read.
TEST_F(hub_delivery, finishes_messages_of_clients_in_turn_where_their_user_has_its_share_already) {
  HubOptions options;
  options.limits.max_memory_per_uid = 2'000;  // two subscriptions
  options.limits.slow_time = 1h;
  start(std::move(options));
  RawStream subscriber = connect();
  send(subscriber, "SUB a 1\r\nSUB b 2\r\n");
  const std::string message = pub("c", std::string(100'000, 'c'));
  struct Sender {
    RawStream stream;
    std::size_t messages;
    std::size_t sent = 0;  // of the message that is on its way
  };
  std::vector<Sender> senders;
  senders.push_back({connect(), 3'000});
  const auto send_some = [&] {
    for (Sender& sender : senders) {
      while (sender.messages > 0) {
        const ssize_t sent = sender.stream.send(std::string_view(message).substr(sender.sent));
        if (sent <= 0) break;
        sender.sent += static_cast<std::size_t>(sent);
        if (sender.sent == message.size()) sender.sent = 0;
        if (sender.sent == 0) --sender.messages;
      }
    }
  };
  ASSERT_TRUE(until([&] {
    send_some();
    return hub->statistics().messages_in > 10;
  }));
  senders.push_back({connect(), 5});
  EXPECT_TRUE(until([&] {
    send_some();
    return senders[1].messages == 0;
  }));
  EXPECT_GT(senders[0].messages, 0U);
}

// A message that has been read goes on into the queues of those that do not read.
TEST_F(hub_delivery, lets_a_user_exceed_its_share_by_little) {
  HubOptions options;
  options.limits.max_memory_per_uid = 500'000;
  options.limits.slow_time = 200ms;
  options.limits.send_buffer = 64 * kibibyte;
  start(std::move(options));
  std::vector<RawStream> subscribers;
  for (int i = 0; i < 20; ++i) {
    subscribers.push_back(connect());
    send(subscribers.back(), "SUB s" + std::to_string(i) + " 1\r\n");
  }
  RawStream publisher = connect();
  std::string all;
  for (int i = 0; i < 20; ++i) all += pub("s" + std::to_string(i), std::string(1'000'000, 's'));
  std::string_view rest = all;
  std::size_t most = 0;
  EXPECT_TRUE(until([&] {
    const ssize_t sent = rest.empty() ? 0 : publisher.send(rest);
    if (sent > 0) rest.remove_prefix(static_cast<std::size_t>(sent));
    publisher.collect();
    most = std::max(most, hub->users().front().memory);
    return publisher.ended || hub->statistics().messages_in == 20;
  }));
  EXPECT_LT(most, 5'000'000U);  // the share, 2 MiB, and a message that is read and delivered
}

// Else it would be kept in memory that no account has.
TEST_F(hub_delivery, ends_a_client_whose_large_message_has_no_memory_for_long) {
  HubOptions options;
  options.limits.max_memory_per_uid = 2'000;  // two subscriptions
  options.limits.slow_time = 50ms;
  start(std::move(options));
  RawStream another = connect();  // that has more than the share, and keeps it
  send(another, "SUB a 1\r\nSUB b 2\r\n");
  const std::string part = "PUB c 100000\r\n" + std::string(50'000, 'c');
  another.send(part);
  ASSERT_TRUE(until([&] { return hub->users().front().memory > 100'000; }));
  RawStream client = connect();
  client.send(part);
  EXPECT_TRUE(until([&] {
    client.collect();
    return client.ended;
  }));
  EXPECT_TRUE(client.received.ends_with(
      "-ERR 'no memory left for this message: its user has used its share'\r\n"))
      << client.received;
  EXPECT_EQ(hub->statistics().messages_in, 0U);
}

// Who has the loop for long is not the only one.
TEST_F(hub_delivery, lets_others_have_their_turn_while_one_publishes_to_thousands) {
  start();
  RawStream busy = connect("CONNECT {\"verbose\":false,\"full\":\"drop_newest\"}\r\n");
  std::string subscribing;
  for (int sid = 0; sid < 3'000; ++sid) subscribing += "SUB a " + std::to_string(sid) + "\r\n";
  send_all(busy, subscribing);
  synchronize(busy);
  RawStream other = connect();
  std::string all;
  for (int i = 0; i < 200; ++i) all += pub("a", "");
  busy.send(all);
  loop.turn();
  send(other, "");
  EXPECT_GT(hub->statistics().messages_in, 0U);
  EXPECT_LT(hub->statistics().messages_in, 200U);
}

TEST_F(hub_delivery, lets_others_have_their_turn_while_wildcards_lead_everywhere) {
  start();
  RawStream busy = connect();
  std::string subscribing;
  for (int i = 0; i < 1'024; ++i) {  // any of ten tokens is an `a` or a wildcard
    std::string subject;
    for (int bit = 0; bit < 10; ++bit) subject += ((i >> bit) & 1) != 0 ? "a." : "*.";
    subscribing += "SUB " + subject + "*.*.*.*.*.*.*.*.*.*.end " + std::to_string(i) + "\r\n";
  }
  send_all(busy, subscribing);
  synchronize(busy);
  RawStream other = connect();
  std::string all;
  for (int i = 0; i < 100; ++i) {
    all += pub("a.a.a.a.a.a.a.a.a.a.b.b.b.b.b.b.b.b.b.b." + std::to_string(i), "");
  }
  busy.send(all);
  loop.turn();
  send(other, "");
  EXPECT_GT(hub->statistics().messages_in, 0U);
  EXPECT_LT(hub->statistics().messages_in, 100U);
}

TEST_F(hub_delivery, stops_reading_from_a_client_that_does_not_read_its_answers) {
  HubOptions options;
  options.limits.outbound = 64 * kibibyte;
  start(std::move(options));
  RawStream client = connect();
  std::string pings;
  for (int i = 0; i < 10'000; ++i) pings += "PING\r\n";
  std::size_t refused = 0;
  std::size_t asked = 0;
  std::string_view rest = pings;
  ASSERT_TRUE(until([&] {
    if (rest.empty()) rest = pings;
    const ssize_t sent = client.send(rest);
    if (sent > 0) rest.remove_prefix(static_cast<std::size_t>(sent));
    if (sent > 0) asked += static_cast<std::size_t>(sent);
    refused = sent > 0 ? 0 : refused + 1;
    return refused == 100;
  }));
  // Each is answered once it reads.
  ASSERT_TRUE(until([&] {
    client.collect();
    return client.received.size() == asked - asked % 6;
  }));
}

// What the hub itself answers, while the client that asked does not read.

class answers_of_a_hub : public hub_delivery {
 protected:
  static constexpr int questions = 3;

  /// A client of which two subscriptions have such a policy: to `a`, and to the answers `in`.
  RawStream full_client(OverflowPolicy policy) {
    start(with_small_queues(policy, 1));
    RawStream client = lazy_subscriber();
    send(client, "SUB in 2\r\n");
    return client;
  }
  static void ask(RawStream& client) {
    for (int i = 0; i < questions; ++i) client.send(pub("$SYS.HUB.STATS", "", "in"));
  }
  /// How many of them a client got, once it has read everything.
  int answers_to(RawStream& client) {
    int count = 0;
    synchronize(client);
    for (std::size_t at = 0; (at = client.received.find("MSG in 2 ", at)) != std::string::npos;
         ++at)
      ++count;
    return count;
  }
};

TEST_F(answers_of_a_hub, come_when_there_is_room_where_publishers_have_to_wait) {
  RawStream client = full_client(OverflowPolicy::wait);
  RawStream publisher = connect();
  const std::string all = publications(0, 5'000);
  publish_until_held_back(publisher, all);
  ask(client);
  EXPECT_TRUE(until([&] { return connection_is_empty(publisher); }));
  EXPECT_EQ(hub->statistics().connections, 2U);
  EXPECT_EQ(answers_to(client), questions);
  EXPECT_EQ(hub->statistics().dropped, 0U);
}

TEST_F(answers_of_a_hub, do_not_wait_for_a_requester_that_never_reads) {
  HubOptions options;
  options.limits.outbound = 64 * kibibyte;
  options.limits.slow_time = 50ms;
  options.rules.delivery = {{.subjects = {">"}, .overflow = OverflowPolicy::wait}};
  start(std::move(options));
  RawStream client = lazy_subscriber();
  send(client, "SUB in 2\r\n");
  std::string all;
  for (std::size_t i = 0; i < 5'000; ++i) {
    all += pub("$SYS.HUB.STATS", "", "in") + pub("a", numbered(i));
  }
  std::string_view rest = all;
  EXPECT_TRUE(until([&] {
    const ssize_t sent = client.send(rest.substr(0, 64 * kibibyte));
    if (sent > 0) rest.remove_prefix(static_cast<std::size_t>(sent));
    return hub->statistics().slow_consumers == 1;
  }));
  EXPECT_EQ(hub->statistics().subscriptions, 0U);
}

TEST_F(answers_of_a_hub, are_counted_and_reported_as_lost_where_messages_are) {
  for (const OverflowPolicy policy :
       {OverflowPolicy::drop_oldest, OverflowPolicy::drop_newest, OverflowPolicy::latest_only}) {
    RawStream client = full_client(policy);
    RawStream publisher = connect();
    send_all(publisher, publications(0, 3'000));
    synchronize(publisher);
    const std::uint64_t before = hub->statistics().dropped + hub->statistics().superseded;
    ask(client);
    EXPECT_TRUE(until([&] { return connection_is_empty(publisher); }));
    const int received = answers_to(client);
    const std::uint64_t lost = hub->statistics().dropped + hub->statistics().superseded - before;
    EXPECT_EQ(received + static_cast<int>(lost), questions) << to_string(policy);
    EXPECT_EQ(hub->statistics().connections, 2U) << to_string(policy);
    hub.reset();
  }
}

TEST_F(answers_of_a_hub, cut_a_client_that_has_no_room_and_asked_for_nothing_else) {
  HubOptions options;
  options.limits.outbound = 64 * kibibyte;
  options.limits.max_memory_per_uid = 2'000;  // its two subscriptions
  start(std::move(options));
  RawStream client = lazy_subscriber();
  send(client, "SUB in 2\r\n");
  std::string all;
  for (int i = 0; i < 1'000; ++i) all += pub("$SYS.HUB.STATS", "", "in");
  send_all(client, all);
  EXPECT_EQ(answers_to(client), 1'000);  // it was not listened to while it did not read
  EXPECT_EQ(hub->statistics().slow_consumers, 0U);
}

TEST_F(hub_delivery, limits_what_waits_for_a_uid) {
  HubOptions options = with_small_queues(OverflowPolicy::drop_newest, 10'000'000);
  options.limits.max_memory_per_uid = 600'000;
  start(std::move(options));
  RawStream first = lazy_subscriber();
  RawStream second = lazy_subscriber();
  RawStream publisher = connect();
  send_all(publisher, publications(0, 5'000));
  synchronize(publisher);
  std::size_t waiting = 0;
  for (const auto& subscription : hub->subscriptions()) waiting += subscription.waiting;
  EXPECT_GT(waiting, 0U);
  EXPECT_LE(waiting, 600U);
}

}  // namespace
}  // namespace hallway
