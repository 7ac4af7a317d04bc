// SPDX-License-Identifier: Apache-2.0
#include "tool/server/reload_thread.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <pthread.h>

#include <csignal>
#include <future>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include <hallway/loop.hpp>

#include "support/inventory.hpp"
#include "support/waiting.hpp"
#include "tool/io/threads_left.hpp"

namespace hallway::tool {

namespace {

using Apply = ReloadThread::Apply;

Apply reloading(std::string what) {
  return [what = std::move(what)]() -> Result<std::string> { return what; };
}

/// A reload on a loop that turns until something was prepared.
class Reload : public testing::Test {
 protected:
  void until_prepared() {
    while (!prepared_) loop.turn(forever);
  }

  Loop loop;
  std::optional<Apply> prepared_;
  ReloadThread thread{loop, [this](Apply apply) { prepared_ = std::move(apply); }};
};

TEST_F(Reload, is_prepared_beside_the_loop_and_applied_on_it) {
  std::promise<void> served;
  std::thread::id prepared_by;
  ASSERT_TRUE(thread.start([&]() -> Apply {
    served.get_future().wait();
    prepared_by = std::this_thread::get_id();
    return reloading("3 rules");
  }));
  EXPECT_TRUE(thread.running());
  // Only a loop that goes on meanwhile comes to this.
  loop.post([&] { served.set_value(); });
  until_prepared();
  EXPECT_FALSE(thread.running());
  EXPECT_NE(prepared_by, std::this_thread::get_id());
  EXPECT_EQ((*prepared_)(), "3 rules");
}

TEST_F(Reload, can_be_prepared_again) {
  for (const char* what : {"first", "second"}) {
    prepared_.reset();
    ASSERT_TRUE(thread.start([what] { return reloading(what); }));
    until_prepared();
    EXPECT_EQ((*prepared_)(), what);
  }
}

TEST_F(Reload, throws_on_the_loop_what_preparing_it_threw) {
  ASSERT_TRUE(thread.start([]() -> Apply { throw std::runtime_error("no memory"); }));
  until_prepared();
  EXPECT_THROW((void)(*prepared_)(), std::runtime_error);
}

TEST_F(Reload, gets_none_of_the_signals_of_the_loop) {
  bool blocked = false;
  ASSERT_TRUE(thread.start([&]() -> Apply {
    sigset_t mask;
    pthread_sigmask(SIG_BLOCK, nullptr, &mask);
    blocked = sigismember(&mask, SIGTERM) == 1 && sigismember(&mask, SIGHUP) == 1;
    return reloading("");
  }));
  until_prepared();
  EXPECT_TRUE(blocked);
}

TEST(ReloadThread, that_is_stuck_is_left_to_itself) {
  const auto threads_before = test::Inventory::take().threads;
  std::promise<void> answer;
  bool applied = false;
  threads_left() = false;
  Loop loop;
  {
    ReloadThread thread(loop, [&](const Apply&) { applied = true; });
    ASSERT_TRUE(thread.start([&answer]() -> Apply {
      answer.get_future().wait();
      return reloading("too late");
    }));
  }
  EXPECT_TRUE(threads_left());
  threads_left() = false;
  answer.set_value();
  EXPECT_TRUE(
      test::run_until(loop, [&] { return test::Inventory::take().threads <= threads_before; }));
  EXPECT_FALSE(applied);
}

TEST(ReloadThread, that_has_prepared_what_nobody_applies_any_more_is_not_left) {
  threads_left() = false;
  bool applied = false;
  Loop loop;
  {
    ReloadThread thread(loop, [&](const Apply&) { applied = true; });
    ASSERT_TRUE(thread.start([] { return reloading("too late"); }));
    pollfd posted{.fd = loop.descriptor(), .events = POLLIN, .revents = 0};
    ASSERT_EQ(poll(&posted, 1, 30'000), 1);
  }
  EXPECT_FALSE(threads_left());
  loop.turn();
  EXPECT_FALSE(applied);
}

}  // namespace

}  // namespace hallway::tool
