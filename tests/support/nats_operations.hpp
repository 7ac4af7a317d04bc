// SPDX-License-Identifier: Apache-2.0
//
// NATS operations in a form that can be kept, compared and shown.
#pragma once

#include <cstddef>
#include <ostream>
#include <string>
#include <vector>

#include <hallway/bytes.hpp>

#include "wire/nats_parser.hpp"

namespace hallway::test {

/// "PUB subject=jobs payload=hi": its verb and the fields that it has.
std::string describe(const nats::Operation& operation);

/// What a parser made of a stream.
struct ParseResult {
  std::vector<std::string> operations;
  nats::ProtocolError error = nats::ProtocolError::none;
  std::size_t most_memory = 0;  ///< that the parser owned at any time

  /// How a stream is cut may change what was kept of it meanwhile, and nothing else.
  friend bool operator==(const ParseResult& one, const ParseResult& other) {
    return one.operations == other.operations && one.error == other.error;
  }
};
void PrintTo(const ParseResult& result, std::ostream* out);

/// Lets the pieces arrive one by one. Each lies in memory of its own that is gone before the next.
ParseResult parse(nats::Sender sender, const nats::ParserLimits& limits,
                  const std::vector<ByteView>& pieces);

/// The stream in the order of its bytes, cut at these positions.
std::vector<ByteView> cut(ByteView stream, const std::vector<std::size_t>& positions);
std::vector<ByteView> single_bytes(ByteView stream);

}  // namespace hallway::test
