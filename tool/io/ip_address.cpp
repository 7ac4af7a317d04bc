// SPDX-License-Identifier: Apache-2.0
#include "io/ip_address.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>

#include "io/number.hpp"

namespace hallway::tool {

namespace {

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

/// The bytes of an address, of which one of IPv4 uses the first four.
using Bytes = std::array<unsigned char, sizeof(in6_addr)>;

std::optional<Bytes> read_ip(int family, const std::string& host) {
  Bytes address{};
  const bool valid = !host.contains('\0') && inet_pton(family, host.c_str(), address.data()) == 1;
  return valid ? std::optional(address) : std::nullopt;
}

bool is_ip(int family, const std::string& host) { return read_ip(family, host).has_value(); }

bool is_loopback(const Bytes& address, bool is_v6) {
  Bytes loopback{};
  loopback.back() = 1;
  if (!is_v6) return address[0] == IN_LOOPBACKNET;
  // An IPv4 address in its IPv6 form, ::ffff:127.0.0.1, is bound as that of IPv4.
  Bytes mapped{};
  mapped[10] = mapped[11] = 0xFF;
  const bool of_v4 = std::equal(address.begin(), address.begin() + 12, mapped.begin());
  return of_v4 ? address[12] == IN_LOOPBACKNET : address == loopback;
}

struct HostAndPort {
  std::string_view host;
  std::string_view port;
  bool bracketed = false;
};

/// Splits "host:port" or "[host]:port" at its last colon; nullopt if it has none.
std::optional<HostAndPort> split(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  HostAndPort parts{.host = text.substr(0, colon), .port = text.substr(colon + 1)};
  if (parts.host.starts_with('[') && parts.host.ends_with(']') && parts.host.size() > 1) {
    parts.host = parts.host.substr(1, parts.host.size() - 2);
    parts.bracketed = true;
  }
  return parts;
}

}  // namespace

std::optional<IpEndpoint> read_ip_endpoint(std::string_view text) {
  const auto parts = split(text);
  if (!parts) return std::nullopt;
  IpEndpoint endpoint{.host = std::string(parts->host), .is_v6 = parts->bracketed};
  const auto address = read_ip(endpoint.is_v6 ? AF_INET6 : AF_INET, endpoint.host);
  if (!address) return std::nullopt;
  endpoint.is_loopback = is_loopback(*address, endpoint.is_v6);
  const auto port = parse_number<std::uint16_t>(parts->port);
  if (!port) return std::nullopt;
  endpoint.port = *port;
  return endpoint;
}

std::optional<std::string> meant_for_tcp(std::string_view path) {
  if (path.starts_with('.') || path.starts_with('/')) return std::nullopt;
  const std::string word(path.substr(0, path.find('/')));
  if (read_ip_endpoint(word)) return "an IP address and a port";
  if (is_number(word)) return "a port alone";
  if (is_ip(AF_INET, word)) return "an IP address without a port";
  if (is_ip(AF_INET6, word) || word.starts_with('[')) {
    return "an IPv6 address with a port is written [ADDRESS]:PORT";
  }
  const auto parts = split(word);
  if (!parts) return std::nullopt;
  const bool with_number = is_number(parts->port);
  if (with_number && !parse_number<std::uint16_t>(parts->port)) return "a port is at most 65535";
  if (is_ip(AF_INET, std::string(parts->host))) return "an IP address and a port";
  if (with_number) return "a port needs a numeric IP address before it";
  return std::nullopt;
}

}  // namespace hallway::tool
