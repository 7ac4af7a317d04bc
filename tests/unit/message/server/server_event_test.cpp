// SPDX-License-Identifier: Apache-2.0
#include <hallway/server_event.hpp>

#include <gtest/gtest.h>

#include <sstream>
#include <string>

#include <hallway/datagram_socket.hpp>

namespace hallway {
namespace {

using Kind = ServerEvent::Kind;

/// A peer whose name cannot be read: no process has this pid.
const Peer peer{1000, 1000, INT32_MAX};
const std::string who = peer.to_string();

std::string printed(const auto& event) {
  std::ostringstream line;
  line << event;
  EXPECT_EQ(line.str(), to_string(event));
  return line.str();
}

TEST(server_event, prints_the_connection_and_its_peer) {
  EXPECT_EQ(printed(ServerEvent{Kind::connected, 7, peer, "", {}}),
            "connection 7: connected: " + who);
  EXPECT_EQ(printed(ServerEvent{Kind::turned_away, 7, peer, "no rule admits it", {}}),
            "connection 7: turned away: " + who + ": no rule admits it");
  EXPECT_EQ(printed(ServerEvent{Kind::handler_threw, 7, peer, "bad", {}}),
            "connection 7: the handler threw an exception: " + who + ": bad");
}

TEST(server_event, prints_what_a_closed_connection_transferred) {
  const std::string closed =
      "connection 1: closed: " + who + ": the client closed the connection; ";
  const std::string reason = "the client closed the connection";
  EXPECT_EQ(printed(ServerEvent{Kind::closed, 1, peer, reason, {1, 2, 6, 1, 0}}),
            closed + "received 1 message (6 bytes), sent 2 messages (1 byte)");
  EXPECT_EQ(printed(ServerEvent{Kind::closed, 1, peer, reason, {0, 0, 0, 0, 3}}),
            closed +
                "received 0 messages (0 bytes), sent 0 messages (0 bytes), "
                "dropped 3 broadcasts");
}

TEST(server_event, prints_events_of_the_server_without_a_connection) {
  EXPECT_EQ(printed(ServerEvent{Kind::accepting_paused, 0, {}, "all places (1) are taken", {}}),
            "accepting paused: all places (1) are taken");
  EXPECT_EQ(printed(ServerEvent{Kind::accepting_resumed, 0, {}, "", {}}), "accepting resumed");
  EXPECT_EQ(printed(ServerEvent{Kind::taken_over, 0, peer, "by " + who, {}}),
            "taken over by " + who);
}

TEST(server_event, prints_a_path_as_a_path_event_does) {
  const Address path = *Address::parse("/run/s");
  EXPECT_EQ(printed(ServerEvent{Kind::path_lost, 0, {}, "it was removed", {}, path}),
            "path lost: unix:/run/s: it was removed");
  EXPECT_EQ(printed(PathEvent{PathEvent::Kind::lost, path, "it was removed"}),
            "path lost: unix:/run/s: it was removed");
  EXPECT_EQ(printed(ServerEvent{Kind::path_regained, 0, {}, "", {}, path}),
            "path regained: unix:/run/s");
  EXPECT_EQ(printed(PathEvent{PathEvent::Kind::regained, path, ""}), "path regained: unix:/run/s");
}

TEST(server_event, is_one_line_whatever_its_reason_contains) {
  const std::string line =
      printed(ServerEvent{Kind::handler_threw, 1, peer, "two\nlines \x1b[2J", {}});
  EXPECT_EQ(line.find_first_of("\n\x1b"), std::string::npos) << line;
}

}  // namespace
}  // namespace hallway
