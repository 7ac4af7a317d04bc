// SPDX-License-Identifier: Apache-2.0
//
// The rule of names (hallway/listener.hpp), clause by clause.
#include <gtest/gtest.h>

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <barrier>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <hallway/listener.hpp>

#include "support/faults.hpp"
#include "support/inventory.hpp"
#include "support/processes.hpp"
#include "support/raw_socket.hpp"
#include "support/temp_directory.hpp"
#include "support/watchdog.hpp"

namespace hallway {
namespace {

using namespace test;
namespace fs = std::filesystem;

struct stat status_of(const std::string& path) {
  struct stat status{};
  EXPECT_EQ(::lstat(path.c_str(), &status), 0) << path;
  return status;
}

unsigned mode_of(const std::string& path) { return status_of(path).st_mode & 07777U; }

bool exists(const std::string& path) { return fs::exists(fs::symlink_status(path)); }

std::vector<std::string> names_in(const std::string& directory) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(directory))
    names.push_back(entry.path().filename());
  std::ranges::sort(names);
  return names;
}

/// A socket file nobody serves any more.
void leave_behind(const std::string& path, int type = SOCK_STREAM) {
  ASSERT_TRUE(raw_bound(type, path).holds_one());
}

/// A listener in a process of its own, which can be killed.
class OtherServer : public ForkedProcess {
 public:
  explicit OtherServer(const std::string& path)
      : ForkedProcess([&path](const Say& say) {
          const auto listener = Listener::bind(path);
          say(listener ? "listening" : listener.error().explain());
          wait_to_be_killed();
        }),
        started(line()) {}

  std::string started;
};

class socket_file_ownership : public testing::Test {
 protected:
  TempDirectory directory{0755};
  std::string path = directory / "s";

  void expect_refused(std::errc code, const std::string& words,
                      const BindOptions& options = {}) const {
    const auto listener = Listener::bind(path, options);
    ASSERT_FALSE(listener);
    EXPECT_EQ(listener.error().code, code) << listener.error().explain();
    EXPECT_NE(listener.error().explain().find(words), std::string::npos)
        << listener.error().explain();
  }
};

// What is there -----------------------------------------------------------------------------------

TEST_F(socket_file_ownership, makes_a_socket_and_a_lock_beside_it) {
  const auto listener = Listener::bind(path);
  ASSERT_TRUE(listener);
  EXPECT_TRUE(S_ISSOCK(status_of(path).st_mode));
  EXPECT_EQ(mode_of(path), 0600U);
  EXPECT_EQ(mode_of(path + ".lock"), 0600U);
  EXPECT_EQ(names_in(directory.path()), (std::vector<std::string>{"s", "s.lock"}));
  EXPECT_EQ(raw_connect_error(SOCK_STREAM, path), 0);
}

TEST_F(socket_file_ownership, replaces_a_dead_socket_of_any_type) {
  for (const int type : {SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM}) {
    leave_behind(path, type);
    const auto listener = Listener::bind(path);
    ASSERT_TRUE(listener) << listener.error().explain();
    EXPECT_EQ(raw_connect_error(SOCK_STREAM, path), 0);
  }
}

TEST_F(socket_file_ownership, replaces_the_socket_of_a_server_that_was_killed) {
  OtherServer server(path);
  ASSERT_EQ(server.started, "listening");
  server.kill();
  EXPECT_TRUE(exists(path));
  EXPECT_TRUE(Listener::bind(path));
}

TEST_F(socket_file_ownership, survives_a_hundred_kills_without_help) {
  for (int i = 0; i < 100; ++i) {
    OtherServer server(path);
    ASSERT_EQ(server.started, "listening");
    server.kill();
  }
}

TEST_F(socket_file_ownership, refuses_a_live_server_and_names_its_pid_and_uid) {
  OtherServer server(path);
  ASSERT_EQ(server.started, "listening");
  expect_refused(std::errc::address_in_use, "in use by pid " + std::to_string(server.pid()));
  expect_refused(std::errc::address_in_use, "uid " + std::to_string(::geteuid()));
  EXPECT_EQ(raw_connect_error(SOCK_STREAM, path), 0);
}

TEST_F(socket_file_ownership, refuses_a_second_listener_of_the_same_process) {
  const auto first = Listener::bind(path);
  ASSERT_TRUE(first);
  expect_refused(std::errc::address_in_use, "pid " + std::to_string(::getpid()));
  EXPECT_EQ(raw_connect_error(SOCK_STREAM, path), 0);
}

TEST_F(socket_file_ownership, refuses_a_live_server_that_takes_no_lock) {
  const Descriptor server = raw_listening(SOCK_STREAM, path);
  expect_refused(std::errc::address_in_use, "pid " + std::to_string(::getpid()));
  EXPECT_EQ(raw_connect_error(SOCK_STREAM, path), 0);
}

TEST_F(socket_file_ownership, refuses_live_sockets_of_other_types) {
  for (const int type : {SOCK_SEQPACKET, SOCK_DGRAM}) {
    const Descriptor server =
        type == SOCK_DGRAM ? raw_bound(type, path) : raw_listening(type, path);
    expect_refused(std::errc::address_in_use, type == SOCK_DGRAM ? "in use by a datagram socket"
                                                                 : "in use by a seqpacket socket");
    EXPECT_EQ(raw_connect_error(type, path), 0);
    fs::remove(path);
  }
}

TEST_F(socket_file_ownership, refuses_a_live_server_whose_backlog_is_full) {
  const Descriptor server = raw_listening(SOCK_STREAM, path, 0);
  const Descriptor queued = raw_connected(SOCK_STREAM, path);
  expect_refused(std::errc::address_in_use, "backlog is full");
}

TEST_F(socket_file_ownership, refuses_a_server_that_has_bound_and_does_not_listen_yet) {
  const Descriptor starting = raw_bound(SOCK_STREAM, path);
  expect_refused(std::errc::address_in_use, "not started listening");
  ASSERT_EQ(::listen(starting.get(), 1), 0);
  EXPECT_EQ(raw_connect_error(SOCK_STREAM, path), 0);
}

TEST_F(socket_file_ownership, refuses_a_starting_server_however_it_spelled_the_path) {
  const WorkingDirectory inside(directory.path());
  const Descriptor starting = raw_bound(SOCK_STREAM, "./s");
  expect_refused(std::errc::address_in_use, "not started listening");
  EXPECT_TRUE(exists(path));
}

TEST_F(socket_file_ownership,
       refuses_a_starting_server_where_netlink_is_forbidden_and_no_dead_one) {
  const FaultOn fault(sys::Call::sendmsg, 1, EPERM, FaultOn::always);
  Descriptor starting = raw_bound(SOCK_STREAM, path);
  expect_refused(std::errc::address_in_use, "not started listening");
  starting.close();
  EXPECT_TRUE(Listener::bind(path));
}

// A container: the kernel finds the socket by its file, and shows it in no list of ours.
TEST_F(socket_file_ownership, refuses_a_starting_server_of_another_network_namespace) {
  NEEDS_ROOT_TO_BECOME_ANOTHER_USER();
  for (const int type : {SOCK_STREAM, SOCK_SEQPACKET}) {
    ForkedProcess starting([&](const ForkedProcess::Say& say) {
      if (::unshare(CLONE_NEWNET) != 0) return say("no namespaces");
      const Descriptor bound = raw_bound(type, path);
      say("bound");
      wait_to_be_killed();
    });
    if (starting.line() != "bound") GTEST_SKIP() << "this part needs network namespaces";
    const auto inode = status_of(path).st_ino;
    expect_refused(std::errc::address_in_use, "in use by a ");
    EXPECT_EQ(status_of(path).st_ino, inode);
    starting.kill();
    EXPECT_TRUE(Listener::bind(path)) << "now it is dead";
  }
}

TEST_F(socket_file_ownership, names_no_process_by_a_number_of_another_pid_namespace) {
  std::ofstream(path + ".lock") << "hallway 1 4711\n";
  const Descriptor lock = Descriptor::adopt(::open((path + ".lock").c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_EQ(::flock(lock.get(), LOCK_EX), 0);
  expect_refused(std::errc::address_in_use, "a process in another pid namespace");
}

// The umask may take our own rights away, and a lock like that could never be opened again.
TEST_F(socket_file_ownership, makes_a_lock_that_can_be_opened_again_whatever_the_umask) {
  const auto serve = [this] {
    for (const mode_t mask : {0777U, 0377U, 0577U, 0400U}) {
      ::umask(mask);
      OtherServer server(path);
      if (server.started != "listening") return server.started;
      if (mode_of(path + ".lock") != 0600U) return std::string("another mode");
      server.kill();
      if (OtherServer again(path); again.started != "listening") return again.started;
      fs::remove(path + ".lock");
    }
    return std::string("fine");
  };
  ASSERT_EQ(::chmod(directory.path().c_str(), 0777), 0);
  EXPECT_EQ(is_root() ? as_user(some_user, serve) : in_a_child(serve), "fine");
}

TEST_F(socket_file_ownership, changes_no_mode_of_a_file_that_is_not_a_lock) {
  for (const mode_t mode : {0400U, 0600U, 0644U}) {
    std::ofstream(path + ".lock") << "precious";
    fs::permissions(path + ".lock", fs::perms(mode));
    ASSERT_FALSE(Listener::bind(path));
    EXPECT_EQ(mode_of(path + ".lock") & 0177U, mode & 0177U);
    if (is_root()) {
      EXPECT_EQ(mode_of(path + ".lock"), mode);
    }
    fs::remove(path + ".lock");
  }
}

TEST_F(socket_file_ownership, opens_a_lock_that_a_server_was_killed_in_the_middle_of_making) {
  const auto serve = [this] {
    const Descriptor left =
        Descriptor::adopt(::open((path + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0));
    const auto listener = Listener::bind(path);
    return listener ? std::string("fine") : listener.error().explain();
  };
  ASSERT_EQ(::chmod(directory.path().c_str(), 0777), 0);
  EXPECT_EQ(is_root() ? as_user(some_user, serve) : in_a_child(serve), "fine");
}

// A user that may write to the directory swaps the file just made for another, between bind(2) and
// the look at it.
class swapped_names : public socket_file_ownership {
 protected:
  void put_in_its_place(const std::string& kind) {
    fs::rename(path, path + ".aside");
    if (kind == "file") fs::rename(directory / "victim", path);
    if (kind == "link") fs::create_symlink("victim", path);
    if (kind == "socket") fs::rename(directory / "other", path);
  }

  void bind_while_swapped(const std::string& kind) {
    std::ofstream(directory / "victim") << "precious";
    fs::permissions(directory / "victim", fs::perms(0600));
    const Descriptor other = raw_bound(SOCK_STREAM, directory / "other");
    fs::permissions(directory / "other", fs::perms(0600));
    bool swapped = false;
    const AtCall after_binding(sys::Call::ioctl, [&] {
      if (!std::exchange(swapped, true)) put_in_its_place(kind);
    });
    const auto listener = Listener::bind(path, {.file = {.mode = 0666}});
    ASSERT_TRUE(swapped);
    ASSERT_FALSE(listener) << kind;
    EXPECT_EQ(listener.error().code.value(), ESTALE) << listener.error().explain();
  }
};

TEST_F(swapped_names, change_no_file_that_is_not_the_socket) {
  for (const bool privileged : {true, false}) {
    const FaultOn forbidden(sys::Call::ioctl, privileged ? 2 : 1, EPERM, FaultOn::always);
    for (const char* kind : {"file", "link", "socket"}) {
      ASSERT_NO_FATAL_FAILURE(bind_while_swapped(kind));
      ASSERT_TRUE(exists(path)) << kind;
      EXPECT_NE(mode_of(path), 0666U) << kind;
      if (std::string(kind) == "link") {
        EXPECT_EQ(mode_of(directory / "victim"), 0600U);
      }
      for (const char* left : {"s", "s.aside", "victim", "other"}) fs::remove(directory / left);
    }
  }
}

// It belongs to all threads: another one that makes a file meanwhile must find it as it was.
TEST_F(socket_file_ownership, leaves_the_umask_to_the_rest_of_the_process) {
  const mode_t before = ::umask(027);
  std::vector<std::string> seen;
  {
    const AtCall at_bind(sys::Call::bind, [&seen] {
      std::ifstream status("/proc/self/status");
      for (std::string line; std::getline(status, line);) {
        if (line.starts_with("Umask:")) seen.push_back(line);
      }
    });
    EXPECT_TRUE(Listener::bind(path, {.file = {.mode = 0600}}));
    EXPECT_TRUE(Listener::bind(path, {.file = {.mode = 0666}}));
  }
  ::umask(before);
  EXPECT_EQ(seen, (std::vector<std::string>(2, "Umask:\t0027")));
}

TEST_F(socket_file_ownership, refuses_while_another_process_holds_the_lock) {
  const Descriptor lock =
      Descriptor::adopt(::open((path + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  ASSERT_EQ(::flock(lock.get(), LOCK_EX), 0);
  expect_refused(std::errc::address_in_use, "in use by another process");
  EXPECT_FALSE(exists(path));
}

TEST_F(socket_file_ownership, leaves_a_regular_file_alone) {
  std::ofstream(path) << "precious";
  expect_refused(std::errc::file_exists, "regular file");
  std::string text;
  std::ifstream(path) >> text;
  EXPECT_EQ(text, "precious");
}

TEST_F(socket_file_ownership, leaves_a_directory_alone) {
  fs::create_directory(path);
  expect_refused(std::errc::file_exists, "directory");
  EXPECT_TRUE(fs::is_directory(path));
}

TEST_F(socket_file_ownership, leaves_a_fifo_alone_and_does_not_open_it) {
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  expect_refused(std::errc::file_exists, "special file");
  EXPECT_TRUE(S_ISFIFO(status_of(path).st_mode));
}

TEST_F(socket_file_ownership, leaves_symbolic_links_alone_wherever_they_lead) {
  std::ofstream(directory / "file") << "precious";
  leave_behind(directory / "dead");
  const Descriptor live = raw_listening(SOCK_STREAM, directory / "live");
  for (const char* target : {"file", "dead", "live", "nowhere"}) {
    fs::create_symlink(target, path);
    expect_refused(std::errc::file_exists, "symbolic link");
    EXPECT_EQ(fs::read_symlink(path), target);
    EXPECT_EQ(exists(directory / target), std::string(target) != "nowhere");
    fs::remove(path);
  }
}

TEST_F(socket_file_ownership, follows_no_link_in_the_place_of_the_lock) {
  std::ofstream(directory / "victim") << "precious";
  fs::create_symlink("victim", path + ".lock");
  const auto listener = Listener::bind(path);
  ASSERT_FALSE(listener);
  EXPECT_FALSE(exists(path));
  std::string text;
  std::ifstream(directory / "victim") >> text;
  EXPECT_EQ(text, "precious");
}

TEST_F(socket_file_ownership, notices_that_the_lock_it_got_is_no_longer_the_current_one) {
  // Between our open and our flock its holder removes the lock, and a successor makes a new one.
  Descriptor successor;
  const AtCall locking(sys::Call::flock, [&] {
    if (successor.holds_one()) return;
    fs::remove(path + ".lock");
    successor =
        Descriptor::adopt(::open((path + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    ::flock(successor.get(), LOCK_EX);
  });
  expect_refused(std::errc::address_in_use, "in use by another process");
  EXPECT_FALSE(exists(path));
  EXPECT_TRUE(exists(path + ".lock"));
}

TEST_F(socket_file_ownership, locks_again_what_a_killed_server_left_locked) {
  OtherServer server(path);
  server.kill();
  EXPECT_TRUE(exists(path + ".lock"));
  {
    const auto listener = Listener::bind(path);
    ASSERT_TRUE(listener);
    expect_refused(std::errc::address_in_use, "pid " + std::to_string(::getpid()));
  }
  EXPECT_EQ(names_in(directory.path()), std::vector<std::string>());
}

TEST_F(socket_file_ownership, replaces_a_dead_socket_whose_last_connection_still_lives) {
  Descriptor server = raw_listening(SOCK_STREAM, path);
  const Descriptor client = raw_connected(SOCK_STREAM, path);
  const Descriptor accepted =
      Descriptor::adopt(::accept4(server.get(), nullptr, nullptr, SOCK_CLOEXEC));
  server.close();
  EXPECT_TRUE(Listener::bind(path));
}

TEST_F(socket_file_ownership, does_not_remove_a_dead_socket_of_another_user) {
  NEEDS_ROOT_TO_BECOME_ANOTHER_USER();
  leave_behind(path);
  ASSERT_EQ(::chown(path.c_str(), some_user, some_user), 0);
  expect_refused(std::errc::file_exists, "uid 1234");
  EXPECT_TRUE(exists(path));
}

TEST_F(socket_file_ownership, does_not_let_another_user_take_a_name_in_a_directory_for_all) {
  NEEDS_ROOT_TO_BECOME_ANOTHER_USER();
  ASSERT_EQ(::chmod(directory.path().c_str(), 01777), 0);
  leave_behind(path);
  const std::string outcome = as_user(some_user, [this] {
    const auto listener = Listener::bind(path);
    return listener ? std::string("bound") : listener.error().explain();
  });
  EXPECT_NE(outcome, "bound");
  EXPECT_TRUE(exists(path));
}

// Mode and owner ----------------------------------------------------------------------------------

TEST_F(socket_file_ownership, gives_exactly_the_mode_asked_for_whatever_the_umask) {
  const mode_t before = ::umask(0);
  for (const mode_t mask : {0U, 022U, 077U, 0777U}) {
    ::umask(mask);
    for (const unsigned mode : {0600U, 0660U, 0666U, 0777U, 0200U}) {
      const auto listener = Listener::bind(path, {.file = {.mode = mode}});
      ASSERT_TRUE(listener);
      EXPECT_EQ(mode_of(path), mode);
    }
    EXPECT_EQ(::umask(mask), mask);
  }
  ::umask(before);
}

TEST_F(socket_file_ownership, has_mode_and_group_in_force_before_it_listens) {
  BindOptions options{.file = {.mode = 0660}};
  if (is_root()) options.file.group = "44";
  unsigned mode = 0;
  gid_t group = 0;
  const AtCall before_listening(sys::Call::listen, [&] {
    mode = mode_of(path);
    group = status_of(path).st_gid;
  });
  ASSERT_TRUE(Listener::bind(path, options));
  EXPECT_EQ(mode, 0660U);
  EXPECT_EQ(group, is_root() ? 44U : ::getegid());
}

TEST_F(socket_file_ownership, never_shows_a_wider_mode_than_the_one_asked_for) {
  const mode_t before = ::umask(0);
  std::vector<unsigned> seen;
  const auto look = [&] {
    if (exists(path)) seen.push_back(mode_of(path));
  };
  const AtCall opening(sys::Call::open, look);
  const AtCall looking(sys::Call::fstat, look);
  const AtCall changing(sys::Call::chmod, look);
  const AtCall giving(sys::Call::fchown, look);
  const AtCall listening(sys::Call::listen, look);
  BindOptions options{.file = {.mode = 0600}};
  if (is_root()) options.file.owner = std::to_string(some_user);
  ASSERT_TRUE(Listener::bind(path, options));
  EXPECT_FALSE(seen.empty());
  for (const unsigned mode : seen) EXPECT_EQ(mode & ~0600U, 0U);
  ::umask(before);
}

TEST_F(socket_file_ownership, admits_only_our_own_user_until_owner_and_group_are_set) {
  NEEDS_ROOT_TO_BECOME_ANOTHER_USER();
  unsigned before_giving = 0777;
  const AtCall giving(sys::Call::fchown, [&] { before_giving = mode_of(path); });
  ASSERT_TRUE(Listener::bind(path, {.file = {.mode = 0666, .group = "44"}}));
  EXPECT_EQ(before_giving, 0600U);
  EXPECT_EQ(giving.calls(), 1U);
}

TEST_F(socket_file_ownership, keeps_others_out_with_0600_and_lets_them_in_with_0666) {
  NEEDS_ROOT_TO_BECOME_ANOTHER_USER();
  const auto connect = [this] { return std::to_string(raw_connect_error(SOCK_STREAM, path)); };
  {
    const auto listener = Listener::bind(path);
    EXPECT_EQ(as_user(some_user, connect), std::to_string(EACCES));
  }
  const auto listener = Listener::bind(path, {.file = {.mode = 0666}});
  EXPECT_EQ(as_user(some_user, connect), "0");
}

TEST_F(socket_file_ownership, lets_a_group_in_with_0660) {
  NEEDS_ROOT_TO_BECOME_ANOTHER_USER();
  const auto listener = Listener::bind(path, {.file = {.mode = 0660, .group = "video"}});
  ASSERT_TRUE(listener);
  const group* video = ::getgrnam("video");
  ASSERT_NE(video, nullptr);
  EXPECT_EQ(status_of(path).st_gid, video->gr_gid);
  const auto connect = [this] { return std::to_string(raw_connect_error(SOCK_STREAM, path)); };
  EXPECT_EQ(as_user(some_user, connect, {video->gr_gid}), "0");
  EXPECT_EQ(as_user(some_user, connect), std::to_string(EACCES));
}

TEST_F(socket_file_ownership, gives_the_socket_to_another_user_and_replaces_it_when_dead) {
  NEEDS_ROOT_TO_BECOME_ANOTHER_USER();
  const BindOptions options{.file = {.owner = std::to_string(some_user)}};
  for (int i = 0; i < 2; ++i) {
    ForkedProcess server([&](const ForkedProcess::Say& say) {
      const auto listener = Listener::bind(path, options);
      say(listener ? "listening" : listener.error().explain());
      wait_to_be_killed();
    });
    ASSERT_EQ(server.line(), "listening");
    EXPECT_EQ(status_of(path).st_uid, some_user);
    EXPECT_EQ(mode_of(path), 0600U);
  }
}

TEST_F(socket_file_ownership, makes_nothing_when_an_owner_or_group_is_unknown) {
  expect_refused(std::errc::invalid_argument, "no such user", {.file = {.owner = "no-such-user"}});
  expect_refused(std::errc::invalid_argument, "no such group",
                 {.file = {.group = "no-such-group"}});
  EXPECT_FALSE(exists(path));
}

TEST_F(socket_file_ownership, explains_that_only_root_gives_files_away) {
  NEEDS_ROOT_TO_BECOME_ANOTHER_USER();
  ASSERT_EQ(::chmod(directory.path().c_str(), 0777), 0);
  const std::string hint = as_user(some_user, [this] {
    const auto listener = Listener::bind(path, {.file = {.owner = "0"}});
    return listener ? std::string("bound") : listener.error().hint;
  });
  EXPECT_NE(hint.find("only root"), std::string::npos) << hint;
  EXPECT_FALSE(exists(path));
}

// Taking it away ----------------------------------------------------------------------------------

TEST_F(socket_file_ownership, leaves_nothing_behind) {
  {
    const auto listener = Listener::bind(path);
  }
  EXPECT_EQ(names_in(directory.path()), std::vector<std::string>{});
  EXPECT_TRUE(Listener::bind(path));
}

TEST_F(socket_file_ownership, leaves_no_lock_behind_when_it_refuses) {
  std::ofstream(path) << "precious";
  EXPECT_FALSE(Listener::bind(path));
  EXPECT_EQ(names_in(directory.path()), std::vector<std::string>{"s"});
}

TEST_F(socket_file_ownership, never_writes_into_a_file_that_only_looks_like_its_lock) {
  std::ofstream(path + ".lock") << "GEM\n  remote: somewhere\n";
  const auto listener = Listener::bind(path);
  ASSERT_FALSE(listener);
  EXPECT_EQ(listener.error().code, std::errc::file_exists);
  std::ifstream kept(path + ".lock");
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(kept), {}), "GEM\n  remote: somewhere\n");
}

TEST_F(socket_file_ownership, takes_an_empty_file_for_its_lock_only_when_no_other_user_may_use_it) {
  const std::string lock = path + ".lock";
  std::ofstream{lock};
  for (const mode_t shared : {0640U, 0620U, 0610U, 0604U, 0602U, 0601U}) {
    ASSERT_EQ(::chmod(lock.c_str(), shared), 0);
    expect_refused(std::errc::file_exists, "is not a lock file");
    EXPECT_EQ(fs::file_size(lock), 0U) << shared;
  }
  // What its maker leaves who is killed before it signs.
  ASSERT_EQ(::chmod(lock.c_str(), 0600), 0);
  EXPECT_TRUE(Listener::bind(path));
}

TEST_F(socket_file_ownership, leaves_a_successors_socket_alone) {
  auto listener = Listener::bind(path);
  fs::remove(path);
  const Descriptor successor = raw_listening(SOCK_STREAM, path);
  listener->close();
  EXPECT_EQ(raw_connect_error(SOCK_STREAM, path), 0);
}

TEST_F(socket_file_ownership, leaves_whatever_else_has_taken_the_name_alone) {
  auto listener = Listener::bind(path);
  fs::remove(path);
  std::ofstream(path) << "precious";
  listener->close();
  EXPECT_TRUE(fs::is_regular_file(path));
}

TEST_F(socket_file_ownership, is_at_peace_with_a_name_that_was_removed_already) {
  auto listener = Listener::bind(path);
  fs::remove(path);
  listener->close();
  EXPECT_TRUE(Listener::bind(path));
}

TEST_F(socket_file_ownership, removes_nothing_in_a_forked_child) {
  auto listener = Listener::bind(path);
  in_a_child([&] {
    listener->close();
    return std::string();
  });
  EXPECT_EQ(raw_connect_error(SOCK_STREAM, path), 0);
  expect_refused(std::errc::address_in_use, "in use by");
}

TEST_F(socket_file_ownership, removes_the_right_file_after_a_change_of_directory) {
  const TempDirectory elsewhere;
  std::ofstream(elsewhere / "s") << "precious";
  std::optional<Listener> listener;
  {
    const WorkingDirectory inside(directory.path());
    listener = std::move(*Listener::bind("s"));
    EXPECT_EQ(raw_connect_error(SOCK_STREAM, "s"), 0);
  }
  const WorkingDirectory inside(elsewhere.path());
  listener.reset();
  EXPECT_FALSE(exists(path));
  EXPECT_TRUE(exists(elsewhere / "s"));
}

TEST_F(socket_file_ownership, is_not_inherited_by_programs_this_process_executes) {
  const auto listener = Listener::bind(path);
  ASSERT_TRUE(listener);
  for (const auto& [number, target] : Inventory::take().descriptors) {
    if (number > 2 && target.find(directory.path()) != std::string::npos) {
      EXPECT_FALSE(survives_exec(number)) << target;
    }
  }
  EXPECT_FALSE(survives_exec(listener->descriptor()));
}

// When things go wrong ----------------------------------------------------------------------------

TEST_F(socket_file_ownership, explains_a_missing_directory) {
  path = directory / "missing/s";
  expect_refused(std::errc::no_such_file_or_directory,
                 "there is no directory " + (directory / "missing"));
}

TEST_F(socket_file_ownership, explains_a_path_that_names_a_directory) {
  for (const char* name : {"sub/", ".", ".."}) {
    fs::create_directories(directory / "sub");
    path = directory / name;
    expect_refused(std::errc::is_a_directory, "that is a directory");
  }
}

TEST_F(socket_file_ownership, explains_a_directory_that_is_not_ours) {
  NEEDS_ROOT_TO_BECOME_ANOTHER_USER();
  const std::string outcome = as_user(some_user, [this] {
    const auto listener = Listener::bind(path);
    return listener ? "bound" : listener.error().explain() + " / " + listener.error().hint;
  });
  EXPECT_NE(outcome.find("permission denied"), std::string::npos) << outcome;
  EXPECT_NE(outcome.find("write permission on the directory"), std::string::npos) << outcome;
}

// For every call in the scenario: it fails once, and nothing is left behind.
TEST_F(socket_file_ownership, leaves_nothing_behind_whichever_call_fails) {
  BindOptions options{.file = {.mode = 0666}};
  if (is_root()) options.file.group = "44";
  const mode_t before = ::umask(077);
  for (const std::string& name : {std::string("s"), std::string(200, 'n')}) {
    path = directory / name;
    for (const sys::Call call :
         {sys::Call::socket, sys::Call::open, sys::Call::flock, sys::Call::fstat, sys::Call::fchmod,
          sys::Call::bind, sys::Call::fchown, sys::Call::chmod, sys::Call::rename,
          sys::Call::listen, sys::Call::write, sys::Call::connect, sys::Call::unlink}) {
      for (unsigned nth = 1;; ++nth) {
        leave_behind(directory / "dead");
        fs::rename(directory / "dead", path);
        const Inventory held = Inventory::take();
        const FaultOn fault(call, nth, EIO);
        {
          const auto listener = Listener::bind(path, options);
          const bool hit = fault.calls() >= nth;
          if (!listener) {
            EXPECT_TRUE(hit);
            EXPECT_TRUE(listener.error().code);
          }
          if (!hit) break;
        }
        EXPECT_EQ(held.difference(Inventory::take()), "");
        for (const std::string& left : names_in(directory.path())) {
          EXPECT_FALSE(left.starts_with(".hallway")) << static_cast<int>(call) << " " << nth;
        }
      }
    }
  }
  ::umask(before);
}

TEST_F(socket_file_ownership, removes_the_socket_again_when_it_cannot_listen) {
  const FaultOn fault(sys::Call::listen, 1, EADDRINUSE);
  expect_refused(std::errc::address_in_use, "");
  EXPECT_FALSE(exists(path));
}

// Races -------------------------------------------------------------------------------------------

TEST_F(socket_file_ownership, gives_a_dead_socket_to_exactly_one_of_three_contenders) {
  constexpr int rounds = 500;
  constexpr int contenders = 3;
  int owners = 0;
  int reachable = 0;
  std::vector<std::optional<Listener>> winners(contenders);
  std::barrier start(contenders);
  std::barrier done(contenders, [&]() noexcept {
    for (auto& winner : winners) {
      if (!winner) continue;
      ++owners;
      const Descriptor client = raw_connected(SOCK_STREAM, path);
      const auto accepted = winner->accept();
      reachable += client.holds_one() && accepted && *accepted;
      winner.reset();
    }
    leave_behind(path);
  });
  leave_behind(path);
  {
    std::vector<std::jthread> threads;
    for (int which = 0; which < contenders; ++which) {
      threads.emplace_back([&, which] {
        for (int round = 0; round < rounds; ++round) {
          start.arrive_and_wait();
          if (auto listener = Listener::bind(path))
            winners[static_cast<std::size_t>(which)] = std::move(*listener);
          done.arrive_and_wait();
        }
      });
    }
  }
  EXPECT_EQ(owners, rounds);
  EXPECT_EQ(reachable, rounds);
}

TEST_F(socket_file_ownership, has_one_holder_at_a_time_however_many_come_and_go) {
  constexpr int threads = 4;
  std::atomic<int> holders = 0;
  std::atomic<int> turns = 0;
  std::atomic<int> unreachable = 0;
  std::atomic<int> crowds = 0;
  {
    std::vector<std::jthread> contenders;
    for (int i = 0; i < threads; ++i) {
      contenders.emplace_back([&] {
        while (turns < 1000) {
          auto listener = Listener::bind(path);
          if (!listener) continue;
          if (++holders > 1) ++crowds;
          const Descriptor client = raw_connected(SOCK_STREAM, path);
          const auto accepted = listener->accept();
          if (!accepted || !*accepted) ++unreachable;
          --holders;
          ++turns;
        }
      });
    }
  }
  EXPECT_EQ(crowds, 0);
  EXPECT_EQ(unreachable, 0);
}

}  // namespace
}  // namespace hallway
