// SPDX-License-Identifier: Apache-2.0
// Layer: hub
//
// A client of a hub for programs without a loop: every call blocks until it is done or its time is
// up. Messages, options and outcomes are those of hub_client.hpp.
//
//     auto client = hub::BlockingClient::connect("/tmp/hallway-hub.sock", {.name = "counter"});
//     if (!client) return report(client.error());
//     auto clicks = client->subscribe("clicks.*");
//     if (!clicks) return report(clicks.error());
//     for (int count = 0; auto click = clicks->receive();) {
//       const hub::Sent sent = client->publish("count", std::to_string(++count));
//       if (!sent) return report(sent.error());
//     }
//
// The client works only during calls. Between them it reads nothing from the hub and answers no
// PING, and neither does a receive() that finds a message that has arrived. So a hub disconnects a
// client that makes no call for HubLimits::ping_interval * max_unanswered_pings (four minutes by
// default). The next call reconnects and subscribes again; what was published to the subscriptions
// meanwhile is lost. A program that is idle for longer than that and must not lose messages needs a
// loop and a hub::Client. ClientOptions::on_event is called during calls. It must not call the
// client or a subscription.
//
// Ownership: a client and its subscriptions share one connection; subscriptions may outlive the
// client. Arguments are borrowed for the call.
// Thread: that of connect(), for the client and all its subscriptions, including their destructors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include <hallway/address.hpp>
#include <hallway/bytes.hpp>
#include <hallway/error.hpp>
#include <hallway/export.hpp>
#include <hallway/hub_client.hpp>
#include <hallway/interrupt.hpp>
#include <hallway/limits.hpp>

namespace hallway::hub {

/// A subscription of a BlockingClient. Destroying it unsubscribes. Movable, not copyable.
class HALLWAY_EXPORT BlockingSubscription {
 public:
  BlockingSubscription(BlockingSubscription&&) noexcept;
  BlockingSubscription& operator=(BlockingSubscription&&) noexcept;
  BlockingSubscription(const BlockingSubscription&) = delete;
  BlockingSubscription& operator=(const BlockingSubscription&) = delete;
  ~BlockingSubscription();

  /// The next message; outcomes as Subscription::receive(). While the hub is away, it reconnects.
  /// Blocking: until a message has arrived, the subscription has ended, or `within`.
  [[nodiscard]] Received receive(Duration within = forever);

  /// As receive(), but returns would_block instead of waiting. Never blocks.
  [[nodiscard]] Received try_receive();

  /// Ends the subscription. Messages that have arrived can still be received. Never blocks.
  void unsubscribe();

  [[nodiscard]] ByteView subject() const noexcept;
  /// Messages lost because there was no room for them in the inbox or at the hub.
  [[nodiscard]] std::uint64_t dropped() const noexcept;
  [[nodiscard]] std::size_t waiting() const noexcept;  ///< messages in the inbox

 private:
  friend class BlockingClient;
  BlockingSubscription(std::shared_ptr<detail::BlockingHub> hub,
                       Subscription subscription) noexcept;

  std::shared_ptr<detail::BlockingHub> hub_;
  Subscription subscription_;  // refers to the loop of hub_
};

/// Movable, not copyable.
class HALLWAY_EXPORT BlockingClient {
 public:
  /// Connects, and returns when the hub has accepted this client.
  /// @param interrupt  ends this call and those of the client and its subscriptions: see Interrupt;
  ///         null: nothing does
  /// @errors those of Client::connect(), and those of a Loop; interrupted
  /// Ownership: borrows `interrupt` until the client and its subscriptions are destroyed
  /// Blocking: until the hub has accepted this client, for options.timeout at most after
  /// options.retry_for.
  static Result<BlockingClient> connect(const AddressSpec& address,
                                        const ClientOptions& options = {},
                                        Interrupt* interrupt = nullptr);

  BlockingClient(BlockingClient&&) noexcept;
  BlockingClient& operator=(BlockingClient&&) noexcept;
  BlockingClient(const BlockingClient&) = delete;
  BlockingClient& operator=(const BlockingClient&) = delete;
  ~BlockingClient();  ///< as close()

  /// Publishes one message. If there is no room, it waits, whatever options.overflow is. If its
  /// time is up and it had room, the message stays queued and a later call sends it.
  /// Outcomes: ok (the kernel has it; flush() confirms that the hub does), timed_out, and as
  /// Client::publish().
  /// Blocking: until the message is written, or `within`.
  Sent publish(ByteView subject, ByteView payload, const PublishOptions& options = {},
               Duration within = defaults::request_time);

  /// As Client::flush(). Blocking: until the hub has received everything, or `within`.
  Sent flush(Duration within = defaults::request_time);

  /// As Client::request(). Blocking: until the answer has arrived, or `within`.
  [[nodiscard]] Received request(ByteView subject, ByteView payload,
                                 Duration within = defaults::request_time,
                                 std::span<const Field> header = {});

  /// Subscribes, and waits until the hub has received that. A hub that refuses reports it as a
  /// complaint (ClientEvent).
  /// @errors as Client::subscribe(); timed_out, connection_reset: the hub has not confirmed it
  /// Blocking: until the hub has the subscription, or `within`.
  [[nodiscard]] Result<BlockingSubscription> subscribe(ByteView subject,
                                                       const SubscribeOptions& options = {},
                                                       Duration within = defaults::request_time);

  /// Writes what is queued, then closes. Then every receive() ends with Outcome::closed, after the
  /// messages that have arrived. If it is interrupted, another close() writes the rest. Blocking:
  /// until that is written, for Limits::outbound_soft_time at most.
  void close();

  [[nodiscard]] bool connected() const noexcept;           ///< at the end of the last call
  [[nodiscard]] const Address& address() const noexcept;   ///< of the hub
  [[nodiscard]] std::size_t max_payload() const noexcept;  ///< the hub's limit, in bytes
  [[nodiscard]] ClientCounters counters() const noexcept;

 private:
  explicit BlockingClient(std::shared_ptr<detail::BlockingHub> hub) noexcept;

  std::shared_ptr<detail::BlockingHub> hub_;
};

}  // namespace hallway::hub
