// SPDX-License-Identifier: Apache-2.0
//
// What was seen at the Unix sockets that a process has open: plain values, no opinion.
// gather_connections() (gather_connections.hpp) fills it in from the kernel; explain()
// (explain_connections.hpp) draws the conclusions, and needs no kernel.
//
// An optional value that is unset could not be looked at; ConnectionEvidence::unseen then says why.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <hallway/address.hpp>
#include <hallway/socket.hpp>

#include "net/diagnosis/evidence.hpp"

namespace hallway::net {

/// A process that has a socket open, perhaps because it inherited it.
struct EndHolder {
  Process process;
  std::vector<std::string> descriptors;  ///< their numbers
  /// A thread of it sleeps in a system call on one of these descriptors: read(2) or recv(2) and
  /// their like, write(2) or send(2), connect(2). False also if its threads are not ours to read.
  bool reads = false;
  bool writes = false;
  bool connects = false;
  /// Whether it would notice that something arrives: one of its epoll instances has the socket, or
  /// a thread sleeps in a system call for it. Unset: that is not ours to read, or it runs, or it
  /// waits in a call that does not show for what.
  std::optional<bool> attends;
  /// A thread of it waits for input that is not known to be that of this socket.
  bool waits_for_other = false;
};

/// A socket, as the kernel's list has it.
struct End {
  std::uint64_t inode = 0;  ///< its own: "socket:[N]"
  SocketType type = SocketType::stream;
  enum class State : std::uint8_t { connected, unconnected, listening };
  State state = State::connected;
  /// As in SocketEntry. An accepted socket has the name of the one that listens.
  std::string name;
  /// The inode of the socket at the far end. Zero: nobody has that one open: it was closed, or a
  /// server has not accepted it. Unset: it is not connected.
  std::optional<std::uint64_t> peer;
  /// Bytes that can be read here; of datagrams: the bytes of the first one.
  std::uint64_t unread = 0;
  /// Memory of the kernel for what this socket has sent and nobody has read, and the most of it
  /// (SO_SNDBUF): a send waits as soon as that is reached. A message costs at least 768 bytes.
  std::uint64_t sent_unread = 0;
  std::optional<std::uint64_t> send_limit;
  bool input_ended = false;        ///< nothing more can be read here (shutdown(2))
  bool output_ended = false;       ///< nothing more can be sent here
  std::vector<EndHolder> holders;  ///< as far as we may see
  /// Descriptors that were sent here and that nobody has received (scm_fds in fdinfo).
  std::optional<std::uint64_t> descriptors_waiting;
  /// Whether descriptors may be sent to it (SO_PASSRIGHTS, Linux 6.16).
  std::optional<bool> takes_descriptors;
};

/// A connection that waits in the queue of a socket that listens.
struct AcceptQueue {
  std::string name;  ///< of the listening socket, as End::name
  std::uint32_t waiting = 0;
  std::uint32_t backlog = 0;            ///< one more than this fits
  std::uint32_t position = 0;           ///< how many wait before it
  std::uint32_t ahead_gone = 0;         ///< of those: they have closed already
  std::vector<EndHolder> holders = {};  ///< of the listening socket
};

/// The file under which a datagram socket can be answered, and the process that answers.
struct ReplyPath {
  PathStep file;
  Subject server;
};

/// A socket of the process, and what it leads to.
struct ConnectionEnd {
  End here;
  std::optional<End> there;             ///< unset: it leads to no socket that we see
  std::optional<AcceptQueue> waits_at;  ///< nobody has accepted it yet
  /// For a connected datagram socket: whether the kernel would take another datagram (poll(2)).
  std::optional<bool> takes_datagrams;
  /// Sockets of others that are connected to this datagram socket, and the memory of what they
  /// have sent and nobody has read.
  std::uint64_t senders = 0;
  std::uint64_t senders_unread = 0;
  /// As senders_unread, for the far end of a connected datagram socket; with what this one sent.
  std::uint64_t far_senders_unread = 0;
  /// The process that listened when it was connected (SO_PEERCRED); zero: unknown.
  std::int32_t listener_pid = 0;
  /// Processes that have the listening socket open now from which the far end was accepted.
  std::vector<std::int32_t> listener_holders;
  std::optional<ReplyPath> reply_path;
  /// Between two looks, some time apart, a queue or a state of the connection changed. Unset: it
  /// was looked at once, as there was nothing in its queues.
  std::optional<bool> moved;
};

/// A datagram socket that is bound to the address that was asked for.
struct Receiver {
  End end;
  bool is_peer = false;  ///< a socket of the process is the one that it is connected to
};

struct ConnectionEvidence {
  Process process;
  std::optional<Address> to;
  /// All of them, or those that lead to `to`.
  std::vector<ConnectionEnd> connections;
  std::uint64_t sockets = 0;        ///< how many Unix sockets the process has open, in all
  std::vector<Receiver> receivers;  ///< at `to`
  /// Sockets that listen, at `to` if it is given, and whose queue is full: a blocking connect(2)
  /// waits for one of them.
  std::vector<AcceptQueue> full_queues;
  std::optional<std::uint64_t> datagram_queue_limit;  ///< net.unix.max_dgram_qlen
  std::vector<std::string> unseen;
};

}  // namespace hallway::net
