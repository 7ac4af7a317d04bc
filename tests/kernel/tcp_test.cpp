// SPDX-License-Identifier: Apache-2.0
//
// H81: who is at the other end of a TCP connection.
#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>

#include "kernel/fact.hpp"
#include "support/raw_tcp.hpp"

namespace hallway::test {
namespace {

/// What the kernel's table has of the socket at 127.0.0.1:`port` that is connected to
/// 127.0.0.1:`to`: "established, uid 1000, held", or the name of an error.
std::string table_says(std::uint16_t port, std::uint16_t to) {
  struct {
    nlmsghdr header;
    inet_diag_req_v2 body;
  } question{};
  question.header.nlmsg_len = sizeof question;
  question.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  question.header.nlmsg_flags = NLM_F_REQUEST;
  question.body.sdiag_family = AF_INET;
  question.body.sdiag_protocol = IPPROTO_TCP;
  question.body.idiag_states = ~0U;
  question.body.id.idiag_sport = htons(port);
  question.body.id.idiag_dport = htons(to);
  question.body.id.idiag_src[0] = htonl(INADDR_LOOPBACK);
  question.body.id.idiag_dst[0] = htonl(INADDR_LOOPBACK);
  question.body.id.idiag_cookie[0] = question.body.id.idiag_cookie[1] = ~0U;

  const auto netlink =
      Descriptor::adopt(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
  if (::send(netlink.get(), &question, sizeof question, 0) < 0) return error_name(errno);
  alignas(nlmsghdr) std::array<char, 8192> answer{};
  if (::recv(netlink.get(), answer.data(), answer.size(), 0) < 0) return error_name(errno);
  nlmsghdr header{};
  std::memcpy(&header, answer.data(), sizeof header);
  if (header.nlmsg_type == NLMSG_ERROR) {
    nlmsgerr error{};
    std::memcpy(&error, answer.data() + NLMSG_HDRLEN, sizeof error);
    return error_name(-error.error);
  }
  inet_diag_msg found{};
  std::memcpy(&found, answer.data() + NLMSG_HDRLEN, sizeof found);
  constexpr unsigned established = 1;  // net/tcp_states.h
  constexpr unsigned listening = 10;
  std::string state = "ending";  // one of several states
  if (found.idiag_state == established) state = "established";
  if (found.idiag_state == listening) state = "listening";
  return state + ", uid " + std::to_string(found.idiag_uid) +
         (found.idiag_inode != 0 ? ", held" : ", not held");
}

class H81 : public Fact {};

TEST_F(H81, the_table_of_sockets_has_the_user_at_the_other_end_of_a_tcp_connection) {
  NEEDS_ROOT_TO_BECOME_ANOTHER_USER();
  const Descriptor listener = raw_tcp_listening();
  const Descriptor its = [&] {
    const ActingAs other(some_user);
    return raw_tcp_connected(port_of(listener));
  }();
  const std::string its_user = "uid " + std::to_string(some_user);
  KERNEL_SAYS(table_says(port_of(its), port_of(listener)), "established, " + its_user + ", held");
  ASSERT_EQ(::shutdown(its.get(), SHUT_WR), 0);
  KERNEL_SAYS(table_says(port_of(its), port_of(listener)), "ending, " + its_user + ", held");
}

TEST_F(H81, a_socket_in_time_wait_reads_as_one_of_root) {
  const std::string said = in_a_child([] {
    if (is_root() && (::setresgid(some_user, some_user, some_user) != 0 ||
                      ::setresuid(some_user, some_user, some_user) != 0)) {
      return std::string("cannot become another user");
    }
    RawTcpPair pair = raw_tcp_pair();
    const std::uint16_t port = port_of(pair.its);
    const std::uint16_t to = port_of(pair.ours);
    pair.its.close();
    pair.ours.close();
    return table_says(port, to);
  });
  NEEDS_WHAT_THE_CHILD_NEEDED(said);
  KERNEL_SAYS(said, "ending, uid 0, not held");
}

TEST_F(H81, a_query_without_a_connection_is_answered_with_a_listener) {
  const Descriptor listener = raw_tcp_listening();
  const Descriptor other = raw_tcp_listening();
  KERNEL_SAYS(table_says(port_of(listener), port_of(other)),
              "listening, uid " + std::to_string(::geteuid()) + ", held");
}

TEST_F(H81, the_kernel_shows_no_credentials_on_a_tcp_socket) {
  const RawTcpPair pair = raw_tcp_pair();
  ucred peer{};
  socklen_t size = sizeof peer;
  ASSERT_EQ(::getsockopt(pair.ours.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size), 0);
  KERNEL_SAYS(peer.pid, 0);
  KERNEL_SAYS(peer.uid, UINT32_MAX);
}

}  // namespace
}  // namespace hallway::test
