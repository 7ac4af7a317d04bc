// SPDX-License-Identifier: Apache-2.0
//
// What all other tests rely on is itself seen to work.
#include "support/inventory.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

#include "support/processes.hpp"
#include "support/raw_socket.hpp"

namespace hallway {
namespace {

using namespace test;

TEST(inventory, catches_a_descriptor_left_open_and_names_its_target) {
  const Inventory before = Inventory::take();
  const Descriptor leaked = Descriptor::adopt(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const std::string difference = before.difference(Inventory::take());
  EXPECT_EQ(difference,
            "left open: descriptor " + std::to_string(leaked.get()) + " -> /dev/null\n");
}

TEST(inventory, catches_a_descriptor_closed_behind_the_owners_back) {
  Descriptor file = some_file();
  const Inventory before = Inventory::take();
  file.close();
  EXPECT_NE(before.difference(Inventory::take()).find("closed: descriptor"), std::string::npos);
}

TEST(inventory, catches_a_descriptor_replaced_by_another) {
  Descriptor file = some_file();
  const Inventory before = Inventory::take();
  file = {};
  const Descriptor other = Descriptor::adopt(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  EXPECT_NE(before.difference(Inventory::take()).find("/dev/null"), std::string::npos);
}

TEST(inventory, catches_a_child_that_was_not_waited_for) {
  const Inventory before = Inventory::take();
  ForkedProcess child([](const auto&) { wait_to_be_killed(); });
  EXPECT_NE(before.difference(Inventory::take()).find("child"), std::string::npos);
}

TEST(inventory, catches_a_thread_that_still_runs) {
  const Inventory before = Inventory::take();
  std::atomic<bool> done = false;
  std::thread thread([&] { done.wait(false); });
  const std::string difference = before.difference(Inventory::take());
  done = true;
  done.notify_one();
  thread.join();
  EXPECT_EQ(difference, "threads: " + std::to_string(before.threads) + " before, " +
                            std::to_string(before.threads + 1) + " after\n");
  EXPECT_EQ(lasting_difference(before), "");
}

// Does nothing, unless the test below requests it, in a process of its own.
TEST(around_each_test, is_given_something_to_find) {
  const char* what = ::getenv("HALLWAY_TEST_LEAKS");
  if (what == nullptr) return;
  if (what == std::string("descriptor")) {
    [[maybe_unused]] const int leaked = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  } else if (what == std::string("thread")) {
    std::thread([] { ::pause(); }).detach();
  } else if (what == std::string("child")) {
    // Unreaped, and no longer running than its parent.
    if (::fork() == 0) ::_exit(0);
  }
}

TEST(around_each_test, fails_a_test_that_leaks) {
  struct Leak {
    std::string what;
    const char* found;
    std::FILE* output = nullptr;
  };
  std::array<Leak, 4> leaks{{{"nothing", "PASSED"},
                             {"descriptor", "left open: descriptor"},
                             {"thread", "threads: "},
                             {"child", "a child process was not waited for"}}};
  // All at once: each waits two seconds for what it found to go away.
  for (Leak& leak : leaks) {
    // It runs that one test, also where this process runs a group of them.
    const std::string command =
        "env -u GTEST_TOTAL_SHARDS -u GTEST_SHARD_INDEX HALLWAY_TEST_LEAKS=" + leak.what +
        " /proc/" + std::to_string(::getpid()) +
        "/exe --gtest_filter=around_each_test.is_given_something_to_find";
    leak.output = ::popen(command.c_str(), "re");
  }
  for (const Leak& leak : leaks) {
    ASSERT_NE(leak.output, nullptr);
    std::string text;
    std::array<char, 4096> buffer;
    while (const std::size_t size = std::fread(buffer.data(), 1, buffer.size(), leak.output)) {
      text.append(buffer.data(), size);
    }
    const int status = ::pclose(leak.output);
    EXPECT_EQ(status == 0, leak.what == "nothing") << leak.what << ": " << text;
    EXPECT_NE(text.find(leak.found), std::string::npos) << leak.what << ": " << text;
  }
}

TEST(inventory, sees_no_difference_where_there_is_none) {
  const Inventory before = Inventory::take();
  some_file().close();
  EXPECT_EQ(lasting_difference(before), "");
}

TEST(survives_exec, distinguishes_an_inheritable_descriptor_from_a_close_on_exec_one) {
  const Descriptor closed = some_file();
  const Descriptor inherited = Descriptor::adopt(::fcntl(closed.get(), F_DUPFD, 3));
  EXPECT_FALSE(survives_exec(closed.get()));
  EXPECT_TRUE(survives_exec(inherited.get()));
}

}  // namespace
}  // namespace hallway
