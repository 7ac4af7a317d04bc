// SPDX-License-Identifier: Apache-2.0
// Layer: hub
//
// A client of a hub, or of any server that speaks the NATS client protocol on a Unix stream socket:
// what it publishes to a subject reaches everybody who subscribed to it.
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
// A hub delivers at most once. What was sent to one that went away is lost like what it had not
// delivered yet; after a flush() that ended with ok, the hub has had everything before it. A client
// whose hub went away connects again and subscribes again; what is published meanwhile, or when the
// hub has said that it leaves, is kept up to limits.outbound.
//
// Unless said otherwise: arguments are borrowed for the call (for an awaited call, until it is
// resumed), nothing blocks, and everything belongs to the loop's thread. The loop outlives clients
// and subscriptions, and neither keeps Loop::run() going: the tasks that receive do.
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

/// One field of a message's header. Borrowed. A name has no colon and no blanks in it, and neither
/// has a carriage return or line feed.
struct HubField {
  ByteView name;
  ByteView value;
};

/// A message from a hub. It owns its bytes; views of them are valid as long as it stays where it
/// is.
class HALLWAY_EXPORT HubMessage {
 public:
  HubMessage() noexcept = default;
  /// Copies them.
  HubMessage(ByteView subject, ByteView reply, ByteView header, ByteView payload);

  /// What it was published to: of a subscription with wildcards, not what was subscribed to.
  [[nodiscard]] ByteView subject() const noexcept { return part(0, subject_end_); }
  /// Where an answer is to be published; empty: none is wanted.
  [[nodiscard]] ByteView reply() const noexcept { return part(subject_end_, reply_end_); }
  [[nodiscard]] ByteView payload() const noexcept { return part(header_end_, bytes_.size()); }

  /// The header's fields in their order; none of one that is malformed.
  [[nodiscard]] std::vector<HubField> header() const;
  /// The value of its first field of that name, whose case counts.
  [[nodiscard]] std::optional<ByteView> find(ByteView name) const;
  /// "503" and the like, which a server says in place of an answer; mostly empty.
  [[nodiscard]] ByteView status() const;
  /// What follows the status, in words, "No Responders" for example; mostly empty.
  [[nodiscard]] ByteView description() const;

  /// Bytes of all of it.
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

/// What a receive or a request gave: a message, or the reason why there is none.
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

/// What publishing, flushing or draining gave.
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

/// What publish() does when it finds no room.
enum class PublishFull : std::uint8_t {
  wait,         ///< it waits until there is: back-pressure
  drop_newest,  ///< this message is not sent, and counted; the outcome is ok
  fail,         ///< it ends with would_block
};

/// How a client comes back to a hub that went away. Before each attempt it waits for a random time
/// up to a bound that doubles from one attempt to the next, so that the clients of a hub that was
/// restarted do not all come at once.
struct HubReconnect {
  Duration first_wait = std::chrono::milliseconds(50);  ///< the first bound
  Duration most_wait = std::chrono::seconds(2);         ///< the last
  std::size_t attempts = SIZE_MAX;                      ///< in a row; 0: it does not come back
  std::optional<std::uint64_t> seed = {};               ///< of the random times; else any
};

/// Something the program may want to log, or to act upon; the library itself never does.
struct HubClientEvent {
  enum class Kind : std::uint8_t {
    disconnected,   ///< the hub went away; it is being looked for
    reconnected,    ///< it is back, and has all subscriptions
    complaint,      ///< the hub said -ERR, for example of a subject that is not permitted
    messages_lost,  ///< a subscription was full, here (told once until it is empty again), or at
                    ///< the hub, whose gap notices (hub.hpp) are told each
    given_up,       ///< the hub went away and does not come back: the client has ended
  };
  Kind kind;
  /// The reason. Of a complaint: permission_denied where permissions are what it is about. Of
  /// messages_lost: its subject is that of the subscription.
  Error error;
};

struct HubClientOptions {
  std::string name = {};  ///< what the hub is told, for its logs and statistics
  /// Refuse any hub whose uid (of its listen() call) is another, before the first byte.
  std::optional<std::uint32_t> server_uid = {};
  Duration deadline = defaults::connect_time;  ///< for each attempt to connect
  HubReconnect reconnect = {};
  HubClientLimits limits = {};
  PublishFull full = PublishFull::wait;
  bool echo = true;  ///< subscriptions get what this client publishes, too
  /// What the hub is asked to do with messages that this client does not read in time; else it
  /// cuts the client. See "Full queues" in hub.hpp.
  std::optional<DeliveryPolicy> delivery = {};
  /// The id of a link, which passes on what others publish here and elsewhere; see "Links" in
  /// hub.hpp. Only root and the hub's own user may be one: others are turned away.
  std::string link = {};
  /// Called on the loop. It must not throw, nor destroy the client or a subscription: post() that.
  std::function<void(const HubClientEvent&)> on_event = {};
};

struct PublishOptions {
  ByteView reply = {};   ///< where answers go
  ByteView status = {};  ///< what a server says in place of an answer; see HubMessage::status()
  std::vector<HubField> header = {};
};

struct SubscribeOptions {
  /// Each message goes to only one of the subscriptions of a queue group.
  ByteView queue = {};
  std::uint32_t max = 0;  ///< it ends after so many messages; 0: it does not
  std::size_t inbox = HubClientLimits{}.inbox;
  /// When the inbox is full. wait: nothing more is read from the hub, for no subscription of this
  /// client, until there is room; the hub then does what its own policy is. disconnect: the
  /// subscription ends with Outcome::failed.
  Full full = Full::drop_newest;
};

/// What went through a client so far.
struct HubClientCounters {
  std::uint64_t messages_published = 0;  ///< accepted by publish(), requests too
  std::uint64_t messages_received = 0;   ///< for subscriptions and requests
  std::uint64_t dropped = 0;             ///< by PublishFull::drop_newest
  std::uint64_t reconnects = 0;
};

// Subscription -----------------------------------------------------------------------------------

/// A subscription. Letting go of it unsubscribes. Movable, not copyable; it may outlive its client.
/// One task receives from it at a time.
class HALLWAY_EXPORT Subscription {
 public:
  Subscription(Subscription&& other) noexcept;
  Subscription& operator=(Subscription&& other) noexcept;
  Subscription(const Subscription&) = delete;
  Subscription& operator=(const Subscription&) = delete;
  ~Subscription();

  class Receive;
  /// The next message. Does not suspend while one is there. It waits through the time in which the
  /// hub is away.
  /// Outcomes: ok, timed_out, end_of_stream (after max messages, unsubscribe() or drain()), closed
  /// (close() of the client), failed (Full::disconnect), peer_gone (the client has given up). What
  /// has arrived before any of these ends is received first.
  [[nodiscard]] Receive receive(Duration within = forever);

  /// As receive(), but would_block instead of suspending.
  [[nodiscard]] HubReceived try_receive();

  /// No more comes; what has arrived can still be received.
  void unsubscribe();

  [[nodiscard]] ByteView subject() const noexcept;
  /// Messages that are missing: there was no room for them in the inbox, or at the hub.
  [[nodiscard]] std::uint64_t dropped() const noexcept;
  [[nodiscard]] std::size_t waiting() const noexcept;  ///< messages in the inbox

 private:
  friend class HubClient;
  explicit Subscription(std::shared_ptr<detail::SubscriptionState> state) noexcept;

  std::shared_ptr<detail::SubscriptionState> state_;
};

/// What receive() returns: to be awaited at once.
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
  /// @errors as Connection::connect(); bad_message: what listens there is no hub;
  ///         permission_denied: the hub does not want this client
  static Task<Result<HubClient>> connect(Loop& loop, AddressSpec address,
                                         HubClientOptions options = {});

  HubClient(HubClient&& other) noexcept;
  HubClient& operator=(HubClient&& other) noexcept;
  HubClient(const HubClient&) = delete;
  HubClient& operator=(const HubClient&) = delete;
  ~HubClient();  ///< as close()

  class Publish;
  /// Queues one message; all that is queued in a turn of the loop is written at once. Without room
  /// it does what options.full says.
  /// Outcomes: ok, would_block (PublishFull::fail), closed, peer_gone (the client has given up),
  /// failed (nothing is sent: the subject is none to publish to, or the message is larger than the
  /// hub accepts, or has a header that cannot be sent).
  [[nodiscard]] Publish publish(ByteView subject, ByteView payload,
                                const PublishOptions& options = {});

  /// As publish(), but would_block instead of suspending or dropping.
  HubSent try_publish(ByteView subject, ByteView payload, const PublishOptions& options = {});

  /// @errors invalid_argument: nobody can subscribe to that; operation_canceled: the client was
  ///         closed, drains, or has given up
  [[nodiscard]] Result<Subscription> subscribe(ByteView subject,
                                               const SubscribeOptions& options = {});

  /// Publishes, and gives the first answer to it. All requests share one subscription. With
  /// PublishFull::wait it waits for room, else it ends with would_block.
  /// @param within  for all of it
  /// Outcomes: ok, no_responders (nobody listens to the subject), timed_out, and as publish().
  [[nodiscard]] Task<HubReceived> request(ByteView subject, ByteView payload,
                                          Duration within = defaults::request_time,
                                          const std::vector<HubField>& header = {});

  /// Completes when the hub has had everything published so far.
  /// Outcomes: ok, timed_out, closed, peer_gone (the hub went away meanwhile, and nobody knows what
  /// it has had; or the client has given up).
  [[nodiscard]] Task<HubSent> flush(Duration within = defaults::request_time);

  /// Ends calmly: unsubscribes from everything, lets the tasks that receive take what has arrived
  /// until they are told end_of_stream, so that they can still answer, and then closes.
  /// @param within  for all of it; it then closes in any case
  /// Outcomes: as flush().
  [[nodiscard]] Task<HubSent> drain(Duration within = ServerLimits{}.drain_time);

  /// Writes what is queued, if the hub reads it within Limits::outbound_soft_time, then closes;
  /// what is kept for a hub that is away is lost. Everybody who waits ends with Outcome::closed.
  void close();

  [[nodiscard]] bool connected() const noexcept;            ///< not: it is away, or has ended
  [[nodiscard]] const Address& address() const noexcept;    ///< of the hub
  [[nodiscard]] std::size_t max_payload() const noexcept;   ///< what the hub accepts, in bytes
  [[nodiscard]] std::size_t unsent_bytes() const noexcept;  ///< those kept for later, too
  [[nodiscard]] HubClientCounters counters() const noexcept;
  [[nodiscard]] Loop& loop() const noexcept;

 private:
  explicit HubClient(std::shared_ptr<detail::HubClientState> state) noexcept;

  std::shared_ptr<detail::HubClientState> state_;
};

/// What publish() returns: to be awaited at once. A message that finds room is queued already.
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
