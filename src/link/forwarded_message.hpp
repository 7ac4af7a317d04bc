// SPDX-License-Identifier: Apache-2.0
//
// A message between the two sides of a link, passed from one thread to another.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace hallway::link {

struct ForwardedMessage {
  /// The subscription on which it came from the cluster. `stray`: the server sent it for a
  /// subscription that its subject does not match.
  enum class Source : std::uint8_t { import, answer, gossip, stray };

  std::string subject;
  std::string reply = {};
  std::string status = {};
  std::vector<std::pair<std::string, std::string>> header = {};
  std::string payload = {};
  Source source = Source::import;

  /// Its size in bytes as it counts against queue limits.
  [[nodiscard]] std::size_t size() const noexcept {
    std::size_t size = sizeof *this + subject.size() + reply.size() + payload.size();
    for (const auto& [name, value] : header) size += sizeof(header[0]) + name.size() + value.size();
    return size;
  }
};

}  // namespace hallway::link
