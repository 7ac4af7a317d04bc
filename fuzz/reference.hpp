// SPDX-License-Identifier: Apache-2.0
//
// What a receiver must make of a stream, as framing.hpp tells it in words: written byte by byte and
// without any cleverness, so that it disagrees with hallway::Framing wherever that is wrong.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <hallway/framing.hpp>

namespace hallway::fuzz {

struct Expected {
  struct Message {
    std::string bytes;
    std::size_t end = 0;  ///< position in the stream behind its frame
  };
  enum class End : std::uint8_t { in_order, broken_off, too_large };

  std::vector<Message> messages;
  End end = End::in_order;
};

/// Any framing but raw. `finished`: the peer said that this is all; otherwise what is not whole is
/// left out.
inline Expected expected_of(Framing framing, std::size_t limit, std::string_view stream,
                            bool finished) {
  const bool lines = framing.kind() == Framing::Kind::lines;
  const bool delimited = lines || framing.kind() == Framing::Kind::null;
  const char delimiter = lines ? '\n' : '\0';
  constexpr std::uint16_t one = 1;
  const bool host_is_little = *reinterpret_cast<const unsigned char*>(&one) == 1;
  const bool little = framing.kind() == Framing::Kind::len32le ||
                      (framing.kind() == Framing::Kind::len32 && host_is_little);

  Expected expected;
  std::string message;
  std::string prefix;
  std::uint64_t length = 0;
  const auto too_large = [&] {
    expected.end = Expected::End::too_large;
    return expected;
  };
  for (std::size_t at = 0; at < stream.size(); ++at) {
    bool whole = false;
    if (!delimited) {
      if (prefix.size() < 4) {
        prefix += stream[at];
        if (prefix.size() < 4) continue;
        length = 0;
        for (std::size_t i = 0; i < 4; ++i) {
          const auto digit = static_cast<unsigned char>(prefix[little ? 3 - i : i]);
          length = length * 256 + digit;
        }
        if (length > limit) return too_large();
      } else {
        message += stream[at];
      }
      whole = message.size() == length;
    } else if (stream[at] != delimiter) {
      message += stream[at];
      if (message.size() > limit + (lines ? 1 : 0)) return too_large();
      continue;
    } else {
      if (lines && !message.empty() && message.back() == '\r') message.pop_back();
      if (message.size() > limit) return too_large();
      whole = true;
    }
    if (!whole) continue;
    expected.messages.push_back({message, at + 1});
    message.clear();
    prefix.clear();
  }
  if (!finished || (message.empty() && prefix.empty())) return expected;
  if (!delimited) {
    expected.end = Expected::End::broken_off;
    return expected;
  }
  if (lines && message.back() == '\r') message.pop_back();
  if (message.size() > limit) return too_large();
  expected.messages.push_back({message, stream.size()});
  return expected;
}

}  // namespace hallway::fuzz
