// SPDX-License-Identifier: Apache-2.0
#include "net/inherited.hpp"

#include <algorithm>
#include <charconv>
#include <mutex>
#include <optional>
#include <string_view>

#include "net/socket_type.hpp"
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

/// The part of "a:b:c" at the given position.
std::string_view part(std::string_view names, int position) {
  while (position-- > 0) names.remove_prefix(names.find(':') + 1);
  return names.substr(0, names.find(':'));
}

std::unexpected<Error> refused(int error, const Address& address, std::string reason,
                               std::string hint = {}) {
  return sys::failure(error, "take over", address.unescaped(), std::move(reason), std::move(hint));
}

/// The number of sockets handed to this process. LISTEN_PID keeps a child from taking what was
/// meant for its parent.
Result<int> count_handed_over(const Address& address) {
  const auto pid = number(sys::environment_value("LISTEN_PID"));
  const auto count = number(sys::environment_value("LISTEN_FDS"));
  if (pid == sys::process_id() && count.value_or(0) > 0) return *count;
  return refused(ENOENT, address, "no socket was handed to this process",
                 "it is started by a socket unit or systemd-socket-activate");
}

/// The descriptor number that socket activation assigned to `address`.
Result<int> handed_over(const Address& address) {
  const auto count = count_handed_over(address);
  if (!count) return count;
  const char* names = address.name().empty() ? nullptr : sys::environment_value("LISTEN_FDNAMES");
  if (!address.name().empty()) {
    if (names == nullptr) {
      return refused(ENOENT, address, "no socket of that name was handed over",
                     "LISTEN_FDNAMES is not set");
    }
    const auto named = std::ranges::count(std::string_view(names), ':') + 1;
    if (named != *count) {
      return refused(EINVAL, address,
                     "LISTEN_FDNAMES has " + std::to_string(named) + " names, and " +
                         std::to_string(*count) + " sockets were handed over");
    }
  }
  bool taken = false;
  for (int at = 0; at < *count; ++at) {
    if (names != nullptr && part(names, at) != address.name()) continue;
    const int descriptor = first_handed_over + at;
    taken = sys::type_of(descriptor) && sys::is_close_on_exec(descriptor).value_or(false);
    if (!taken) return descriptor;
  }
  if (!taken) return refused(ENOENT, address, "no socket of that name was handed over");
  return refused(EBUSY, address, "every such socket that was handed over has an owner already");
}

/// Locks, so that two threads cannot both find the descriptor without an owner.
Result<Descriptor> claim(int descriptor, const Address& address) {
  static std::mutex claiming;
  const std::lock_guard lock(claiming);
  const auto owned = sys::is_close_on_exec(descriptor);
  if (!owned) return refused(owned.error(), address, "");
  if (*owned) {
    return refused(EBUSY, address, "it has an owner in this process already",
                   "only what was inherited and is not close-on-exec can be taken over, once");
  }
  if (const auto set = sys::set_close_on_exec(descriptor); !set) {
    return refused(set.error(), address, "");
  }
  return Descriptor::adopt(descriptor);
}

}  // namespace

bool is_inherited(const Address& address) noexcept {
  return address.kind() == Address::Kind::descriptor || address.kind() == Address::Kind::activation;
}

Result<void> check_socket(int descriptor, const Address& address, SocketType type,
                          Purpose purpose) {
  const auto found = sys::type_of(descriptor);
  if (!found) {
    const char* why = "";
    if (found.error() == EBADF) why = "it is not open";
    if (found.error() == ENOTSOCK) why = "it is no socket";
    if (found.error() == EAFNOSUPPORT) why = "it is no Unix socket";
    return refused(found.error(), address, why);
  }
  if (from_sys(*found) != type) {
    const std::string is(to_string(from_sys(*found)));
    return refused(
        EPROTOTYPE, address,
        "it is a " + is + " socket, and type " + std::string(to_string(type)) + " is asked for",
        "ask for type " + is);
  }
  const auto listens = sys::is_listening(descriptor);
  if (!listens) return refused(listens.error(), address, "");
  if (*listens == (purpose == Purpose::accepting)) return {};
  return *listens
             ? refused(EINVAL, address, "it is a listening socket, and no connection")
             : refused(EINVAL, address, "it is not a listening socket", "Accept=no in its unit");
}

SharedState::SharedState(int socket)
    : nonblocking_(sys::is_nonblocking(socket)),
      credentials_(sys::passes_credentials(socket)),
      rights_(sys::allows_fd_passing(socket)) {}

// A failure here cannot be repaired, and nothing depends on these calls.
void SharedState::put_back(int socket) const noexcept {
  if (rights_) (void)sys::allow_fd_passing(socket, *rights_);
  if (credentials_) (void)sys::pass_credentials(socket, *credentials_);
  if (nonblocking_) (void)sys::set_nonblocking(socket, *nonblocking_);
}

Result<Descriptor> adopt_inherited(const Address& address, SocketType type, Purpose purpose) {
  int descriptor = address.descriptor();
  if (address.kind() == Address::Kind::activation) {
    const auto given = handed_over(address);
    if (!given) return std::unexpected(given.error());
    descriptor = *given;
  }
  if (auto fits = check_socket(descriptor, address, type, purpose); !fits) {
    return std::unexpected(fits.error());
  }
  return claim(descriptor, address);
}

}  // namespace hallway::net
