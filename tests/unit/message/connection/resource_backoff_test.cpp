// SPDX-License-Identifier: Apache-2.0
//
// A kernel that is out of something, and gives no event when it has it again.
#include "message/connection/resource_backoff.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <hallway/client.hpp>
#include <hallway/connection.hpp>
#include <hallway/datagram_socket.hpp>

#include "support/conversation.hpp"
#include "support/faults.hpp"
#include "support/processes.hpp"
#include "support/raw_socket.hpp"
#include "support/temp_directory.hpp"
#include "support/waiting.hpp"

namespace hallway {
namespace {

using namespace test;
using message::ResourceBackoff;
using sys::Call;

// More attempts than this in a refused while, and somebody spins.
constexpr unsigned few = 60;

TEST(resource_backoff, pause_longer_each_time_and_restart_after_a_success) {
  ResourceBackoff refusals;
  EXPECT_FALSE(refusals.active());
  EXPECT_TRUE(refusals.note(1h));
  EXPECT_TRUE(refusals.active());
  EXPECT_EQ(refusals.pause(), ResourceBackoff::first_pause);
  EXPECT_TRUE(refusals.note(1h));
  EXPECT_EQ(refusals.pause(), 2 * ResourceBackoff::first_pause);
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(refusals.note(1h));
  EXPECT_EQ(refusals.pause(), ResourceBackoff::longest_pause);
  refusals.over();
  EXPECT_FALSE(refusals.active());
  EXPECT_TRUE(refusals.note(1h));
  EXPECT_EQ(refusals.pause(), ResourceBackoff::first_pause);
}

TEST(resource_backoff, go_on_for_a_bounded_time_or_without_end_when_there_is_no_such_clock) {
  ResourceBackoff bounded;
  EXPECT_FALSE(bounded.note(-1ns));
  ResourceBackoff endless;
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(endless.note(Duration::zero()));
}

class refused : public Conversation, public testing::WithParamInterface<int> {};

TEST_P(refused, is_tried_again_by_the_clock) {
  for (const SocketType type : {SocketType::stream, SocketType::seqpacket}) {
    start(type);
    const FaultOn fault(Call::sendmsg, 1, GetParam(), 4);
    say("in the end");
    ASSERT_TRUE(until_they_have(10));
    EXPECT_LT(fault.calls(), 4 + few);
  }
}

TEST_P(refused, delivers_what_was_sent_before_the_connection_was_let_go) {
  start();
  const FaultOn fault(Call::sendmsg, 1, GetParam(), 3);
  say("last words");
  ours.reset();
  loop.run();
  theirs->collect();
  EXPECT_EQ(theirs->received, "last words\n");
  EXPECT_TRUE(theirs->ended);
}

TEST_P(refused, ends_the_connection_when_it_goes_on_for_too_long) {
  start(SocketType::stream, {.limits = {.outbound_soft_time = 30ms}});
  const FaultOn fault(Call::sendmsg, 1, GetParam(), FaultOn::always);
  listen();
  say("never");
  ASSERT_TRUE(until_ended());
  EXPECT_EQ(log.end, Outcome::failed);
  EXPECT_NE(log.why.find("send to"), std::string::npos) << log.why;
  EXPECT_LT(fault.calls(), few);
  EXPECT_TRUE(until_they_see_the_end());
}

TEST_P(refused, keeps_a_flush_waiting_and_a_sender_over_the_soft_limit) {
  start(SocketType::stream, {.limits = {.outbound_soft = 1000}});
  const FaultOn fault(Call::sendmsg, 1, GetParam(), 5);
  say(std::string(2000, 'a'));
  std::optional<Outcome> sent;
  std::optional<Outcome> flushed;
  loop.spawn(note_send(*ours, "b", sent));
  loop.spawn(note_flush(*ours, flushed));
  loop.turn();
  EXPECT_FALSE(sent || flushed);
  ASSERT_TRUE(until([&] { return sent && flushed; }));
  EXPECT_EQ(sent, Outcome::ok);
  EXPECT_EQ(flushed, Outcome::ok);
}

TEST_P(refused, is_tried_again_by_a_blocking_client_until_its_deadline) {
  auto [near, far] = raw_pair(SOCK_STREAM);
  auto client = Client::adopt(std::move(near));
  ASSERT_TRUE(client);
  {
    const FaultOn fault(Call::sendmsg, 1, GetParam(), 3);
    EXPECT_TRUE(client->send("in the end", patience));
  }
  EXPECT_EQ(raw_receive(far.get()).bytes, "in the end\n");
  const FaultOn fault(Call::sendmsg, 1, GetParam(), FaultOn::always);
  EXPECT_EQ(client->send("too late", 20ms).outcome(), Outcome::timed_out);
  EXPECT_LT(fault.calls(), few);
}

TEST_P(refused, is_tried_again_by_a_datagram_socket_until_its_deadline) {
  const TempDirectory directory;
  auto receiver = DatagramSocket::bind(loop, directory / "s");
  auto sender = DatagramSocket::bind(loop, Address::autobind());
  ASSERT_TRUE(receiver && sender);
  {
    const FaultOn fault(Call::sendmsg, 1, GetParam(), 3);
    EXPECT_TRUE(loop.run(sender->send_to(receiver->address(), "in the end", {}, patience)));
  }
  EXPECT_EQ(raw_receive(receiver->descriptor()).bytes, "in the end");
  const FaultOn fault(Call::sendmsg, 1, GetParam(), FaultOn::always);
  const auto late = loop.run(sender->send_to(receiver->address(), "too late", {}, 20ms));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code.value(), GetParam()) << late.error().explain();
  EXPECT_LT(fault.calls(), few);
}

INSTANTIATE_TEST_SUITE_P(by_the_kernel, refused, testing::Values(ETOOMANYREFS, ENOBUFS, ENOMEM),
                         [](const auto& error) {
                           return std::string(::strerrorname_np(error.param));
                         });

// A packet may fit into SO_SNDBUF and still be more than the kernel can put together: then it says
// so for ever, with one error or another.
TEST_F(Conversation, gives_up_a_packet_that_no_kernel_takes) {
  auto [near, far] = raw_pair(SOCK_SEQPACKET);
  const int wanted = 1 << 30;
  ::setsockopt(near.get(), SOL_SOCKET, SO_SNDBUF, &wanted, sizeof wanted);
  int size = 0;
  socklen_t length = sizeof size;
  ASSERT_EQ(::getsockopt(near.get(), SOL_SOCKET, SO_SNDBUF, &size, &length), 0);
  const std::string packet(static_cast<std::size_t>(size) - 100, 'p');
  auto connection =
      Connection::adopt(loop, std::move(near),
                        {.limits = {.max_message = packet.size(), .outbound_soft_time = 30ms}});
  ASSERT_TRUE(connection);
  const CallCount count(Call::sendmsg);
  const Outcome outcome = loop.run([](Connection& to, const std::string& text) -> Task<Outcome> {
    const Sent sent = co_await to.send(text);
    if (!sent) co_return sent.outcome();
    co_return (co_await to.flush()).outcome();
  }(*connection, packet));
  EXPECT_TRUE(outcome == Outcome::failed || outcome == Outcome::ok) << to_string(outcome);
  EXPECT_LT(count.calls(), few);
}

/// Sends descriptors to a peer that does not read them until the kernel has had enough of this
/// user's. Gives what the peer got in the end, or what went wrong.
std::string more_descriptors_than_a_user_may_have_in_flight() {
  rlimit limit{64, 64};
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) return "setrlimit failed";
  constexpr std::size_t messages = 80;  // those that wait are ours, and count, too
  Loop loop;
  auto pair = Connection::pair(loop, SocketType::stream, {.descriptors = 1});
  if (!pair) return pair.error().explain();
  const Descriptor file = some_file();
  const CallCount sends(Call::sendmsg);
  bool all_sent = false;
  loop.spawn([](Connection& to, const Descriptor& passed, bool& done) -> Task<> {
    for (std::size_t i = 0; i < messages; ++i) {
      co_await to.send("x", Descriptor::adopt(::dup(passed.get())));
      co_await to.loop().sleep(0ns);
    }
    done = true;
  }(pair->first, file, all_sent));
  const auto refused_once = [&] { return all_sent && pair->first.unsent_bytes() > 0; };
  if (!run_until(loop, [&] { return all_sent; })) return "sending waits";
  if (!refused_once()) return "the kernel refused nothing";
  const unsigned before = sends.calls();
  const auto start = Loop::Clock::now();
  while (Loop::Clock::now() < start + 50ms) loop.turn(10ms);
  if (sends.calls() - before > few) return "it spins";
  std::size_t got = 0;
  const auto deadline = Loop::Clock::now() + patience;
  while (got < messages && Loop::Clock::now() < deadline) {
    loop.turn(1ms);
    Received message = pair->second.try_receive();
    if (message.outcome() == Outcome::would_block) continue;
    if (!message) return "message " + std::to_string(got) + ": " + message.error().explain();
    if (message->descriptors().size() != 1) return "a descriptor of " + std::to_string(got);
    ++got;
  }
  return std::to_string(got);
}

TEST(too_many_references, push_back_until_the_peer_receives) {
  const std::string got = is_root()
                              ? as_user(some_user, more_descriptors_than_a_user_may_have_in_flight)
                              : in_a_child(more_descriptors_than_a_user_may_have_in_flight);
  EXPECT_EQ(got, "80");
}

TEST_F(Conversation, closes_where_it_may_not_half_close) {
  start();
  const FaultOn fault(Call::shutdown, 1, EACCES);
  listen();
  ours->half_close();
  EXPECT_TRUE(until_they_see_the_end());
  ASSERT_TRUE(until_ended());
  EXPECT_EQ(log.end, Outcome::failed);
  EXPECT_NE(log.why.find("half-close"), std::string::npos) << log.why;
}

TEST_F(Conversation, closes_a_blocking_client_that_may_not_half_close) {
  auto [near, far] = raw_pair(SOCK_STREAM);
  auto client = Client::adopt(std::move(near));
  ASSERT_TRUE(client);
  const FaultOn fault(Call::shutdown, 1, EACCES);
  client->half_close();
  EXPECT_EQ(raw_receive(far.get()).result, 0);
  EXPECT_EQ(client->receive(patience).outcome(), Outcome::failed);
}

}  // namespace
}  // namespace hallway
