// SPDX-License-Identifier: Apache-2.0
//
// The NATS client protocol: what client and server say to each other, one operation at a time.
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
// Each is a line that ends with CR LF; behind those with a size come so many bytes and one more
// CR LF. The first header-size bytes of an HPUB's or HMSG's are a header block (nats_header.hpp).
// A client may say INFO, +OK and -ERR, too: nats-server 2.9.10 ignores the first two and closes at
// the last.
#pragma once

#include <cstdint>

#include <hallway/bytes.hpp>

namespace hallway::nats {

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

/// Whether so many bytes and a CR LF follow its line.
constexpr bool has_payload(Verb verb) noexcept {
  return verb == Verb::pub || verb == Verb::msg || verb == Verb::hpub || verb == Verb::hmsg;
}

/// One operation. All views are borrowed; a field its verb has no use for is empty.
struct Operation {
  Verb verb = Verb::ping;
  std::uint32_t max = 0;  ///< UNSUB: so many messages in all, counted from SUB; 0: end it now
  ByteView subject = {};  ///< whether it is a valid one is for the router to say
  ByteView reply = {};
  ByteView queue = {};
  ByteView sid = {};
  ByteView header = {};   ///< HPUB, HMSG: the block as it was sent, valid or not
  ByteView payload = {};  ///< without the header
  ByteView text = {};     ///< CONNECT, INFO: the JSON; -ERR: what went wrong, without its quotes
};

}  // namespace hallway::nats
