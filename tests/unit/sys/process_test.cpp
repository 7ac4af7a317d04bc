// SPDX-License-Identifier: Apache-2.0
#include "sys/process.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "support/faults.hpp"
#include "support/processes.hpp"
#include "support/raw_socket.hpp"
#include "sys/event.hpp"

namespace hallway::sys {
namespace {

using namespace test;

constexpr std::array<int, 3> our_streams{0, 1, 2};

ExitStatus end_of(std::int32_t pid) {
  const auto pidfd = open_pidfd(pid);
  EXPECT_TRUE(pidfd);
  EXPECT_EQ(poll_one(pidfd->get(), event_readable, std::chrono::seconds(10)), true);
  const auto ended = reap(pidfd->get());
  EXPECT_TRUE(ended);
  return ended.value_or(ExitStatus{});
}

/// What `script` prints when it is run with everything it says going into a socket.
std::string output_of(const std::string& script, const std::vector<std::string>& environment = {}) {
  auto [near, far] = raw_pair(SOCK_STREAM);
  const auto pid = spawn({"/bin/sh", "-c", script}, {0, far.get(), 2}, environment);
  EXPECT_TRUE(pid);
  far.close();
  std::string output;
  while (true) {
    const RawReception got = raw_receive(near.get(), 4096, true);
    if (got.result <= 0) break;
    output += got.bytes;
  }
  EXPECT_EQ(end_of(*pid).code, 0);
  return output;
}

TEST(spawn, runs_a_program_and_reports_its_exit_status) {
  const auto pid = spawn({"/bin/sh", "-c", "exit 3"}, our_streams, {});
  ASSERT_TRUE(pid);
  const ExitStatus ended = end_of(*pid);
  EXPECT_EQ(ended.code, 3);
  EXPECT_EQ(ended.signal, 0);
}

TEST(spawn, finds_a_program_through_path) {
  const auto pid = spawn({"true"}, our_streams, {});
  ASSERT_TRUE(pid);
  EXPECT_EQ(end_of(*pid).code, 0);
}

TEST(spawn, reports_why_a_program_cannot_run) {
  EXPECT_EQ(spawn({"/no/such/program"}, our_streams, {}).error(), ENOENT);
  EXPECT_EQ(spawn({"/etc/passwd"}, our_streams, {}).error(), EACCES);
}

TEST(spawn, gives_the_child_its_three_descriptors_and_nothing_else) {
  // Without close-on-exec, and with a gap: none of them may be seen by the child.
  const Descriptor low = Descriptor::adopt(::fcntl(0, F_DUPFD, 3));
  const Descriptor high = Descriptor::adopt(::fcntl(0, F_DUPFD, 200));
  EXPECT_EQ(output_of("ls /proc/$$/fd; true", {"PATH=/usr/bin:/bin"}), "0\n1\n2\n");
}

TEST(spawn, swaps_standard_descriptors_without_losing_one) {
  auto [near, far] = raw_pair(SOCK_STREAM);
  const Descriptor nothing = Descriptor::adopt(::open("/dev/null", O_RDWR | O_CLOEXEC));
  const std::string swapped = in_a_child([&output = near, &out = far, &nothing] {
    // 1 and 2 change places on their way to the child.
    ::dup2(out.get(), 1);
    ::dup2(nothing.get(), 2);
    const auto pid = spawn({"/bin/sh", "-c", "x=$(readlink /proc/$$/fd/1); echo $x >&2"}, {0, 2, 1},
                           {"PATH=/usr/bin:/bin"});
    end_of(*pid);
    return raw_receive(output.get()).bytes;
  });
  EXPECT_EQ(swapped, "/dev/null");
}

TEST(spawn, gives_the_child_its_environment_and_no_other) {
  EXPECT_EQ(output_of("echo $A $B $HOME", {"A=1", "B=two"}), "1 two\n");
}

TEST(spawn, gives_the_child_default_dispositions_and_no_blocked_signal) {
  const auto mask_in_the_child = [](const std::string& kind) {
    const std::string mask = in_a_child([&] {
      std::signal(SIGINT, SIG_IGN);
      std::signal(SIGPIPE, SIG_IGN);
      sigset_t blocked;
      sigfillset(&blocked);
      sigdelset(&blocked, SIGALRM);
      ::sigprocmask(SIG_BLOCK, &blocked, nullptr);
      return output_of("grep " + kind + " /proc/self/status | cut -f 2", {"PATH=/usr/bin:/bin"});
    });
    // Signals 32 and 33 are the C library's own.
    return std::stoull(mask, nullptr, 16) & 0x7fffffffU;
  };
  EXPECT_EQ(mask_in_the_child("SigIgn"), 0U);
  EXPECT_EQ(mask_in_the_child("SigBlk"), 0U);
}

TEST(spawn, works_while_other_threads_are_busy) {
  std::vector<std::jthread> busy;
  for (int i = 0; i < 4; ++i) {
    busy.emplace_back([](const std::stop_token& stop) {
      while (!stop.stop_requested()) std::vector<char>(10'000).resize(20'000);
    });
  }
  for (int i = 0; i < 20; ++i) {
    const auto pid = spawn({"/bin/true"}, our_streams, {});
    ASSERT_TRUE(pid);
    EXPECT_EQ(end_of(*pid).code, 0);
  }
}

TEST(spawn, leaves_nothing_behind_when_it_fails) {
  const FaultOn fault(Call::spawn, 1, EAGAIN);
  EXPECT_EQ(spawn({"true"}, our_streams, {}).error(), EAGAIN);
  const FaultOn copying(Call::fcntl, 2, EMFILE);
  EXPECT_EQ(spawn({"true"}, our_streams, {}).error(), EMFILE);
}

TEST(reap, reports_that_a_child_still_runs_and_then_how_it_ended) {
  auto [near, far] = raw_pair(SOCK_STREAM);
  const auto waiting = spawn({"/bin/cat"}, {far.get(), 1, 2}, {});
  ASSERT_TRUE(waiting);
  const auto pidfd = open_pidfd(*waiting);
  ASSERT_TRUE(pidfd);
  EXPECT_TRUE(is_close_on_exec(pidfd->get()));
  EXPECT_EQ(reap(pidfd->get()).error(), EAGAIN);
  ASSERT_TRUE(send_signal(pidfd->get(), SIGTERM));
  EXPECT_EQ(poll_one(pidfd->get(), event_readable, std::chrono::seconds(10)), true);
  const auto ended = reap(pidfd->get());
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->signal, SIGTERM);
  EXPECT_EQ(ended->code, 0);
  EXPECT_EQ(reap(pidfd->get()).error(), ECHILD);
  EXPECT_EQ(send_signal(pidfd->get(), SIGTERM).error(), ESRCH);
}

TEST(open_pidfd, fails_for_a_process_that_does_not_exist) {
  EXPECT_EQ(open_pidfd(0x3fffffff).error(), ESRCH);
}

TEST(process_state, reports_what_a_process_does) {
  EXPECT_EQ(process_state(::getpid()), 'R');
  ForkedProcess child([](const ForkedProcess::Say& say) {
    say("begun");
    wait_to_be_killed();
  });
  ASSERT_EQ(child.line(), "begun");
  ASSERT_EQ(::kill(child.pid(), SIGSTOP), 0);
  ASSERT_EQ(::waitpid(child.pid(), nullptr, WUNTRACED), child.pid());
  EXPECT_EQ(process_state(child.pid()), 'T');
  EXPECT_FALSE(process_state(INT32_MAX));
}

TEST(holds_socket, finds_a_socket_among_the_descriptors_of_a_process) {
  const auto [one, other] = raw_pair(SOCK_STREAM);
  struct stat status{};
  ASSERT_EQ(::fstat(one.get(), &status), 0);
  EXPECT_TRUE(holds_socket(::getpid(), status.st_ino));
  EXPECT_FALSE(holds_socket(::getpid(), 1));
  EXPECT_FALSE(holds_socket(INT32_MAX, status.st_ino));
}

TEST(environment_without, leaves_out_names_and_nothing_like_them) {
  ::setenv("HALLWAY_TEST_A", "1", 1);
  ::setenv("HALLWAY_TEST_AB", "2", 1);
  const std::vector<std::string> left = environment_without({"HALLWAY_TEST_A", "NOT_THERE"});
  EXPECT_EQ(std::count(left.begin(), left.end(), "HALLWAY_TEST_A=1"), 0);
  EXPECT_EQ(std::count(left.begin(), left.end(), "HALLWAY_TEST_AB=2"), 1);
  ::unsetenv("HALLWAY_TEST_A");
  ::unsetenv("HALLWAY_TEST_AB");
}

TEST(environment_value, gives_what_is_set_and_nothing_else) {
  ::setenv("HALLWAY_TEST_A", "1", 1);
  EXPECT_STREQ(environment_value("HALLWAY_TEST_A"), "1");
  ::unsetenv("HALLWAY_TEST_A");
  EXPECT_EQ(environment_value("HALLWAY_TEST_A"), nullptr);
}

}  // namespace
}  // namespace hallway::sys
