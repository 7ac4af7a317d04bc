// SPDX-License-Identifier: Apache-2.0
#include "hub/quotas.hpp"

#include <gtest/gtest.h>

namespace hallway::hub {
namespace {

constexpr HubLimits limits{
    .connections_per_uid = 2, .subscriptions_per_uid = 3, .pending_per_uid = 100};

TEST(quotas, let_a_user_have_so_many_connections_and_others_theirs) {
  Quotas quotas(limits);
  Account* one = quotas.admit(1000);
  ASSERT_NE(one, nullptr);
  EXPECT_EQ(one->uid(), 1000U);
  EXPECT_EQ(quotas.admit(1000), one);
  EXPECT_EQ(quotas.admit(1000), nullptr);
  Account* other = quotas.admit(0);
  ASSERT_NE(other, nullptr);
  quotas.leave(*one);
  EXPECT_EQ(quotas.admit(1000), one);
}

TEST(quotas, forget_who_has_no_connection) {
  Quotas quotas(limits);
  Account* one = quotas.admit(1000);
  ASSERT_EQ(quotas.admit(1000), one);
  quotas.leave(*one);
  EXPECT_EQ(quotas.accounts(), 1U);
  quotas.leave(*one);
  EXPECT_EQ(quotas.accounts(), 0U);
}

TEST(quotas, of_no_connections_keep_no_account) {
  Quotas quotas({.connections_per_uid = 0});
  EXPECT_EQ(quotas.admit(1000), nullptr);
  EXPECT_EQ(quotas.accounts(), 0U);
}

TEST(account, gives_until_there_is_nothing_left) {
  Account account(1000, limits);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(account.take(Quota::subscriptions));
  EXPECT_FALSE(account.take(Quota::subscriptions));
  account.give_back(Quota::subscriptions);
  EXPECT_TRUE(account.take(Quota::subscriptions));
  EXPECT_EQ(account.taken(Quota::subscriptions), 3U);
  EXPECT_EQ(account.taken(Quota::bytes_pending), 0U);
}

TEST(account, lets_the_last_one_go_over_the_limit) {
  Account account(1000, limits);
  EXPECT_TRUE(account.take(Quota::bytes_pending, 99));
  EXPECT_TRUE(account.take(Quota::bytes_pending, 1'000));
  EXPECT_FALSE(account.has_left(Quota::bytes_pending));
  EXPECT_FALSE(account.take(Quota::bytes_pending));
  account.give_back(Quota::bytes_pending, 1'000);
  EXPECT_TRUE(account.has_left(Quota::bytes_pending));
}

}  // namespace
}  // namespace hallway::hub
