// SPDX-License-Identifier: Apache-2.0
// Layer: hub
//
// A client of a hub, or of any server that speaks the NATS client protocol on a Unix stream socket.
// What it publishes to a subject reaches every client that subscribed to the subject.
//
//     Task<> count_clicks(Loop& loop) {
//       const hub::ClientOptions options{.name = "counter"};
//       auto client = co_await hub::Client::connect(loop, "/tmp/hallway-hub.sock", options);
//       if (!client) co_return;
//       auto clicks = client->subscribe("clicks.*", {.queue = "counters"});
//       if (!clicks) co_return;
//       for (int count = 0; auto click = co_await clicks->receive();) {
//         const hub::Sent sent = co_await client->publish("count", std::to_string(++count));
//         if (!sent) co_return;
//       }
//     }
//
// A hub delivers at most once. If the hub goes away, messages in flight to it and messages it has
// not delivered yet are lost. Once flush() returns ok, the hub has received everything published
// before. A client whose hub went away reconnects and subscribes again. It queues messages
// published meanwhile, or after the hub announced that it is leaving, up to limits.outbound.
//
// Unless stated otherwise: arguments are borrowed for the call (for an awaited call, until it is
// resumed), nothing blocks, and everything belongs to the loop's thread. The loop outlives clients
// and subscriptions. Neither keeps Loop::run() going; the tasks that receive do.
#pragma once

#include <hallway/detail/require_cpp23.hpp>

#include <array>
#include <chrono>
#include <concepts>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <hallway/address.hpp>
#include <hallway/bytes.hpp>
#include <hallway/detail/gcc12.hpp>
#include <hallway/detail/inner_wait.hpp>
#include <hallway/error.hpp>
#include <hallway/export.hpp>
#include <hallway/hub_address.hpp>
#include <hallway/hub_rules.hpp>
#include <hallway/limits.hpp>
#include <hallway/loop.hpp>
#include <hallway/overflow_policy.hpp>
#include <hallway/subject.hpp>
#include <hallway/task.hpp>

namespace hallway::detail {
class BlockingHub;
class ClientErrors;
class HubClientState;
class SubscriptionState;
}  // namespace hallway::detail

namespace hallway::hub {

// Messages ---------------------------------------------------------------------------------------

/// One field of a message's header. Borrowed. A name contains no colon and no blank. Neither a name
/// nor a value contains a carriage return or line feed.
struct Field {
  ByteView name;
  ByteView value;
};

/// A message from a hub. It owns its bytes. Views of them are valid until it is moved, assigned to
/// or destroyed.
class HALLWAY_EXPORT Message {
 public:
  Message() noexcept = default;
  /// Copies all four.
  Message(ByteView subject, ByteView reply, ByteView header, ByteView payload);

  /// The subject it was published to, which contains no wildcard even if the subscription does.
  [[nodiscard]] ByteView subject() const noexcept { return part(0, subject_end_); }
  /// The subject to publish an answer to; empty: no answer is wanted.
  [[nodiscard]] ByteView reply() const noexcept { return part(subject_end_, reply_end_); }
  [[nodiscard]] ByteView payload() const noexcept { return part(header_end_, bytes_.size()); }

  /// The header's fields in their order; empty if the header is malformed.
  [[nodiscard]] std::vector<Field> header() const;
  /// The value of the first field with that name. Names are case-sensitive.
  [[nodiscard]] std::optional<ByteView> find(ByteView name) const;
  /// A status such as "503", which a server sends instead of an answer; usually empty.
  [[nodiscard]] ByteView status() const;
  /// The text after the status, for example "No Responders"; usually empty.
  [[nodiscard]] ByteView description() const;

  /// The bytes of subject, reply, header and payload together.
  [[nodiscard]] std::size_t size() const noexcept { return bytes_.size(); }

 private:
  [[nodiscard]] ByteView part(std::size_t begin, std::size_t end) const noexcept {
    return ByteView(bytes_).substr(begin, end - begin);
  }
  [[nodiscard]] ByteView header_block() const noexcept { return part(reply_end_, header_end_); }

  std::string bytes_;  // subject, reply, header, payload
  std::size_t subject_end_ = 0;
  std::size_t reply_end_ = 0;
  std::size_t header_end_ = 0;
};

/// The result of a receive or a request: a message, or the reason why there is none.
class HALLWAY_EXPORT Received {
 public:
  Received() noexcept = default;
  /// Without a message. error() explains `outcome` in general.
  explicit Received(Outcome outcome) noexcept : outcome_(outcome) {}
  Received(Outcome outcome, Message message, std::shared_ptr<const detail::ClientErrors> errors,
           const char* why = nullptr) noexcept;

  explicit operator bool() const noexcept { return outcome_ == Outcome::ok; }
  [[nodiscard]] Outcome outcome() const noexcept { return outcome_; }

  const Message& operator*() const noexcept { return message_; }
  const Message* operator->() const noexcept { return &message_; }

  /// The outcome in words: "receive from unix:/tmp/hallway-hub.sock: the subscription has ended".
  /// It also works after the client and its loop are gone.
  [[nodiscard]] Error error() const;

 private:
  Message message_;
  std::shared_ptr<const detail::ClientErrors> errors_;
  const char* why_ = nullptr;
  Outcome outcome_ = Outcome::would_block;
};

/// The result of publishing, flushing or draining. A program that ignores it on purpose writes
/// `(void)`, and why. GCC 12 does not warn about an ignored co_await; Clang does.
class [[nodiscard]] HALLWAY_EXPORT Sent {
 public:
  explicit Sent(Outcome outcome) noexcept : Sent(outcome, nullptr) {}
  Sent(Outcome outcome, std::shared_ptr<const detail::ClientErrors> errors,
       const char* why = nullptr) noexcept;

  explicit operator bool() const noexcept { return outcome_ == Outcome::ok; }
  [[nodiscard]] Outcome outcome() const noexcept { return outcome_; }
  /// The outcome in words. It also works after the client and its loop are gone.
  [[nodiscard]] Error error() const;

 private:
  std::shared_ptr<const detail::ClientErrors> errors_;
  const char* why_;
  Outcome outcome_;
};

// Options ----------------------------------------------------------------------------------------

/// What publish() can do when there is no room: wait for it, drop the message and end with ok, or
/// end with would_block.
inline constexpr std::array publish_policies{OverflowPolicy::wait, OverflowPolicy::drop_newest,
                                             OverflowPolicy::fail};

/// What a subscription can do when its inbox is full. `wait` stops reading from the hub, for all
/// subscriptions of this client, until there is room; the hub then applies its own policy.
/// `disconnect` ends the subscription with Outcome::failed.
inline constexpr std::array inbox_policies{OverflowPolicy::wait, OverflowPolicy::drop_oldest,
                                           OverflowPolicy::drop_newest, OverflowPolicy::disconnect};

/// How a client reconnects to a hub that went away. Before each attempt it waits for a random time
/// up to a bound that doubles with each attempt, so that the clients of a restarted hub do not all
/// connect at the same moment.
struct Reconnect {
  Duration first_wait = std::chrono::milliseconds(50);  ///< the first bound
  Duration max_wait = std::chrono::seconds(2);          ///< the largest bound
  std::size_t max_attempts = SIZE_MAX;                  ///< in a row; 0: it does not reconnect
  std::optional<std::uint64_t> seed = {};               ///< of the random times; unset: random
};

/// An event the program may want to log or act upon. The library itself does neither.
struct ClientEvent {
  enum class Kind : std::uint8_t {
    disconnected,   ///< the hub went away; the client tries to reconnect
    reconnected,    ///< the client is connected again, with all its subscriptions
    complaint,      ///< the hub sent -ERR, for example for a subject that is not permitted
    messages_lost,  ///< a subscription's queue was full, either here (reported once until it is
                    ///< empty again) or at the hub (each gap notice is reported; see hub.hpp)
    given_up,       ///< the hub went away and the client no longer tries to reconnect: it has ended
  };
  Kind kind;
  /// The reason. For a complaint about permissions, its code is permission_denied. For
  /// messages_lost, its subject is that of the subscription. For reconnected, it has no code.
  Error error;
};

/// The event in one line, escaped by printable() (bytes.hpp): "reconnected to unix:/run/hub.sock",
/// "gave up reconnecting to unix:/run/hub.sock: Connection refused".
HALLWAY_EXPORT std::string to_string(const ClientEvent& event);
HALLWAY_EXPORT std::ostream& operator<<(std::ostream& out, const ClientEvent& event);

struct ClientOptions {
  std::string name = {};  ///< sent to the hub, for its logs and statistics
  /// Reject a hub whose uid (at its listen() call) differs, before the first byte is sent.
  std::optional<std::uint32_t> server_uid = {};
  /// Reject a hub that neither root nor this process's user runs, in the same way. Has no effect if
  /// server_uid is set. If unset, find() does so, and connect() does not.
  std::optional<bool> trusted_server = {};
  Duration timeout = defaults::connect_time;  ///< of each attempt to connect
  /// How long connect() tries again while no hub listens yet (there is no such file, or the
  /// connection is refused), so that services can start in any order. The pauses double from 10 ms
  /// to 200 ms. Zero: it does not try again.
  Duration retry_for = Duration::zero();
  Reconnect reconnect = {};
  ClientLimits limits = {};
  OverflowPolicy overflow = OverflowPolicy::wait;  ///< of publish(); one of publish_policies
  bool echo = true;  ///< its subscriptions also receive what this client publishes
  /// What the client requests the hub to do with messages that it does not read in time. If unset,
  /// the hub disconnects the client. One of delivery_policies; see "Full queues" in hub.hpp.
  std::optional<OverflowPolicy> delivery_overflow = {};
  /// The id of a link, a client that forwards messages between hubs; see "Links" in hub.hpp. Only
  /// root and the hub's own user may be a link. The hub refuses others.
  std::string link = {};
  /// For a link: the hub puts the uid of the publisher into the reply subject of each message.
  bool link_publishers = false;
  /// Called on the loop. It must not throw, nor destroy the client or a subscription: post() that.
  std::function<void(const ClientEvent&)> on_event = {};
};

/// Borrowed for the call. If these options get a name, what they refer to must outlive them: a
/// named vector, array or initializer list of fields.
struct PublishOptions {
  ByteView reply = {};   ///< the subject for answers
  ByteView status = {};  ///< sent by a server instead of an answer; see Message::status()
  std::span<const Field> header = {};
};
// GCC 12 destroys options twice that are made in an awaited call. These have nothing to destroy.
static_assert(std::is_trivially_destructible_v<PublishOptions>);

/// How many subscriptions of a hub a message goes to.
struct MatchCount {
  std::size_t subscriptions = 0;  ///< those of links excluded
  /// Links, which forward it to other machines: there it may reach any number of subscriptions, or
  /// none.
  std::size_t links = 0;
};

struct SubscribeOptions {
  /// The queue group. Each message goes to only one of the subscriptions of a group.
  ByteView queue = {};
  std::uint32_t max = 0;  ///< it ends after this many messages; 0: never
  std::size_t inbox = ClientLimits{}.inbox;
  OverflowPolicy overflow = OverflowPolicy::drop_newest;  ///< of the inbox; one of inbox_policies
};

/// Totals of a client so far.
struct ClientCounters {
  std::uint64_t messages_published = 0;  ///< accepted by publish(); requests included
  std::uint64_t messages_received = 0;   ///< for subscriptions and requests
  std::uint64_t dropped = 0;             ///< by OverflowPolicy::drop_newest
  std::uint64_t reconnects = 0;
};

// Subscription -----------------------------------------------------------------------------------

/// A subscription. Destroying it unsubscribes. Movable, not copyable; it may outlive its client.
/// One task at a time receives from it.
class HALLWAY_EXPORT Subscription {
 public:
  Subscription(Subscription&& other) noexcept;
  Subscription& operator=(Subscription&& other) noexcept;
  Subscription(const Subscription&) = delete;
  Subscription& operator=(const Subscription&) = delete;
  ~Subscription();

  class Receive;  ///< await it at once: gives a Received
  /// The next message. It does not suspend if one has arrived. It keeps waiting while the hub is
  /// away.
  /// Outcomes: ok, timed_out, end_of_stream (after max messages, unsubscribe() or drain()), closed
  /// (close() of the client, or the loop drains and the client does not: see drain()), failed
  /// (OverflowPolicy::disconnect), peer_gone (the client has given up). Messages that arrived
  /// before the end are received first.
  [[nodiscard]] Receive receive(Duration within = forever);

  /// As receive(), but returns would_block instead of suspending.
  [[nodiscard]] Received try_receive();

  /// Ends the subscription. Messages that have arrived can still be received.
  void unsubscribe();

  [[nodiscard]] ByteView subject() const noexcept;
  /// Messages lost because there was no room for them in the inbox or at the hub.
  [[nodiscard]] std::uint64_t dropped() const noexcept;
  [[nodiscard]] std::size_t waiting() const noexcept;  ///< messages in the inbox

 private:
  friend class Client;
  explicit Subscription(std::shared_ptr<detail::SubscriptionState> state) noexcept;

  std::shared_ptr<detail::SubscriptionState> state_;
};

// Client -----------------------------------------------------------------------------------------

/// Movable, not copyable.
class HALLWAY_EXPORT Client {
 public:
  /// Connects, and completes when the hub has accepted this client. It tries again only as
  /// options.retry_for allows.
  /// @errors as Connection::connect(); bad_message: the server at that address is not a hub;
  ///         permission_denied: the hub refused this client; invalid_argument: an unsupported
  ///         overflow policy
  static Task<Result<Client>> connect(Loop& loop, AddressSpec address);
  /// As connect(loop, address). The options are copied. GCC 12 requires that they have a name.
  static Task<Result<Client>> connect(Loop& loop, AddressSpec address,
                                      const ClientOptions& options);
#if HALLWAY_GCC12_COROUTINES
  template <typename O = ClientOptions>
    requires std::same_as<O, ClientOptions>
  static Task<Result<Client>> connect(Loop& loop, AddressSpec address, O&& options) {
    static_assert(!std::same_as<O, ClientOptions>,
                  "GCC 12 destroys such options twice: give them a name first: "
                  "const hub::ClientOptions options{...}");
    return connect(loop, std::move(address), std::as_const(options));
  }
#endif

  /// Connects to the first of default_addresses() (hub_address.hpp) that is served. A server that
  /// neither root nor this process's user runs may have taken the name: it ends the search, unless
  /// options.server_uid or options.trusted_server accept it. If a hub denies this user the
  /// connection, the search goes on. While none is served, it tries again as options.retry_for
  /// allows. The client reconnects to the address that it found.
  /// @errors as connect(); no_such_file_or_directory: no hub is served at any of them
  static Task<Result<Client>> find(Loop& loop);
  /// As find(loop). The options are copied. GCC 12 requires that they have a name.
  static Task<Result<Client>> find(Loop& loop, const ClientOptions& options);
#if HALLWAY_GCC12_COROUTINES
  template <typename O = ClientOptions>
    requires std::same_as<O, ClientOptions>
  static Task<Result<Client>> find(Loop& loop, O&& options) {
    static_assert(!std::same_as<O, ClientOptions>,
                  "GCC 12 destroys such options twice: give them a name first: "
                  "const hub::ClientOptions options{...}");
    return find(loop, std::as_const(options));
  }
#endif

  Client(Client&& other) noexcept;
  Client& operator=(Client&& other) noexcept;
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client();  ///< as close()

  class Publish;  ///< await it at once: gives a Sent
  /// Queues one message. Everything queued in a turn of the loop is written at once. If there is no
  /// room, options.overflow decides.
  /// Outcomes: ok, would_block (OverflowPolicy::fail), closed, peer_gone (the client has given up),
  /// failed (nothing is sent: the subject cannot be published to, the message is larger than the
  /// hub accepts, or its header cannot be sent).
  [[nodiscard]] Publish publish(ByteView subject, ByteView payload,
                                const PublishOptions& options = {});

  /// As publish(), but returns would_block instead of suspending or dropping.
  Sent try_publish(ByteView subject, ByteView payload, const PublishOptions& options = {});

  /// Publishes a message and returns how many subscriptions of the hub it went to. Of each queue
  /// group, one. A subscription whose queue is full may have dropped it. If there is no room, it
  /// waits. Messages that other tasks publish meanwhile are not counted.
  /// @param within  for all of it
  /// @errors not_supported: the server is not a hallway hub, and nothing was published;
  ///         invalid_argument: the message cannot be published; timed_out, connection_reset,
  ///         operation_canceled: it may have been published
  [[nodiscard]] Task<Result<MatchCount>> publish_counted(ByteView subject, ByteView payload,
                                                         PublishOptions options = {},
                                                         Duration within = defaults::request_time);

  /// How many subscriptions match a subject now, all members of queue groups included. The hub
  /// refuses a subject that this client may not publish to: that is a complaint, and no answer
  /// comes.
  /// @errors not_supported: the server is not a hallway hub; invalid_argument: not a subject to
  ///         publish to; timed_out, connection_reset, operation_canceled
  [[nodiscard]] Task<Result<MatchCount>> count_matches(ByteView subject,
                                                       Duration within = defaults::request_time);

  /// Whether the server is a hallway hub, which can count; see publish_counted().
  [[nodiscard]] bool counts() const noexcept;

  /// @errors invalid_argument: the subject cannot be subscribed to, or the overflow policy is
  ///         unsupported; operation_canceled: the client was closed, is draining, or has given up
  [[nodiscard]] Result<Subscription> subscribe(ByteView subject,
                                               const SubscribeOptions& options = {});

  /// Publishes a message and returns the first answer to it. All requests share one subscription.
  /// If there is no room, OverflowPolicy::wait waits for it; otherwise the request ends with
  /// would_block.
  /// @param within  for the whole request
  /// Outcomes: ok, no_responders (the subject has no subscriber), timed_out, and as publish().
  [[nodiscard]] Task<Received> request(ByteView subject, ByteView payload,
                                       Duration within = defaults::request_time,
                                       std::span<const Field> header = {});

  /// Completes when the hub has received everything published so far.
  /// Outcomes: ok, timed_out, closed, peer_gone (the hub went away meanwhile, so it is unknown what
  /// it received; or the client has given up).
  [[nodiscard]] Task<Sent> flush(Duration within = defaults::request_time);

  /// Ends gracefully: unsubscribes from everything, lets the receiving tasks take what has arrived
  /// until they get end_of_stream, so that they can still answer, and then closes. Loop::on_drain()
  /// is the place to begin it when the loop drains: afterwards receives have ended already.
  /// @param within  for all of it; then it closes in any case
  /// Outcomes: as flush().
  [[nodiscard]] Task<Sent> drain(Duration within = ServerLimits{}.drain_time);

  /// Writes what is queued, if the hub reads it within Limits::outbound_soft_time, then closes.
  /// What is queued for a hub that is away is lost. Every waiting task ends with Outcome::closed.
  void close();

  [[nodiscard]] bool connected() const noexcept;            ///< false: the hub is away, or it ended
  [[nodiscard]] const Address& address() const noexcept;    ///< of the hub
  [[nodiscard]] std::size_t max_payload() const noexcept;   ///< the hub's limit, in bytes
  [[nodiscard]] std::size_t unsent_bytes() const noexcept;  ///< includes those queued for later
  [[nodiscard]] ClientCounters counters() const noexcept;
  [[nodiscard]] Loop& loop() const noexcept;

 private:
  friend class detail::BlockingHub;
  explicit Client(std::shared_ptr<detail::HubClientState> state) noexcept;
  static Task<Result<Client>> connect_with(Loop& loop, AddressSpec address, ClientOptions options);
  static Task<Result<Client>> find_with(Loop& loop, ClientOptions options);

  std::shared_ptr<detail::HubClientState> state_;
};

}  // namespace hallway::hub

#include <hallway/detail/hub_awaitables.hpp>
