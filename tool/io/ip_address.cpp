// SPDX-License-Identifier: Apache-2.0
#include "io/ip_address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace hallway::tool {

namespace {

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

std::optional<std::uint16_t> read_port(std::string_view digits) {
  std::uint16_t port = 0;
  const char* end = digits.data() + digits.size();
  const auto [stopped, error] = std::from_chars(digits.data(), end, port);
  if (error != std::errc{} || stopped != end) return std::nullopt;
  return port;
}

bool is_ip(int family, const std::string& host) {
  std::array<unsigned char, sizeof(in6_addr)> address{};
  return !host.contains('\0') && inet_pton(family, host.c_str(), address.data()) == 1;
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
  if (!is_ip(endpoint.is_v6 ? AF_INET6 : AF_INET, endpoint.host)) return std::nullopt;
  const auto port = read_port(parts->port);
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
    return "an IPv6 address and a port are written [ADDRESS]:PORT";
  }
  const auto parts = split(word);
  if (!parts) return std::nullopt;
  const bool with_number = is_number(parts->port);
  if (with_number && !read_port(parts->port)) return "a port is at most 65535";
  if (is_ip(AF_INET, std::string(parts->host))) return "an IP address and a port";
  if (with_number) return "a port needs an IP address before it, in numbers";
  return std::nullopt;
}

}  // namespace hallway::tool
