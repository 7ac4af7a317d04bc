// SPDX-License-Identifier: Apache-2.0
// Layer: net
//
// A bound socket and its name.
//
// Socket file ownership rules. Binding a path first takes an exclusive lock on "<path>.lock". The
// listener holds the lock as long as it lives, and the lock ends with the process, however the
// process ends. Closing removes the lock file; a lock file left by a killed process is locked
// again. Under the lock, a dead socket file (no process has its socket open) of our uid, or of the
// owner in SocketFileOptions, is replaced. A socket in another network namespace is not dead, and
// neither is one that does not listen yet. Anything else at the path is left alone: a live server
// (reported with its pid and uid), another user's socket, a regular file, a directory, a symbolic
// link. Mode and owner are in effect before the first client can connect. Closing removes the
// socket file only if it is still the inode made here, and only in the process that made it.
//
// An inherited name, or one from socket activation, belongs to the process that made it: it is
// never removed, and its socket never shut down. An inherited socket can be adopted only once.
// Adopting sets FD_CLOEXEC, and a descriptor with FD_CLOEXEC is rejected because it cannot have
// been inherited. If several sockets were handed over, "activation" adopts the next one.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include <hallway/address.hpp>
#include <hallway/descriptor.hpp>
#include <hallway/detail/forward.hpp>
#include <hallway/error.hpp>
#include <hallway/export.hpp>
#include <hallway/limits.hpp>
#include <hallway/socket.hpp>

namespace hallway {

/// The permissions of the socket file that is bound, for a name that is a path. On an inherited
/// socket they have no effect: the process that bound it chose them.
struct SocketFileOptions {
  unsigned mode = defaults::mode;  ///< connecting and sending a datagram need write permission
  std::string owner = {};          ///< user name or number; empty: ours
  std::string group = {};          ///< group name or number; empty: ours
};
/// How to bind a name.
struct BindOptions {
  SocketType type = SocketType::stream;
  SocketFileOptions file = {};
  int backlog = defaults::backlog;  ///< connections the kernel queues before they are accepted
};

/// A listening stream or seqpacket socket. Movable, not copyable. Thread: distinct objects.
class HALLWAY_EXPORT Listener {
 public:
  /// Binds and listens, or adopts the socket that `fd:N` or `activation[:NAME]` names.
  /// @errors address_in_use: a live server has the name, or another process holds the lock;
  ///         file_exists: the file there is not a socket of ours; no_such_file_or_directory,
  ///         permission_denied, invalid_argument (a datagram socket does not listen), or the
  ///         kernel's own; stale_file_handle (ESTALE): another file has replaced the one just
  ///         bound, and is left as it is.
  ///         When adopting: wrong_protocol_type: the socket is not of options.type;
  ///         device_or_resource_busy: it already has an owner in this process. After these two, the
  ///         descriptor is still open.
  static Result<Listener> bind(const AddressSpec& where, const BindOptions& options = {});

  Listener(Listener&&) noexcept;
  Listener& operator=(Listener&&) noexcept;
  ~Listener();  ///< as close()

  /// The next connection, which is blocking and close-on-exec. Empty if none waits now, or if none
  /// will come again (refusing()).
  /// @errors too_many_files_open and similar: accept again when there is room.
  /// Blocking: never.
  Result<std::optional<Descriptor>> accept();

  /// Refuses new clients; those already queued can still be accepted. An inherited socket is not
  /// shut down, because other processes share it and go on serving it: its queue is left to them,
  /// and accept() returns no more connections.
  void refuse();
  [[nodiscard]] bool refusing() const noexcept;

  /// Binds another listener to the path that this one has lost, with the same options. This one
  /// keeps its socket and the clients queued on it, and when closed removes what is left of its own
  /// name. A relative path starts at the current working directory.
  /// @errors as bind(), and invalid_argument: this listener was inherited, or is not bound to a
  ///         path. It then keeps everything it has, except that it loses the lock if listen(2)
  ///         fails.
  Result<Listener> bind_again();

  /// Why the path no longer leads to this socket, such as "the socket file is gone". Empty while it
  /// does, and for a listener that was inherited or is not bound to a path. Asks the file system.
  [[nodiscard]] std::optional<std::string> lost() const;

  /// Removes the name (see above) and closes. Clients still queued are reset.
  void close() noexcept;

  [[nodiscard]] const Address& address() const noexcept;
  [[nodiscard]] SocketType type() const noexcept;
  [[nodiscard]] int descriptor() const noexcept;  ///< borrowed; readable when a connection waits

 private:
  friend class detail::ListenerHandover;
  struct State;
  explicit Listener(std::unique_ptr<State> state) noexcept;
  static Result<Listener> listen_on(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace hallway
