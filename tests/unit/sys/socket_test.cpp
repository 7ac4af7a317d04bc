// SPDX-License-Identifier: Apache-2.0
#include "sys/socket.hpp"

#include <gtest/gtest.h>

#include <netinet/in.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <string_view>
#include <vector>

#include "support/faults.hpp"
#include "support/processes.hpp"
#include "support/raw_socket.hpp"
#include "support/temp_directory.hpp"
#include "unit/sys/expected_in_tests.hpp"

namespace hallway::sys {
namespace {

using namespace test;
using namespace std::string_view_literals;

iovec piece_of(ByteView bytes) { return {const_cast<char*>(bytes.data()), bytes.size()}; }

Expected<std::size_t> send_text(int socket, ByteView bytes) {
  const iovec piece = piece_of(bytes);
  return send(socket, {&piece, 1});
}

// Addresses ---------------------------------------------------------------------------------------

TEST(socket_address, is_unnamed_at_first) {
  const SocketAddress address;
  EXPECT_TRUE(address.unnamed());
  EXPECT_FALSE(address.is_abstract());
  EXPECT_EQ(address.name(), "");
}

TEST(socket_address, holds_paths_of_1_to_107_bytes_with_their_nul) {
  for (const std::size_t size : {1UL, 2UL, 106UL, 107UL}) {
    const std::string path(size, 'p');
    const SocketAddress address = SocketAddress::path(path);
    EXPECT_EQ(address.name(), path);
    EXPECT_FALSE(address.is_abstract());
    EXPECT_EQ(address.size(), sizeof(sa_family_t) + size + 1);
  }
}

TEST(socket_address, holds_abstract_names_of_1_to_107_bytes_and_counts_every_one) {
  for (const std::size_t size : {1UL, 2UL, 106UL, 107UL}) {
    const std::string name(size, '\0');
    const SocketAddress address = SocketAddress::abstract(name);
    EXPECT_EQ(address.name(), name);
    EXPECT_TRUE(address.is_abstract());
    EXPECT_EQ(address.size(), sizeof(sa_family_t) + 1 + size);
  }
}

TEST(socket_address, comes_back_from_the_kernel_as_it_was_bound) {
  const TempDirectory directory;
  const WorkingDirectory inside(directory.path());
  for (const Type type : all_types) {
    for (const std::size_t size : {1UL, 50UL, 107UL}) {
      const std::string path(size, static_cast<char>('a' + static_cast<int>(type)));
      const auto socket = make_socket(type, false);
      ASSERT_TRUE(socket);
      ASSERT_TRUE(bind(socket->get(), SocketAddress::path(path)));
      const auto bound = local_address(socket->get());
      ASSERT_TRUE(bound);
      EXPECT_EQ(bound->name(), path);
      EXPECT_FALSE(bound->is_abstract());
    }
  }
}

TEST(socket_address, reads_a_path_of_108_bytes_which_has_no_nul_in_the_kernels_struct) {
  const TempDirectory directory;
  const WorkingDirectory inside(directory.path());
  const std::string path(108, 'x');
  sockaddr_storage raw{};
  raw.ss_family = AF_UNIX;
  std::copy_n(path.data(), path.size(), reinterpret_cast<char*>(&raw) + sizeof(sa_family_t));
  const Descriptor socket = raw_socket(SOCK_STREAM);
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&raw), sizeof(sa_family_t) + 108), 0);

  const auto bound = local_address(socket.get());
  ASSERT_TRUE(bound);
  EXPECT_EQ(bound->name(), path);
}

TEST(socket_address, of_an_unbound_socket_is_unnamed) {
  const auto socket = make_socket(Type::stream, false);
  EXPECT_TRUE(local_address(socket->get())->unnamed());
}

TEST(bind, lets_the_kernel_pick_an_abstract_name_for_an_unnamed_address) {
  const auto socket = make_socket(Type::datagram, false);
  ASSERT_TRUE(bind(socket->get(), SocketAddress()));
  const auto bound = local_address(socket->get());
  EXPECT_TRUE(bound->is_abstract());
  EXPECT_EQ(bound->name().size(), 5U);
}

// Making and naming -------------------------------------------------------------------------------

TEST(make_socket, makes_each_type_close_on_exec) {
  for (const Type type : all_types) {
    const auto socket = make_socket(type, false);
    ASSERT_TRUE(socket);
    EXPECT_EQ(type_of(socket->get()), type);
    EXPECT_FALSE(survives_exec(socket->get()));
  }
}

TEST(make_pair, makes_two_connected_ends_close_on_exec) {
  for (const Type type : all_types) {
    const auto pair = make_pair(type);
    ASSERT_TRUE(pair);
    EXPECT_EQ(type_of(pair->second.get()), type);
    EXPECT_TRUE(is_close_on_exec(pair->first.get()));
    EXPECT_TRUE(is_close_on_exec(pair->second.get()));
    EXPECT_EQ(send_text(pair->first.get(), "hello"), 5U);
    EXPECT_EQ(raw_receive(pair->second.get()).bytes, "hello");
  }
}

TEST(connect, reaches_a_listener_whose_accepted_end_is_close_on_exec) {
  const TempDirectory directory;
  const auto listener = make_socket(Type::stream, true);
  const SocketAddress address = SocketAddress::path(directory / "s");
  ASSERT_TRUE(bind(listener->get(), address));
  ASSERT_TRUE(listen(listener->get(), 4));
  EXPECT_EQ(is_listening(listener->get()), true);
  EXPECT_EQ(error_of(accept(listener->get())), EAGAIN);

  const auto client = make_socket(Type::stream, true);
  EXPECT_EQ(is_listening(client->get()), false);
  ASSERT_TRUE(connect(client->get(), address));
  const auto served = accept(listener->get());
  ASSERT_TRUE(served);
  EXPECT_TRUE(is_close_on_exec(served->get()));
  EXPECT_EQ(remote_address(client->get())->name(), directory / "s");
  EXPECT_TRUE(remote_address(served->get())->unnamed());
}

TEST(connect, reports_why_it_failed) {
  const TempDirectory directory;
  const auto socket = make_socket(Type::stream, true);
  EXPECT_EQ(error_of(connect(socket->get(), SocketAddress::path(directory / "none"))), ENOENT);
  const Descriptor bound = raw_bound(SOCK_STREAM, directory / "deaf");
  EXPECT_EQ(error_of(connect(socket->get(), SocketAddress::path(directory / "deaf"))),
            ECONNREFUSED);
  const Descriptor packets = raw_listening(SOCK_SEQPACKET, directory / "packets");
  EXPECT_EQ(error_of(connect(socket->get(), SocketAddress::path(directory / "packets"))),
            EPROTOTYPE);
}

TEST(bind, refuses_a_name_that_exists) {
  const TempDirectory directory;
  const Descriptor first = raw_bound(SOCK_STREAM, directory / "s");
  const auto second = make_socket(Type::stream, true);
  EXPECT_EQ(error_of(bind(second->get(), SocketAddress::path(directory / "s"))), EADDRINUSE);
}

TEST(type_of, refuses_what_is_not_a_unix_socket) {
  EXPECT_EQ(error_of(type_of(some_file().get())), ENOTSOCK);
  const Descriptor internet = Descriptor::adopt(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(error_of(type_of(internet.get())), EAFNOSUPPORT);
  EXPECT_EQ(error_of(type_of(1'000'000)), EBADF);
}

TEST(shutdown_writing, ends_the_stream_for_the_peer_alone) {
  const auto pair = make_pair(Type::stream);
  ASSERT_TRUE(shutdown_writing(pair->first.get()));
  EXPECT_EQ(raw_receive(pair->second.get()).result, 0);
  EXPECT_EQ(send_text(pair->second.get(), "still"), 5U);
  EXPECT_EQ(error_of(send_text(pair->first.get(), "no more")), EPIPE);
}

TEST(shutdown_reading, lets_queued_clients_be_accepted_and_refuses_new_ones) {
  const TempDirectory directory;
  const Descriptor listener = raw_listening(SOCK_STREAM, directory / "s");
  const Descriptor queued = raw_connected(SOCK_STREAM, directory / "s");
  ASSERT_TRUE(shutdown_reading(listener.get()));
  EXPECT_EQ(raw_connect_error(SOCK_STREAM, directory / "s"), ECONNREFUSED);
  EXPECT_TRUE(accept(listener.get()));
  EXPECT_EQ(error_of(accept(listener.get())), EINVAL);
}

// Who is there ------------------------------------------------------------------------------------

TEST(peer_credentials, are_the_kernels_word) {
  const auto pair = make_pair(Type::stream);
  const auto peer = peer_credentials(pair->first.get());
  ASSERT_TRUE(peer);
  EXPECT_EQ(peer->pid, ::getpid());
  EXPECT_EQ(peer->uid, ::geteuid());
  EXPECT_EQ(peer->gid, ::getegid());
}

TEST(peer_groups, are_this_process_own_across_a_pair) {
  const auto pair = make_pair(Type::stream);
  const auto groups = peer_groups(pair->first.get());
  ASSERT_TRUE(groups);
  std::vector<gid_t> ours(static_cast<std::size_t>(::getgroups(0, nullptr)));
  ASSERT_GE(::getgroups(static_cast<int>(ours.size()), ours.data()), 0);
  EXPECT_EQ(*groups, ours);
}

TEST(peer_groups, come_whole_however_many_there_are) {
  NEEDS_ROOT_TO_BECOME_ANOTHER_USER();
  std::vector<gid_t> many;
  for (gid_t group = 5000; group < 5100; ++group) many.push_back(group);
  const std::string count = as_user(
      some_user,
      [] {
        const auto pair = make_pair(Type::stream);
        const auto groups = peer_groups(pair->first.get());
        return groups ? std::to_string(groups->size()) + " from " + std::to_string(groups->front())
                      : "error";
      },
      many);
  EXPECT_EQ(count, "100 from 5000");
}

TEST(peer_pidfd, refers_to_the_peer_or_says_that_the_kernel_is_too_old) {
  const auto pair = make_pair(Type::stream);
  const auto pidfd = peer_pidfd(pair->first.get());
  if (!pidfd) {
    EXPECT_EQ(pidfd.error(), ENOPROTOOPT);
    return;
  }
  EXPECT_TRUE(is_close_on_exec(pidfd->get()));
}

// Sending and receiving ---------------------------------------------------------------------------

TEST(send, gathers_pieces) {
  const auto pair = make_pair(Type::stream);
  const std::array pieces{piece_of("one "), piece_of(""), piece_of("two")};
  EXPECT_EQ(send(pair->first.get(), pieces), 7U);
  EXPECT_EQ(raw_receive(pair->second.get()).bytes, "one two");
}

TEST(send, says_would_block_instead_of_waiting_and_takes_part_of_a_large_piece) {
  const auto pair = make_pair(Type::stream);
  const std::string large(8'000'000, 'x');
  const auto sent = send_text(pair->first.get(), large);
  ASSERT_TRUE(sent);
  EXPECT_LT(*sent, large.size());
  EXPECT_EQ(error_of(send_text(pair->first.get(), "x")), EAGAIN);
}

TEST(send, reports_a_peer_that_is_gone_and_raises_no_signal) {
  for (const Type type : {Type::stream, Type::seqpacket}) {
    auto pair = make_pair(type);
    pair->second.close();
    EXPECT_EQ(error_of(send_text(pair->first.get(), "x")), EPIPE);
  }
  auto datagrams = make_pair(Type::datagram);
  datagrams->second.close();
  EXPECT_EQ(error_of(send_text(datagrams->first.get(), "x")), ECONNREFUSED);
}

TEST(send, reports_a_packet_that_is_too_large_for_the_kernel) {
  const auto pair = make_pair(Type::seqpacket);
  const std::string huge(8'000'000, 'x');
  EXPECT_EQ(error_of(send_text(pair->first.get(), huge)), EMSGSIZE);
}

TEST(receive, says_would_block_instead_of_waiting) {
  const auto pair = make_pair(Type::stream);
  std::array<char, 8> bytes;
  EXPECT_EQ(error_of(receive(pair->first.get(), {bytes.data(), bytes.size()}, 0, false)), EAGAIN);
  EXPECT_EQ(error_of(receive_bytes(pair->first.get(), {bytes.data(), bytes.size()})), EAGAIN);
}

TEST(receive, gives_nothing_at_the_end_of_a_stream) {
  auto pair = make_pair(Type::stream);
  pair->second.close();
  std::array<char, 8> bytes;
  EXPECT_EQ(receive(pair->first.get(), {bytes.data(), bytes.size()}, 0, false)->size, 0U);
  EXPECT_EQ(receive_bytes(pair->first.get(), {bytes.data(), bytes.size()}), 0U);
}

TEST(receive, notices_a_truncated_packet_and_says_how_long_it_was) {
  for (const Type type : {Type::seqpacket, Type::datagram}) {
    const auto pair = make_pair(type);
    std::array<char, 8> bytes;
    for (const std::size_t size : {7UL, 8UL, 9UL, 100UL}) {
      ASSERT_TRUE(send_text(pair->second.get(), std::string(size, 'x')));
      const auto got = receive(pair->first.get(), {bytes.data(), bytes.size()}, 0, false);
      ASSERT_TRUE(got);
      EXPECT_EQ(got->size, std::min(size, bytes.size()));
      EXPECT_EQ(got->whole, size);
      EXPECT_EQ(got->truncated, size > bytes.size());
    }
  }
}

TEST(receive, distinguishes_an_empty_packet_from_the_end_by_the_credentials_that_come_with_it) {
  auto pair = make_pair(Type::seqpacket);
  ASSERT_TRUE(pass_credentials(pair->first.get()));
  ASSERT_TRUE(send_text(pair->second.get(), ""));
  pair->second.close();
  std::array<char, 8> bytes;
  const auto empty = receive(pair->first.get(), {bytes.data(), bytes.size()}, 0, true);
  ASSERT_TRUE(empty);
  EXPECT_EQ(empty->size, 0U);
  EXPECT_TRUE(empty->has_control);
  EXPECT_EQ(empty->credentials.pid, ::getpid());
  EXPECT_EQ(empty->credentials.uid, ::geteuid());
  const auto end = receive(pair->first.get(), {bytes.data(), bytes.size()}, 0, true);
  ASSERT_TRUE(end);
  EXPECT_EQ(end->size, 0U);
  EXPECT_FALSE(end->has_control);
}

TEST(receive, gives_the_address_of_a_datagrams_sender) {
  const TempDirectory directory;
  const Descriptor receiver = raw_bound(SOCK_DGRAM, directory / "r");
  const Descriptor sender = raw_bound(SOCK_DGRAM, directory / "s");
  const iovec piece = piece_of("hi");
  const SocketAddress to = SocketAddress::path(directory / "r");
  ASSERT_TRUE(send(sender.get(), {&piece, 1}, {}, &to));
  const auto nameless = make_socket(Type::datagram, false);
  ASSERT_TRUE(send(nameless->get(), {&piece, 1}, {}, &to));

  std::array<char, 8> bytes;
  SocketAddress from;
  ASSERT_TRUE(receive(receiver.get(), {bytes.data(), bytes.size()}, 0, false, &from));
  EXPECT_EQ(from.name(), directory / "s");
  ASSERT_TRUE(receive(receiver.get(), {bytes.data(), bytes.size()}, 0, false, &from));
  EXPECT_TRUE(from.unnamed());
}

TEST(calls, go_on_after_an_interruption) {
  const auto pair = make_pair(Type::stream);
  const FaultOn sending(Call::sendmsg, 1, EINTR);
  const FaultOn receiving(Call::recvmsg, 1, EINTR);
  EXPECT_EQ(send_text(pair->first.get(), "x"), 1U);
  std::array<char, 8> bytes;
  EXPECT_EQ(receive_bytes(pair->second.get(), {bytes.data(), bytes.size()}), 1U);
}

TEST(calls, fail_with_what_a_test_asks_for) {
  const auto pair = make_pair(Type::stream);
  std::array<char, 8> bytes;
  const FaultOn sending(Call::sendmsg, 1, ENOBUFS);
  EXPECT_EQ(error_of(send_text(pair->first.get(), "x")), ENOBUFS);
  const FaultOn receiving(Call::recvmsg, 1, ENOMEM, 2);
  EXPECT_EQ(error_of(receive_bytes(pair->second.get(), {bytes.data(), bytes.size()})), ENOMEM);
  EXPECT_EQ(error_of(receive(pair->second.get(), {bytes.data(), bytes.size()}, 0, false)), ENOMEM);
}

}  // namespace
}  // namespace hallway::sys
