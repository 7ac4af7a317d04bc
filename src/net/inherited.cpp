// SPDX-License-Identifier: Apache-2.0
#include "net/inherited.hpp"

#include <algorithm>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string_view>

#include "net/socket_type.hpp"
#include "sys/file.hpp"
#include "sys/internet.hpp"
#include "sys/process.hpp"
#include "sys/socket.hpp"

namespace hallway::net {

namespace {

constexpr int first_handed_over = 3;  // SD_LISTEN_FDS_START

/// The families of which inherited sockets are served.
enum class Family : std::uint8_t { unix_domain, tcp };

/// The part of "a:b:c" at the given position.
std::string_view part(std::string_view names, int position) {
  while (position-- > 0) names.remove_prefix(names.find(':') + 1);
  return names.substr(0, names.find(':'));
}

std::unexpected<Error> refused(int error, const Address& address, std::string reason,
                               std::string hint = {}) {
  return sys::failure(error, "adopt", address.unescaped(), std::move(reason), std::move(hint));
}

/// The number of sockets handed to this process. LISTEN_PID keeps a child from taking what was
/// meant for its parent.
Result<int> count_handed_over(const Address& address) {
  const auto pid = sys::environment_number<int>("LISTEN_PID");
  const auto count = sys::environment_number<int>("LISTEN_FDS");
  if (pid == sys::process_id() && count.value_or(0) > 0) return *count;
  return refused(ENOENT, address, "this process was started without a socket",
                 "a socket unit or systemd-socket-activate starts it with one");
}

/// The descriptor number that socket activation assigned to `address`. Only a socket that is known
/// to be of the other family is passed over: the check that follows explains everything else.
Result<int> handed_over(const Address& address, Family family) {
  const auto count = count_handed_over(address);
  if (!count) return count;
  const char* names = address.name().empty() ? nullptr : sys::environment_value("LISTEN_FDNAMES");
  if (!address.name().empty()) {
    if (names == nullptr) {
      return refused(ENOENT, address, "no inherited socket has that name",
                     "LISTEN_FDNAMES is not set");
    }
    const auto named = std::ranges::count(std::string_view(names), ':') + 1;
    if (named != *count) {
      return refused(EINVAL, address,
                     "LISTEN_FDNAMES has " + std::to_string(named) + " names for " +
                         std::to_string(*count) + " sockets");
    }
  }
  bool taken = false;
  std::optional<int> of_other_family;
  for (int at = 0; at < *count; ++at) {
    if (names != nullptr && part(names, at) != address.name()) continue;
    const int descriptor = first_handed_over + at;
    const auto tcp = sys::is_tcp(descriptor);
    if (tcp && *tcp != (family == Family::tcp)) {
      of_other_family = descriptor;
      continue;
    }
    if (!tcp || !sys::is_close_on_exec(descriptor).value_or(false)) return descriptor;
    taken = true;
  }
  if (taken) return refused(EBUSY, address, "every such socket is already in use by this process");
  if (of_other_family) return *of_other_family;
  return refused(ENOENT, address, "no inherited socket has that name");
}

/// Locks, so that two threads cannot both find the descriptor without an owner.
Result<Descriptor> claim(int descriptor, const Address& address) {
  static std::mutex claiming;
  const std::lock_guard lock(claiming);
  const auto owned = sys::is_close_on_exec(descriptor);
  if (!owned) return refused(owned.error(), address, "");
  if (*owned) {
    return refused(EBUSY, address, "this process already uses it",
                   "an inherited socket can be adopted once; it must not be close-on-exec");
  }
  if (const auto set = sys::set_close_on_exec(descriptor); !set) {
    return refused(set.error(), address, "");
  }
  return Descriptor::adopt(descriptor);
}

std::unexpected<Error> not_a_socket(int error, const Address& address) {
  const char* why = "";
  if (error == EBADF) why = "it is not open";
  if (error == ENOTSOCK) why = "it is not a socket";
  return refused(error, address, why);
}

Result<void> check_purpose(int descriptor, const Address& address, Purpose purpose) {
  const auto listens = sys::is_listening(descriptor);
  if (!listens) return refused(listens.error(), address, "");
  if (*listens == (purpose == Purpose::accepting)) return {};
  return *listens ? refused(EINVAL, address, "it is a listening socket, not a connection")
                  : refused(EINVAL, address, "it is not a listening socket",
                            "set Accept=no in its unit");
}

Result<void> check_tcp(int descriptor, const Address& address) {
  const auto tcp = sys::is_tcp(descriptor);
  if (!tcp) return not_a_socket(tcp.error(), address);
  if (!*tcp) return refused(EAFNOSUPPORT, address, "it is not a TCP socket");
  return check_purpose(descriptor, address, Purpose::accepting);
}

/// The number of the descriptor that `address` names.
Result<int> number_of(const Address& address, Family family) {
  if (address.kind() == Address::Kind::activation) return handed_over(address, family);
  return address.descriptor();
}

}  // namespace

bool is_inherited(const Address& address) noexcept {
  return address.kind() == Address::Kind::descriptor || address.kind() == Address::Kind::activation;
}

Result<void> check_socket(int descriptor, const Address& address, SocketType type,
                          Purpose purpose) {
  const auto found = sys::type_of(descriptor);
  if (!found) {
    if (found.error() != EAFNOSUPPORT) return not_a_socket(found.error(), address);
    const bool tcp = purpose == Purpose::accepting && sys::is_tcp(descriptor).value_or(false);
    return refused(found.error(), address, "it is not a Unix socket",
                   tcp ? "a hub also serves such a socket: --listen " + address.unescaped() : "");
  }
  if (from_sys(*found) != type) {
    const std::string is(to_string(from_sys(*found)));
    return refused(EPROTOTYPE, address,
                   "it is a " + is + " socket, not " + std::string(to_string(type)),
                   "use type " + is);
  }
  return check_purpose(descriptor, address, purpose);
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
  const auto descriptor = number_of(address, Family::unix_domain);
  if (!descriptor) return std::unexpected(descriptor.error());
  if (auto fits = check_socket(*descriptor, address, type, purpose); !fits) {
    return std::unexpected(fits.error());
  }
  return claim(*descriptor, address);
}

Result<Descriptor> adopt_inherited_tcp(const Address& address) {
  const auto descriptor = number_of(address, Family::tcp);
  if (!descriptor) return std::unexpected(descriptor.error());
  if (auto fits = check_tcp(*descriptor, address); !fits) return std::unexpected(fits.error());
  return claim(*descriptor, address);
}

}  // namespace hallway::net
