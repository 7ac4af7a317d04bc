// SPDX-License-Identifier: Apache-2.0
//
// The manager is a raw datagram socket, as systemd's is.
#include <hallway/notify.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <optional>
#include <string>

#include "support/faults.hpp"
#include "support/raw_socket.hpp"
#include "support/temp_directory.hpp"
#include "support/waiting.hpp"

namespace hallway {
namespace {

using namespace test;
using testing::StartsWith;

/// In the environment while it lives.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) {
    ::setenv(name, value.c_str(), 1);
  }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;
  ~Variable() { ::unsetenv(name_); }

 private:
  const char* name_;
};

class notify : public testing::Test {
 protected:
  /// What the manager received; empty if that is nothing.
  std::string received() const { return raw_receive(manager.get()).bytes; }

  /// The next message that it receives while the loop turns.
  std::string next_received() {
    std::string text;
    run_until(loop, [&] {
      text = received();
      return !text.empty();
    });
    return text;
  }

  /// Sends until the manager has no room, and gives how many that took.
  int fill_up() const {
    const Descriptor other = raw_socket(SOCK_DGRAM);
    raw_connect(other.get(), path);
    int count = 0;
    while (raw_send(other.get(), "from another service") > 0) ++count;
    return count;
  }

  TempDirectory directory;
  std::string path = directory / "notify";
  Descriptor manager = raw_bound(SOCK_DGRAM, path);
  Loop loop;
};

TEST_F(notify, sends_each_state) {
  const Variable asked("NOTIFY_SOCKET", path);
  Notifier notifier(loop);
  EXPECT_TRUE(notifier.enabled());
  EXPECT_TRUE(notifier.ready());
  EXPECT_EQ(received(), "READY=1");
  EXPECT_TRUE(notifier.status("3 connections"));
  EXPECT_EQ(received(), "STATUS=3 connections");
  EXPECT_TRUE(notifier.main_process(4711));
  EXPECT_EQ(received(), "MAINPID=4711");
  EXPECT_TRUE(notifier.extend_timeout(1500ms));
  EXPECT_EQ(received(), "EXTEND_TIMEOUT_USEC=1500000");
  EXPECT_TRUE(notifier.stopping());
  EXPECT_EQ(received(), "STOPPING=1");
  EXPECT_EQ(received(), "");
}

TEST_F(notify, sends_the_time_of_a_reload) {
  const auto microseconds = [] {
    return std::chrono::duration_cast<std::chrono::microseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
  };
  const Variable asked("NOTIFY_SOCKET", path);
  Notifier notifier(loop);
  const auto before = microseconds();
  EXPECT_TRUE(notifier.reloading());
  const std::string text = received();
  const std::string beginning = "RELOADING=1\nMONOTONIC_USEC=";
  ASSERT_THAT(text, StartsWith(beginning));
  const auto sent = std::stoll(text.substr(beginning.size()));
  EXPECT_GE(sent, before);
  EXPECT_LE(sent, microseconds());
}

TEST_F(notify, a_status_cannot_add_another_state) {
  const Variable asked("NOTIFY_SOCKET", path);
  Notifier notifier(loop);
  EXPECT_TRUE(notifier.status("fine\nMAINPID=1\r\tgrößer"));
  EXPECT_EQ(received(), "STATUS=fine MAINPID=1  größer");
}

TEST_F(notify, reaches_a_manager_with_an_abstract_name) {
  const std::string name = "@hallway-notify-" + std::to_string(::getpid());
  manager = raw_bound(SOCK_DGRAM, name);
  const Variable asked("NOTIFY_SOCKET", name);
  Notifier notifier(loop);
  EXPECT_TRUE(notifier.ready());
  EXPECT_EQ(received(), "READY=1");
}

TEST_F(notify, does_nothing_without_a_manager) {
  for (const char* unset : {"", "unset"}) {
    std::optional<Variable> asked;
    if (*unset == '\0') asked.emplace("NOTIFY_SOCKET", "");
    Notifier notifier(loop);
    EXPECT_FALSE(notifier.enabled());
    EXPECT_TRUE(notifier.ready());
    EXPECT_TRUE(notifier.status("x"));
    loop.turn();
  }
  EXPECT_EQ(received(), "");
}

TEST_F(notify, explains_why_no_manager_is_notified) {
  const Variable asked("NOTIFY_SOCKET", path);
  Notifier notifier(loop);
  ::unlink(path.c_str());
  EXPECT_EQ(notifier.ready().error().explain(),
            "notify unix:" + path + ": No such file or directory");
  EXPECT_EQ(notifier.status("x").error().code, std::errc::no_such_file_or_directory);
  manager = raw_bound(SOCK_DGRAM, path);
  EXPECT_TRUE(notifier.ready());
  EXPECT_EQ(received(), "READY=1");
  manager.close();
  EXPECT_EQ(notifier.ready().error().code, std::errc::connection_refused);
}

TEST_F(notify, does_not_mistake_its_own_want_of_memory_for_a_manager_without_room) {
  const Variable asked("NOTIFY_SOCKET", path);
  const FaultOn fault(sys::Call::socket, 1, ENOBUFS);
  Notifier notifier(loop);
  EXPECT_FALSE(notifier.enabled());
  EXPECT_EQ(notifier.ready().error().code, std::errc::no_buffer_space);
}

TEST_F(notify, refuses_addresses_of_other_kinds) {
  for (const char* address : {"notify", "vsock:2:1234", "@"}) {
    const Variable asked("NOTIFY_SOCKET", address);
    Notifier notifier(loop);
    EXPECT_FALSE(notifier.enabled()) << address;
    EXPECT_FALSE(notifier.ready()) << address;
  }
}

TEST_F(notify, never_waits_for_a_manager_and_sends_in_order_once_it_has_room) {
  const Variable asked("NOTIFY_SOCKET", path);
  Notifier notifier(loop);
  const int others = fill_up();
  EXPECT_TRUE(notifier.reloading());
  EXPECT_TRUE(notifier.ready());
  EXPECT_EQ(notifier.status("x").error().code, std::errc::resource_unavailable_try_again);
  for (int i = 0; i < others; ++i) EXPECT_EQ(received(), "from another service");
  EXPECT_THAT(next_received(), StartsWith("RELOADING=1"));
  EXPECT_EQ(next_received(), "READY=1");
}

TEST_F(notify, keeps_little_for_a_manager_that_reads_nothing) {
  const Variable asked("NOTIFY_SOCKET", path);
  Notifier notifier(loop);
  fill_up();
  int kept = 0;
  while (notifier.ready() && kept < 1000) ++kept;
  EXPECT_EQ(kept, 16);
}

TEST_F(notify, sends_at_its_end_what_it_could_not_send_before) {
  const Variable asked("NOTIFY_SOCKET", path);
  std::optional<Notifier> notifier(loop);
  const int others = fill_up();
  EXPECT_TRUE(notifier->stopping());
  for (int i = 0; i < others; ++i) received();
  notifier.reset();
  EXPECT_EQ(received(), "STOPPING=1");
}

TEST_F(notify, feeds_the_watchdog_while_the_loop_turns) {
  const Variable asked("NOTIFY_SOCKET", path);
  const Variable time("WATCHDOG_USEC", "20000");
  const Variable pid("WATCHDOG_PID", std::to_string(::getpid()));
  const auto before = Loop::Clock::now();
  const Notifier notifier(loop);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(next_received(), "WATCHDOG=1");
  // At once, then three times half of what it asks for.
  EXPECT_GE(Loop::Clock::now() - before, 30ms);
}

TEST_F(notify, feeds_a_watchdog_that_names_no_process) {
  const Variable asked("NOTIFY_SOCKET", path);
  const Variable time("WATCHDOG_USEC", "20000");
  const Notifier notifier(loop);
  EXPECT_EQ(next_received(), "WATCHDOG=1");
}

TEST_F(notify, leaves_a_watchdog_alone_that_is_not_for_it) {
  const Variable asked("NOTIFY_SOCKET", path);
  {
    const Variable time("WATCHDOG_USEC", "20000");
    const Variable pid("WATCHDOG_PID", std::to_string(::getppid()));
    const Notifier notifier(loop);
    EXPECT_EQ(received(), "");
  }
  for (const char* nonsense :
       {"", "0", "-5", "soon", "20000x", "99999999999999999999", "9223372036854775807"}) {
    const Variable time("WATCHDOG_USEC", nonsense);
    const Notifier notifier(loop);
    EXPECT_EQ(received(), "") << nonsense;
  }
}

TEST_F(notify, keeps_no_loop_running) {
  const Variable asked("NOTIFY_SOCKET", path);
  const Variable time("WATCHDOG_USEC", "1000000");
  const Notifier notifier(loop);
  EXPECT_EQ(loop.run(), 0);
}

Task<> sleep_for(Loop& loop, Duration time) { co_await loop.sleep(time); }

TEST_F(notify, reports_that_it_stops_and_asks_for_time_while_the_loop_drains) {
  const Variable asked("NOTIFY_SOCKET", path);
  const Notifier notifier(loop);
  loop.drain();
  EXPECT_EQ(received(), "STOPPING=1");
  EXPECT_EQ(received(), "EXTEND_TIMEOUT_USEC=5000000");
  EXPECT_EQ(next_received(), "EXTEND_TIMEOUT_USEC=5000000") << "and again, as long as it takes";
}

TEST_F(notify, is_over_with_its_object) {
  const Variable asked("NOTIFY_SOCKET", path);
  const Variable time("WATCHDOG_USEC", "1000");
  {
    Notifier first(loop);
    Notifier second = std::move(first);
    first = std::move(second);
    EXPECT_EQ(received(), "WATCHDOG=1");
  }
  loop.drain();
  loop.run(sleep_for(loop, 5ms));
  EXPECT_EQ(received(), "");
}

TEST_F(notify, reports_whichever_call_fails) {
  const Variable asked("NOTIFY_SOCKET", path);
  {
    const FaultOn fault(sys::Call::socket, 1, EMFILE);
    Notifier notifier(loop);
    EXPECT_FALSE(notifier.enabled());
    EXPECT_EQ(notifier.ready().error().code, std::errc::too_many_files_open);
  }
  Notifier notifier(loop);
  const FaultOn fault(sys::Call::sendmsg, 1, EPERM);
  EXPECT_EQ(notifier.ready().error().code, std::errc::operation_not_permitted);
  EXPECT_TRUE(notifier.ready());
}

}  // namespace
}  // namespace hallway
