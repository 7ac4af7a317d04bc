// SPDX-License-Identifier: Apache-2.0
//
// The name in a datagram is what its sender wrote when it bound its socket. An answer is sent with
// our rights, and so to a socket of the sender's only.
#include <hallway/datagram_socket.hpp>

#include <gtest/gtest.h>

#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "support/faults.hpp"
#include "support/inventory.hpp"
#include "support/processes.hpp"
#include "support/raw_socket.hpp"
#include "support/temp_directory.hpp"
#include "support/waiting.hpp"

namespace hallway {
namespace {

using namespace test;

class datagram_answer : public testing::Test {
 protected:
  void SetUp() override {
    auto bound = DatagramSocket::bind(loop, directory / "server", {.file = {.mode = 0666}});
    ASSERT_TRUE(bound) << bound.error().explain();
    server.emplace(std::move(*bound));
    std::filesystem::create_directory(others);
    std::filesystem::permissions(others, std::filesystem::perms(0777));
  }

  /// A socket bound there from which a datagram went to the server.
  [[nodiscard]] Descriptor asking(const std::string& name) const {
    Descriptor client = raw_bound(SOCK_DGRAM, name);
    EXPECT_TRUE(client.holds_one()) << name;
    EXPECT_EQ(raw_connect(client.get(), directory / "server"), 0);
    EXPECT_GT(raw_send(client.get(), "ask"), 0);
    return client;
  }
  /// The same in a process of another user, which has ended since; an answer must not need it.
  void asked_by_another_user(const std::string& name) const {
    as_user(some_user, [&] {
      (void)asking(name);
      return std::string();
    });
  }

  ReturnAddress received() {
    const auto got = loop.run(server->receive(patience));
    EXPECT_TRUE(got);
    return got ? got->return_address() : ReturnAddress();
  }
  /// What became of an answer: nothing, or why it was not sent.
  std::string answered(const ReturnAddress& to) {
    const auto sent = loop.run(server->answer(to, "answer", {}, Duration::zero()));
    return sent ? "" : sent.error().why();
  }
  static std::string heard(const Descriptor& client) { return raw_receive(client.get()).bytes; }

  TempDirectory directory{0755};
  std::string others = directory / "others";
  std::string path = others + "/client";
  Loop loop;
  std::optional<DatagramSocket> server;
};

TEST_F(datagram_answer, goes_to_a_path_of_the_senders) {
  const Descriptor client = asking(path);
  EXPECT_EQ(answered(received()), "");
  EXPECT_EQ(heard(client), "answer");
}

TEST_F(datagram_answer, goes_to_a_path_that_is_relative_to_where_the_sender_is) {
  ForkedProcess elsewhere([&](const ForkedProcess::Say& say) {
    std::filesystem::current_path(others);
    const Descriptor client = asking("./client");
    say(raw_receive(client.get(), 100, true).bytes);
  });
  EXPECT_EQ(answered(received()), "");
  EXPECT_EQ(elsewhere.line(), "answer");
}

TEST_F(datagram_answer, goes_nowhere_when_the_relative_path_of_a_sender_cannot_be_followed) {
  NEEDS_ROOT_TO_BECOME_ANOTHER_USER();
  // Our own working directory has a socket of that name, which is not meant.
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(directory.path());
  const Descriptor victim = raw_bound(SOCK_DGRAM, "client");
  as_user(some_user, [&] {
    std::filesystem::current_path(others);
    (void)asking("client");
    return std::string();
  });
  const std::string why = answered(received());
  std::filesystem::current_path(before);
  EXPECT_NE(why, "");
  EXPECT_EQ(heard(victim), "");
}

TEST_F(datagram_answer, goes_to_a_path_of_another_user_that_is_its_own) {
  NEEDS_ROOT_TO_BECOME_ANOTHER_USER();
  ForkedProcess client([&](const ForkedProcess::Say& say) {
    say(as_user(some_user, [&] {
      const Descriptor socket = asking(path);
      return raw_receive(socket.get(), 100, true).bytes;
    }));
  });
  EXPECT_EQ(answered(received()), "");
  EXPECT_EQ(client.line(), "answer");
}

TEST_F(datagram_answer, goes_to_no_socket_of_a_user_that_did_not_ask) {
  NEEDS_ROOT_TO_BECOME_ANOTHER_USER();
  asked_by_another_user(path);
  std::filesystem::remove(path);
  const Descriptor victim = raw_bound(SOCK_DGRAM, path);
  EXPECT_EQ(answered(received()), "that is not a socket of uid 1234, which sent the datagram");
  EXPECT_EQ(heard(victim), "");
}

TEST_F(datagram_answer, follows_no_link_to_a_socket_of_another_users) {
  NEEDS_ROOT_TO_BECOME_ANOTHER_USER();
  const Descriptor victim = raw_bound(SOCK_DGRAM, directory / "victim");
  asked_by_another_user(path);
  std::filesystem::remove(path);
  std::filesystem::create_symlink(directory / "victim", path);
  EXPECT_EQ(answered(received()), "that is not a socket of uid 1234, which sent the datagram");
  EXPECT_EQ(heard(victim), "");
}

TEST_F(datagram_answer, goes_to_the_file_that_was_looked_at_when_its_name_moves_on) {
  const Descriptor client = asking(path);
  const ReturnAddress to = received();
  EXPECT_EQ(answered(to), "");
  std::filesystem::rename(path, path + ".moved");
  const Descriptor victim = raw_bound(SOCK_DGRAM, path);
  EXPECT_EQ(answered(to), "");
  EXPECT_EQ(heard(client), "answer");
  EXPECT_EQ(heard(client), "answer");
  EXPECT_EQ(heard(victim), "");
}

TEST_F(datagram_answer, finds_a_sender_that_bound_its_path_again) {
  for (int i = 0; i < 3; ++i) {
    const Descriptor client = asking(path);
    EXPECT_EQ(answered(received()), "");
    EXPECT_EQ(heard(client), "answer");
    std::filesystem::remove(path);
  }
}

TEST_F(datagram_answer, keeps_few_descriptors_for_any_number_of_senders) {
  const std::size_t before = Inventory::take().descriptors.size();
  for (int i = 0; i < 100; ++i) {
    const std::string name = path + std::to_string(i);
    const Descriptor client = asking(name);
    EXPECT_EQ(answered(received()), "");
    EXPECT_EQ(heard(client), "answer");
  }
  EXPECT_LE(Inventory::take().descriptors.size(), before + 40);
}

TEST_F(datagram_answer, goes_to_no_abstract_name_that_another_user_has_here) {
  NEEDS_ROOT_TO_BECOME_ANOTHER_USER();
  const std::string name = "@hallway-answer-" + std::to_string(::getpid());
  asked_by_another_user(name);
  const Descriptor victim = raw_bound(SOCK_DGRAM, name);
  EXPECT_EQ(answered(received()),
            "that is a socket of uid 0, not of uid 1234, which sent the datagram");
  EXPECT_EQ(heard(victim), "");
}

// Two network namespaces have two sets of abstract names, and a path leads from one to the other.
TEST_F(datagram_answer, goes_to_no_abstract_name_of_another_network_namespace) {
  NEEDS_ROOT_TO_BECOME_ANOTHER_USER();
  const std::string name = "@hallway-answer-" + std::to_string(::getpid());
  const Descriptor victim = raw_bound(SOCK_DGRAM, name);
  const std::string made = in_a_child([&] {
    if (::unshare(CLONE_NEWNET) != 0) return std::string("no namespaces");
    asked_by_another_user(name);
    return std::string();
  });
  if (!made.empty()) GTEST_SKIP() << "this part needs the right to make namespaces";
  EXPECT_EQ(answered(received()),
            "that is a socket of uid 0, not of uid 1234, which sent the datagram");
  EXPECT_EQ(heard(victim), "");
}

TEST_F(datagram_answer, to_an_abstract_name_that_nobody_has_here_is_not_sent) {
  const std::string name = "@hallway-answer-" + std::to_string(::getpid());
  (void)asking(name);
  EXPECT_EQ(answered(received()), "no server is listening");
}

TEST_F(datagram_answer, asks_the_kernel_once_for_many_answers) {
  const std::string name = "@hallway-answer-" + std::to_string(::getpid());
  const Descriptor client = asking(name);
  const ReturnAddress to = received();
  EXPECT_EQ(answered(to), "");
  const CallCount asked(sys::Call::socket);
  const auto begun = Loop::Clock::now();
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(answered(to), "");
    EXPECT_EQ(heard(client), "answer");
  }
  const auto looks = (Loop::Clock::now() - begun) / 100ms + 1;
  EXPECT_LE(asked.calls(), looks);
}

TEST_F(datagram_answer, goes_to_an_abstract_name_where_the_kernel_cannot_be_asked) {
  const Descriptor client = asking("@hallway-answer-" + std::to_string(::getpid()));
  const ReturnAddress to = received();
  const FaultOn no_netlink(sys::Call::socket, 1, EAFNOSUPPORT, FaultOn::always);
  EXPECT_EQ(answered(to), "");
  EXPECT_EQ(heard(client), "answer");
}

TEST_F(datagram_answer, stays_unsent_when_the_socket_was_closed) {
  const Descriptor client = asking(path);
  const ReturnAddress to = received();
  server->close();
  EXPECT_NE(answered(to), "");
  EXPECT_EQ(heard(client), "");
}

}  // namespace
}  // namespace hallway
