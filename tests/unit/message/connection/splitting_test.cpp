// SPDX-License-Identifier: Apache-2.0
//
// However a stream is cut on its way through the kernel, what a connection and a client receive is
// the same: each message, how it ends, and why.
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include <hallway/client.hpp>
#include <hallway/connection.hpp>

#include "support/conversation.hpp"

namespace hallway {
namespace {

using namespace test;
using namespace std::string_literals;

/// Messages, the end, and the words for it.
using Seen = std::tuple<std::vector<std::string>, Outcome, std::string>;
using Cuts = std::vector<std::size_t>;

struct Stream {
  Framing framing;
  std::string bytes;
};

constexpr std::size_t limit = 8;

/// Messages of every awkward kind, at most `limit` bytes each; then what is over it, what is
/// broken off, and what never was a message.
std::vector<Stream> streams() {
  std::vector<Stream> all;
  for (const char* end : {"", "rest", "12345678\r", "123456789", "1234567890"}) {
    all.push_back({Framing::lines(), "one\r\n\n12345678\r\n\r\r\n"s + end});
  }
  for (const char* end : {"", "rest", "12345678", "123456789"}) {
    all.push_back({Framing::null(), "one\0\0\r\n\0"s + end});
  }
  for (const std::string& end :
       {""s, "\0\0"s, "\0\0\0\5rest"s, "\0\0\0\11123456789"s, "\xff\xff\xff\xff"s}) {
    all.push_back({Framing::len32be(), "\0\0\0\3one\0\0\0\0\0\0\0\1x"s + end});
  }
  for (const std::string& end : {""s, "\4\0\0\0res"s, "\11\0\0\0"s}) {
    all.push_back({Framing::len32le(), "\3\0\0\0one\0\0\0\0"s + end});
  }
  return all;
}

class splitting : public Conversation {
 protected:
  static ConnectionOptions options_for(const Stream& stream, std::size_t descriptors) {
    return {
        .framing = stream.framing, .descriptors = descriptors, .limits = {.max_message = limit}};
  }

  /// Sends the pieces between `cuts`; after each of them `look` receives what there is.
  template <typename Look>
  static void send_in_pieces(const std::string& bytes, const Cuts& cuts, int peer, Look look) {
    std::size_t sent = 0;
    for (const std::size_t cut : cuts) {
      if (cut > sent) raw_send(peer, std::string_view(bytes).substr(sent, cut - sent));
      sent = cut;
      look();
    }
    // A peer that was cut off already hears so; what it would have said does not matter.
    if (sent < bytes.size()) raw_send(peer, std::string_view(bytes).substr(sent));
    ::shutdown(peer, SHUT_WR);
  }

  Seen through_connection(const Stream& stream, const Cuts& cuts, std::size_t descriptors = 0) {
    start(SocketType::stream, options_for(stream, descriptors));
    listen();
    send_in_pieces(stream.bytes, cuts, theirs->get(), [this] { loop.turn(); });
    EXPECT_TRUE(until_ended());
    return {log.messages, log.end.value_or(Outcome::ok), log.why};
  }

  static Seen through_client(const Stream& stream, const Cuts& cuts) {
    auto [near, far] = raw_pair(SOCK_STREAM);
    auto client = Client::adopt(std::move(near), options_for(stream, 0));
    std::vector<std::string> messages;
    const auto take_all = [&](Duration within) {
      while (true) {
        Received received = client->receive(within);
        if (!received) return received;
        messages.push_back(received->to_owned());
      }
    };
    send_in_pieces(stream.bytes, cuts, far.get(), [&] { take_all(0ms); });
    const Received end = take_all(patience);
    return {messages, end.outcome(), end.error().explain()};
  }
};

TEST_F(splitting, changes_nothing_for_a_connection_wherever_two_cuts_are) {
  for (const Stream& stream : streams()) {
    const Seen whole = through_connection(stream, {});
    for (std::size_t first = 0; first <= stream.bytes.size(); ++first) {
      for (std::size_t second = first; second <= stream.bytes.size(); ++second) {
        ASSERT_EQ(through_connection(stream, {first, second}), whole)
            << stream.framing.to_string() << " at " << first << " and " << second;
      }
    }
  }
}

TEST_F(splitting, changes_nothing_where_descriptors_are_accepted) {
  for (const Stream& stream : streams()) {
    const Seen whole = through_connection(stream, {});
    for (std::size_t cut = 0; cut <= stream.bytes.size(); ++cut) {
      ASSERT_EQ(through_connection(stream, {cut}, 1), whole)
          << stream.framing.to_string() << " at " << cut;
    }
  }
}

TEST_F(splitting, changes_nothing_for_a_client_wherever_two_cuts_are) {
  for (const Stream& stream : streams()) {
    const Seen whole = through_connection(stream, {});
    for (std::size_t first = 0; first <= stream.bytes.size(); ++first) {
      for (std::size_t second = first; second <= stream.bytes.size(); ++second) {
        ASSERT_EQ(through_client(stream, {first, second}), whole)
            << stream.framing.to_string() << " at " << first << " and " << second;
      }
    }
  }
}

TEST_F(splitting, changes_nothing_when_every_byte_arrives_alone) {
  for (const Stream& stream : streams()) {
    Cuts everywhere;
    for (std::size_t cut = 1; cut < stream.bytes.size(); ++cut) everywhere.push_back(cut);
    const Seen whole = through_connection(stream, {});
    EXPECT_EQ(through_connection(stream, everywhere), whole) << stream.framing.to_string();
    EXPECT_EQ(through_client(stream, everywhere), whole) << stream.framing.to_string();
  }
}

}  // namespace
}  // namespace hallway
