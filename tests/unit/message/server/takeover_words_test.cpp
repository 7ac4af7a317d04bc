// SPDX-License-Identifier: Apache-2.0
//
// Each side of a takeover, while the other one is a raw socket that says and sends what it likes.
#include <gtest/gtest.h>

#include <fcntl.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <hallway/server.hpp>

#include "message/server/takeover.hpp"
#include "support/faults.hpp"
#include "support/processes.hpp"
#include "support/raw_socket.hpp"
#include "support/serving.hpp"
#include "support/temp_directory.hpp"

namespace hallway {
namespace {

using namespace test;

// The server that runs ----------------------------------------------------------------------------

class predecessor : public Serving {
 protected:
  void SetUp() override {
    NEEDS_TO_BE_SOMEBODY();
    open(echo, {.takeover = true});
  }

  /// A process that has asked, and is to prove what it may.
  [[nodiscard]] RawStream asked() {
    RawStream successor(raw_connected(SOCK_SEQPACKET, control));
    EXPECT_GT(successor.send("takeover 2"), 0);
    EXPECT_TRUE(until_received(successor, "prove"));
    successor.received.clear();
    return successor;
  }
  /// A successor that has proved it.
  [[nodiscard]] RawStream asking() {
    RawStream successor = asked();
    EXPECT_GT(successor.send("proof", {opened(path + ".lock", O_RDWR).get()}), 0);
    return successor;
  }
  static Descriptor opened(const std::string& file, int flags) {
    return Descriptor::adopt(::open(file.c_str(), flags | O_CLOEXEC));
  }
  /// What it is told that passes this, and nothing is given to it.
  std::string told_for(const std::vector<int>& passed, const std::string& words = "proof") {
    RawStream successor = asked();
    EXPECT_GT(successor.send(words, passed), 0);
    EXPECT_TRUE(until_ended(successor));
    EXPECT_TRUE(successor.descriptors.empty());
    return successor.received;
  }
  /// One that was offered everything, and has not answered.
  RawStream begun() {
    RawStream successor = asking();
    EXPECT_TRUE(until([&] {
      successor.collect();
      return successor.received.starts_with("offer ");
    }));
    EXPECT_EQ(successor.descriptors.size(), 3U);
    successor.received.clear();
    return successor;
  }
  /// That it ends with no word more, and without having been given the name.
  void expect_nothing_more(RawStream& successor) {
    EXPECT_TRUE(until_ended(successor));
    EXPECT_EQ(successor.received, "");
    EXPECT_EQ(count(Kind::taken_over), 0U);
  }
  void expect_still_serving() {
    RawStream client = connect();
    client.send("hello\n");
    EXPECT_TRUE(until_received(client, "hello\n"));
  }

  std::string control = path + ".control";
};

TEST_F(predecessor, goes_on_when_the_successor_sends_anything_but_ready) {
  for (const char* words : {"", "takeover 2", "ready?", "yours"}) {
    RawStream successor = begun();
    successor.send(words);
    expect_nothing_more(successor);
    ASSERT_FALSE(HasFailure()) << words;
  }
  expect_still_serving();
}

TEST_F(predecessor, goes_on_when_the_successor_falls_silent_for_good) {
  RawStream successor = begun();
  successor.shut_writing();
  expect_nothing_more(successor);
  expect_still_serving();
}

TEST_F(predecessor, offers_the_name_to_one_successor_at_a_time) {
  RawStream first = begun();
  RawStream second = asking();
  EXPECT_TRUE(until_received(second, "later"));
  first.send("ready");
  EXPECT_TRUE(until_received(first, "yours"));
}

TEST_F(predecessor, gives_nothing_away_once_it_has_begun_to_stop) {
  RawStream successor = begun();
  successor.send("ready");
  running->drain();
  expect_nothing_more(successor);
}

TEST_F(predecessor, gives_no_name_away_that_it_has_lost_meanwhile) {
  RawStream successor = begun();
  ASSERT_TRUE(std::filesystem::remove(path));
  successor.send("ready");
  expect_nothing_more(successor);
}

TEST_F(predecessor, gives_nothing_to_a_process_that_cannot_write_to_its_lock) {
  const std::string no_proof = "no: it did not prove that it may write to the lock file";
  const Descriptor reading = opened(path + ".lock", O_RDONLY);
  EXPECT_EQ(told_for({reading.get()}), no_proof);
  const Descriptor naming = opened(path + ".lock", O_PATH | O_RDWR);
  EXPECT_EQ(told_for({naming.get()}), no_proof);
  const Descriptor appending = opened(path + ".lock", O_WRONLY);
  EXPECT_EQ(told_for({appending.get()}), no_proof) << "its lock is written to and read";
  expect_still_serving();
}

TEST_F(predecessor, takes_no_other_file_for_its_lock) {
  const std::string another = "no: its descriptor is not the lock file";
  EXPECT_EQ(told_for({some_file().get()}), another);
  const Descriptor above = opened(directory.path(), O_RDONLY | O_DIRECTORY);
  EXPECT_EQ(told_for({above.get()}), another);
  const auto [one, other] = raw_pair(SOCK_STREAM);
  EXPECT_EQ(told_for({one.get()}), another);
  expect_still_serving();
}

TEST_F(predecessor, takes_no_words_for_a_proof) {
  EXPECT_EQ(told_for({}), "no: the proof is missing");
  const Descriptor lock = opened(path + ".lock", O_RDWR);
  EXPECT_EQ(told_for({lock.get()}, "ready"), "no: the proof is missing");
  expect_still_serving();
}

TEST_F(predecessor, is_not_delayed_by_a_process_that_asks_without_proof) {
  const RawStream silent = asked();
  RawStream successor = begun();
  successor.send("ready");
  EXPECT_TRUE(until_received(successor, "yours"));
}

// A child in a pid namespace of its own has our uid and everything that we have open.
TEST_F(predecessor, gives_nothing_to_a_process_of_another_pid_namespace) {
  NEEDS_ROOT_TO_BECOME_ANOTHER_USER();
  ForkedProcess elsewhere([this](const ForkedProcess::Say& say) {
    if (::unshare(CLONE_NEWPID) != 0) return say("no namespaces");
    say(in_a_child([this] {
      const RawStream asks(raw_connected(SOCK_SEQPACKET, control));
      asks.send("takeover 2");
      if (raw_receive(asks.get(), 100, true).bytes != "prove") return std::string("not asked");
      asks.send("proof", {opened(path + ".lock", O_RDWR).get()});
      return raw_receive(asks.get(), 200, true).bytes;
    }));
  });
  std::string told;
  std::atomic<bool> over = false;
  std::thread listening([&] {
    told = elsewhere.line();
    over = true;
  });
  EXPECT_TRUE(until([&] { return over.load(); }));
  listening.join();
  if (told == "no namespaces") GTEST_SKIP() << "this part needs the right to make namespaces";
  EXPECT_EQ(told, "no: it is in another pid namespace");
  expect_still_serving();
}

TEST_F(predecessor, reports_to_a_successor_of_an_older_version_why_it_gets_nothing) {
  RawStream old(raw_connected(SOCK_SEQPACKET, control));
  ASSERT_GT(old.send("takeover 1"), 0);
  EXPECT_TRUE(until_ended(old));
  EXPECT_EQ(old.received, "no: the running server speaks another version of takeover");
  expect_still_serving();
}

// Whatever the mode of the control socket's file has become.
TEST_F(predecessor, answers_only_its_own_uid_and_root) {
  NEEDS_ROOT_TO_BECOME_ANOTHER_USER();
  ASSERT_EQ(::chmod(control.c_str(), 0666), 0);
  Descriptor connected;
  {
    const ActingAs stranger(some_user);
    connected = raw_connected(SOCK_SEQPACKET, control);
  }
  RawStream stranger(std::move(connected));
  ASSERT_GT(stranger.send("takeover 2"), 0);
  expect_nothing_more(stranger);
  EXPECT_TRUE(stranger.descriptors.empty());
}

// The server that comes ---------------------------------------------------------------------------

class successor : public testing::Test {
 protected:
  TempDirectory directory;
  std::string path = directory / "s";
  Descriptor control = raw_bound(SOCK_SEQPACKET, path + ".control");
};

TEST_F(successor, trusts_only_its_own_uid_and_root) {
  NEEDS_ROOT_TO_BECOME_ANOTHER_USER();
  {
    const ActingAs squatter(some_user);
    ASSERT_EQ(::listen(control.get(), 1), 0);
  }
  const auto begun = message::TakeoverClient::begin(path, {});
  ASSERT_FALSE(begun);
  EXPECT_EQ(begun.error().code, std::errc::operation_not_permitted);
  EXPECT_EQ(begun.error().hint, "only our own uid and root are trusted");
}

TEST_F(successor, reports_why_a_server_of_an_older_version_gives_it_nothing) {
  ASSERT_EQ(::listen(control.get(), 1), 0);
  Descriptor accepted;
  const AtCall asks(sys::Call::sendmsg, [&] {
    accepted = Descriptor::adopt(::accept4(control.get(), nullptr, nullptr, SOCK_CLOEXEC));
    raw_send(accepted.get(), "no: the running server speaks another version of takeover");
  });
  const auto begun = message::TakeoverClient::begin(path, {});
  ASSERT_FALSE(begun);
  EXPECT_EQ(begun.error().why(), "the running server speaks another version of takeover");
}

TEST_F(successor, reports_that_it_may_not_write_to_the_lock_file) {
  NEEDS_ROOT_TO_BECOME_ANOTHER_USER();
  ASSERT_EQ(::listen(control.get(), 1), 0);
  const Descriptor lock =
      Descriptor::adopt(::open((path + ".lock").c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
  ASSERT_EQ(::chmod(directory.path().c_str(), 0755), 0);
  ASSERT_EQ(::chmod((path + ".control").c_str(), 0666), 0);
  Descriptor accepted;
  const AtCall asks(sys::Call::sendmsg, [&] {
    accepted = Descriptor::adopt(::accept4(control.get(), nullptr, nullptr, SOCK_CLOEXEC));
    raw_send(accepted.get(), "prove");
  });
  const ActingAs other(some_user);
  const auto begun = message::TakeoverClient::begin(path, {});
  ASSERT_FALSE(begun);
  EXPECT_EQ(begun.error().why(), "this process may not write to s.lock beside it");
}

TEST_F(successor, takes_no_offer_with_a_descriptor_too_few) {
  ASSERT_EQ(::listen(control.get(), 1), 0);
  const Descriptor file = some_file();
  for (const std::size_t sent : {0U, 1U, 2U}) {
    Descriptor accepted;
    const AtCall asks(sys::Call::sendmsg, [&] {
      accepted = Descriptor::adopt(::accept4(control.get(), nullptr, nullptr, SOCK_CLOEXEC));
      raw_send(accepted.get(), "offer 1 2 3 4", std::vector<int>(sent, file.get()));
    });
    const auto begun = message::TakeoverClient::begin(path, {});
    ASSERT_FALSE(begun);
    EXPECT_EQ(begun.error().why(), "the answer on its control socket is not understood");
  }
}

}  // namespace
}  // namespace hallway
