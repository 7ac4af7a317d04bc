// SPDX-License-Identifier: Apache-2.0
#include "sys/socket_diag.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "support/faults.hpp"
#include "support/processes.hpp"
#include "support/raw_socket.hpp"
#include "support/raw_tcp.hpp"
#include "support/temp_directory.hpp"
#include "sys/file.hpp"

namespace hallway::sys {
namespace {

using namespace test;

class socket_diag : public testing::Test {
 protected:
  void SetUp() override {
    const Descriptor socket = raw_bound(SOCK_STREAM, directory / "probe");
    const auto known = inode_of(socket.get());
    if (!known) GTEST_SKIP() << "this kernel lacks unix_diag: errno " << known.error();
  }
  [[nodiscard]] std::uint32_t inode_at(const std::string& file) const {
    const auto opened = open_directory(directory.path());
    const auto identity = identify(opened->get(), file);
    EXPECT_TRUE(identity);
    return static_cast<std::uint32_t>(identity->inode);
  }

  /// On the file systems of tests, the device of the file is that of the mount.
  static BoundFile file_of(const struct stat& status) {
    return {.major = major(status.st_dev),
            .minor = minor(status.st_dev),
            .inode = static_cast<std::uint32_t>(status.st_ino)};
  }

  TempDirectory directory;
  std::string path = directory / "s";
  std::string name = "hallway-diag-" + std::to_string(::getpid());
};

TEST_F(socket_diag, knows_the_file_of_a_socket_whether_it_listens_or_not) {
  for (const int type : {SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM}) {
    const Descriptor socket = raw_bound(type, path);
    EXPECT_EQ(inode_of(socket.get()), inode_at("s"));
    if (type != SOCK_DGRAM) {
      ASSERT_EQ(::listen(socket.get(), 1), 0);
      EXPECT_EQ(inode_of(socket.get()), inode_at("s"));
    }
    std::filesystem::remove(path);
  }
}

TEST_F(socket_diag, knows_it_wherever_the_file_is_by_now) {
  const Descriptor socket = raw_bound(SOCK_STREAM, path);
  std::filesystem::rename(path, path + ".moved");
  const Descriptor other = raw_bound(SOCK_STREAM, path);
  EXPECT_EQ(inode_of(socket.get()), inode_at("s.moved"));
  EXPECT_EQ(inode_of(other.get()), inode_at("s"));
}

TEST_F(socket_diag, knows_no_file_of_a_socket_that_has_none) {
  EXPECT_FALSE(inode_of(raw_socket(SOCK_STREAM).get()));
  EXPECT_FALSE(inode_of(raw_bound(SOCK_STREAM, "@" + name).get()));
}

TEST_F(socket_diag, distinguishes_one_socket_from_others_in_a_crowd) {
  std::vector<Descriptor> crowd;
  for (int i = 0; i < 300; ++i) crowd.push_back(raw_bound(SOCK_STREAM, path + std::to_string(i)));
  EXPECT_EQ(inode_of(crowd[0].get()), inode_at("s0"));
  EXPECT_EQ(inode_of(crowd[150].get()), inode_at("s150"));
  EXPECT_EQ(inode_of(crowd[299].get()), inode_at("s299"));
}

TEST_F(socket_diag, knows_the_owner_of_each_abstract_datagram_name) {
  const Descriptor bound = raw_bound(SOCK_DGRAM, "@" + name);
  const Descriptor stream = raw_bound(SOCK_STREAM, "@" + name + "-stream");
  const Descriptor receiver = raw_bound(SOCK_DGRAM, path);
  const Descriptor talking = raw_bound(SOCK_DGRAM, "@" + name + "-connected");
  ASSERT_EQ(raw_connect(talking.get(), path), 0);
  const auto names = abstract_datagram_names();
  ASSERT_TRUE(names);
  ASSERT_TRUE(names->contains(name));
  EXPECT_EQ(names->at(name), ::geteuid());
  EXPECT_TRUE(names->contains(name + "-connected"));
  EXPECT_FALSE(names->contains(name + "-stream"));
  EXPECT_FALSE(names->contains(path));
}

TEST_F(socket_diag, fails_with_what_the_kernel_says) {
  const Descriptor socket = raw_bound(SOCK_STREAM, path);
  for (const Call call : {Call::socket, Call::sendmsg, Call::recvmsg}) {
    const FaultOn fault(call, 1, ENOMEM, 2);
    const auto answer = inode_of(socket.get());
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error(), ENOMEM);
    const auto names = abstract_datagram_names();
    ASSERT_FALSE(names);
    EXPECT_EQ(names.error(), ENOMEM);
  }
}

TEST_F(socket_diag, counts_the_clients_that_wait_at_a_path_and_at_an_abstract_name) {
  struct stat status{};
  const Descriptor at_path = raw_listening(SOCK_STREAM, path, 5);
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  const auto found = listening_by_file(file_of(status));
  ASSERT_TRUE(found) << found.error();
  EXPECT_EQ(found->waiting, 0U);
  struct stat socket{};
  ASSERT_EQ(::fstat(at_path.get(), &socket), 0);
  EXPECT_EQ(found->socket, socket.st_ino);
  const Descriptor one = raw_connected(SOCK_STREAM, path);
  const Descriptor two = raw_connected(SOCK_STREAM, path);
  EXPECT_EQ(listening_by_file(file_of(status))->waiting, 2U);

  const Descriptor at_name = raw_listening(SOCK_STREAM, "@" + name, 5);
  ASSERT_TRUE(listening_by_name(name));
  EXPECT_EQ(listening_by_name(name)->waiting, 0U);
}

TEST_F(socket_diag, finds_no_socket_that_does_not_listen) {
  const Descriptor bound = raw_bound(SOCK_STREAM, path);
  struct stat status{};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  const auto found = listening_by_file(file_of(status));
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error(), ENOENT);
  EXPECT_FALSE(listening_by_name(name));
}

TEST_F(socket_diag, shows_all_that_is_known_of_a_listening_socket) {
  const Descriptor at_path = raw_listening(SOCK_SEQPACKET, path, 5);
  struct stat status{};
  struct stat socket{};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  ASSERT_EQ(::fstat(at_path.get(), &socket), 0);
  const Descriptor client = raw_connected(SOCK_SEQPACKET, path);
  Descriptor gone = raw_connected(SOCK_SEQPACKET, path);
  gone.close();
  const auto found = unix_socket(socket.st_ino);
  ASSERT_TRUE(found) << found.error();
  EXPECT_EQ(found->inode, socket.st_ino);
  EXPECT_EQ(found->type, Type::seqpacket);
  EXPECT_EQ(found->state, UnixState::listening);
  EXPECT_STREQ(found->name.c_str(), path.c_str());
  EXPECT_EQ(found->file, file_of(status));
  EXPECT_EQ(found->uid, ::geteuid());
  EXPECT_EQ(found->receive_queue, 2U);
  EXPECT_EQ(found->send_queue, 5U);
  struct stat of_client{};
  ASSERT_EQ(::fstat(client.get(), &of_client), 0);
  EXPECT_EQ(found->waiting, (std::vector<std::uint64_t>{of_client.st_ino, 0}));
}

TEST_F(socket_diag, shows_whether_a_client_was_accepted) {
  const Descriptor at_path = raw_listening(SOCK_STREAM, path);
  const Descriptor client = raw_connected(SOCK_STREAM, path);
  struct stat status{};
  ASSERT_EQ(::fstat(client.get(), &status), 0);
  EXPECT_EQ(unix_socket(status.st_ino)->peer, 0U);
  const auto accepted = Descriptor::adopt(::accept(at_path.get(), nullptr, nullptr));
  EXPECT_NE(unix_socket(status.st_ino)->peer, 0U);
}

TEST_F(socket_diag, lists_what_listens_or_receives_and_no_connected_stream) {
  const Descriptor at_path = raw_listening(SOCK_STREAM, path);
  const Descriptor client = raw_connected(SOCK_STREAM, path);
  const auto accepted = Descriptor::adopt(::accept(at_path.get(), nullptr, nullptr));
  const Descriptor datagrams = raw_bound(SOCK_DGRAM, "@" + name);
  const auto sockets = unconnected_sockets();
  ASSERT_TRUE(sockets) << sockets.error();
  std::vector<Type> types;
  for (const UnixSocket& socket : *sockets) {
    const std::string abstract = std::string(1, '\0') + name;
    if (socket.name.starts_with(path) || socket.name == abstract) types.push_back(socket.type);
  }
  EXPECT_THAT(types, testing::UnorderedElementsAre(Type::stream, Type::datagram));
}

// The user at the other end of a TCP connection ---------------------------------------------------

class tcp_owner : public testing::Test {
 protected:
  void SetUp() override {
    const RawTcpPair pair = raw_tcp_pair();
    const auto known = owner_of(pair.ours);
    if (!known) GTEST_SKIP() << "this kernel does not tell: errno " << known.error();
  }

  /// What the kernel says of the socket at the other end.
  static Expected<TcpOwner> owner_of(const Descriptor& ours) {
    return sys::tcp_owner(ours.get(), *remote_internet_address(ours.get()),
                          *local_internet_address(ours.get()));
  }
};

TEST_F(tcp_owner, is_the_user_that_made_the_socket_at_the_other_end) {
  for (const auto address : {Loopback::v4, Loopback::v6, Loopback::v4_by_v6}) {
    if (address != Loopback::v4 && !has_ipv6()) continue;
    const RawTcpPair pair = raw_tcp_pair(address);
    for (const Descriptor* end : {&pair.ours, &pair.its}) {
      const auto owner = owner_of(*end);
      ASSERT_TRUE(owner) << owner.error();
      EXPECT_EQ(owner->uid, ::geteuid());
      EXPECT_TRUE(owner->established && owner->held);
    }
  }
}

TEST_F(tcp_owner, is_another_user_if_that_made_the_socket) {
  NEEDS_ROOT_TO_BECOME_ANOTHER_USER();
  const Descriptor listener = raw_tcp_listening();
  const Descriptor its = [&] {
    const ActingAs other(some_user);
    return raw_tcp_connected(port_of(listener));
  }();
  const Descriptor ours = raw_accepted(listener);
  EXPECT_EQ(owner_of(ours)->uid, some_user);
  EXPECT_EQ(owner_of(its)->uid, 0U);
}

TEST_F(tcp_owner, is_not_established_after_a_half_close) {
  const RawTcpPair pair = raw_tcp_pair();
  ASSERT_EQ(::shutdown(pair.its.get(), SHUT_WR), 0);
  const auto owner = owner_of(pair.ours);
  ASSERT_TRUE(owner);
  EXPECT_FALSE(owner->established);
  EXPECT_TRUE(owner->held);
}

TEST_F(tcp_owner, is_neither_established_nor_held_once_the_other_end_is_closed) {
  RawTcpPair pair = raw_tcp_pair();
  const auto client = *remote_internet_address(pair.ours.get());
  const auto local = *local_internet_address(pair.ours.get());
  pair.its.close();
  const auto waiting = sys::tcp_owner(pair.ours.get(), client, local);  // in FIN_WAIT2
  ASSERT_TRUE(waiting);
  EXPECT_FALSE(waiting->established || waiting->held);
  const Descriptor other = raw_tcp_listening();  // any socket of this network namespace
  pair.ours.close();
  const auto timed = sys::tcp_owner(other.get(), client, local);  // in TIME_WAIT
  ASSERT_TRUE(timed);
  EXPECT_FALSE(timed->established || timed->held);
}

TEST_F(tcp_owner, is_nobody_if_there_is_no_such_connection) {
  const RawTcpPair pair = raw_tcp_pair();
  auto client = *remote_internet_address(pair.ours.get());
  const auto local = *local_internet_address(pair.ours.get());
  client.host[3] = 77;  // 127.0.0.77
  EXPECT_EQ(sys::tcp_owner(pair.ours.get(), client, local).error(), ENOENT);
}

TEST_F(tcp_owner, is_nobody_if_only_a_listener_has_the_address) {
  const RawTcpPair pair = raw_tcp_pair();
  const Descriptor listener = raw_tcp_listening();
  const auto its = *local_internet_address(listener.get());
  const auto ours = *local_internet_address(pair.ours.get());
  EXPECT_EQ(sys::tcp_owner(pair.ours.get(), its, ours).error(), EPROTO);
}

TEST_F(tcp_owner, is_not_asked_for_across_network_namespaces) {
  const std::string said = in_a_child([] {
    const RawTcpPair pair = raw_tcp_pair();
    if (::unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) return std::string("cannot unshare");
    return std::to_string(owner_of(pair.ours).error());
  });
  if (said == "cannot unshare") GTEST_SKIP() << said;
  EXPECT_EQ(said, std::to_string(EXDEV));
}

TEST_F(tcp_owner, is_an_error_whenever_the_kernel_cannot_be_asked) {
  const RawTcpPair pair = raw_tcp_pair();
  for (const Call call : {Call::socket, Call::getsockopt, Call::sendmsg, Call::recvmsg}) {
    const auto client = *remote_internet_address(pair.ours.get());
    const auto local = *local_internet_address(pair.ours.get());
    const FaultOn fault(call, 1, EACCES);
    EXPECT_EQ(sys::tcp_owner(pair.ours.get(), client, local).error(), EACCES);
    EXPECT_GE(fault.calls(), 1U);
  }
}

TEST_F(tcp_owner, is_found_although_signals_interrupt) {
  const RawTcpPair pair = raw_tcp_pair();
  const FaultOn send(Call::sendmsg, 1, EINTR);
  const FaultOn receive(Call::recvmsg, 1, EINTR);
  EXPECT_EQ(owner_of(pair.ours)->uid, ::geteuid());
  EXPECT_EQ(send.calls(), 2U);
  EXPECT_EQ(receive.calls(), 2U);
}

}  // namespace
}  // namespace hallway::sys
