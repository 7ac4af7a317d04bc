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
#include <hallway/error.hpp>
#include <hallway/export.hpp>
#include <hallway/framing.hpp>
#include <hallway/limits.hpp>
#include <hallway/listener.hpp>
#include <hallway/loop.hpp>
#include <hallway/peer.hpp>
#include <hallway/socket.hpp>
#include <hallway/task.hpp>

namespace hallway {

/// Something the program may want to log; the library itself never does.
struct ServerEvent {
  enum class Kind : std::uint8_t {
    connected,
    turned_away,       ///< by a rule, or its uid has its share; `reason` says which
    closed,            ///< `reason` says how it ended, `counters` what went through
    accepting_paused,  ///< no room: max_connections, or out of descriptors; `reason` says which
    accepting_resumed,
    handler_threw,  ///< an exception left the handler; its connection is closed
    path_lost,      ///< `path` no longer leads to the server; `reason` says why
    path_regained,  ///< `path` leads to it again: it was bound again, or put back
    taken_over,     ///< a successor, `peer`, has the name; the server drains
  };
  Kind kind;
  std::uint64_t connection;  ///< its number; 0 where none is concerned
  Peer peer;
  std::string reason;
  Counters counters;
  /// path_lost, path_regained: the server's own address, or that of its control socket, where it
  /// offers a takeover. A loss that is seen is one event, and its end another; a control socket
  /// that is bound again together with its server has none of its own.
  Address path = {};
};

struct ServerOptions {
  SocketType type = SocketType::stream;  ///< stream or seqpacket
  Framing framing = Framing::lines();
  unsigned mode = defaults::mode;
  std::string owner = {};
  std::string group = {};
  /// Who may connect, checked before the first byte is read; any match admits. On a path the
  /// file's permissions come first, and without rules they alone decide. An abstract name has no
  /// permissions: there our own uid and root are admitted, and the rules add to that.
  std::vector<AllowRule> allow = {};
  std::size_t descriptors = 0;  ///< accepted per message; 0 refuses them in the kernel if it can
  Limits limits = {};
  ServerLimits server_limits = {};
  /// What a client is told that is turned away because its uid has as many connections as it may:
  /// these bytes as they are, in any framing. Called on the loop. It must not throw, except that
  /// std::bad_alloc turns the client away without a word.
  std::function<std::string(std::uint64_t connection)> refusal_text = {};
  Full full = Full::disconnect;
  PathLost on_path_lost = PathLost::report;
  /// Takes over from a server that runs at the path and was opened with this, too, and offers
  /// the same to a successor: see docs/TAKEOVER.md. Paths only.
  bool takeover = false;
  int backlog = defaults::backlog;
  /// How many loops share the connections, at least 1; see "Several loops" below.
  std::size_t loops = 1;
  /// Called on the loop. It must not throw, nor destroy the server: post() that. Out of memory
  /// it may: std::bad_alloc loses the event and nothing else.
  std::function<void(const ServerEvent&)> on_event = {};
};

/// Movable, not copyable. The loop outlives it. Thread: the loop's.
///
/// Several loops. With options.loops = N the server has N - 1 threads, each with a loop of its own.
/// Every connection is given to one of the N, where the fewest are, and stays there: its handler
/// and all that belongs to it run on that loop's thread. To the program this means:
/// - The handler is called, and handlers run, on several threads at once. What they share needs a
///   lock, or loop().post() to the one loop it belongs to.
/// - on_event is called on the given loop only, in order for each connection, but not before that
///   loop gets to it; nor does a place that became free count as such before. Limits are of the
///   whole server.
/// - A broadcast reaches the connections of all loops, in the same order everywhere. It waits,
///   whatever the policy, while a loop has limits.outbound_soft of broadcasts still to deliver.
/// - What ends a run of one of these loops ends that of the given one: stop(), drain(), and an
///   exception. It leaves run() there; the loop it came from goes on.
/// - The threads' loops end with the server, and no connection of theirs may outlive it. Signals
///   are not delivered to the threads.
class HALLWAY_EXPORT Server {
 public:
  /// A handler owns its connection; when it returns, what it sent is written and the connection
  /// is closed. An exception that leaves it closes that connection and is reported as an event.
  using Handler = std::function<Task<>(Connection)>;

  /// Binds (see listener.hpp for the rule of names), listens, and accepts from the next turn on.
  /// Out of descriptors or at max_connections it stops accepting until a connection ends, while
  /// clients wait in the backlog. When the loop drains, it refuses new clients, serves those in
  /// the backlog, lets each handler finish with what its peer has sent, and closes.
  ///
  /// With options.takeover it may be a successor: everything is made ready first, then the
  /// running server hands over its listening socket, the clients in its queue and its name, and
  /// drains. No client is refused. If anything fails on the way that server simply goes on.
  /// @errors those of Listener::bind(), and an unknown user or group in the options; for a takeover
  ///         also timed_out: the running server did not answer; operation_canceled: it ended in the
  ///         middle; operation_not_permitted: it is another user's, or does not hand over; ESTALE:
  ///         the path was lost, or the lock file beside it; invalid_argument: the address is no
  ///         path. With several loops resource_unavailable_try_again: there are no more threads to
  ///         be had
  /// Blocking: for a takeover only, at most about three times defaults::takeover_time.
  static Result<Server> open(Loop& loop, const AddressSpec& address, Handler handler,
                             ServerOptions options = {});

  /// The same over a listener that exists.
  static Result<Server> open(Loop& loop, Listener listener, Handler handler,
                             ServerOptions options = {});

  Server(Server&&) noexcept;
  Server& operator=(Server&&) noexcept;
  /// Stops at once: handlers are destroyed where they are suspended, without an event, and the
  /// name is removed. Not from within a handler: post() it.
  /// Blocking: with several loops, until each thread has finished what it does right now.
  ~Server();

  /// Sends to every connection. See Connection::broadcast().
  [[nodiscard]] Task<> broadcast(ByteView message);

  /// Other rules from now on; see ServerOptions::allow. Connections that are there stay.
  /// @errors an unknown user or group: the rules stay as they were
  /// Blocking: name look-ups; never, where the rules come from hallway::resolved().
  Result<void> set_allow(const std::vector<AllowRule>& rules);

  /// As if the loop drained, for this server alone.
  void drain();

  /// For programs that pass their listener on in a way of their own, as Listener has it. When a
  /// successor has the name, hand_over() drains this server and leaves the name alone; a server
  /// opened on an adopted listener claims it.
  /// @errors as Listener's. Never hand_over() before the successor is certain to claim.
  [[nodiscard]] Result<Handover> offer() const;
  void hand_over();
  Result<void> claim();

  [[nodiscard]] const Address& address() const noexcept;
  /// Why address() does not lead here any longer; as Listener::lost().
  [[nodiscard]] std::optional<std::string> lost() const;
  [[nodiscard]] std::size_t connections() const noexcept;

 private:
  class Core;
  explicit Server(std::unique_ptr<Core> core) noexcept;
  static Result<Server> succeed(Loop& loop, const AddressSpec& address, const Handler& handler,
                                const ServerOptions& options);
  static Result<Server> try_to_succeed(Loop& loop, const AddressSpec& address,
                                       const Handler& handler, const ServerOptions& options);

  std::unique_ptr<Core> core_;
};

}  // namespace hallway
