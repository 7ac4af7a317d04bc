// SPDX-License-Identifier: Apache-2.0
#include "hub/listen_address.hpp"

#include <algorithm>

#include <hallway/address.hpp>

#include "io/ip_address.hpp"

namespace hallway::tool {

namespace {

std::optional<IpEndpoint> endpoint_of(std::string_view address) {
  if (!address.starts_with(tcp_scheme)) return std::nullopt;
  return read_ip_endpoint(address.substr(tcp_scheme.size()));
}

bool is_inherited(std::string_view address) {
  const auto parsed = Address::parse(address);
  return parsed && (parsed->kind() == Address::Kind::descriptor ||
                    parsed->kind() == Address::Kind::activation);
}

}  // namespace

Read<std::string> read_listen_address(std::string_view text) {
  if (endpoint_of(text) || is_inherited(text)) return std::string(text);
  Unread unread("not a numeric IP address and a port");
  unread.hint =
      "write tcp:127.0.0.1:4222 or tcp:[::1]:4222; fd:N and activation:NAME are sockets "
      "that another process made";
  return std::unexpected(std::move(unread));
}

std::optional<std::string> given_twice(const std::vector<std::string>& addresses) {
  for (auto one = addresses.begin(); one != addresses.end(); ++one) {
    const auto endpoint = endpoint_of(*one);
    const bool is_next_one = one->starts_with("activation");
    if (is_next_one || (endpoint && endpoint->port == 0)) continue;
    if (std::find(one + 1, addresses.end(), *one) != addresses.end()) return *one;
  }
  return std::nullopt;
}

std::optional<std::string> reachable_from_outside(const std::vector<std::string>& addresses) {
  const auto found = std::ranges::find_if(addresses, [](const std::string& address) {
    const auto endpoint = endpoint_of(address);
    return endpoint && !endpoint->is_loopback;
  });
  return found == addresses.end() ? std::nullopt : std::optional(*found);
}

Unread refused_from_outside() {
  Unread unread("other machines can reach this address, and of their clients no user is known");
  unread.hint =
      "use 127.0.0.1 or [::1]; --listen-anywhere (hub.listen_anywhere) permits it, and then only "
      "the rule \"any\" admits such clients";
  return unread;
}

}  // namespace hallway::tool
