// SPDX-License-Identifier: Apache-2.0
//
// H40 to H50, H61: descriptors that travel, and who is at the other end.
#include <arpa/inet.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "kernel/fact.hpp"

#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76
#endif
#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif
#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif
#ifndef SCM_PIDFD
#define SCM_PIDFD 0x04
#endif

namespace hallway::test {
namespace {

using namespace std::chrono_literals;

std::vector<int> copies(const Descriptor& descriptor, std::size_t count) {
  return std::vector<int>(count, descriptor.get());
}

/// One recvmsg(2) with room for so many bytes of control data: how many descriptors came (they are
/// closed), and what the flags say.
struct Arrived {
  std::string bytes;
  std::size_t descriptors = 0;
  bool truncated = false;
  bool inheritable = false;
};
Arrived receive_with_room(const Descriptor& socket, std::size_t room, int flags = 0) {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(253 * sizeof(int))> control{};
  std::array<char, 64> bytes{};
  iovec piece{bytes.data(), bytes.size()};
  msghdr header{};
  header.msg_iov = &piece;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = room;
  Arrived arrived;
  const ssize_t size = ::recvmsg(socket.get(), &header, flags | MSG_DONTWAIT);
  if (size < 0) return arrived;
  arrived.bytes.assign(bytes.data(), static_cast<std::size_t>(size));
  arrived.truncated = (header.msg_flags & MSG_CTRUNC) != 0;
  for (cmsghdr* item = CMSG_FIRSTHDR(&header); item != nullptr; item = CMSG_NXTHDR(&header, item)) {
    if (item->cmsg_type != SCM_RIGHTS && item->cmsg_type != SCM_PIDFD) continue;
    for (std::size_t at = CMSG_LEN(0); at < item->cmsg_len; at += sizeof(int)) {
      int number = -1;
      std::memcpy(&number, CMSG_DATA(item) + (at - CMSG_LEN(0)), sizeof number);
      arrived.inheritable = !is_close_on_exec(number);
      ::close(number);
      ++arrived.descriptors;
    }
  }
  return arrived;
}

// H40 to H42 --------------------------------------------------------------------------------------

using H40 = Fact;

TEST_F(H40, descriptors_without_room_are_dropped_and_MSG_CTRUNC_is_set) {
  auto [ours, theirs] = raw_pair(SOCK_STREAM);
  const Descriptor file = some_file();
  ASSERT_EQ(raw_send(theirs.get(), "x", copies(file, 5)), 1);
  const Arrived arrived = receive_with_room(ours, CMSG_LEN(2 * sizeof(int)));
  KERNEL_SAYS(arrived.descriptors, 2U);
  KERNEL_SAYS(arrived.truncated, true);
  KERNEL_SAYS(arrived.bytes, "x");
}

TEST_F(H40, the_padding_of_room_for_one_descriptor_receives_a_second) {
  auto [ours, theirs] = raw_pair(SOCK_STREAM);
  const Descriptor file = some_file();
  ASSERT_EQ(raw_send(theirs.get(), "x", copies(file, 2)), 1);
  KERNEL_SAYS(receive_with_room(ours, CMSG_SPACE(sizeof(int))).descriptors, 2U);
}

TEST_F(H40, at_the_limit_of_descriptors_the_bytes_come_without_them_and_without_an_error) {
  const std::string seen = in_a_child([]() -> std::string {
    auto [ours, theirs] = raw_pair(SOCK_STREAM);
    raw_send(theirs.get(), "x", {0});
    const Descriptor next_free = Descriptor::adopt(::dup(0));
    const rlimit none{static_cast<rlim_t>(next_free.get()), static_cast<rlim_t>(next_free.get())};
    if (::setrlimit(RLIMIT_NOFILE, &none) != 0) return "cannot set a limit";
    const Descriptor last = Descriptor::adopt(::dup(0));  // fails: none is left
    const Arrived arrived = receive_with_room(ours, CMSG_SPACE(sizeof(int)));
    return arrived.bytes + " " + std::to_string(arrived.descriptors) +
           (arrived.truncated ? " truncated" : " whole");
  });
  NEEDS_WHAT_THE_CHILD_NEEDED(seen);
  KERNEL_SAYS(seen, "x 0 truncated");
}

using H41 = Fact;

TEST_F(H41, a_plain_recv_discards_descriptors) {
  auto [ours, theirs] = raw_pair(SOCK_STREAM);
  auto [first_end, second_end] = raw_pair(SOCK_STREAM);
  ASSERT_EQ(raw_send(theirs.get(), "x", {second_end.get()}), 1);
  second_end.close();
  char byte = 0;
  ASSERT_EQ(::recv(ours.get(), &byte, 1, 0), 1);
  // The last copy of the other end is gone.
  KERNEL_SAYS(polled(first_end.get(), POLLIN), POLLIN | POLLHUP);
}

TEST_F(H41, SO_PASSRIGHTS_off_on_a_listener_refuses_the_sender_even_before_accept) {
  const TempDirectory directory;
  const Descriptor listener = raw_listening(SOCK_STREAM, directory / "s");
  const int off = 0;
  KERNEL_SAYS(result_of(::setsockopt(listener.get(), SOL_SOCKET, SO_PASSRIGHTS, &off, sizeof off)),
              "ok");
  const Descriptor client = raw_connected(SOCK_STREAM, directory / "s");
  const Descriptor file = some_file();
  KERNEL_SAYS(result_of(raw_send(client.get(), "x", {file.get()})), "EPERM");
  const Descriptor accepted = accept_one(listener);
  KERNEL_SAYS(integer_option(accepted.get(), SOL_SOCKET, SO_PASSRIGHTS), 0);
  KERNEL_SAYS(result_of(raw_send(client.get(), "x", {file.get()})), "EPERM");
}

using H42 = Fact;

TEST_F(H42, descriptors_arrive_inheritable_unless_MSG_CMSG_CLOEXEC_is_asked_for) {
  auto [ours, theirs] = raw_pair(SOCK_STREAM);
  const Descriptor file = some_file();
  constexpr std::size_t room = CMSG_SPACE(sizeof(int));
  ASSERT_EQ(raw_send(theirs.get(), "x", {file.get()}), 1);
  KERNEL_SAYS(receive_with_room(ours, room).inheritable, true);
  ASSERT_EQ(raw_send(theirs.get(), "x", {file.get()}), 1);
  KERNEL_SAYS(receive_with_room(ours, room, MSG_CMSG_CLOEXEC).inheritable, false);
}

// H43 ---------------------------------------------------------------------------------------------

using H43 = Fact;

TEST_F(H43, a_message_carries_253_descriptors_and_no_more) {
  auto [ours, theirs] = raw_pair(SOCK_STREAM);
  const Descriptor file = some_file();
  KERNEL_SAYS(result_of(raw_send(theirs.get(), "x", copies(file, 253))), "ok");
  KERNEL_SAYS(raw_receive(ours.get()).descriptors.size(), 253U);
  KERNEL_SAYS(result_of(raw_send(theirs.get(), "x", copies(file, 254))), "EINVAL");
}

/// A connected TCP socket whose close(2) waits one second, because its peer reads nothing; it is
/// non-blocking, which changes nothing about that.
struct Lingering {
  Lingering() {
    const Descriptor listener = Descriptor::adopt(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* where = reinterpret_cast<sockaddr*>(&address);
    if (::bind(listener.get(), where, size) != 0 || ::listen(listener.get(), 1) != 0 ||
        ::getsockname(listener.get(), where, &size) != 0) {
      return;
    }
    socket = Descriptor::adopt(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::connect(socket.get(), where, size) != 0) return;
    silent = accept_one(listener);
    const std::string much(65536, 'x');
    while (raw_send(socket.get(), much) > 0) {
    }
    const linger a_second{1, 1};
    ::setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &a_second, sizeof a_second);
    ::fcntl(socket.get(), F_SETFL, O_NONBLOCK);
  }
  Descriptor socket;
  Descriptor silent;
};

template <typename Action>
bool takes_a_second(Action action) {
  const auto began = std::chrono::steady_clock::now();
  action();
  const auto took = std::chrono::steady_clock::now() - began;
  return took > 900ms;
}

TEST_F(H43, closing_a_received_socket_that_lingers_blocks_although_it_is_non_blocking) {
  auto [ours, theirs] = raw_pair(SOCK_STREAM);
  Lingering tcp;
  if (!tcp.silent.holds_one()) GTEST_SKIP() << "there is no loopback network here";
  ASSERT_EQ(raw_send(theirs.get(), "x", {tcp.socket.get()}), 1);
  tcp.socket = {};  // a copy is on its way: this does not wait
  RawReception reception = raw_receive(ours.get());
  ASSERT_EQ(reception.descriptors.size(), 1U);
  KERNEL_SAYS(takes_a_second([&] { reception.descriptors.clear(); }), true);
}

TEST_F(H43, closing_a_socket_blocks_for_a_lingering_one_that_was_not_received) {
  auto [ours, theirs] = raw_pair(SOCK_STREAM);
  Lingering tcp;
  if (!tcp.silent.holds_one()) GTEST_SKIP() << "there is no loopback network here";
  ASSERT_EQ(raw_send(theirs.get(), "x", {tcp.socket.get()}), 1);
  tcp.socket = {};
  KERNEL_SAYS(takes_a_second([&ours] { ours.close(); }), true);
}

// H44, H45 ----------------------------------------------------------------------------------------

using H44 = Fact;

TEST_F(H44, descriptors_in_flight_are_limited_per_user_until_they_are_received) {
  const auto work = []() -> std::string {
    const rlimit few{64, 64};
    if (::setrlimit(RLIMIT_NOFILE, &few) != 0) return "cannot set a limit";
    auto [ours, theirs] = raw_pair(SOCK_STREAM);
    const Descriptor file = some_file();
    std::size_t in_flight = 0;
    while (in_flight < 1000 && raw_send(theirs.get(), "x", copies(file, 10)) == 1) in_flight += 10;
    std::string text = error_name(errno) + (in_flight <= 70 ? " below the limit" : " far above it");
    auto [unrelated, other] = raw_pair(SOCK_STREAM);
    text += ", elsewhere " + result_of(raw_send(other.get(), "x", {file.get()}));
    for (std::size_t i = 0; i < in_flight; i += 10) raw_receive(ours.get(), 1);
    return text + ", then " + result_of(raw_send(other.get(), "x", {file.get()}));
  };
  // Root is exempt. An ordinary user's other processes count, too, so it may come earlier.
  const std::string seen = is_root() ? as_user(some_user, work) : in_a_child(work);
  NEEDS_WHAT_THE_CHILD_NEEDED(seen);
  KERNEL_SAYS(seen, "ETOOMANYREFS below the limit, elsewhere ETOOMANYREFS, then ok");
}

using H45 = Fact;

TEST_F(H45, sockets_sent_into_themselves_stay_until_a_later_close_has_them_collected) {
  // In a network namespace of their own, all Unix sockets can be counted.
  const std::string seen = in_own_namespaces(CLONE_NEWNET, []() -> std::string {
    const auto count = [] {
      std::ifstream file("/proc/self/net/unix");
      std::string line;
      std::size_t lines = 0;
      while (std::getline(file, line)) ++lines;
      return lines;
    };
    const std::size_t before = count();
    for (int i = 0; i < 500; ++i) {
      auto [ours, theirs] = raw_pair(SOCK_STREAM);
      raw_send(theirs.get(), "x", {ours.get(), theirs.get()});
    }
    const auto deadline = std::chrono::steady_clock::now() + 5s;
    while (count() > before && std::chrono::steady_clock::now() < deadline) {
      raw_pair(SOCK_STREAM);  // any close will do; nothing tells when the collector is done
      ::sched_yield();
    }
    return count() == before ? "all collected" : std::to_string(count() - before) + " are left";
  });
  NEEDS_WHAT_THE_CHILD_NEEDED(seen);
  KERNEL_SAYS(seen, "all collected");
}

// H46 ---------------------------------------------------------------------------------------------

using H46 = Fact;

TEST_F(H46, a_descriptor_may_come_with_bytes_sent_before_it_and_never_with_later_ones) {
  auto [ours, theirs] = raw_pair(SOCK_STREAM);
  const Descriptor file = some_file();
  ASSERT_EQ(raw_send(theirs.get(), "AAAA"), 4);
  ASSERT_EQ(raw_send(theirs.get(), "BBBB", {file.get()}), 4);
  ASSERT_EQ(raw_send(theirs.get(), "CCCC"), 4);
  const RawReception first = raw_receive(ours.get());
  KERNEL_SAYS(first.bytes, "AAAABBBB");
  KERNEL_SAYS(first.descriptors.size(), 1U);
  KERNEL_SAYS(raw_receive(ours.get()).bytes, "CCCC");
}

TEST_F(H46, a_send_that_took_a_part_has_passed_the_descriptors) {
  auto [ours, theirs] = raw_pair(SOCK_STREAM);
  const Descriptor file = some_file();
  const std::string large(std::size_t{4} * 1024 * 1024, 'x');
  const ssize_t taken = raw_send(theirs.get(), large, {file.get()});
  KERNEL_SAYS(taken > 0 && static_cast<std::size_t>(taken) < large.size(), true);
  KERNEL_SAYS(raw_receive(ours.get()).descriptors.size(), 1U);
}

TEST_F(H46, descriptors_without_a_byte_vanish_on_a_stream) {
  auto [ours, theirs] = raw_pair(SOCK_STREAM);
  const Descriptor file = some_file();
  KERNEL_SAYS(raw_send(theirs.get(), "", {file.get()}), 0);
  KERNEL_SAYS(raw_receive(ours.get()).error, EAGAIN);
}

// H47 ---------------------------------------------------------------------------------------------

/// SO_PEERCRED.
ucred peer_of(const Descriptor& socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  ::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size);
  return peer;
}

/// sendmsg(2) with credentials of one's choice.
std::string send_as(const Descriptor& socket, const ucred& claimed) {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(ucred))> control{};
  char byte = 'x';
  iovec piece{&byte, 1};
  msghdr header{};
  header.msg_iov = &piece;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  cmsghdr* item = CMSG_FIRSTHDR(&header);
  item->cmsg_level = SOL_SOCKET;
  item->cmsg_type = SCM_CREDENTIALS;
  item->cmsg_len = CMSG_LEN(sizeof claimed);
  std::memcpy(CMSG_DATA(item), &claimed, sizeof claimed);
  return result_of(::sendmsg(socket.get(), &header, MSG_DONTWAIT | MSG_NOSIGNAL));
}

using H47 = Fact;

TEST_F(H47, the_kernel_records_the_ids_at_connect_and_not_later_ones) {
  NEEDS_ROOT_TO_BECOME_ANOTHER_USER();
  const TempDirectory directory;
  const Descriptor listener = raw_listening(SOCK_STREAM, directory / "s");
  ForkedProcess client([&](const ForkedProcess::Say& say) {
    const Descriptor socket = raw_connected(SOCK_STREAM, directory / "s");
    say(result_of(::setuid(some_user)));
    wait_to_be_killed();
  });
  ASSERT_EQ(client.line(), "ok");
  KERNEL_SAYS(peer_of(accept_one(listener)).uid, 0U);
}

TEST_F(H47, a_client_sees_the_process_that_called_listen) {
  const TempDirectory directory;
  const Descriptor listener = raw_listening(SOCK_STREAM, directory / "s");
  ForkedProcess server([&](const ForkedProcess::Say& say) {
    const Descriptor accepted = accept_one(listener);
    say("accepted");
    wait_to_be_killed();
  });
  const Descriptor client = raw_connected(SOCK_STREAM, directory / "s");
  ASSERT_EQ(server.line(), "accepted");
  KERNEL_SAYS(peer_of(client).pid, ::getpid());
}

TEST_F(H47, an_inherited_pair_shows_its_maker) {
  auto [ours, theirs] = raw_pair(SOCK_STREAM);
  const pid_t maker = ::getpid();
  const std::string seen = in_a_child([&theirs, maker] {
    return std::string(peer_of(theirs).pid == maker ? "its maker" : "somebody else");
  });
  KERNEL_SAYS(seen, "its maker");
}

TEST_F(H47, an_ordinary_user_cannot_forge_credentials_and_root_can) {
  auto [ours, theirs] = raw_pair(SOCK_STREAM);
  const auto forge_root = [&theirs] { return send_as(theirs, {::getpid(), 0, ::getegid()}); };
  if (!is_root()) {
    KERNEL_SAYS(forge_root(), "EPERM");
    return;
  }
  KERNEL_SAYS(as_user(99, forge_root), "EPERM");
  KERNEL_SAYS(send_as(theirs, {1, 4711, 4711}), "ok");
}

// H48 ---------------------------------------------------------------------------------------------

using H48 = Fact;

TEST_F(H48, a_pidfd_of_a_peer_that_is_gone_shows_it) {
  const TempDirectory directory;
  const Descriptor listener = raw_listening(SOCK_STREAM, directory / "s");
  ForkedProcess client([&](const ForkedProcess::Say& say) {
    const Descriptor socket = raw_connected(SOCK_STREAM, directory / "s");
    say("connected");
    wait_to_be_killed();
  });
  ASSERT_EQ(client.line(), "connected");
  const Descriptor accepted = accept_one(listener);
  client.kill();  // and reaped
  const Descriptor pidfd =
      Descriptor::adopt(integer_option(accepted.get(), SOL_SOCKET, SO_PEERPIDFD));
  KERNEL_SAYS(pidfd.holds_one(), true);
  KERNEL_SAYS(result_of(::syscall(SYS_pidfd_send_signal, pidfd.get(), 0, nullptr, 0)), "ESRCH");
  KERNEL_SAYS(polled(pidfd.get(), POLLIN) & POLLHUP, POLLHUP);
}

TEST_F(H48, with_SO_PASSPIDFD_each_message_brings_a_descriptor_that_has_to_be_closed) {
  auto [ours, theirs] = raw_pair(SOCK_STREAM);
  const int on = 1;
  KERNEL_SAYS(result_of(::setsockopt(ours.get(), SOL_SOCKET, SO_PASSPIDFD, &on, sizeof on)), "ok");
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(raw_send(theirs.get(), "x"), 1);
    KERNEL_SAYS(receive_with_room(ours, CMSG_SPACE(sizeof(int))).descriptors, 1U);
  }
}

// H49, H50 ----------------------------------------------------------------------------------------

using H49 = Fact;

TEST_F(H49, root_of_another_user_namespace_is_seen_with_its_real_uid) {
  auto [ours, theirs] = raw_pair(SOCK_STREAM);
  const TempDirectory directory(0755);
  const Descriptor listener = raw_listening(SOCK_STREAM, directory / "s");
  ASSERT_EQ(::chmod((directory / "s").c_str(), 0666), 0);
  const unsigned real = is_root() ? some_user : ::geteuid();
  ForkedProcess client([&](const ForkedProcess::Say& say) {
    if (is_root() && ::setuid(some_user) != 0) return say("cannot become another user");
    ::prctl(PR_SET_DUMPABLE, 1);  // or /proc/self is root's since setuid(2)
    if (::unshare(CLONE_NEWUSER) != 0) return say("cannot unshare: " + error_name(errno));
    std::ofstream map("/proc/self/uid_map");
    map << "0 " << real << " 1" << std::flush;
    if (!map) return say("cannot map ids");
    const Descriptor socket = raw_connected(SOCK_STREAM, directory / "s");
    say("connected as " + std::to_string(::geteuid()));
    wait_to_be_killed();
  });
  const std::string line = client.line();
  NEEDS_WHAT_THE_CHILD_NEEDED(line);
  KERNEL_SAYS(line, "connected as 0");
  KERNEL_SAYS(peer_of(accept_one(listener)).uid, real);
}

TEST_F(H49, a_peer_without_an_id_in_our_user_namespace_is_the_overflow_uid) {
  NEEDS_ROOT_TO_BECOME_ANOTHER_USER();
  const TempDirectory directory(0755);
  Descriptor listener = raw_listening(SOCK_STREAM, directory / "s");
  ASSERT_EQ(::chmod((directory / "s").c_str(), 0666), 0);
  ForkedProcess server([&](const ForkedProcess::Say& say) {
    if (::unshare(CLONE_NEWUSER) != 0) return say("cannot unshare: " + error_name(errno));
    std::ofstream map("/proc/self/uid_map");
    map << "0 0 1" << std::flush;  // root and nobody else
    say(map ? "ready" : "cannot map ids");
    say(std::to_string(peer_of(accept_one(listener)).uid));
  });
  const std::string line = server.line();
  NEEDS_WHAT_THE_CHILD_NEEDED(line);
  ASSERT_EQ(as_user(some_user,
                    [&] { return result_of(-raw_connect_error(SOCK_STREAM, directory / "s")); }),
            "ok");
  KERNEL_SAYS(server.line(), std::to_string(number_in("/proc/sys/kernel/overflowuid", 65534)));
}

TEST_F(H49, a_peer_outside_our_pid_namespace_is_pid_0) {
  const TempDirectory directory(0755);
  const Descriptor listener = raw_listening(SOCK_STREAM, directory / "s");
  const Descriptor client = raw_connected(SOCK_STREAM, directory / "s");
  const std::string seen = in_own_namespaces(CLONE_NEWPID, [&] {
    // Only children are inside.
    return in_a_child([&] { return "pid " + std::to_string(peer_of(accept_one(listener)).pid); });
  });
  NEEDS_WHAT_THE_CHILD_NEEDED(seen);
  KERNEL_SAYS(seen, "pid 0");
}

using H50 = Fact;

TEST_F(H50, SO_PEERGROUPS_gives_all_groups_and_none_is_usual) {
  NEEDS_ROOT_TO_BECOME_ANOTHER_USER();
  const TempDirectory directory(0755);
  const Descriptor listener = raw_listening(SOCK_STREAM, directory / "s");
  ASSERT_EQ(::chmod((directory / "s").c_str(), 0666), 0);
  const auto groups_seen = [&](const std::vector<gid_t>& groups) {
    as_user(some_user, [&] { return connect_says(SOCK_STREAM, directory / "s"); }, groups);
    const Descriptor accepted = accept_one(listener);
    std::array<gid_t, 16> space{};
    socklen_t size = sizeof space;
    if (::getsockopt(accepted.get(), SOL_SOCKET, SO_PEERGROUPS, space.data(), &size) != 0) {
      return std::vector<gid_t>{UINT32_MAX};
    }
    return std::vector<gid_t>(space.begin(), space.begin() + size / sizeof(gid_t));
  };
  KERNEL_SAYS(groups_seen({44, 4711}), (std::vector<gid_t>{44, 4711}));
  KERNEL_SAYS(groups_seen({}), std::vector<gid_t>{});
}

TEST_F(H50, with_too_little_room_for_groups_ERANGE_reports_the_size_needed) {
  NEEDS_ROOT_TO_BECOME_ANOTHER_USER();
  const std::string seen =
      as_user(some_user,
              [] {
                auto [ours, theirs] = raw_pair(SOCK_STREAM);
                gid_t one = 0;
                socklen_t size = sizeof one;
                const std::string result =
                    result_of(::getsockopt(ours.get(), SOL_SOCKET, SO_PEERGROUPS, &one, &size));
                return result + " " + std::to_string(size / sizeof one);
              },
              {44, 4711, 4712});
  KERNEL_SAYS(seen, "ERANGE 3");
}

// H61 ---------------------------------------------------------------------------------------------

using H61 = Fact;

TEST_F(H61, a_file_lock_travels_with_its_descriptor_and_outlives_the_process_that_took_it) {
  const TempDirectory directory;
  const std::string path = directory / "s.lock";
  const auto open_lock = [&path] {
    return Descriptor::adopt(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  };
  auto [ours, theirs] = raw_pair(SOCK_STREAM);
  ForkedProcess old_owner([&theirs, &open_lock](const ForkedProcess::Say& say) {
    const Descriptor lock = open_lock();
    if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) return say("no lock");
    raw_send(theirs.get(), "x", {lock.get()});
    say("passed");
    wait_to_be_killed();
  });
  ASSERT_EQ(old_owner.line(), "passed");
  old_owner.kill();
  RawReception reception = raw_receive(ours.get());
  ASSERT_EQ(reception.descriptors.size(), 1U);
  const Descriptor contender = open_lock();
  KERNEL_SAYS(result_of(::flock(contender.get(), LOCK_EX | LOCK_NB)), "EAGAIN");
  reception.descriptors.clear();
  KERNEL_SAYS(result_of(::flock(contender.get(), LOCK_EX | LOCK_NB)), "ok");
}

}  // namespace
}  // namespace hallway::test
