// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <hallway.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <optional>
#include <string>
#include <vector>

#include "support/raw_socket.hpp"
#include "unit/c/using_c.hpp"

namespace hallway {
namespace {

using namespace test;

using Messages = std::vector<std::string>;

class c_child : public OnALoop {
 protected:
  struct Exit {
    Seen seen;  // of its connection
    std::optional<hallway_outcome> outcome;
    int code = -1;
    int signal = -1;
  };

  hallway_outcome spawn(std::vector<const char*> arguments,
                        const hallway_child_options* options = nullptr) {
    arguments.push_back(nullptr);
    hallway_child* made = nullptr;
    const hallway_outcome outcome = hallway_child_spawn(
        loop(), arguments.data(), options,
        [](hallway_child* /*child*/, int code, int signal, hallway_outcome how,
           const hallway_error* /*error*/, void* user) {
          auto* mine = static_cast<Exit*>(user);
          EXPECT_FALSE(mine->outcome);
          mine->outcome = how;
          mine->code = code;
          mine->signal = signal;
        },
        &ended, &made, why);
    child.reset(made);
    return outcome;
  }
  bool until_ended() {
    return until([&] { return ended.outcome.has_value(); });
  }

  Exit ended;
  OwnedChild child;
};

TEST_F(c_child, is_talked_to_and_its_status_is_reported) {
  ASSERT_OK(spawn({"sh", "-c", "read line; echo \"$line, $NAME\"; exit 7"}));
  EXPECT_GT(hallway_child_pid(child.get()), 0);
  hallway_connection* connection = hallway_child_connection(child.get());
  ASSERT_NE(connection, nullptr);
  ended.seen.watch(connection);
  EXPECT_OK(hallway_send(connection, "hello", 5, why));
  EXPECT_TRUE(until_ended());
  EXPECT_EQ(ended.outcome, HALLWAY_OK);
  EXPECT_EQ(ended.code, 7);
  EXPECT_EQ(ended.signal, 0);
  EXPECT_TRUE(until([&] { return ended.seen.closed.has_value(); }));
  EXPECT_EQ(ended.seen.messages, Messages{"hello, "});
  EXPECT_EQ(hallway_child_connection(child.get()), nullptr);
  EXPECT_OK(hallway_child_kill(child.get(), SIGTERM, why)) << "that it has ended is not an error";
}

TEST_F(c_child, gets_the_environment_and_the_type_it_was_given) {
  const OwnedChildOptions options(hallway_child_options_new());
  ASSERT_OK(hallway_child_options_add_environment(options.get(), "NAME=Ada", why));
  ASSERT_OK(hallway_child_options_set_type(options.get(), HALLWAY_SEQPACKET, why));
  ASSERT_OK(spawn({"sh", "-c", "printf %s \"$NAME\""}, options.get()));
  ended.seen.watch(hallway_child_connection(child.get()));
  EXPECT_TRUE(until([&] { return ended.outcome && ended.seen.closed; }));
  EXPECT_EQ(ended.seen.messages, Messages{"Ada"});
  EXPECT_EQ(ended.code, 0);
}

TEST_F(c_child, is_ended_by_a_signal_with_all_it_started) {
  const OwnedChildOptions options(hallway_child_options_new());
  hallway_child_options_set_own_group(options.get(), 1);
  ASSERT_OK(spawn({"sh", "-c", "sleep 1000 & echo started; wait"}, options.get()));
  ended.seen.watch(hallway_child_connection(child.get()));
  EXPECT_TRUE(until([&] { return ended.seen.messages == Messages{"started"}; }));
  EXPECT_FAILS(EINVAL, hallway_child_kill(child.get(), 10'000, why));
  EXPECT_OK(hallway_child_kill(child.get(), SIGKILL, why));
  EXPECT_TRUE(until_ended());
  EXPECT_EQ(ended.signal, SIGKILL);
  EXPECT_TRUE(until([&] { return ended.seen.closed.has_value(); }));
}

TEST_F(c_child, may_have_standard_streams_of_the_program_instead_of_a_connection) {
  auto [ours, its] = raw_pair(SOCK_STREAM);
  const OwnedChildOptions options(hallway_child_options_new());
  hallway_child_options_set_standard(options.get(), its.get(), its.get(), STDERR_FILENO);
  ASSERT_OK(spawn({"echo", "hello"}, options.get()));
  EXPECT_EQ(hallway_child_connection(child.get()), nullptr);
  its.close();
  EXPECT_TRUE(until_ended());
  EXPECT_EQ(raw_receive(ours.get()).bytes, "hello\n");
}

TEST_F(c_child, is_not_started_if_there_is_no_such_program) {
  EXPECT_FAILS(ENOENT, spawn({"/no/such/program"}));
  EXPECT_EQ(child, nullptr);
}

TEST_F(c_child, goes_on_if_it_is_freed) {
  ASSERT_OK(spawn({"sh", "-c", "read line"}));
  const int pid = hallway_child_pid(child.get());
  child.reset();
  EXPECT_EQ(ended.outcome, HALLWAY_CLOSED);
  EXPECT_EQ(::kill(pid, 0), 0);
  // Its connection was closed, so that it ends.
  EXPECT_EQ(::waitpid(pid, nullptr, 0), pid);
}

class c_peer : public testing::Test {
 protected:
  void SetUp() override {
    int first = -1;
    int second = -1;
    ASSERT_OK(hallway_socket_pair(HALLWAY_STREAM, &first, &second, why));
    near = Descriptor::adopt(first);
    far = Descriptor::adopt(second);
  }
  Why why;
  Descriptor near;
  Descriptor far;
};

TEST_F(c_peer, has_the_ids_of_the_process_that_connected) {
  hallway_peer peer{};
  EXPECT_OK(hallway_peer_of(near.get(), &peer, why));
  EXPECT_EQ(peer.uid, ::geteuid());
  EXPECT_EQ(peer.gid, ::getegid());
  EXPECT_EQ(peer.pid, ::getpid());
  EXPECT_FAILS(ENOTSOCK, hallway_peer_of(some_file().get(), &peer, why));
}

TEST_F(c_peer, has_groups_of_which_as_many_are_given_as_there_is_room_for) {
  std::size_t count = 77;
  ASSERT_OK(hallway_peer_groups(near.get(), nullptr, 0, &count, why));
  std::vector<std::uint32_t> groups(count + 1, 4711);
  std::size_t again = 0;
  ASSERT_OK(hallway_peer_groups(near.get(), groups.data(), groups.size(), &again, why));
  EXPECT_EQ(again, count);
  EXPECT_EQ(groups.back(), 4711U);
  EXPECT_FAILS(EBADF, hallway_peer_groups(-1, nullptr, 0, &count, why));
}

TEST_F(c_peer, has_a_pidfd_and_a_status) {
  int pidfd = -1;
  if (hallway_peer_pidfd(near.get(), &pidfd, why) == HALLWAY_OK) {
    const Descriptor owned = Descriptor::adopt(pidfd);
    EXPECT_TRUE(is_close_on_exec(pidfd));
  } else {
    EXPECT_EQ(why.code(), ENOPROTOOPT);
  }
  hallway_pid_status status = 77;
  EXPECT_OK(hallway_peer_pid_status(near.get(), &status, why));
  EXPECT_TRUE(status == HALLWAY_PID_RUNNING || status == HALLWAY_PID_UNVERIFIED) << status;
}

TEST_F(c_peer, is_admitted_by_a_rule_or_not) {
  const hallway_peer peer{.uid = 1000, .gid = 100, .pid = 1};
  const std::array<std::uint32_t, 2> groups{27, 44};
  const auto admits = [&](const char* rule) {
    int result = 77;
    EXPECT_OK(hallway_rule_admits(rule, &peer, groups.data(), groups.size(), &result, why));
    return result != 0;
  };
  EXPECT_TRUE(admits("any"));
  EXPECT_TRUE(admits("uid:1000"));
  EXPECT_TRUE(admits("gid:100"));
  EXPECT_TRUE(admits("gid:44"));
  EXPECT_FALSE(admits("uid:1001"));
  EXPECT_FALSE(admits("gid:45"));
  EXPECT_FALSE(admits("root"));
  int result = 77;
  EXPECT_FAILS(EINVAL, hallway_rule_admits("everybody", &peer, nullptr, 0, &result, why));
}

TEST(c_socket_pair, has_each_type) {
  Why why;
  int first = -1;
  int second = -1;
  for (const hallway_socket_type type : {HALLWAY_STREAM, HALLWAY_SEQPACKET, HALLWAY_DATAGRAM}) {
    ASSERT_OK(hallway_socket_pair(type, &first, &second, why));
    const Descriptor near = Descriptor::adopt(first);
    const Descriptor far = Descriptor::adopt(second);
    EXPECT_EQ(raw_send(first, "one"), 3);
    EXPECT_EQ(raw_receive(second).bytes, "one");
  }
  EXPECT_FAILS(EINVAL, hallway_socket_pair(77, &first, &second, why));
}

}  // namespace
}  // namespace hallway
