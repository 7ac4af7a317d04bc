// SPDX-License-Identifier: Apache-2.0
//
// One server going on in the place of another: nobody is refused, nothing is lost, and whatever
// goes wrong leaves the one that runs in place.
#include <gtest/gtest.h>

#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <deque>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include <hallway/client.hpp>
#include <hallway/server.hpp>

#include "message/server/takeover.hpp"
#include "support/faults.hpp"
#include "support/processes.hpp"
#include "support/serving.hpp"

namespace hallway {
namespace {

using namespace test;

/// Answers every message with our pid.
Task<> tell_pid(Connection connection) {
  while (auto message = co_await connection.receive()) {
    co_await connection.send(std::to_string(::getpid()));
  }
}

/// Serves until it is taken over or told to stop; says "serving", and in the end its status.
void serve_until_taken_over(const std::string& path, const ForkedProcess::Say& say,
                            std::size_t loops = 1) {
  Loop loop;
  if (auto claimed = loop.drain_on({SIGTERM}); !claimed) return say(claimed.error().explain());
  auto server = Server::open(loop, path, tell_pid, {.takeover = true, .loops = loops});
  if (!server) return say(server.error().explain());
  say("serving");
  say("ended with " + std::to_string(loop.run()));
}

class takeover : public testing::Test {
 protected:
  void SetUp() override { NEEDS_TO_BE_SOMEBODY(); }

  [[nodiscard]] ForkedProcess::Work serving() const {
    return [path = path](const ForkedProcess::Say& say) { serve_until_taken_over(path, say); };
  }

  /// A successor that never becomes ready.
  [[nodiscard]] ForkedProcess::Work beginning() const {
    return [path = path](const ForkedProcess::Say& say) {
      auto succession = message::TakeoverClient::begin(path, {});
      say(succession && *succession ? "begun" : "not begun");
      wait_to_be_killed();
    };
  }

  [[nodiscard]] std::string asked() const {
    auto client = Client::connect(path);
    if (!client) return client.error().explain();
    const Received reply = client->request("who?");
    return reply ? reply->to_owned() : reply.error().explain();
  }

  TempDirectory directory;
  std::string path = directory / "s";
};

TEST_F(takeover, binds_as_usual_when_nobody_is_there) {
  ForkedProcess server(serving());
  ASSERT_EQ(server.line(), "serving");
  EXPECT_EQ(asked(), std::to_string(server.pid()));
}

TEST_F(takeover, gives_the_name_to_the_successor_and_drains) {
  ForkedProcess first(serving());
  ASSERT_EQ(first.line(), "serving");
  ForkedProcess second(serving());
  ASSERT_EQ(second.line(), "serving");
  EXPECT_EQ(first.line(), "ended with 0");
  EXPECT_EQ(asked(), std::to_string(second.pid()));
}

TEST_F(takeover, can_be_repeated_and_leaves_nothing_behind) {
  std::optional<ForkedProcess> server;
  server.emplace(serving());
  ASSERT_EQ(server->line(), "serving");
  for (int i = 0; i < 5; ++i) {
    ForkedProcess successor(serving());
    ASSERT_EQ(successor.line(), "serving");
    ASSERT_EQ(server->line(), "ended with 0");
    EXPECT_EQ(asked(), std::to_string(successor.pid()));
    ::kill(successor.pid(), SIGTERM);
    ASSERT_EQ(successor.line(), "ended with 0");
    EXPECT_TRUE(std::filesystem::is_empty(directory.path()));
    server.emplace(serving());
    ASSERT_EQ(server->line(), "serving");
  }
}

TEST_F(takeover, passes_from_successor_to_successor) {
  auto server = std::make_unique<ForkedProcess>(serving());
  ASSERT_EQ(server->line(), "serving");
  for (int i = 0; i < 5; ++i) {
    auto successor = std::make_unique<ForkedProcess>(serving());
    ASSERT_EQ(successor->line(), "serving");
    ASSERT_EQ(server->line(), "ended with 0");
    EXPECT_EQ(asked(), std::to_string(successor->pid()));
    server = std::move(successor);
  }
}

TEST_F(takeover, answers_clients_that_were_connected_or_queued_before) {
  ForkedProcess first([this](const ForkedProcess::Say& say) {
    Loop loop;
    auto server = Server::open(loop, path, tell_pid,
                               {.server_limits = {.max_connections = 1}, .takeover = true});
    say(server ? "serving" : server.error().explain());
    loop.run();
  });
  ASSERT_EQ(first.line(), "serving");
  auto inside = Client::connect(path);
  ASSERT_TRUE(inside) << inside.error().explain();
  ASSERT_TRUE(inside->request("who?"));
  auto queued = Client::connect(path);  // the only place is taken
  ASSERT_TRUE(queued) << queued.error().explain();
  ASSERT_TRUE(queued->send("who?"));
  ASSERT_TRUE(inside->send("and now?"));

  ForkedProcess second(serving());
  ASSERT_EQ(second.line(), "serving");
  const Received from_first = inside->receive(patience);
  ASSERT_TRUE(from_first) << from_first.error().explain();
  EXPECT_EQ(from_first->to_owned(), std::to_string(first.pid()));
  const Received from_second = queued->receive(patience);
  ASSERT_TRUE(from_second) << from_second.error().explain();
  EXPECT_EQ(from_second->to_owned(), std::to_string(second.pid()));
}

TEST_F(takeover, answers_clients_of_each_of_several_loops) {
  const auto serving_on_three = [this](const ForkedProcess::Say& say) {
    serve_until_taken_over(path, say, 3);
  };
  ForkedProcess first(serving_on_three);
  ASSERT_EQ(first.line(), "serving");
  std::deque<Client> inside;
  for (int i = 0; i < 6; ++i) {
    auto client = Client::connect(path);
    ASSERT_TRUE(client) << client.error().explain();
    ASSERT_TRUE(client->request("who?"));
    ASSERT_TRUE(client->send("and now?"));
    inside.push_back(std::move(*client));
  }
  ForkedProcess second(serving_on_three);
  ASSERT_EQ(second.line(), "serving");
  EXPECT_EQ(first.line(), "ended with 0");
  EXPECT_EQ(asked(), std::to_string(second.pid()));
  for (Client& client : inside) {
    const Received reply = client.receive(patience);
    ASSERT_TRUE(reply) << reply.error().explain();
    EXPECT_EQ(reply->to_owned(), std::to_string(first.pid()));
  }
}

TEST_F(takeover, changes_nothing_when_the_successor_dies_before_it_is_ready) {
  ForkedProcess first(serving());
  ASSERT_EQ(first.line(), "serving");
  for (int i = 0; i < 3; ++i) {
    ForkedProcess successor(beginning());
    ASSERT_EQ(successor.line(), "begun");
    successor.kill();
    EXPECT_EQ(asked(), std::to_string(first.pid()));
  }
  ForkedProcess second(serving());
  EXPECT_EQ(second.line(), "serving");
  EXPECT_EQ(first.line(), "ended with 0");
}

TEST_F(takeover, makes_a_second_successor_wait_for_the_first) {
  ForkedProcess first(serving());
  ASSERT_EQ(first.line(), "serving");
  ForkedProcess beginner(beginning());
  ASSERT_EQ(beginner.line(), "begun");
  ForkedProcess second(serving());
  EXPECT_EQ(asked(), std::to_string(first.pid()));
  beginner.kill();
  EXPECT_EQ(second.line(), "serving");
  EXPECT_EQ(asked(), std::to_string(second.pid()));
}

TEST_F(takeover, begins_again_when_the_running_server_is_killed_in_the_middle) {
  ForkedProcess first(serving());
  ASSERT_EQ(first.line(), "serving");
  // Just before the successor says that it is ready: its third send.
  unsigned sends = 0;
  const AtCall kill_it(sys::Call::sendmsg, [&] {
    if (++sends == 3) first.kill();
  });
  Loop loop;
  const auto second = Server::open(loop, path, echo, {.takeover = true});
  ASSERT_TRUE(second) << second.error().explain();
  EXPECT_EQ(raw_connect_error(SOCK_STREAM, path), 0);
}

TEST_F(takeover, refuses_a_file_that_another_process_put_in_the_place) {
  ForkedProcess first(serving());
  ASSERT_EQ(first.line(), "serving");
  ASSERT_TRUE(std::filesystem::remove(path));
  const Descriptor stranger = raw_listening(SOCK_STREAM, path);
  struct stat before{};
  ASSERT_EQ(::stat(path.c_str(), &before), 0);
  Loop loop;
  const auto second = Server::open(loop, path, echo, {.file = {.mode = 0666}, .takeover = true});
  ASSERT_FALSE(second);
  struct stat after{};
  ASSERT_EQ(::stat(path.c_str(), &after), 0);
  EXPECT_EQ(after.st_ino, before.st_ino);
  EXPECT_EQ(after.st_mode, before.st_mode);
}

TEST_F(takeover, of_one_server_by_many_at_once_leaves_one_and_no_error) {
  ForkedProcess first(serving());
  ASSERT_EQ(first.line(), "serving");
  std::deque<ForkedProcess> successors;
  for (int i = 0; i < 4; ++i) successors.emplace_back(serving());
  for (ForkedProcess& one : successors) EXPECT_EQ(one.line(), "serving");
  EXPECT_EQ(first.line(), "ended with 0");
  EXPECT_NE(asked(), std::to_string(first.pid()));
}

TEST_F(takeover, gives_the_successors_rights_to_pass_descriptors) {
  ForkedProcess first(serving());
  ASSERT_EQ(first.line(), "serving");
  Loop loop;
  std::size_t came = 0;
  const auto second = Server::open(loop, path,
                                   [&](Connection connection) -> Task<> {
                                     while (auto message = co_await connection.receive())
                                       came += message->descriptors().size();
                                   },
                                   {.connection = {.descriptors = 1}, .takeover = true});
  ASSERT_TRUE(second) << second.error().explain();
  const RawStream client(raw_connected(SOCK_STREAM, path));
  const Descriptor file = some_file();
  EXPECT_GT(client.send("with one\n", {file.get()}), 0) << std::strerror(errno);
  EXPECT_TRUE(run_until(loop, [&] { return came == 1; }));
}

TEST_F(takeover, replaces_what_a_killed_server_left) {
  ForkedProcess first(serving());
  ASSERT_EQ(first.line(), "serving");
  first.kill();
  ForkedProcess second(serving());
  EXPECT_EQ(second.line(), "serving");
  EXPECT_EQ(asked(), std::to_string(second.pid()));
}

TEST_F(takeover, of_a_server_that_does_not_offer_it_is_refused) {
  ForkedProcess first([this](const ForkedProcess::Say& say) {
    Loop loop;
    auto server = Server::open(loop, path, tell_pid);
    say(server ? "serving" : server.error().explain());
    loop.run();
  });
  ASSERT_EQ(first.line(), "serving");
  Loop loop;
  const auto second = Server::open(loop, path, echo, {.takeover = true});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, std::errc::address_in_use);
  EXPECT_TRUE(
      second.error().hint.starts_with("it does not offer a takeover: there is no control socket"))
      << second.error().hint;
  EXPECT_EQ(asked(), std::to_string(first.pid()));
}

TEST_F(takeover, of_another_socket_type_is_refused_and_changes_nothing) {
  ForkedProcess first(serving());
  ASSERT_EQ(first.line(), "serving");
  Loop loop;
  const auto second =
      Server::open(loop, path, echo, {.type = SocketType::seqpacket, .takeover = true});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, std::errc::wrong_protocol_type);
  EXPECT_EQ(asked(), std::to_string(first.pid()));
}

TEST_F(takeover, is_for_paths_only) {
  Loop loop;
  const auto server = Server::open(loop, "@" + path, echo, {.takeover = true});
  ASSERT_FALSE(server);
  EXPECT_EQ(server.error().why(), "only a path can be taken over");
}

TEST_F(takeover, puts_the_successors_mode_in_force) {
  ForkedProcess first(serving());
  ASSERT_EQ(first.line(), "serving");
  Loop loop;
  const auto second = Server::open(loop, path, echo, {.file = {.mode = 0666}, .takeover = true});
  ASSERT_TRUE(second) << second.error().explain();
  struct stat status{};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0666U);
}

TEST_F(takeover, keeps_other_users_away_from_the_control_socket) {
  ForkedProcess first(serving());
  ASSERT_EQ(first.line(), "serving");
  struct stat status{};
  ASSERT_EQ(::stat((path + ".control").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(takeover, turns_strange_words_on_the_control_socket_away) {
  ForkedProcess first(serving());
  ASSERT_EQ(first.line(), "serving");
  for (const char* words : {"", "takeover 1", "takeover 22", "ready", "yours"}) {
    auto client = Client::connect(path + ".control", {.type = SocketType::seqpacket});
    ASSERT_TRUE(client) << client.error().explain();
    const Received answer = client->request(words, patience);
    ASSERT_TRUE(answer) << answer.error().explain();
    EXPECT_EQ(answer->to_owned(), "no: the running server speaks another version of takeover");
  }
  EXPECT_EQ(asked(), std::to_string(first.pid()));
}

TEST_F(takeover, takes_up_to_its_time_when_the_server_there_is_stopped) {
  ForkedProcess first(serving());
  ASSERT_EQ(first.line(), "serving");
  ASSERT_EQ(::kill(first.pid(), SIGSTOP), 0);
  Loop loop;
  const auto second = Server::open(loop, path, echo, {.takeover = true});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, std::errc::timed_out);
  const std::string pid = std::to_string(first.pid());
  EXPECT_TRUE(second.error().why().starts_with("the running server (pid " + pid))
      << second.error().why();
  EXPECT_TRUE(second.error().why().ends_with("did not answer within 5s")) << second.error().why();
  EXPECT_EQ(second.error().hint,
            "it has not read the request, and is stopped by a signal (kill -CONT " + pid +
                " continues it)");
  ASSERT_EQ(::kill(first.pid(), SIGCONT), 0);
  EXPECT_EQ(asked(), pid);
}

TEST_F(takeover, reports_that_the_running_server_does_not_read) {
  ForkedProcess first([this](const ForkedProcess::Say& say) {
    Loop loop;
    auto server = Server::open(loop, path, tell_pid, {.takeover = true});
    say(server ? "serving" : server.error().explain());
    wait_to_be_killed();  // the loop never runs
  });
  ASSERT_EQ(first.line(), "serving");
  Loop loop;
  const auto second = Server::open(loop, path, echo, {.takeover = true});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, std::errc::timed_out);
  EXPECT_EQ(second.error().hint, "it has not read the request, and is sleeping (state S)");
}

TEST_F(takeover, reports_that_another_process_is_taking_over) {
  ForkedProcess first(serving());
  ASSERT_EQ(first.line(), "serving");
  ForkedProcess beginner(beginning());
  ASSERT_EQ(beginner.line(), "begun");
  Loop loop;
  const auto second = Server::open(loop, path, echo, {.takeover = true});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, std::errc::timed_out);
  EXPECT_NE(second.error().why().find("is already being taken over by another process"),
            std::string::npos)
      << second.error().why();
}

TEST_F(takeover, reports_that_the_lock_file_is_gone) {
  ForkedProcess first(serving());
  ASSERT_EQ(first.line(), "serving");
  ASSERT_TRUE(std::filesystem::remove(path + ".lock"));
  Loop loop;
  const auto second = Server::open(loop, path, echo, {.takeover = true});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code.value(), ESTALE);
  EXPECT_TRUE(second.error().why().starts_with("the lock file of the running server"))
      << second.error().why();
  EXPECT_EQ(asked(), std::to_string(first.pid()));
}

TEST_F(takeover, reports_that_the_control_socket_is_gone) {
  ForkedProcess first(serving());
  ASSERT_EQ(first.line(), "serving");
  ASSERT_TRUE(std::filesystem::remove(path + ".control"));
  Loop loop;
  const auto second = Server::open(loop, path, echo, {.takeover = true});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, std::errc::address_in_use);
  EXPECT_EQ(second.error().hint, "it does not offer a takeover: there is no control socket unix:" +
                                     path + ".control; stop it, or use another address");
}

TEST_F(takeover, makes_the_successor_the_server_that_clients_see) {
  ForkedProcess first(serving());
  ASSERT_EQ(first.line(), "serving");
  ForkedProcess second(serving());
  ASSERT_EQ(second.line(), "serving");
  ASSERT_EQ(first.line(), "ended with 0");
  for (const auto& [at, type] :
       {std::pair(path, SocketType::stream), std::pair(path + ".control", SocketType::seqpacket)}) {
    const auto client = Client::connect(at, {.type = type});
    ASSERT_TRUE(client) << client.error().explain();
    EXPECT_EQ(client->peer().pid, second.pid()) << at;
  }
}

class path_lost : public Serving {
 protected:
  void open_with(PathLost policy) { open(echo, {.on_path_lost = policy}); }
  void remove_socket_file() const { ASSERT_TRUE(std::filesystem::remove(path)); }
  bool until_reported(Kind kind) {
    return until([&] { return count(kind) > 0; });
  }
  /// Whether a new client is answered.
  bool answered() {
    RawStream client = connect();
    client.send("hello\n");
    return until_received(client, "hello\n");
  }
};

TEST_F(path_lost, is_reported_when_the_socket_file_is_removed) {
  open_with(PathLost::report);
  loop.turn();
  remove_socket_file();
  EXPECT_TRUE(until_reported(Kind::path_lost));
  EXPECT_EQ(reason(Kind::path_lost), "the socket file is gone");
}

TEST_F(path_lost, is_reported_when_another_file_takes_its_place) {
  open_with(PathLost::report);
  loop.turn();
  const Descriptor other = raw_listening(SOCK_STREAM, path + ".other");
  std::filesystem::rename(path + ".other", path);
  EXPECT_TRUE(until_reported(Kind::path_lost));
  EXPECT_EQ(reason(Kind::path_lost), "a socket is in its place");
  running.reset();
  EXPECT_TRUE(std::filesystem::exists(path)) << "it is not ours to remove";
}

TEST_F(path_lost, is_reported_when_the_file_is_renamed) {
  open_with(PathLost::report);
  loop.turn();
  std::filesystem::rename(path, path + ".old");
  EXPECT_TRUE(until_reported(Kind::path_lost));
}

TEST_F(path_lost, is_seen_even_before_the_first_turn) {
  open_with(PathLost::report);
  remove_socket_file();
  EXPECT_TRUE(until_reported(Kind::path_lost));
}

TEST_F(path_lost, is_also_seen_without_inotify) {
  const FaultOn none_left(sys::Call::inotify_init, 1, EMFILE, FaultOn::always);
  open_with(PathLost::report);
  loop.turn();
  remove_socket_file();
  EXPECT_TRUE(until_reported(Kind::path_lost));
}

TEST_F(path_lost, is_not_reported_for_a_change_of_mode) {
  open_with(PathLost::report);
  loop.turn();
  std::filesystem::permissions(path, std::filesystem::perms(0666));
  EXPECT_TRUE(answered());
  EXPECT_EQ(count(Kind::path_lost), 0U);
}

TEST_F(path_lost, binds_the_name_again_if_configured) {
  open_with(PathLost::rebind);
  loop.turn();
  RawStream inside = connect();
  ASSERT_TRUE(until_connections(1));
  RawStream queued = connect();
  remove_socket_file();
  ASSERT_TRUE(until_reported(Kind::path_regained));
  EXPECT_TRUE(answered());
  queued.send("still here\n");
  EXPECT_TRUE(until_received(queued, "still here\n"));
  inside.send("me also\n");
  EXPECT_TRUE(until_received(inside, "me also\n"));
}

TEST_F(path_lost, is_mended_as_often_as_it_happens) {
  open_with(PathLost::rebind);
  for (std::size_t i = 1; i <= 3; ++i) {
    remove_socket_file();
    ASSERT_TRUE(until([&] { return count(Kind::path_regained) == i; }));
    EXPECT_TRUE(answered());
  }
}

TEST_F(path_lost, is_mended_when_the_directory_was_emptied) {
  open_with(PathLost::rebind);
  remove_socket_file();
  ASSERT_TRUE(std::filesystem::remove(path + ".lock"));
  ASSERT_TRUE(until_reported(Kind::path_regained));
  EXPECT_TRUE(answered());
  running.reset();
  EXPECT_TRUE(std::filesystem::is_empty(directory.path()));
}

TEST_F(path_lost, waits_for_the_current_owner_of_the_name) {
  open_with(PathLost::rebind);
  loop.turn();
  std::optional<Descriptor> other = raw_listening(SOCK_STREAM, path + ".other");
  std::filesystem::rename(path + ".other", path);
  ASSERT_TRUE(until_reported(Kind::path_lost));
  EXPECT_EQ(count(Kind::path_regained), 0U);
  other.reset();
  EXPECT_TRUE(until_reported(Kind::path_regained));
  EXPECT_EQ(count(Kind::path_lost), 1U) << "it is reported once";
  EXPECT_TRUE(answered());
}

TEST_F(path_lost, can_mean_that_the_server_drains) {
  open_with(PathLost::drain);
  remove_socket_file();
  EXPECT_EQ(loop.run(), 0);
  EXPECT_EQ(count(Kind::path_lost), 1U);
}

TEST_F(path_lost, is_ignored_if_configured) {
  open_with(PathLost::ignore);
  remove_socket_file();
  loop.turn();
  loop.turn();
  EXPECT_EQ(count(Kind::path_lost), 0U);
}

TEST_F(path_lost, is_seen_when_the_directory_itself_is_moved) {
  const std::string moved = directory.path() + "-moved";
  open_with(PathLost::report);
  loop.turn();
  std::filesystem::rename(directory.path(), moved);
  EXPECT_TRUE(until_reported(Kind::path_lost));
  std::filesystem::rename(moved, directory.path());
}

TEST_F(path_lost, is_seen_when_a_directory_further_above_is_moved) {
  const std::string top = directory / "a";
  std::filesystem::create_directories(top + "/b/c");
  path = top + "/b/c/s";
  open_with(PathLost::report);
  loop.turn();
  std::filesystem::rename(top, directory / "moved");
  EXPECT_TRUE(until_reported(Kind::path_lost));
  EXPECT_EQ(reason(Kind::path_lost), "the socket file is gone");
}

TEST_F(path_lost, is_seen_when_a_link_on_the_way_leads_elsewhere) {
  for (const char* release : {"1", "2"}) {
    std::filesystem::create_directories(directory / "releases/" + release);
  }
  std::filesystem::create_directory_symlink("releases/1", directory / "current");
  path = directory / "current/s";
  open_with(PathLost::report);
  loop.turn();
  std::filesystem::create_directory_symlink("releases/2", directory / "next");
  std::filesystem::rename(directory / "next", directory / "current");
  EXPECT_TRUE(until_reported(Kind::path_lost));
}

TEST_F(path_lost, is_also_seen_by_a_relative_path) {
  const WorkingDirectory inside(directory.path());
  std::filesystem::create_directories("1/deep");
  std::filesystem::create_directories("2/deep");
  std::filesystem::create_directory_symlink("1", "current");
  path = "current/deep/s";
  open_with(PathLost::report);
  loop.turn();
  std::filesystem::remove("current");
  std::filesystem::create_directory_symlink("2", "current");
  EXPECT_TRUE(until_reported(Kind::path_lost));
}

// The first swap leads to the same place by another way, which is watched from then on.
TEST_F(path_lost, is_seen_on_a_way_that_has_changed_before_and_led_to_the_same) {
  std::filesystem::create_directory(directory / "real");
  std::filesystem::create_directory_symlink("real", directory / "other");
  std::filesystem::create_directory_symlink("real", directory / "current");
  path = directory / "current/s";
  open_with(PathLost::report);
  loop.turn();
  std::filesystem::create_directory_symlink("other", directory / "next");
  std::filesystem::rename(directory / "next", directory / "current");
  EXPECT_TRUE(answered());
  EXPECT_EQ(count(Kind::path_lost), 0U);
  std::filesystem::remove(directory / "other");
  EXPECT_TRUE(until_reported(Kind::path_lost));
}

TEST_F(path_lost, is_seen_when_the_directory_is_removed_and_made_again) {
  std::filesystem::create_directory(directory / "d");
  path = directory / "d/s";
  open_with(PathLost::rebind);
  loop.turn();
  std::filesystem::remove_all(directory / "d");
  std::filesystem::create_directory(directory / "d");
  EXPECT_TRUE(until_reported(Kind::path_regained));
  EXPECT_TRUE(answered());
}

TEST_F(path_lost, is_seen_when_something_is_mounted_over_the_directory) {
  NEEDS_ROOT_TO_BECOME_ANOTHER_USER();
  const std::string outcome = in_a_child([this] {
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
      return std::string("no namespaces");
    }
    std::filesystem::create_directory(directory / "d");
    path = directory / "d/s";
    open_with(PathLost::report);
    loop.turn();
    if (::mount("tmpfs", (directory / "d").c_str(), "tmpfs", 0, nullptr) != 0) {
      return std::string("no namespaces");
    }
    return std::string(until_reported(Kind::path_lost) ? "seen" : "not seen");
  });
  if (outcome == "no namespaces") GTEST_SKIP() << "this part needs mount namespaces";
  EXPECT_EQ(outcome, "seen");
}

TEST_F(path_lost, is_seen_where_a_directory_on_the_way_cannot_be_watched) {
  const FaultOn not_readable(sys::Call::inotify_add_watch, 1, EACCES, FaultOn::always);
  std::filesystem::create_directories(directory / "a/b");
  path = directory / "a/b/s";
  open_with(PathLost::report);
  loop.turn();
  std::filesystem::rename(directory / "a", directory / "moved");
  EXPECT_TRUE(until_reported(Kind::path_lost));
}

TEST_F(path_lost, wakes_no_thread_while_nothing_happens) {
  open_with(PathLost::report);
  loop.turn();
  loop.turn();
  const CallCount looks(sys::Call::fstat);
  EXPECT_TRUE(answered());
  EXPECT_EQ(looks.calls(), 0U);
  EXPECT_EQ(count(Kind::path_lost), 0U);
}

TEST_F(path_lost, does_not_disturb_the_current_owner_of_the_name) {
  open_with(PathLost::rebind);
  loop.turn();
  const Descriptor other = raw_listening(SOCK_STREAM | SOCK_NONBLOCK, path + ".other");
  std::filesystem::rename(path + ".other", path);
  ASSERT_TRUE(until_reported(Kind::path_lost));
  EXPECT_EQ(::accept4(other.get(), nullptr, nullptr, SOCK_CLOEXEC), -1) << "no probe connected";
}

TEST_F(path_lost, is_reported_once_for_each_loss_and_each_end_of_one) {
  open_with(PathLost::report);
  loop.turn();
  for (std::size_t i = 1; i <= 2; ++i) {
    std::filesystem::rename(path, path + ".away");
    ASSERT_TRUE(until([&] { return count(Kind::path_lost) == i; }));
    std::filesystem::rename(path + ".away", path);
    ASSERT_TRUE(until([&] { return count(Kind::path_regained) == i; }));
    EXPECT_EQ(events.back().path.to_string(), "unix:" + path);
  }
  EXPECT_TRUE(answered());
  EXPECT_EQ(count(Kind::path_lost), 2U);
  EXPECT_EQ(count(Kind::path_regained), 2U);
}

TEST_F(path_lost, is_regained_with_the_same_socket_when_the_directory_comes_back) {
  std::filesystem::create_directory(directory / "d");
  path = directory / "d/s";
  open_with(PathLost::rebind);
  loop.turn();
  std::filesystem::rename(directory / "d", directory / "away");
  ASSERT_TRUE(until_reported(Kind::path_lost));
  std::filesystem::rename(directory / "away", directory / "d");
  ASSERT_TRUE(until_reported(Kind::path_regained));
  EXPECT_TRUE(answered());
  running.reset();
  EXPECT_TRUE(std::filesystem::is_empty(directory / "d")) << "its own files are left behind";
}

TEST_F(path_lost, leaves_nothing_in_a_directory_that_was_moved_away) {
  std::filesystem::create_directory(directory / "d");
  path = directory / "d/s";
  open_with(PathLost::rebind);
  loop.turn();
  std::filesystem::rename(directory / "d", directory / "away");
  std::filesystem::create_directory(directory / "d");
  ASSERT_TRUE(until_reported(Kind::path_regained));
  EXPECT_TRUE(answered());
  running.reset();
  EXPECT_TRUE(std::filesystem::is_empty(directory / "d"));
  EXPECT_TRUE(std::filesystem::is_empty(directory / "away"));
}

TEST_F(path_lost, keeps_the_lock_while_the_name_is_bound_again) {
  open_with(PathLost::rebind);
  loop.turn();
  const auto lock_before = std::filesystem::last_write_time(path + ".lock");
  struct stat before{};
  ASSERT_EQ(::stat((path + ".lock").c_str(), &before), 0);
  remove_socket_file();
  ASSERT_TRUE(until_reported(Kind::path_regained));
  struct stat after{};
  ASSERT_EQ(::stat((path + ".lock").c_str(), &after), 0);
  EXPECT_EQ(after.st_ino, before.st_ino);
  EXPECT_EQ(std::filesystem::last_write_time(path + ".lock"), lock_before);
  EXPECT_FALSE(Listener::bind(path)) << "the lock is held";
}

TEST_F(path_lost, leaves_a_file_of_another_server_where_it_is) {
  std::filesystem::create_directory(directory / "d");
  path = directory / "d/s";
  open_with(PathLost::rebind);
  loop.turn();
  std::filesystem::rename(directory / "d", directory / "away");
  std::filesystem::create_directory(directory / "d");
  auto other = Listener::bind(path);
  ASSERT_TRUE(other) << other.error().explain();
  ASSERT_TRUE(until_reported(Kind::path_lost));
  running.reset();
  EXPECT_TRUE(std::filesystem::is_empty(directory / "away"));
  EXPECT_FALSE(other->lost());
}

class control_path : public path_lost {
 protected:
  void open_with(PathLost policy) { open(echo, {.on_path_lost = policy, .takeover = true}); }
  [[nodiscard]] std::string control() const { return path + ".control"; }
  [[nodiscard]] std::size_t count_of_control(Kind kind) const {
    return static_cast<std::size_t>(std::ranges::count_if(events, [&](const ServerEvent& event) {
      return event.kind == kind && event.path.name() == control();
    }));
  }
};

TEST_F(control_path, is_reported_when_it_is_removed) {
  open_with(PathLost::report);
  loop.turn();
  ASSERT_TRUE(std::filesystem::remove(control()));
  ASSERT_TRUE(until_reported(Kind::path_lost));
  EXPECT_EQ(count_of_control(Kind::path_lost), 1U);
  EXPECT_EQ(count(Kind::path_lost), 1U) << "the path itself is not lost";
}

TEST_F(control_path, is_reported_when_it_is_moved_away_and_back) {
  open_with(PathLost::report);
  loop.turn();
  std::filesystem::rename(control(), control() + ".away");
  ASSERT_TRUE(until_reported(Kind::path_lost));
  std::filesystem::rename(control() + ".away", control());
  ASSERT_TRUE(until_reported(Kind::path_regained));
  EXPECT_EQ(count_of_control(Kind::path_regained), 1U);
}

TEST_F(control_path, can_be_bound_again_as_often_as_it_is_lost) {
  open_with(PathLost::rebind);
  for (std::size_t i = 1; i <= 3; ++i) {
    ASSERT_TRUE(std::filesystem::remove(control()));
    ASSERT_TRUE(until([&] { return count_of_control(Kind::path_regained) == i; }));
    EXPECT_EQ(raw_connect_error(SOCK_SEQPACKET, control()), 0);
  }
  EXPECT_EQ(count_of_control(Kind::path_lost), 3U);
  running.reset();
  EXPECT_TRUE(std::filesystem::is_empty(directory.path()));
}

TEST_F(control_path, can_end_the_server) {
  open_with(PathLost::drain);
  ASSERT_TRUE(std::filesystem::remove(control()));
  EXPECT_EQ(loop.run(), 0);
  EXPECT_EQ(count_of_control(Kind::path_lost), 1U);
}

TEST_F(control_path, waits_for_the_current_owner_and_does_not_disturb_it) {
  open_with(PathLost::rebind);
  loop.turn();
  std::optional<Descriptor> other = raw_listening(SOCK_SEQPACKET | SOCK_NONBLOCK, path + ".other");
  std::filesystem::rename(path + ".other", control());
  ASSERT_TRUE(until_reported(Kind::path_lost));
  EXPECT_EQ(::accept4(other->get(), nullptr, nullptr, SOCK_CLOEXEC), -1);
  other.reset();
  EXPECT_TRUE(until_reported(Kind::path_regained));
}

TEST_F(control_path, is_regained_together_with_the_path) {
  std::filesystem::create_directory(directory / "d");
  path = directory / "d/s";
  open_with(PathLost::rebind);
  loop.turn();
  std::filesystem::rename(directory / "d", directory / "away");
  ASSERT_TRUE(until([&] { return count(Kind::path_lost) == 2; }));
  std::filesystem::create_directory(directory / "d");
  ASSERT_TRUE(until([&] { return count(Kind::path_regained) == 2; }));
  EXPECT_EQ(raw_connect_error(SOCK_SEQPACKET, control()), 0);
  running.reset();
  EXPECT_TRUE(std::filesystem::is_empty(directory / "d"));
  EXPECT_TRUE(std::filesystem::is_empty(directory / "away"));
}

TEST_F(path_lost, resets_no_queued_client_when_it_cannot_be_repaired_before_the_end) {
  open(echo, {.server_limits = {.max_connections = 1}, .on_path_lost = PathLost::rebind});
  RawStream inside = connect();
  ASSERT_TRUE(until_connections(1));
  RawStream queued = connect();
  queued.send("still here\n");
  std::filesystem::remove(path);
  std::filesystem::create_directory(path);  // what no server replaces
  ASSERT_TRUE(until_reported(Kind::path_lost));
  loop.drain();
  EXPECT_EQ(loop.run(), 0);
  queued.collect();
  EXPECT_EQ(queued.received, "still here\n");
}

}  // namespace
}  // namespace hallway
