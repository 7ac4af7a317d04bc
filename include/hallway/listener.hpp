// SPDX-License-Identifier: Apache-2.0
// Layer: net
//
// A bound socket, and the name it holds.
//
// The rule of names. Binding a path first takes an exclusive lock on "<path>.lock", which is held
// as long as the listener lives and vanishes with the process, however it ends; closing removes
// the lock file, and one left by a process that was killed is simply locked again. Under the lock,
// a socket file whose owner is dead and which belongs to our uid is replaced. A socket that lives
// in another network namespace is not dead, nor is one that does not listen yet. Anything else at
// the path is never touched: a live server (reported with its pid and uid), somebody else's
// socket, a regular file, a directory, a symbolic link. Mode and owner are in force before the
// first client can connect. Closing removes the socket file only if it is still the inode that
// was made here, by the process that made it. A name that was inherited or came by socket
// activation belongs to whoever made it and is never removed or shut down. Such a socket is taken
// over once: it is close-on-exec from then on, and what is close-on-exec is never taken over, since
// it was not inherited. Of several that were handed over, "activation" is the next one.
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

/// How a name is bound.
struct BindOptions {
  SocketType type = SocketType::stream;
  unsigned mode = defaults::mode;   ///< of the socket file; connecting needs write permission
  std::string owner = {};           ///< user name or number; empty: ours
  std::string group = {};           ///< group name or number; empty: ours
  int backlog = defaults::backlog;  ///< connections the kernel queues before they are accepted
  /// False: no lock file of its own, because a lock this program holds covers the name, too.
  bool lock = true;
};

/// What one process gives another that goes on in its place: descriptors to be passed to it.
struct Handover {
  Descriptor socket;
  Descriptor lock;  ///< of the name's lock file; nothing where BindOptions::lock was false
  /// Of the socket file, as stat(2) has them: the successor takes no other one.
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
};

/// A listening stream or seqpacket socket. Movable, not copyable. Thread: distinct objects.
class HALLWAY_EXPORT Listener {
 public:
  /// Binds and listens, or takes over what `fd:N` or `activation[:NAME]` names.
  /// @errors address_in_use: a live server, or another process holds the lock; file_exists: what
  ///         is there is no socket of ours; no_such_file_or_directory, permission_denied,
  ///         invalid_argument (datagram: such a socket does not listen), or the kernel's own;
  ///         stale_file_handle (ESTALE): another file was put in the place of the one just bound,
  ///         and is left as it is.
  ///         Taking over: wrong_protocol_type: it is not of options.type;
  ///         device_or_resource_busy: it has an owner in this process. It stays open then.
  static Result<Listener> bind(const AddressSpec& where, const BindOptions& options = {});

  Listener(Listener&&) noexcept;
  Listener& operator=(Listener&&) noexcept;
  ~Listener();  ///< as close()

  /// The next connection, if one waits; it is blocking and close-on-exec. Nothing: none waits
  /// now, or none ever will again (refusing()).
  /// @errors too_many_files_open and friends: accept again when there is room.
  /// Blocking: never.
  Result<std::optional<Descriptor>> accept();

  /// Refuses new clients; those already queued can still be accepted. Only for a listener that
  /// was bound here: an inherited one is shared with processes that go on serving it, and its
  /// queue is left to them, so accept() gives nothing any more.
  void refuse();
  [[nodiscard]] bool refusing() const noexcept;

  // Going on in another process ------------------------------------------------------------------

  /// Copies for a successor, which shares the queue of clients and the lock from then on. The
  /// name stays ours until hand_over().
  /// @errors invalid_argument: the listener was inherited, or its address is no path; ESTALE: the
  ///         path was lost
  [[nodiscard]] Result<Handover> offer() const;

  /// The successor has the name: as if it had been inherited from now on. Not before the
  /// successor is certain to claim it: nobody else will ever remove it.
  void hand_over() noexcept;

  /// The other side: goes on with what the listener bound to `where` offered. Until claim() the
  /// name is the predecessor's, and nothing here changes, refuses or removes it.
  /// @errors ESTALE: the path or its lock leads to another file by now;
  ///         wrong_protocol_type: it is of another type than asked for
  static Result<Listener> adopt(const AddressSpec& where, Handover from,
                                const BindOptions& options = {});

  /// The predecessor let go: the name is ours, and gets the mode and owner of adopt()'s options,
  /// and the socket its backlog. To clients that connect from now on this process is the server.
  /// @errors of changing them; the name is ours all the same
  Result<void> claim();

  /// Another listener at the same path, which this one has lost, with the options it was bound
  /// with. This one keeps its socket and the clients queued on it, and removes what is left of its
  /// own name when it is closed.
  /// A relative path begins in the working directory of this moment.
  /// @errors as bind(), and invalid_argument: it was inherited, or it is not bound to a path. This
  ///         one then keeps all that it has; where listen(2) fails, the lock is lost.
  Result<Listener> bind_again();

  /// Why the path does not lead here any more: "the socket file is gone". Nothing while it does,
  /// and for what is bound to no path or was inherited. Asks the file system.
  [[nodiscard]] std::optional<std::string> lost() const;

  /// Removes the name (see above) and closes. Clients still queued are reset.
  void close() noexcept;

  [[nodiscard]] const Address& address() const noexcept;
  [[nodiscard]] SocketType type() const noexcept;
  [[nodiscard]] int descriptor() const noexcept;  ///< borrowed; readable when accept() has one

 private:
  struct State;
  explicit Listener(std::unique_ptr<State> state) noexcept;
  static Result<Listener> listen_on(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace hallway
