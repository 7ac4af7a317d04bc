// SPDX-License-Identifier: Apache-2.0
// Layer: link
//
// A link between a hub and a cluster of NATS servers: messages published on one side reach the
// subscribers of the other, so that the hubs of many machines become one bus. A link is an ordinary
// client of the hub, and a client of the cluster through libnats. It is a separate library
// (hallway::link), which is built only if libnats was found.
//
// What crosses. A message leaves on a subject that an export matches, and enters on one that an
// import matches. Both follow interest. The link subscribes to an import in the cluster only as far
// as the hub has subscribers for it (if `>` is imported and a client subscribes to `news.*`, the
// link subscribes to `news.*`). An export leaves only while some other hub of the cluster wants the
// subject. Hubs announce to each other what they want, on _HALLWAY.LINK. Programs that are clients
// of the cluster themselves do not, and the NATS protocol does not show a client what others
// subscribe to. What these programs are to receive is exported `always`. Subjects below _HALLWAY.
// and $SYS. never cross.
//
// Loops. A message that crosses carries the field
//     Hallway-Origin: ID      of the hub it was published in (INFO's server_id), or `nats`
// A message with this field does not leave again, and one with the id of the link's own hub does
// not enter. So several hubs may be on one cluster, and a hub on several clusters.
//
// Requests. On the way, the reply subject is replaced by one that leads to this link,
//     _HALLWAY.REPLY.<link>.<seal>.<the subject>
// The link forwards what is published to that to the original subject, whether or not an export or
// import matches it. The seal is a keyed hash, so only subjects that the link gave out work. The
// hub delivers an answer from elsewhere with the rights of the client that sent the request
// ("Links" in hub.hpp). So requests, the 503 of a cluster without a subscriber, and the
// acknowledgements of JetStream work without further configuration. A reply subject that crosses by
// itself is not replaced: one that an import matches in a request that leaves, and one that an
// `always` matches in one that enters.
//
// Accounts. A NATS server with accounts keeps their messages apart. LinkOptions::accounts gives the
// publishers of this machine credentials of their own: what a client publishes in the hub leaves on
// the connection of the first account whose rules admit the client's uid, and on the link's own
// connection if none does. While an account's connection is away, its messages wait for it or are
// lost; they never leave under other credentials. A request leaves in the same way, and its answers
// return over the same connection. Answers to requests from the cluster leave on the connection
// that the request came on. Everything else uses the link's own connection: imports, the
// announcements of hubs to each other, and therefore the decision whether one of
// LinkOptions::exports is wanted. So a message that leaves under an account reaches another hub
// only if the server exports its subject from that account to the one of that hub's link. The order
// of messages is kept within an account, and not between accounts.
//
// Trust. The link does not trust what a server sends. A message enters only if its subject matches
// an import and the subscription that the server sent it for. Its reply subject must not be below
// `$`, except for acknowledgements and flow control of JetStream, nor below _HALLWAY., except for
// other links' answers. A client of the cluster that sends a request chooses the subject to which
// this link publishes the answer. The link's user in the cluster should therefore have no more
// rights than any of those clients.
//
// Losses. The hub never waits for the link, and the link never waits for the cluster. While the
// cluster is away or slow, messages wait in up to LinkOptions::outbound bytes; the rest are dropped
// and counted. Messages that a server was given but had not confirmed when it went away are not
// sent again, because they may have arrived. They count as unconfirmed. A queue group belongs to
// one hub: each hub that imports the subject gives the message to one of its members. Where exports
// overlap, messages that match two of them may overtake each other.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <hallway/address.hpp>
#include <hallway/bytes.hpp>
#include <hallway/detail/gcc12.hpp>
#include <hallway/error.hpp>
#include <hallway/hub_client.hpp>
#include <hallway/limits.hpp>
#include <hallway/loop.hpp>
#include <hallway/overflow_policy.hpp>
#include <hallway/peer.hpp>
#include <hallway/task.hpp>

namespace hallway {

/// Something the program may want to log.
struct LinkEvent {
  enum class Kind : std::uint8_t {
    up,            ///< connected; `about` names the server
    reconnecting,  ///< the connection was lost; the link is making another
    down,          ///< an attempt to connect failed, or the server refused the link; it tries again
    complaint,     ///< the cluster or the hub refused something, for example a subject that is not
                   ///< permitted
    hub_away,      ///< the hub went away; the link tries to reconnect
    hub_back,      ///< the link is connected to the hub again
  };
  Kind kind;
  Error about;
  std::string account = {};  ///< the name of the LinkAccount; empty: the link's own connection
};

/// What a link can do with a message to the cluster for which there is no room.
inline constexpr std::array link_policies{OverflowPolicy::drop_oldest, OverflowPolicy::drop_newest};

struct LinkTls {
  bool required = false;         ///< also if no URL begins with tls://; one such URL requires it
                                 ///< for all
  std::string ca = {};           ///< a file of trusted certificates; empty: the system's
  std::string certificate = {};  ///< the link's own, a file, with its chain
  std::string key = {};          ///< a file
};

/// How far a link has processed what its hub gave it. Another process that is given this can
/// replace the link: what the ended one had not settled counts there as lost.
struct LinkProgress {
  std::string id = {};  ///< by which the hub knows the link; empty: there was no link before
  /// Messages from the hub that are in a counter of LinkStatistics, or that were not to leave. 0
  /// once the connection to the hub was lost: then all that the hub gave the link since counts as
  /// lost.
  std::uint64_t settled = 0;
};

/// The largest number of accounts of a link. Each takes a connection to a server, two threads, and
/// up to LinkOptions::outbound bytes of waiting messages.
inline constexpr std::size_t max_link_accounts = 32;

/// Whether a name, user, password or token can be given to a server. libnats 3.4.1 writes it
/// between quotes into its CONNECT, without escaping it: a control byte, a " and a \ cannot be
/// sent.
[[nodiscard]] constexpr bool can_be_sent(ByteView text) noexcept {
  return std::ranges::none_of(text, [](char byte) {
    return static_cast<unsigned char>(byte) < 0x20 || byte == 0x7f || byte == '"' || byte == '\\';
  });
}

/// Credentials under which the messages of some publishers leave; see "Accounts" above.
struct LinkAccount {
  /// The publishers: any rule but one for a group, because the hub reports to a link the uid of a
  /// publisher and not its groups. same_uid() is the user of the link's own process.
  std::vector<AllowRule> who = {};
  /// In events, statistics and the servers' lists of connections; see shown_name(). No two accounts
  /// have the same.
  std::string name = {};
  // As in LinkOptions. At least one of user, token and credentials is given.
  std::string user = {};
  std::string password = {};
  std::string token = {};
  std::string credentials = {};  ///< a .creds file

  /// The name or, if that is empty, the rules: "uid:alice,uid:1001".
  [[nodiscard]] std::string shown_name() const {
    if (!name.empty()) return name;
    std::string rules;
    for (const AllowRule& rule : who) rules += (rules.empty() ? "" : ",") + rule.to_string();
    return rules;
  }

  /// Whether it has every publisher, so that no account behind it has any.
  [[nodiscard]] bool is_for_all() const noexcept {
    return std::ranges::find(who, AllowRule::Kind::any, &AllowRule::kind) != who.end();
  }
};

struct LinkOptions {
  /// As in server_url.hpp: nats://HOST:PORT or tls://HOST:PORT, with USER:PASSWORD@ if needed. They
  /// are tried in any order.
  std::vector<std::string> urls;
  /// Patterns that leave if another hub wants them. Subjects below `$SYS` and `_HALLWAY` never
  /// cross a link, in either direction: `>` covers all others.
  std::vector<std::string> exports = {};
  std::vector<std::string> always = {};   ///< patterns that always leave
  std::vector<std::string> imports = {};  ///< patterns that enter
  std::string name = "hallway";           ///< reported to the servers

  std::string user = {};
  std::string password = {};
  std::string token = {};
  std::string credentials = {};  ///< a .creds file
  /// Other credentials for the messages of some publishers. Their connections do not use the user
  /// and password in a URL. max_link_accounts at most.
  std::vector<LinkAccount> accounts = {};
  LinkTls tls = {};

  /// Bounds of the random waits between attempts to connect. `attempts` is ignored here.
  hub::Reconnect reconnect = {};
  Duration connect_time = std::chrono::seconds(2);  ///< for each attempt, and each server
  /// How often hubs announce themselves to each other. After three intervals of silence a hub's
  /// interest is forgotten. All hubs must use the same value.
  Duration heartbeat = std::chrono::seconds(5);

  std::size_t outbound = 8 * mebibyte;  ///< bytes of messages that may wait to leave, of each
                                        ///< account and of the link's own connection
  bool keep_while_away = true;          ///< false: they are dropped while the cluster is away
  OverflowPolicy overflow = OverflowPolicy::drop_newest;  ///< of these; one of link_policies
  std::size_t inbound = 8 * mebibyte;  ///< bytes of messages that may wait to enter, from each
                                       ///< connection; above it, drop_newest

  /// The last known progress of the link that this one replaces, within a minute.
  LinkProgress predecessor = {};

  /// Called on the loop. It must not throw, nor destroy the link: post() that.
  std::function<void(const LinkEvent&)> on_event = {};
};

/// Numbers of messages since the link started that left, or were to leave, under one of the
/// accounts; `kept` is the number now.
struct LinkAccountStatistics {
  std::string name = {};          ///< of the LinkAccount
  std::uint64_t out = 0;          ///< confirmed by a server
  std::uint64_t dropped_out = 0;  ///< because there was no room, because its connection was away,
                                  ///< or because the message was too large for the server
  std::uint64_t unconfirmed = 0;  ///< possibly lost: the server went away with them
  std::uint64_t kept = 0;         ///< waiting to leave now
  std::uint64_t connects = 0;     ///< how often it connected to a server
  bool up = false;
};

/// Numbers of messages since the link started; `kept` is the number now. Those of all accounts are
/// included.
struct LinkStatistics {
  std::uint64_t out = 0;  ///< confirmed by a server
  std::uint64_t in = 0;   ///< published in the hub
  /// Dropped because there was no room, because the cluster was away, because the message was too
  /// large for it, or because it was published in the hub while the link was not connected to the
  /// hub.
  std::uint64_t dropped_out = 0;
  std::uint64_t dropped_in = 0;
  /// From the cluster: on a subject that no import matches or that the link did not ask the server
  /// for, or with a reply subject to which no answer is allowed.
  std::uint64_t refused_in = 0;
  std::uint64_t refused_out = 0;    ///< answers to subjects that this link did not give out
  std::uint64_t unconfirmed = 0;    ///< possibly lost: the server went away with them
  std::uint64_t kept = 0;           ///< waiting to leave now
  std::uint64_t loops_stopped = 0;  ///< not forwarded because they had crossed before
  std::uint64_t connects = 0;       ///< how often the link connected to a server
  bool up = false;                  ///< its own connection, without the accounts
  std::vector<LinkAccountStatistics> accounts = {};  ///< in the order of LinkOptions::accounts
};

/// Movable, not copyable. The loop outlives it, and everything belongs to the loop's thread. When
/// the loop drains, the link sends what waits to leave before it ends.
class Link {
 public:
  /// Completes when the hub has accepted the link. The link connects to the cluster after that.
  /// @errors invalid_argument: no URL or an invalid one, a pattern that is invalid or that matches
  ///         no subject a link forwards (subject.hpp), a first wait above the longest, an
  ///         unsupported overflow policy, a name or secret that cannot be sent (can_be_sent()), an
  ///         account without rules or credentials, behind one that has every publisher, with a rule
  ///         for a group, or with a name that another has, or too many accounts; and as
  ///         AllowRule::resolved() and hub::Client::connect()
  /// Blocking: looks up users that the rules of accounts name and that are not resolved().
  /// The options are copied. GCC 12 requires that they have a name.
  static Task<Result<Link>> start(Loop& loop, AddressSpec hub, const LinkOptions& options);
#if HALLWAY_GCC12_COROUTINES
  template <typename O = LinkOptions>
    requires std::same_as<O, LinkOptions>
  static Task<Result<Link>> start(Loop& loop, AddressSpec hub, O&& options) {
    static_assert(!std::same_as<O, LinkOptions>,
                  "GCC 12 destroys such options twice: give them a name first: "
                  "const LinkOptions options{...}");
    return start(loop, std::move(hub), std::as_const(options));
  }
#endif

  Link(Link&&) noexcept;
  Link& operator=(Link&&) noexcept;
  /// Ends at once: what waits is lost. Blocking: while the link is connecting to a server, for
  /// LinkOptions::connect_time and half a second at most. A name look-up may take longer. Its
  /// thread is then abandoned, and end_threads() does not wait for it either.
  ~Link();

  [[nodiscard]] LinkStatistics statistics() const;
  [[nodiscard]] LinkProgress progress() const;

  /// Ends the threads that libnats keeps after the last link, so that they do not still run when
  /// the program ends and OpenSSL frees its data. For programs that use libnats through links only,
  /// once no link is left. Blocking.
  /// @return whether they ended in time
  static bool end_threads(Duration within);

 private:
  class Core;
  explicit Link(std::shared_ptr<Core> core) noexcept;
  static Task<Result<Link>> start_with(Loop& loop, AddressSpec hub, LinkOptions options);

  std::shared_ptr<Core> core_;
};

}  // namespace hallway
