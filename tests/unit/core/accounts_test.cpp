// SPDX-License-Identifier: Apache-2.0
#include "core/accounts.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <utility>
#include <vector>

namespace hallway::core {
namespace {

constexpr Accounts::Limits limits{.connections = {.all = 100, .per_uid = 16},
                                  .memory = {.all = 8'000, .per_uid = 4'000}};

TEST(accounts, limit_the_connections_of_one_user_and_leave_others_theirs) {
  Accounts accounts({.connections = {.per_uid = 2}});
  const auto one = accounts.admit(1000, false);
  ASSERT_TRUE(one);
  EXPECT_EQ(one->account().uid(), 1000U);
  {
    const auto second = accounts.admit(1000, false);
    ASSERT_TRUE(second);
    EXPECT_EQ(&second->account(), &one->account());
    EXPECT_FALSE(accounts.admit(1000, false));
    EXPECT_TRUE(accounts.admit(0, true));
  }
  EXPECT_TRUE(accounts.admit(1000, false));
}

TEST(accounts, forget_a_user_without_connections) {
  Accounts accounts(limits);
  auto one = accounts.admit(1000, false);
  ASSERT_TRUE(one);
  ASSERT_TRUE(accounts.admit(1000, false));
  EXPECT_EQ(accounts.size(), 1U);
  one.reset();
  EXPECT_EQ(accounts.size(), 0U);
}

TEST(accounts, report_each_slot_that_is_given_back) {
  Accounts accounts(limits);
  std::vector<std::size_t> left;
  accounts.on_slot_freed([&] { left.push_back(accounts.used(Quota::connections)); });
  auto one = accounts.admit(1000, false);
  auto other = accounts.admit(1001, false);
  auto last = accounts.admit(1001, false);
  one.reset();
  {
    const Slot moved = std::move(*other);
    EXPECT_FALSE(*other);
    other.reset();
    EXPECT_EQ(left, std::vector<std::size_t>{2});
  }
  EXPECT_EQ(left, (std::vector<std::size_t>{2, 1}));
  accounts.on_slot_freed({});
  last.reset();
  EXPECT_EQ(left.size(), 2U);
  EXPECT_EQ(accounts.size(), 0U);
}

TEST(accounts, of_no_connections_are_not_kept) {
  Accounts accounts({.connections = {.per_uid = 0}});
  EXPECT_FALSE(accounts.admit(1000, false));
  EXPECT_EQ(accounts.size(), 0U);
  EXPECT_EQ(accounts.connections_of(1000), 0U);
}

/// Takes connections for a user until it may have no more, and adds them to `slots`.
std::size_t connect_greedily(Accounts& accounts, std::vector<Slot>& slots, std::uint32_t uid,
                             bool trusted) {
  while (auto slot = accounts.admit(uid, trusted)) slots.push_back(std::move(*slot));
  return accounts.connections_of(uid);
}

TEST(accounts, leave_something_for_the_next_user) {
  Accounts accounts({.connections = {.all = 1000}});
  std::vector<Slot> slots;
  std::vector<std::size_t> had;
  for (std::uint32_t uid = 1000; uid < 1010; ++uid) {
    had.push_back(connect_greedily(accounts, slots, uid, false));
  }
  // Of 875: an eighth is reserved. The first has a half of it, the tenth at least 1/(10 * 11).
  EXPECT_EQ(had.front(), 437U);
  for (const std::size_t each : had) EXPECT_GE(each, 875U / (10 * 11));
  EXPECT_LT(accounts.used(Quota::connections), 875U);
}

TEST(accounts, reserve_an_eighth_for_root_and_ourselves) {
  Accounts accounts({.connections = {.all = 80}});
  std::vector<Slot> slots;
  for (std::uint32_t uid = 1000; uid < 1100; ++uid) connect_greedily(accounts, slots, uid, false);
  EXPECT_LE(accounts.used(Quota::connections), 80U);
  Accounts reserved({.connections = {.all = 800}});
  std::vector<Slot> more;
  for (std::uint32_t uid = 1000; uid < 1010; ++uid) connect_greedily(reserved, more, uid, false);
  const std::size_t before = reserved.used(Quota::connections);
  EXPECT_EQ(connect_greedily(reserved, more, 0, true), 800U - before);
}

TEST(accounts, of_one_connection_let_one_in) {
  Accounts accounts({.connections = {.all = 1}});
  const auto one = accounts.admit(1000, false);
  EXPECT_TRUE(one);
  EXPECT_FALSE(accounts.admit(1001, false));
}

TEST(account, has_a_share_of_what_the_others_have_left) {
  Accounts accounts({.memory = {.all = 8'000}});
  const Slot first = *accounts.admit(1000, false);
  const Account& one = first.account();
  EXPECT_EQ(one.share(Quota::memory), 3'500U);
  const Slot second = *accounts.admit(1001, false);
  Account& other = second.account();
  EXPECT_EQ(one.share(Quota::memory), 7'000U / 3);
  other.add(Quota::memory, 1'000);
  EXPECT_EQ(one.share(Quota::memory), 6'000U / 3);
  EXPECT_EQ(other.share(Quota::memory), 7'000U / 3);
  const Slot of_root = *accounts.admit(0, true);
  EXPECT_EQ(of_root.account().share(Quota::memory), 7'000U);
  other.refund(Quota::memory, 1'000);
}

TEST(account, has_no_more_than_its_own_limit) {
  Accounts accounts({.memory = {.all = 8'000, .per_uid = 100}});
  EXPECT_EQ(accounts.admit(0, true)->account().share(Quota::memory), 100U);
  EXPECT_EQ(accounts.admit(1000, false)->account().share(Quota::memory), 100U);
}

TEST(account, may_have_a_little_whatever_others_have_taken) {
  Accounts accounts({.memory = {.all = 8'000, .least = 100}});
  const Slot first = *accounts.admit(1000, false);
  const Slot second = *accounts.admit(1001, false);
  const Slot third = *accounts.admit(0, true);
  Account& greedy = first.account();
  const Account& late = second.account();
  const Account& root = third.account();
  greedy.add(Quota::memory, 8'999);
  EXPECT_EQ(late.share(Quota::memory), 100U);
  EXPECT_EQ(root.share(Quota::memory), 100U);
  greedy.add(Quota::memory, 1);  // an eighth over all
  EXPECT_EQ(late.share(Quota::memory), 0U);
  EXPECT_EQ(root.share(Quota::memory), 0U);
  greedy.refund(Quota::memory, 9'000);
  Accounts narrow({.memory = {.all = 8'000, .per_uid = 50, .least = 100}});
  EXPECT_EQ(narrow.admit(1000, false)->account().share(Quota::memory), 50U);
}

TEST(account, lets_the_last_one_go_over_its_share) {
  Accounts accounts({.memory = {.per_uid = 100}});
  const Slot slot = *accounts.admit(1000, false);
  Account& account = slot.account();
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
  const Slot slot = *accounts.admit(1000, false);
  Account& account = slot.account();
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
