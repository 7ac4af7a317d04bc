// SPDX-License-Identifier: Apache-2.0
#include "wire/nats_writer.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "support/nats_operations.hpp"
#include "wire/nats_header.hpp"

namespace hallway::nats {
namespace {

using namespace test;

/// Written into memory of just the size that was said.
std::string written(const Operation& operation) {
  std::vector<char> bytes(written_size(operation));
  EXPECT_EQ(write(operation, bytes.data()), bytes.data() + bytes.size()) << describe(operation);
  return {bytes.begin(), bytes.end()};
}

std::string written_line(const Operation& operation) {
  std::vector<char> bytes(line_size(operation));
  EXPECT_EQ(write_line(operation, bytes.data()), bytes.data() + bytes.size())
      << describe(operation);
  return {bytes.begin(), bytes.end()};
}

// As nats-server 2.9.10 and its clients put it on the wire.
const std::vector<std::pair<Operation, std::string>> operations{
    {{.verb = Verb::info, .text = "{}"}, "INFO {}\r\n"},
    {{.verb = Verb::connect, .text = "{}"}, "CONNECT {}\r\n"},
    {{.verb = Verb::pub, .subject = "foo", .payload = "hi"}, "PUB foo 2\r\nhi\r\n"},
    {{.verb = Verb::pub, .subject = "foo", .reply = "bar"}, "PUB foo bar 0\r\n\r\n"},
    {{.verb = Verb::hpub, .subject = "foo", .header = "head", .payload = "hi"},
     "HPUB foo 4 6\r\nheadhi\r\n"},
    {{.verb = Verb::hpub, .subject = "foo", .reply = "bar", .header = "head", .payload = "hi"},
     "HPUB foo bar 4 6\r\nheadhi\r\n"},
    {{.verb = Verb::sub, .subject = "foo", .sid = "1"}, "SUB foo 1\r\n"},
    {{.verb = Verb::sub, .subject = "foo", .queue = "q", .sid = "1"}, "SUB foo q 1\r\n"},
    {{.verb = Verb::unsub, .sid = "1"}, "UNSUB 1\r\n"},
    {{.verb = Verb::unsub, .max = 999'999'999, .sid = "1"}, "UNSUB 1 999999999\r\n"},
    {{.verb = Verb::msg, .subject = "foo", .sid = "1", .payload = "hi"}, "MSG foo 1 2\r\nhi\r\n"},
    {{.verb = Verb::msg, .subject = "foo", .reply = "bar", .sid = "1", .payload = "hi"},
     "MSG foo 1 bar 2\r\nhi\r\n"},
    {{.verb = Verb::hmsg, .subject = "x", .sid = "1", .header = no_responders_header},
     "HMSG x 1 16 16\r\nNATS/1.0 503\r\n\r\n\r\n"},
    {{.verb = Verb::hmsg, .subject = "x", .reply = "r", .sid = "1", .header = "h", .payload = "p"},
     "HMSG x 1 r 1 2\r\nhp\r\n"},
    {{.verb = Verb::ping}, "PING\r\n"},
    {{.verb = Verb::pong}, "PONG\r\n"},
    {{.verb = Verb::ok}, "+OK\r\n"},
    {{.verb = Verb::err, .text = errors::stale_connection}, "-ERR 'Stale Connection'\r\n"},
    {{.verb = Verb::err}, "-ERR ''\r\n"},
};

TEST(nats_writer, writes_each_verb_as_nats_does) {
  for (const auto& [operation, bytes] : operations) EXPECT_EQ(written(operation), bytes);
}

TEST(nats_writer, writes_what_a_parser_finds_again) {
  for (const auto& [operation, bytes] : operations) {
    const bool of_a_client = operation.verb != Verb::msg && operation.verb != Verb::hmsg;
    const Sender sender = of_a_client ? Sender::client : Sender::server;
    const ParseResult found = parse(sender, {}, {bytes});
    EXPECT_EQ(found.operations, std::vector{describe(operation)});
  }
}

TEST(nats_writer, writes_a_line_alone_where_its_payload_is_sent_from_elsewhere) {
  for (const auto& [operation, bytes] : operations) {
    EXPECT_EQ(written_line(operation), bytes.substr(0, bytes.find('\n') + 1));
  }
}

TEST(nats_writer, counts_the_digits_of_every_size) {
  const std::string bytes(1'000'000, 'p');
  for (const std::size_t size : {0U, 9U, 10U, 99U, 100U, 999U, 1'000U, 999'999U, 1'000'000U}) {
    const Operation operation{
        .verb = Verb::pub, .subject = "s", .payload = ByteView(bytes).substr(0, size)};
    EXPECT_EQ(written_line(operation), "PUB s " + std::to_string(size) + "\r\n");
  }
}

}  // namespace
}  // namespace hallway::nats
