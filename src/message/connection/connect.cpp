// SPDX-License-Identifier: Apache-2.0
#include "message/connection/connect.hpp"

#include <algorithm>
#include <random>

#include "net/inherited.hpp"
#include "net/resolve.hpp"
#include "net/server_look.hpp"
#include "net/socket_type.hpp"

namespace hallway::message {

namespace {

using namespace std::chrono_literals;

constexpr Duration shortest_pause = 200us;
constexpr Duration longest_pause = 50ms;

std::shared_ptr<const detail::ConnectionConfig> config_for(const ConnectOptions& options,
                                                           Address address, SocketType type) {
  return std::make_shared<const detail::ConnectionConfig>(detail::ConnectionConfig{
      {options.framing, options.descriptors, options.limits, Full::disconnect},
      std::move(address),
      type});
}

/// Refuses descriptors in the kernel, if it can: the sender gets an error, and none must be closed.
void settle_descriptors(const Descriptor& socket, std::size_t accepted) {
  if (accepted == 0) sys::deny_fd_passing(socket.get());
}

}  // namespace

Connecting::Connecting(const AddressSpec& address, const ConnectOptions& options)
    : address_(address.get()),
      options_(options),
      deadline_(options.deadline == forever ? Clock::time_point::max()
                                            : Clock::now() + options.deadline),
      next_pause_(shortest_pause) {}

Result<std::optional<Connected>> Connecting::attempt() {
  if (!address_) return std::unexpected(address_.error());
  if (options_.type == SocketType::datagram) {
    return sys::failure(EINVAL, "connect", address_->unescaped(),
                        "datagram sockets have no connections", "use a DatagramSocket");
  }
  if (net::is_inherited(*address_)) {
    auto socket = net::adopt_inherited(*address_, options_.type, net::Purpose::conversing);
    if (!socket) return std::unexpected(socket.error());
    auto adopted = adopt_connected(std::move(*socket), {options_.framing, options_.descriptors,
                                                        options_.limits, Full::disconnect});
    if (!adopted) return std::unexpected(adopted.error());
    if (auto is = require_server(adopted->peer); !is) return std::unexpected(is.error());
    return std::move(*adopted);
  }
  auto socket = net::try_connect(*address_, options_.type);
  if (!socket) return std::unexpected(socket.error());
  if (!*socket) {
    if (Clock::now() < deadline_) return std::nullopt;
    return sys::failure(ETIMEDOUT, "connect", address_->unescaped(),
                        "the server did not accept before the deadline",
                        net::full_backlog_words(*address_));
  }
  const auto peer = Peer::of((*socket)->get());
  if (!peer) return std::unexpected(peer.error());
  if (auto is = require_server(*peer); !is) return std::unexpected(is.error());
  settle_descriptors(**socket, options_.descriptors);
  return Connected{std::move(**socket), *peer, config_for(options_, *address_, options_.type)};
}

Result<void> Connecting::require_server(const Peer& peer) const {
  if (!options_.server_uid) return {};
  const std::uint32_t wanted = *options_.server_uid;
  if (wanted == Peer::overflow_uid) {
    return sys::failure(EPERM, "connect", address_->unescaped(),
                        "uid " + std::to_string(wanted) +
                            " is what everybody from outside our user namespace looks like",
                        "nothing was sent; no server can be told apart by that uid");
  }
  if (peer.uid == wanted) return {};
  return sys::failure(
      EPERM, "connect", address_->unescaped(),
      "the server is " + peer.to_string() + ", and uid " + std::to_string(wanted) + " is asked for",
      "nothing was sent; somebody else may have taken the name");
}

Duration Connecting::pause() {
  thread_local std::minstd_rand random{std::random_device{}()};
  const Duration longest = next_pause_;
  next_pause_ = std::min(2 * next_pause_, longest_pause);
  std::uniform_int_distribution<Duration::rep> jitter(longest.count() / 2, longest.count());
  const Duration left = std::max<Duration>(deadline_ - Clock::now(), Duration::zero());
  return std::min(Duration(jitter(random)), left);
}

Result<Connected> adopt_connected(Descriptor socket, ConnectionOptions options) {
  const auto type = sys::type_of(socket.get());
  if (!type)
    return sys::failure(type.error(), "adopt", "descriptor " + std::to_string(socket.get()));
  if (*type == sys::Type::datagram) {
    return sys::failure(EPROTOTYPE, "adopt", "descriptor " + std::to_string(socket.get()),
                        "a datagram socket is no connection");
  }
  const auto there = sys::remote_address(socket.get());
  if (!there)
    return sys::failure(there.error(), "adopt", "descriptor " + std::to_string(socket.get()));
  const auto peer = Peer::of(socket.get());
  if (!peer) return std::unexpected(peer.error());
  settle_descriptors(socket, options.descriptors);
  auto config = std::make_shared<const detail::ConnectionConfig>(
      detail::ConnectionConfig{std::move(options), net::from_sys(*there), net::from_sys(*type)});
  return Connected{std::move(socket), *peer, std::move(config)};
}

}  // namespace hallway::message
