// SPDX-License-Identifier: Apache-2.0
#include "link/remote_hubs.hpp"

#include <gtest/gtest.h>

namespace hallway::link {
namespace {

using namespace std::chrono_literals;

class remote_hubs : public testing::Test {
 protected:
  bool receive(const std::string& hub, InterestGossip::Kind kind, std::uint64_t number,
               std::vector<std::string> lines = {}) {
    return all.receive({.hub = hub, .kind = kind, .number = number, .lines = std::move(lines)},
                       now);
  }
  [[nodiscard]] bool wants(ByteView subject) { return all.want(subject); }

  using Kind = InterestGossip::Kind;
  RemoteHubs::Time now{1h};
  RemoteHubs all{{"news.>", "jobs"}};
};

TEST_F(remote_hubs, want_what_they_announce_one_after_the_other) {
  EXPECT_TRUE(receive("A", Kind::all, 3, {"+news.a"}));
  EXPECT_TRUE(receive("A", Kind::change, 4, {"+jobs", "-news.a"}));
  EXPECT_TRUE(receive("A", Kind::here, 4));
  EXPECT_TRUE(wants("jobs"));
  EXPECT_FALSE(wants("news.a"));
}

TEST_F(remote_hubs, are_to_be_asked_when_something_was_missed) {
  EXPECT_FALSE(receive("A", Kind::here, 2));
  EXPECT_FALSE(receive("B", Kind::change, 1, {"+jobs"}));
  EXPECT_TRUE(receive("A", Kind::all, 2, {"+jobs"}));
  EXPECT_FALSE(receive("A", Kind::change, 4, {"+news.a"}));
  EXPECT_TRUE(wants("news.a"));
  // What they say then counts, and nothing before.
  EXPECT_TRUE(receive("A", Kind::all, 4, {"+news.b"}));
  EXPECT_FALSE(wants("news.a"));
  EXPECT_TRUE(wants("news.b"));
}

TEST_F(remote_hubs, may_repeat_what_they_announced_for_others) {
  EXPECT_TRUE(receive("A", Kind::all, 1, {"+news.a"}));
  EXPECT_TRUE(receive("A", Kind::change, 2, {"+jobs"}));
  EXPECT_TRUE(receive("A", Kind::all, 2, {"+news.a"}));  // the rest follows
  EXPECT_TRUE(wants("jobs"));
  EXPECT_TRUE(receive("A", Kind::change, 3, {"+jobs"}));
  EXPECT_TRUE(receive("A", Kind::change, 4, {"-jobs"}));
  EXPECT_FALSE(wants("jobs"));
}

TEST_F(remote_hubs, can_only_have_what_leaves) {
  EXPECT_TRUE(receive("A", Kind::all, 1, {"+secret", "+*"}));
  EXPECT_TRUE(all.want_some_of("jobs"));
  EXPECT_FALSE(all.want_some_of("news.>"));
  EXPECT_EQ(all.patterns(), 1U);
  EXPECT_TRUE(wants("jobs"));
}

TEST_F(remote_hubs, want_some_of_an_export_as_long_as_one_pattern_has_a_part_in_it) {
  EXPECT_TRUE(receive("A", Kind::all, 1, {"+news.a", "+*.b"}));
  EXPECT_TRUE(receive("B", Kind::all, 1, {"+news.a"}));
  EXPECT_TRUE(all.want_some_of("news.>"));
  EXPECT_FALSE(all.want_some_of("jobs"));
  EXPECT_TRUE(receive("A", Kind::change, 2, {"-news.a", "-*.b"}));
  EXPECT_TRUE(all.want_some_of("news.>"));
  EXPECT_TRUE(receive("B", Kind::goodbye, 1));
  EXPECT_FALSE(all.want_some_of("news.>"));
  EXPECT_EQ(all.patterns(), 0U);
}

TEST_F(remote_hubs, that_want_more_than_can_be_kept_want_everything) {
  std::vector<std::string> lines;
  for (std::size_t i = 0; i <= RemoteHubs::most_patterns; ++i) {
    lines.push_back("+news." + std::to_string(i));
  }
  EXPECT_TRUE(receive("A", Kind::all, 1, lines));
  EXPECT_EQ(all.patterns(), 1U);
  EXPECT_TRUE(wants("news.never.named"));
  EXPECT_TRUE(wants("jobs"));
  // Single patterns mean nothing then, until it says all anew.
  EXPECT_TRUE(receive("A", Kind::change, 2, {"-news.1", "+jobs"}));
  EXPECT_TRUE(wants("news.1"));
  EXPECT_TRUE(receive("A", Kind::all, 3, {"+news.a"}));
  EXPECT_FALSE(wants("jobs"));
  EXPECT_TRUE(wants("news.a"));
}

TEST_F(remote_hubs, have_a_bounded_memory_together) {
  constexpr int hubs = 12;  // of which not all fit
  for (int hub = 0; hub < hubs; ++hub) {
    std::vector<std::string> lines;
    for (int i = 0; i < 10'000; ++i) {
      lines.push_back("+news." + std::to_string(hub) + "." + std::to_string(i));
    }
    EXPECT_TRUE(receive("H" + std::to_string(hub), Kind::all, 1, lines));
    ASSERT_LE(all.memory(), RemoteHubs::most_memory + 1'000);
  }
  EXPECT_TRUE(wants("news.11.9999"));
  for (int hub = 0; hub < hubs; ++hub) receive("H" + std::to_string(hub), Kind::goodbye, 1);
  EXPECT_EQ(all.memory(), 0U);
  EXPECT_EQ(all.patterns(), 0U);
  EXPECT_FALSE(all.want_some_of("jobs"));
}

TEST_F(remote_hubs, are_forgotten_when_they_leave_or_fall_silent) {
  EXPECT_TRUE(receive("A", Kind::all, 1, {"+jobs"}));
  EXPECT_TRUE(receive("B", Kind::all, 1, {"+jobs"}));
  EXPECT_TRUE(receive("A", Kind::goodbye, 1));
  EXPECT_TRUE(wants("jobs"));
  now += 10s;
  all.extend_liveness(now);
  all.forget_silent_since(now);
  EXPECT_TRUE(wants("jobs"));
  all.forget_silent_since(now + 1s);
  EXPECT_FALSE(wants("jobs"));
}

}  // namespace
}  // namespace hallway::link
