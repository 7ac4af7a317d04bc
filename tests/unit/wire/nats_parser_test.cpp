// SPDX-License-Identifier: Apache-2.0
#include "wire/nats_parser.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "support/nats_operations.hpp"

namespace hallway::nats {
namespace {

using namespace test;
using namespace std::string_literals;
using Error = ProtocolError;

constexpr ParserLimits defaults{};

/// What is sent, what is to be made of it, and how it ends.
struct Transcript {
  std::string bytes;
  std::vector<std::string> operations;
  Error error = Error::none;
};

// What nats-server 2.9.10 makes of it, observed at its port with a SUB, a PUB and a PING around
// each to see what arrived, whether it answers, and whether it closes.
const std::vector<Transcript> from_clients{
    // Each verb.
    {"CONNECT {\"verbose\":false}\r\n", {"CONNECT text={\"verbose\":false}"}},
    {"PUB foo 2\r\nhi\r\n", {"PUB subject=foo payload=hi"}},
    {"PUB foo bar 2\r\nhi\r\n", {"PUB subject=foo reply=bar payload=hi"}},
    {"HPUB foo 12 14\r\nNATS/1.0\r\n\r\nhi\r\n",
     {"HPUB subject=foo header=NATS/1.0\r\n\r\n payload=hi"}},
    {"HPUB foo bar 12 14\r\nNATS/1.0\r\n\r\nhi\r\n",
     {"HPUB subject=foo reply=bar header=NATS/1.0\r\n\r\n payload=hi"}},
    {"SUB foo 1\r\n", {"SUB subject=foo sid=1"}},
    {"SUB foo q 1\r\n", {"SUB subject=foo queue=q sid=1"}},
    {"UNSUB 1\r\n", {"UNSUB sid=1"}},
    {"UNSUB 1 5\r\n", {"UNSUB sid=1 max=5"}},
    {"PING\r\nPONG\r\n+OK\r\n", {"PING", "PONG", "+OK"}},
    {"-ERR 'x'\r\n", {"-ERR text=x"}},
    {"INFO {}\r\n", {"INFO text={}"}},

    // In any case, with a line feed alone, with any blanks.
    {"pInG\r\npong\r\ncOnNeCt {}\r\n", {"PING", "PONG", "CONNECT text={}"}},
    {"pub foo 2\r\nhi\r\nsub foo 1\r\nunsub 1\r\nhpub foo 0 0\r\n\r\n",
     {"PUB subject=foo payload=hi", "SUB subject=foo sid=1", "UNSUB sid=1", "HPUB subject=foo"}},
    {"PING\nPUB foo 2\nhi\r\nPING\n", {"PING", "PUB subject=foo payload=hi", "PING"}},
    {"PUB\tfoo\t\t2 \t\r\nhi\r\n", {"PUB subject=foo payload=hi"}},
    {"SUB foo\t1\t\r\n", {"SUB subject=foo sid=1"}},
    {"SUB foo\r1 \r\n", {"SUB subject=foo sid=1"}},
    {"connect\t {}\n", {"CONNECT text={}"}},
    {"PING  \r\nPINGxyz\r\nPING\rPING\nPONG anything\r\n+okay then\n",
     {"PING", "PING", "PING", "PONG", "+OK"}},
    {"CONNECT{}\r\n", {"CONNECT text={}"}},
    {"CONNECT\r\n", {"CONNECT"}},
    {"-ERR\tx\n", {"-ERR text=x"}},

    // The line of the one before again, and nearly so.
    {"PUB foo bar 2\r\nhi\r\nPUB foo bar 2\r\nho\r\nPING\r\nPUB foo bar 2\r\nhu\r\nPUB foo bar "
     "3\r\nhey\r\n",
     {"PUB subject=foo reply=bar payload=hi", "PUB subject=foo reply=bar payload=ho", "PING",
      "PUB subject=foo reply=bar payload=hu", "PUB subject=foo reply=bar payload=hey"}},
    {"HPUB foo 1 2\r\nhi\r\nHPUB foo 1 2\r\nho\r\nhpub foo 1 2\r\nhu\r\n",
     {"HPUB subject=foo header=h payload=i", "HPUB subject=foo header=h payload=o",
      "HPUB subject=foo header=h payload=u"}},
    {"PUB foo 2\r\nhi\r\nPUB " + std::string(100, 'f') + " 3\r\nhey\r\nPUB foo 2\r\nho\r\n",
     {"PUB subject=foo payload=hi", "PUB subject=" + std::string(100, 'f') + " payload=hey",
      "PUB subject=foo payload=ho"}},
    {"PUB foo 2\r\nhi\r\nPUB foo 2\r\nhey\r\n",
     {"PUB subject=foo payload=hi"},
     Error::unknown_operation},
    {"PUB foo 2\r\nhi\r\nPPUB foo 2\r\nho\r\n",
     {"PUB subject=foo payload=hi"},
     Error::unknown_operation},

    // Arguments are bytes: neither a control character nor UTF-8 is anything special.
    {"PUB fo\0o 2\r\nhi\r\n"s, {"PUB subject=fo\0o payload=hi"s}},
    {"SUB foo\x01\x0b\x62 1\r\n", {"SUB subject=foo\x01\x0b\x62 sid=1"}},
    {"SUB \xc3\xa4 1\r\n", {"SUB subject=\xc3\xa4 sid=1"}},

    // Sizes have one to nine digits, and what they count may be anything.
    {"PUB foo 0\r\n\r\n", {"PUB subject=foo"}},
    {"PUB foo 002\r\nhi\r\n", {"PUB subject=foo payload=hi"}},
    {"PUB foo 000000002\r\nhi\r\n", {"PUB subject=foo payload=hi"}},
    {"PUB foo 4\r\n\r\n\r\n\r\n", {"PUB subject=foo payload=\r\n\r\n"}},
    {"HPUB foo 0 2\r\nhi\r\n", {"HPUB subject=foo payload=hi"}},
    {"HPUB foo 1 2\r\nhi\r\n", {"HPUB subject=foo header=h payload=i"}},
    {"HPUB foo 2 2\r\nhi\r\n", {"HPUB subject=foo header=hi"}},
    {"UNSUB 1 x\r\nUNSUB 1 -1\r\nUNSUB 1 9999999999\r\nUNSUB 1 0\r\n",
     {"UNSUB sid=1", "UNSUB sid=1", "UNSUB sid=1", "UNSUB sid=1"}},

    // -ERR 'Unknown Protocol Operation', and closed.
    {"\r\n", {}, Error::unknown_operation},
    {"PING\r\n\r\nPING\r\n", {"PING"}, Error::unknown_operation},
    {" PING\r\n", {}, Error::unknown_operation},
    {"G", {}, Error::unknown_operation},
    {"PX", {}, Error::unknown_operation},
    {"PUBX", {}, Error::unknown_operation},
    {"PUB\r\n", {}, Error::unknown_operation},
    {"UNSUB\r\n", {}, Error::unknown_operation},
    {"-ERR\r\n", {}, Error::unknown_operation},
    {"MSG foo 1 0\r\n\r\n", {}, Error::unknown_operation},
    {"A+ x\r\n", {}, Error::unknown_operation},
    {"RS+ x\r\n", {}, Error::unknown_operation},
    {"LS+ x\r\n", {}, Error::unknown_operation},
    {"PUB foo 2\r\nhi\n", {}, Error::unknown_operation},
    {"PUB foo 2\r\nhi\rx", {}, Error::unknown_operation},
    {"PUB foo 2\r\nhix", {}, Error::unknown_operation},
    {"PUB foo 0\r\nx", {}, Error::unknown_operation},

    // Closed without a word.
    {"PUB foo\r\n", {}, Error::malformed_arguments},
    {"PUB \r\n", {}, Error::malformed_arguments},
    {"PUB foo bar baz 2\r\nhi\r\n", {}, Error::malformed_arguments},
    {"PUB foo 0000000002\r\nhi\r\n", {}, Error::malformed_arguments},
    {"PUB foo -2\r\nhi\r\n", {}, Error::malformed_arguments},
    {"PUB foo +2\r\nhi\r\n", {}, Error::malformed_arguments},
    {"PUB foo 2x\r\nhi\r\n", {}, Error::malformed_arguments},
    {"PUB foo /\r\n", {}, Error::malformed_arguments},
    {"PUB foo :\r\n", {}, Error::malformed_arguments},
    {"HPUB foo 12\r\n", {}, Error::malformed_arguments},
    {"HPUB foo a b 1 2\r\nhi\r\n", {}, Error::malformed_arguments},
    {"HPUB foo -1 2\r\nhi\r\n", {}, Error::malformed_arguments},
    {"HPUB foo 1 x\r\nhi\r\n", {}, Error::malformed_arguments},
    {"HPUB foo 3 2\r\nhi\r\n", {}, Error::malformed_arguments},
    {"HPUB foo 1048578 1048577\r\n", {}, Error::malformed_arguments},
    {"SUB foo\r\n", {}, Error::malformed_arguments},
    {"SUB \t\r\n", {}, Error::malformed_arguments},
    {"SUB foo q 1 2\r\n", {}, Error::malformed_arguments},
    {"UNSUB \r\n", {}, Error::malformed_arguments},
    {"UNSUB 1 2 3\r\n", {}, Error::malformed_arguments},

    // -ERR 'Maximum Payload Violation', and closed before the payload comes.
    {"PUB foo 1048577\r\n", {}, Error::payload_too_large},
    {"PUB foo 999999999\r\n", {}, Error::payload_too_large},
    {"HPUB foo 12 1048577\r\n", {}, Error::payload_too_large},
};

// Where we differ on purpose: see the comment at the top of nats_parser.hpp.
const std::vector<Transcript> our_own_way{
    {"PUB \nfoo 2\r\nhi\r\n", {}, Error::malformed_arguments},
    {"SUB \nfoo 1\r\n", {}, Error::malformed_arguments},
    {"CONNECT\n{}\r\n", {"CONNECT"}, Error::unknown_operation},
    {"PUB foo\r2 \r\nhi\r\n", {"PUB subject=foo payload=hi"}},
    {"PUB fo\ro 2\r\nhi\r\n", {"PUB subject=fo reply=o payload=hi"}},
    {"SUB foo\r1\n", {"SUB subject=foo sid=1"}},
    {"CONNECT {\"a\":1,\r\"b\":2}\n", {"CONNECT text={\"a\":1,\r\"b\":2}"}},
    {"HMSG foo 1 0 0\r\n\r\n", {}, Error::unknown_operation},
};

const std::vector<Transcript> from_servers{
    // As nats-server 2.9.10 writes them.
    {"INFO {\"version\":\"2.9.10\",\"client_id\":4} \r\n",
     {"INFO text={\"version\":\"2.9.10\",\"client_id\":4} "}},
    {"MSG foo 1 2\r\nhi\r\n", {"MSG subject=foo sid=1 payload=hi"}},
    {"MSG foo 1 bar 2\r\nhi\r\nMSG foo 1 bar 2\r\nho\r\n",
     {"MSG subject=foo reply=bar sid=1 payload=hi", "MSG subject=foo reply=bar sid=1 payload=ho"}},
    {"MSG foo 1 bar 002\r\nhi\r\n", {"MSG subject=foo reply=bar sid=1 payload=hi"}},
    {"HMSG foo 1 12 14\r\nNATS/1.0\r\n\r\nhi\r\n",
     {"HMSG subject=foo sid=1 header=NATS/1.0\r\n\r\n payload=hi"}},
    {"HMSG foo 1 bar 12 14\r\nNATS/1.0\r\n\r\nhi\r\n",
     {"HMSG subject=foo reply=bar sid=1 header=NATS/1.0\r\n\r\n payload=hi"}},
    {"HMSG x 1 16 16\r\nNATS/1.0 503\r\n\r\n\r\n",
     {"HMSG subject=x sid=1 header=NATS/1.0 503\r\n\r\n"}},
    {"+OK\r\nPING\r\nPONG\r\n", {"+OK", "PING", "PONG"}},
    {"-ERR 'Stale Connection'\r\n", {"-ERR text=Stale Connection"}},
    {"-ERR 'Permissions Violation for Publish to \"no\"'\r\n",
     {"-ERR text=Permissions Violation for Publish to \"no\""}},

    // As others might.
    {"-ERR no quotes\r\n-ERR 'one\r\n-ERR one'\r\n-ERR '\r\n-ERR ''\r\n-ERR ''x''\r\n",
     {"-ERR text=no quotes", "-ERR text='one", "-ERR text=one'", "-ERR text='", "-ERR",
      "-ERR text='x'"}},
    {"msg foo 1 0\r\n\r\nhmsg foo 1 0 0\r\n\r\ninfo {}\r\n-err 'x'\r\n",
     {"MSG subject=foo sid=1", "HMSG subject=foo sid=1", "INFO text={}", "-ERR text=x"}},

    {"PUB foo 0\r\n\r\n", {}, Error::unknown_operation},
    {"HPUB foo 0 0\r\n\r\n", {}, Error::unknown_operation},
    {"SUB foo 1\r\n", {}, Error::unknown_operation},
    {"UNSUB 1\r\n", {}, Error::unknown_operation},
    {"CONNECT {}\r\n", {}, Error::unknown_operation},
    {"MSG foo 1\r\n", {}, Error::malformed_arguments},
    {"MSG foo 1 a b 2\r\n", {}, Error::malformed_arguments},
    {"HMSG foo 1 0\r\n", {}, Error::malformed_arguments},
    {"HMSG foo 1 a b 0 0\r\n", {}, Error::malformed_arguments},
    // A byte that differs from a sign in the bit that tells the cases of a letter apart.
    {"\x0bOK\r\n", {}, Error::unknown_operation},
    {"\rERR 'x'\r\n", {}, Error::unknown_operation},
};

/// All of them, with who sends it.
std::vector<std::pair<Sender, Transcript>> transcripts() {
  std::vector<std::pair<Sender, Transcript>> all;
  for (const Transcript& transcript : from_clients) all.emplace_back(Sender::client, transcript);
  for (const Transcript& transcript : our_own_way) all.emplace_back(Sender::client, transcript);
  for (const Transcript& transcript : from_servers) all.emplace_back(Sender::server, transcript);
  return all;
}

/// A conversation that has every verb in it.
std::string together(const std::vector<Transcript>& transcripts) {
  std::string stream;
  for (const Transcript& transcript : transcripts) {
    if (transcript.error == Error::none) stream += transcript.bytes;
  }
  return stream;
}

/// The error of a client's stream with these limits.
Error error_of(ByteView stream, const ParserLimits& limits = defaults) {
  return parse(Sender::client, limits, {stream}).error;
}

bool lies_in(ByteView view, ByteView piece) {
  return view.data() >= piece.data() && view.data() + view.size() <= piece.data() + piece.size();
}

// What it finds -----------------------------------------------------------------------------------

TEST(nats_parser, takes_from_clients_what_nats_server_takes) {
  for (const Transcript& transcript : from_clients) {
    const ParseResult found = parse(Sender::client, defaults, {transcript.bytes});
    EXPECT_EQ(found.operations, transcript.operations) << printable(transcript.bytes);
    EXPECT_EQ(found.error, transcript.error) << printable(transcript.bytes);
  }
}

TEST(nats_parser, goes_its_own_way_where_nats_server_contradicts_itself) {
  for (const Transcript& transcript : our_own_way) {
    const ParseResult found = parse(Sender::client, defaults, {transcript.bytes});
    EXPECT_EQ(found.operations, transcript.operations) << printable(transcript.bytes);
    EXPECT_EQ(found.error, transcript.error) << printable(transcript.bytes);
  }
}

TEST(nats_parser, accepts_what_nats_server_sends) {
  for (const Transcript& transcript : from_servers) {
    const ParseResult found = parse(Sender::server, defaults, {transcript.bytes});
    EXPECT_EQ(found.operations, transcript.operations) << printable(transcript.bytes);
    EXPECT_EQ(found.error, transcript.error) << printable(transcript.bytes);
  }
}

TEST(nats_parser, finds_nothing_where_nothing_arrived) {
  Parser parser(Sender::client);
  EXPECT_EQ(parser.next(), nullptr);
  parser.arrive({});
  EXPECT_EQ(parser.next(), nullptr);
  EXPECT_EQ(parser.error(), Error::none);
}

TEST(nats_parser, reports_an_unknown_verb_at_its_first_wrong_byte) {
  for (const std::string verb :
       {"PUB", "HPUB", "SUB", "UNSUB", "PING", "PONG", "CONNECT", "INFO", "+OK", "-ERR"}) {
    for (std::size_t at = 0; at < verb.size(); ++at) {
      const std::string begun = verb.substr(0, at);
      EXPECT_EQ(error_of(begun), Error::none) << begun;
      EXPECT_EQ(error_of(begun + '!'), Error::unknown_operation) << begun;
    }
  }
}

TEST(nats_parser, distinguishes_letters_in_all_bits_but_that_of_their_case) {
  const std::string verb = "PING\n";
  for (std::size_t at = 0; at < 4; ++at) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      std::string changed = verb;
      changed[at] = static_cast<char>(static_cast<unsigned char>(changed[at]) ^ (1U << bit));
      const bool still_a_ping = bit == 5;
      const bool a_pong = changed == "PONG\n";
      const ParseResult found = parse(Sender::client, defaults, {changed});
      EXPECT_EQ(found.operations.size(), still_a_ping || a_pong ? 1U : 0U) << printable(changed);
    }
  }
}

TEST(nats_parser, finds_nothing_more_after_an_error) {
  Parser parser(Sender::client);
  parser.arrive("PING\r\nnonsense\r\nPING\r\n");
  ASSERT_NE(parser.next(), nullptr);
  EXPECT_EQ(parser.next(), nullptr);
  EXPECT_EQ(parser.next(), nullptr);
  parser.arrive("PING\r\n");
  EXPECT_EQ(parser.next(), nullptr);
  EXPECT_EQ(parser.error(), Error::unknown_operation);
}

// Pieces ------------------------------------------------------------------------------------------

TEST(nats_parser, finds_the_same_wherever_a_transcript_is_cut) {
  for (const auto& [sender, transcript] : transcripts()) {
    const ByteView stream = transcript.bytes;
    const ParseResult whole = parse(sender, defaults, {stream});
    for (std::size_t first = 0; first <= stream.size(); ++first) {
      for (std::size_t second = first; second <= stream.size(); ++second) {
        EXPECT_EQ(parse(sender, defaults, cut(stream, {first, second})), whole)
            << printable(stream) << " cut at " << first << " and " << second;
      }
    }
  }
}

TEST(nats_parser, finds_the_same_in_a_conversation_cut_anywhere_and_into_single_bytes) {
  for (const auto& [sender, transcripts] :
       {std::pair(Sender::client, from_clients), std::pair(Sender::server, from_servers)}) {
    const std::string stream = together(transcripts);
    const ParseResult whole = parse(sender, defaults, {stream});
    EXPECT_EQ(whole.error, Error::none);
    EXPECT_EQ(parse(sender, defaults, single_bytes(stream)), whole);
    for (std::size_t at = 0; at < stream.size(); ++at) {
      EXPECT_EQ(parse(sender, defaults, cut(stream, {at})), whole) << at;
    }
  }
}

TEST(nats_parser, hands_out_views_into_the_piece) {
  const std::string piece = "HPUB subject reply 4 7\r\nheadtop\r\nCONNECT {}\r\nSUB s q 1\r\n";
  Parser parser(Sender::client);
  parser.arrive(piece);
  const Operation* operation = parser.next();
  ASSERT_NE(operation, nullptr);
  for (const ByteView view :
       {operation->subject, operation->reply, operation->header, operation->payload}) {
    EXPECT_TRUE(lies_in(view, piece)) << view;
  }
  operation = parser.next();
  ASSERT_NE(operation, nullptr);
  EXPECT_TRUE(lies_in(operation->text, piece));
  operation = parser.next();
  ASSERT_NE(operation, nullptr);
  for (const ByteView view : {operation->subject, operation->queue, operation->sid}) {
    EXPECT_TRUE(lies_in(view, piece)) << view;
  }
  EXPECT_EQ(parser.memory(), 0U);
}

TEST(nats_parser, does_not_copy_a_payload_when_only_its_line_was_cut) {
  const std::string payload(10'000, 'p');
  const std::string line = "PUB subject 10000\r\n";
  for (std::size_t at = 1; at <= line.size(); ++at) {
    const std::string rest = line.substr(at) + payload + "\r\n";
    Parser parser(Sender::client);
    parser.arrive(ByteView(line).substr(0, at));
    ASSERT_EQ(parser.next(), nullptr);
    parser.arrive(rest);
    const Operation* operation = parser.next();
    ASSERT_NE(operation, nullptr) << at;
    EXPECT_EQ(operation->subject, "subject");
    EXPECT_EQ(operation->payload, payload);
    EXPECT_TRUE(lies_in(operation->payload, rest)) << at;
  }
}

// Limits ------------------------------------------------------------------------------------------

// nats-server 2.9.10 counts what stands behind the verb and its blanks, the carriage return not.
TEST(nats_parser, takes_arguments_up_to_the_limit_of_a_control_line) {
  const ParserLimits limits{.control_line = 10};
  for (const std::string end : {"\n", "\r\n"}) {
    EXPECT_EQ(error_of("SUB subject 1" + end, limits), Error::none);
    EXPECT_EQ(error_of("SUB  \t subject 12" + end, limits), Error::none);
    EXPECT_EQ(error_of("SUB subject 123" + end, limits), Error::control_line_too_long);
    EXPECT_EQ(error_of("SUB subject 1  " + end, limits), Error::control_line_too_long);
  }
  for (const std::string verb : {"PUB ", "HPUB ", "UNSUB ", "CONNECT ", "INFO ", "-ERR "}) {
    EXPECT_EQ(error_of(verb + "12345678901\r\n", limits), Error::control_line_too_long) << verb;
  }
}

TEST(nats_parser, does_not_wait_for_the_end_of_a_line_that_is_too_long) {
  const ParserLimits limits{.control_line = 10};
  EXPECT_EQ(error_of("CONNECT 1234567890", limits), Error::none);
  EXPECT_EQ(error_of("CONNECT 1234567890\r", limits), Error::none);
  EXPECT_EQ(error_of("CONNECT 12345678901", limits), Error::control_line_too_long);
  EXPECT_EQ(error_of("CONNECT 1234567890\rx", limits), Error::control_line_too_long);
}

TEST(nats_parser, judges_a_line_the_same_wherever_it_is_cut) {
  const ParserLimits limits{.control_line = 10};
  for (const std::string stream :
       {"SUB subject 12\r\n", "SUB subject 12\n", "SUB subject 123\r\n", "SUB subject 123\n",
        "CONNECT 1234567890\r\r\n", "CONNECT 1234567890\rx\n", "CONNECT 123456789\r\r\n"}) {
    const ParseResult whole = parse(Sender::client, limits, {stream});
    for (std::size_t first = 0; first <= stream.size(); ++first) {
      for (std::size_t second = first; second <= stream.size(); ++second) {
        EXPECT_EQ(parse(Sender::client, limits, cut(stream, {first, second})), whole)
            << printable(stream) << " cut at " << first << " and " << second;
      }
    }
  }
}

TEST(nats_parser, takes_payloads_up_to_the_limit_with_their_header) {
  const ParserLimits limits{.payload = 10};
  EXPECT_EQ(error_of("PUB s 10\r\n0123456789\r\n", limits), Error::none);
  EXPECT_EQ(error_of("PUB s 11\r\n", limits), Error::payload_too_large);
  EXPECT_EQ(error_of("HPUB s 4 10\r\n0123456789\r\n", limits), Error::none);
  EXPECT_EQ(error_of("HPUB s 4 11\r\n", limits), Error::payload_too_large);
}

TEST(nats_parser, has_the_limits_of_nats_server_by_default) {
  EXPECT_EQ(error_of("CONNECT " + std::string(4096, 'x') + "\r\n"), Error::none);
  EXPECT_EQ(error_of("CONNECT " + std::string(4097, 'x') + "\r\n"), Error::control_line_too_long);
  EXPECT_EQ(error_of("PUB s 1048576\r\n"), Error::none);
  EXPECT_EQ(error_of("PUB s 1048577\r\n"), Error::payload_too_large);
}

TEST(nats_parser, keeps_nothing_of_what_does_not_count) {
  const std::string blanks(10'000, ' ');
  const std::string letters(10'000, 'x');
  EXPECT_EQ(parse(Sender::client, defaults, {"PUB", blanks, " ", blanks}).most_memory, 0U);
  EXPECT_EQ(parse(Sender::client, defaults, {"PING", letters, letters}).most_memory, 0U);
  const ParseResult found =
      parse(Sender::client, defaults, {"PUB", blanks, "s 0\r\n\r\nPIN", "G" + letters, "\n"});
  EXPECT_EQ(found.operations, (std::vector<std::string>{"PUB subject=s", "PING"}));
}

TEST(nats_parser, allocates_for_what_has_arrived_and_not_for_what_is_announced) {
  Parser parser(Sender::client);
  parser.arrive("PUB s 1000000\r\nx");
  EXPECT_EQ(parser.next(), nullptr);
  EXPECT_LE(parser.memory(), 1024U);
  const std::string more(100'000, 'x');
  std::size_t arrived = 1;
  for (unsigned i = 0; i < 9; ++i) {
    parser.arrive(more);
    EXPECT_EQ(parser.next(), nullptr);
    arrived += more.size();
    EXPECT_LE(parser.memory(), 2 * (arrived + 100));
  }
}

TEST(nats_parser, owns_no_more_than_the_limits_allow) {
  const ParserLimits limits{.control_line = 2000, .payload = 3000};
  const std::string subject(1995, 's');
  const std::string stream = "PUB " + subject + " 3000\r\n" + std::string(3000, 'p') + "\r\n";
  const ParseResult found = parse(Sender::client, limits, single_bytes(stream));
  EXPECT_EQ(found.operations.size(), 1U);
  EXPECT_EQ(found.most_memory, 2000U + 1 + 3000 + 2);
  const ParseResult line =
      parse(Sender::client, limits, {"CONNECT x", std::string(1999, 'x') + '\r'});
  EXPECT_EQ(line.error, Error::none);
  EXPECT_EQ(line.most_memory, 2000U + 1);
  const ParseResult endless = parse(Sender::client, limits, {"CONNECT x", std::string(5000, 'x')});
  EXPECT_EQ(endless.error, Error::control_line_too_long);
  EXPECT_LE(endless.most_memory, 2000U + 1);
}

TEST(nats_parser, gives_a_large_buffer_back_with_the_next_operation_and_keeps_a_small_one) {
  Parser parser(Sender::client);
  const auto receive = [&](ByteView first, ByteView second) {
    parser.arrive(first);
    EXPECT_EQ(parser.next(), nullptr);
    parser.arrive(second);
    EXPECT_NE(parser.next(), nullptr);
    EXPECT_EQ(parser.next(), nullptr);
    return parser.memory();
  };
  EXPECT_EQ(receive("PUB s 2\r\nh", "i\r\n"), ByteView("s 2hi\r\n").size());
  EXPECT_EQ(receive("PUB s 5000\r\nh", std::string(4999, 'x') + "\r\n"), 0U);
}

}  // namespace
}  // namespace hallway::nats
