// SPDX-License-Identifier: Apache-2.0
// Layer: net
//
// The identity of a peer, as the kernel reports it, and rules that use it.
//
// The kernel records a peer's ids when it calls connect(2), listen(2) or socketpair(2) and never
// again (man 7 unix, SO_PEERCRED). If the peer has since changed its uid or passed the socket on,
// the ids are still those of the process that connected. A server started by socket activation
// shows those of the service manager.
//
// Of a client that connects to a hub over TCP (hub.hpp), the kernel reports only the uid, that of
// the process that made its socket; and none if the client connects from another machine.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <hallway/descriptor.hpp>
#include <hallway/error.hpp>
#include <hallway/export.hpp>

namespace hallway {

/// How far a peer's pid can be trusted. When a process ends, the kernel may reuse its pid.
enum class PidStatus : std::uint8_t {
  running,     ///< the process that connected, which still runs
  ended,       ///< that process has ended: another one may have the pid by now
  unverified,  ///< this kernel cannot report it (before 6.5): the pid is a hint for people
};

/// "running", "ended", "unverified"
HALLWAY_EXPORT std::string_view to_string(PidStatus identity) noexcept;

/// The ids of a peer. A value. Thread: any.
struct HALLWAY_EXPORT Peer {
  /// What the kernel shows for an id that has no meaning in our user namespace
  /// (/proc/sys/kernel/overflowuid), and what stands for an id that is not known. Only allow::any()
  /// admits it.
  static constexpr std::uint32_t overflow_uid = 65534;

  std::uint32_t uid = overflow_uid;
  std::uint32_t gid = overflow_uid;
  /// 0: unknown, because the peer lives outside our pid namespace, or connected over TCP.
  std::int32_t pid = 0;
  bool over_tcp = false;  ///< it connected over TCP: pid and gid are unknown

  /// The peer of a connected socket, which is borrowed.
  static Result<Peer> of(int socket);

  /// Supplementary groups of a connected socket's peer. Queries the kernel, not the user database.
  static Result<std::vector<std::uint32_t>> groups_of(int socket);

  /// A pidfd of a connected socket's peer. Unlike a pid, it never refers to another process.
  /// @errors no_protocol_option if the kernel is older than 6.5
  static Result<Descriptor> pidfd_of(int socket);

  /// Whether `pid` can be trusted now. A pidfd_of() that is held keeps referring to the process:
  /// send signals through it, never to the number.
  static Result<PidStatus> identity_of(int socket);

  /// The name of the process (/proc/PID/comm), which may hold any byte but a line feed; empty if
  /// unknown. For people only: a process chooses its own name. to_string() makes it printable.
  [[nodiscard]] std::string process_name() const;

  /// The path of the program that the process runs now (/proc/PID/exe), printable; empty if it may
  /// not be read. Valid only if identity_of() still returns `running` afterwards.
  [[nodiscard]] std::string executable() const;

  /// "pid 4711 (hallway), uid 1000"; over TCP "uid 1000, over TCP" or "unknown uid, over TCP"
  [[nodiscard]] std::string to_string() const;
};

/// The number of a user or group given by name or by number. Queries the user database, which may
/// block.
/// @errors invalid_argument: there is no user or group of that name
HALLWAY_EXPORT Result<std::uint32_t> user_id(const std::string& name);
HALLWAY_EXPORT Result<std::uint32_t> group_id(const std::string& name);

/// One rule about which peers may connect. Several rules admit every peer that any of them admits.
struct HALLWAY_EXPORT AllowRule {
  enum class Kind : std::uint8_t { any, root, same_uid, uid, gid };

  Kind kind = Kind::any;
  std::uint32_t id = 0;  ///< of uid or gid
  std::string name;      ///< a user or group name that is not looked up yet; empty: `id` counts

  /// "uid:1000", "uid:alice", "gid:44", "group:video", "same-uid", "root", "any"
  static Result<AllowRule> parse(std::string_view text);
  [[nodiscard]] std::string to_string() const;

  /// This rule with its name looked up in the user database, which may block. A rule without a name
  /// never blocks.
  /// @errors invalid_argument: no such user or group; or the overflow uid or gid, which stands for
  ///         every user from outside our user namespace and therefore for no particular one
  [[nodiscard]] Result<AllowRule> resolved() const;

  /// Whether a resolved rule admits `peer`. A group rule matches the peer's own group or one of its
  /// supplementary `groups`.
  [[nodiscard]] bool admits(const Peer& peer, std::span<const std::uint32_t> groups) const;
};

/// These rules with their names looked up. A function that takes rules while a loop runs
/// (Server::set_allow()) does not block when it is given this result.
/// @errors as AllowRule::resolved(), for the first rule that fails
/// Blocking: name look-ups. Thread: any.
HALLWAY_EXPORT Result<std::vector<AllowRule>> resolved(std::span<const AllowRule> rules);

/// Rules as they are written in code: {allow::group("video"), allow::same_uid()}
namespace allow {

inline AllowRule any() { return {AllowRule::Kind::any, 0, {}}; }
inline AllowRule root() { return {AllowRule::Kind::root, 0, {}}; }
inline AllowRule same_uid() { return {AllowRule::Kind::same_uid, 0, {}}; }
inline AllowRule uid(std::uint32_t id) { return {AllowRule::Kind::uid, id, {}}; }
inline AllowRule user(std::string_view name) {
  return {AllowRule::Kind::uid, 0, std::string(name)};
}
inline AllowRule gid(std::uint32_t id) { return {AllowRule::Kind::gid, id, {}}; }
inline AllowRule group(std::string_view name) {
  return {AllowRule::Kind::gid, 0, std::string(name)};
}

}  // namespace allow

}  // namespace hallway
