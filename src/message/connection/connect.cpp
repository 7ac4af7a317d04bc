// SPDX-License-Identifier: Apache-2.0
#include "message/connection/connect.hpp"

#include <algorithm>
#include <random>
#include <string>
#include <utility>

#include "core/check_overflow.hpp"
#include "loop/interruptible_wait.hpp"
#include "net/inherited.hpp"
#include "net/resolve.hpp"
#include "net/server_look.hpp"
#include "net/socket_type.hpp"
#include "net/trust.hpp"

namespace hallway::message {

namespace {

using namespace std::chrono_literals;

constexpr core::Backoff pauses_when_full{200us, 50ms};
constexpr core::Backoff pauses_when_absent{10ms, 200ms};

std::shared_ptr<const detail::ConnectionConfig> config_for(const ConnectOptions& options,
                                                           Address address, SocketType type) {
  return std::make_shared<const detail::ConnectionConfig>(
      detail::ConnectionConfig{options.connection, std::move(address), type, "the server"});
}

Result<void> check(const ConnectionOptions& options) {
  return core::check_overflow(options.overflow, broadcast_policies, "a connection's broadcasts");
}

bool is_absence(const Error& error) {
  return error.code == std::errc::no_such_file_or_directory ||
         error.code == std::errc::connection_refused;
}

/// "2s", "1500ms"
std::string words(Duration time) {
  return time % 1s == Duration::zero() ? std::to_string(time / 1s) + "s"
                                       : std::to_string(time / 1ms) + "ms";
}

/// Refuses descriptors in the kernel, if it can: the sender gets an error, and none must be closed.
void settle_descriptors(const Descriptor& socket, std::size_t accepted) {
  if (accepted == 0) sys::deny_fd_passing(socket.get());
}

}  // namespace

Connecting::Connecting(const AddressSpec& address, const ConnectOptions& options)
    : address_(address.get()),
      options_(options),
      accepted_by_(options.timeout),
      retried_until_(options.retry_for),
      pauses_when_full_(pauses_when_full),
      pauses_when_absent_(pauses_when_absent) {}

Result<std::optional<Connected>> Connecting::attempt() {
  if (!address_) return std::unexpected(address_.error());
  if (auto checked = check(options_.connection); !checked) {
    return std::unexpected(checked.error());
  }
  if (options_.type == SocketType::datagram) {
    return sys::failure(EINVAL, "connect", address_->unescaped(),
                        "datagram sockets have no connections", "use a DatagramSocket");
  }
  if (net::is_inherited(*address_)) {
    auto socket = net::adopt_inherited(*address_, options_.type, net::Purpose::conversing);
    if (!socket) return std::unexpected(socket.error());
    auto adopted = adopt_connected(std::move(*socket), options_.connection);
    if (!adopted) return std::unexpected(adopted.error());
    if (auto is = require_server(adopted->peer); !is) return std::unexpected(is.error());
    return std::move(*adopted);
  }
  if (std::exchange(absent_, false)) accepted_by_ = Deadline(options_.timeout);
  auto socket = net::try_connect(*address_, options_.type);
  if (!socket) return await_server(std::move(socket.error()));
  if (!*socket) {
    if (!accepted_by_.passed()) return std::nullopt;
    return sys::failure(ETIMEDOUT, "connect", address_->unescaped(),
                        "the server did not accept the connection in time",
                        net::full_backlog_words(*address_));
  }
  const auto peer = Peer::of((*socket)->get());
  if (!peer) return std::unexpected(peer.error());
  if (auto is = require_server(*peer); !is) return std::unexpected(is.error());
  settle_descriptors(**socket, options_.connection.descriptors);
  return Connected{std::move(**socket), *peer, config_for(options_, *address_, options_.type)};
}

/// After an attempt that failed: nullopt if a server may listen by the next one.
Result<std::optional<Connected>> Connecting::await_server(Error error) {
  if (!is_absence(error) || options_.retry_for <= Duration::zero()) {
    return std::unexpected(std::move(error));
  }
  absent_ = !retried_until_.passed();
  if (absent_) return std::nullopt;
  error.reason = error.why() + " (tried for " + words(options_.retry_for) + ")";
  return std::unexpected(std::move(error));
}

Result<void> Connecting::require_server(const Peer& peer) const {
  if (!options_.server_uid) return require_trusted(peer);
  const std::uint32_t wanted = *options_.server_uid;
  if (wanted == Peer::overflow_uid) {
    return sys::failure(
        EPERM, "connect", address_->unescaped(),
        "uid " + std::to_string(wanted) + " stands for every user outside this user namespace",
        "nothing was sent; that uid identifies no single user");
  }
  if (peer.uid == wanted) return {};
  return sys::failure(
      EPERM, "connect", address_->unescaped(),
      "the server is " + peer.to_string() + ", but uid " + std::to_string(wanted) + " is required",
      "nothing was sent; another user may have taken the name");
}

Result<void> Connecting::require_trusted(const Peer& peer) const {
  if (!options_.trusted_server || net::trusts(peer)) return {};
  return sys::failure(EPERM, "connect", address_->unescaped(),
                      "the server is " + peer.to_string() +
                          ", neither root nor this user: it may have taken the name",
                      "set server_uid to " + std::to_string(peer.uid) +
                          " if this server is meant; nothing was sent to it");
}

Duration Connecting::pause() {
  thread_local std::minstd_rand random{std::random_device{}()};
  const Duration longest = (absent_ ? pauses_when_absent_ : pauses_when_full_).next();
  std::uniform_int_distribution<Duration::rep> jitter(longest.count() / 2, longest.count());
  return std::min(Duration(jitter(random)), (absent_ ? retried_until_ : accepted_by_).left());
}

std::unexpected<Error> Connecting::interrupted() const {
  return sys::failure(EINTR, "connect", address_->unescaped(), detail::interrupted_words);
}

std::unexpected<Error> Connecting::canceled() const {
  return sys::failure(ECANCELED, "connect", address_->unescaped(),
                      absent_ ? "the loop drains, and no server listens yet"
                              : "the loop drains, and the server has not accepted yet");
}

Result<Connected> adopt_connected(Descriptor socket, ConnectionOptions options) {
  if (auto checked = check(options); !checked) return std::unexpected(checked.error());
  const auto type = sys::type_of(socket.get());
  if (!type)
    return sys::failure(type.error(), "adopt", "descriptor " + std::to_string(socket.get()));
  if (*type == sys::Type::datagram) {
    return sys::failure(EPROTOTYPE, "adopt", "descriptor " + std::to_string(socket.get()),
                        "a datagram socket is not a connection");
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
