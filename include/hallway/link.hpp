// SPDX-License-Identifier: Apache-2.0
// Layer: link
//
// A link between a hub and a cluster of NATS servers: what is published on one side reaches those
// who subscribe on the other, and many machines, each with a hub of its own, become one bus. It is
// a client of the hub like any other, and a client of the cluster by libnats; a library of its own
// (hallway::link) that is there where libnats was.
//
// What crosses. A message leaves on a subject that an export matches, and enters on one that an
// import matches. Both are followed by interest: an import is subscribed to in the cluster only as
// far as somebody subscribes to it in the hub (`>` imported and `news.*` subscribed to: `news.*`),
// and an export leaves only while some other hub of the cluster wants the subject. Hubs tell each
// other what they want, on _HALLWAY.LINK. Programs that are clients of the cluster themselves do
// not, and the NATS protocol tells no client what others subscribe to: what they are to get is
// exported `always`. Nothing below _HALLWAY. and $SYS. crosses.
//
// Loops. What crosses carries the field
//     Hallway-Origin: ID      of the hub it was published in (INFO's server_id), or `nats`
// A message that has it does not leave again, and one of our own hub does not enter. So several
// hubs may be on one cluster, and a hub on several clusters.
//
// Requests. The subject of an answer is replaced on the way by one that leads to this link,
//     _HALLWAY.REPLY.<link>.<seal>.<the subject>
// and what is published to that goes back to the subject itself, whether or not an export or import
// matches it; the seal is a keyed hash, so that only subjects we gave out work. The hub delivers an
// answer from elsewhere with the rights of the client that asked ("Links" in hub.hpp). So requests,
// a cluster without anybody who listens (503), and the acknowledgements of JetStream find their way
// without more configuration. The subject stays as it is where it crosses by itself: one that an
// import matches in a request that leaves, and one that an `always` matches in one that enters.
//
// Trust. What a server sends is not taken at its word. A message enters only if an import matches
// its subject, and if the subscription it came for does; and only if it wants no answer at a
// subject below `$`, but for acknowledgements and flow control of JetStream, nor below _HALLWAY.,
// but for other links' answers. A client of the cluster that asks chooses the subject to which this
// link publishes the answer: the link's user there should have no more rights than each of them.
//
// Losses. The hub never waits for the link, nor the link for the cluster. What is to leave while
// the cluster is away or slow waits in LinkOptions::outbound bytes, or is dropped and counted. What
// a server had been given when it went away and had not confirmed is not sent again, because it may
// have arrived: it counts as unconfirmed. A queue group is one of each hub: each hub that imports
// the subject gives the message to one of its members. Where exports overlap, messages that match
// two of them may overtake each other.
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
    reconnecting,  ///< the connection was lost; another is being made
    down,          ///< an attempt to connect failed, or the server refused us; we try again
    complaint,     ///< the cluster or the hub refuses something, as a subject that is not permitted
    hub_away,      ///< the hub went away; it is being looked for
    hub_back,      ///< it is there again
  };
  Kind kind;
  Error about;
};

/// What becomes of a message for which there is no room.
enum class LinkFull : std::uint8_t {
  drop_oldest,  ///< those that wait longest make room
  drop_newest,  ///< it is lost
};

struct LinkTls {
  bool required = false;         ///< also where no URL says tls://; one is enough for all
  std::string ca = {};           ///< a file of certificates to trust; empty: the system's
  std::string certificate = {};  ///< ours, a file, with its chain
  std::string key = {};          ///< a file
};

/// How far a link has come with what its hub gave it. Another process that is told goes on in its
/// place: what the ended one had not settled counts there as lost.
struct LinkProgress {
  std::string id = {};  ///< by which the hub knows it; empty: nothing was before
  /// Messages from the hub that LinkStatistics has in a counter, or that were not to leave. 0 once
  /// the connection to the hub was lost: then all that the hub gave it since counts as lost.
  std::uint64_t settled = 0;
};

struct LinkOptions {
  /// As in server_url.hpp: nats://HOST:PORT or tls://HOST:PORT, with USER:PASSWORD@ where wanted.
  /// Tried in any order.
  std::vector<std::string> urls;
  /// Patterns that leave where another hub wants them. Subjects below `$SYS` and `_HALLWAY` never
  /// cross a link, in either direction: `>` is all but those.
  std::vector<std::string> exports = {};
  std::vector<std::string> always = {};   ///< patterns that leave always
  std::vector<std::string> imports = {};  ///< patterns that enter
  std::string name = "hallway";           ///< what the servers are told

  std::string user = {};
  std::string password = {};
  std::string token = {};
  std::string credentials = {};  ///< a .creds file
  LinkTls tls = {};

  /// Bounds of the random waits between attempts to connect; `attempts` does not count here.
  HubReconnect reconnect = {};
  Duration connect_time = std::chrono::seconds(2);  ///< for each attempt, and each server
  /// How often hubs tell each other that they are there; after three times of silence, what one of
  /// them wanted is forgotten. The same in all of them.
  Duration heartbeat = std::chrono::seconds(5);

  std::size_t outbound = 8 * mebibyte;  ///< bytes of messages that wait to leave
  bool keep_while_away = true;          ///< false: they are dropped until the cluster is back
  LinkFull full = LinkFull::drop_newest;
  std::size_t inbound = 8 * mebibyte;  ///< bytes of messages that wait to enter; then drop_newest

  /// The last that is known of the link in whose place this one comes, within a minute.
  LinkProgress predecessor = {};

  /// Called on the loop. It must not throw, nor destroy the link: post() that.
  std::function<void(const LinkEvent&)> on_event = {};
};

/// Messages, since the link began but for `kept`.
struct LinkStatistics {
  std::uint64_t out = 0;  ///< a server has confirmed that it has them
  std::uint64_t in = 0;   ///< published in the hub
  /// For want of room or of the cluster, or too large for it, or published in the hub while that
  /// had no connection to this link.
  std::uint64_t dropped_out = 0;
  std::uint64_t dropped_in = 0;
  /// From the cluster: on a subject that no import matches, or that the server was not asked for,
  /// or with a reply subject at which nobody may be answered.
  std::uint64_t refused_in = 0;
  std::uint64_t refused_out = 0;    ///< answers to subjects that this link did not give out
  std::uint64_t unconfirmed = 0;    ///< lost or not: the server went away with them
  std::uint64_t kept = 0;           ///< that wait to leave now
  std::uint64_t loops_stopped = 0;  ///< they had crossed before
  std::uint64_t connects = 0;       ///< how often a server was connected to
  bool up = false;
};

/// Movable, not copyable. The loop outlives it, and everything belongs to the loop's thread. When
/// the loop drains, what waits to leave is sent before the link ends.
class Link {
 public:
  /// Completes when the hub has accepted the link; the cluster is looked for behind that.
  /// @errors invalid_argument: no URL, one that no server can have, a pattern that is none or that
  ///         matches nothing a link passes on (subject.hpp), a first wait above the longest, or a
  ///         name or secret that libnats cannot send; and as HubClient::connect()
  static Task<Result<Link>> start(Loop& loop, AddressSpec hub, LinkOptions options);

  Link(Link&&) noexcept;
  Link& operator=(Link&&) noexcept;
  /// Ends at once: what waits is lost. Blocking: while a server is being connected to, for
  /// LinkOptions::connect_time and half a second at most. A name look-up may take longer: the
  /// thread that waits for it is left to itself then, and end_threads() does not wait for it
  /// either.
  ~Link();

  [[nodiscard]] LinkStatistics statistics() const;
  [[nodiscard]] LinkProgress progress() const;

  /// Ends the threads that libnats keeps after the last link, so that they do not meet the end of
  /// the program, and what OpenSSL takes away then. For programs that use libnats by links alone,
  /// once there is none. Blocking.
  /// @return whether they ended in time
  static bool end_threads(Duration within);

 private:
  class Core;
  explicit Link(std::shared_ptr<Core> core) noexcept;

  std::shared_ptr<Core> core_;
};

}  // namespace hallway
