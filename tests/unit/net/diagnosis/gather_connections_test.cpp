// SPDX-License-Identifier: Apache-2.0
//
// Real sockets of this process, seen as `hallway diagnose --pid` sees them.
#include "net/diagnosis/gather_connections.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <string>
#include <system_error>
#include <utility>

#include <hallway/descriptor.hpp>
#include <hallway/diagnosis.hpp>

#include "net/diagnosis/thread_calls.hpp"
#include "support/faults.hpp"

namespace hallway::net::gather_connections_tests {
namespace {

using testing::ElementsAre;

std::pair<Descriptor, Descriptor> pair_of(int type) {
  std::array<int, 2> both{};
  EXPECT_EQ(::socketpair(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, both.data()), 0);
  return {Descriptor::adopt(both[0]), Descriptor::adopt(both[1])};
}

ConnectionEvidence look(const std::optional<Address>& to = std::nullopt) {
  auto evidence = gather_connections(::getpid(), to);
  EXPECT_TRUE(evidence.has_value());
  return evidence ? *std::move(evidence) : ConnectionEvidence{};
}

const ConnectionEnd* find(const ConnectionEvidence& evidence, const Descriptor& socket) {
  const std::string number = std::to_string(socket.get());
  for (const ConnectionEnd& end : evidence.connections) {
    for (const EndHolder& holder : end.here.holders) {
      const bool ours = holder.process.pid == ::getpid();
      if (ours && std::ranges::find(holder.descriptors, number) != holder.descriptors.end()) {
        return &end;
      }
    }
  }
  return nullptr;
}

std::size_t fill(const Descriptor& socket) {
  std::size_t sent = 0;
  while (::send(socket.get(), "x", 1, MSG_NOSIGNAL) == 1) ++sent;
  EXPECT_EQ(errno, EAGAIN);
  return sent;
}

std::string unique_name() { return "hallway-connections-" + std::to_string(::getpid()); }

/// A datagram socket with an abstract name.
Descriptor receiver(const std::string& name) {
  Descriptor socket =
      Descriptor::adopt(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::ranges::copy(name, address.sun_path + 1);
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  EXPECT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
  return socket;
}

Descriptor sender_to(const Descriptor& bound) {
  Descriptor socket =
      Descriptor::adopt(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  socklen_t size = sizeof address;
  auto* const raw = reinterpret_cast<sockaddr*>(&address);
  EXPECT_EQ(::getsockname(bound.get(), raw, &size), 0);
  EXPECT_EQ(::connect(socket.get(), raw, size), 0);
  return socket;
}

TEST(GatherConnections, SeesBytesThatWaitAtTheFarEnd) {
  const auto [ours, theirs] = pair_of(SOCK_STREAM);
  ASSERT_EQ(::send(ours.get(), "hello", 5, 0), 5);
  const auto evidence = look();
  const auto* const end = find(evidence, ours);
  ASSERT_NE(end, nullptr);
  EXPECT_GE(end->here.sent_unread, 5U);
  EXPECT_GT(end->here.send_limit.value_or(0), 0U);
  ASSERT_TRUE(end->there.has_value());
  EXPECT_EQ(end->there->unread, 5U);
  EXPECT_EQ(end->moved, false);
  EXPECT_EQ(end->there->peer, end->here.inode);
  EXPECT_EQ(end->there->holders.size(), 1U);
}

TEST(GatherConnections, LooksOnceAtWhatHasNothingInItsQueues) {
  const auto [ours, theirs] = pair_of(SOCK_SEQPACKET);
  const auto evidence = look();
  const auto* const end = find(evidence, ours);
  ASSERT_NE(end, nullptr);
  EXPECT_EQ(end->moved, std::nullopt);
  EXPECT_EQ(end->here.type, SocketType::seqpacket);
}

TEST(GatherConnections, SeesAFullQueueOfDatagrams) {
  const Descriptor server = receiver(unique_name());
  const Descriptor client = sender_to(server);
  const std::size_t sent = fill(client);
  const auto evidence = look(*Address::parse("@" + unique_name()));
  const auto* const end = find(evidence, client);
  ASSERT_NE(end, nullptr);
  EXPECT_EQ(evidence.datagram_queue_limit, sent - 1);
  EXPECT_EQ(end->takes_datagrams, false);
  const auto* const received = find(evidence, server);
  ASSERT_NE(received, nullptr);
  EXPECT_EQ(received->senders, 1U);
  EXPECT_EQ(received->senders_unread, end->here.sent_unread);
  EXPECT_EQ(evidence.receivers.size(), 1U);
}

TEST(GatherConnections, SeesThatADatagramServerIsGone) {
  Descriptor server = receiver(unique_name());
  const Descriptor client = sender_to(server);
  server = Descriptor();
  const auto evidence = look();
  const auto* const end = find(evidence, client);
  ASSERT_NE(end, nullptr);
  EXPECT_EQ(end->here.peer, 0U);
  EXPECT_FALSE(end->there.has_value());
}

TEST(GatherConnections, SeesAHalfClose) {
  const auto [ours, theirs] = pair_of(SOCK_STREAM);
  ASSERT_EQ(::shutdown(ours.get(), SHUT_WR), 0);
  const auto evidence = look();
  const auto* const end = find(evidence, ours);
  ASSERT_NE(end, nullptr);
  EXPECT_TRUE(end->here.output_ended);
  EXPECT_FALSE(end->here.input_ended);
  ASSERT_TRUE(end->there.has_value());
  EXPECT_TRUE(end->there->input_ended);
}

TEST(GatherConnections, SeesThatTheFarEndHasClosed) {
  auto [ours, theirs] = pair_of(SOCK_STREAM);
  theirs = Descriptor();
  const auto evidence = look();
  const auto* const end = find(evidence, ours);
  ASSERT_NE(end, nullptr);
  EXPECT_EQ(end->here.peer, 0U);
  EXPECT_TRUE(end->here.input_ended && end->here.output_ended);
  EXPECT_EQ(end->moved, false);
}

TEST(GatherConnections, SeesAChildThatInheritedTheFarEnd) {
  auto [ours, theirs] = pair_of(SOCK_STREAM);
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(ours.get());
    for (;;) ::pause();
  }
  const std::string number = std::to_string(theirs.get());
  theirs = Descriptor();
  const auto evidence = look();
  const auto* const end = find(evidence, ours);
  ASSERT_NE(end, nullptr);
  ASSERT_TRUE(end->there.has_value());
  EXPECT_EQ(end->there->holders.size(), 1U);
  for (const EndHolder& holder : end->there->holders) {
    EXPECT_EQ(holder.process.pid, child);
    EXPECT_THAT(holder.descriptors, ElementsAre(number));
    EXPECT_FALSE(holder.reads);
  }
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
}

TEST(GatherConnections, SeesDescriptorsThatWait) {
  const auto [ours, theirs] = pair_of(SOCK_STREAM);
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  char byte = 'x';
  iovec part{.iov_base = &byte, .iov_len = 1};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  *reinterpret_cast<int*>(CMSG_DATA(header)) = ours.get();
  ASSERT_EQ(::sendmsg(ours.get(), &message, 0), 1);
  const auto evidence = look();
  const auto* const end = find(evidence, ours);
  ASSERT_NE(end, nullptr);
  ASSERT_TRUE(end->there.has_value());
  // Linux 5.18 and later show them.
  EXPECT_EQ(end->there->descriptors_waiting.value_or(1), 1U);
}

TEST(GatherConnections, AProcessThatIsGoneIsAnError) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  ::waitpid(child, nullptr, 0);
  const auto evidence = gather_connections(child, std::nullopt);
  ASSERT_FALSE(evidence.has_value());
  EXPECT_EQ(evidence.error().code, std::errc::no_such_process);
  EXPECT_EQ(diagnose_connections(0).error().code, std::errc::no_such_process);
}

TEST(GatherConnections, OnlyANameCanBeLookedAt) {
  const auto evidence = gather_connections(::getpid(), *Address::parse("fd:3"));
  ASSERT_FALSE(evidence.has_value());
  EXPECT_EQ(evidence.error().code, std::errc::invalid_argument);
}

TEST(GatherConnections, WithoutTheKernelsListThereIsNothingToSay) {
  const test::FaultOn refused(sys::Call::socket, 1, EAFNOSUPPORT);
  const auto evidence = gather_connections(::getpid(), std::nullopt);
  ASSERT_FALSE(evidence.has_value());
  EXPECT_EQ(evidence.error().code, std::errc::address_family_not_supported);
}

TEST(ThreadCalls, ReadsWhatTheKernelWrites) {
  EXPECT_FALSE(parse_thread_call("").has_value());
  const auto kind = [](std::string_view text) { return parse_thread_call(text)->kind; };
  EXPECT_EQ(kind("running\n"), ThreadCall::Kind::running);
  EXPECT_EQ(kind("-1 0x7ffd 0x7faa\n"), ThreadCall::Kind::other);
  EXPECT_EQ(kind("nonsense"), ThreadCall::Kind::other);
#if defined(__x86_64__)
  const auto call = parse_thread_call("45 0x1f 0x7faa 0x1 0x0 0x0 0x0 0x7ffd 0x7faa\n");
  EXPECT_EQ(call->kind, ThreadCall::Kind::read);
  EXPECT_EQ(call->descriptor, 31U);
  EXPECT_EQ(kind("44 0x3 0x0"), ThreadCall::Kind::write);
  EXPECT_EQ(kind("42 0x3 0x0"), ThreadCall::Kind::connect);
  EXPECT_EQ(kind("232 0x3 0x0"), ThreadCall::Kind::events);
  EXPECT_EQ(kind("7 0x3 0x0"), ThreadCall::Kind::several);
  EXPECT_EQ(kind("45"), ThreadCall::Kind::other);
#endif
}

}  // namespace
}  // namespace hallway::net::gather_connections_tests
