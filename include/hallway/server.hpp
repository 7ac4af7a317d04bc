// SPDX-License-Identifier: Apache-2.0
// Layer: message
//
// A server: accepts connections on one address and gives each to a task of the program.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <hallway/address.hpp>
#include <hallway/connection.hpp>
#include <hallway/descriptor.hpp>
#include <hallway/detail/forward.hpp>
#include <hallway/error.hpp>
#include <hallway/export.hpp>
#include <hallway/limits.hpp>
#include <hallway/listener.hpp>
#include <hallway/loop.hpp>
#include <hallway/peer.hpp>
#include <hallway/server_event.hpp>
#include <hallway/socket.hpp>
#include <hallway/task.hpp>

namespace hallway {

struct ServerOptions {
  SocketType type = SocketType::stream;  ///< stream or seqpacket
  SocketFileOptions file = {};
  /// Which peers may connect, checked before the first byte is read; any matching rule admits. On a
  /// path, the file's permissions apply first, and without rules they alone decide. An abstract
  /// name has no permissions: our own uid and root are admitted there, and the rules admit others
  /// in addition.
  std::vector<AllowRule> allow = {};
  ConnectionOptions connection = {};  ///< of each connection
  ServerLimits server_limits = {};
  /// Returns what is sent to a client that is refused because its uid has as many connections as it
  /// may: these bytes as they are, in any framing. Called on the loop. It must not throw, except
  /// that std::bad_alloc refuses the client without sending anything.
  std::function<std::string(std::uint64_t connection)> refusal_text = {};
  PathLost on_path_lost = PathLost::report;
  /// Takes over from a server that runs at the path and was also opened with this option, and
  /// offers the same to a successor: see docs/TAKEOVER.md. Paths only.
  bool takeover = false;
  /// What a successor gets besides the socket, with takeover: a file with the server's state, such
  /// as one of memfd_create(2). `export_state` is called on the loop when the successor is ready,
  /// just before the name passes to it, and returns that file, or an empty descriptor for none. If
  /// the takeover fails after that, the server goes on. `import_state` is called in the successor
  /// before open() returns, if the server before it sent a file. That server may be another version
  /// of the program: check the contents, and read them with pread(2), because its side of the file
  /// may have another position and may still change. Both must not throw, except std::bad_alloc,
  /// which passes nothing, or imports nothing more.
  std::function<Descriptor()> export_state = {};
  /// Called with what the server before this one passed; see export_state.
  std::function<void(Descriptor state)> import_state = {};
  int backlog = defaults::backlog;
  /// How many loops share the connections, at least 1; see "Several loops" below.
  std::size_t loops = 1;
  /// Called on the loop. It must not throw, nor destroy the server: post() that. As an exception,
  /// it may throw std::bad_alloc, which loses this event and nothing else. To log every event:
  ///
  ///     .on_event = [](const ServerEvent& event) { std::clog << event << '\n'; }
  std::function<void(const ServerEvent&)> on_event = {};
};

/// Movable, not copyable. The loop outlives it. Thread: the loop's.
///
/// Several loops. With options.loops = N the server has N - 1 threads, each with a loop of its own.
/// Every connection is given to the loop that has the fewest, and stays there: its handler and
/// everything that belongs to it run on that loop's thread. To the program this means:
/// - The handler is called, and handlers run, on several threads at once. Data they share needs a
///   lock, or loop().post() to the one loop it belongs to.
/// - on_event is called on the given loop only, in order for each connection, once that loop
///   processes the event. A slot that became free also counts as free only then. Limits apply to
///   the whole server.
/// - A broadcast reaches the connections of all loops, in the same order everywhere. Whatever the
///   policy, it waits while a loop has connection.limits.outbound_soft of broadcasts still to
///   deliver.
/// - What ends a run of one of these loops also ends that of the given one: stop(), drain(), and an
///   exception. The exception leaves run() there, and the loop it came from goes on.
/// - The threads' loops end with the server, and their connections must not outlive it. Signals are
///   not delivered to the threads.
class HALLWAY_EXPORT Server {
 public:
  /// Binds (see listener.hpp for the socket file ownership rules), listens, and accepts from the
  /// next turn on. Out of descriptors or at max_connections it stops accepting until a connection
  /// ends, while clients wait in the backlog. When the loop drains, the server refuses new clients,
  /// serves those in the backlog, lets each handler finish with what its peer has sent, and closes.
  ///
  /// With options.takeover it may be a successor. It first makes everything ready; then the running
  /// server hands over its listening socket, the clients in its queue and its name, and drains. No
  /// client is refused. If any step fails, the running server simply goes on.
  /// @errors those of Listener::bind(), and an unknown user or group in the options; for a takeover
  ///         also timed_out: the running server did not answer; operation_canceled: it ended in the
  ///         middle; operation_not_permitted: it belongs to another user, or does not hand over;
  ///         ESTALE: the path, or the lock file beside it, was lost; invalid_argument: an
  ///         unsupported overflow policy, or for a takeover an address that is not a path. With
  ///         several loops resource_unavailable_try_again: no more threads can be created
  /// Blocking: for a takeover only, at most about three times defaults::takeover_time.
  static Result<Server> open(Loop& loop, const AddressSpec& address, ConnectionHandler handler,
                             ServerOptions options = {});

  /// The same with an existing listener.
  static Result<Server> open(Loop& loop, Listener listener, ConnectionHandler handler,
                             ServerOptions options = {});

  Server(Server&&) noexcept;
  Server& operator=(Server&&) noexcept;
  /// Stops at once: handlers are destroyed where they are suspended, without an event, and the name
  /// is removed. Not from within a handler: post() it.
  /// Blocking: with several loops, until each thread has finished its current work.
  ~Server();

  /// Sends to every connection. See Connection::broadcast().
  [[nodiscard]] Task<> broadcast(ByteView message);

  /// Replaces the rules; see ServerOptions::allow. Existing connections stay.
  /// @errors an unknown user or group: the old rules stay in force
  /// Blocking: name look-ups; never, if the rules come from hallway::resolved().
  Result<void> set_allow(const std::vector<AllowRule>& rules);

  /// Does what a draining loop does, for this server alone.
  void drain();

  [[nodiscard]] const Address& address() const noexcept;
  /// Why address() no longer leads to this server; as Listener::lost().
  [[nodiscard]] std::optional<std::string> lost() const;
  [[nodiscard]] std::size_t connections() const noexcept;

 private:
  friend class detail::ServerHandover;
  friend class detail::ServerListeners;
  class Core;
  explicit Server(std::unique_ptr<Core> core) noexcept;

  std::unique_ptr<Core> core_;
};

}  // namespace hallway
