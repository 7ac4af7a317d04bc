// SPDX-License-Identifier: Apache-2.0
#include "core/received_descriptors.hpp"

#include <gtest/gtest.h>

#include <poll.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

#include "support/lingering_socket.hpp"
#include "support/processes.hpp"
#include "support/raw_socket.hpp"
#include "support/waiting.hpp"
#include "support/watchdog.hpp"

namespace hallway::core {
namespace {

using namespace test;

TEST(received_descriptors, do_not_make_us_wait_for_their_close) {
  Loop loop;  // before: it would get the numbers that become free
  LingeringSocket socket;
  const int number = socket.ours.get();
  const auto before = std::chrono::steady_clock::now();
  close_in_background(std::move(socket.ours));
  EXPECT_LT(std::chrono::steady_clock::now() - before, LingeringSocket::time / 2);
  socket.theirs.close();  // unread bytes: a reset, which ends the wait
  EXPECT_TRUE(run_until(loop, [&] { return !is_open(number); }));
}

TEST(received_descriptors, are_all_closed_however_many_there_are) {
  Loop loop;
  std::vector<int> numbers;
  for (int batch = 0; batch < 4; ++batch) {
    std::vector<Descriptor> list;
    for (int i = 0; i < 100; ++i) {
      list.push_back(some_file());
      numbers.push_back(list.back().get());
    }
    ReceivedDescriptors(std::move(list)).clear();
  }
  EXPECT_TRUE(run_until(loop, [&] { return std::ranges::none_of(numbers, is_open); }));
}

/// Meanwhile the thread that closes is busy with a socket that lingers.
class while_one_lingers : public testing::Test {
 protected:
  void SetUp() override {
    const int number = socket.ours.get();
    close_in_background(std::move(socket.ours));
    ASSERT_TRUE(run_until(loop, [&] { return !is_open(number); }));
  }

  Loop loop;
  LingeringSocket socket;
};

TEST_F(while_one_lingers, a_fixed_number_waits_and_more_are_closed_at_once) {
  std::vector<Descriptor> list;
  std::vector<int> numbers;
  for (int i = 0; i < 300; ++i) {
    list.push_back(some_file());
    numbers.push_back(list.back().get());
  }
  close_in_background(std::move(list));
  EXPECT_TRUE(std::ranges::none_of(numbers, is_open));
}

TEST_F(while_one_lingers, the_programs_signals_are_not_for_the_thread_that_waits) {
  if (sanitized) GTEST_SKIP() << "a sanitizer has threads of its own";
  int others = 0;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    if (task.path().filename() == std::to_string(::getpid())) continue;
    ++others;
    std::ifstream status(task.path() / "status");
    std::string word;
    while (word != "SigBlk:" && status >> word) {
    }
    std::uint64_t blocked = 0;
    status >> std::hex >> blocked;
    for (const int number : {SIGTERM, SIGHUP, SIGUSR1, SIGCHLD}) {
      EXPECT_TRUE((blocked >> (number - 1) & 1U) != 0) << number;
    }
  }
  EXPECT_EQ(others, 1);
}

TEST_F(while_one_lingers, a_forked_child_closes_its_own) {
  if (sanitized) GTEST_SKIP() << "the thread sanitizer has no threads in a forked child";
  EXPECT_EQ(in_a_child([] {
              auto [ours, theirs] = raw_pair(SOCK_STREAM);
              close_in_background(std::move(ours));
              pollfd closed{theirs.get(), POLLIN, 0};
              return std::string(::poll(&closed, 1, 5000) == 1 ? "closed" : "still open");
            }),
            "closed");
}

TEST(received_descriptors, that_were_taken_out_stay_open) {
  std::vector<Descriptor> list;
  list.push_back(some_file());
  Descriptor kept;
  {
    ReceivedDescriptors came(std::move(list));
    kept = std::move(came.list().front());
  }
  EXPECT_TRUE(is_open(kept.get()));
}

}  // namespace
}  // namespace hallway::core
