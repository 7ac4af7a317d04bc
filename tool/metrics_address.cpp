// SPDX-License-Identifier: Apache-2.0
#include "metrics_address.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace hallway::tool {

namespace {

constexpr std::string_view scheme = "tcp:";

bool consists_of(std::string_view text, std::string_view letters) {
  return !text.empty() && text.find_first_not_of(letters) == std::string_view::npos;
}

/// Close enough to tell it from a path; whether it is one of this machine's, the kernel says.
bool is_ip_address(std::string_view host) {
  if (host.starts_with('[') && host.ends_with(']')) {
    return consists_of(host.substr(1, host.size() - 2), "0123456789abcdefABCDEF:.");
  }
  return consists_of(host, "0123456789.") && std::ranges::count(host, '.') == 3;
}

bool is_port(std::string_view digits) {
  std::uint16_t port = 0;
  const char* end = digits.data() + digits.size();
  const auto [stopped, error] = std::from_chars(digits.data(), end, port);
  return error == std::errc{} && stopped == end;
}

}  // namespace

Read<MetricsAddress> read_metrics_address(std::string_view text) {
  const bool named = text.starts_with(scheme);
  const std::string_view tcp = named ? text.substr(scheme.size()) : text;
  const auto colon = tcp.rfind(':');
  const bool is_tcp = colon != std::string_view::npos && is_ip_address(tcp.substr(0, colon)) &&
                      is_port(tcp.substr(colon + 1));
  if (is_tcp) return TcpAddress{std::string(tcp)};
  if (named) return std::unexpected("not an IP address and a port, as in tcp:127.0.0.1:9464");
  return read_listening_address(text);
}

std::string write_metrics_address(const MetricsAddress& address) {
  if (const auto* tcp = std::get_if<TcpAddress>(&address)) return std::string(scheme) + tcp->text;
  return std::get<Address>(address).to_string();
}

}  // namespace hallway::tool
