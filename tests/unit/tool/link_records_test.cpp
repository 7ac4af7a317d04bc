// SPDX-License-Identifier: Apache-2.0
#include "tool/hub/link_records.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace hallway::tool::link_records {

namespace {

using testing::IsEmpty;
using testing::SizeIs;

template <typename Kind>
Kind read_back(const Record& record) {
  const auto read_again = read(write(record));
  EXPECT_TRUE(read_again);
  EXPECT_TRUE(std::holds_alternative<Kind>(*read_again));
  return std::get<Kind>(*read_again);
}

Settings settings() {
  LinkOptions options;
  options.urls = {"nats://x", "tls://y"};
  options.always = {"news.>"};
  options.password = "\xff\x01";
  options.heartbeat = std::chrono::milliseconds(17);
  options.overflow = OverflowPolicy::drop_oldest;
  options.accounts = {
      {.who = {allow::user("alice"), allow::same_uid()}, .name = "a", .user = "u", .password = "p"},
      {.who = {allow::uid(4711)}, .token = "t"},
      {.who = {allow::any()}, .credentials = "/etc/any.creds"}};
  return {.hub = *Address::path("/run/hub"), .options = std::move(options)};
}

TEST(LinkRecords, settings_come_with_each_account) {
  const auto got = read_back<Settings>(settings());
  EXPECT_EQ(got.hub.name(), "/run/hub");
  const LinkOptions wanted = settings().options;
  EXPECT_EQ(got.options.urls, wanted.urls);
  EXPECT_EQ(got.options.password, wanted.password);
  EXPECT_EQ(got.options.heartbeat, wanted.heartbeat);
  EXPECT_EQ(got.options.overflow, wanted.overflow);
  ASSERT_THAT(got.options.accounts, SizeIs(3));
  for (std::size_t i = 0; i < 3; ++i) {
    const LinkAccount& account = got.options.accounts[i];
    const LinkAccount& sent = wanted.accounts[i];
    EXPECT_EQ(account.name, sent.name);
    EXPECT_EQ(account.shown_name(), sent.shown_name());
    EXPECT_EQ(account.user, sent.user);
    EXPECT_EQ(account.password, sent.password);
    EXPECT_EQ(account.token, sent.token);
    EXPECT_EQ(account.credentials, sent.credentials);
    ASSERT_EQ(account.who.size(), sent.who.size());
    for (std::size_t k = 0; k < sent.who.size(); ++k) {
      EXPECT_EQ(account.who[k].to_string(), sent.who[k].to_string());
    }
  }
}

TEST(LinkRecords, figures_come_with_those_of_each_account) {
  LinkStatistics counts{.out = 7, .kept = 2, .up = true};
  counts.accounts = {{.name = "a",
                      .out = 1,
                      .dropped_out = 2,
                      .unconfirmed = 3,
                      .kept = 4,
                      .connects = 5,
                      .up = true},
                     {.name = "b"}};
  const auto got = read_back<Account>(Account{counts, {.id = "id", .settled = 9}});
  EXPECT_EQ(got.statistics.out, 7U);
  EXPECT_EQ(got.progress.settled, 9U);
  ASSERT_THAT(got.statistics.accounts, SizeIs(2));
  const LinkAccountStatistics& a = got.statistics.accounts[0];
  EXPECT_EQ(a.name, "a");
  EXPECT_EQ(a.out, 1U);
  EXPECT_EQ(a.dropped_out, 2U);
  EXPECT_EQ(a.unconfirmed, 3U);
  EXPECT_EQ(a.kept, 4U);
  EXPECT_EQ(a.connects, 5U);
  EXPECT_TRUE(a.up);
  EXPECT_EQ(got.statistics.accounts[1].name, "b");
  EXPECT_FALSE(got.statistics.accounts[1].up);
  EXPECT_THAT(read_back<Account>(Account{}).statistics.accounts, IsEmpty());
}

TEST(LinkRecords, an_event_names_its_account) {
  const LinkEvent event{.kind = LinkEvent::Kind::down,
                        .about = {.code = std::make_error_code(std::errc::connection_refused),
                                  .operation = "link to",
                                  .subject = "nats://x",
                                  .reason = "why",
                                  .hint = "how"},
                        .account = "a"};
  const auto got = read_back<LinkEvent>(event);
  EXPECT_EQ(got.kind, event.kind);
  EXPECT_EQ(got.account, "a");
  EXPECT_EQ(got.about.explain(), event.about.explain());
}

TEST(LinkRecords, bytes_without_a_whole_record_are_not_read) {
  for (const Record& record : {Record(settings()), Record(Account{}), Record(Ended{"how"})}) {
    const std::string whole = write(record);
    for (std::size_t size = 0; size < whole.size(); ++size) {
      EXPECT_FALSE(read(ByteView(whole).substr(0, size))) << size;
    }
  }
  // A list of accounts that is not a list, and an account without members.
  for (const char* wrong : {"x", "\x81\xa0"}) {
    std::string text = write(Account{});
    const std::string key = std::string("\x68") + "accounts";
    const std::size_t at = text.find(key);
    ASSERT_NE(at, std::string::npos);
    text.replace(at + key.size(), 1, wrong);
    EXPECT_FALSE(read(text));
  }
}

}  // namespace

}  // namespace hallway::tool::link_records
