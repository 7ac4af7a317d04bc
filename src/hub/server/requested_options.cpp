// SPDX-License-Identifier: Apache-2.0
#include "hub/server/requested_options.hpp"

#include <algorithm>
#include <array>

#include <hallway/version.hpp>

#include "core/ascii.hpp"
#include "core/number.hpp"
#include "hub/json.hpp"
#include "wire/nats_errors.hpp"

namespace hallway::hub {

namespace {

// Clients infer a server's features from its version. This is the NATS version whose protocol the
// hub implements.
constexpr const char* nats_version = "2.9.10";

constexpr std::int64_t newest_protocol = 1;

// Members of NATS that the hub ignores, because it takes a client's identity from the kernel.
constexpr auto ignored_strings = std::to_array<std::string_view>(
    {"lang", "name", "version", "user", "pass", "auth_token", "nkey", "jwt", "sig"});

bool read_bool(const JsonMember& member, bool& value) {
  if (member.kind != JsonKind::boolean) return false;
  value = member.value == "true";
  return true;
}

bool read_string(const JsonMember& member, std::string& value) {
  if (member.kind != JsonKind::string) return false;
  value = member.value;
  return true;
}

bool read_integer(const JsonMember& member, std::int64_t& value) {
  if (member.kind != JsonKind::number) return false;
  const auto number = core::parse_number<std::int64_t>(member.value);
  value = number.value_or(value);
  return number.has_value();
}

bool read_policy(const JsonMember& member, RequestedOptions& options) {
  if (member.kind != JsonKind::string) return false;
  options.overflow = overflow_policy(member.value, delivery_policies);
  options.unknown_policy = !options.overflow;
  return true;
}

/// @return false if the member has the wrong type
bool read_member(const JsonMember& member, RequestedOptions& options) {
  const auto is = [&](std::string_view name) {
    return core::equal_ignoring_case(member.name, name);
  };
  bool ignored = false;
  if (member.kind == JsonKind::null) return true;
  if (is("verbose")) return read_bool(member, options.verbose);
  if (is("pedantic")) return read_bool(member, options.pedantic);
  if (is("echo")) return read_bool(member, options.echo);
  if (is("headers")) return read_bool(member, options.headers);
  if (is("no_responders")) return read_bool(member, options.no_responders);
  if (is("tls_required")) return read_bool(member, ignored);
  if (is("protocol")) return read_integer(member, options.protocol);
  if (is("full")) return read_policy(member, options);
  if (is("seen")) return read_integer(member, options.seen);
  if (is("link")) return read_string(member, options.link);
  if (is("publishers")) return read_bool(member, options.publishers);
  return std::ranges::none_of(ignored_strings, is) || member.kind == JsonKind::string;
}

}  // namespace

// The text of malformed_connect contains this number.
static_assert(JsonReader::deepest == 64);

std::expected<RequestedOptions, std::string> RequestedOptions::with(
    std::string_view connect) const {
  RequestedOptions options = *this;
  JsonReader reader(connect);
  while (const JsonMember* member = reader.next()) {
    if (!read_member(*member, options)) {
      return std::unexpected(nats::errors::malformed_member(member->name));
    }
  }
  if (!reader.valid()) return std::unexpected(std::string(nats::errors::malformed_connect));
  return options;
}

ByteView RequestedOptions::refusal() const noexcept {
  if (protocol < 0 || protocol > newest_protocol) return nats::errors::invalid_client_protocol;
  if (no_responders && !headers) return nats::errors::no_responders_without_headers;
  if (unknown_policy) return nats::errors::unknown_policy;
  return {};
}

std::string HubInfo::to_json(std::uint64_t client, bool leaving,
                             const std::optional<TcpHost>& at) const {
  JsonObject info;
  info.add("server_id", server_id)
      .add("server_name", server_name)
      .add("version", nats_version)
      .add("hallway", version)
      .add("proto", std::uint64_t{newest_protocol})
      .add("headers", true)
      .add("max_payload", std::uint64_t{max_payload})
      .add("max_control_line", std::uint64_t{control_line})
      .add("client_id", client);
  if (at) info.add("host", at->host).add("port", std::uint64_t{at->port});
  if (leaving) info.add("ldm", true);
  return info.text();
}

}  // namespace hallway::hub
