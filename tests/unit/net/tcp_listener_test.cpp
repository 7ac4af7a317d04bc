// SPDX-License-Identifier: Apache-2.0
#include "net/tcp_listener.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <hallway/limits.hpp>

#include "support/faults.hpp"
#include "support/inventory.hpp"
#include "support/processes.hpp"
#include "support/raw_socket.hpp"
#include "support/raw_tcp.hpp"
#include "sys/file.hpp"

namespace hallway::net {
namespace {

using namespace test;
using testing::HasSubstr;

constexpr TcpListener::Options usual{.backlog = 16};
const std::vector<std::string> one_of_any_port{"tcp:127.0.0.1:0"};

Error refusal(const std::string& address, const TcpListener::Options& options = usual) {
  const auto opened = TcpListener::open({address}, options);
  EXPECT_FALSE(opened) << address;
  return opened ? Error() : opened.error();
}

std::vector<std::string> addresses_of(const std::vector<TcpListener>& all) {
  std::vector<std::string> addresses;
  for (const TcpListener& one : all) addresses.push_back(one.address());
  return addresses;
}

TEST(a_tcp_listener, accepts_clients_at_the_port_that_the_kernel_picked) {
  for (const std::string host : {"127.0.0.1", "[::1]"}) {
    if (host != "127.0.0.1" && !has_ipv6()) continue;
    auto opened = TcpListener::open({"tcp:" + host + ":0"}, usual);
    ASSERT_TRUE(opened) << opened.error().explain();
    TcpListener& listener = opened->front();
    const std::string address = listener.address();
    EXPECT_THAT(address, testing::StartsWith("tcp:" + host + ":"));
    EXPECT_FALSE(listener.inherited());
    EXPECT_FALSE(*listener.accept()) << "none waits";
    const Descriptor client = raw_tcp_connected(address);
    ASSERT_TRUE(client.holds_one());
    const auto accepted = listener.accept();
    ASSERT_TRUE(accepted && *accepted);
    EXPECT_TRUE(test::is_close_on_exec((*accepted)->get()));
    int at_once = 0;
    socklen_t size = sizeof at_once;
    ::getsockopt((*accepted)->get(), IPPROTO_TCP, TCP_NODELAY, &at_once, &size);
    EXPECT_EQ(at_once, 1);
    EXPECT_EQ("tcp:" + host + ":" + std::to_string(tcp_host((*accepted)->get())->port), address);
    listener.close();
    EXPECT_FALSE(raw_tcp_connected(address).holds_one());
    EXPECT_FALSE(*listener.accept());
  }
}

TEST(a_tcp_listener, has_an_address_in_numbers) {
  for (const char* text : {"tcp:localhost:1", "tcp:127.0.0.1", "tcp:127.0.0.1:", "tcp:127.0.0.1:x",
                           "tcp:127.0.0.1:65536", "tcp:127.0.0.1:-1", "tcp:::1:1",
                           "tcp:[127.0.0.1]:1", "tcp:[::1:1", "tcp:", "tcp::1"}) {
    const Error error = refusal(text);
    EXPECT_EQ(error.code, std::errc::invalid_argument);
    EXPECT_EQ(error.reason, "not a numeric IP address and a port") << text;
    EXPECT_FALSE(error.hint.empty());
  }
  for (const char* text : {"127.0.0.1:1", "./path", "@name", "", "udp:127.0.0.1:1", "exec:cat"}) {
    EXPECT_EQ(refusal(text).reason, "not an address of a TCP listener") << text;
  }
}

TEST(a_tcp_listener, is_reached_by_other_machines_only_if_that_is_meant) {
  for (const std::string text : {"tcp:0.0.0.0:0", "tcp:[::]:0", "tcp:192.0.2.1:0"}) {
    const Error error = refusal(text);
    EXPECT_EQ(error.code, std::errc::invalid_argument);
    EXPECT_THAT(error.explain(), HasSubstr("other machines can reach this address"));
    EXPECT_THAT(error.hint, HasSubstr("--listen-anywhere"));
  }
  const auto opened = TcpListener::open({"tcp:0.0.0.0:0"}, {.backlog = 1, .anywhere = true});
  ASSERT_TRUE(opened) << opened.error().explain();
  EXPECT_TRUE(raw_tcp_connected(opened->front().address()).holds_one());
}

TEST(a_tcp_listener, does_not_share_its_port) {
  const Descriptor other = raw_tcp_listening();
  const std::string address = "tcp:127.0.0.1:" + std::to_string(port_of(other));
  const Error error = refusal(address);
  EXPECT_EQ(error.code, std::errc::address_in_use);
  EXPECT_EQ(error.explain(), "listen " + address + ": the port is in use by another socket");
  EXPECT_THAT(error.hint, HasSubstr("use another port"));
  EXPECT_EQ(refusal("tcp:192.0.2.1:0", {.backlog = 1, .anywhere = true}).code,
            std::errc::address_not_available);
}

TEST(a_tcp_listener, gets_its_port_again_although_connections_have_ended_there) {
  std::string address;
  {
    auto opened = TcpListener::open(one_of_any_port, usual);
    ASSERT_TRUE(opened);
    address = opened->front().address();
    Descriptor client = raw_tcp_connected(address);
    const auto accepted = opened->front().accept();
    ASSERT_TRUE(accepted && *accepted);
    // Our end closes first, and is in TIME_WAIT.
  }
  const auto again = TcpListener::open({address}, usual);
  EXPECT_TRUE(again) << again.error().explain();
}

TEST(a_tcp_listener, is_one_of_sixteen_at_most) {
  const std::vector<std::string> most(bounds::max_tcp_listeners, "tcp:127.0.0.1:0");
  EXPECT_TRUE(TcpListener::open(most, usual));
  std::vector<std::string> more = most;
  more.emplace_back("tcp:127.0.0.1:0");
  const auto opened = TcpListener::open(more, usual);
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().explain(), HasSubstr("no more than 16"));
}

TEST(a_tcp_listener, reports_what_the_kernel_refuses_and_leaves_nothing_open) {
  const Inventory before = Inventory::take();
  for (const sys::Call call : {sys::Call::socket, sys::Call::setsockopt, sys::Call::bind,
                               sys::Call::listen, sys::Call::getsockname}) {
    const FaultOn fault(call, 1, ENOBUFS);
    EXPECT_EQ(refusal("tcp:127.0.0.1:0").code, std::errc::no_buffer_space);
  }
  EXPECT_EQ(lasting_difference(before), "");
}

TEST(a_tcp_listener, skips_a_client_that_is_gone_and_reports_a_lack_of_descriptors) {
  auto opened = TcpListener::open(one_of_any_port, usual);
  ASSERT_TRUE(opened);
  TcpListener& listener = opened->front();
  for (const int gone : {ECONNABORTED, ENETDOWN, EPROTO, EHOSTUNREACH}) {
    const Descriptor client = raw_tcp_connected(listener.address());
    const FaultOn fault(sys::Call::accept, 1, gone);
    const auto accepted = listener.accept();
    EXPECT_TRUE(accepted && *accepted) << gone;
    EXPECT_EQ(fault.calls(), 2U);
  }
  const FaultOn fault(sys::Call::accept, 1, EMFILE);
  EXPECT_EQ(listener.accept().error().code, std::errc::too_many_files_open);
}

// Handing over ------------------------------------------------------------------------------------

std::vector<Descriptor> copies_of(const std::vector<TcpListener>& all) {
  std::vector<Descriptor> copies;
  for (const TcpListener& one : all) copies.push_back(std::move(*one.copy()));
  return copies;
}

TEST(a_tcp_listener, of_a_predecessor_is_taken_with_its_queue) {
  auto before = TcpListener::open({"tcp:127.0.0.1:0", "tcp:127.0.0.1:0"}, usual);
  ASSERT_TRUE(before);
  const std::string wanted = (*before)[1].address();
  const Descriptor waits = raw_tcp_connected(wanted);
  auto after = TcpListener::open({wanted}, usual, copies_of(*before));
  ASSERT_TRUE(after) << after.error().explain();
  EXPECT_EQ(addresses_of(*after), std::vector{wanted});
  const std::string unwanted = (*before)[0].address();
  before->clear();
  EXPECT_TRUE(*after->front().accept());
  EXPECT_TRUE(raw_tcp_connected(wanted).holds_one());
  EXPECT_FALSE(raw_tcp_connected(unwanted).holds_one());
}

TEST(a_tcp_listener, of_a_predecessor_keeps_its_port_where_any_will_do) {
  const auto before = TcpListener::open({"tcp:127.0.0.1:0", "tcp:127.0.0.1:0"}, usual);
  ASSERT_TRUE(before);
  const auto after = TcpListener::open({"tcp:127.0.0.1:0", "tcp:127.0.0.1:0", "tcp:127.0.0.1:0"},
                                       usual, copies_of(*before));
  ASSERT_TRUE(after);
  auto addresses = addresses_of(*after);
  EXPECT_NE(addresses[2], addresses[0]);
  addresses.pop_back();
  EXPECT_EQ(addresses, addresses_of(*before));
}

TEST(a_tcp_listener, takes_nothing_else_that_it_is_offered) {
  std::vector<Descriptor> offered;
  offered.push_back(some_file());
  offered.push_back(raw_socket(SOCK_STREAM));
  offered.push_back(std::move(raw_tcp_pair().ours));  // at 127.0.0.1, and does not listen
  auto opened = TcpListener::open(one_of_any_port, usual, std::move(offered));
  ASSERT_TRUE(opened);
  const Descriptor client = raw_tcp_connected(opened->front().address());
  EXPECT_TRUE(*opened->front().accept());
}

// Inherited ---------------------------------------------------------------------------------------

/// What `work` gives in a process that was started with a Unix socket and two TCP sockets, as 3, 4
/// and 5, the last two of which may be bound to all addresses.
std::string started_with_sockets(const std::function<std::string()>& work, bool anywhere = false) {
  return in_a_child([&] {
    const Descriptor own = raw_listening(SOCK_STREAM, "@hallway-" + std::to_string(::getpid()));
    const Descriptor one = anywhere ? raw_tcp_listening_anywhere() : raw_tcp_listening();
    const Descriptor two = raw_tcp_listening();
    ::dup2(own.get(), 53);
    ::dup2(one.get(), 54);
    ::dup2(two.get(), 55);
    for (int i = 0; i < 3; ++i) ::dup2(53 + i, 3 + i);
    ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
    ::setenv("LISTEN_FDS", "3", 1);
    return work();
  });
}

std::string numbers_of(const Result<std::vector<TcpListener>>& opened) {
  if (!opened) return opened.error().explain();
  std::string numbers;
  for (const TcpListener& one : *opened) {
    numbers += (numbers.empty() ? "" : " ") + std::to_string(one.descriptor());
    if (!one.inherited()) numbers += " is not inherited";
  }
  return numbers;
}

TEST(a_tcp_listener, adopts_all_sockets_of_its_kind_that_were_handed_over) {
  EXPECT_EQ(
      started_with_sockets([] { return numbers_of(TcpListener::open({"activation"}, usual)); }),
      "4 5");
  EXPECT_EQ(started_with_sockets([] {
              const auto first = TcpListener::open({"fd:5"}, usual);
              const auto rest = TcpListener::open({"activation"}, usual);
              const auto none = TcpListener::open({"activation"}, usual);
              return numbers_of(first) + ", " + numbers_of(rest) + ", " + numbers_of(none);
            }),
            "5, 4, adopt activation: every such socket is already in use by this process");
}

TEST(a_tcp_listener, leaves_sockets_of_another_kind) {
  EXPECT_EQ(started_with_sockets([] { return numbers_of(TcpListener::open({"fd:3"}, usual)); }),
            "adopt fd:3: it is not a TCP socket");
  EXPECT_EQ(started_with_sockets([] {
              const RawTcpPair pair = raw_tcp_pair();
              const int number = ::dup(pair.ours.get());
              const std::string said =
                  numbers_of(TcpListener::open({"fd:" + std::to_string(number)}, usual));
              return is_open(number) ? said.substr(said.find(": ")) : "closed";
            }),
            ": it is not a listening socket");
  EXPECT_THAT(started_with_sockets(
                  [] { return numbers_of(TcpListener::open({"activation"}, usual)); }, true),
              HasSubstr("other machines can reach this address"));
  EXPECT_EQ(
      started_with_sockets(
          [] {
            return numbers_of(TcpListener::open({"activation"}, {.backlog = 1, .anywhere = true}));
          },
          true),
      "4 5");
}

TEST(a_tcp_listener, leaves_an_inherited_socket_as_it_was) {
  EXPECT_EQ(started_with_sockets([] {
              const bool before = sys::is_nonblocking(4).value_or(true);
              const int other = ::dup(4);
              bool meanwhile = false;
              {
                const auto opened = TcpListener::open({"fd:4"}, usual);
                meanwhile = sys::is_nonblocking(other).value_or(false);
              }
              const bool after = sys::is_nonblocking(other).value_or(true);
              return std::to_string(before) + std::to_string(meanwhile) + std::to_string(after);
            }),
            "010");
}

// Who is there ------------------------------------------------------------------------------------

class tcp_peer : public testing::Test {
 protected:
  void SetUp() override {
    const RawTcpPair pair = raw_tcp_pair();
    const auto peer = net::tcp_peer(pair.ours.get());
    if (!peer) GTEST_SKIP() << "this kernel does not tell: " << peer.error().explain();
  }
};

TEST_F(tcp_peer, has_a_uid_and_nothing_else) {
  const RawTcpPair pair = raw_tcp_pair();
  const auto peer = net::tcp_peer(pair.ours.get());
  ASSERT_TRUE(peer) << peer.error().explain();
  EXPECT_EQ(peer->uid, ::geteuid());
  EXPECT_EQ(peer->gid, Peer::overflow_uid);
  EXPECT_EQ(peer->pid, 0);
  EXPECT_TRUE(peer->over_tcp);
  EXPECT_EQ(peer->to_string(), "uid " + std::to_string(::geteuid()) + ", over TCP");
  EXPECT_EQ(peer->process_name(), "");
}

TEST_F(tcp_peer, matches_rules_for_its_uid_and_never_one_for_a_group) {
  NEEDS_TO_BE_SOMEBODY();
  const RawTcpPair pair = raw_tcp_pair();
  const auto peer = net::tcp_peer(pair.ours.get());
  ASSERT_TRUE(peer);
  EXPECT_TRUE(allow::uid(::geteuid()).admits(*peer, {}));
  EXPECT_TRUE(allow::same_uid().admits(*peer, {}));
  EXPECT_TRUE(allow::any().admits(*peer, {}));
  EXPECT_FALSE(allow::gid(::getegid()).admits(*peer, {}));
  EXPECT_FALSE(allow::gid(Peer::overflow_uid).admits(*peer, {}));
}

TEST_F(tcp_peer, is_turned_away_once_it_has_closed_or_half_closed) {
  RawTcpPair pair = raw_tcp_pair();
  ASSERT_EQ(::shutdown(pair.its.get(), SHUT_WR), 0);
  const auto half = net::tcp_peer(pair.ours.get());
  ASSERT_FALSE(half);
  EXPECT_EQ(half.error().code, std::errc::connection_aborted);
  EXPECT_THAT(half.error().explain(), HasSubstr("it ended its half of the connection"));
  pair.its.close();
  const auto gone = net::tcp_peer(pair.ours.get());
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, std::errc::connection_aborted);
  EXPECT_THAT(gone.error().explain(), HasSubstr("it closed the connection"));
}

TEST_F(tcp_peer, is_turned_away_if_it_has_reset_the_connection) {
  RawTcpPair pair = raw_tcp_pair();
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  ASSERT_EQ(::setsockopt(pair.its.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
  pair.its.close();
  EXPECT_FALSE(net::tcp_peer(pair.ours.get()));
}

TEST_F(tcp_peer, is_turned_away_if_the_kernel_does_not_answer) {
  const std::vector<std::pair<int, std::string>> answers{
      {ENOENT, "the kernel knows no such socket"},
      {EPERM, "this process may not ask the kernel"},
      {EAFNOSUPPORT, "this process may not ask the kernel"},
      {EPROTONOSUPPORT, "this process may not ask the kernel"},
      {EMFILE, "Too many open files"}};
  const RawTcpPair pair = raw_tcp_pair();
  for (const auto& [code, words] : answers) {
    const FaultOn fault(sys::Call::socket, 1, code);
    const auto peer = net::tcp_peer(pair.ours.get());
    ASSERT_FALSE(peer) << code;
    EXPECT_THAT(peer.error().explain(), HasSubstr(words));
  }
  {
    const FaultOn gone_meanwhile(sys::Call::getpeername, 2, ENOTCONN);
    EXPECT_THAT(net::tcp_peer(pair.ours.get()).error().explain(),
                HasSubstr("before it was identified"));
  }
  const FaultOn fault(sys::Call::getsockopt, 1, ENOPROTOOPT);
  EXPECT_THAT(net::tcp_peer(pair.ours.get()).error().explain(), HasSubstr("older than 5.14"));
}

TEST_F(tcp_peer, from_another_machine_is_nobody_and_only_any_admits_it) {
  const Peer peer{.over_tcp = true};
  EXPECT_EQ(peer.to_string(), "unknown uid, over TCP");
  EXPECT_TRUE(allow::any().admits(peer, {}));
  for (const AllowRule& rule : {allow::root(), allow::same_uid(), allow::uid(0), allow::gid(0)}) {
    EXPECT_FALSE(rule.admits(peer, {})) << rule.to_string();
  }
}

}  // namespace
}  // namespace hallway::net
