// SPDX-License-Identifier: Apache-2.0
// Layer: hub
//
// A hub: subjects that the processes of one machine publish and subscribe to, over the client
// protocol of NATS (https://docs.nats.io/reference/reference-protocols/nats-protocol). Whatever
// speaks that protocol over a Unix socket is a client, `nc -U` too:
//
//     < INFO {"server_id":...}
//     > SUB news.* 1
//     < +OK
//     > PUB news.today 5
//     > hello
//     < MSG news.today 1 5
//     < hello
//
// It says what nats-server 2.9 says, errors and closed connections included. What it adds:
//
// PidStatus. Who somebody is, is the kernel's word (peer.hpp); the credentials in a CONNECT are not
// looked at. A message on a stamped subject (HubRules::stamped) reaches those who take headers
// with the fields
//     Hallway-Uid         proof: the kernel noted it when the publisher connected
//     Hallway-Pid         a hint: noted then as well, but the process may have ended or passed its
//                         socket on, and it is a number of the hub's pid namespace
//     Hallway-Executable  a hint: the program that ran there at the first stamped message, which
//                         may be another one by now; where we may read it, and the process is
//                         certain to be that which connected
// A program that decides about rights looks at the uid only. No publisher can forge one of them:
// what it sends of that name is removed, whatever the subject. What a link publishes has none of
// these, because no process of this machine published it: it has
//     Hallway-Origin      a hint: the id of the hub it was published in, or `nats`, as the cluster
//                         says
// in their place.
//
// Full queues. What a subscriber does not read waits, first for its connection, then for each of
// its subscriptions. When that is full, the subscription's policy decides: the first DeliveryRule
// about it, or else what the client asked for in its CONNECT,
//     CONNECT {"verbose":false,"full":"drop_oldest"}
// or else DeliveryPolicy::disconnect, with -ERR 'Slow Consumer'. Under `disconnect`, publishers are
// not read from while more than three quarters of the queue are taken, as long as the subscriber
// takes HubLimits::least_rate: who reads loses nothing to a burst, and who does not is cut. A rule
// may say `wait`: then they wait until there is room, however long that is; who takes nothing for
// HubLimits::slow_time meanwhile is cut. At the word of a client, `wait` is `disconnect`.
// Order is kept within a subscription, and between subscriptions as long as nothing waits.
//
// Shares. Connections, memory and the loop's time are shared out by uid: see HubLimits, and for the
// sum of it all docs/LIMITS.md. In each turn of the loop what one uid's clients have said is dealt
// with for 2 ms, and goes on in the next turn. A client in another user namespace has the share of
// the user to whom /etc/subuid gives its uid, or else of the namespace's root; and what the rules
// forbid that user they forbid the client, too.
//
// Gaps. A subscription that lost messages is told so in their place, with a message to its own sid:
//     MSG $SYS.HUB.GAP 1 2
//     12
// twelve messages are missing here. It does not count for UNSUB's max.
//
// Interest. A subscription to $SYS.HUB.INTEREST, which only root and the hub's own user may have,
// is told which subjects somebody subscribes to: at once all of them, then what changes, in lines
//     =ID         all that was known before is void; ID is that of the hub in its INFO
//     +news.*     somebody subscribes to it
//     -news.*     nobody does any more
// Several lines come in one message. Wildcards as in `>` do not match this subject. Subscriptions
// in a queue group below _HALLWAY.LINK do not count: they are of programs that pass messages on.
// A listener that does not read is not cut: it is told later, and then only what still differs from
// what it was told before.
//
// Links. A client that passes messages on to others and back (link.hpp) says so in its CONNECT,
//     CONNECT {"link":"ID"}
// which only root and the hub's own user may. Subjects and queue groups below _HALLWAY. are for
// these users; others may only publish below _HALLWAY.REPLY., where they answer requests that came
// over a link, and wildcards of theirs do not match these subjects. A queue group below
// _HALLWAY.LINK belongs to its connection: that of another has none of its messages, whatever its
// name. A link sees a reply subject S as
//     _HALLWAY.ASKED.HUB.CONNECTION.S
// and publishes the answer to that. It is delivered with the rights of the client that asked: to S,
// where that client may publish to it by then, and else only to a subscription of its own to S.
// Where it has neither, or has gone, the answer is counted as refused.
//
// Inboxes. Messages to `_INBOX.NAME` and below reach subscriptions that say NAME. Patterns with a
// wildcard in its place are refused, and others that would match by a wildcard, such as `>`, do not
// match, except for root, the hub's own user, and whom a PermissionRule allows to subscribe to
// `_INBOX.>` in just these words. Everybody may publish to an inbox, so that requests can be
// answered; HubRules::stamped says who did.
//
// Statistics. A request to $SYS.HUB.STATS is answered with HubStatistics as a JSON object, and in
// its member "users" with UserStatistics: of all users to root and the hub's own user, to others of
// themselves. It is answered as soon
// as the hub has nothing else to do: what arrived before is counted. Where that takes longer than
// 100 ms, it is answered then; a client's requests are answered one after the other. Nobody can
// publish to other subjects below $SYS.HUB.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <hallway/address.hpp>
#include <hallway/error.hpp>
#include <hallway/export.hpp>
#include <hallway/hub_rules.hpp>
#include <hallway/limits.hpp>
#include <hallway/loop.hpp>
#include <hallway/peer.hpp>
#include <hallway/server.hpp>

namespace hallway {

/// Something a client did or suffered that the program may want to log.
struct HubEvent {
  enum class Kind : std::uint8_t {
    violation,      ///< it published or subscribed where it may not; it goes on
    slow_consumer,  ///< it did not read, and is cut
    refused,        ///< it broke the protocol or ran into a limit; `reason` is what it was told
  };
  Kind kind;
  std::uint64_t connection;  ///< its number, as in ServerEvent
  Peer peer;
  std::string reason;
};

struct HubOptions {
  std::string name = {};  ///< INFO's server_name; empty: the address
  HubLimits limits = {};
  HubRules rules = {};
  // As in ServerOptions.
  unsigned mode = defaults::mode;
  std::string owner = {};
  std::string group = {};
  PathLost on_path_lost = PathLost::report;
  bool takeover = false;
  int backlog = defaults::backlog;
  /// Patterns of what a link to come will take. Until it is there, what is published on them counts
  /// as lost by that link (LinkStatistics::dropped_out). For who starts a hub and then its link.
  std::vector<std::string> awaited_exports = {};
  /// Connections that come and go, and whatever else happens to the socket. As in ServerOptions.
  std::function<void(const ServerEvent&)> on_event = {};
  /// The same for what happens between the hub and a client.
  std::function<void(const HubEvent&)> on_hub_event = {};
};

/// Since the hub began, but for the first two.
struct HubStatistics {
  std::uint64_t connections = 0;    ///< that there are
  std::uint64_t subscriptions = 0;  ///< that there are
  std::uint64_t connections_total = 0;
  std::uint64_t messages_in = 0;   ///< published
  std::uint64_t bytes_in = 0;      ///< of them: headers and payloads
  std::uint64_t messages_out = 0;  ///< handed to connections
  std::uint64_t bytes_out = 0;     ///< of them, with their lines
  std::uint64_t dropped = 0;       ///< each is in a gap
  std::uint64_t superseded = 0;    ///< latest_only: not the latest any more
  std::uint64_t slow_consumers = 0;
  std::uint64_t violations = 0;
  /// That a link brought back to a client that has gone, or that may neither publish nor listen to
  /// the subject it had asked to be answered on.
  std::uint64_t answers_refused = 0;
};

struct SubscriptionStatistics {
  std::uint64_t connection = 0;
  Peer peer;
  std::string subject;
  std::string group;  ///< the queue group; empty: none
  DeliveryPolicy policy = DeliveryPolicy::disconnect;
  std::uint64_t waiting = 0;  ///< messages
  std::uint64_t delivered = 0;
  std::uint64_t bytes = 0;  ///< of them
  std::uint64_t dropped = 0;
  std::uint64_t superseded = 0;
};

/// What the clients of one uid take up now, and have taken since its first one that is there came.
struct UserStatistics {
  std::uint32_t uid = 0;
  std::uint64_t connections = 0;  ///< those whose last bytes are not read yet among them
  std::uint64_t subscriptions = 0;
  std::uint64_t memory = 0;        ///< bytes; see HubLimits::memory
  std::uint64_t memory_share = 0;  ///< the most it may have now
  Duration loop_time{};            ///< that the hub spent on what they said
  std::uint64_t held_back = 0;     ///< how often one waited for a turn, a reader or memory
};

/// Movable, not copyable. The loop outlives it, and everything belongs to the loop's thread. Ends
/// as a Server does: at once with the object, or calmly when it drains.
///
///     Loop loop;
///     auto hub = Hub::start(loop, "/run/hub.sock");
///     if (!hub) return report(hub.error());
///     loop.drain_on({SIGINT, SIGTERM});
///     return loop.run();
class HALLWAY_EXPORT Hub {
 public:
  /// @errors those of Server::open() and of set_rules()
  static Result<Hub> start(Loop& loop, const AddressSpec& address, HubOptions options = {});

  Hub(Hub&&) noexcept;
  Hub& operator=(Hub&&) noexcept;
  ~Hub();

  /// Other rules from now on. Permissions count at once: a subscription that is not allowed any
  /// more ends with a violation. Connections that are there stay, and each subscription keeps
  /// the policy it began with.
  /// @errors as HubRules::resolved(). Nothing has changed then.
  /// Blocking: name look-ups; never, where the rules come from HubRules::resolved().
  Result<void> set_rules(const HubRules& rules);

  [[nodiscard]] HubStatistics statistics() const;
  [[nodiscard]] std::vector<SubscriptionStatistics> subscriptions() const;
  [[nodiscard]] std::vector<UserStatistics> users() const;

  /// Clients are told (INFO with "ldm":true), what they have sent is still published, and what
  /// waits for them delivered; then their connections are closed. As when the loop drains.
  void drain();

  [[nodiscard]] const Address& address() const noexcept;

 private:
  class Core;
  explicit Hub(std::unique_ptr<Core> core) noexcept;

  std::unique_ptr<Core> core_;
};

}  // namespace hallway
