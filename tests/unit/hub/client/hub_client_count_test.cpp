// SPDX-License-Identifier: Apache-2.0
//
// How many subscriptions a message went to, and how many match a subject.
#include <hallway/hub.hpp>

#include "unit/hub/client/scripted_hub.hpp"

namespace hallway {
namespace {

using namespace test;

class hub_client_count : public HubClientTest {
 protected:
  /// A hub that can count, at an address of its own.
  void connect_to_real_hub(hub::ClientOptions options = {}) {
    auto started = Hub::start(loop, directory / "real", {});
    ASSERT_TRUE(started) << started.error().explain();
    real.emplace(std::move(*started));
    path = directory / "real";
    connect(std::move(options));
  }

  /// A hub that says that it can count, and leaves the answers to the test.
  void connect_to_scripted_hub() {
    hub.info = R"({"hallway":"0","headers":true,"max_payload":1048576})";
    connect(tireless());
  }

  std::string published(ByteView subject, const hub::PublishOptions& options = {},
                        Duration within = patience) {
    return words(loop.run(client->publish_counted(subject, "x", options, within)));
  }
  std::string matching(ByteView subject, Duration within = patience) {
    return words(loop.run(client->count_matches(subject, within)));
  }

  static std::string words(const Result<hub::MatchCount>& count) {
    if (!count) return count.error().code.message();
    return std::to_string(count->subscriptions) + "+" + std::to_string(count->links);
  }
  static std::string words(std::errc code) { return std::make_error_condition(code).message(); }

  std::optional<Hub> real;
};

TEST_F(hub_client_count, is_reported_for_each_message) {
  connect_to_real_hub();
  EXPECT_EQ(published("a.b"), "0+0");
  hub::Subscription one = subscribe("a.*");
  hub::Subscription two = subscribe("a.b", {.queue = "g"});
  hub::Subscription three = subscribe("a.b", {.queue = "g"});
  const std::array<hub::Field, 1> fields{{{"K", "v"}}};
  EXPECT_EQ(published("a.b", {.reply = "r", .header = fields}), "2+0");
  EXPECT_EQ(matching("a.b"), "3+0");
  EXPECT_EQ(next(one), "x");
  EXPECT_EQ(published("a.c"), "1+0");
  EXPECT_TRUE(client->counts());
}

TEST_F(hub_client_count, is_about_its_message_however_many_publish_at_once) {
  hub::ClientOptions little;
  little.limits.outbound = 1000;
  connect_to_real_hub(little);
  hub::Subscription one = subscribe("one");
  std::vector<std::string> counts;
  for (int i = 0; i < 20; ++i) {
    loop.spawn([](hub::Client& by, int number, std::vector<std::string>& all) -> Task<> {
      const std::string subject = number % 2 == 0 ? "one" : "none";
      const std::string payload(300, 'x');
      all.push_back(subject + words(co_await by.publish_counted(subject, payload)));
    }(*client, i, counts));
  }
  ASSERT_TRUE(until([&] { return counts.size() == 20; }));
  EXPECT_EQ(std::ranges::count(counts, "one1+0"), 10);
  EXPECT_EQ(std::ranges::count(counts, "none0+0"), 10);
}

TEST_F(hub_client_count, is_refused_before_anything_is_published) {
  connect();
  EXPECT_FALSE(client->counts());
  EXPECT_EQ(published("a"), words(std::errc::not_supported));
  EXPECT_EQ(matching("a"), words(std::errc::not_supported));
  EXPECT_EQ(flush(), Outcome::ok);
  EXPECT_TRUE(hub.received.empty());
  connect_to_scripted_hub();
  EXPECT_EQ(published("a b"), words(std::errc::invalid_argument));
  EXPECT_EQ(matching("a.*"), words(std::errc::invalid_argument));
  const std::array<hub::Field, 1> wrong{{{"a b", "v"}}};
  EXPECT_EQ(published("a", {.header = wrong}), words(std::errc::invalid_argument));
  EXPECT_EQ(flush(), Outcome::ok);
  EXPECT_FALSE(hub.has_received("PUB subject=a payload=x"));
}

TEST_F(hub_client_count, waits_no_longer_than_asked) {
  connect_to_scripted_hub();
  EXPECT_EQ(published("a", {}, 20ms), words(std::errc::timed_out));
  EXPECT_EQ(matching("a", 20ms), words(std::errc::timed_out));
}

TEST_F(hub_client_count, is_unknown_once_the_hub_went_away) {
  connect_to_scripted_hub();
  std::optional<std::string> count;
  loop.spawn([](hub::Client& by, std::optional<std::string>& into) -> Task<> {
    into = words(co_await by.publish_counted("a", "x"));
  }(*client, count));
  ASSERT_TRUE(until_received("PUB subject=a payload=x"));
  hub.cut();
  ASSERT_TRUE(until([&] { return count.has_value(); }));
  EXPECT_EQ(*count, words(std::errc::connection_reset));
  client->close();
  EXPECT_EQ(published("a"), words(std::errc::operation_canceled));
}

TEST_F(hub_client_count, is_nothing_else_than_an_answer_of_a_hub) {
  connect_to_scripted_hub();
  std::optional<std::string> count;
  loop.spawn([](hub::Client& by, std::optional<std::string>& into) -> Task<> {
    into = words(co_await by.count_matches("a"));
  }(*client, count));
  ASSERT_TRUE(until([&] { return hub.received.size() == 2; }));
  const std::string& asked = hub.received[1];
  const std::size_t reply = asked.find("reply=") + 6;
  hub.deliver(asked.substr(reply, asked.find(' ', reply) - reply), 1, "many");
  ASSERT_TRUE(until([&] { return count.has_value(); }));
  EXPECT_EQ(*count, words(std::errc::bad_message));
}

}  // namespace
}  // namespace hallway
