// SPDX-License-Identifier: Apache-2.0
//
// The blocking twin. Its peer is a raw socket that has spoken beforehand, or a forked process
// where the client has to wait for it.
#include <hallway/client.hpp>
#include <hallway/listener.hpp>

#include <gtest/gtest.h>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <fstream>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/conversation.hpp"
#include "support/faults.hpp"
#include "support/inventory.hpp"
#include "support/processes.hpp"
#include "support/temp_directory.hpp"

namespace hallway {
namespace {

using namespace test;
using namespace std::string_literals;
using Clock = Loop::Clock;

class client : public testing::Test {
 protected:
  void start(SocketType type = SocketType::stream, ConnectionOptions options = {}) {
    auto [near, far] = raw_pair(type == SocketType::stream ? SOCK_STREAM : SOCK_SEQPACKET);
    auto adopted = Client::adopt(std::move(near), std::move(options));
    ASSERT_TRUE(adopted);
    ours.emplace(std::move(*adopted));
    theirs.emplace(std::move(far));
  }

  TempDirectory directory{0755};
  std::string path = directory / "s";
  std::optional<Client> ours;
  std::optional<RawStream> theirs;
};

/// Serves the clients of `path` with `conversation`, one after the other, until it is killed.
class RawServer {
 public:
  RawServer(const std::string& path, const std::function<void(const Descriptor&)>& conversation)
      : listener_(raw_listening(SOCK_STREAM, path)), process_([&](const auto&) {
          while (true) {
            const Descriptor peer =
                Descriptor::adopt(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
            conversation(peer);
          }
        }) {}

 private:
  Descriptor listener_;
  ForkedProcess process_;
};

void raw_echo(const Descriptor& peer) {
  while (true) {
    const RawReception got = raw_receive(peer.get(), 65536, true);
    if (got.result <= 0) return;
    ::send(peer.get(), got.bytes.data(), got.bytes.size(), MSG_NOSIGNAL);
  }
}

TEST_F(client, waits_for_a_server_that_starts_later) {
  Descriptor server;
  std::jthread starting([&] {
    std::this_thread::sleep_for(30ms);
    server = raw_listening(SOCK_STREAM, path);
  });
  const auto made = Client::connect(path, {.retry_for = 10s});
  starting.join();
  ASSERT_TRUE(made) << made.error().explain();
  EXPECT_EQ(made->address().name(), path);
}

TEST_F(client, says_for_how_long_it_waited_for_a_server) {
  const auto before = Clock::now();
  const auto made = Client::connect(path, {.retry_for = 50ms});
  EXPECT_GE(Clock::now() - before, 50ms);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, std::errc::no_such_file_or_directory);
  EXPECT_EQ(made.error().reason, "there is no such socket (tried for 50ms)");
}

// Talking -----------------------------------------------------------------------------------------

TEST_F(client, asks_a_server_and_gets_its_answer) {
  const RawServer server(path, raw_echo);
  auto connected = Client::connect(path, {.timeout = 5s});
  ASSERT_TRUE(connected);
  for (int i = 0; i < 100; ++i) {
    Received reply = connected->request("question " + std::to_string(i), 5s);
    ASSERT_TRUE(reply) << reply.error().explain();
    EXPECT_EQ(reply->bytes(), "question " + std::to_string(i));
  }
  EXPECT_EQ(connected->counters().messages_received, 100U);
  EXPECT_EQ(connected->address().name(), path);
  EXPECT_EQ(connected->peer().uid, ::geteuid());
  EXPECT_EQ(connected->type(), SocketType::stream);
}

TEST_F(client, receives_in_every_framing) {
  const std::vector<std::pair<Framing, std::string>> streams{
      {Framing::lines(), "a\nbc\n"},
      {Framing::null(), "a\0bc\0"s},
      {Framing::len32be(), "\0\0\0\1a\0\0\0\2bc"s}};
  for (const auto& [framing, bytes] : streams) {
    start(SocketType::stream, {.framing = framing});
    theirs->send(bytes);
    EXPECT_EQ(ours->receive(5s)->bytes(), "a");
    EXPECT_EQ(ours->receive(5s)->bytes(), "bc");
    EXPECT_TRUE(ours->send("a"));
    EXPECT_TRUE(ours->send("bc"));
    theirs->collect();
    EXPECT_EQ(theirs->received, bytes);
  }
}

TEST_F(client, keeps_packets_apart_and_empty_ones_from_the_end) {
  start(SocketType::seqpacket);
  for (const char* packet : {"one", "", "three"}) theirs->send(packet);
  theirs->close();
  for (const char* packet : {"one", "", "three"}) {
    Received received = ours->receive(5s);
    ASSERT_TRUE(received);
    EXPECT_EQ(received->bytes(), packet);
  }
  EXPECT_EQ(ours->receive(5s).outcome(), Outcome::end_of_stream);
}

TEST_F(client, gives_the_same_messages_when_every_call_moves_one_byte) {
  const OneByte reading(sys::Call::recvmsg);
  const OneByte writing(sys::Call::sendmsg);
  start();
  theirs->send("one\ntwo\n");
  EXPECT_EQ(ours->receive(5s)->bytes(), "one");
  EXPECT_EQ(ours->receive(5s)->bytes(), "two");
  EXPECT_TRUE(ours->send("three", 5s));
  theirs->collect();
  EXPECT_EQ(theirs->received, "three\n");
}

TEST_F(client, passes_descriptors_in_both_directions) {
  start(SocketType::stream, {.descriptors = 1});
  const Descriptor file = some_file();
  theirs->send("with\n", {file.get()});
  Received received = ours->receive(5s);
  ASSERT_EQ(received->descriptors().size(), 1U);
  std::vector<Descriptor> back;
  back.push_back(std::move(received->descriptors()[0]));
  EXPECT_TRUE(ours->send("back", std::move(back), 5s));
  theirs->collect();
  ASSERT_EQ(theirs->descriptors.size(), 1U);
  EXPECT_TRUE(same_file(theirs->descriptors[0].get(), file.get()));
}

TEST_F(client, passes_a_single_descriptor) {
  start();
  const Descriptor file = some_file();
  ASSERT_TRUE(ours->send("with", Descriptor::adopt(::dup(file.get()))));
  theirs->collect();
  EXPECT_EQ(theirs->received, "with\n");
  ASSERT_EQ(theirs->descriptors.size(), 1U);
  EXPECT_TRUE(same_file(theirs->descriptors[0].get(), file.get()));
}

TEST_F(client, knows_its_peers_groups_and_process) {
  start();
  EXPECT_TRUE(ours->peer_groups());
  EXPECT_TRUE(is_open(ours->descriptor()));
  const auto pidfd = ours->peer_pidfd();
  EXPECT_TRUE(pidfd || pidfd.error().code == std::errc::no_protocol_option);
}

TEST_F(client, closes_the_connection_it_replaces) {
  start();
  RawStream first = std::move(*theirs);
  auto [near, far] = raw_pair(SOCK_STREAM);
  *ours = *Client::adopt(std::move(near));
  first.collect();
  EXPECT_TRUE(first.ended);
  ASSERT_TRUE(ours->send("second"));
  EXPECT_EQ(raw_receive(far.get()).bytes, "second\n");
}

TEST_F(client, receives_a_message_whose_descriptors_were_too_many_without_them) {
  start(SocketType::stream, {.descriptors = 1});
  const Descriptor file = some_file();
  theirs->send("two of them\n", {file.get(), file.get()});
  const Received received = ours->receive(1s);
  EXPECT_EQ(received.outcome(), Outcome::ok);
  EXPECT_EQ(received->bytes(), "two of them");
  EXPECT_TRUE(received->descriptors_lost());
  EXPECT_TRUE(received->descriptors().empty());
}

TEST_F(client, has_words_for_a_deadline) {
  start();
  const Received received = ours->receive(0ms);
  EXPECT_EQ(received.error().code, std::errc::timed_out);
  EXPECT_NE(received.error().explain().find("no message came in time"), std::string::npos);
}

TEST_F(client, switches_its_framing) {
  start();
  ours->set_framing(Framing::null(), Framing::len32be());
  theirs->send("a\nb\0"s);
  EXPECT_EQ(ours->receive(5s)->bytes(), "a\nb");
  EXPECT_TRUE(ours->send("x"));
  theirs->collect();
  EXPECT_EQ(theirs->received, "\0\0\0\1x"s);
}

// Outcomes ----------------------------------------------------------------------------------------

TEST_F(client, gives_up_waiting_at_its_deadline_and_stays_usable) {
  start();
  const auto before = Clock::now();
  const Received none = ours->receive(5ms);
  EXPECT_EQ(none.outcome(), Outcome::timed_out);
  EXPECT_GE(Clock::now() - before, 5ms);
  EXPECT_EQ(ours->receive(0ms).outcome(), Outcome::timed_out);
  theirs->send("hal");
  EXPECT_EQ(ours->receive(1ms).outcome(), Outcome::timed_out);
  theirs->send("f\n");
  EXPECT_EQ(ours->receive(5s)->bytes(), "half");
}

TEST_F(client, gives_up_on_an_answer_at_its_deadline) {
  start();
  const auto before = Clock::now();
  const Received none = ours->request("anybody?", 5ms);
  EXPECT_EQ(none.outcome(), Outcome::timed_out);
  EXPECT_GE(Clock::now() - before, 5ms);
  EXPECT_LT(Clock::now() - before, 5s);
}

TEST_F(client, sends_the_rest_of_a_message_that_timed_out_half_written_with_the_next_call) {
  start(SocketType::stream, {.limits = {.send_buffer = 0}});
  const std::string large(1'000'000, 'x');
  EXPECT_EQ(ours->send(large, 2ms).outcome(), Outcome::timed_out);
  ASSERT_EQ(ours->send("next", 2ms).outcome(), Outcome::timed_out);  // still no room
  Sent sent = ours->send("next", 0ms);
  while (!sent) {
    theirs->collect();
    sent = ours->send("next", 0ms);
  }
  theirs->collect();
  EXPECT_EQ(theirs->received, large + "\nnext\n");
}

TEST_F(client, distinguishes_the_end_a_reset_and_half_a_message) {
  start();
  theirs->send("last");
  theirs->close();
  EXPECT_EQ(ours->receive(5s)->bytes(), "last");
  EXPECT_EQ(ours->receive(5s).outcome(), Outcome::end_of_stream);

  start();
  theirs->send("one\n");
  EXPECT_TRUE(ours->send("never read"));
  theirs->close();
  EXPECT_EQ(ours->receive(5s)->bytes(), "one");
  EXPECT_EQ(ours->receive(5s).outcome(), Outcome::peer_gone);

  start(SocketType::stream, {.framing = Framing::len32be()});
  theirs->send("\0\0\0\5hal"s);
  theirs->close();
  const Received half = ours->receive(5s);
  EXPECT_EQ(half.outcome(), Outcome::failed);
  EXPECT_NE(half.error().explain().find("7 bytes of an unfinished message"), std::string::npos);
}

TEST_F(client, finds_out_that_its_peer_is_gone_when_it_sends) {
  start();
  theirs->close();
  const Sent sent = ours->send("x", 5s);
  EXPECT_EQ(sent.outcome(), Outcome::peer_gone);
  EXPECT_FALSE(sent.error().explain().empty());
}

TEST_F(client, fails_on_a_message_over_the_limit) {
  for (const SocketType type : {SocketType::stream, SocketType::seqpacket}) {
    start(type, {.limits = {.max_message = 8}});
    theirs->send("much too long\n");
    const Received received = ours->receive(5s);
    EXPECT_EQ(received.outcome(), Outcome::failed);
    EXPECT_NE(received.error().explain().find("limit of 8"), std::string::npos)
        << received.error().explain();
  }
  start(SocketType::stream, {.limits = {.max_message = 8}});
  EXPECT_EQ(ours->send("much too long").outcome(), Outcome::failed);
  EXPECT_TRUE(ours->send("short"));
}

TEST_F(client, fails_with_what_the_kernel_says) {
  start();
  const FaultOn fault(sys::Call::poll, 1, ENOMEM);
  EXPECT_EQ(ours->receive(5s).outcome(), Outcome::failed);
}

TEST_F(client, half_closes_and_still_gets_its_answer) {
  start();
  EXPECT_TRUE(ours->send("request"));
  ours->half_close();
  EXPECT_EQ(ours->send("more").outcome(), Outcome::closed);
  theirs->collect();
  EXPECT_TRUE(theirs->ended);
  theirs->send("answer\n");
  EXPECT_EQ(ours->receive(5s)->bytes(), "answer");
}

TEST_F(client, gives_nothing_once_it_is_closed) {
  start();
  theirs->send("unread\n");
  ours->close();
  EXPECT_EQ(ours->receive(5s).outcome(), Outcome::closed);
  EXPECT_EQ(ours->send("x").outcome(), Outcome::closed);
  ours->close();
  theirs->collect();
  EXPECT_TRUE(theirs->ended);
  EXPECT_EQ(theirs->error, 0);
}

// Connecting --------------------------------------------------------------------------------------

TEST_F(client, explains_why_it_cannot_connect) {
  const auto error_at = [](const std::string& address, SocketType type = SocketType::stream) {
    const auto connected = Client::connect(address, {.timeout = 1s, .type = type});
    EXPECT_FALSE(connected);
    return connected ? std::error_code() : connected.error().code;
  };
  EXPECT_EQ(error_at(path), std::errc::no_such_file_or_directory);
  raw_bound(SOCK_STREAM, path).close();
  EXPECT_EQ(error_at(path), std::errc::connection_refused);
  const Descriptor packets = raw_listening(SOCK_SEQPACKET, directory / "p");
  EXPECT_EQ(error_at(directory / "p"), std::errc::wrong_protocol_type);
  EXPECT_EQ(error_at("tcp:x"), std::errc::invalid_argument);
  EXPECT_EQ(error_at(path, SocketType::datagram), std::errc::invalid_argument);
  EXPECT_EQ(error_at("autobind"), std::errc::invalid_argument);
}

TEST_F(client, retries_a_full_backlog_exactly_until_the_deadline) {
  const Descriptor server = raw_listening(SOCK_STREAM, path, 0);
  const Descriptor queued = raw_connected(SOCK_STREAM, path);
  const CallCount attempts(sys::Call::connect);
  const auto before = Clock::now();
  const auto connected = Client::connect(path, {.timeout = 60ms});
  const auto took = Clock::now() - before;
  ASSERT_FALSE(connected);
  EXPECT_EQ(connected.error().code, std::errc::timed_out);
  EXPECT_EQ(connected.error().hint, "its backlog is full: 1 client waits for accept");
  EXPECT_GE(took, 60ms);
  EXPECT_LT(took, 2s);
  EXPECT_LT(attempts.calls(), 50U);  // it waits in between
}

TEST_F(client, says_which_process_has_a_full_backlog_and_what_it_does) {
  ForkedProcess server([this](const ForkedProcess::Say& say) {
    const auto listener = Listener::bind(path, {.backlog = 0});
    say(listener ? "listening" : listener.error().explain());
    wait_to_be_killed();
  });
  ASSERT_EQ(server.line(), "listening");
  const Descriptor queued = raw_connected(SOCK_STREAM, path);
  const auto hint = [this] {
    const auto connected = Client::connect(path, {.timeout = 1ms});
    return connected ? "connected" : connected.error().hint;
  };
  const std::string pid = std::to_string(server.pid());
  const std::string sleeping = hint();
  EXPECT_TRUE(sleeping.starts_with("its backlog is full: 1 client waits for accept; pid " + pid))
      << sleeping;
  EXPECT_TRUE(sleeping.ends_with(" owns it and is sleeping (state S)")) << sleeping;
  ASSERT_EQ(::kill(server.pid(), SIGSTOP), 0);
  ASSERT_EQ(::waitpid(server.pid(), nullptr, WUNTRACED), server.pid());
  EXPECT_TRUE(hint().ends_with(" is stopped by a signal (kill -CONT " + pid + " continues it)"))
      << hint();
}

TEST_F(client, names_no_process_that_does_not_hold_the_socket) {
  ForkedProcess stranger([](const ForkedProcess::Say& say) {
    say("begun");
    wait_to_be_killed();
  });
  ASSERT_EQ(stranger.line(), "begun");
  const Descriptor server = raw_listening(SOCK_STREAM, path, 0);
  const Descriptor queued = raw_connected(SOCK_STREAM, path);
  std::ofstream(path + ".lock") << "hallway " << stranger.pid() << " 0\n";
  const auto connected = Client::connect(path, {.timeout = 1ms});
  ASSERT_FALSE(connected);
  EXPECT_EQ(connected.error().hint, "its backlog is full: 1 client waits for accept");
}

TEST_F(client, gets_in_as_soon_as_the_backlog_has_room) {
  const Descriptor server = raw_listening(SOCK_STREAM, path, 0);
  const Descriptor queued = raw_connected(SOCK_STREAM, path);
  const auto makes_room_at_the_third_try = [&, tries = 0]() mutable {
    if (++tries == 3)
      Descriptor::adopt(::accept4(server.get(), nullptr, nullptr, SOCK_CLOEXEC)).close();
  };
  const AtCall attempts(sys::Call::connect, makes_room_at_the_third_try);
  EXPECT_TRUE(Client::connect(path, {.timeout = 10s}));
  EXPECT_EQ(attempts.calls(), 3U);
}

TEST_F(client, takes_a_deadline_of_nothing_for_one_try) {
  const Descriptor server = raw_listening(SOCK_STREAM, path, 0);
  const Descriptor queued = raw_connected(SOCK_STREAM, path);
  const auto connected = Client::connect(path, {.timeout = 0ms});
  ASSERT_FALSE(connected);
  EXPECT_EQ(connected.error().code, std::errc::timed_out);
}

TEST_F(client, refuses_a_server_of_another_uid_before_the_first_byte) {
  const Descriptor server = raw_listening(SOCK_STREAM, path);
  const auto refused = Client::connect(path, {.server_uid = ::geteuid() + 1});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, std::errc::operation_not_permitted);
  EXPECT_NE(refused.error().explain().find("uid " + std::to_string(::geteuid())),
            std::string::npos);
  const Descriptor accepted =
      Descriptor::adopt(::accept4(server.get(), nullptr, nullptr, SOCK_CLOEXEC));
  EXPECT_EQ(raw_receive(accepted.get()).result, 0);
  EXPECT_TRUE(Client::connect(path, {.server_uid = ::geteuid()}));
}

TEST_F(client, refuses_a_squatter) {
  NEEDS_ROOT_TO_BECOME_ANOTHER_USER();
  ASSERT_EQ(::chmod(directory.path().c_str(), 01777), 0);
  ForkedProcess squatter([this](const ForkedProcess::Say& say) {
    if (::setgid(some_user) != 0 || ::setuid(some_user) != 0) return;
    const Descriptor server = raw_listening(SOCK_STREAM, path);
    say("squatting");
    wait_to_be_killed();
  });
  ASSERT_EQ(squatter.line(), "squatting");
  const auto refused = Client::connect(path, {.server_uid = 0});
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().explain().find("uid 1234"), std::string::npos)
      << refused.error().explain();
}

TEST_F(client, trusts_the_servers_of_root_and_of_its_own_user) {
  const Descriptor own = raw_listening(SOCK_STREAM, path);
  EXPECT_TRUE(Client::connect(path, {.trusted_server = true}));
  NEEDS_ROOT_TO_BECOME_ANOTHER_USER();
  ASSERT_EQ(::chmod(directory.path().c_str(), 01777), 0);
  const std::string other = directory / "other";
  ForkedProcess squatter([&](const ForkedProcess::Say& say) {
    if (::setgid(some_user) != 0 || ::setuid(some_user) != 0) return;
    const Descriptor server = raw_listening(SOCK_STREAM, other);
    say("squatting");
    wait_to_be_killed();
  });
  ASSERT_EQ(squatter.line(), "squatting");
  const auto refused = Client::connect(other, {.trusted_server = true});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, std::errc::operation_not_permitted);
  EXPECT_TRUE(refused.error().reason.contains("uid 1234, neither root nor this user"))
      << refused.error().explain();
  EXPECT_TRUE(refused.error().hint.starts_with("set server_uid to 1234 "));
  EXPECT_TRUE(Client::connect(other, {.server_uid = some_user, .trusted_server = true}));
  EXPECT_TRUE(Client::connect(other));
}

TEST_F(client, trusts_no_server_for_having_the_overflow_uid) {
  NEEDS_ROOT_TO_BECOME_ANOTHER_USER();
  ASSERT_EQ(::chmod(directory.path().c_str(), 01777), 0);
  ForkedProcess stranger([this](const ForkedProcess::Say& say) {
    if (::setgid(nobody) != 0 || ::setuid(nobody) != 0) return;
    const Descriptor server = raw_listening(SOCK_STREAM, path);
    say("serving");
    wait_to_be_killed();
  });
  ASSERT_EQ(stranger.line(), "serving");
  const auto refused = Client::connect(path, {.server_uid = nobody});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, std::errc::operation_not_permitted);
}

TEST_F(client, uses_an_inherited_socket) {
  auto [near, far] = raw_pair(SOCK_STREAM);
  const std::string inherited = "fd:" + std::to_string(::dup(near.get()));
  const auto unsuitable = Client::connect(inherited, {.type = SocketType::seqpacket});
  ASSERT_FALSE(unsuitable);
  EXPECT_EQ(unsuitable.error().code, std::errc::wrong_protocol_type);
  auto connected = Client::connect(inherited);
  ASSERT_TRUE(connected);
  EXPECT_TRUE(connected->send("x"));
  EXPECT_EQ(raw_receive(far.get()).bytes, "x\n");
  EXPECT_EQ(Client::connect(inherited).error().code, std::errc::device_or_resource_busy);
}

TEST_F(client, checks_the_peer_of_an_inherited_socket) {
  auto [near, far] = raw_pair(SOCK_STREAM);
  const auto refused =
      Client::connect("fd:" + std::to_string(::dup(near.get())), {.server_uid = ::geteuid() + 1});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, std::errc::operation_not_permitted);
}

TEST_F(client, takes_no_listening_socket_for_a_connection) {
  const Descriptor listening = raw_listening(SOCK_STREAM, path);
  const Descriptor inherited = Descriptor::adopt(::dup(listening.get()));
  const auto refused = Client::connect("fd:" + std::to_string(inherited.get()));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, std::errc::invalid_argument);
}

TEST_F(client, is_not_killed_by_a_peer_that_closes) {
  const std::string end = in_a_child([] {
    std::signal(SIGPIPE, SIG_DFL);
    auto [near, far] = raw_pair(SOCK_STREAM);
    auto adopted = Client::adopt(std::move(near));
    far.close();
    for (int i = 0; i < 3; ++i) (void)adopted->send("x");
    return std::string("alive");
  });
  EXPECT_EQ(end, "alive");
}

TEST_F(client, leaves_nothing_behind_whichever_call_fails) {
  const Descriptor server = raw_listening(SOCK_STREAM, path, 64);
  for (const sys::Call call :
       {sys::Call::socket, sys::Call::connect, sys::Call::getsockopt, sys::Call::setsockopt}) {
    for (unsigned nth = 1;; ++nth) {
      const Inventory before = Inventory::take();
      const FaultOn fault(call, nth, ENOMEM);
      {
        const auto connected = Client::connect(path);
      }
      EXPECT_EQ(before.difference(Inventory::take()), "");
      if (fault.calls() < nth) break;
    }
  }
}

}  // namespace
}  // namespace hallway
