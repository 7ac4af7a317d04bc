// SPDX-License-Identifier: Apache-2.0
#include "sys/thread.hpp"

#include <gtest/gtest.h>

#include <pthread.h>

#include <cerrno>
#include <csignal>

#include "support/faults.hpp"

namespace hallway {
namespace {

using namespace test;

TEST(thread, blocks_every_signal_and_leaves_ours_as_they_are) {
  sigset_t before;
  pthread_sigmask(SIG_SETMASK, nullptr, &before);
  sigset_t inside;
  auto started = sys::start_thread([&] { pthread_sigmask(SIG_SETMASK, nullptr, &inside); });
  ASSERT_TRUE(started);
  started->join();
  sigset_t after;
  pthread_sigmask(SIG_SETMASK, nullptr, &after);
  for (const int signal : {SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGALRM, SIGCHLD}) {
    EXPECT_EQ(sigismember(&inside, signal), 1) << signal;
    EXPECT_EQ(sigismember(&after, signal), sigismember(&before, signal)) << signal;
  }
}

TEST(thread, that_is_not_to_be_had_is_an_error) {
  const FaultOn fault(sys::Call::thread, 1, EAGAIN);
  bool ran = false;
  const auto started = sys::start_thread([&] { ran = true; });
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error(), EAGAIN);
  EXPECT_FALSE(ran);
}

}  // namespace
}  // namespace hallway
