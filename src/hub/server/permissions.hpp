// SPDX-License-Identifier: Apache-2.0
//
// Who may publish and subscribe to what, by the rules (PermissionRule).
//
// They are as NATS has them, except where nats-server 2.9 is generous: there `foo.*` allows to
// subscribe to `foo.>`, and what is denied gets through to a subscription that only partly covers
// it.
//
// Besides, inboxes are private (inbox_subject.hpp): all of them are heard by root, the hub's own
// user, and whom a rule allows to subscribe to `_INBOX.>` in just these words.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include <hallway/hub_rules.hpp>
#include <hallway/peer.hpp>

namespace hallway::hub {

/// What all rules say about one peer.
class Permissions {
 public:
  /// @param rules    valid, and resolved
  /// @param trusted  root, or the hub's own user: it may also hear inboxes and what links say
  static Permissions of(const Peer& peer, std::span<const std::uint32_t> groups,
                        std::span<const PermissionRule> rules, bool trusted = false);

  /// From now on what only one of both allows is not allowed: somebody else answers for the peer,
  /// who has no more rights by it.
  void restrict_to(Permissions other);

  [[nodiscard]] bool may_publish(std::string_view subject) const noexcept;

  enum class Subscribing : std::uint8_t {
    refused,
    whole,
    in_part,  ///< each message that comes is to be asked for: may_receive()
  };
  /// Precondition: the subject is valid.
  [[nodiscard]] Subscribing may_subscribe(std::string_view subject) const noexcept;
  /// A message to a subscription that may_subscribe() admitted.
  [[nodiscard]] bool may_receive(std::string_view subject) const noexcept;
  /// Whether a subscription that may_subscribe() admitted gets messages to inboxes.
  [[nodiscard]] bool hears_inboxes(std::string_view subject) const noexcept;

 private:
  SubjectLists publish_;
  SubjectLists subscribe_;
  bool hears_all_inboxes_ = false;
  std::shared_ptr<const Permissions> responsible_;  // null: nobody else answers for it
};

}  // namespace hallway::hub
