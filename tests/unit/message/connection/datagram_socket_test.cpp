// SPDX-License-Identifier: Apache-2.0
#include <hallway/datagram_socket.hpp>

#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
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

/// A datagram that outlives its socket's next receive.
struct Kept {
  std::string bytes;
  ReturnAddress sender;
  std::size_t descriptors = 0;
  bool descriptors_lost = false;
  Outcome outcome = Outcome::ok;
  std::size_t whole_size = 0;
};

class datagram_socket : public testing::Test {
 protected:
  [[nodiscard]] DatagramSocket bound(DatagramOptions options = {}) {
    auto socket = DatagramSocket::bind(loop, path, std::move(options));
    EXPECT_TRUE(socket) << (socket ? "" : socket.error().explain());
    return std::move(*socket);
  }
  [[nodiscard]] DatagramSocket connected() {
    auto socket = DatagramSocket::connect(loop, path);
    EXPECT_TRUE(socket) << (socket ? "" : socket.error().explain());
    return std::move(*socket);
  }
  /// A raw sender without an address of its own.
  [[nodiscard]] Descriptor raw_sender() const { return raw_connected(SOCK_DGRAM, path); }

  Kept receive(DatagramSocket& socket) {
    auto got = loop.run(socket.receive(5s));
    if (!got) {
      ADD_FAILURE() << got.error().explain();
      return {};
    }
    return {got->to_owned(),         got->return_address(), got->descriptors().size(),
            got->descriptors_lost(), got->outcome(),        got->whole_size()};
  }
  std::error_code send(DatagramSocket& socket, const std::string& message, Duration within = 5s) {
    const auto sent = loop.run(socket.send(message, within));
    return sent ? std::error_code() : sent.error().code;
  }

  TempDirectory directory{0755};
  std::string path = directory / "d";
  Loop loop;
};

// Receiving ---------------------------------------------------------------------------------------

TEST_F(datagram_socket, receives_datagrams_one_by_one_also_empty_ones) {
  DatagramSocket socket = bound();
  const Descriptor sender = raw_sender();
  for (const char* text : {"one", "", "three\n"}) raw_send(sender.get(), text);
  for (const char* text : {"one", "", "three\n"}) {
    const Kept got = receive(socket);
    EXPECT_EQ(got.bytes, text);
    EXPECT_EQ(got.outcome, Outcome::ok);
    EXPECT_EQ(got.whole_size, std::string(text).size());
  }
}

TEST_F(datagram_socket, waits_for_a_datagram) {
  DatagramSocket socket = bound();
  std::string got;
  loop.spawn([](DatagramSocket& from, std::string& text) -> Task<> {
    const auto datagram = co_await from.receive();
    text = datagram->to_owned();
  }(socket, got));
  loop.turn();
  EXPECT_EQ(got, "");
  raw_send(raw_sender().get(), "late");
  EXPECT_TRUE(run_until(loop, [&] { return got == "late"; }));
}

TEST_F(datagram_socket, gives_up_at_its_deadline_and_stays_usable) {
  DatagramSocket socket = bound();
  const auto before = Loop::Clock::now();
  const auto none = loop.run(socket.receive(3ms));
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, std::errc::timed_out);
  EXPECT_GE(Loop::Clock::now() - before, 3ms);
  raw_send(raw_sender().get(), "x");
  EXPECT_EQ(receive(socket).bytes, "x");
}

TEST_F(datagram_socket, knows_the_sender_of_each_datagram) {
  DatagramSocket socket = bound();
  raw_send(raw_sender().get(), "x");
  const Kept got = receive(socket);
  EXPECT_EQ(got.sender.sender.pid, ::getpid());
  EXPECT_EQ(got.sender.sender.uid, ::geteuid());
  EXPECT_EQ(got.sender.address.kind(), Address::Kind::unnamed);
}

TEST_F(datagram_socket, knows_another_user) {
  NEEDS_ROOT_TO_BECOME_ANOTHER_USER();
  DatagramSocket socket = bound({.file = {.mode = 0666}});
  as_user(some_user, [this] {
    raw_send(raw_sender().get(), "from somebody");
    return std::string();
  });
  EXPECT_EQ(receive(socket).sender.sender.uid, some_user);
}

TEST_F(datagram_socket, notices_that_a_datagram_was_too_long_for_it) {
  DatagramSocket socket = bound({.max_message = 8});
  const Descriptor sender = raw_sender();
  for (const std::size_t size : {7U, 8U, 9U, 1000U}) {
    raw_send(sender.get(), std::string(size, 'x'));
    const Kept got = receive(socket);
    EXPECT_EQ(got.outcome, size <= 8 ? Outcome::ok : Outcome::truncated) << size;
    EXPECT_EQ(got.bytes.size(), std::min<std::size_t>(size, 8));
    EXPECT_EQ(got.whole_size, size);
  }
  raw_send(sender.get(), "next");
  EXPECT_EQ(receive(socket).bytes, "next");
}

TEST_F(datagram_socket, gives_datagrams_that_become_strings_and_are_printed_escaped) {
  DatagramSocket socket = bound();
  raw_send(raw_sender().get(), "a\x1b[2J");
  const auto got = loop.run(socket.receive(5s));
  ASSERT_TRUE(got);
  const std::string kept = *got;
  EXPECT_EQ(kept, "a\x1b[2J");
  std::ostringstream printed;
  printed << *got;
  EXPECT_EQ(printed.str(), printable(kept));
}

TEST_F(datagram_socket, takes_descriptors_only_when_asked_and_no_more_than_asked) {
  const Descriptor file = some_file();
  {
    DatagramSocket socket = bound({.descriptors = 2});
    const Descriptor sender = raw_sender();
    for (std::size_t sent = 0; sent < 5; ++sent) {
      raw_send(sender.get(), "x", std::vector<int>(sent, file.get()));
      const Kept got = receive(socket);
      EXPECT_EQ(got.outcome, Outcome::ok);
      EXPECT_EQ(got.descriptors_lost, sent > 2);
      EXPECT_EQ(got.descriptors, sent <= 2 ? sent : 0);
    }
  }
  DatagramSocket socket = bound();
  const Descriptor sender = raw_sender();
  if (raw_send(sender.get(), "x", {file.get()}) < 0) raw_send(sender.get(), "x");
  EXPECT_EQ(receive(socket).descriptors, 0U);
}

TEST_F(datagram_socket, ends_a_waiting_receive_when_it_is_closed) {
  DatagramSocket socket = bound();
  std::optional<Error> error;
  loop.spawn([](DatagramSocket& from, std::optional<Error>& result) -> Task<> {
    const auto got = co_await from.receive();
    if (!got) result = got.error();
  }(socket, error));
  loop.turn();
  socket.close();
  ASSERT_TRUE(run_until(loop, [&] { return error.has_value(); }));
  EXPECT_EQ(error->code, std::errc::operation_canceled);
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_EQ(loop.run(socket.receive()).error().code, std::errc::operation_canceled);
  EXPECT_EQ(loop.run(socket.send_to(*Address::parse(path), "x")).error().code,
            std::errc::operation_canceled);
}

// Sending -----------------------------------------------------------------------------------------

TEST_F(datagram_socket, answers_a_sender_that_has_an_address) {
  DatagramSocket server = bound();
  DatagramSocket client = connected();
  EXPECT_EQ(client.address().kind(), Address::Kind::abstract);  // the kernel's choice
  EXPECT_EQ(send(client, "ping"), std::error_code());
  const Kept ping = receive(server);
  EXPECT_EQ(ping.sender.address, client.address());
  ASSERT_TRUE(loop.run(server.answer(ping.sender, "pong")));
  EXPECT_EQ(receive(client).bytes, "pong");
}

TEST_F(datagram_socket, cannot_answer_a_sender_that_bound_no_address_and_says_so) {
  DatagramSocket server = bound();
  raw_send(raw_sender().get(), "ping");
  const Kept ping = receive(server);
  const auto sent = loop.run(server.answer(ping.sender, "pong"));
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code, std::errc::destination_address_required);
  EXPECT_NE(sent.error().explain().find("no address for answers"), std::string::npos);
  EXPECT_FALSE(sent.error().hint.empty());
}

TEST_F(datagram_socket, needs_a_receiver_when_it_is_not_connected) {
  DatagramSocket socket = bound();
  EXPECT_EQ(send(socket, "x"), std::errc::destination_address_required);
}

TEST_F(datagram_socket, sends_anywhere_paths_of_any_length_included) {
  path = directory / std::string(150, 'n');
  DatagramSocket receiver = bound();
  auto sender = DatagramSocket::bind(loop, Address::autobind());
  ASSERT_TRUE(sender);
  ASSERT_TRUE(loop.run(sender->send_to(*Address::parse(path), "far")));
  EXPECT_EQ(receive(receiver).bytes, "far");
}

TEST_F(datagram_socket, passes_descriptors) {
  DatagramSocket receiver = bound({.descriptors = 1});
  auto sender = DatagramSocket::bind(loop, Address::autobind());
  std::vector<Descriptor> list;
  list.push_back(some_file());
  ASSERT_TRUE(loop.run(sender->send_to(receiver.address(), "with", std::move(list))));
  EXPECT_EQ(receive(receiver).descriptors, 1U);
}

TEST_F(datagram_socket, explains_a_datagram_that_is_too_large_for_the_kernel) {
  DatagramSocket receiver = bound();
  DatagramSocket sender = connected();
  const std::string huge(8'000'000, 'x');
  const auto sent = loop.run(sender.send(huge));
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code, std::errc::message_size);
  EXPECT_NE(sent.error().explain().find("8000000"), std::string::npos);
}

TEST_F(datagram_socket, waits_for_a_full_receiver_until_its_deadline_without_spinning) {
  const Descriptor receiver = raw_bound(SOCK_DGRAM, path);
  DatagramSocket connected_sender = connected();
  auto free_sender = DatagramSocket::bind(loop, Address::autobind());
  ASSERT_TRUE(free_sender);
  while (send(connected_sender, "x", 0ms) == std::error_code()) {
  }
  const CallCount attempts(sys::Call::sendmsg);
  const auto before = Loop::Clock::now();
  EXPECT_EQ(send(connected_sender, "x", 30ms), std::errc::timed_out);
  const auto sent = loop.run(free_sender->send_to(*Address::parse(path), "x", {}, 30ms));
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code, std::errc::timed_out);
  EXPECT_GE(Loop::Clock::now() - before, 60ms);
  EXPECT_LT(attempts.calls(), 60U);
}

TEST_F(datagram_socket, goes_on_when_the_receiver_has_room_again) {
  DatagramSocket receiver = bound();
  DatagramSocket sender = connected();
  auto free_sender = DatagramSocket::bind(loop, Address::autobind());
  constexpr int count = 200;
  const auto send_all = [](DatagramSocket& from, Address to) -> Task<> {
    for (int i = 0; i < count; ++i) {
      const std::string text = std::to_string(i);
      const auto sent = co_await from.send_to(to, text);
      EXPECT_TRUE(sent);
    }
  };
  loop.spawn(send_all(sender, receiver.address()));
  loop.spawn(send_all(*free_sender, receiver.address()));
  std::vector<std::string> from_connected;
  std::vector<std::string> from_free;
  while (from_connected.size() + from_free.size() < 2 * std::size_t{count}) {
    const Kept got = receive(receiver);
    (got.sender.address == sender.address() ? from_connected : from_free).push_back(got.bytes);
  }
  for (std::size_t i = 0; i < count; ++i) {
    EXPECT_EQ(from_connected[i], std::to_string(i));
    EXPECT_EQ(from_free[i], std::to_string(i));
  }
}

TEST_F(datagram_socket, sends_to_nobodys_socket_but_the_one_of_the_user_asked_for) {
  const DatagramSocket receiver = bound();
  const auto own = DatagramSocket::connect(loop, path, {.server_uid = ::geteuid()});
  EXPECT_TRUE(own) << own.error().explain();
  const auto other = DatagramSocket::connect(loop, path, {.server_uid = ::geteuid() + 1});
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, std::errc::operation_not_permitted);
  const auto nameless = DatagramSocket::connect(loop, "@" + path, {.server_uid = ::geteuid()});
  ASSERT_FALSE(nameless) << "an abstract name has no owner";
}

TEST_F(datagram_socket, connects_to_the_file_it_checked_even_when_the_name_moves_on) {
  DatagramSocket receiver = bound();
  const std::string elsewhere = directory / "elsewhere";
  const AtCall swap(sys::Call::connect, [&] {
    std::filesystem::rename(path, elsewhere);
    std::filesystem::create_symlink("/nowhere", path);
  });
  auto sender = DatagramSocket::connect(loop, path, {.server_uid = ::geteuid()});
  ASSERT_TRUE(sender) << sender.error().explain();
  EXPECT_EQ(send(*sender, "to the one that was checked"), std::error_code());
  EXPECT_EQ(receive(receiver).bytes, "to the one that was checked");
}

TEST_F(datagram_socket, tries_again_when_the_kernel_is_out_of_buffers) {
  DatagramSocket receiver = bound();
  DatagramSocket sender = connected();
  const FaultOn fault(sys::Call::sendmsg, 1, ENOBUFS, 3);
  EXPECT_EQ(send(sender, "in the end"), std::error_code());
  EXPECT_EQ(receive(receiver).bytes, "in the end");
}

TEST_F(datagram_socket, reaches_a_receiver_that_was_restarted) {
  std::optional<DatagramSocket> receiver(bound());
  DatagramSocket sender = connected();
  EXPECT_EQ(send(sender, "before"), std::error_code());
  for (int i = 0; i < 5; ++i) {
    receiver.reset();
    receiver.emplace(bound());
    EXPECT_EQ(send(sender, "after " + std::to_string(i)), std::error_code());
    EXPECT_EQ(receive(*receiver).bytes, "after " + std::to_string(i));
  }
}

TEST_F(datagram_socket, says_that_its_receiver_is_gone) {
  std::optional<DatagramSocket> receiver(bound());
  DatagramSocket sender = connected();
  receiver.reset();
  EXPECT_EQ(send(sender, "x"), std::errc::no_such_file_or_directory);
  raw_bound(SOCK_DGRAM, path).close();
  EXPECT_EQ(send(sender, "x"), std::errc::connection_refused);
}

TEST_F(datagram_socket, receives_only_from_the_address_it_is_connected_to) {
  const Descriptor server = raw_bound(SOCK_DGRAM, path);
  DatagramSocket client = connected();
  const Descriptor stranger = raw_socket(SOCK_DGRAM);
  EXPECT_EQ(raw_connect(stranger.get(), "@" + client.address().name()), EPERM);
}

// Names -------------------------------------------------------------------------------------------

TEST_F(datagram_socket, has_its_mode_in_force_from_the_first_moment) {
  const mode_t before = ::umask(0);
  std::vector<unsigned> seen;
  const auto look = [&] {
    struct stat status{};
    if (::lstat(path.c_str(), &status) == 0) seen.push_back(status.st_mode & 0777U);
  };
  {
    // A datagram socket is live as soon as it is bound.
    const AtCall opening(sys::Call::open, look);
    const AtCall looking(sys::Call::fstat, look);
    DatagramSocket socket = bound({.file = {.mode = 0620}});
  }
  ::umask(before);
  EXPECT_FALSE(seen.empty());
  for (const unsigned mode : seen) EXPECT_EQ(mode & ~0620U, 0U);
}

TEST_F(datagram_socket, follows_the_rule_of_names) {
  {
    const Descriptor live = raw_bound(SOCK_DGRAM, path);
    const auto refused = DatagramSocket::bind(loop, path);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, std::errc::address_in_use);
  }
  {
    DatagramSocket replaces_the_dead_one = bound();
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(datagram_socket, takes_over_an_inherited_socket_and_leaves_its_name) {
  const Descriptor made = raw_bound(SOCK_DGRAM, path);
  {
    auto socket = DatagramSocket::bind(loop, "fd:" + std::to_string(::dup(made.get())));
    ASSERT_TRUE(socket);
    EXPECT_EQ(socket->address().name(), path);
    raw_send(raw_sender().get(), "x");
    EXPECT_EQ(receive(*socket).bytes, "x");
  }
  EXPECT_TRUE(std::filesystem::exists(path));
  auto [near, far] = raw_pair(SOCK_STREAM);
  const Descriptor stream = Descriptor::adopt(::dup(near.get()));
  EXPECT_EQ(DatagramSocket::bind(loop, "fd:" + std::to_string(stream.get())).error().code,
            std::errc::wrong_protocol_type);
}

TEST_F(datagram_socket, explains_why_it_cannot_connect) {
  const auto missing = DatagramSocket::connect(loop, path);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, std::errc::no_such_file_or_directory);
  const Descriptor stream = raw_listening(SOCK_STREAM, path);
  EXPECT_EQ(DatagramSocket::connect(loop, path).error().code, std::errc::wrong_protocol_type);
  EXPECT_EQ(DatagramSocket::connect(loop, "").error().code, std::errc::invalid_argument);
}

TEST_F(datagram_socket, leaves_nothing_behind_whichever_call_fails) {
  for (const sys::Call call :
       {sys::Call::socket, sys::Call::bind, sys::Call::open, sys::Call::flock, sys::Call::fstat,
        sys::Call::fchmod, sys::Call::setsockopt, sys::Call::epoll_ctl}) {
    for (unsigned nth = 1;; ++nth) {
      const Inventory before = Inventory::take();
      const FaultOn fault(call, nth, ENOMEM);
      const bool made = DatagramSocket::bind(loop, path).has_value();
      EXPECT_EQ(before.difference(Inventory::take()), "");
      // When the look before the removal fails, the file stays: it could be somebody else's.
      EXPECT_TRUE(made || !std::filesystem::exists(path));
      if (fault.calls() < nth) break;
    }
  }
}

// The path ----------------------------------------------------------------------------------------

class datagram_path : public datagram_socket {
 protected:
  using Kind = PathEvent::Kind;

  [[nodiscard]] DatagramSocket bound_with(PathLost policy) {
    return bound({.on_path_lost = policy,
                  .on_path_event = [this](const PathEvent& event) { events.push_back(event); }});
  }
  [[nodiscard]] std::size_t count(Kind kind) const {
    return static_cast<std::size_t>(std::ranges::count(events, kind, &PathEvent::kind));
  }
  bool until_count(Kind kind, std::size_t wanted) {
    return run_until(loop, [&] { return count(kind) == wanted; });
  }

  std::vector<PathEvent> events;
};

TEST_F(datagram_path, is_reported_once_for_each_loss_and_each_end_of_one) {
  const DatagramSocket socket = bound_with(PathLost::report);
  for (std::size_t i = 1; i <= 2; ++i) {
    std::filesystem::rename(path, path + ".away");
    ASSERT_TRUE(until_count(Kind::lost, i));
    EXPECT_EQ(events.back().reason, "the socket file is gone");
    EXPECT_EQ(events.back().path.to_string(), "unix:" + path);
    std::filesystem::rename(path + ".away", path);
    ASSERT_TRUE(until_count(Kind::regained, i));
  }
}

TEST_F(datagram_path, is_not_watched_without_an_event_handler) {
  const CallCount watches(sys::Call::inotify_init);
  const DatagramSocket socket = bound();
  EXPECT_EQ(watches.calls(), 0U);
}

TEST_F(datagram_path, loses_nothing_that_was_sent_before_it_is_bound_again) {
  DatagramSocket socket = bound_with(PathLost::rebind);
  const Descriptor early = raw_sender();
  raw_send(early.get(), "one");
  raw_send(early.get(), "two");
  ASSERT_TRUE(std::filesystem::remove(path));
  ASSERT_TRUE(until_count(Kind::regained, 1));
  const Descriptor late = raw_sender();
  raw_send(late.get(), "three");
  for (const char* text : {"one", "two", "three"}) EXPECT_EQ(receive(socket).bytes, text);
  raw_send(late.get(), "four");
  EXPECT_EQ(receive(socket).bytes, "four") << "the new socket is watched";
  socket.close();
  EXPECT_TRUE(std::filesystem::is_empty(directory.path()));
}

TEST_F(datagram_path, wakes_a_receive_that_waits_when_it_is_bound_again) {
  DatagramSocket socket = bound_with(PathLost::rebind);
  std::string got;
  loop.spawn([](DatagramSocket& on, std::string& into) -> Task<> {
    auto datagram = co_await on.receive();
    into = datagram ? datagram->to_owned() : datagram.error().explain();
  }(socket, got));
  loop.turn();
  ASSERT_TRUE(std::filesystem::remove(path));
  ASSERT_TRUE(until_count(Kind::regained, 1));
  const Descriptor sender = raw_sender();
  raw_send(sender.get(), "to the new one");
  EXPECT_TRUE(run_until(loop, [&] { return !got.empty(); }));
  EXPECT_EQ(got, "to the new one");
}

TEST_F(datagram_path, is_found_again_by_a_connected_sender) {
  DatagramSocket socket = bound_with(PathLost::rebind);
  DatagramSocket sender = connected();
  ASSERT_TRUE(std::filesystem::remove(path));
  ASSERT_TRUE(until_count(Kind::regained, 1));
  EXPECT_FALSE(send(sender, "hello"));
  EXPECT_EQ(receive(socket).bytes, "hello");
}

TEST_F(datagram_path, can_end_the_receiving_after_what_has_arrived) {
  DatagramSocket socket = bound_with(PathLost::drain);
  const Descriptor sender = raw_sender();
  raw_send(sender.get(), "one");
  ASSERT_TRUE(std::filesystem::remove(path));
  ASSERT_TRUE(until_count(Kind::lost, 1));
  EXPECT_EQ(receive(socket).bytes, "one");
  const auto end = loop.run(socket.receive(5s));
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().code, std::errc::operation_canceled);
}

TEST_F(datagram_path, waits_for_the_current_owner) {
  const DatagramSocket socket = bound_with(PathLost::rebind);
  std::optional<Descriptor> other = raw_bound(SOCK_DGRAM, path + ".other");
  std::filesystem::rename(path + ".other", path);
  ASSERT_TRUE(until_count(Kind::lost, 1));
  EXPECT_EQ(count(Kind::regained), 0U);
  other.reset();
  EXPECT_TRUE(until_count(Kind::regained, 1));
}

}  // namespace
}  // namespace hallway
