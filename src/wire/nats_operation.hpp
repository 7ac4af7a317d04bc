// SPDX-License-Identifier: Apache-2.0
//
// The NATS client protocol: the operations that client and server send to each other.
//
//   server   INFO text
//            MSG subject sid [reply] size
//            HMSG subject sid [reply] header-size size
//   client   CONNECT text
//            PUB subject [reply] size
//            HPUB subject [reply] header-size size
//            SUB subject [queue] sid
//            UNSUB sid [max]
//   both     PING
//            PONG
//            +OK
//            -ERR 'text'
//
// Each operation is a line that ends with CR LF. If the line has a size, that many bytes and one
// more CR LF follow. In an HPUB or HMSG, the first header-size of these bytes are a header block
// (nats_header.hpp). A client may also send INFO, +OK and -ERR: nats-server 2.9.10 ignores the
// first two and closes the connection on the last.
#pragma once

#include <cstdint>

#include <hallway/bytes.hpp>

namespace hallway::nats {

/// Ends each line, each payload and each field of a header block.
inline constexpr ByteView line_end = "\r\n";

enum class Verb : std::uint8_t {
  info,
  connect,
  pub,
  hpub,
  sub,
  unsub,
  msg,
  hmsg,
  ping,
  pong,
  ok,
  err,
};

/// Whether a payload and a CR LF follow its line.
constexpr bool has_payload(Verb verb) noexcept {
  return verb == Verb::pub || verb == Verb::msg || verb == Verb::hpub || verb == Verb::hmsg;
}

/// One operation. All views are borrowed; a field that the verb does not use is empty.
struct Operation {
  Verb verb = Verb::ping;
  std::uint32_t max = 0;  ///< UNSUB: the number of messages in all, counted from SUB; 0: end now
  ByteView subject = {};  ///< not checked here: the router validates it
  ByteView reply = {};
  ByteView queue = {};
  ByteView sid = {};
  ByteView header = {};   ///< HPUB, HMSG: the block as it was sent, valid or not
  ByteView payload = {};  ///< without the header
  ByteView text = {};     ///< CONNECT, INFO: the JSON; -ERR: the error text, without its quotes
};

}  // namespace hallway::nats
