// SPDX-License-Identifier: Apache-2.0
#include "wire/nats_errors.hpp"

#include <gtest/gtest.h>

namespace hallway::nats {
namespace {

// What a client of nats-server 2.9.10 heard when it had brought each about.
TEST(nats_errors, has_the_texts_of_nats_server) {
  EXPECT_EQ(text_of(ProtocolError::unknown_operation), "Unknown Protocol Operation");
  EXPECT_EQ(text_of(ProtocolError::control_line_too_long), "maximum control line exceeded");
  EXPECT_EQ(text_of(ProtocolError::payload_too_large), "Maximum Payload Violation");
  EXPECT_EQ(errors::publish_violation("no"), "Permissions Violation for Publish to \"no\"");
  EXPECT_EQ(errors::subscription_violation("no", ""),
            "Permissions Violation for Subscription to \"no\"");
  EXPECT_EQ(errors::subscription_violation("no", "q"),
            "Permissions Violation for Subscription to \"no\" using queue \"q\"");
}

TEST(nats_errors, has_no_text_for_malformed_arguments_nor_for_no_error) {
  EXPECT_EQ(text_of(ProtocolError::malformed_arguments), "");
  EXPECT_EQ(text_of(ProtocolError::none), "");
}

TEST(nats_errors, escapes_what_a_peer_sent) {
  EXPECT_EQ(errors::publish_violation("a\x1b[2J"),
            "Permissions Violation for Publish to \"a\\x1b[2J\"");
  EXPECT_EQ(errors::subscription_violation("\x07", "\x7f"),
            "Permissions Violation for Subscription to \"\\x07\" using queue \"\\x7f\"");
}

}  // namespace
}  // namespace hallway::nats
