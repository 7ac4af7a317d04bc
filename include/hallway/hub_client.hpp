// SPDX-License-Identifier: Apache-2.0
// Layer: hub
//
// A client of a hub, or of any server that speaks the NATS client protocol on a Unix stream socket.
// What it publishes to a subject reaches every client that subscribed to the subject.
//
//     Task<> count_clicks(Loop& loop) {
//       const HubClientOptions options{.name = "counter"};
//       auto hub = co_await HubClient::connect(loop, "/tmp/hallway-hub.sock", options);
//       if (!hub) co_return;
//       auto clicks = hub->subscribe("clicks.*", {.queue = "counters"});
//       if (!clicks) co_return;
//       for (int count = 0; auto click = co_await clicks->receive();) {
//         co_await hub->publish("count", std::to_string(++count));
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

#include <chrono>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <hallway/address.hpp>
#include <hallway/bytes.hpp>
#include <hallway/error.hpp>
#include <hallway/export.hpp>
#include <hallway/hub_rules.hpp>
#include <hallway/limits.hpp>
#include <hallway/loop.hpp>
#include <hallway/subject.hpp>
#include <hallway/task.hpp>

namespace hallway {

namespace detail {
class HubClientState;
class SubscriptionState;
}  // namespace detail

// Messages ---------------------------------------------------------------------------------------

/// One field of a message's header. Borrowed. A name contains no colon and no blank. Neither a name
/// nor a value contains a carriage return or line feed.
struct HubField {
  ByteView name;
  ByteView value;
};

/// A message from a hub. It owns its bytes. Views of them are valid until it is moved, assigned to
/// or destroyed.
class HALLWAY_EXPORT HubMessage {
 public:
  HubMessage() noexcept = default;
  /// Copies all four.
  HubMessage(ByteView subject, ByteView reply, ByteView header, ByteView payload);

  /// The subject it was published to, which contains no wildcard even if the subscription does.
  [[nodiscard]] ByteView subject() const noexcept { return part(0, subject_end_); }
  /// The subject to publish an answer to; empty: no answer is wanted.
  [[nodiscard]] ByteView reply() const noexcept { return part(subject_end_, reply_end_); }
  [[nodiscard]] ByteView payload() const noexcept { return part(header_end_, bytes_.size()); }

  /// The header's fields in their order; empty if the header is malformed.
  [[nodiscard]] std::vector<HubField> header() const;
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
class HALLWAY_EXPORT HubReceived {
 public:
  HubReceived() noexcept = default;
  HubReceived(Outcome outcome, HubMessage message, std::shared_ptr<detail::HubClientState> from,
              const char* why = nullptr) noexcept;

  explicit operator bool() const noexcept { return outcome_ == Outcome::ok; }
  [[nodiscard]] Outcome outcome() const noexcept { return outcome_; }

  const HubMessage& operator*() const noexcept { return message_; }
  const HubMessage* operator->() const noexcept { return &message_; }

  /// The outcome in words: "request unix:/tmp/hallway-hub.sock: nobody listens to this subject".
  [[nodiscard]] Error error() const;

 private:
  HubMessage message_;
  std::shared_ptr<detail::HubClientState> from_;
  const char* why_ = nullptr;
  Outcome outcome_ = Outcome::would_block;
};

/// The result of publishing, flushing or draining.
class HALLWAY_EXPORT HubSent {
 public:
  HubSent(Outcome outcome, const detail::HubClientState* by, const char* why = nullptr) noexcept
      : by_(by), why_(why), outcome_(outcome) {}

  explicit operator bool() const noexcept { return outcome_ == Outcome::ok; }
  [[nodiscard]] Outcome outcome() const noexcept { return outcome_; }
  /// Precondition: the client still exists.
  [[nodiscard]] Error error() const;

 private:
  const detail::HubClientState* by_;
  const char* why_;
  Outcome outcome_;
};

// Options ----------------------------------------------------------------------------------------

/// What publish() does when there is no room.
enum class PublishFull : std::uint8_t {
  wait,         ///< it waits until there is room: back-pressure
  drop_newest,  ///< this message is dropped and counted; the outcome is ok
  fail,         ///< it ends with would_block
};

/// How a client reconnects to a hub that went away. Before each attempt it waits for a random time
/// up to a bound that doubles with each attempt, so that the clients of a restarted hub do not all
/// connect at the same moment.
struct HubReconnect {
  Duration first_wait = std::chrono::milliseconds(50);  ///< the first bound
  Duration most_wait = std::chrono::seconds(2);         ///< the largest bound
  std::size_t attempts = SIZE_MAX;                      ///< in a row; 0: it does not reconnect
  std::optional<std::uint64_t> seed = {};               ///< of the random times; unset: random
};

/// An event the program may want to log or act upon. The library itself does neither.
struct HubClientEvent {
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
  /// messages_lost, its subject is that of the subscription.
  Error error;
};

struct HubClientOptions {
  std::string name = {};  ///< sent to the hub, for its logs and statistics
  /// Reject a hub whose uid (at its listen() call) differs, before the first byte is sent.
  std::optional<std::uint32_t> server_uid = {};
  Duration deadline = defaults::connect_time;  ///< for each attempt to connect
  HubReconnect reconnect = {};
  HubClientLimits limits = {};
  PublishFull full = PublishFull::wait;
  bool echo = true;  ///< its subscriptions also receive what this client publishes
  /// What the client requests the hub to do with messages that it does not read in time. If unset,
  /// the hub disconnects the client. See "Full queues" in hub.hpp.
  std::optional<DeliveryPolicy> delivery = {};
  /// The id of a link, a client that forwards messages between hubs; see "Links" in hub.hpp. Only
  /// root and the hub's own user may be a link. The hub refuses others.
  std::string link = {};
  /// Called on the loop. It must not throw, nor destroy the client or a subscription: post() that.
  std::function<void(const HubClientEvent&)> on_event = {};
};

struct PublishOptions {
  ByteView reply = {};   ///< the subject for answers
  ByteView status = {};  ///< sent by a server instead of an answer; see HubMessage::status()
  std::vector<HubField> header = {};
};

struct SubscribeOptions {
  /// The queue group. Each message goes to only one of the subscriptions of a group.
  ByteView queue = {};
  std::uint32_t max = 0;  ///< it ends after this many messages; 0: never
  std::size_t inbox = HubClientLimits{}.inbox;
  /// What to do when the inbox is full. `wait` stops reading from the hub, for all subscriptions of
  /// this client, until there is room; the hub then applies its own policy. `disconnect` ends the
  /// subscription with Outcome::failed.
  Full full = Full::drop_newest;
};

/// Totals of a client so far.
struct HubClientCounters {
  std::uint64_t messages_published = 0;  ///< accepted by publish(); requests included
  std::uint64_t messages_received = 0;   ///< for subscriptions and requests
  std::uint64_t dropped = 0;             ///< by PublishFull::drop_newest
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

  class Receive;
  /// The next message. It does not suspend if one has arrived. It keeps waiting while the hub is
  /// away.
  /// Outcomes: ok, timed_out, end_of_stream (after max messages, unsubscribe() or drain()), closed
  /// (close() of the client), failed (Full::disconnect), peer_gone (the client has given up).
  /// Messages that arrived before the end are received first.
  [[nodiscard]] Receive receive(Duration within = forever);

  /// As receive(), but returns would_block instead of suspending.
  [[nodiscard]] HubReceived try_receive();

  /// Ends the subscription. Messages that have arrived can still be received.
  void unsubscribe();

  [[nodiscard]] ByteView subject() const noexcept;
  /// Messages lost because there was no room for them in the inbox or at the hub.
  [[nodiscard]] std::uint64_t dropped() const noexcept;
  [[nodiscard]] std::size_t waiting() const noexcept;  ///< messages in the inbox

 private:
  friend class HubClient;
  explicit Subscription(std::shared_ptr<detail::SubscriptionState> state) noexcept;

  std::shared_ptr<detail::SubscriptionState> state_;
};

/// The result of receive(). Await it at once.
class [[nodiscard]] HALLWAY_EXPORT Subscription::Receive {
 public:
  Receive(detail::SubscriptionState& state, Duration within) noexcept
      : state_(&state), within_(within) {}
  ~Receive() = default;
  Receive(const Receive&) = delete;
  Receive& operator=(const Receive&) = delete;

  bool await_ready();
  bool await_suspend(std::coroutine_handle<> awaiting);
  HubReceived await_resume();

 private:
  detail::SubscriptionState* state_;
  Duration within_;
  HubReceived received_;
  std::optional<Task<>> wait_;
};

// Client -----------------------------------------------------------------------------------------

/// Movable, not copyable.
class HALLWAY_EXPORT HubClient {
 public:
  /// Connects once, and completes when the hub has accepted this client.
  /// @errors as Connection::connect(); bad_message: the server at that address is not a hub;
  ///         permission_denied: the hub refused this client
  static Task<Result<HubClient>> connect(Loop& loop, AddressSpec address,
                                         HubClientOptions options = {});

  HubClient(HubClient&& other) noexcept;
  HubClient& operator=(HubClient&& other) noexcept;
  HubClient(const HubClient&) = delete;
  HubClient& operator=(const HubClient&) = delete;
  ~HubClient();  ///< as close()

  class Publish;
  /// Queues one message. Everything queued in a turn of the loop is written at once. If there is no
  /// room, options.full decides.
  /// Outcomes: ok, would_block (PublishFull::fail), closed, peer_gone (the client has given up),
  /// failed (nothing is sent: the subject cannot be published to, the message is larger than the
  /// hub accepts, or its header cannot be sent).
  [[nodiscard]] Publish publish(ByteView subject, ByteView payload,
                                const PublishOptions& options = {});

  /// As publish(), but returns would_block instead of suspending or dropping.
  HubSent try_publish(ByteView subject, ByteView payload, const PublishOptions& options = {});

  /// @errors invalid_argument: the subject cannot be subscribed to; operation_canceled: the client
  ///         was closed, is draining, or has given up
  [[nodiscard]] Result<Subscription> subscribe(ByteView subject,
                                               const SubscribeOptions& options = {});

  /// Publishes a message and returns the first answer to it. All requests share one subscription.
  /// If there is no room, PublishFull::wait waits for it; otherwise the request ends with
  /// would_block.
  /// @param within  for the whole request
  /// Outcomes: ok, no_responders (the subject has no subscriber), timed_out, and as publish().
  [[nodiscard]] Task<HubReceived> request(ByteView subject, ByteView payload,
                                          Duration within = defaults::request_time,
                                          const std::vector<HubField>& header = {});

  /// Completes when the hub has received everything published so far.
  /// Outcomes: ok, timed_out, closed, peer_gone (the hub went away meanwhile, so it is unknown what
  /// it received; or the client has given up).
  [[nodiscard]] Task<HubSent> flush(Duration within = defaults::request_time);

  /// Ends gracefully: unsubscribes from everything, lets the receiving tasks take what has arrived
  /// until they get end_of_stream, so that they can still answer, and then closes.
  /// @param within  for all of it; then it closes in any case
  /// Outcomes: as flush().
  [[nodiscard]] Task<HubSent> drain(Duration within = ServerLimits{}.drain_time);

  /// Writes what is queued, if the hub reads it within Limits::outbound_soft_time, then closes.
  /// What is queued for a hub that is away is lost. Every waiting task ends with Outcome::closed.
  void close();

  [[nodiscard]] bool connected() const noexcept;            ///< false: the hub is away, or it ended
  [[nodiscard]] const Address& address() const noexcept;    ///< of the hub
  [[nodiscard]] std::size_t max_payload() const noexcept;   ///< the hub's limit, in bytes
  [[nodiscard]] std::size_t unsent_bytes() const noexcept;  ///< includes those queued for later
  [[nodiscard]] HubClientCounters counters() const noexcept;
  [[nodiscard]] Loop& loop() const noexcept;

 private:
  explicit HubClient(std::shared_ptr<detail::HubClientState> state) noexcept;

  std::shared_ptr<detail::HubClientState> state_;
};

/// The result of publish(). Await it at once. A message for which there is room is already queued.
class [[nodiscard]] HALLWAY_EXPORT HubClient::Publish {
 public:
  Publish(detail::HubClientState& state, ByteView subject, ByteView payload,
          const PublishOptions& options);
  ~Publish() = default;
  Publish(const Publish&) = delete;
  Publish& operator=(const Publish&) = delete;

  [[nodiscard]] bool await_ready() const noexcept { return !wait_; }
  bool await_suspend(std::coroutine_handle<> awaiting);
  HubSent await_resume();

 private:
  detail::HubClientState* state_;
  Outcome outcome_ = Outcome::failed;
  const char* why_;
  std::string header_;
  std::optional<Task<>> wait_;
};

}  // namespace hallway
