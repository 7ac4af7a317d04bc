// SPDX-License-Identifier: Apache-2.0
//
// A NATS parser over arbitrary bytes that arrive in arbitrary pieces: however the stream is cut,
// the operations and the error are those of the whole; the parser owns no more than its limits
// allow; and what was found can be written and found again. Header blocks that are valid stay so,
// and keep what they had, when a field is added.
#include <string>
#include <vector>

#include "input.hpp"
#include "support/nats_operations.hpp"
#include "wire/nats_header.hpp"
#include "wire/nats_writer.hpp"

namespace {

using namespace hallway;
using namespace hallway::nats;
using fuzz::require;

bool is_argument(ByteView field) { return field.find_first_of(" \t\r\n") == ByteView::npos; }

void check_header(ByteView block) {
  const auto header = HeaderBlock::parse(block);
  if (!header) return;
  std::vector<HeaderField> fields;
  header->for_each([&](HeaderField field) { fields.push_back(field); });
  for (const HeaderField& field : fields) require(header->find(field.name).has_value());

  const HeaderField added{"Hallway-Uid", "1000"};
  std::vector<char> bytes(header->size_with({&added, 1}));
  require(header->write_with({&added, 1}, bytes.data()) == bytes.data() + bytes.size());
  const auto again = HeaderBlock::parse({bytes.data(), bytes.size()});
  require(again && again->find(added.name) == added.value);
  require(again->status() == header->status() && again->description() == header->description());
  std::size_t count = 0;
  again->for_each([&](HeaderField) { ++count; });
  require(count <= fields.size() + 1);
}

/// Finds again what was written of `operation`, and nothing else.
void check_written(Sender sender, const Operation& operation) {
  std::vector<char> bytes(written_size(operation));
  require(write(operation, bytes.data()) == bytes.data() + bytes.size());
  // A line ends where its size says, too: the payload is all that follows.
  const std::size_t line = line_size(operation);
  require(line <= bytes.size() && bytes[line - 1] == '\n');
  const test::ParseResult again = test::parse(sender, {}, {{bytes.data(), bytes.size()}});
  require(again.error == ProtocolError::none);
  require(again.operations == std::vector{test::describe(operation)});
}

void check_each(Sender sender, const ParserLimits& limits, ByteView stream) {
  Parser parser(sender, limits);
  parser.arrive(stream);
  while (const Operation* operation = parser.next()) {
    for (const ByteView field :
         {operation->subject, operation->reply, operation->queue, operation->sid}) {
      require(is_argument(field));
    }
    require(operation->text.size() <= limits.control_line);
    require(operation->header.size() + operation->payload.size() <= limits.payload);
    if (has_payload(operation->verb)) require(!operation->subject.empty());
    check_header(operation->header);
    check_written(sender, *operation);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const Sender sender = input.chance() ? Sender::client : Sender::server;
  const ParserLimits limits{.control_line = input.byte(), .payload = input.byte()};
  // The sizes of the pieces, used over and over.
  const ByteView sizes = input.take(input.below(8) + 1);
  const ByteView stream = input.take_rest();

  std::vector<std::size_t> cuts;
  std::size_t at = 0;
  for (std::size_t turn = 0; !sizes.empty(); ++turn) {
    at += static_cast<std::uint8_t>(sizes[turn % sizes.size()]) + std::size_t{1};
    if (at >= stream.size()) break;
    cuts.push_back(at);
  }

  const test::ParseResult whole = test::parse(sender, limits, {stream});
  const auto check_pieces = [&](const std::vector<ByteView>& pieces) {
    const test::ParseResult found = test::parse(sender, limits, pieces);
    require(found == whole);
    require(found.most_memory <= limits.control_line + limits.payload + 3);
  };
  check_pieces(test::cut(stream, cuts));
  // A piece costs the sanitizer an allocation: in long streams those cuts are enough.
  if (stream.size() <= 128) check_pieces(test::single_bytes(stream));
  check_each(sender, limits, stream);
  return 0;
}
