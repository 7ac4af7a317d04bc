// SPDX-License-Identifier: Apache-2.0
// Layer: net
//
// Who is at the other end, by the kernel's word, and rules over that.
//
// The kernel notes a peer's ids when it calls connect(2), listen(2) or socketpair(2) and never
// again (man 7 unix, SO_PEERCRED). A peer that changed its uid since, or passed the socket on,
// still shows who connected; a server started by socket activation shows the manager.
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

/// What a peer's pid is worth. A process that ended gives its pid back, and another gets it.
enum class PidStatus : std::uint8_t {
  running,     ///< the process that connected, which still runs
  ended,       ///< that process has ended: by now the pid may be another's
  unverified,  ///< this kernel cannot say (before 6.5): the pid is a hint for people
};

/// "running", "ended", "unverified"
HALLWAY_EXPORT std::string_view to_string(PidStatus identity) noexcept;

/// Who connected. A value. Thread: any.
struct HALLWAY_EXPORT Peer {
  /// What the kernel shows for an id that has no meaning in our user namespace
  /// (/proc/sys/kernel/overflowuid). Only allow::any() admits it.
  static constexpr std::uint32_t overflow_uid = 65534;

  std::uint32_t uid = overflow_uid;
  std::uint32_t gid = overflow_uid;
  std::int32_t pid = 0;  ///< 0: unknown, because the peer lives outside our pid namespace

  /// Of a connected socket, borrowed.
  static Result<Peer> of(int socket);

  /// Supplementary groups of a connected socket's peer. Asks the kernel, not the user database.
  static Result<std::vector<std::uint32_t>> groups_of(int socket);

  /// A pidfd of a connected socket's peer: the one name of a process that is never reused.
  /// @errors no_protocol_option where the kernel is older than 6.5
  static Result<Descriptor> pidfd_of(int socket);

  /// Whether `pid` is to be believed now. Holding pidfd_of() keeps it so: kill through that, and
  /// never by the number.
  static Result<PidStatus> identity_of(int socket);

  /// The name of the process (/proc/PID/comm), any bytes but a line feed; empty when unknown. Words
  /// for people: a process names itself. to_string() has it printable.
  [[nodiscard]] std::string process_name() const;

  /// The path of the program that the process runs now (/proc/PID/exe), printable; empty where we
  /// may not read it. Good only while identity_of() still says `running` afterwards.
  [[nodiscard]] std::string executable() const;

  /// "pid 4711 (hallway), uid 1000"
  [[nodiscard]] std::string to_string() const;
};

/// The number of a user or group given by name or by number. Asks the user database, which may
/// block. @errors invalid_argument: there is none of that name
HALLWAY_EXPORT Result<std::uint32_t> user_id(const std::string& name);
HALLWAY_EXPORT Result<std::uint32_t> group_id(const std::string& name);

/// One rule about who may connect. Several rules admit whoever any of them admits.
struct HALLWAY_EXPORT AllowRule {
  enum class Kind : std::uint8_t { any, root, same_uid, uid, gid };

  Kind kind = Kind::any;
  std::uint32_t id = 0;  ///< of uid or gid
  std::string name;      ///< a user or group name still to be looked up; empty: `id` counts

  /// "uid:1000", "uid:alice", "gid:44", "group:video", "same-uid", "root", "any"
  static Result<AllowRule> parse(std::string_view text);
  [[nodiscard]] std::string to_string() const;

  /// This rule with its name looked up in the user database, which may block; a rule without a name
  /// never does.
  /// @errors invalid_argument: no such user or group; or the overflow uid or gid, which is
  ///         everybody from outside our user namespace and therefore nobody in particular
  [[nodiscard]] Result<AllowRule> resolved() const;

  /// Whether a resolved rule admits `peer`; a group counts whether it is the peer's own or one
  /// of its supplementary `groups`.
  [[nodiscard]] bool admits(const Peer& peer, std::span<const std::uint32_t> groups) const;
};

/// These rules with their names looked up. What takes rules while a loop runs
/// (Server::set_allow()) does not block where it is given the result.
/// @errors as AllowRule::resolved(), for the first rule that has one
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
