// SPDX-License-Identifier: Apache-2.0
#include "net/tcp_listener.hpp"

#include <algorithm>
#include <utility>

#include <hallway/bytes.hpp>
#include <hallway/limits.hpp>

#include "core/number.hpp"
#include "net/accept.hpp"
#include "sys/file.hpp"
#include "sys/socket.hpp"
#include "sys/socket_diag.hpp"

namespace hallway::net {

namespace {

constexpr std::string_view scheme = "tcp:";

std::unexpected<Error> failed(int error, std::string_view subject, std::string reason = {},
                              std::string hint = {}) {
  return sys::failure(error, "listen", std::string(subject), std::move(reason), std::move(hint));
}

/// "127.0.0.1:4222", "[::1]:4222"
std::optional<sys::InternetAddress> read_host_and_port(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.starts_with('[') && host.ends_with(']') && host.size() > 1;
  if (bracketed) host = host.substr(1, host.size() - 2);
  const auto port = core::parse_number<std::uint16_t>(text.substr(colon + 1));
  if (!port || bracketed != host.contains(':')) return std::nullopt;
  return sys::read_internet_address(std::string(host), *port);
}

Result<void> check_reach(const sys::InternetAddress& address, const TcpListener::Options& options) {
  if (options.anywhere || address.is_loopback()) return {};
  return failed(EINVAL, to_string(address),
                "other machines can reach this address, and of their clients no user is known",
                "use 127.0.0.1 or [::1]; listen_anywhere (--listen-anywhere) permits it");
}

std::unexpected<Error> bind_failure(int error, const sys::InternetAddress& address) {
  const auto fails = [&](std::string reason, std::string hint = {}) {
    return failed(error, to_string(address), std::move(reason), std::move(hint));
  };
  switch (error) {
    case EADDRINUSE:
      return fails("the port is in use by another socket",
                   "use another port, or stop the program that has it (ss -ltnp names it); "
                   "a nats-server uses 4222 by default");
    case EADDRNOTAVAIL: return fails(address.host_text() + " is not an address of this machine");
    case EAFNOSUPPORT: return fails("this machine has no IPv6");
    case EACCES: return fails("permission denied for port " + std::to_string(address.port));
    default: return fails({});
  }
}

/// Takes the socket out of `offered` that is bound to the address. If the kernel is to pick the
/// port, any socket on that host will do: its clients keep their port.
Descriptor take_bound(const sys::InternetAddress& address, std::vector<Descriptor>& offered) {
  const auto found = std::ranges::find_if(offered, [&](const Descriptor& socket) {
    auto bound = sys::local_internet_address(socket.get());
    if (bound && address.port == 0) bound->port = 0;
    return bound && *bound == address && sys::is_listening(socket.get()).value_or(false);
  });
  if (found == offered.end()) return {};
  Descriptor taken = std::move(*found);
  offered.erase(found);
  return taken;
}

/// Why the kernel does not report the user of the client.
std::unexpected<Error> unknown(int error, const sys::InternetAddress& client) {
  const auto because = [&](std::string reason, std::string hint = {}) {
    return sys::failure(error, "identify", to_string(client), std::move(reason), std::move(hint));
  };
  switch (error) {
    case ENOENT: return because("the kernel knows no such socket");
    case EPROTO: return because("the kernel has no socket that is connected to this one");
    case EXDEV:
      return because("the socket is in another network namespace than this process",
                     "serve it from a process of its namespace (systemd: PrivateNetwork=no)");
    case ENOPROTOOPT: return because("this kernel is older than 5.14");
    case EPERM:
    case EACCES:
    case EAFNOSUPPORT:
    case EPROTONOSUPPORT:
      return because("this process may not ask the kernel, or the kernel lacks tcp_diag",
                     "permit netlink sockets (systemd: RestrictAddressFamilies=AF_NETLINK)");
    default: return because({});
  }
}

}  // namespace

std::string to_string(const sys::InternetAddress& address) {
  const std::string host = address.host_text();
  return std::string(scheme) + (address.v6 ? "[" + host + "]" : host) + ":" +
         std::to_string(address.port);
}

Result<Peer> tcp_peer(int socket) {
  const auto client = sys::remote_internet_address(socket);
  const auto ours = sys::local_internet_address(socket);
  if (!client || !ours) {
    return sys::failure(client ? ours.error() : client.error(), "identify", "the client",
                        "it has already closed the connection");
  }
  Peer peer{.over_tcp = true};
  if (!client->is_loopback()) return peer;
  const auto owner = sys::tcp_owner(socket, *client, *ours);
  if (!owner) return unknown(owner.error(), *client);
  if (!owner->established || !owner->held) {
    return sys::failure(ECONNABORTED, "identify", to_string(*client),
                        owner->held ? "it ended its half of the connection before it was accepted"
                                    : "it closed the connection before it was accepted");
  }
  // A client that reset the connection leaves what it sent, and its port to others. While ours is
  // connected, nobody else had the two addresses, so the answer was about its client.
  if (!sys::remote_internet_address(socket)) {
    return sys::failure(ECONNABORTED, "identify", to_string(*client),
                        "it closed the connection before it was identified");
  }
  peer.uid = owner->uid;
  return peer;
}

std::optional<sys::InternetAddress> tcp_host(int socket) {
  const auto address = sys::local_internet_address(socket);
  return address ? std::optional(*address) : std::nullopt;
}

Result<void> TcpListener::add(Result<TcpListener> one, std::vector<TcpListener>& to) {
  if (!one) return std::unexpected(std::move(one.error()));
  to.push_back(std::move(*one));
  return {};
}

Result<void> TcpListener::adopt_all(const Address& address, const Options& options,
                                    std::vector<TcpListener>& to) {
  auto added = add(adopt(address, options), to);
  while (added && address.kind() == Address::Kind::activation) {
    auto next = adopt(address, options);
    if (!next && next.error().code == std::errc::device_or_resource_busy) break;
    added = add(std::move(next), to);
  }
  return added;
}

Result<std::vector<TcpListener>> TcpListener::open(const std::vector<std::string>& addresses,
                                                   const Options& options,
                                                   std::vector<Descriptor> offered) {
  std::vector<TcpListener> all;
  for (const std::string& text : addresses) {
    Result<void> added;
    if (text.starts_with(scheme)) {
      const auto address = read_host_and_port(std::string_view(text).substr(scheme.size()));
      if (!address) {
        return failed(EINVAL, text, "not a numeric IP address and a port",
                      "as in tcp:127.0.0.1:4222 and tcp:[::1]:4222");
      }
      added = add(bind(*address, options, offered), all);
    } else {
      const auto address = Address::parse(text);
      if (!address || !is_inherited(*address)) {
        return failed(EINVAL, text, "not an address of a TCP listener",
                      "as in tcp:127.0.0.1:4222, tcp:[::1]:4222, fd:3 and activation:NAME");
      }
      added = adopt_all(*address, options, all);
    }
    if (!added) return std::unexpected(std::move(added.error()));
    if (all.size() > bounds::max_tcp_listeners) {
      return failed(EINVAL, text,
                    "a hub listens at no more than " + std::to_string(bounds::max_tcp_listeners) +
                        " TCP addresses");
    }
  }
  return all;
}

Result<TcpListener> TcpListener::bind(const sys::InternetAddress& address, const Options& options,
                                      std::vector<Descriptor>& offered) {
  if (auto reach = check_reach(address, options); !reach) return std::unexpected(reach.error());
  TcpListener listener(take_bound(address, offered));
  listener.shared_ = listener.socket_.holds_one();
  if (!listener.shared_) {
    auto socket = sys::make_tcp_socket(address.v6);
    if (!socket) return bind_failure(socket.error(), address);
    listener.socket_ = std::move(*socket);
    auto listening = sys::bind(listener.descriptor(), address);
    if (listening) listening = sys::listen(listener.descriptor(), options.backlog);
    if (!listening) return bind_failure(listening.error(), address);
  }
  const auto bound = sys::local_internet_address(listener.descriptor());
  if (!bound) return bind_failure(bound.error(), address);
  listener.address_ = to_string(*bound);
  return listener;
}

Result<TcpListener> TcpListener::adopt(const Address& address, const Options& options) {
  auto socket = adopt_inherited_tcp(address);
  if (!socket) return std::unexpected(socket.error());
  TcpListener listener(std::move(*socket));
  listener.shared_ = true;
  const auto bound = sys::local_internet_address(listener.descriptor());
  if (!bound) return failed(bound.error(), address.unescaped());
  if (auto reach = check_reach(*bound, options); !reach) return std::unexpected(reach.error());
  listener.found_.emplace(listener.descriptor());
  const auto set = sys::set_nonblocking(listener.descriptor(), true);
  if (!set) return failed(set.error(), address.unescaped());
  listener.address_ = to_string(*bound);
  return listener;
}

Result<std::optional<Descriptor>> TcpListener::accept() {
  if (!socket_.holds_one()) return std::nullopt;
  // As in Listener::accept().
  if (shared_) (void)sys::set_nonblocking(descriptor(), true);
  auto accepted = accept_next(descriptor());
  if (!accepted) return sys::failure(accepted.error(), "accept on", address_);
  if (*accepted) {
    // Without these the connection is slower or takes more of the kernel's memory, and works.
    (void)sys::send_at_once((*accepted)->get());
    (void)sys::fix_buffers((*accepted)->get(), bounds::tcp_buffer);
  }
  return std::move(*accepted);
}

void TcpListener::close() noexcept {
  if (found_ && socket_.holds_one()) found_->put_back(descriptor());
  found_.reset();
  socket_.close();
}

Result<Descriptor> TcpListener::copy() const {
  auto copy = sys::duplicate(descriptor());
  if (!copy) return sys::failure(copy.error(), "hand over", address_);
  return std::move(*copy);
}

}  // namespace hallway::net
