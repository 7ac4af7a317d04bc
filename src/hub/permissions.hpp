// SPDX-License-Identifier: Apache-2.0
//
// Who may publish and subscribe to what.
//
// Rules are data. Those that are about a peer add up: what any of them allows is allowed, unless
// one of them denies it. As soon as one of them has an allow list, nothing else is allowed; for
// whom there is none, everything is. An allow list may be empty: who is named by that rule alone
// may do nothing.
//
// So it is with NATS, except where nats-server 2.9 is generous: there `foo.*` allows to subscribe
// to `foo.>`, and what is denied gets through to a subscription that only partly covers it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <hallway/peer.hpp>

namespace hallway::hub {

/// Valid subjects, with wildcards.
struct SubjectLists {
  std::optional<std::vector<std::string>> allow;
  std::vector<std::string> deny;
};

struct PermissionRule {
  std::vector<AllowRule> who;  ///< resolved; the rule is about whom any of them admits
  SubjectLists publish;
  SubjectLists subscribe;
};

/// What all rules say about one peer.
class Permissions {
 public:
  static Permissions of(const Peer& peer, std::span<const std::uint32_t> groups,
                        std::span<const PermissionRule> rules);

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

 private:
  SubjectLists publish_;
  SubjectLists subscribe_;
};

}  // namespace hallway::hub
