// SPDX-License-Identifier: Apache-2.0
#include "link/interest_gossip.hpp"

#include <array>
#include <utility>

#include <hallway/hub_client.hpp>

#include "core/number.hpp"

namespace hallway::link {

namespace {

constexpr ByteView head = "HALLWAY 1 ";

/// Our own ids have 20 bytes, but any client of the cluster may publish a gossip message.
constexpr std::size_t longest_hub = 128;

constexpr auto kinds = std::to_array<std::pair<ByteView, InterestGossip::Kind>>({
    {"all", InterestGossip::Kind::all},
    {"change", InterestGossip::Kind::change},
    {"here", InterestGossip::Kind::here},
    {"ask", InterestGossip::Kind::ask},
    {"bye", InterestGossip::Kind::goodbye},
});

/// Removes and returns the text before `end`, and removes `end`. Without an `end`: all of it.
ByteView take_until(ByteView& rest, char end) {
  const std::size_t size = rest.find(end);
  const ByteView taken = rest.substr(0, size);
  rest.remove_prefix(size == ByteView::npos ? rest.size() : size + 1);
  return taken;
}

}  // namespace

std::string InterestGossip::text() const {
  std::string written(head);
  written.append(hub).append(1, ' ');
  for (const auto& [name, named] : kinds) {
    if (named == kind) written += name;
  }
  written.append(1, ' ').append(std::to_string(number)).append(1, '\n');
  for (const std::string& line : lines) written.append(line).append(1, '\n');
  return written;
}

std::optional<InterestGossip> InterestGossip::parse(ByteView text) {
  if (!text.starts_with(head)) return std::nullopt;
  text.remove_prefix(head.size());
  ByteView first = take_until(text, '\n');
  InterestGossip gossip;
  gossip.hub = take_until(first, ' ');
  const ByteView called = take_until(first, ' ');
  bool known = false;
  for (const auto& [name, named] : kinds) {
    if (name != called) continue;
    gossip.kind = named;
    known = true;
  }
  const auto number = core::parse_number<decltype(gossip.number)>(first);
  if (!known || gossip.hub.empty() || gossip.hub.size() > longest_hub || !number) {
    return std::nullopt;
  }
  gossip.number = *number;
  while (!text.empty()) {
    const ByteView line = take_until(text, '\n');
    const bool valid =
        (line.starts_with('+') || line.starts_with('-')) && is_subject_pattern(line.substr(1));
    if (valid) gossip.lines.emplace_back(line);
  }
  return gossip;
}

}  // namespace hallway::link
