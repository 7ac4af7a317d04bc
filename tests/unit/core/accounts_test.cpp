// SPDX-License-Identifier: Apache-2.0
#include "core/accounts.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

namespace hallway::core {
namespace {

constexpr Accounts::Limits limits{.connections = {.all = 100, .per_uid = 16},
                                  .memory = {.all = 8'000, .per_uid = 4'000}};

TEST(accounts, let_a_user_have_so_many_connections_and_others_theirs) {
  Accounts accounts({.connections = {.per_uid = 2}});
  Account* one = accounts.admit(1000, false);
  ASSERT_NE(one, nullptr);
  EXPECT_EQ(one->uid(), 1000U);
  EXPECT_EQ(accounts.admit(1000, false), one);
  EXPECT_EQ(accounts.admit(1000, false), nullptr);
  Account* other = accounts.admit(0, true);
  ASSERT_NE(other, nullptr);
  accounts.leave(*one);
  EXPECT_EQ(accounts.admit(1000, false), one);
  for (Account* const each : {one, one, other}) accounts.leave(*each);
}

TEST(accounts, forget_who_has_no_connection) {
  Accounts accounts(limits);
  Account* one = accounts.admit(1000, false);
  ASSERT_EQ(accounts.admit(1000, false), one);
  accounts.leave(*one);
  EXPECT_EQ(accounts.size(), 1U);
  accounts.leave(*one);
  EXPECT_EQ(accounts.size(), 0U);
}

TEST(accounts, of_no_connections_are_not_kept) {
  Accounts accounts({.connections = {.per_uid = 0}});
  EXPECT_EQ(accounts.admit(1000, false), nullptr);
  EXPECT_EQ(accounts.size(), 0U);
  EXPECT_EQ(accounts.connections_of(1000), 0U);
}

/// Takes connections for a user until it has no more.
std::size_t connect_greedily(Accounts& accounts, std::uint32_t uid, bool trusted) {
  while (accounts.admit(uid, trusted) != nullptr) {
  }
  return accounts.connections_of(uid);
}

TEST(accounts, leave_something_for_whoever_comes_next) {
  Accounts accounts({.connections = {.all = 1000}});
  std::vector<std::size_t> had;
  for (std::uint32_t uid = 1000; uid < 1010; ++uid) {
    had.push_back(connect_greedily(accounts, uid, false));
  }
  // Of 875: an eighth is reserved. The first has a half of it, the tenth at least 1/(10 * 11).
  EXPECT_EQ(had.front(), 437U);
  for (const std::size_t each : had) EXPECT_GE(each, 875U / (10 * 11));
  EXPECT_LT(accounts.used(Quota::connections), 875U);
}

TEST(accounts, reserve_an_eighth_for_root_and_ourselves) {
  Accounts accounts({.connections = {.all = 80}});
  for (std::uint32_t uid = 1000; uid < 1100; ++uid) connect_greedily(accounts, uid, false);
  EXPECT_LE(accounts.used(Quota::connections), 80U);
  Accounts reserved({.connections = {.all = 800}});
  for (std::uint32_t uid = 1000; uid < 1010; ++uid) connect_greedily(reserved, uid, false);
  const std::size_t before = reserved.used(Quota::connections);
  EXPECT_EQ(connect_greedily(reserved, 0, true), 800U - before);
}

TEST(accounts, of_one_connection_let_one_in) {
  Accounts accounts({.connections = {.all = 1}});
  EXPECT_NE(accounts.admit(1000, false), nullptr);
  EXPECT_EQ(accounts.admit(1001, false), nullptr);
}

TEST(account, has_a_share_of_what_the_others_have_left) {
  Accounts accounts({.memory = {.all = 8'000}});
  Account& one = *accounts.admit(1000, false);
  EXPECT_EQ(one.share(Quota::memory), 3'500U);
  Account& other = *accounts.admit(1001, false);
  EXPECT_EQ(one.share(Quota::memory), 7'000U / 3);
  other.add(Quota::memory, 1'000);
  EXPECT_EQ(one.share(Quota::memory), 6'000U / 3);
  EXPECT_EQ(other.share(Quota::memory), 7'000U / 3);
  Account& root = *accounts.admit(0, true);
  EXPECT_EQ(root.share(Quota::memory), 7'000U);
  other.refund(Quota::memory, 1'000);
}

TEST(account, has_no_more_than_its_own_limit) {
  Accounts accounts({.memory = {.all = 8'000, .per_uid = 100}});
  EXPECT_EQ(accounts.admit(0, true)->share(Quota::memory), 100U);
  EXPECT_EQ(accounts.admit(1000, false)->share(Quota::memory), 100U);
}

TEST(account, may_have_a_little_whatever_others_have_taken) {
  Accounts accounts({.memory = {.all = 8'000, .least = 100}});
  Account& greedy = *accounts.admit(1000, false);
  Account& late = *accounts.admit(1001, false);
  Account& root = *accounts.admit(0, true);
  greedy.add(Quota::memory, 8'999);
  EXPECT_EQ(late.share(Quota::memory), 100U);
  EXPECT_EQ(root.share(Quota::memory), 100U);
  greedy.add(Quota::memory, 1);  // an eighth over all
  EXPECT_EQ(late.share(Quota::memory), 0U);
  EXPECT_EQ(root.share(Quota::memory), 0U);
  greedy.refund(Quota::memory, 9'000);
  Accounts narrow({.memory = {.all = 8'000, .per_uid = 50, .least = 100}});
  EXPECT_EQ(narrow.admit(1000, false)->share(Quota::memory), 50U);
}

TEST(account, lets_the_last_one_go_over_its_share) {
  Accounts accounts({.memory = {.per_uid = 100}});
  Account& account = *accounts.admit(1000, false);
  EXPECT_TRUE(account.charge(Quota::memory, 99));
  EXPECT_TRUE(account.charge(Quota::memory, 1'000));
  EXPECT_FALSE(account.has_left(Quota::memory));
  EXPECT_FALSE(account.charge(Quota::memory));
  account.refund(Quota::memory, 1'000);
  EXPECT_TRUE(account.has_left(Quota::memory));
  account.refund(Quota::memory, 99);
}

TEST(charge, is_given_back_at_its_end) {
  Accounts accounts(limits);
  Account& account = *accounts.admit(1000, false);
  {
    Charge charge(account, Quota::memory);
    charge.set(700);
    EXPECT_EQ(account.used(Quota::memory), 700U);
    charge.set(200);
    EXPECT_EQ(account.used(Quota::memory), 200U);
    EXPECT_EQ(accounts.used(Quota::memory), 200U);
  }
  EXPECT_EQ(account.used(Quota::memory), 0U);
}

}  // namespace
}  // namespace hallway::core
