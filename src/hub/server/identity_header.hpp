// SPDX-License-Identifier: Apache-2.0
//
// The header fields in which the hub states the identity of a publisher. No publisher can set them
// itself.
#pragma once

#include <array>
#include <string>

#include <hallway/bytes.hpp>
#include <hallway/connection.hpp>

#include "wire/nats_header.hpp"

namespace hallway::hub {

/// States the age of a retained value, in seconds. It does not name a publisher, but no publisher
/// can set it either.
inline constexpr ByteView retained_field = "Hallway-Retained";

/// The identity of one connection as header fields. The uid comes from the kernel and is proof; the
/// pid and executable are hints (hub.hpp).
class IdentityHeader {
 public:
  explicit IdentityHeader(const Connection& publisher);

  /// Writes the header of a message with the identity fields to `out`. A header that is not valid
  /// is left out, because readers disagree on where its fields end.
  /// @param header  as the publisher sent it; may be empty
  void add(ByteView header, std::string& out) const;

  /// Removes everything that looks like an identity field from a header.
  /// @return whether there was any; if so, `out` must be sent instead of `header`
  static bool strip(ByteView header, std::string& out);

 private:
  std::string uid_;
  std::string pid_;
  std::string executable_;
};

}  // namespace hallway::hub
