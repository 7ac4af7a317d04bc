// SPDX-License-Identifier: Apache-2.0
#include "hub/client/hub_greeting.hpp"

#include <hallway/bytes.hpp>
#include <hallway/version.hpp>

#include "core/number.hpp"
#include "hub/json.hpp"

namespace hallway::hub {

namespace {

void note(ServerInfo& info, const JsonMember& member) {
  if (member.name == "headers") info.headers = member.value == "true";
  if (member.name == "ldm") info.leaving = member.value == "true";
  if (member.name == "hallway") info.hallway = true;
  ByteView value = member.value;
  const auto number = core::take_number<std::size_t>(value);
  if (!number) return;
  if (member.name == "max_payload") info.max_payload = *number;
  // Only our hub sends this member. It closes the connection after a longer line, which would lose
  // the messages in flight.
  if (member.name == "max_control_line") info.control_line = *number;
}

}  // namespace

std::optional<ServerInfo> ServerInfo::parse(ByteView text) {
  ServerInfo info;
  JsonReader reader(text);
  while (const JsonMember* member = reader.next()) note(info, *member);
  return reader.valid() ? std::optional(info) : std::nullopt;
}

std::optional<MatchCount> parse_match_count(ByteView text) {
  std::optional<std::size_t> subscriptions;
  std::optional<std::size_t> links;
  JsonReader reader(text);
  while (const JsonMember* member = reader.next()) {
    const auto number = core::parse_number<std::size_t>(member->value);
    if (member->name == "subscriptions") subscriptions = number;
    if (member->name == "links") links = number;
  }
  if (!reader.valid() || !subscriptions || !links) return std::nullopt;
  return MatchCount{*subscriptions, *links};
}

std::string greeting_of(const ClientOptions& options, std::uint64_t seen) {
  JsonObject greeting;
  greeting.add("verbose", false)
      .add("pedantic", false)
      .add("lang", "hallway")
      .add("version", version)
      .add("protocol", 1U)
      .add("headers", true)
      .add("no_responders", true)
      .add("echo", options.echo);
  // A hub only compares the id. printable() keeps JsonObject from renaming the member to
  // link_base64.
  if (!options.link.empty()) {
    greeting.add("link", printable(options.link)).add("seen", seen);
    if (options.link_publishers) greeting.add("publishers", true);
  }
  if (options.delivery_overflow) greeting.add("full", to_string(*options.delivery_overflow));
  greeting.add("name", options.name);
  return greeting.text();
}

}  // namespace hallway::hub
