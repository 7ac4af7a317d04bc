// SPDX-License-Identifier: Apache-2.0
// Layer: net
//
// A bound socket and its name.
//
// Socket file ownership rules. Binding a path first takes an exclusive lock on "<path>.lock". The
// listener holds the lock as long as it lives, and the lock ends with the process, however the
// process ends. Closing removes the lock file; a lock file left by a killed process is locked
// again. Under the lock, a dead socket file (no process has its socket open) of our uid, or of the
// owner in BindOptions, is replaced. A socket in another network namespace is not dead, and neither
// is one that does not listen yet. Anything else at the path is left alone: a live server (reported
// with its pid and uid), another user's socket, a regular file, a directory, a symbolic link. Mode
// and owner are in effect before the first client can connect. Closing removes the socket file only
// if it is still the inode made here, and only in the process that made it.
//
// An inherited name, or one from socket activation, belongs to the process that made it: it is
// never removed, and its socket never shut down. An inherited socket can be adopted only once.
// Adopting sets FD_CLOEXEC, and a descriptor with FD_CLOEXEC is rejected because it cannot have
// been inherited. If several sockets were handed over, "activation" adopts the next one.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include <hallway/address.hpp>
#include <hallway/descriptor.hpp>
#include <hallway/error.hpp>
#include <hallway/export.hpp>
#include <hallway/limits.hpp>
#include <hallway/socket.hpp>

namespace hallway {

/// How to bind a name.
struct BindOptions {
  SocketType type = SocketType::stream;
  unsigned mode = defaults::mode;   ///< of the socket file; connecting needs write permission
  std::string owner = {};           ///< user name or number; empty: ours
  std::string group = {};           ///< group name or number; empty: ours
  int backlog = defaults::backlog;  ///< connections the kernel queues before they are accepted
  /// False: take no lock file, because another lock that this program holds also covers the name.
  bool lock = true;
};

/// What a server passes to the process that replaces it. The descriptors are owned.
struct Handover {
  Descriptor socket;
  Descriptor lock;  ///< of the name's lock file; empty if BindOptions::lock was false
  /// Of the socket file, as stat(2) reports them: the successor accepts no other file.
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
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

  // Handing over to another process --------------------------------------------------------------

  /// Copies of the descriptors for a successor, which then shares the queue of clients and the
  /// lock. This listener owns the name until hand_over().
  /// @errors invalid_argument: the listener was inherited, or its address is not a path; ESTALE:
  ///         the path was lost
  [[nodiscard]] Result<Handover> offer() const;

  /// Gives the name up to the successor; this listener then treats it as inherited. Call it only
  /// when the successor is certain to claim() the name: no other process will ever remove it.
  void hand_over() noexcept;

  /// The successor's side: adopts what the listener bound to `where` offered. Until claim(), the
  /// predecessor owns the name, and this listener does not change, refuse or remove it.
  /// @errors ESTALE: the path or its lock now leads to another file;
  ///         wrong_protocol_type: the socket is not of options.type
  static Result<Listener> adopt(const AddressSpec& where, Handover from,
                                const BindOptions& options = {});

  /// Takes ownership of the name, which the predecessor has given up, and applies the mode, owner
  /// and backlog of adopt()'s options. The kernel names this process as the server to clients that
  /// connect from now on (SO_PEERCRED).
  /// @errors of changing mode or owner; this listener owns the name all the same
  Result<void> claim();

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
  struct State;
  explicit Listener(std::unique_ptr<State> state) noexcept;
  static Result<Listener> listen_on(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace hallway
