// SPDX-License-Identifier: Apache-2.0
#include "hub/client/hub_greeting.hpp"

#include <charconv>

#include <hallway/bytes.hpp>
#include <hallway/version.hpp>

#include "hub/json.hpp"

namespace hallway::hub {

namespace {

void note(ServerInfo& info, const JsonMember& member) {
  if (member.name == "headers") info.headers = member.value == "true";
  if (member.name == "ldm") info.leaving = member.value == "true";
  const char* const begin = member.value.data();
  const char* const end = begin + member.value.size();
  if (member.name == "max_payload") std::from_chars(begin, end, info.max_payload);
  // Only our hub sends this member. It closes the connection after a longer line, which would lose
  // the messages in flight.
  if (member.name == "max_control_line") std::from_chars(begin, end, info.control_line);
}

}  // namespace

std::optional<ServerInfo> ServerInfo::parse(ByteView text) {
  ServerInfo info;
  JsonReader reader(text);
  while (const JsonMember* member = reader.next()) note(info, *member);
  return reader.valid() ? std::optional(info) : std::nullopt;
}

std::string greeting_of(const HubClientOptions& options, std::uint64_t seen) {
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
  if (!options.link.empty()) greeting.add("link", printable(options.link)).add("seen", seen);
  if (options.delivery) greeting.add("full", to_string(*options.delivery));
  greeting.add("name", options.name);
  return greeting.text();
}

}  // namespace hallway::hub
