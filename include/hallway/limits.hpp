// SPDX-License-Identifier: Apache-2.0
// Layer: core
//
// Every default and every bound, in one place. Whatever a peer can push against has a name here.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace hallway {

using Duration = std::chrono::nanoseconds;

/// A wait without a deadline.
inline constexpr Duration forever = Duration::max();

inline constexpr std::size_t kibibyte = 1024;
inline constexpr std::size_t mebibyte = 1024 * kibibyte;

/// What one connection may cost. A peer that goes over a limit loses this connection and nothing
/// else. A time of zero means: no such clock.
struct Limits {
  /// Largest message in either direction, in bytes, without its framing; more than
  /// bounds::largest_message counts as that.
  std::size_t max_message = 1 * mebibyte;

  /// From the first byte of a message to its last, while it is waited for. Cuts off a peer that
  /// dribbles half a frame.
  Duration message_time = std::chrono::seconds(10);

  /// From the connection's start to its first whole message. Off: who listens to broadcasts says
  /// nothing, and who types takes his time. For protocols that begin with a greeting.
  Duration handshake_time = Duration::zero();

  /// Without a byte in either direction, and without a message that the program still works on:
  /// from receiving it until asking for the next. Off: many connections are quiet for good reasons.
  Duration idle_time = Duration::zero();

  /// Unsent bytes from which send() waits for room and a broadcast counts the queue as full.
  std::size_t outbound_soft = 1 * mebibyte;

  /// How long the queue may stay over the soft limit before the connection is cut.
  Duration outbound_soft_time = std::chrono::seconds(10);

  /// Bytes the kernel is asked to hold of a stream (SO_SNDBUF), once it has been full for the first
  /// time; see man 7 socket for what it allows without privilege (net.core.wmem_max). Not with
  /// Full::drop_oldest or drop_newest. Zero leaves it as it is.
  std::size_t send_buffer = 1 * mebibyte;

  /// Unsent bytes at which a broadcast with Full::disconnect cuts the connection at once.
  std::size_t outbound_hard = 8 * mebibyte;
};

/// What a broadcast does with a connection whose outbound queue is full.
enum class Full : std::uint8_t {
  wait,         ///< the broadcaster waits until there is room: back-pressure
  drop_oldest,  ///< unsent messages make room, oldest first; counted
  drop_newest,  ///< this message is not queued; counted
  disconnect,   ///< over the hard limit, or over the soft one for its time: cut
};

/// What a server does when a path of its own no longer leads to it, so that no new client can come:
/// the socket file was removed, renamed or replaced, or a directory or link on the way to it was.
enum class PathLost : std::uint8_t {
  ignore,  ///< nobody looks
  report,  ///< the program is told, also when the path leads to the server again
  rebind,  ///< the same, and the path is bound again: tried every bounds::path_look
  drain,   ///< the program is told, and the server drains
};

/// What one server may cost. docs/LIMITS.md has what that comes to.
///
/// What is limited for all and for each uid is shared out: a uid has no more than its own limit,
/// and no more than its share of what the others have left, (all - an eighth - theirs) / (uids +
/// 1). Root and the server's own uid may have all that is left, the eighth included.
struct ServerLimits {
  std::size_t max_connections = 1024;   ///< above it, clients wait in the kernel's backlog
  std::size_t max_per_uid = 256;        ///< above it, connections of that uid are turned away
  std::size_t descriptor_reserve = 32;  ///< descriptors below RLIMIT_NOFILE left to the program
  Duration drain_time = std::chrono::seconds(10);

  /// Bytes that peers make the server keep, of all connections: what the kernel has not taken of
  /// what they do not read, and messages that have not arrived whole. bounds::connection for each
  /// connection come on top. A connection of a uid over its share counts as one whose queue is
  /// full, and ends over a message that does not fit.
  std::size_t memory = 128 * mebibyte;
  std::size_t memory_per_uid = 64 * mebibyte;

  /// Bytes that the kernel may keep for connections which it was asked to hold Limits::send_buffer
  /// of; each counts for twice that (man 7 socket, SO_SNDBUF). It is not asked where none are left.
  std::size_t send_buffers = 256 * mebibyte;
};

/// What a hub may cost. What belongs to a uid is shared by all its connections, and what is limited
/// for all is shared out as ServerLimits says.
struct HubLimits {
  std::size_t connections_per_uid = 256;
  std::size_t subscriptions_per_uid = 16'384;

  /// Bytes that clients make the hub keep: messages that wait for them or have not arrived whole,
  /// and subscriptions. bounds::connection for each connection come on top. From its share on, a
  /// uid's subscriptions count as full and new ones are refused.
  std::size_t memory = 128 * mebibyte;
  std::size_t memory_per_uid = 64 * mebibyte;

  /// Bytes that wait for one subscription: from here on it counts as full. None do under `wait`.
  std::size_t pending_per_subscription = 8 * mebibyte;

  /// Tokens in the subject of a subscription: each may take up a place of its own.
  std::size_t subject_tokens = 128;

  std::size_t connections = 1024;  ///< of all uids; above it, clients wait in the backlog

  std::size_t max_payload = 1 * mebibyte;   ///< of a message, its header counted
  std::size_t control_line = 4 * kibibyte;  ///< of an operation, without its verb

  /// Unsent bytes of a connection from which its subscriptions' messages wait apart.
  std::size_t outbound = 1 * mebibyte;

  /// Bytes the kernel is asked to hold of a connection; as Limits::send_buffer. They are on their
  /// way before anything waits: where only the latest counts, less is more.
  std::size_t send_buffer = 1 * mebibyte;
  std::size_t send_buffers = 256 * mebibyte;  ///< of all; as ServerLimits::send_buffers

  /// While more than three quarters of its room are taken, a subscription under
  /// DeliveryPolicy::disconnect holds back its publishers, as long as its connection takes this
  /// many bytes a second, measured over hold_time, and each message for hold_time at most. A slower
  /// one holds back nobody until it has caught up, and its user's others no publishers of other
  /// users for a minute. Zero: none ever does.
  std::size_t least_rate = 1 * mebibyte;
  Duration hold_time = std::chrono::seconds(5);

  /// How long a subscriber may take nothing while others wait for it (DeliveryPolicy::wait), and
  /// how long a client may wait for memory for its own message. Then it is cut.
  Duration slow_time = std::chrono::seconds(10);

  /// Who is silent that long is sent a PING, and cut when so many stay unanswered. A time of zero
  /// means: no such clock.
  Duration ping_interval = std::chrono::minutes(2);
  unsigned pings_unanswered = 2;
};

/// What the client of a hub may cost.
struct HubClientLimits {
  /// Bytes that wait to be sent to the hub, or for a hub to come back: from here on publish() finds
  /// no room.
  std::size_t outbound = 1 * mebibyte;

  /// Bytes of messages that wait to be received from one subscription: from here on it is full.
  std::size_t inbox = 8 * mebibyte;

  /// Largest message accepted from the hub, in bytes, its headers counted.
  std::size_t max_message = 8 * mebibyte;
};

namespace defaults {

/// Where `hallway serve` listens and the client verbs connect when nothing else is said.
inline constexpr const char* address = "/tmp/unix_socket.sock";

/// Where a hub listens and its clients connect when nothing else is said.
inline constexpr const char* hub_address = "/tmp/hallway-hub.sock";

inline constexpr unsigned mode = 0600;  ///< of a socket file

/// listen(2)'s queue of connections nobody has accepted yet; the kernel caps it at
/// /proc/sys/net/core/somaxconn.
inline constexpr int backlog = 4096;

inline constexpr Duration connect_time = std::chrono::seconds(5);
inline constexpr Duration request_time = std::chrono::seconds(30);

/// How long a successor waits for each answer of the server it takes over from.
inline constexpr Duration takeover_time = std::chrono::seconds(5);

}  // namespace defaults

namespace bounds {

/// Largest message there can be: a length has 32 bits on the wire.
inline constexpr std::size_t largest_message = UINT32_MAX - 1;

/// Most descriptors one message may carry: the kernel's SCM_MAX_FD (net/core/scm.c).
inline constexpr std::size_t descriptors_per_message = 253;

/// Read at once from a stream. Larger reads fall out of the second-level cache.
inline constexpr std::size_t stream_read = 256 * kibibyte;

/// The same while others on the loop are active, too: what they have to wait for.
inline constexpr std::size_t fair_read = 32 * kibibyte;

/// How long a task may go on with messages that are buffered before the others have their turn;
/// looked at every so many messages.
inline constexpr Duration turn_share = std::chrono::microseconds(100);
inline constexpr unsigned messages_between_looks = 64;

/// What one connection of a server costs at most by itself, in bytes: what the server knows of it,
/// and one read that its handler has not dealt with yet.
inline constexpr std::size_t connection = 48 * kibibyte;

/// Smallest unit in which outbound bytes are kept.
inline constexpr std::size_t chunk = 64 * kibibyte;

/// How often a path is looked at where the kernel cannot tell that it was lost.
inline constexpr Duration path_look = std::chrono::seconds(2);

/// How long a wait busy-polls before it sleeps, by default: while traffic flows, and where two
/// cores or more can be used. See LoopOptions::spin.
inline constexpr Duration spin = std::chrono::microseconds(20);

/// How long a wait polls now and then, but at most five times as long as usual, to find out whether
/// the peer answers late only because it was asleep: about as long as waking a process takes. While
/// waits poll, every fourth of those that find nothing does so; after polling was given up because
/// it did not pay, those that begin in the first 200 us of every 8 ms (of 2 and 4 ms at first).
/// That is at most 2.4 % of a core, and nothing while waits last longer than those 200 us.
inline constexpr Duration spin_probe = std::chrono::microseconds(100);

/// Unsent bytes at which send() writes at once instead of waiting for the end of the turn.
inline constexpr std::size_t eager_flush = 256 * kibibyte;

}  // namespace bounds

}  // namespace hallway
