// SPDX-License-Identifier: Apache-2.0
#include "wire/nats_errors.hpp"

#include <gtest/gtest.h>

namespace hallway::nats {
namespace {

// What a client of nats-server 2.9.10 heard when it had brought each about.
TEST(nats_errors, has_the_texts_of_nats_server) {
  EXPECT_EQ(text_of(ProtocolError::unknown_operation, Verb::pub), "Unknown Protocol Operation");
  EXPECT_EQ(text_of(ProtocolError::control_line_too_long, Verb::pub),
            "maximum control line exceeded");
  EXPECT_EQ(text_of(ProtocolError::payload_too_large, Verb::pub), "Maximum Payload Violation");
  EXPECT_EQ(errors::publish_violation("no"), "Permissions Violation for Publish to \"no\"");
  EXPECT_EQ(errors::subscription_violation("no", ""),
            "Permissions Violation for Subscription to \"no\"");
  EXPECT_EQ(errors::subscription_violation("no", "q"),
            "Permissions Violation for Subscription to \"no\" using queue \"q\"");
}

TEST(nats_errors, reports_of_malformed_arguments_what_the_verb_takes) {
  const auto text = [](Verb verb) { return text_of(ProtocolError::malformed_arguments, verb); };
  EXPECT_TRUE(text(Verb::pub).starts_with("Parser Error: PUB takes SUBJECT [REPLY] SIZE"));
  EXPECT_TRUE(text(Verb::hpub).starts_with("Parser Error: HPUB takes SUBJECT [REPLY] HEADER-SIZE"));
  EXPECT_EQ(text(Verb::sub), "Parser Error: SUB takes SUBJECT [QUEUE] SID");
  EXPECT_EQ(text(Verb::unsub), "Parser Error: UNSUB takes SID [MAX]");
  EXPECT_EQ(text(Verb::msg), "Parser Error: MSG takes SUBJECT SID [REPLY] SIZE");
  EXPECT_EQ(text(Verb::hmsg), "Parser Error: HMSG takes SUBJECT SID [REPLY] HEADER-SIZE SIZE");
  EXPECT_EQ(text_of(ProtocolError::none, Verb::pub), "");
}

TEST(nats_errors, escapes_what_a_peer_sent) {
  EXPECT_EQ(errors::publish_violation("a\x1b[2J"),
            "Permissions Violation for Publish to \"a\\x1b[2J\"");
  EXPECT_EQ(errors::malformed_member("a\x1b"),
            "Parser Error: the member \"a\\x1b\" of CONNECT is not of its type");
  EXPECT_EQ(errors::client_error("\x07"), "Client Error: \\x07");
  EXPECT_EQ(errors::subscription_violation("\x07", "\x7f"),
            "Permissions Violation for Subscription to \"\\x07\" using queue \"\\x7f\"");
}

}  // namespace
}  // namespace hallway::nats
