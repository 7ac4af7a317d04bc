// SPDX-License-Identifier: Apache-2.0
// Layer: hub
//
// A hub: subjects that the processes of one machine publish and subscribe to, over the client
// protocol of NATS (https://docs.nats.io/reference/reference-protocols/nats-protocol). Any program
// that speaks that protocol over a Unix socket is a client, including `nc -U`, and any that speaks
// it over TCP, if the hub listens there (see TCP below):
//
//     < INFO {"server_id":...}
//     > SUB news.* 1
//     < +OK
//     > PUB news.today 5
//     > hello
//     < MSG news.today 1 5
//     < hello
//
// It answers as nats-server 2.9 does, including the errors and the connections it closes. It adds:
//
// Identity. The kernel reports the identity of a client (peer.hpp); the hub ignores the credentials
// in a CONNECT. A message on a stamped subject (HubRules::stamped) reaches subscribers that accept
// headers with the fields
//     Hallway-Uid         proof: the kernel recorded it when the publisher connected
//     Hallway-Pid         a hint: also recorded then, but the process may have ended or passed its
//                         socket on, and it is a number of the hub's pid namespace
//     Hallway-Executable  a hint: the program that the publisher ran at its first stamped message;
//                         it may run another one by now. Present if the hub may read it and the
//                         process is certain to be the one that connected
// A program that decides about rights uses the uid only. A publisher cannot forge these fields: the
// hub removes fields of these names from what it sends, whatever the subject. A message that a link
// publishes has none of them, because no process of this machine published it. It has
//     Hallway-Origin      a hint: the id of the hub it was published in, or `nats`, as the cluster
//                         reports it
// instead.
//
// TCP. A hub opens no Internet socket unless HubOptions::listen names one, such as
// "tcp:127.0.0.1:4222". NATS clients that know nothing but TCP then use the hub unchanged, with
// nats://127.0.0.1:4222. Their sessions are the same. Of such a client the kernel's table of
// sockets shows the uid (Linux 5.14), and no gid, groups or pid. So:
// - Rules for a uid, for our own uid and for root match it; rules for a group never do. Its
// messages
//   on a stamped subject have Hallway-Uid alone.
// - A port has no permissions: like an abstract name, it admits our own uid and root, and others
//   only by HubRules::allow.
// - The uid is that of the process that made the socket. A process that connects for others, such
// as
//   a proxy, makes them its own user.
// - A client whose user cannot be determined is turned away, with the reason as an event. That is
//   the case once it has closed or half-closed its connection: it must wait for INFO first, as
//   every NATS client does (`nc -N` does not).
// - A client that speaks another protocol, such as a browser, is disconnected at the first byte
// that
//   NATS does not have, and nothing after it is read.
// HubOptions::listen_anywhere permits addresses that other machines reach. Their clients have no
// uid here (Peer::overflow_uid): only the rule `any` admits them. Nothing is encrypted.
//
// Full queues. Messages that a subscriber does not read wait, first in the queue of its connection,
// then in the queue of each of its subscriptions. When that is full, the subscription's policy
// decides: the first DeliveryRule that applies to it, or else what the client requested in its
// CONNECT,
//     CONNECT {"verbose":false,"full":"drop_oldest"}
// or else OverflowPolicy::disconnect, with -ERR 'Slow Consumer'. Under `disconnect`, the hub stops
// reading from publishers while more than three quarters of the queue are used, as long as the
// subscriber takes at least HubLimits::min_rate. A subscriber that reads loses nothing to a
// burst, and one that does not is disconnected. A rule may choose `wait`: then publishers wait
// until there is room, without a time limit, and a subscriber that meanwhile takes nothing for
// HubLimits::slow_time is disconnected. When a client requests `wait`, it gets `disconnect`. Order
// is kept within a subscription, and between subscriptions as long as nothing waits.
//
// Shares. Connections, memory and the loop's time are shared out by uid: see HubLimits, and
// docs/LIMITS.md for the totals. In each turn of the loop the hub works for at most 2 ms on what
// the clients of one uid have sent, and continues in the next turn. A client in another user
// namespace uses the share of the user that /etc/subuid assigns its uid to, or else of the
// namespace's root. What the rules forbid that user they also forbid the client.
//
// Gaps. A subscription that lost messages receives, in their place, a message to its own sid:
//     MSG $SYS.HUB.GAP 1 2
//     12
// Twelve messages are missing here. The notice does not count for UNSUB's max.
//
// Interest. A subscription to $SYS.HUB.INTEREST, allowed only to root and the hub's own user,
// receives the subjects that have subscribers: first all of them, then each change, in lines
//     =ID         discard everything received before; ID is that of the hub in its INFO
//     +news.*     the subject now has a subscriber
//     -news.*     the subject no longer has one
// One message may hold several lines. Wildcards such as `>` do not match this subject.
// Subscriptions in a queue group below _HALLWAY.LINK do not count: they belong to programs that
// forward messages. A subscriber to this subject that does not read is not disconnected: it gets
// the changes later, and then only what still differs from what it last received.
//
// Links. A client that forwards messages to other hubs and back (link.hpp) declares it in its
// CONNECT,
//     CONNECT {"link":"ID"}
// which is allowed only to root and the hub's own user. Subjects and queue groups below _HALLWAY.
// are reserved for these users. Other users may only publish below _HALLWAY.REPLY., to answer
// requests that came over a link, and their wildcards do not match these subjects. A queue group
// below _HALLWAY.LINK belongs to its connection: a group of the same name on another connection is
// a different group. A link sees a reply subject S as
//     _HALLWAY.ASKED.HUB.CONNECTION.S
// and publishes the answer to that. The hub delivers the answer with the rights of the client that
// sent the request: to S, if that client may then publish to S, and else only to that client's own
// subscription to S. If the client has neither, or has gone, the answer is counted as refused.
//
// A link that sends {"link":"ID","publishers":true} also receives the uid of the client that
// published each message. Its reply subject is then
//     _HALLWAY.BY.UID                                  without a reply subject S
//     _HALLWAY.BY.UID._HALLWAY.ASKED.HUB.CONNECTION.S  with one
// and the link publishes the answer to the part from _HALLWAY.ASKED on.
//
// Inboxes. Messages to `_INBOX.NAME` and below reach only subscriptions that spell out NAME.
// Patterns with a wildcard in its place are refused, and others that would match by a wildcard,
// such as `>`, do not match. The exceptions are root, the hub's own user, and users that a
// PermissionRule allows to subscribe to exactly `_INBOX.>`. Every client may publish to an inbox,
// so that it can answer requests; HubRules::stamped identifies the publisher.
//
// Retained values. The last message on each subject that a RetainRule names stays for subscribers
// that come later. A new subscription gets the values of all subjects that it matches and that its
// client may receive, in the order in which they were published, before any later message and
// before the reply to any later operation of the client. They count towards UNSUB's max. Clients
// that accept headers get each with the field
//     Hallway-Retained    the age of the value in seconds, with three decimals, as in 12.345
// which no publisher can set, and which a message that was published after the subscription does
// not have. The other fields are those of the message when it was published, its publisher's
// identity included; a header that is not valid is left out. Other clients get a plain MSG. Reply
// subjects are not retained. A message without a payload deletes the value. A client that wants no
// echo does not get the values that its own connection published. Members of queue groups and links
// get none. Messages to inboxes and to subjects below $SYS. and _HALLWAY. are never retained.
// Messages that a link brings are retained as any others, and count for the link's user.
// RetainLimits bounds the values. They are kept in memory: a takeover passes them to the successor,
// whose rules decide which of them it keeps, and a hub that ends otherwise loses them. What a hub
// that was taken over reads while it drains also reaches its successor: each such message becomes
// the value of its subject unless that has a later one, and is delivered to the subscribers there.
//
// Statistics. The hub answers a request to $SYS.HUB.STATS with HubStatistics as a JSON object. Its
// member "users" holds UserStatistics: of all users for root and the hub's own user, and only their
// own for others. The members about retained values are there if the hub has a RetainRule. The hub
// answers when it has nothing else to do, so that everything that arrived before is counted, or
// after 100 ms if it is still busy. It answers the requests of one client one after the other.
//
// Counts. The hub answers a request to $SYS.HUB.DELIVERED with the number of subscriptions that got
// the last message of this client, and a request to $SYS.HUB.MATCHES with the number of those that
// match the subject in its payload now, as a JSON object:
//     {"subscriptions":2,"links":0}
// Links are counted apart: what they forward may reach any number of subscriptions, or none.
// A message goes to one member of each queue group, so $SYS.HUB.DELIVERED counts one, and
// $SYS.HUB.MATCHES counts all members. A subscription whose full queue dropped the message counts.
// The answers are in order: nothing that this client published later is part of them. Rules do not
// apply to these two subjects, but a client may ask only about a subject that it may publish to.
// No client can publish to other subjects below $SYS.HUB.
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
#include <hallway/listener.hpp>
#include <hallway/loop.hpp>
#include <hallway/overflow_policy.hpp>
#include <hallway/peer.hpp>
#include <hallway/server.hpp>

namespace hallway {

/// An action or a failure of a client that the program may want to log.
struct HubEvent {
  enum class Kind : std::uint8_t {
    violation,      ///< it published or subscribed where it may not; it stays connected
    slow_consumer,  ///< it did not read, and is disconnected
    refused,        ///< it broke the protocol or reached a limit; `reason` is what was sent to it
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
  SocketFileOptions file = {};
  PathLost on_path_lost = PathLost::report;
  bool takeover = false;
  int backlog = defaults::backlog;
  /// Where the hub also listens over TCP: "tcp:127.0.0.1:4222", "tcp:[::1]:4222" (port 0: the
  /// kernel picks one), or a listening socket that was inherited, "fd:N" or "activation[:NAME]",
  /// which adopts all TCP sockets of that name. At most bounds::max_tcp_listeners. With `takeover`,
  /// the running hub hands over those of its TCP listeners that are in this list; an inherited one
  /// stays with the process that made it.
  std::vector<std::string> listen = {};
  bool listen_anywhere = false;  ///< `listen` may have addresses other than 127.0.0.0/8 and ::1
  /// Patterns that a link will export once it connects. Until then, messages published on them
  /// count as dropped by that link (LinkStatistics::dropped_out). For a program that starts a hub
  /// and then its link.
  std::vector<std::string> awaited_exports = {};
  /// Connections that open and close, and other events of the socket. As in ServerOptions.
  std::function<void(const ServerEvent&)> on_event = {};
  /// The same for events between the hub and a client.
  std::function<void(const HubEvent&)> on_hub_event = {};
};

/// Counted since the hub started, except for what is open or retained now.
struct HubStatistics {
  std::uint64_t connections = 0;    ///< open now
  std::uint64_t subscriptions = 0;  ///< open now
  std::uint64_t connections_total = 0;
  std::uint64_t messages_in = 0;   ///< published
  std::uint64_t bytes_in = 0;      ///< of these messages: headers and payloads
  std::uint64_t messages_out = 0;  ///< handed to connections
  std::uint64_t bytes_out = 0;     ///< of these messages, with their protocol lines
  std::uint64_t dropped = 0;       ///< each is reported in a gap
  std::uint64_t superseded = 0;    ///< latest_only: replaced by a later message
  std::uint64_t slow_consumers = 0;
  std::uint64_t violations = 0;
  /// Answers from a link to a client that has gone, or that may neither publish nor subscribe to
  /// the reply subject of its request.
  std::uint64_t answers_refused = 0;
  std::uint64_t retained = 0;         ///< values now; see "Retained values"
  std::uint64_t retained_memory = 0;  ///< bytes now; see RetainLimits
  /// Values lost because a limit of RetainLimits was reached, or for lack of memory.
  std::uint64_t retained_evicted = 0;
};

struct SubscriptionStatistics {
  std::uint64_t connection = 0;
  Peer peer;
  std::string subject;
  std::string group;  ///< the queue group; empty: none
  OverflowPolicy overflow = OverflowPolicy::disconnect;
  std::uint64_t waiting = 0;  ///< messages
  std::uint64_t delivered = 0;
  std::uint64_t bytes = 0;  ///< of the delivered messages
  std::uint64_t dropped = 0;
  std::uint64_t superseded = 0;
};

/// What the clients of one uid use now, and totals since its first client connected. The totals
/// start again once all its clients have gone. A uid without clients is listed while it has
/// retained values.
struct UserStatistics {
  std::uint32_t uid = 0;
  std::uint64_t connections = 0;  ///< includes closed ones whose last bytes are not read yet
  std::uint64_t subscriptions = 0;
  std::uint64_t memory = 0;           ///< bytes; see HubLimits::max_memory
  std::uint64_t memory_share = 0;     ///< the most it may have now
  Duration loop_time{};               ///< that the hub spent on their operations
  std::uint64_t held_back = 0;        ///< how often one waited for a turn, a subscriber or memory
  std::uint64_t retained = 0;         ///< values that it published, now
  std::uint64_t retained_memory = 0;  ///< bytes of these values
  /// As in HubStatistics. It starts again once the user has no value left.
  std::uint64_t retained_evicted = 0;
};

/// Movable, not copyable. The loop outlives it, and everything belongs to the loop's thread. It
/// ends as a Server does: at once with the object, or gracefully when it drains.
///
///     Loop loop;
///     auto hub = Hub::start(loop, "/run/hub.sock");
///     if (!hub) return report(hub.error());
///     loop.drain_on({SIGINT, SIGTERM});
///     return loop.run();
class HALLWAY_EXPORT Hub {
 public:
  /// @errors those of Server::open() and of set_rules(). For HubOptions::listen: invalid_argument:
  ///         not such an address, or one that other machines reach; address_in_use: another program
  ///         has the port; address_not_available, permission_denied; those of an inherited socket,
  ///         as Listener::bind()
  static Result<Hub> start(Loop& loop, const AddressSpec& address, HubOptions options = {});

  Hub(Hub&&) noexcept;
  Hub& operator=(Hub&&) noexcept;
  ~Hub();

  /// Replaces the rules. Permissions apply at once: a subscription that is no longer allowed ends
  /// with a violation. Existing connections stay, and each subscription keeps the policy it began
  /// with. Retained values that no rule names any longer are dropped, and those over a new limit
  /// are lost, the oldest first.
  /// @errors as HubRules::resolved(). The old rules then stay in force.
  /// Blocking: name look-ups; never, if the rules come from HubRules::resolved().
  Result<void> set_rules(const HubRules& rules);

  [[nodiscard]] HubStatistics statistics() const;
  [[nodiscard]] std::vector<SubscriptionStatistics> subscriptions() const;
  [[nodiscard]] std::vector<UserStatistics> users() const;

  /// Notifies the clients (INFO with "ldm":true), publishes what they have sent, delivers what
  /// waits for them, and then closes their connections. A draining loop does the same.
  void drain();

  [[nodiscard]] const Address& address() const noexcept;
  /// Where it listens over TCP until it drains, in the order of HubOptions::listen and with the
  /// ports that the kernel picked: "tcp:127.0.0.1:4222".
  [[nodiscard]] std::vector<std::string> tcp_addresses() const;

 private:
  class Core;
  explicit Hub(std::unique_ptr<Core> core) noexcept;

  std::unique_ptr<Core> core_;
};

}  // namespace hallway
