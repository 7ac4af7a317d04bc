// SPDX-License-Identifier: Apache-2.0
// Layer: core
//
// Every default and every bound, in one place. Every resource that a peer can use up has a limit
// here.
#pragma once

#include <hallway/detail/require_cpp23.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace hallway {

using Duration = std::chrono::nanoseconds;

/// A timeout that never ends.
inline constexpr Duration forever = Duration::max();

inline constexpr std::size_t kibibyte = 1024;
inline constexpr std::size_t mebibyte = 1024 * kibibyte;

/// Limits of one connection. A peer that exceeds one loses this connection and nothing else. A time
/// of zero disables the timeout.
struct Limits {
  /// Largest message in either direction, in bytes, without its framing. A larger value counts as
  /// bounds::max_message.
  std::size_t max_message = 1 * mebibyte;

  /// Time from the first byte of a message to its last, while a task waits for the message. It
  /// disconnects a peer that sends half a frame and then only trickles bytes.
  Duration message_time = std::chrono::seconds(10);

  /// Time from the start of the connection to its first whole message, for protocols that begin
  /// with a greeting. Zero (the default) disables it: a client that only listens for broadcasts, or
  /// a person at a terminal, may legitimately stay silent.
  Duration handshake_time = Duration::zero();

  /// Time without a byte in either direction; what we send counts too. To drop a peer that sends
  /// nothing, use receive(within). It does not run while the program works on a message:
  /// from receiving it until asking for the next. Zero (the default) disables it: many connections
  /// are quiet for good reasons.
  Duration idle_time = Duration::zero();

  /// Soft limit of the outbound queue, in unsent bytes: from here on send() waits for room and a
  /// broadcast treats the queue as full.
  std::size_t outbound_soft = 1 * mebibyte;

  /// How long the queue may stay over the soft limit before the peer is disconnected, and how long
  /// a closed connection may take to write the rest.
  Duration outbound_soft_time = std::chrono::seconds(10);

  /// Size requested for the kernel's send buffer of a stream (SO_SNDBUF), in bytes, once that
  /// buffer has been full for the first time. See man 7 socket for what the kernel allows without
  /// privilege (net.core.wmem_max). Not used with OverflowPolicy::drop_oldest or drop_newest.
  /// Zero leaves the buffer as it is.
  std::size_t send_buffer = 1 * mebibyte;

  /// Hard limit, in unsent bytes: a broadcast with OverflowPolicy::disconnect that would exceed it
  /// disconnects the peer at once.
  std::size_t outbound_hard = 8 * mebibyte;
};

/// What a server does when one of its own paths no longer leads to it, so that no new client can
/// connect: the socket file was removed, renamed or replaced, or a directory or symbolic link of
/// the path was.
enum class PathLost : std::uint8_t {
  ignore,  ///< the path is not monitored
  report,  ///< the program is notified, also when the path leads to the server again
  rebind,  ///< as report, and the path is bound again: tried every bounds::path_look
  drain,   ///< the program is notified, and the server drains
};

/// Limits of one server. docs/LIMITS.md has the totals.
///
/// Limits that exist both for all connections and for each uid are shared out. A uid gets no more
/// than its own limit, and no more than its share of what the others leave: (all - an eighth -
/// theirs) / (uids + 1). Root and the server's own uid may use all that is left, including the
/// eighth.
struct ServerLimits {
  std::size_t max_connections = 1024;         ///< above it, clients wait in the kernel's backlog
  std::size_t max_connections_per_uid = 256;  ///< above it, connections of that uid are refused
  std::size_t descriptor_reserve = 32;  ///< descriptors below RLIMIT_NOFILE left to the program
  Duration drain_time = std::chrono::seconds(10);

  /// Bytes that peers make the server hold, for all connections: output that a peer does not read
  /// and the kernel has not taken, and messages that have not arrived whole. Each connection adds
  /// bounds::connection to this. If a uid is over its share, the queues of its connections count as
  /// full, and a connection whose message does not fit is closed.
  std::size_t max_memory = 128 * mebibyte;
  std::size_t max_memory_per_uid = 64 * mebibyte;

  /// Bytes of kernel memory for the connections with an enlarged send buffer. Each counts as twice
  /// Limits::send_buffer (man 7 socket, SO_SNDBUF). Once the bytes are used up, no further buffer
  /// is enlarged.
  std::size_t send_buffers = 256 * mebibyte;
};

/// Limits of a hub. A limit of a uid is shared by all its connections. Limits of the whole hub are
/// shared out as in ServerLimits.
struct HubLimits {
  std::size_t max_connections = 1024;  ///< of all uids; above it, clients wait in the backlog
  std::size_t max_connections_per_uid = 256;
  std::size_t max_subscriptions_per_uid = 16'384;

  /// Bytes that clients make the hub hold: messages that wait for them or have not arrived whole,
  /// and subscriptions. Each connection adds bounds::connection to this. Once a uid has used its
  /// share, its subscriptions count as full and new ones are refused.
  std::size_t max_memory = 128 * mebibyte;
  std::size_t max_memory_per_uid = 64 * mebibyte;

  /// Bytes that may wait for one subscription before it counts as full. Under `wait` it is zero.
  std::size_t max_pending_per_subscription = 8 * mebibyte;

  /// Tokens in the subject of a subscription. Each may take up a node of its own.
  std::size_t max_subject_tokens = 128;

  std::size_t max_payload = 1 * mebibyte;       ///< bytes of a message, including its header
  std::size_t max_control_line = 4 * kibibyte;  ///< bytes of an operation's line, without its verb

  /// High-water mark of a connection's outbound queue, in bytes. Above it, messages wait in
  /// per-subscription queues.
  std::size_t outbound = 1 * mebibyte;

  /// As Limits::send_buffer. Bytes in the kernel can no longer be replaced, so a smaller buffer
  /// suits subscriptions where only the latest message counts.
  std::size_t send_buffer = 1 * mebibyte;
  std::size_t send_buffers = 256 * mebibyte;  ///< for all connections; as
                                              ///< ServerLimits::send_buffers

  /// Bytes per second. While more than three quarters of its queue are used, a subscription under
  /// OverflowPolicy::disconnect pauses its publishers, as long as its connection takes at least
  /// this rate, measured over hold_time. Each message is delayed by hold_time at most. A slower
  /// connection pauses no publisher until it has caught up, and for one minute the other
  /// connections of its user pause no publishers of other users. Zero: publishers are never paused.
  std::size_t min_rate = 1 * mebibyte;
  Duration hold_time = std::chrono::seconds(5);

  /// How long a subscriber may take nothing while publishers wait for it (OverflowPolicy::wait),
  /// and how long a client may wait for memory for its own message. Then it is disconnected.
  Duration slow_time = std::chrono::seconds(10);

  /// A client that is silent this long is sent a PING. It is disconnected when
  /// max_unanswered_pings of them stay unanswered. Zero disables it.
  Duration ping_interval = std::chrono::minutes(2);
  unsigned max_unanswered_pings = 2;
};

/// Limits of the values that one RetainRule of a hub keeps. A new value over a limit takes the
/// place of the oldest ones, which are counted: over a limit per uid those of its own uid, over one
/// of all values those of the uid that has most.
struct RetainLimits {
  std::size_t max_values = 10'000;  ///< of all uids

  /// Bytes of all values: each counts its subject, its header and its payload, and 448 more. They
  /// are not part of HubLimits::max_memory, because values stay when their publisher has gone.
  std::size_t max_memory = 16 * mebibyte;

  /// The same for the values of one uid. Root and the hub's own uid may use all that is left.
  std::size_t max_values_per_uid = 5'000;

  /// Bytes of the values of one uid, counted alike.
  std::size_t max_memory_per_uid = 8 * mebibyte;
};

namespace hub {

/// Limits of a hub's client.
struct ClientLimits {
  /// Bytes that may wait to be sent to the hub, or for the hub to come back. Above it, publish()
  /// has no room.
  std::size_t outbound = 1 * mebibyte;

  /// Bytes of messages that may wait to be received from one subscription before it counts as full.
  std::size_t inbox = 8 * mebibyte;

  /// Largest message accepted from the hub, in bytes, including its header.
  std::size_t max_message = 8 * mebibyte;
};

}  // namespace hub

namespace defaults {

/// The address where `hallway serve` listens and the client verbs connect if none is given.
inline constexpr const char* address = "/tmp/unix_socket.sock";

/// Where a hub listens and its clients look for it if no address is given and the user has no
/// runtime directory; see hub_address.hpp.
inline constexpr const char* hub_address = "/tmp/hallway-hub.sock";

/// The same for the hub of the whole machine, which root starts.
inline constexpr const char* system_hub_address = "/run/hallway/hub";

inline constexpr unsigned mode = 0600;  ///< of a socket file

/// The length of listen(2)'s queue of connections that are not accepted yet. The kernel caps it at
/// /proc/sys/net/core/somaxconn.
inline constexpr int backlog = 4096;

inline constexpr Duration connect_time = std::chrono::seconds(5);
inline constexpr Duration request_time = std::chrono::seconds(30);

/// How long a successor waits for each answer of the server it takes over from.
inline constexpr Duration takeover_time = std::chrono::seconds(5);

}  // namespace defaults

namespace bounds {

/// Largest possible message, in bytes: a length has 32 bits on the wire.
inline constexpr std::size_t max_message = UINT32_MAX - 1;

/// Most descriptors one message may carry: the kernel's SCM_MAX_FD (net/core/scm.c).
inline constexpr std::size_t max_descriptors_per_message = 253;

/// Bytes of one read from a stream. Larger reads do not stay in the second-level cache.
inline constexpr std::size_t stream_read = 256 * kibibyte;

/// The same while other descriptors of the loop are active: it bounds how long they wait.
inline constexpr std::size_t fair_read = 32 * kibibyte;

/// How long a task may go on with buffered messages before other tasks get their turn. The clock is
/// read once every messages_between_looks messages.
inline constexpr Duration turn_share = std::chrono::microseconds(100);
inline constexpr unsigned messages_between_looks = 64;

/// Size requested for each of the kernel's two buffers of a TCP connection of a hub, in bytes; the
/// kernel doubles it (man 7 socket). It is what a Unix socket has by default. Left to itself, the
/// kernel would let each connection keep up to 10 MiB (net.ipv4.tcp_wmem, tcp_rmem).
inline constexpr std::size_t tcp_buffer = 208 * kibibyte;

/// Most addresses at which a hub listens over TCP.
inline constexpr std::size_t max_tcp_listeners = 16;

/// Largest cost of one connection of a server by itself, in bytes: the server's state for it, and
/// one read that its handler has not processed yet.
inline constexpr std::size_t connection = 48 * kibibyte;

/// Smallest unit, in bytes, in which outbound data is stored.
inline constexpr std::size_t chunk = 64 * kibibyte;

/// Functions that in_thread() runs at once in a process.
inline constexpr std::size_t blocking_threads = 64;

/// How often a path is checked where the kernel cannot report that it was lost.
inline constexpr Duration path_look = std::chrono::seconds(2);

/// Default time that a wait busy-polls before it sleeps. It applies while messages flow, and if two
/// or more cores can be used. See LoopOptions::spin.
inline constexpr Duration spin = std::chrono::microseconds(20);

/// How long a probe polls: an occasional longer poll that finds out whether the peer answers late
/// only because it was asleep. This is about the time it takes to wake a process, capped at five
/// times the usual polling time. While waits poll, every fourth of those that find nothing is a
/// probe. After polling was given up because it did not pay, probes are the waits that begin in the
/// first 200 us of every 8 ms (of 2 and 4 ms at first). That costs at most 2.4 % of a core, and
/// nothing while waits last longer than those 200 us.
inline constexpr Duration spin_probe = std::chrono::microseconds(100);

/// Unsent bytes at which send() writes at once instead of at the end of the turn.
inline constexpr std::size_t eager_flush = 256 * kibibyte;

}  // namespace bounds

}  // namespace hallway
