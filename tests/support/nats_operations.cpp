// SPDX-License-Identifier: Apache-2.0
#include "support/nats_operations.hpp"

#include <algorithm>

namespace hallway::test {

namespace {

ByteView name_of(nats::Verb verb) {
  switch (verb) {
    case nats::Verb::info: return "INFO";
    case nats::Verb::connect: return "CONNECT";
    case nats::Verb::pub: return "PUB";
    case nats::Verb::hpub: return "HPUB";
    case nats::Verb::sub: return "SUB";
    case nats::Verb::unsub: return "UNSUB";
    case nats::Verb::msg: return "MSG";
    case nats::Verb::hmsg: return "HMSG";
    case nats::Verb::ping: return "PING";
    case nats::Verb::pong: return "PONG";
    case nats::Verb::ok: return "+OK";
    case nats::Verb::err: return "-ERR";
  }
  return "?";
}

}  // namespace

std::string describe(const nats::Operation& operation) {
  std::string text(name_of(operation.verb));
  const auto field = [&text](ByteView name, ByteView value) {
    if (value.empty()) return;
    text += ' ';
    text += name;
    text += '=';
    text += value;
  };
  field("subject", operation.subject);
  field("reply", operation.reply);
  field("queue", operation.queue);
  field("sid", operation.sid);
  field("max", operation.max == 0 ? "" : std::to_string(operation.max));
  field("header", operation.header);
  field("payload", operation.payload);
  field("text", operation.text);
  return text;
}

void PrintTo(const ParseResult& result, std::ostream* out) {
  for (const std::string& operation : result.operations) *out << '\n' << printable(operation);
  *out << "\nthen error " << static_cast<int>(result.error);
}

ParseResult parse(nats::Sender sender, const nats::ParserLimits& limits,
                  const std::vector<ByteView>& pieces) {
  nats::Parser parser(sender, limits);
  ParseResult result;
  for (const ByteView piece : pieces) {
    // Of just its size, so that a sanitizer sees a byte too many, and a view that outlives it.
    const std::vector<char> bytes(piece.begin(), piece.end());
    parser.arrive({bytes.data(), bytes.size()});
    while (const nats::Operation* operation = parser.next()) {
      result.operations.push_back(describe(*operation));
    }
    result.most_memory = std::max(result.most_memory, parser.memory());
  }
  result.error = parser.error();
  return result;
}

std::vector<ByteView> cut(ByteView stream, const std::vector<std::size_t>& positions) {
  std::vector<ByteView> pieces;
  std::size_t begin = 0;
  for (const std::size_t position : positions) {
    pieces.push_back(stream.substr(begin, position - begin));
    begin = position;
  }
  pieces.push_back(stream.substr(begin));
  return pieces;
}

std::vector<ByteView> single_bytes(ByteView stream) {
  std::vector<ByteView> pieces;
  for (std::size_t at = 0; at < stream.size(); ++at) pieces.push_back(stream.substr(at, 1));
  return pieces;
}

}  // namespace hallway::test
