// SPDX-License-Identifier: Apache-2.0
//
// Descriptors arrive with the message they were sent with and no other, or not at all. That none
// is left open is checked after every test.
#include <gtest/gtest.h>

#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <hallway/connection.hpp>

#include "support/conversation.hpp"
#include "support/faults.hpp"
#include "support/inventory.hpp"
#include "support/lingering_socket.hpp"
#include "support/processes.hpp"

namespace hallway {
namespace {

using namespace test;

/// A received message, with what came with it.
struct Parcel {
  std::string bytes;
  std::vector<Descriptor> descriptors;
  bool lost = false;  ///< descriptors of it
};

Task<> receive_parcels(Connection& connection, std::vector<Parcel>& parcels,
                       std::optional<Outcome>& end) {
  while (true) {
    Received received = co_await connection.receive();
    if (!received) {
      end = received.outcome();
      co_return;
    }
    Parcel parcel{received->to_owned(), {}, received->descriptors_lost()};
    for (Descriptor& descriptor : received->descriptors())
      parcel.descriptors.push_back(std::move(descriptor));
    parcels.push_back(std::move(parcel));
  }
}

std::vector<Descriptor> one_of(const Descriptor& file) {
  std::vector<Descriptor> list;
  list.push_back(Descriptor::adopt(::dup(file.get())));
  return list;
}

class passing : public Conversation {
 protected:
  void begin(SocketType type, std::size_t accepted, Framing framing = Framing::lines()) {
    start(type, {.framing = framing, .descriptors = accepted});
    parcels.clear();
    end.reset();
    loop.spawn(receive_parcels(*ours, parcels, end));
  }
  bool until_parcels(std::size_t count) {
    return until([&] { return parcels.size() >= count || end; }) && parcels.size() >= count;
  }
  /// That parcel `at` has exactly this one file with it.
  void expect_file(std::size_t at, const Descriptor& file) const {
    ASSERT_LT(at, parcels.size());
    ASSERT_EQ(parcels[at].descriptors.size(), 1U) << parcels[at].bytes;
    EXPECT_TRUE(same_file(parcels[at].descriptors[0].get(), file.get())) << parcels[at].bytes;
    EXPECT_FALSE(parcels[at].lost);
  }

  std::vector<Parcel> parcels;
  std::optional<Outcome> end;
};

// Receiving ---------------------------------------------------------------------------------------

TEST_F(passing, gives_a_descriptor_with_its_message_close_on_exec) {
  for (const SocketType type : {SocketType::stream, SocketType::seqpacket}) {
    const Descriptor file = some_file();
    begin(type, 4);
    ASSERT_GT(theirs->send("with\n", {file.get()}), 0);
    ASSERT_TRUE(until_parcels(1));
    expect_file(0, file);
    EXPECT_FALSE(survives_exec(parcels[0].descriptors[0].get()));
  }
}

TEST_F(passing, attributes_descriptors_exactly_when_messages_follow_each_other) {
  const Descriptor a = some_file();
  const Descriptor b = some_file();
  begin(SocketType::stream, 1);
  theirs->send("none\n");
  theirs->send("a\n", {a.get()});
  theirs->send("none\n");
  theirs->send("none\n");
  theirs->send("b\n", {b.get()});
  theirs->send("a again\n", {a.get()});
  theirs->send("none\n");
  ASSERT_TRUE(until_parcels(7));
  expect_file(1, a);
  expect_file(4, b);
  expect_file(5, a);
  for (const std::size_t at : {0U, 2U, 3U, 6U}) EXPECT_TRUE(parcels[at].descriptors.empty()) << at;
}

TEST_F(passing, attributes_descriptors_exactly_when_messages_come_one_by_one) {
  const Descriptor file = some_file();
  begin(SocketType::stream, 1);
  for (int i = 0; i < 5; ++i) {
    theirs->send("none\n");
    ASSERT_TRUE(until_parcels(parcels.size() + 1));
    theirs->send("with\n", {file.get()});
    ASSERT_TRUE(until_parcels(parcels.size() + 1));
    EXPECT_TRUE(parcels[parcels.size() - 2].descriptors.empty());
    expect_file(parcels.size() - 1, file);
  }
}

TEST_F(passing, attributes_descriptors_exactly_wherever_the_message_is_split) {
  const Descriptor file = some_file();
  const std::string frame = "0123456789\n";
  for (const bool pipelined : {false, true}) {
    for (std::size_t split = 1; split < frame.size(); ++split) {
      begin(SocketType::stream, 1);
      theirs->send("before\n");
      theirs->send(frame.substr(0, split), {file.get()});
      if (!pipelined) loop.turn();
      theirs->send(frame.substr(split));
      theirs->send("after\n");
      ASSERT_TRUE(until_parcels(3));
      EXPECT_TRUE(parcels[0].descriptors.empty()) << split;
      expect_file(1, file);
      EXPECT_TRUE(parcels[2].descriptors.empty()) << split;
    }
  }
}

TEST_F(passing, attributes_descriptors_exactly_when_they_come_with_the_last_byte) {
  const Descriptor file = some_file();
  begin(SocketType::stream, 1);
  theirs->send("before\nwith");
  theirs->send("\n", {file.get()});
  theirs->send("after\n");
  ASSERT_TRUE(until_parcels(3));
  EXPECT_TRUE(parcels[0].descriptors.empty());
  expect_file(1, file);
  EXPECT_TRUE(parcels[2].descriptors.empty());
}

TEST_F(passing, attributes_descriptors_exactly_when_every_read_gives_one_byte) {
  const Descriptor file = some_file();
  const OneByte slow(sys::Call::recvmsg);
  begin(SocketType::stream, 1);
  theirs->send("before\n");
  theirs->send("with\n", {file.get()});
  theirs->send("after\n");
  ASSERT_TRUE(until_parcels(3));
  EXPECT_TRUE(parcels[0].descriptors.empty());
  expect_file(1, file);
  EXPECT_TRUE(parcels[2].descriptors.empty());
}

TEST_F(passing, counts_what_comes_in_one_receive_for_each_of_its_messages) {
  const Descriptor a = some_file();
  const Descriptor b = some_file();
  begin(SocketType::stream, 1);
  theirs->send("none\nbegun", {a.get()});
  ASSERT_TRUE(until_parcels(1));
  // One receive: the end of the message that has a, and the beginning of the one that has b.
  theirs->send(" and ended\nnone\nb", {b.get()});
  theirs->send("\n");
  ASSERT_TRUE(until_parcels(4));
  expect_file(1, a);
  EXPECT_TRUE(parcels[2].descriptors.empty());
  expect_file(3, b);
}

TEST_F(passing, counts_all_that_come_with_the_pieces_of_one_message) {
  const Descriptor file = some_file();
  for (const std::size_t accepted : {1U, 2U, 3U, 4U}) {
    begin(SocketType::stream, accepted);
    for (const char* piece : {"a", "b", "c\nnext\n"}) {
      theirs->send(piece, {file.get()});
      loop.turn();
    }
    ASSERT_TRUE(until_parcels(2));
    EXPECT_EQ(parcels[0].lost, accepted < 2) << accepted;
    EXPECT_EQ(parcels[0].descriptors.size(), accepted < 2 ? 0U : 2U) << accepted;
    EXPECT_EQ(parcels[1].descriptors.size(), 1U) << accepted;
  }
}

TEST_F(passing, gives_none_of_those_of_a_message_that_are_too_many_together_or_cut) {
  const Descriptor file = some_file();
  for (const std::size_t with_the_end : {2U, 4U}) {
    begin(SocketType::stream, 3);
    theirs->send("begun ", {file.get(), file.get()});
    theirs->send("and ended\n", std::vector<int>(with_the_end, file.get()));
    theirs->send("next\n");
    ASSERT_TRUE(until_parcels(2));
    EXPECT_EQ(parcels[0].bytes, "begun and ended");
    EXPECT_TRUE(parcels[0].lost) << with_the_end;
    EXPECT_TRUE(parcels[0].descriptors.empty()) << with_the_end;
    EXPECT_FALSE(parcels[1].lost) << with_the_end;
  }
}

TEST_F(passing, closes_what_the_program_does_not_take) {
  auto [end_of_pair, other] = raw_pair(SOCK_STREAM);
  start(SocketType::stream, {.descriptors = 1});
  theirs->send("with\n", {end_of_pair.get()});
  end_of_pair.close();
  theirs->send("next\n");
  loop.run([](Connection& connection, int far) -> Task<> {
    Received with = co_await connection.receive();
    EXPECT_EQ(with->descriptors().size(), 1U);
    EXPECT_EQ(raw_receive(far).error, EAGAIN);
    Received next = co_await connection.receive();
    EXPECT_TRUE(next->descriptors().empty());
    EXPECT_EQ(raw_receive(far, 1, true).result, 0);  // closed: its peer sees the end
  }(*ours, other.get()));
}

TEST_F(passing, gives_as_many_as_it_accepts_and_marks_more_as_lost) {
  std::vector<Descriptor> files;
  std::vector<int> numbers;
  for (int i = 0; i < 8; ++i) {
    files.push_back(some_file());
    numbers.push_back(files.back().get());
  }
  for (const SocketType type : {SocketType::stream, SocketType::seqpacket}) {
    for (std::size_t sent = 1; sent <= numbers.size(); ++sent) {
      begin(type, 3);
      theirs->send("them\n",
                   {numbers.begin(), numbers.begin() + static_cast<std::ptrdiff_t>(sent)});
      theirs->send("next\n");
      ASSERT_TRUE(until_parcels(2));
      EXPECT_EQ(parcels[0].bytes.substr(0, 4), "them");
      EXPECT_EQ(parcels[0].lost, sent > 3) << sent;
      EXPECT_EQ(parcels[0].descriptors.size(), sent <= 3 ? sent : 0) << sent;
      EXPECT_FALSE(parcels[1].lost);
      EXPECT_TRUE(parcels[1].descriptors.empty());
    }
  }
}

TEST_F(passing, accepts_the_most_a_message_can_carry) {
  const Descriptor file = some_file();
  begin(SocketType::stream, bounds::max_descriptors_per_message);
  theirs->send("all\n", std::vector<int>(bounds::max_descriptors_per_message, file.get()));
  ASSERT_TRUE(until_parcels(1));
  EXPECT_EQ(parcels[0].descriptors.size(), bounds::max_descriptors_per_message);
}

TEST_F(passing, marks_descriptors_as_lost_when_this_process_has_too_many_open) {
  const Descriptor file = some_file();
  begin(SocketType::stream, 4);
  loop.turn();
  theirs->send("with\n", {file.get(), file.get(), file.get()});
  theirs->send("without\n");
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  const rlimit none{static_cast<rlim_t>(file.get() + 1), before.rlim_max};
  ::setrlimit(RLIMIT_NOFILE, &none);
  const bool arrived = until_parcels(2);
  ::setrlimit(RLIMIT_NOFILE, &before);
  ASSERT_TRUE(arrived);
  EXPECT_EQ(parcels[0].bytes, "with");
  EXPECT_TRUE(parcels[0].lost);
  EXPECT_TRUE(parcels[0].descriptors.empty());
  EXPECT_FALSE(parcels[1].lost);
}

TEST_F(passing, refuses_descriptors_by_default) {
  const Descriptor file = some_file();
  for (const SocketType type : {SocketType::stream, SocketType::seqpacket}) {
    begin(type, 0);
    // The kernel tells the sender, if it can; else they are dropped on arrival.
    if (theirs->send("with\n", {file.get()}) < 0) {
      EXPECT_EQ(errno, EPERM);
      theirs->send("with\n");
    }
    const Inventory before = Inventory::take();
    ASSERT_TRUE(until_parcels(1));
    EXPECT_TRUE(parcels[0].descriptors.empty());
    EXPECT_FALSE(parcels[0].lost);
    EXPECT_EQ(before.difference(Inventory::take()), "");
  }
}

TEST_F(passing, drops_descriptors_on_arrival_where_the_kernel_cannot_refuse_them) {
  const Descriptor file = some_file();
  for (const SocketType type : {SocketType::stream, SocketType::seqpacket}) {
    {
      const FaultOn old_kernel(sys::Call::setsockopt, 1, ENOPROTOOPT);
      begin(type, 0);
    }
    ASSERT_GT(theirs->send("with\n", {file.get()}), 0);
    const Inventory before = Inventory::take();
    ASSERT_TRUE(until_parcels(1));
    EXPECT_TRUE(parcels[0].descriptors.empty());
    EXPECT_EQ(before.difference(Inventory::take()), "");
  }
}

TEST_F(passing, holds_no_more_descriptors_than_it_accepts_for_a_message_that_never_ends) {
  const Descriptor file = some_file();
  begin(SocketType::stream, 2);
  loop.turn();
  const std::size_t before = Inventory::take().descriptors.size();
  for (int i = 0; i < 50; ++i) {
    theirs->send("x", {file.get(), file.get()});
    loop.turn();
    ASSERT_TRUE(until([&] { return Inventory::take().descriptors.size() <= before + 4; })) << i;
  }
  theirs->send("\nnext\n");
  ASSERT_TRUE(until_parcels(2));
  EXPECT_TRUE(parcels[0].lost);
  EXPECT_FALSE(parcels[1].lost);
}

TEST_F(passing, closes_descriptors_of_a_message_nobody_received) {
  const Descriptor file = some_file();
  start(SocketType::stream, {.descriptors = 2});
  theirs->send("one\n", {file.get()});
  theirs->send("two\nhal", {file.get()});
  EXPECT_TRUE(ours->try_receive());
  ours.reset();
}

TEST_F(passing, does_not_wait_for_the_close_of_what_is_queued_when_it_closes) {
  start(SocketType::stream, {.descriptors = 1});
  const Descriptor file = some_file();
  for (int i = 0; i < 100; ++i) {  // more than it reads away
    ASSERT_EQ(theirs->send("x", {file.get()}), 1) << std::strerror(errno);
  }
  LingeringSocket slow;
  ASSERT_EQ(theirs->send("x", {slow.ours.get()}), 1);
  slow.ours.close();
  const auto before = Loop::Clock::now();
  ours->close();
  EXPECT_LT(Loop::Clock::now() - before, LingeringSocket::time / 2);
}

// Sending -----------------------------------------------------------------------------------------

TEST_F(passing, tries_again_while_too_many_descriptors_are_in_flight) {
  for (const SocketType type : {SocketType::stream, SocketType::seqpacket}) {
    start(type);
    const Descriptor file = some_file();
    const FaultOn fault(sys::Call::sendmsg, 1, ETOOMANYREFS, 3);
    loop.run([](Connection& connection, const Descriptor& given) -> Task<> {
      co_await connection.send("with", one_of(given));
      const Sent sent = co_await connection.flush();
      EXPECT_TRUE(sent);
    }(*ours, file));
    theirs->collect();
    EXPECT_EQ(theirs->received.substr(0, 4), "with");
    ASSERT_EQ(theirs->descriptors.size(), 1U);
    EXPECT_TRUE(same_file(theirs->descriptors[0].get(), file.get()));
    EXPECT_EQ(fault.calls(), 4U);
  }
}

TEST_F(passing, says_so_when_too_many_descriptors_stay_in_flight) {
  start(SocketType::stream, {.limits = {.outbound_soft_time = 20ms}});
  const Descriptor file = some_file();
  const FaultOn fault(sys::Call::sendmsg, 1, ETOOMANYREFS, FaultOn::always);
  loop.run([](Connection& connection, const Descriptor& given) -> Task<> {
    co_await connection.send("with", one_of(given));
    const Sent sent = co_await connection.flush();
    EXPECT_EQ(sent.outcome(), Outcome::failed);
    EXPECT_NE(sent.error().explain().find("too many descriptors"), std::string::npos)
        << sent.error().explain();
  }(*ours, file));
  EXPECT_LT(fault.calls(), 20U);
}

TEST_F(passing, sends_descriptors_with_their_message_and_closes_its_own) {
  for (const SocketType type : {SocketType::stream, SocketType::seqpacket}) {
    start(type);
    const Descriptor file = some_file();
    loop.run([](Connection& connection, const Descriptor& given) -> Task<> {
      co_await connection.send("before");
      auto list = one_of(given);
      const int number = list.front().get();
      co_await connection.send("with", std::move(list));
      EXPECT_TRUE(is_open(number));
      co_await connection.send("after");
      co_await connection.flush();
      EXPECT_FALSE(is_open(number));
    }(*ours, file));
    theirs->collect();
    EXPECT_EQ(theirs->received,
              type == SocketType::stream ? "before\nwith\nafter\n" : "beforewithafter");
    ASSERT_EQ(theirs->descriptors.size(), 1U);
    EXPECT_TRUE(same_file(theirs->descriptors[0].get(), file.get()));
  }
}

TEST_F(passing, sends_a_single_descriptor_without_a_list) {
  start();
  const Descriptor file = some_file();
  loop.run([](Connection& connection, const Descriptor& given) -> Task<> {
    Descriptor copy = Descriptor::adopt(::dup(given.get()));
    const Sent sent = co_await connection.send("with", std::move(copy));
    EXPECT_TRUE(sent);
    co_await connection.flush();
  }(*ours, file));
  theirs->collect();
  EXPECT_EQ(theirs->received, "with\n");
  ASSERT_EQ(theirs->descriptors.size(), 1U);
  EXPECT_TRUE(same_file(theirs->descriptors[0].get(), file.get()));
}

TEST_F(passing, reaches_the_right_message_between_two_connections) {
  auto pair = Connection::pair(loop, SocketType::stream, {.descriptors = 2});
  ASSERT_TRUE(pair);
  loop.spawn(receive_parcels(pair->second, parcels, end));
  const Descriptor file = some_file();
  constexpr std::size_t count = 300;
  loop.spawn([](Connection& connection, const Descriptor& given) -> Task<> {
    for (std::size_t i = 0; i < count; ++i) {
      const std::string text(i * 7 % 900, 'x');
      if (i % 3 == 0) {
        auto list = one_of(given);
        co_await connection.send(text, std::move(list));
      } else {
        co_await connection.send(text);
      }
    }
  }(pair->first, file));
  ASSERT_TRUE(until_parcels(count));
  for (std::size_t i = 0; i < count; ++i) {
    ASSERT_EQ(parcels[i].bytes.size(), i * 7 % 900);
    ASSERT_EQ(parcels[i].descriptors.size(), i % 3 == 0 ? 1U : 0U) << i;
  }
}

TEST_F(passing, reaches_the_right_message_when_every_write_takes_one_byte) {
  auto pair = Connection::pair(loop, SocketType::stream, {.descriptors = 1});
  loop.spawn(receive_parcels(pair->second, parcels, end));
  const Descriptor file = some_file();
  const OneByte slow(sys::Call::sendmsg);
  loop.run([](Connection& connection, const Descriptor& given) -> Task<> {
    co_await connection.send("before");
    auto list = one_of(given);
    co_await connection.send("with", std::move(list));
    co_await connection.send("after");
    co_await connection.flush();
  }(pair->first, file));
  ASSERT_TRUE(until_parcels(3));
  EXPECT_TRUE(parcels[0].descriptors.empty());
  expect_file(1, file);
  EXPECT_TRUE(parcels[2].descriptors.empty());
}

TEST_F(passing, sends_them_once_when_the_kernel_takes_a_message_in_parts) {
  start();
  shrink_send_buffer(ours->descriptor());
  const Descriptor file = some_file();
  loop.spawn([](Connection& connection, const Descriptor& given) -> Task<> {
    const std::string large(100'000, 'x');
    auto list = one_of(given);
    co_await connection.send(large, std::move(list));
    connection.close();
  }(*ours, file));
  ASSERT_TRUE(until_they_see_the_end());
  EXPECT_EQ(theirs->received.size(), 100'001U);
  EXPECT_EQ(theirs->descriptors.size(), 1U);
}

TEST_F(passing, refuses_more_than_a_message_can_carry_and_closes_them) {
  start();
  loop.run([](Connection& connection) -> Task<> {
    std::vector<Descriptor> many;
    for (std::size_t i = 0; i <= bounds::max_descriptors_per_message; ++i)
      many.push_back(some_file());
    const Sent sent = co_await connection.send("x", std::move(many));
    EXPECT_EQ(sent.outcome(), Outcome::failed);
    EXPECT_NE(sent.error().explain().find("253"), std::string::npos);
  }(*ours));
}

TEST_F(passing, refuses_descriptors_with_no_byte_to_travel_with) {
  start(SocketType::stream, {.framing = Framing::raw()});
  loop.run([](Connection& connection) -> Task<> {
    std::vector<Descriptor> list;
    list.push_back(some_file());
    const Sent sent = co_await connection.send("", std::move(list));
    EXPECT_EQ(sent.outcome(), Outcome::failed);
    EXPECT_NE(sent.error().explain().find("at least one byte"), std::string::npos);
  }(*ours));
}

TEST_F(passing, closes_descriptors_that_were_never_sent) {
  start();
  loop.run([](Connection& connection) -> Task<> {
    std::vector<Descriptor> list;
    list.push_back(some_file());
    co_await connection.send("unsent", std::move(list));
    connection.abort();
  }(*ours));
}

TEST_F(passing, keeps_the_descriptors_of_a_suspended_send_until_there_is_room) {
  start();
  while (ours->try_send(std::string(100'000, 'x'))) {
  }
  const Descriptor file = some_file();
  std::optional<Outcome> outcome;
  loop.spawn([](Connection& connection, const Descriptor& given,
                std::optional<Outcome>& result) -> Task<> {
    auto list = one_of(given);
    result = (co_await connection.send("with", std::move(list))).outcome();
    connection.close();
  }(*ours, file, outcome));
  ASSERT_TRUE(until_they_see_the_end());
  EXPECT_EQ(outcome, Outcome::ok);
  EXPECT_TRUE(theirs->received.ends_with("with\n"));
  EXPECT_EQ(theirs->descriptors.size(), 1U);
}

}  // namespace
}  // namespace hallway
