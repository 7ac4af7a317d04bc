// SPDX-License-Identifier: Apache-2.0
#include "message/connection/cause.hpp"

#include <array>
#include <cerrno>
#include <string>
#include <string_view>

#include "core/report_unread.hpp"
#include "message/connection/connection_core.hpp"
#include "sys/expected.hpp"

namespace hallway {

namespace detail {

namespace {

constexpr auto general_causes = [] {
  std::array<Cause, static_cast<std::size_t>(Outcome::failed) + 1> causes;
  for (std::size_t i = 0; i < causes.size(); ++i) causes[i].outcome = static_cast<Outcome>(i);
  return causes;
}();

const DetailedCause* details_of(const Cause& cause) noexcept {
  return cause.has_details ? static_cast<const DetailedCause*>(&cause) : nullptr;
}

Error explain_timeout(const char* operation, std::string subject, std::size_t unfinished) {
  if (std::string_view(operation) == "send to") {
    return sys::failure(ETIMEDOUT, operation, std::move(subject),
                        "the message was not taken in time")
        .error();
  }
  if (unfinished == 0) {
    return sys::failure(ETIMEDOUT, operation, std::move(subject), "no message came in time")
        .error();
  }
  return sys::failure(ETIMEDOUT, operation, std::move(subject),
                      std::to_string(unfinished) + (unfinished == 1 ? " byte" : " bytes") +
                          " came, but no whole message",
                      "check that the peer uses the same framing")
      .error();
}

Error explain(const Cause& cause, const char* operation) {
  const DetailedCause* details = details_of(cause);
  if (details != nullptr && details->failure) return *details->failure;
  std::string subject = details != nullptr ? subject_of(*details) : std::string();
  const auto failure = [&](int number, std::string reason = {}) {
    return sys::failure(number, operation, std::move(subject), std::move(reason)).error();
  };
  const auto peer_closed = [&] {
    return std::string(details != nullptr ? details->config->peer : "the peer") +
           " closed the connection";
  };
  switch (cause.outcome) {
    case Outcome::timed_out:
      return explain_timeout(operation, std::move(subject),
                             details != nullptr ? details->unfinished : 0);
    case Outcome::end_of_stream: return failure(EPIPE, peer_closed());
    case Outcome::peer_gone: {
      const bool reset = details != nullptr && details->reset;
      return failure(ECONNRESET, peer_closed() + (reset ? " before it had read everything" : ""));
    }
    case Outcome::closed: return failure(ECANCELED, "this side closed the connection");
    case Outcome::would_block: return failure(EAGAIN);
    case Outcome::failed: return failure(ENOMEM);
    case Outcome::truncated:      // only datagrams report it
    case Outcome::no_responders:  // only hubs report it
    case Outcome::ok: break;
  }
  return failure(0);
}

}  // namespace

std::string subject_of(const DetailedCause& cause) {
  const Address& address = cause.config->address;
  return address.kind() == Address::Kind::unnamed ? cause.peer.to_string() : address.unescaped();
}

Reason::Reason(Outcome outcome) noexcept {
  if (outcome != Outcome::ok) cause_ = &general_causes[static_cast<std::size_t>(outcome)];
}

Outcome Reason::outcome_of_cause() const noexcept {
  note_read();
  return cause_->outcome;
}

Error Reason::explain(const char* operation) const {
  note_read();
  return cause_ == nullptr ? Error() : detail::explain(*cause_, operation);
}

void Reason::note_read() const noexcept {
  const DetailedCause* details = cause_ != nullptr ? details_of(*cause_) : nullptr;
  if (details != nullptr) details->unread = false;
}

void Reason::release() noexcept {
  const DetailedCause* details = details_of(*cause_);
  if (details == nullptr) return;
  if (details->unread && details->failure) report_unread(*details->failure);
  delete details;
}

}  // namespace detail

Error Received::error() const { return reason_.explain("receive from"); }
Error Sent::error() const { return reason_.explain("send to"); }

}  // namespace hallway
