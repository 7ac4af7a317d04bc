// SPDX-License-Identifier: Apache-2.0
//
// What is seen in real situations.
#include "net/diagnosis/gather.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sched.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "net/diagnosis/queue_look.hpp"
#include "net/diagnosis/socket_unit.hpp"
#include "support/faults.hpp"
#include "support/processes.hpp"
#include "support/raw_socket.hpp"
#include "support/temp_directory.hpp"
#include "sys/fault_hook.hpp"

namespace hallway::net::gather_tests {
namespace {

using namespace std::literals;
using namespace test;
namespace fs = std::filesystem;
using testing::Contains;
using testing::HasSubstr;

class gather_at : public testing::Test {
 protected:
  static Evidence look(const std::string& text, const DiagnoseOptions& options = {}) {
    auto evidence = gather(*Address::parse(text), options);
    EXPECT_TRUE(evidence) << evidence.error().explain();
    return evidence ? std::move(*evidence) : Evidence{};
  }

  TempDirectory directory{0755};
  std::string path = directory / "app.sock";
  std::string name = "hallway-gather-" + std::to_string(::getpid());
};

TEST_F(gather_at, a_healthy_server_sees_its_socket_and_its_process) {
  const Descriptor server = raw_listening(SOCK_STREAM, path, 5);
  const Evidence evidence = look(path);
  EXPECT_EQ(evidence.held, true);
  ASSERT_EQ(evidence.sockets.size(), 1U);
  const SocketEntry& socket = evidence.sockets.front();
  EXPECT_EQ(socket.name, path);
  EXPECT_EQ(socket.state, SocketState::listening);
  EXPECT_EQ(socket.backlog, 5U);
  EXPECT_EQ(socket.waiting, 0U);
  EXPECT_EQ(socket.uid, ::geteuid());
  ASSERT_FALSE(socket.holders.empty());
  EXPECT_EQ(socket.holders.front().pid, ::getpid());
  EXPECT_FALSE(socket.holders.front().command.empty());
  EXPECT_EQ(socket.holders.front().watches_listener, false);  // the probe was not accepted
  ASSERT_TRUE(evidence.probe);
  EXPECT_EQ(evidence.probe->error, 0);
  EXPECT_EQ(evidence.probe->ending, Probe::Ending::open);
  EXPECT_EQ(evidence.probe->accepted, false);
  ASSERT_TRUE(evidence.probe->listener);
  EXPECT_EQ(evidence.probe->listener->pid, ::getpid());
  EXPECT_TRUE(evidence.elsewhere.empty());
  EXPECT_TRUE(evidence.similar.empty());
}

TEST_F(gather_at, a_path_notes_each_name) {
  const Descriptor server = raw_listening(SOCK_STREAM, path);
  fs::permissions(path, fs::perms(0640));
  const Evidence evidence = look(path, {.probe = false});
  ASSERT_GE(evidence.steps.size(), 3U);
  EXPECT_EQ(evidence.steps.front().path, "/");
  EXPECT_EQ(evidence.steps.front().kind, StepKind::directory);
  const PathStep& last = evidence.steps.back();
  EXPECT_EQ(last.path, path);
  EXPECT_EQ(last.kind, StepKind::socket);
  EXPECT_EQ(last.mode, 0640U);
  EXPECT_EQ(last.owner, ::geteuid());
  EXPECT_EQ(last.access_error, 0);
  EXPECT_TRUE(last.last);
  EXPECT_TRUE(last.mount);
  EXPECT_FALSE(evidence.probe);
  EXPECT_EQ(evidence.no_probe_because, "it was not wanted");
  EXPECT_FALSE(evidence.mounts.empty());
}

TEST_F(gather_at, a_stale_file_finds_nobody) {
  raw_listening(SOCK_STREAM, path).close();
  const Evidence evidence = look(path);
  EXPECT_EQ(evidence.held, false);
  EXPECT_TRUE(evidence.sockets.empty());
  ASSERT_TRUE(evidence.probe);
  EXPECT_EQ(evidence.probe->error, ECONNREFUSED);
}

TEST_F(gather_at, a_socket_that_does_not_listen_is_bound) {
  const Descriptor bound = raw_bound(SOCK_SEQPACKET, path);
  const Evidence evidence = look(path);
  EXPECT_EQ(evidence.held, true);
  ASSERT_EQ(evidence.sockets.size(), 1U);
  EXPECT_EQ(evidence.sockets.front().state, SocketState::bound);
  EXPECT_EQ(evidence.sockets.front().type, SocketType::seqpacket);
  EXPECT_EQ(evidence.probe->error, ECONNREFUSED);
}

TEST_F(gather_at, a_datagram_socket_is_not_connected_to) {
  const Descriptor receiver = raw_bound(SOCK_DGRAM, path);
  const Evidence evidence = look(path);
  ASSERT_EQ(evidence.sockets.size(), 1U);
  EXPECT_EQ(evidence.sockets.front().type, SocketType::datagram);
  EXPECT_FALSE(evidence.probe);
  EXPECT_THAT(evidence.no_probe_because, HasSubstr("datagram"));
}

TEST_F(gather_at, a_full_backlog_counts_those_that_wait_and_those_that_are_gone) {
  const Descriptor server = raw_listening(SOCK_STREAM, path, 1);
  const Descriptor waits = raw_connected(SOCK_STREAM, path);
  raw_connected(SOCK_STREAM, path).close();
  const Evidence evidence = look(path);
  ASSERT_EQ(evidence.sockets.size(), 1U);
  EXPECT_EQ(evidence.sockets.front().waiting, 2U);
  EXPECT_EQ(evidence.sockets.front().waiting_gone, 1U);
  EXPECT_EQ(evidence.probe->error, EAGAIN);
  EXPECT_FALSE(evidence.second_look_moved);
}

TEST_F(gather_at, a_server_that_is_stopped_shows_its_state) {
  ForkedProcess server([&](const auto& say) {
    const Descriptor socket = raw_listening(SOCK_STREAM, path);
    say("ready");
    wait_to_be_killed();
  });
  ASSERT_EQ(server.line(), "ready");
  const Descriptor waits = raw_connected(SOCK_STREAM, path);
  ASSERT_EQ(::kill(server.pid(), SIGSTOP), 0);
  int status = 0;
  ASSERT_EQ(::waitpid(server.pid(), &status, WUNTRACED), server.pid());
  const Evidence evidence = look(path);
  ASSERT_EQ(evidence.sockets.size(), 1U);
  ASSERT_EQ(evidence.sockets.front().holders.size(), 1U);
  EXPECT_EQ(evidence.sockets.front().holders.front().pid, server.pid());
  EXPECT_EQ(evidence.sockets.front().holders.front().state, 'T');
}

TEST_F(gather_at, an_abstract_name_finds_its_socket) {
  const Descriptor server = raw_listening(SOCK_STREAM, "@" + name);
  const Evidence evidence = look("@" + name);
  ASSERT_EQ(evidence.sockets.size(), 1U);
  EXPECT_TRUE(evidence.sockets.front().abstract);
  EXPECT_EQ(evidence.sockets.front().name, "@" + name);
  EXPECT_EQ(evidence.probe->error, 0);
  EXPECT_TRUE(evidence.steps.empty());
  EXPECT_FALSE(evidence.held);
}

TEST_F(gather_at, an_abstract_name_in_another_network_namespace_is_found) {
  NEEDS_ROOT_TO_BECOME_ANOTHER_USER();
  ForkedProcess server([&](const auto& say) {
    if (::unshare(CLONE_NEWNET) != 0) return say("no");
    const Descriptor socket = raw_listening(SOCK_STREAM, "@" + name);
    say("ready");
    wait_to_be_killed();
  });
  if (server.line() != "ready") GTEST_SKIP() << "no network namespace can be made here";
  const Evidence evidence = look("@" + name);
  ASSERT_EQ(evidence.sockets.size(), 1U);
  EXPECT_NE(evidence.sockets.front().seen_by_pid, 0);
  EXPECT_EQ(evidence.probe->error, ECONNREFUSED);
  const Evidence theirs = look("@" + name, {.as_pid = server.pid()});
  EXPECT_TRUE(theirs.subject.other_network);
  ASSERT_EQ(theirs.sockets.size(), 1U);
  EXPECT_EQ(theirs.sockets.front().seen_by_pid, server.pid());
}

TEST_F(gather_at, a_missing_name_has_an_error_and_similar_names) {
  const Descriptor server = raw_listening(SOCK_STREAM, path + " ");
  const Evidence evidence = look(path);
  const PathStep& last = evidence.steps.back();
  EXPECT_EQ(last.kind, StepKind::missing);
  EXPECT_EQ(last.error, ENOENT);
  EXPECT_TRUE(last.last);
  ASSERT_FALSE(evidence.similar.empty());
  EXPECT_EQ(evidence.similar.front().name, path + " ");
  EXPECT_EQ(evidence.similar.front().why, SimilarName::Why::blank);
  EXPECT_TRUE(evidence.similar.front().alive);
}

TEST_F(gather_at, a_missing_directory_ends_the_walk) {
  const Evidence evidence = look(directory / "none/app.sock");
  EXPECT_EQ(evidence.steps.back().path, directory / "none");
  EXPECT_EQ(evidence.steps.back().error, ENOENT);
  EXPECT_FALSE(evidence.steps.back().last);
}

TEST_F(gather_at, a_name_behind_a_file_has_an_error) {
  std::ofstream(directory / "file") << "text";
  const Evidence evidence = look(directory / "file/app.sock");
  EXPECT_EQ(evidence.steps.back().error, ENOTDIR);
  EXPECT_EQ(evidence.steps.back().path, directory / "file/app.sock");
  const Descriptor server = raw_listening(SOCK_STREAM, path);
  EXPECT_EQ(look(path + "/").steps.back().error, ENOTDIR);
}

TEST_F(gather_at, symbolic_links_are_followed) {
  const Descriptor server = raw_listening(SOCK_STREAM, path);
  fs::create_directory(directory / "d");
  fs::create_symlink("../d", directory / "d/self");
  fs::create_symlink("d/self/../app.sock", directory / "link");
  const Evidence evidence = look(directory / "link");
  EXPECT_EQ(evidence.steps.back().path, path);
  EXPECT_EQ(evidence.steps.back().kind, StepKind::socket);
  EXPECT_EQ(evidence.sockets.size(), 1U);
}

TEST_F(gather_at, symbolic_links_in_a_circle_end) {
  fs::create_symlink("b", directory / "a");
  fs::create_symlink("a", directory / "b");
  EXPECT_EQ(look(directory / "a").steps.back().error, ELOOP);
}

TEST_F(gather_at, a_dangling_link_ends_at_what_is_missing) {
  fs::create_symlink("gone", directory / "a");
  const Evidence evidence = look(directory / "a");
  ASSERT_GE(evidence.steps.size(), 2U);
  EXPECT_EQ(evidence.steps.back().path, directory / "gone");
  EXPECT_EQ(evidence.steps.back().error, ENOENT);
  EXPECT_EQ(evidence.steps[evidence.steps.size() - 2].target, "gone");
}

TEST_F(gather_at, a_relative_path_begins_in_the_working_directory) {
  const WorkingDirectory inside(directory.path());
  const Descriptor server = raw_listening(SOCK_STREAM, "app.sock");
  const Evidence evidence = look("app.sock");
  ASSERT_EQ(evidence.steps.size(), 2U);
  EXPECT_EQ(evidence.steps.front().path, directory.path());
  EXPECT_EQ(evidence.sockets.size(), 1U);
  EXPECT_EQ(evidence.subject.working_directory, directory.path());
}

TEST_F(gather_at, a_link_of_proc_is_followed_as_the_kernel_does) {
  const Descriptor server = raw_listening(SOCK_STREAM, path);
  const Evidence evidence = look("/proc/self/root" + path);
  EXPECT_EQ(evidence.steps.back().kind, StepKind::socket);
  EXPECT_EQ(evidence.sockets.size(), 1U);
}

TEST_F(gather_at, a_name_that_was_removed_shows_the_live_socket_elsewhere) {
  const Descriptor server = raw_listening(SOCK_STREAM, path);
  fs::remove(path);
  const Evidence evidence = look(path);
  EXPECT_TRUE(evidence.sockets.empty());
  ASSERT_EQ(evidence.elsewhere.size(), 1U);
  ASSERT_FALSE(evidence.elsewhere.front().holders.empty());
  EXPECT_EQ(evidence.elsewhere.front().holders.front().pid, ::getpid());
  EXPECT_EQ(evidence.elsewhere_mounts.size(), 1U);
}

TEST_F(gather_at, a_name_that_was_changed_is_found) {
  const Descriptor server = raw_listening(SOCK_STREAM, path);
  fs::rename(path, directory / "elsewhere");
  const Evidence evidence = look(path);
  ASSERT_FALSE(evidence.similar.empty());
  EXPECT_EQ(evidence.similar.front().why, SimilarName::Why::renamed);
  EXPECT_EQ(evidence.similar.front().name, directory / "elsewhere");
}

TEST_F(gather_at, two_servers_of_one_name_are_not_confused) {
  const Descriptor old_server = raw_listening(SOCK_STREAM, path);
  fs::remove(path);
  const Descriptor server = raw_listening(SOCK_STREAM, path);
  const Evidence evidence = look(path);
  EXPECT_EQ(evidence.sockets.size(), 1U);
  EXPECT_EQ(evidence.elsewhere.size(), 1U);
}

TEST_F(gather_at, a_file_with_an_access_control_list_shows_it) {
  const Descriptor server = raw_listening(SOCK_STREAM, path);
  const std::string acl =
      "\x02\0\0\0\x01\0\x07\0\xff\xff\xff\xff\x02\0\x06\0\xd2\x04\0\0\x04\0\x05\0\xff\xff\xff\xff"
      "\x10\0\x07\0\xff\xff\xff\xff\x20\0\x05\0\xff\xff\xff\xff"s;
  if (::setxattr(path.c_str(), "system.posix_acl_access", acl.data(), acl.size(), 0) != 0) {
    GTEST_SKIP() << "this file system has no access control lists";
  }
  const auto seen = look(path).steps.back().acl;
  ASSERT_EQ(seen.size(), 5U);
  EXPECT_EQ(seen[1].tag, AclEntry::Tag::user);
  EXPECT_EQ(seen[1].id, 1234U);
}

TEST_F(gather_at, a_path_that_another_user_may_not_search_is_noted) {
  NEEDS_ROOT_TO_BECOME_ANOTHER_USER();
  const Descriptor server = raw_listening(SOCK_STREAM, path);
  fs::permissions(directory.path(), fs::perms(0700));
  const std::string seen = as_user(some_user, [&] {
    const Evidence evidence = look(path);
    const PathStep& last = evidence.steps.back();
    return std::to_string(last.error) + " " +
           std::to_string(evidence.steps[evidence.steps.size() - 2].access_error.value_or(-1)) +
           " " + std::to_string(evidence.subject.uid);
  });
  EXPECT_EQ(seen, std::to_string(EACCES) + " " + std::to_string(EACCES) + " 1234");
}

TEST_F(gather_at, a_server_of_another_user_is_known_by_the_probe) {
  NEEDS_ROOT_TO_BECOME_ANOTHER_USER();
  ForkedProcess server([&](const auto& say) {
    const Descriptor socket = raw_listening(SOCK_STREAM, path);
    say("ready");
    wait_to_be_killed();
  });
  ASSERT_EQ(server.line(), "ready");
  fs::permissions(path, fs::perms(0777));
  const std::string seen = as_user(some_user, [&] {
    const Evidence evidence = look(path);
    const auto& holders = evidence.sockets.at(0).holders;
    return holders.empty() ? "none" : std::to_string(holders.front().pid);
  });
  EXPECT_EQ(seen, std::to_string(server.pid()));
}

TEST_F(gather_at, a_place_to_bind_shows_what_it_allows) {
  const Evidence evidence = look(path, {.bind = true});
  EXPECT_EQ(evidence.place.write_error, 0);
  const mode_t mask = ::umask(0);
  ::umask(mask);
  EXPECT_EQ(evidence.place.umask, mask);
  NEEDS_ROOT_TO_BECOME_ANOTHER_USER();
  EXPECT_EQ(look(path, {.bind = true, .as_uid = some_user}).place.write_error, EACCES);
  EXPECT_EQ(look("/proc/x", {.bind = true, .as_uid = some_user}).place.write_error, EACCES);
}

TEST_F(gather_at, another_process_has_its_groups_and_limits) {
  NEEDS_ROOT_TO_BECOME_ANOTHER_USER();
  ForkedProcess client([&](const auto& say) {
    if (::setgid(some_user) != 0 || ::setuid(some_user) != 0) return;
    say("ready");
    wait_to_be_killed();
  });
  ASSERT_EQ(client.line(), "ready");
  const Evidence evidence = look(path, {.as_pid = client.pid()});
  EXPECT_EQ(evidence.subject.kind, Subject::Kind::process);
  EXPECT_EQ(evidence.subject.uid, some_user);
  EXPECT_FALSE(evidence.subject.overrides_permissions);
  EXPECT_TRUE(evidence.subject.descriptor_limit);
  EXPECT_TRUE(evidence.subject.open_descriptors);
}

TEST_F(gather_at, a_wrong_question_is_an_error) {
  const auto address = *Address::parse(path);
  EXPECT_EQ(gather(address, {.as_uid = 1, .as_pid = 1}).error().code, std::errc::invalid_argument);
  EXPECT_EQ(gather(address, {.as_pid = 4'194'305}).error().code, std::errc::no_such_process);
  EXPECT_EQ(gather(*Address::parse("fd:3"), {}).error().code, std::errc::invalid_argument);
}

TEST_F(gather_at, the_same_without_the_kernels_list_of_sockets) {
  const Descriptor server = raw_listening(SOCK_STREAM, path);
  const Descriptor waits = raw_connected(SOCK_STREAM, path);
  const FaultOn no_netlink(sys::Call::sendmsg, 1, EPERM, FaultOn::always);
  const Evidence evidence = look(path);
  ASSERT_EQ(evidence.sockets.size(), 1U);
  EXPECT_EQ(evidence.sockets.front().state, SocketState::listening);
  EXPECT_FALSE(evidence.sockets.front().file_inode);
  EXPECT_EQ(evidence.probe->error, 0);
  EXPECT_FALSE(evidence.probe->accepted);
  EXPECT_THAT(evidence.unseen, Contains(HasSubstr("sock_diag")));
}

TEST_F(gather_at, no_failing_call_is_an_error) {
  const Descriptor server = raw_listening(SOCK_STREAM, path);
  for (const auto call : {sys::Call::open, sys::Call::read, sys::Call::fstat, sys::Call::socket,
                          sys::Call::recvmsg, sys::Call::connect, sys::Call::poll}) {
    for (const int error : {EMFILE, EACCES, ENOENT}) {
      const FaultOn always(call, 1, error, FaultOn::always);
      EXPECT_TRUE(gather(*Address::path(path), {})) << static_cast<int>(call) << " " << error;
    }
  }
}

TEST(queue, has_moved_if_a_client_was_accepted_and_not_if_one_gave_up) {
  using Clients = std::vector<std::uint64_t>;
  const auto moved = [](const Clients& first, const Clients& second) {
    sys::UnixSocket before;
    sys::UnixSocket after;
    before.waiting = first;
    before.receive_queue = static_cast<std::uint32_t>(first.size());
    after.waiting = second;
    after.receive_queue = static_cast<std::uint32_t>(second.size());
    return has_moved(before, after);
  };
  EXPECT_FALSE(moved({1, 2}, {1, 2}));
  EXPECT_FALSE(moved({1, 2}, {1, 2, 3}));
  EXPECT_FALSE(moved({1, 2}, {0, 2}));
  EXPECT_TRUE(moved({1, 2}, {2}));
  EXPECT_TRUE(moved({1, 2}, {2, 3}));
  EXPECT_TRUE(moved({0, 2}, {2, 3}));
  EXPECT_TRUE(moved({1, 2}, {0, 3}));
}

TEST(socket_unit, is_read_from_systemctl) {
  const auto units = parse_units(
      "Id=a.socket\nListen=/run/a (Stream)\nListen=@a (Datagram)\nSubState=listening\n\n"
      "\nId=b.socket\nListen=/run/b (1) (SequentialPacket)\nX\n");
  ASSERT_EQ(units.size(), 2U);
  EXPECT_TRUE(listens_to(units[0], "/run/a"));
  EXPECT_TRUE(listens_to(units[0], "@a"));
  EXPECT_FALSE(listens_to(units[0], "/run/b"));
  EXPECT_TRUE(listens_to(units[1], "/run/b (1)"));
  EXPECT_EQ(units[0].find("SubState")->second, "listening");
  EXPECT_TRUE(parse_units("").empty());
}

}  // namespace
}  // namespace hallway::net::gather_tests
