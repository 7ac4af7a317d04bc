// SPDX-License-Identifier: Apache-2.0
//
// What a hub says of a publisher, in header fields that no publisher can write himself.
#pragma once

#include <array>
#include <string>

#include <hallway/bytes.hpp>
#include <hallway/connection.hpp>

#include "wire/nats_header.hpp"

namespace hallway::hub {

/// What is known of one connection, as header fields: its uid is the kernel's word and proof, its
/// pid and executable are hints (hub.hpp).
class IdentityHeader {
 public:
  explicit IdentityHeader(const Connection& publisher);

  /// Writes the header of a message with the stamp to `out`. Nobody knows where a field ends in a
  /// block that is not valid: it is left out.
  /// @param header  as it was sent; may be empty
  void add(ByteView header, std::string& out) const;

  /// The same for a message without stamp: what looks like one is taken away.
  /// @return whether there was something, and `out` is to be sent instead
  static bool strip(ByteView header, std::string& out);

 private:
  std::string uid_;
  std::string pid_;
  std::string executable_;
};

}  // namespace hallway::hub
