// SPDX-License-Identifier: Apache-2.0
//
// Each side of a takeover, while the other one is a raw socket that says and sends what it likes.
#include <gtest/gtest.h>

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <hallway/server.hpp>

#include "message/takeover.hpp"
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

  /// A successor that has asked.
  [[nodiscard]] RawStream asking() const {
    RawStream successor(raw_connected(SOCK_SEQPACKET, control));
    EXPECT_GT(successor.send("takeover 1"), 0);
    return successor;
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

TEST_F(predecessor, goes_on_when_the_successor_says_anything_but_that_it_is_ready) {
  for (const char* words : {"", "takeover 1", "ready?", "yours"}) {
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

// Whatever the mode of the control socket's file has become.
TEST_F(predecessor, lets_nobody_ask_but_its_own_uid_and_root) {
  NEEDS_ROOT_TO_BECOME_ANOTHER_USER();
  ASSERT_EQ(::chmod(control.c_str(), 0666), 0);
  Descriptor connected;
  {
    const ActingAs stranger(some_user);
    connected = raw_connected(SOCK_SEQPACKET, control);
  }
  RawStream stranger(std::move(connected));
  ASSERT_GT(stranger.send("takeover 1"), 0);
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

TEST_F(successor, believes_nobody_but_its_own_uid_and_root) {
  NEEDS_ROOT_TO_BECOME_ANOTHER_USER();
  {
    const ActingAs squatter(some_user);
    ASSERT_EQ(::listen(control.get(), 1), 0);
  }
  const auto begun = message::Succession::begin(path, {});
  ASSERT_FALSE(begun);
  EXPECT_EQ(begun.error().code, std::errc::operation_not_permitted);
  EXPECT_EQ(begun.error().hint, "only our own uid and root are believed");
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
    const auto begun = message::Succession::begin(path, {});
    ASSERT_FALSE(begun);
    EXPECT_EQ(begun.error().why(), "its control socket answers with something else");
  }
}

}  // namespace
}  // namespace hallway
