// SPDX-License-Identifier: Apache-2.0
#include <hallway/address.hpp>

#include <algorithm>
#include <cerrno>
#include <sstream>

#include <hallway/bytes.hpp>

#include "core/number.hpp"
#include "sys/expected.hpp"
#include "sys/socket.hpp"

namespace hallway {

namespace {

std::unexpected<Error> bad_address(std::string_view text, std::string reason,
                                   std::string hint = {}) {
  return sys::failure(EINVAL, "address", std::string(text), std::move(reason), std::move(hint));
}

/// "scheme" of "scheme:rest": lower-case letters and dashes before the first colon.
std::string_view scheme_of(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return {};
  const std::string_view word = text.substr(0, colon);
  const bool is_word = !word.empty() && std::ranges::all_of(word, [](char letter) {
    return (letter >= 'a' && letter <= 'z') || letter == '-';
  });
  return is_word ? word : std::string_view{};
}

}  // namespace

Result<Address> Address::path(std::string_view path) {
  if (path.empty()) return bad_address(path, "the path is empty");
  if (path.find('\0') != std::string_view::npos) {
    return bad_address(path, "a path cannot contain a NUL byte");
  }
  // One slash means the same as several, and the printed form stays readable: unix:///p is /p.
  while (path.starts_with("//")) path.remove_prefix(1);
  return Address(Kind::path, std::string(path));
}

Result<Address> Address::abstract(std::string_view name) {
  if (name.empty()) {
    return bad_address("@", "the abstract name is empty", "with \"autobind\" the kernel picks one");
  }
  if (name.size() > sys::SocketAddress::name_max) {
    return sys::failure(
        ENAMETOOLONG, "address", std::string(name),
        "an abstract name has at most 107 bytes; this one has " + std::to_string(name.size()));
  }
  return Address(Kind::abstract, std::string(name));
}

Address Address::autobind() { return {Kind::autobind, {}}; }

Result<Address> Address::parse(std::string_view text) {
  if (text.starts_with('@')) return abstract(text.substr(1));
  if (text == "autobind") return autobind();
  if (text == "activation") return Address(Kind::activation, {});

  const std::string_view scheme = scheme_of(text);
  if (scheme.empty()) return path(text);

  const std::string_view rest = text.substr(scheme.size() + 1);
  if (scheme == "unix") return path(rest);
  if (scheme == "abstract" || scheme == "unix-abstract") return abstract(rest);
  if (scheme == "activation") return Address(Kind::activation, std::string(rest));
  if (scheme == "exec") {
    Address program(Kind::exec, std::string(rest));
    if (program.command().empty()) return bad_address(text, "no program is given");
    return program;
  }
  if (scheme == "fd") {
    const int number = core::parse_number<int>(rest).value_or(-1);
    if (number >= 0) return Address(Kind::descriptor, {}, number);
    return bad_address(text, "a descriptor is a number, as in fd:3");
  }
  const std::string name(scheme);
  const bool network =
      name == "tcp" || name == "nats" || name == "tls" || name == "http" || name == "https";
  return bad_address(
      text,
      network ? std::string("an address here is of a Unix socket, not of TCP")
              : "unknown kind of address \"" + name + ":\"",
      "a file of that name is \"./" + printable(text) + "\"" +
          (network ? "; a hub also serves NATS clients over TCP, with --listen" : ""));
}

std::vector<std::string> Address::command() const {
  std::istringstream words(name_);
  std::vector<std::string> command;
  for (std::string word; words >> word;) command.push_back(word);
  return command;
}

std::string Address::to_string() const { return printable(unescaped()); }

std::string Address::unescaped() const {
  switch (kind_) {
    case Kind::unnamed: return "unnamed";
    case Kind::path: return "unix:" + name_;
    case Kind::abstract: return "abstract:" + name_;
    case Kind::autobind: return "autobind";
    case Kind::descriptor: return "fd:" + std::to_string(descriptor_);
    case Kind::activation: return name_.empty() ? "activation" : "activation:" + name_;
    case Kind::exec: return "exec:" + name_;
  }
  return {};
}

}  // namespace hallway
