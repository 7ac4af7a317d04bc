// SPDX-License-Identifier: Apache-2.0
#include <hallway/server_url.hpp>

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <expected>
#include <optional>
#include <system_error>
#include <utility>

#include "core/ascii.hpp"
#include "core/number.hpp"

namespace hallway {

namespace {

constexpr const char* how_to_write =
    "nats://HOST:PORT or tls://HOST:PORT, with port 4222 by default";
constexpr const char* how_to_encode = "percent-encode it: %40 for @, %2F for /, %3A for :";

/// Why a part of a URL is not valid, and what to write instead.
struct Mistake {
  std::string reason;
  std::string hint = how_to_write;
};

using Checked = std::expected<void, Mistake>;

bool is_letter_or_digit(char byte) { return core::is_letter(byte) || core::is_digit(byte); }

std::expected<std::string, Mistake> decode(ByteView text, const char* what) {
  // Characters that RFC 3986 permits unencoded in this part. A raw @ or /, as in two URLs written
  // as one, is not: parsers disagree on where the part would end.
  constexpr ByteView themselves = "-._~!$&'()*+,;=:";
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char byte = text[i];
    if (byte == '%') {
      const int high = i + 2 < text.size() ? core::hex_value(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? core::hex_value(text[i + 2]) : -1;
      if (high < 0 || low < 0) {
        return std::unexpected(Mistake{
            std::string("a % in the ") + what + " is not followed by two hexadecimal digits",
            "write %25 for %"});
      }
      byte = static_cast<char>(high * 16 + low);
      i += 2;
    } else if (!is_letter_or_digit(byte) && !themselves.contains(byte)) {
      return std::unexpected(
          Mistake{std::string("the ") + what + " has a byte that must be encoded", how_to_encode});
    }
    // libnats 3.4.1 copies user and password into its CONNECT between quotes, without escaping.
    if (static_cast<unsigned char>(byte) < 0x20 || byte == '"' || byte == '\\' || byte == 0x7f) {
      return std::unexpected(
          Mistake{std::string("the ") + what +
                      " has a control byte, a \" or a \\, which libnats cannot send",
                  "choose another one"});
    }
    decoded += byte;
  }
  return decoded;
}

Checked read_user(ByteView text, ServerUrl& url) {
  const std::size_t colon = text.find(':');
  auto user = decode(text.substr(0, colon), "user");
  if (!user) return std::unexpected(std::move(user.error()));
  if (user->empty()) return std::unexpected(Mistake{"the user before the @ is missing"});
  if (user->contains(':')) {
    return std::unexpected(Mistake{"libnats does not accept a : in a user", "set it in link.user"});
  }
  url.user = std::move(*user);
  if (colon == ByteView::npos) return {};
  auto password = decode(text.substr(colon + 1), "password");
  if (!password) return std::unexpected(std::move(password.error()));
  if (password->empty()) {
    return std::unexpected(
        Mistake{"the password after the : is missing", "leave out the : for a token"});
  }
  url.password = std::move(*password);
  return {};
}

bool is_address(int family, const std::string& text) {
  std::array<unsigned char, sizeof(in6_addr)> address{};
  return ::inet_pton(family, text.c_str(), address.data()) == 1;
}

/// Whether `label` is a valid part of a host name: as in DNS, or with _ as in container names.
bool is_label(ByteView label) {
  constexpr std::size_t longest = 63;
  if (label.empty() || label.size() > longest) return false;
  if (label.starts_with('-') || label.ends_with('-')) return false;
  return std::ranges::all_of(
      label, [](char byte) { return is_letter_or_digit(byte) || byte == '-' || byte == '_'; });
}

/// Whether `host` is a DNS name, with or without the final dot of the root, or an IPv4 address.
bool is_host(const std::string& host) {
  constexpr std::size_t longest_name = 253;
  const std::size_t size = host.size() - (host.ends_with('.') ? 1 : 0);
  if (host.empty() || size > longest_name) return false;
  ByteView rest = host;
  ByteView label;
  do {
    const std::size_t dot = rest.find('.');
    label = rest.substr(0, dot);
    if (!is_label(label)) return false;
    rest.remove_prefix(dot == ByteView::npos ? rest.size() : dot + 1);
  } while (!rest.empty());
  // A host whose last label is a number must be an IPv4 address; it is not a name.
  return !std::ranges::all_of(label, core::is_digit) || is_address(AF_INET, host);
}

Checked read_port(ByteView text, ServerUrl& url) {
  url.port = core::parse_number<std::uint16_t>(text).value_or(0);
  if (url.port > 0) return {};
  if (text.contains(',')) {
    return std::unexpected(
        Mistake{"one URL names one server", "repeat --link, or list several in link.urls"});
  }
  return std::unexpected(Mistake{"not a port (1 to 65535): " + printable(text)});
}

Checked read_host(ByteView text, ServerUrl& url) {
  if (text.ends_with('/')) text.remove_suffix(1);
  const bool is_bracketed = text.starts_with('[');
  const std::size_t bracket = is_bracketed ? text.find(']') : 0;
  if (bracket == ByteView::npos) return std::unexpected(Mistake{"a [ has no matching ]"});
  const std::size_t colon = text.find(':', bracket);
  ByteView host = text.substr(0, colon);
  if (is_bracketed) host = host.substr(1, bracket - 1);
  const bool is_bounded = !is_bracketed || bracket + 1 == std::min(colon, text.size());
  url.host = host;
  if (url.host.empty()) return std::unexpected(Mistake{"the host is missing"});
  if (host.contains(',')) {
    return std::unexpected(
        Mistake{"one URL names one server", "repeat --link, or list several in link.urls"});
  }
  const bool valid =
      is_bounded && (is_bracketed ? is_address(AF_INET6, url.host) : is_host(url.host));
  if (!valid) {
    return std::unexpected(Mistake{"not a host: " + printable(text),
                                   "a name (parts of 1 to 63 letters, digits, - and _, with no - "
                                   "at an end of one), an IPv4 address, or an IPv6 address in "
                                   "brackets"});
  }
  return colon == ByteView::npos ? Checked() : read_port(text.substr(colon + 1), url);
}

std::expected<ServerUrl, Mistake> read(ByteView text) {
  ServerUrl url;
  const ByteView scheme = text.starts_with("tls://") ? "tls://" : "nats://";
  if (!text.starts_with(scheme)) return std::unexpected(Mistake{"not a URL of a NATS server"});
  url.tls = scheme == "tls://";
  text.remove_prefix(scheme.size());
  if (const std::size_t at = text.rfind('@'); at != ByteView::npos) {
    if (auto user = read_user(text.substr(0, at), url); !user) {
      return std::unexpected(std::move(user.error()));
    }
    text.remove_prefix(at + 1);
  }
  if (auto host = read_host(text, url); !host) return std::unexpected(std::move(host.error()));
  return url;
}

}  // namespace

std::string ServerUrl::without_secrets(ByteView url) {
  const std::size_t scheme = url.find("://");
  const std::size_t begin = scheme == ByteView::npos ? 0 : scheme + 3;
  const std::size_t at = url.rfind('@');
  if (at == ByteView::npos || at < begin) return std::string(url);
  return std::string(url.substr(0, begin)) + std::string(url.substr(at + 1));
}

Result<ServerUrl> ServerUrl::parse(ByteView text) {
  auto url = read(text);
  if (url) return std::move(*url);
  return std::unexpected(Error{.code = std::make_error_code(std::errc::invalid_argument),
                               .operation = "link to",
                               .subject = without_secrets(text),
                               .reason = std::move(url.error().reason),
                               .hint = std::move(url.error().hint)});
}

std::string ServerUrl::to_string() const {
  const bool is_v6 = host.contains(':');
  return std::string(tls ? "tls://" : "nats://") + (is_v6 ? '[' + host + ']' : host) + ':' +
         std::to_string(port);
}

std::string ServerUrl::with_secrets() const {
  std::string url = to_string();
  if (user.empty()) return url;
  const std::size_t begin = url.find("://") + 3;
  return url.insert(begin, user + (password.empty() ? "" : ':' + password) + '@');
}

}  // namespace hallway
