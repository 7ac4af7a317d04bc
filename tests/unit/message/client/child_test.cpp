// SPDX-License-Identifier: Apache-2.0
#include <hallway/child.hpp>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "support/faults.hpp"
#include "support/inventory.hpp"
#include "support/raw_socket.hpp"
#include "support/waiting.hpp"

namespace hallway {
namespace {

using namespace test;

class child : public testing::Test {
 protected:
  Child spawn(std::vector<std::string> command, ChildOptions options = {}) {
    auto spawned = Child::spawn(loop, std::move(command), std::move(options));
    EXPECT_TRUE(spawned) << (spawned ? "" : spawned.error().explain());
    return std::move(*spawned);
  }
  ExitStatus wait(Child& started) {
    auto ended = loop.run(started.wait());
    EXPECT_TRUE(ended);
    return ended.value_or(ExitStatus{-1, -1});
  }
  /// All it says, one line a message.
  std::vector<std::string> lines(Child& started) {
    return loop.run([](Connection& connection) -> Task<std::vector<std::string>> {
      std::vector<std::string> all;
      while (auto message = co_await connection.receive(10s)) all.push_back(message->to_owned());
      co_return all;
    }(started.connection()));
  }

  Loop loop;
};

TEST_F(child, talks_through_its_standard_input_and_output) {
  Child cat = spawn({"cat"});
  loop.run([](Connection& connection) -> Task<> {
    for (const char* text : {"ping", "pong", ""}) {
      Received reply = co_await connection.request(text);
      EXPECT_EQ(reply->bytes(), text);
    }
  }(cat.connection()));
  cat.connection().half_close();
  EXPECT_TRUE(wait(cat).success());
}

TEST_F(child, reports_its_exit_status) {
  Child failing = spawn({"sh", "-c", "exit 3"});
  const ExitStatus ended = wait(failing);
  EXPECT_EQ(ended.code, 3);
  EXPECT_EQ(ended.signal, 0);
  EXPECT_FALSE(ended.success());
  EXPECT_EQ(ended.to_string(), "exit status 3");
}

TEST_F(child, reports_the_signal_that_ended_it) {
  Child sleeper = spawn({"cat"});
  ASSERT_TRUE(sleeper.kill(SIGKILL));
  const ExitStatus ended = wait(sleeper);
  EXPECT_EQ(ended.signal, SIGKILL);
  EXPECT_FALSE(ended.success());
  EXPECT_EQ(ended.to_string(), "signal 9 (Killed)");
  EXPECT_TRUE(sleeper.kill(SIGKILL));
}

TEST_F(child, reports_a_real_time_signal_that_ended_it) {
  Child sleeper = spawn({"cat"});
  ASSERT_TRUE(sleeper.kill(SIGRTMIN));
  EXPECT_EQ(wait(sleeper).to_string(),
            "signal " + std::to_string(SIGRTMIN) + " (real-time signal)");
}

TEST_F(child, has_words_for_every_number_of_a_signal) {
  for (int signal = 1; signal < NSIG; ++signal) {
    const std::string words = ExitStatus{.signal = signal}.to_string();
    EXPECT_TRUE(words.starts_with("signal " + std::to_string(signal) + " (")) << words;
  }
  EXPECT_EQ(ExitStatus{.signal = 99}.to_string(), "signal 99");
  EXPECT_EQ(ExitStatus{.signal = -1}.to_string(), "signal -1");
}

TEST_F(child, reports_how_it_ended_though_children_were_ignored) {
  struct sigaction ignoring{};
  ignoring.sa_handler = SIG_IGN;
  struct sigaction no_zombies{};
  no_zombies.sa_handler = [](int) {};
  no_zombies.sa_flags = SA_NOCLDWAIT;
  struct sigaction before{};
  for (const auto& found : {ignoring, no_zombies}) {
    ASSERT_EQ(::sigaction(SIGCHLD, &found, &before), 0);
    Child failing = spawn({"sh", "-c", "exit 3"});
    EXPECT_EQ(wait(failing).code, 3);
    struct sigaction now{};
    ASSERT_EQ(::sigaction(SIGCHLD, &before, &now), 0);
    EXPECT_EQ(now.sa_handler, found.sa_handler == SIG_IGN ? SIG_DFL : found.sa_handler);
  }
}

TEST_F(child, reports_that_its_exit_status_is_unknown_where_it_is) {
  Child cat = spawn({"cat"});
  struct sigaction ignoring{};
  ignoring.sa_handler = SIG_IGN;
  struct sigaction before{};
  ASSERT_EQ(::sigaction(SIGCHLD, &ignoring, &before), 0);
  cat.connection().close();
  const auto ended = loop.run(cat.wait());
  ::sigaction(SIGCHLD, &before, nullptr);
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().code, std::errc::no_child_process);
  EXPECT_TRUE(cat.kill(SIGKILL));  // reaches nobody
}

TEST_F(child, sees_the_end_when_its_connection_is_closed) {
  Child cat = spawn({"cat"});
  EXPECT_GT(cat.pid(), 0);
  cat.connection().close();
  EXPECT_TRUE(wait(cat).success());
}

TEST_F(child, is_reaped_when_nobody_waits_for_it) {
  {
    const Child left = spawn({"true"});
  }
  {
    const Child left = spawn({"cat"});
  }
  EXPECT_EQ(loop.run(), 0);  // neither keeps it from ending
  EXPECT_TRUE(run_until(loop, [] { return !Inventory::take().children; }));
}

TEST_F(child, has_exactly_its_three_descriptors) {
  const Descriptor inheritable = Descriptor::adopt(::fcntl(0, F_DUPFD, 100));
  const Descriptor another = Descriptor::adopt(::fcntl(0, F_DUPFD, 3));
  Child listing = spawn({"sh", "-c", "ls /proc/$$/fd; true"});
  EXPECT_EQ(lines(listing), (std::vector<std::string>{"0", "1", "2"}));
  EXPECT_TRUE(wait(listing).success());
}

TEST_F(child, gets_our_environment_with_its_own_on_top_and_nothing_meant_for_us) {
  for (const char* name :
       {"LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "LISTEN_PIDFDID", "NOTIFY_SOCKET",
        "WATCHDOG_PID", "WATCHDOG_USEC", "HALLWAY_TEST_A", "HALLWAY_TEST_B"}) {
    ::setenv(name, "ours", 1);
  }
  Child printing =
      spawn({"sh", "-c", "env | grep -E '^(LISTEN|NOTIFY|WATCHDOG|HALLWAY_TEST)' | sort"},
            {.process = {.environment = {"HALLWAY_TEST_B=theirs", "HALLWAY_TEST_C=new"}}});
  EXPECT_EQ(lines(printing),
            (std::vector<std::string>{"HALLWAY_TEST_A=ours", "HALLWAY_TEST_B=theirs",
                                      "HALLWAY_TEST_C=new"}));
  wait(printing);
  for (const char* name :
       {"LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "LISTEN_PIDFDID", "NOTIFY_SOCKET",
        "WATCHDOG_PID", "WATCHDOG_USEC", "HALLWAY_TEST_A", "HALLWAY_TEST_B"}) {
    ::unsetenv(name);
  }
}

TEST_F(child, uses_packets_if_the_type_is_seqpacket) {
  Child cat = spawn({"cat"}, {.type = SocketType::seqpacket});
  loop.run([](Connection& connection) -> Task<> {
    Received reply = co_await connection.request("one packet\n");
    EXPECT_EQ(reply->bytes(), "one packet\n");
  }(cat.connection()));
  cat.connection().close();
  wait(cat);
}

TEST_F(child, cannot_be_started_when_there_is_no_such_program) {
  const auto missing = Child::spawn(loop, {"/no/such/program"});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, std::errc::no_such_file_or_directory);
  EXPECT_NE(missing.error().explain().find("/no/such/program"), std::string::npos);
  EXPECT_EQ(Child::spawn(loop, {"/etc/passwd"}).error().code, std::errc::permission_denied);
  EXPECT_EQ(Child::spawn(loop, {}).error().code, std::errc::invalid_argument);
}

TEST_F(child, leaves_nothing_behind_whichever_call_fails) {
  for (const sys::Call call : {sys::Call::socketpair, sys::Call::spawn, sys::Call::fcntl}) {
    const FaultOn fault(call, 1, EMFILE);
    EXPECT_EQ(Child::spawn(loop, {"true"}).error().code, std::errc::too_many_files_open);
  }
  // From here on there is a process: it is told and reaped.
  for (const sys::Call call :
       {sys::Call::pidfd_open, sys::Call::getsockopt, sys::Call::epoll_ctl}) {
    const FaultOn fault(call, 1, EMFILE);
    EXPECT_FALSE(Child::spawn(loop, {"cat"})) << static_cast<int>(call);
  }
  EXPECT_TRUE(run_until(loop, [] { return !Inventory::take().children; }));
}

TEST_F(child, runs_with_the_standard_descriptors_it_is_given) {
  auto [near, far] = raw_pair(SOCK_STREAM);
  const Descriptor nothing = Descriptor::adopt(::open("/dev/null", O_RDWR | O_CLOEXEC));
  auto started = Child::spawn_with(loop, {"sh", "-c", "echo out; echo error >&2"},
                                   {nothing.get(), far.get(), far.get()});
  ASSERT_TRUE(started);
  EXPECT_TRUE(wait(*started).success());
  far.close();
  RawStream output(std::move(near));
  output.collect();
  EXPECT_EQ(output.received, "out\nerror\n");
}

TEST_F(child, takes_what_it_started_with_it_when_it_has_a_group_of_its_own) {
  // The grandchild holds the connection open: its end is seen only when that is gone, too.
  Child parent =
      spawn({"sh", "-c", "sleep 1000 & echo started; wait"}, {.process = {.own_group = true}});
  loop.run([](Child& started) -> Task<> {
    Received line = co_await started.connection().receive();
    EXPECT_EQ(line->bytes(), "started");
    EXPECT_TRUE(started.kill(SIGTERM));
    const Received end = co_await started.connection().receive(10s);
    EXPECT_EQ(end.outcome(), Outcome::end_of_stream);
  }(parent));
  EXPECT_EQ(wait(parent).signal, SIGTERM);
}

TEST_F(child, lets_other_tasks_go_on_while_it_is_waited_for) {
  Child cat = spawn({"cat"});
  int ticks = 0;
  loop.spawn([](Loop& on, Child& waiting, int& count) -> Task<> {
    for (; count < 3; ++count) co_await on.sleep(1ms);
    waiting.connection().close();
  }(loop, cat, ticks));
  wait(cat);
  EXPECT_EQ(ticks, 3);
}

}  // namespace
}  // namespace hallway
