// SPDX-License-Identifier: Apache-2.0
#include "net/inherited.hpp"

#include <charconv>
#include <optional>
#include <string_view>

#include "sys/file.hpp"
#include "sys/process.hpp"
#include "sys/socket.hpp"

namespace hallway::net {

namespace {

constexpr int first_handed_over = 3;  // SD_LISTEN_FDS_START

std::optional<int> number(const char* text) {
  if (text == nullptr) return std::nullopt;
  const std::string_view digits = text;
  int value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  const bool whole = error == std::errc() && end == digits.data() + digits.size();
  return whole ? std::optional(value) : std::nullopt;
}

/// The position of `name` in "a:b:c".
std::optional<int> position(std::string_view names, std::string_view name) {
  for (int at = 0;; ++at) {
    const std::size_t colon = names.find(':');
    if (names.substr(0, colon) == name) return at;
    if (colon == std::string_view::npos) return std::nullopt;
    names.remove_prefix(colon + 1);
  }
}

/// The number socket activation gave to `address`. LISTEN_PID keeps a child from taking what was
/// meant for its parent.
Result<int> handed_over(const Address& address) {
  const auto pid = number(sys::environment_value("LISTEN_PID"));
  const auto count = number(sys::environment_value("LISTEN_FDS"));
  if (pid != sys::process_id() || count.value_or(0) < 1) {
    return sys::failure(ENOENT, "take over", address.to_string(),
                        "no socket was handed to this process",
                        "it is started by a socket unit or systemd-socket-activate");
  }
  if (address.name().empty()) return first_handed_over;
  const char* names = sys::environment_value("LISTEN_FDNAMES");
  const auto at = names == nullptr ? std::nullopt : position(names, address.name());
  if (at && *at < *count) return first_handed_over + *at;
  return sys::failure(ENOENT, "take over", address.to_string(),
                      "no socket of that name was handed over",
                      names == nullptr ? "LISTEN_FDNAMES is not set" : "");
}

}  // namespace

bool is_inherited(const Address& address) noexcept {
  return address.kind() == Address::Kind::descriptor || address.kind() == Address::Kind::activation;
}

Result<Descriptor> adopt_inherited(const Address& address) {
  int descriptor = address.descriptor();
  if (address.kind() == Address::Kind::activation) {
    const auto given = handed_over(address);
    if (!given) return std::unexpected(given.error());
    descriptor = *given;
  }
  const auto type = sys::type_of(descriptor);
  if (!type) return sys::failure(type.error(), "take over", address.to_string());
  if (const auto set = sys::set_close_on_exec(descriptor); !set) {
    return sys::failure(set.error(), "take over", address.to_string());
  }
  return Descriptor::adopt(descriptor);
}

}  // namespace hallway::net
