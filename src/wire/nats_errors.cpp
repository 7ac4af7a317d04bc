// SPDX-License-Identifier: Apache-2.0
#include "wire/nats_errors.hpp"

namespace hallway::nats {

namespace {

/// How many bytes of what a peer sent are quoted, in the reply to it and in the log.
constexpr std::size_t longest_shown = 256;

ByteView text_of_malformed(Verb verb) noexcept {
  switch (verb) {
    case Verb::pub:
      return "Parser Error: PUB takes SUBJECT [REPLY] SIZE, and a size is a number of 1 to 9 "
             "digits";
    case Verb::hpub:
      return "Parser Error: HPUB takes SUBJECT [REPLY] HEADER-SIZE SIZE, numbers of 1 to 9 digits, "
             "the second of which counts the header";
    case Verb::sub: return "Parser Error: SUB takes SUBJECT [QUEUE] SID";
    case Verb::unsub: return "Parser Error: UNSUB takes SID [MAX]";
    case Verb::msg: return "Parser Error: MSG takes SUBJECT SID [REPLY] SIZE";
    case Verb::hmsg: return "Parser Error: HMSG takes SUBJECT SID [REPLY] HEADER-SIZE SIZE";
    default: return "Parser Error";
  }
}

}  // namespace

ByteView text_of(ProtocolError error, Verb verb) noexcept {
  switch (error) {
    case ProtocolError::unknown_operation: return errors::unknown_operation;
    case ProtocolError::control_line_too_long: return errors::control_line_too_long;
    case ProtocolError::payload_too_large: return errors::payload_too_large;
    case ProtocolError::malformed_arguments: return text_of_malformed(verb);
    case ProtocolError::none: return {};
  }
  return {};
}

namespace errors {

std::string malformed_member(ByteView name) {
  return "Parser Error: the member \"" + printable(name.substr(0, longest_shown)) +
         "\" of CONNECT is not of its type";
}

std::string client_error(ByteView text) {
  return "Client Error: " + printable(text.substr(0, longest_shown));
}

std::string publish_violation(ByteView subject) {
  return "Permissions Violation for Publish to \"" + printable(subject) + '"';
}

std::string subscription_violation(ByteView subject, ByteView queue) {
  std::string text = "Permissions Violation for Subscription to \"" + printable(subject) + '"';
  if (!queue.empty()) text += " using queue \"" + printable(queue) + '"';
  return text;
}

std::string too_many_tokens(ByteView subject) {
  return subscription_violation(subject, {}) + ", too many tokens";
}

}  // namespace errors

}  // namespace hallway::nats
