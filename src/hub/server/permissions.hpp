// SPDX-License-Identifier: Apache-2.0
//
// What a client may publish and subscribe to, according to the rules (PermissionRule).
//
// The semantics are those of NATS, except where nats-server 2.9 is more permissive: there, `foo.*`
// allows a subscription to `foo.>`, and messages on denied subjects reach a subscription that
// covers these subjects only in part.
//
// In addition, inboxes are private (inbox_subject.hpp): only root, the hub's own user, and a client
// whose allow list contains exactly `_INBOX.>` may receive all of them.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include <hallway/hub_rules.hpp>
#include <hallway/peer.hpp>

namespace hallway::hub {

/// The combined permissions of all rules that apply to one peer.
class Permissions {
 public:
  /// @param rules    valid, and resolved
  /// @param trusted  root, or the hub's own user: may also receive inboxes and the links' subjects
  static Permissions of(const Peer& peer, std::span<const std::uint32_t> groups,
                        std::span<const PermissionRule> rules, bool trusted = false);

  /// From now on, only what both permissions allow is allowed. It is called if another user is
  /// responsible for the peer: acting through this peer must not give that user more rights.
  void restrict_to(Permissions other);

  [[nodiscard]] bool may_publish(std::string_view subject) const noexcept;

  enum class Subscribing : std::uint8_t {
    refused,
    whole,
    in_part,  ///< each message must be checked with may_receive()
  };
  /// Precondition: the subject is valid.
  [[nodiscard]] Subscribing may_subscribe(std::string_view subject) const noexcept;
  /// Whether a subscription that may_subscribe() admitted may receive a message on this subject.
  [[nodiscard]] bool may_receive(std::string_view subject) const noexcept;
  /// Whether a subscription that may_subscribe() admitted may receive messages to inboxes.
  [[nodiscard]] bool receives_inboxes(std::string_view subject) const noexcept;

 private:
  SubjectLists publish_;
  SubjectLists subscribe_;
  bool receives_all_inboxes_ = false;
  std::shared_ptr<const Permissions> responsible_;  // null unless restrict_to() was called
};

}  // namespace hallway::hub
