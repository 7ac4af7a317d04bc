// SPDX-License-Identifier: Apache-2.0
#include "wire/nats_errors.hpp"

namespace hallway::nats::errors {

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

}  // namespace hallway::nats::errors
