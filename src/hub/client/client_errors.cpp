// SPDX-License-Identifier: Apache-2.0
#include "hub/client/client_errors.hpp"

#include <utility>

namespace hallway::detail {

Error ClientErrors::about(std::errc code, std::string operation, std::string reason,
                          std::string hint) const {
  return {.code = std::make_error_code(code),
          .operation = std::move(operation),
          .subject = hub_,
          .reason = std::move(reason),
          .hint = std::move(hint)};
}

Error ClientErrors::explain(const char* operation, Outcome outcome, const char* why) const {
  const auto in_words = [&](std::errc code, const char* words) {
    return about(code, operation, why != nullptr ? why : words);
  };
  switch (outcome) {
    case Outcome::ok: return in_words({}, "");
    case Outcome::would_block: return in_words(std::errc::resource_unavailable_try_again, "");
    case Outcome::timed_out: return in_words(std::errc::timed_out, "no answer came in time");
    case Outcome::end_of_stream:
      return in_words(std::errc::broken_pipe, "the subscription has ended");
    case Outcome::no_responders:
      return in_words(std::errc::no_such_device_or_address, "this subject has no subscribers");
    case Outcome::closed:
      return in_words(std::errc::operation_canceled, "this side closed the connection");
    case Outcome::truncated:
    case Outcome::peer_gone:
    case Outcome::failed: break;
  }
  if (why != nullptr) return in_words(std::errc::invalid_argument, why);
  if (!reason_) return in_words(std::errc::connection_reset, "the hub closed the connection");
  Error error = *reason_;
  error.operation = operation;
  error.subject = hub_;
  return error;
}

}  // namespace hallway::detail
