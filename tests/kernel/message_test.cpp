// SPDX-License-Identifier: Apache-2.0
//
// H25 to H35: what queues hold, and what arrives of a message.
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/fact.hpp"

namespace hallway::test {
namespace {

int send_buffer(const Descriptor& socket) {
  return integer_option(socket.get(), SOL_SOCKET, SO_SNDBUF);
}

void set_option(const Descriptor& socket, int name, int value) {
  ::setsockopt(socket.get(), SOL_SOCKET, name, &value, sizeof value);
}

/// Bytes the kernel takes before it says EAGAIN, in pieces of that size.
std::size_t fill(const Descriptor& socket, std::size_t piece) {
  const std::string bytes(piece, 'x');
  constexpr std::size_t most = std::size_t{64} * 1024 * 1024;
  std::size_t taken = 0;
  while (taken < most) {
    const ssize_t sent = raw_send(socket.get(), bytes);
    if (sent < 0) break;
    taken += static_cast<std::size_t>(sent);
  }
  return taken;
}

/// What the kernel charges a sender for what nobody has read.
long charged(const Descriptor& socket) {
  int bytes = -1;
  return ::ioctl(socket.get(), SIOCOUTQ, &bytes) == 0 ? bytes : -1;
}

std::string send_says(const Descriptor& socket, std::size_t size) {
  return result_of(raw_send(socket.get(), std::string(size, 'x')));
}

/// sendto(2) a path.
std::string send_to_says(const Descriptor& socket, std::string_view path) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  path.copy(name.sun_path, path.size());
  return result_of(::sendto(
      socket.get(), "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&name),
      static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1)));
}

// H25 to H27 --------------------------------------------------------------------------------------

using H25 = Fact;

TEST_F(H25, a_peer_that_is_not_read_costs_about_its_send_buffer_in_kernel_memory) {
  auto [ours, theirs] = raw_pair(SOCK_STREAM);
  fill(theirs, 32768);
  KERNEL_SAYS(charged(theirs) <= send_buffer(theirs) + 65536, true);
}

using H26 = Fact;

TEST_F(H26, a_small_receive_buffer_limits_nothing) {
  auto [ours, theirs] = raw_pair(SOCK_STREAM);
  set_option(ours, SO_RCVBUF, 4096);
  KERNEL_SAYS(fill(theirs, 4096) > 100'000, true);
}

TEST_F(H26, a_sender_that_raises_its_own_send_buffer_queues_more) {
  auto [ours, usual] = raw_pair(SOCK_STREAM);
  auto [other, greedy] = raw_pair(SOCK_STREAM);
  set_option(greedy, SO_SNDBUF, 1 << 30);
  if (send_buffer(greedy) < 4 * send_buffer(usual)) {
    GTEST_SKIP() << "net.core.wmem_max is too small to show it";
  }
  KERNEL_SAYS(fill(greedy, 32768) > 3 * fill(usual, 32768), true);
}

using H27 = Fact;

TEST_F(H27, a_few_hundred_writes_of_one_byte_fill_a_queue) {
  auto [ours, theirs] = raw_pair(SOCK_STREAM);
  if (send_buffer(ours) > 425984) GTEST_SKIP() << "net.core.wmem_default is raised here";
  KERNEL_SAYS(fill(ours, 1) < 1000, true);
}

TEST_F(H27, SIOCOUTQ_counts_what_messages_cost_and_not_their_bytes) {
  auto [ours, theirs] = raw_pair(SOCK_STREAM);
  const std::size_t bytes = fill(ours, 1);
  KERNEL_SAYS(charged(ours) > static_cast<long>(100 * bytes), true);
}

// H28 ---------------------------------------------------------------------------------------------

using H28 = Fact;

TEST_F(H28, a_packet_may_be_32_bytes_short_of_the_send_buffer_and_no_longer) {
  for (const int type : {SOCK_SEQPACKET, SOCK_DGRAM}) {
    auto [ours, theirs] = raw_pair(type);
    const auto most = static_cast<std::size_t>(send_buffer(ours) - 32);
    KERNEL_SAYS(send_says(ours, most), "ok");
    KERNEL_SAYS(raw_receive(theirs.get(), most + 1).bytes.size(), most);
    KERNEL_SAYS(send_says(ours, most + 1), "EMSGSIZE");
  }
}

TEST_F(H28, with_a_large_send_buffer_the_ceiling_is_elsewhere_and_the_error_is_ENOBUFS) {
  auto [ours, theirs] = raw_pair(SOCK_SEQPACKET);
  set_option(ours, SO_SNDBUF, 1 << 30);
  set_option(ours, SO_SNDBUFFORCE, 1 << 24);  // root may
  constexpr std::size_t above_all = std::size_t{5} * 1024 * 1024;
  if (static_cast<std::size_t>(send_buffer(ours)) < above_all + 1024) {
    GTEST_SKIP() << "net.core.wmem_max is too small to show it, and this is not root";
  }
  KERNEL_SAYS(send_says(ours, above_all), "ENOBUFS");
}

// H29 to H33 --------------------------------------------------------------------------------------

long queue_length() { return number_in("/proc/sys/net/unix/max_dgram_qlen", 10); }

/// Until EAGAIN; how many went.
long fill_with_datagrams(const Descriptor& sender) {
  long sent = 0;
  while (sent < 100'000 && raw_send(sender.get(), "x") == 1) ++sent;
  return sent;
}

using H29 = Fact;

TEST_F(H29, a_datagram_socket_queues_one_more_than_max_dgram_qlen_and_then_blocks_all_senders) {
  const TempDirectory directory;
  const Descriptor receiver = raw_bound(SOCK_DGRAM, directory / "d");
  const Descriptor first = raw_connected(SOCK_DGRAM, directory / "d");
  const Descriptor second = raw_connected(SOCK_DGRAM, directory / "d");
  KERNEL_SAYS(fill_with_datagrams(first), queue_length() + 1);
  KERNEL_SAYS(send_says(first, 1), "EAGAIN");
  KERNEL_SAYS(send_says(second, 1), "EAGAIN");
}

using H30 = Fact;

TEST_F(H30, a_sender_that_is_not_connected_polls_writable_while_the_queue_is_full) {
  const TempDirectory directory;
  const Descriptor receiver = raw_bound(SOCK_DGRAM, directory / "d");
  fill_with_datagrams(raw_connected(SOCK_DGRAM, directory / "d"));
  const Descriptor sender = raw_socket(SOCK_DGRAM);
  KERNEL_SAYS(send_to_says(sender, directory / "d"), "EAGAIN");
  KERNEL_SAYS(polled(sender.get(), POLLOUT), POLLOUT);
}

TEST_F(H30, a_connected_sender_polls_writable_only_when_there_is_room) {
  const TempDirectory directory;
  const Descriptor receiver = raw_bound(SOCK_DGRAM, directory / "d");
  const Descriptor sender = raw_connected(SOCK_DGRAM, directory / "d");
  fill_with_datagrams(sender);
  KERNEL_SAYS(polled(sender.get(), POLLOUT), 0);
  raw_receive(receiver.get());
  KERNEL_SAYS(polled(sender.get(), POLLOUT), POLLOUT);
}

using H31 = Fact;

TEST_F(H31, a_sender_gets_one_error_when_its_receiver_restarts_and_must_connect_again) {
  const TempDirectory directory;
  Descriptor receiver = raw_bound(SOCK_DGRAM, directory / "d");
  const Descriptor sender = raw_connected(SOCK_DGRAM, directory / "d");
  receiver.close();
  ASSERT_EQ(::unlink((directory / "d").c_str()), 0);
  receiver = raw_bound(SOCK_DGRAM, directory / "d");
  KERNEL_SAYS(send_says(sender, 1), "ECONNREFUSED");
  KERNEL_SAYS(send_says(sender, 1), "ENOTCONN");
  KERNEL_SAYS(raw_connect(sender.get(), directory / "d"), 0);
  KERNEL_SAYS(send_says(sender, 1), "ok");
}

using H32 = Fact;

TEST_F(H32, a_sender_without_a_name_arrives_without_a_name_and_cannot_be_answered) {
  const TempDirectory directory;
  const Descriptor receiver = raw_bound(SOCK_DGRAM, directory / "d");
  const Descriptor sender = raw_connected(SOCK_DGRAM, directory / "d");
  ASSERT_EQ(raw_send(sender.get(), "x"), 1);
  sockaddr_un from{};
  socklen_t size = sizeof from;
  char byte = 0;
  ASSERT_EQ(::recvfrom(receiver.get(), &byte, 1, 0, reinterpret_cast<sockaddr*>(&from), &size), 1);
  KERNEL_SAYS(size, 0U);
  const auto* nowhere = reinterpret_cast<const sockaddr*>(&from);
  from.sun_family = AF_UNIX;
  KERNEL_SAYS(
      result_of(::sendto(receiver.get(), "x", 1, MSG_NOSIGNAL, nowhere, sizeof(sa_family_t))),
      "EINVAL");
}

TEST_F(H32, autobind_picks_an_abstract_name_of_five_hexadecimal_digits) {
  const Descriptor socket = raw_socket(SOCK_DGRAM);
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&name), sizeof(sa_family_t)), 0);
  socklen_t size = sizeof name;
  ASSERT_EQ(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&name), &size), 0);
  const std::string_view given(name.sun_path, size - offsetof(sockaddr_un, sun_path));
  KERNEL_SAYS(given.size(), 6U);
  KERNEL_SAYS(given[0], '\0');
  KERNEL_SAYS(given.find_first_not_of("0123456789abcdef", 1), std::string_view::npos);
}

using H33 = Fact;

TEST_F(H33, a_datagram_socket_that_is_connected_refuses_all_other_senders) {
  const TempDirectory directory;
  const Descriptor friendly = raw_bound(SOCK_DGRAM, directory / "friend");
  const Descriptor receiver = raw_bound(SOCK_DGRAM, directory / "d");
  ASSERT_EQ(raw_connect(receiver.get(), directory / "friend"), 0);
  const Descriptor stranger = raw_socket(SOCK_DGRAM);
  KERNEL_SAYS(send_to_says(stranger, directory / "d"), "EPERM");
  KERNEL_SAYS(send_to_says(friendly, directory / "d"), "ok");
}

// H34, H35 ----------------------------------------------------------------------------------------

using H34 = Fact;

TEST_F(H34, of_a_packet_longer_than_the_buffer_the_rest_is_lost_and_MSG_TRUNC_is_set) {
  for (const int type : {SOCK_SEQPACKET, SOCK_DGRAM}) {
    auto [ours, theirs] = raw_pair(type);
    ASSERT_EQ(raw_send(theirs.get(), "0123456789"), 10);
    const RawReception reception = raw_receive(ours.get(), 4);
    KERNEL_SAYS(reception.bytes, "0123");
    KERNEL_SAYS(reception.flags & MSG_TRUNC, MSG_TRUNC);
    KERNEL_SAYS(raw_receive(ours.get()).error, EAGAIN);
  }
}

TEST_F(H34, with_MSG_TRUNC_the_kernel_returns_the_real_length) {
  for (const int type : {SOCK_SEQPACKET, SOCK_DGRAM}) {
    auto [ours, theirs] = raw_pair(type);
    ASSERT_EQ(raw_send(theirs.get(), "0123456789"), 10);
    std::array<char, 4> bytes{};
    KERNEL_SAYS(::recv(ours.get(), bytes.data(), bytes.size(), MSG_TRUNC | MSG_PEEK), 10);
  }
}

TEST_F(H34, peeking_at_a_message_duplicates_its_descriptors) {
  auto [ours, theirs] = raw_pair(SOCK_STREAM);
  const Descriptor file = some_file();
  ASSERT_EQ(raw_send(theirs.get(), "x", {file.get()}), 1);
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  char byte = 0;
  iovec piece{&byte, 1};
  msghdr header{};
  header.msg_iov = &piece;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  ASSERT_EQ(::recvmsg(ours.get(), &header, MSG_PEEK), 1);
  int number = -1;
  std::memcpy(&number, CMSG_DATA(CMSG_FIRSTHDR(&header)), sizeof number);
  const Descriptor peeked = Descriptor::adopt(number);
  KERNEL_SAYS(same_file(peeked.get(), file.get()), true);
  KERNEL_SAYS(raw_receive(ours.get()).descriptors.size(), 1U);
}

using H35 = Fact;

TEST_F(H35, on_seqpacket_an_empty_message_looks_like_the_end_and_MSG_EOR_is_never_reported) {
  auto [ours, theirs] = raw_pair(SOCK_SEQPACKET);
  ASSERT_EQ(raw_send(theirs.get(), ""), 0);
  ASSERT_EQ(::send(theirs.get(), "x", 1, MSG_EOR), 1);
  theirs.close();
  const RawReception empty = raw_receive(ours.get());
  const RawReception message = raw_receive(ours.get());
  const RawReception end = raw_receive(ours.get());
  KERNEL_SAYS(message.bytes, "x");
  KERNEL_SAYS(message.flags & MSG_EOR, 0);
  KERNEL_SAYS(empty.result, end.result);
  KERNEL_SAYS(empty.flags, end.flags);
}

TEST_F(H35, with_SO_PASSCRED_an_empty_message_brings_credentials_and_the_end_does_not) {
  auto [ours, theirs] = raw_pair(SOCK_SEQPACKET);
  set_option(ours, SO_PASSCRED, 1);
  ASSERT_EQ(raw_send(theirs.get(), ""), 0);
  theirs.close();
  const auto control_received = [&ours] {
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(ucred))> control{};
    msghdr header{};
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    (void)::recvmsg(ours.get(), &header, MSG_DONTWAIT);  // 0 both times
    return header.msg_controllen;
  };
  KERNEL_SAYS(control_received() > 0, true);
  KERNEL_SAYS(control_received(), 0U);
}

TEST_F(H35, an_empty_datagram_is_a_message) {
  auto [ours, theirs] = raw_pair(SOCK_DGRAM);
  ASSERT_EQ(raw_send(theirs.get(), ""), 0);
  KERNEL_SAYS(raw_receive(ours.get()).result, 0);
  KERNEL_SAYS(raw_receive(ours.get()).error, EAGAIN);
}

TEST_F(H35, sending_no_bytes_on_a_stream_does_nothing) {
  auto [ours, theirs] = raw_pair(SOCK_STREAM);
  KERNEL_SAYS(raw_send(theirs.get(), ""), 0);
  KERNEL_SAYS(raw_receive(ours.get()).error, EAGAIN);
}

}  // namespace
}  // namespace hallway::test
