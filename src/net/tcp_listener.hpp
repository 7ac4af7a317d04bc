// SPDX-License-Identifier: Apache-2.0
//
// Accepts clients over TCP and finds the user of each.
//
// The kernel shows SO_PEERCRED only on Unix sockets. Of a connection within this machine it knows
// both ends, though, and its table of sockets has the user of each: so we ask for the client's
// socket, by the two addresses of the connection, at the moment we accept it. A socket that no
// process holds any longer, such as one in TIME_WAIT, may read as one of root. Only a socket that
// is still connected and that a process holds identifies a client; all others are turned away.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <hallway/address.hpp>
#include <hallway/descriptor.hpp>
#include <hallway/error.hpp>
#include <hallway/peer.hpp>

#include "net/inherited.hpp"
#include "sys/internet.hpp"

namespace hallway::net {

/// "tcp:127.0.0.1:4222", "tcp:[::1]:4222"
std::string to_string(const sys::InternetAddress& address);

/// The client at the other end of an accepted TCP connection: its uid, and no gid or pid. A client
/// that connects from another machine has no uid here; it gets Peer::overflow_uid.
/// @errors connection_aborted: the client has closed or half-closed the connection meanwhile, and
///         its user is no longer certain; else why the kernel does not answer
Result<Peer> tcp_peer(int socket);

/// The address of our end; nullopt if it is not known.
std::optional<sys::InternetAddress> tcp_host(int socket);

/// A listening TCP socket. Movable, not copyable. Thread: distinct objects.
class TcpListener {
 public:
  struct Options {
    int backlog = 0;
    bool anywhere = false;  ///< also addresses that are not loopback
  };

  /// Listens at each of these addresses: "tcp:IP:PORT", where port 0 lets the kernel pick one, or
  /// the inherited sockets of "fd:N" and "activation[:NAME]" (the latter adopts all TCP sockets of
  /// that name). A socket of `offered` that is bound to the address is used instead of a new one.
  /// What is left of `offered` is closed.
  /// @errors invalid_argument: not such an address, not a loopback address, or more than
  ///         bounds::max_tcp_listeners; address_in_use, address_not_available, permission_denied;
  ///         those of adopt_inherited_tcp()
  static Result<std::vector<TcpListener>> open(const std::vector<std::string>& addresses,
                                               const Options& options,
                                               std::vector<Descriptor> offered = {});

  TcpListener(TcpListener&&) noexcept = default;
  TcpListener& operator=(TcpListener&&) = delete;
  ~TcpListener() { close(); }

  /// As Listener::accept(). The connection sends each write at once, and its buffers in the kernel
  /// have a fixed size.
  Result<std::optional<Descriptor>> accept();

  /// Closes the socket. Clients that wait on it are reset, unless another process serves it too.
  void close() noexcept;

  /// Whether it was inherited: then it stays with the process that made it.
  [[nodiscard]] bool inherited() const noexcept { return found_.has_value(); }
  /// A copy of the socket, for a successor, which then shares the queue of clients.
  [[nodiscard]] Result<Descriptor> copy() const;

  /// With the port that the kernel picked.
  [[nodiscard]] const std::string& address() const noexcept { return address_; }
  [[nodiscard]] int descriptor() const noexcept { return socket_.get(); }

 private:
  explicit TcpListener(Descriptor socket) : socket_(std::move(socket)) {}

  static Result<TcpListener> bind(const sys::InternetAddress& address, const Options& options,
                                  std::vector<Descriptor>& offered);
  static Result<TcpListener> adopt(const Address& address, const Options& options);
  /// All that an address names: of "activation" each TCP socket.
  static Result<void> adopt_all(const Address& address, const Options& options,
                                std::vector<TcpListener>& to);
  static Result<void> add(Result<TcpListener> one, std::vector<TcpListener>& to);

  Descriptor socket_;
  std::optional<SharedState> found_;  // of an inherited socket
  bool shared_ = false;               // with another process
  std::string address_;
};

}  // namespace hallway::net
