// SPDX-License-Identifier: Apache-2.0
#include "torture/driven_client.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <charconv>

#include "subject/reserved_subjects.hpp"

namespace hallway::torture {

void DrivenClient::begin_account() noexcept {
  asked = answered = refused = refused_expected = 0;
  for (auto& [sid, one] : subscribed) one.expected = one.got = one.lost = 0;
}

void DrivenClient::send_some(std::size_t most) {
  if (to_send.empty() || stream.ended) return;
  const ssize_t sent = stream.send(std::string_view(to_send).substr(0, most));
  if (sent > 0) to_send.erase(0, static_cast<std::size_t>(sent));
  if (sent < 0 && errno != EAGAIN) to_send.clear();
}

bool DrivenClient::read_some() {
  stream.collect();
  const std::string piece = std::exchange(stream.received, {});
  parser_.arrive(piece);
  while (const nats::Operation* operation = parser_.next()) take(*operation);
  EXPECT_EQ(parser_.error(), nats::ProtocolError::none) << printable(piece);
  return !piece.empty();
}

void DrivenClient::take(const nats::Operation& operation) {
  using nats::Verb;
  if (operation.verb == Verb::pong) ++pongs;
  if (operation.verb == Verb::err) {
    last_error = operation.text;
    if (operation.text.contains("ublish")) ++refused;
  }
  if (operation.verb != Verb::msg && operation.verb != Verb::hmsg) return;
  const bool answer = operation.payload.starts_with('{');
  if (answer) ++answered;
  const auto found = subscribed.find(operation.sid);
  if (found == subscribed.end() || answer) return;
  if (operation.subject == hub::gap_subject) {
    std::uint64_t lost = 0;
    const ByteView count = operation.payload;
    std::from_chars(count.data(), count.data() + count.size(), lost);
    EXPECT_GT(lost, 0U);
    found->second.lost += lost;
  } else {
    ++found->second.got;
  }
}

}  // namespace hallway::torture
