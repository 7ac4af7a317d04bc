// SPDX-License-Identifier: Apache-2.0
#include "hub/metrics_address.hpp"

#include <utility>

#include <hallway/bytes.hpp>

#include "io/ip_address.hpp"

namespace hallway::tool {

namespace {

std::unexpected<Unread> not_an_address(std::string why, std::string hint) {
  Unread unread(std::move(why));
  unread.hint = std::move(hint);
  return std::unexpected(std::move(unread));
}

/// Whether the address is clearly meant as a file: a word without a slash may be a mistyped address
/// of another kind.
bool looks_like_a_file(const Address& address) {
  return address.kind() != Address::Kind::path || address.name().contains('/') ||
         looks_like_address(address.name());
}

}  // namespace

Read<MetricsAddress> read_metrics_address(std::string_view text) {
  const bool named = text.starts_with(tcp_scheme);
  const std::string_view tcp = named ? text.substr(tcp_scheme.size()) : text;
  if (read_ip_endpoint(tcp)) return TcpAddress{std::string(tcp)};
  if (named) return std::unexpected("not an IP address and a port, as in tcp:127.0.0.1:9464");
  const auto parsed = Address::parse(text);
  const bool plain =
      !parsed || (parsed->kind() == Address::Kind::path && !text.starts_with("unix:"));
  if (const auto why = plain ? meant_for_tcp(text) : std::nullopt) {
    return not_an_address(*why,
                          "write 127.0.0.1:9464 for this machine only, 0.0.0.0:9464 for others "
                          "also, ./NAME for a socket file");
  }
  auto address = read_listening_address(text);
  if (!address) return std::unexpected(address.error());
  if (text.starts_with("unix:") || looks_like_a_file(*address)) return std::move(*address);
  return not_an_address(
      "not an IP address and a port, and not a path",
      "write ./" + printable(text) +
          " for a socket file, or an IP address and a port, as in 127.0.0.1:9464");
}

std::string write_metrics_address(const MetricsAddress& address) {
  if (const auto* tcp = std::get_if<TcpAddress>(&address))
    return std::string(tcp_scheme) + tcp->text;
  return std::get<Address>(address).unescaped();
}

}  // namespace hallway::tool
