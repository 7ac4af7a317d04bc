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

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <hallway/address.hpp>
#include <hallway/error.hpp>
#include <hallway/hub_client.hpp>
#include <hallway/limits.hpp>
#include <hallway/loop.hpp>
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
};

/// What happens to a message for which there is no room.
enum class LinkFull : std::uint8_t {
  drop_oldest,  ///< the messages that have waited longest are dropped to make room
  drop_newest,  ///< this message is dropped
};

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
  LinkTls tls = {};

  /// Bounds of the random waits between attempts to connect. `attempts` is ignored here.
  HubReconnect reconnect = {};
  Duration connect_time = std::chrono::seconds(2);  ///< for each attempt, and each server
  /// How often hubs announce themselves to each other. After three intervals of silence a hub's
  /// interest is forgotten. All hubs must use the same value.
  Duration heartbeat = std::chrono::seconds(5);

  std::size_t outbound = 8 * mebibyte;  ///< bytes of messages that may wait to leave
  bool keep_while_away = true;          ///< false: they are dropped while the cluster is away
  LinkFull full = LinkFull::drop_newest;
  std::size_t inbound = 8 * mebibyte;  ///< bytes of messages that may wait to enter; above it,
                                       ///< drop_newest

  /// The last known progress of the link that this one replaces, within a minute.
  LinkProgress predecessor = {};

  /// Called on the loop. It must not throw, nor destroy the link: post() that.
  std::function<void(const LinkEvent&)> on_event = {};
};

/// Numbers of messages since the link started; `kept` is the number now.
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
  bool up = false;
};

/// Movable, not copyable. The loop outlives it, and everything belongs to the loop's thread. When
/// the loop drains, the link sends what waits to leave before it ends.
class Link {
 public:
  /// Completes when the hub has accepted the link. The link connects to the cluster after that.
  /// @errors invalid_argument: no URL or an invalid one, a pattern that is invalid or that matches
  ///         no subject a link forwards (subject.hpp), a first wait above the longest, or a name or
  ///         secret that libnats cannot send; and as HubClient::connect()
  static Task<Result<Link>> start(Loop& loop, AddressSpec hub, LinkOptions options);

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

  std::shared_ptr<Core> core_;
};

}  // namespace hallway
