// SPDX-License-Identifier: Apache-2.0
//
// One client, from the INFO that the hub sends it to the end of the connection: the operations it
// sends, and the replies to them. Its Subscriber delivers the messages of other clients to it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <hallway/connection.hpp>
#include <hallway/task.hpp>

#include "hub/json.hpp"
#include "hub/server/hub_state.hpp"
#include "hub/server/identity_header.hpp"
#include "hub/server/permissions.hpp"
#include "hub/server/requested_options.hpp"
#include "hub/server/subscriber.hpp"
#include "hub/server/users.hpp"
#include "wire/nats_parser.hpp"

namespace hallway::hub {

class ClientConnection final : private Subscriber::Observer, private detail::Timer {
 public:
  /// @param connection  accepted by the hub's server
  ClientConnection(HubState& hub, Connection connection);
  ClientConnection(const ClientConnection&) = delete;
  ClientConnection& operator=(const ClientConnection&) = delete;
  ~ClientConnection() override;

  /// Sends INFO, then serves the client until it disconnects, is disconnected, or the hub drains.
  Task<> run();

  /// Applies new rules: subscriptions that are no longer allowed end.
  void rules_changed();

  /// Notifies the client that the hub drains.
  void enter_lame_duck();

  [[nodiscard]] const Connection& connection() const noexcept { return connection_; }
  [[nodiscard]] const Subscriber& subscriber() const noexcept { return subscriber_; }

 private:
  /// Caches what the rules decide about the subject that the client published to last, because most
  /// clients publish to the same subject again.
  struct PublishDecision {
    std::string subject;
    bool known = false;
    bool valid = false;
    bool allowed = false;
    bool identified = false;
  };

  /// What dispatch() could not finish at once: a message that has to wait until a subscriber has
  /// room, or a request for statistics.
  struct Unfinished {
    Publication publication;
    Subscriber* full = nullptr;  // the subscriber; null for a request
  };

  /// A subscription that gets its retained values before anything else.
  struct AwaitingRetained {
    SubscriptionId id;
    RetainedValues::Search search;
  };

  Task<Outcome> read();
  bool accept_rest();
  [[nodiscard]] bool has_unread_answers();
  Task<> flush_answers();
  Task<> wait_for(Subscriber& full, Duration& hold_left);
  [[nodiscard]] bool turn_is_over();
  [[nodiscard]] bool reserve_rest_now() noexcept;
  void set_finishing(bool finishing) noexcept;
  Task<> reserve_rest();
  [[nodiscard]] std::size_t memory_for_rest() const noexcept;
  [[nodiscard]] std::optional<Unfinished> dispatch(const nats::Operation& operation);
  void connect(ByteView text);
  void subscribe(const nats::Operation& operation);
  void subscribe_link(ByteView subject);
  void report_missed();
  void pong();
  void leave_as_link() noexcept;
  void remember_as_absent() noexcept;
  void unsubscribe(const nats::Operation& operation);
  [[nodiscard]] std::optional<Unfinished> handle_publish(const nats::Operation& operation);
  std::optional<Unfinished> refuse_publish(ByteView error);
  [[nodiscard]] std::optional<Unfinished> import_reply(const nats::Operation& answer);
  std::optional<Unfinished> answer_matches(const nats::Operation& question);
  [[nodiscard]] std::optional<Unfinished> answer_count(ByteView reply, Delivery::Recipients count);
  [[nodiscard]] bool is_reserved(ByteView subject) const;
  [[nodiscard]] Subscriber* publish(const Publication& publication);
  void retain(const Publication& publication) noexcept;
  void await_retained(ClientSubscription& subscription);
  Task<> send_retained();
  void send_retained(SubscriptionId id, RetainedValues::Ref ref);
  Task<> end_turn();
  [[nodiscard]] Subscriber* publish_to_requester(const Publication& publication);
  [[nodiscard]] std::optional<Unfinished> try_publish(const Publication& publication);
  Task<> publish_when_room(Publication publication, Subscriber* full);
  void drop_large_header() noexcept;
  [[nodiscard]] ByteView with_identity(const nats::Operation& operation);
  [[nodiscard]] ByteView without_forged_identity(const nats::Operation& operation);
  Task<> answer_statistics(ByteView reply);
  [[nodiscard]] Subscriber* send_statistics(ByteView reply, bool was_held);
  [[nodiscard]] std::vector<JsonObject> visible_users() const;
  [[nodiscard]] Permissions permissions_now() const;
  [[nodiscard]] const PublishDecision& decide_publish(ByteView subject);
  [[nodiscard]] std::string group_of(ByteView queue) const;
  [[nodiscard]] Service service_of(ByteView subject, bool in_part) const;

  void send_info();
  void reply(const nats::Operation& operation);
  void ok();
  void send_error(ByteView error);
  void violation(ByteView text);
  void refuse(ByteView error);
  void stop_reading() noexcept;
  void restart_ping_clock();

  void too_slow() noexcept override;
  void fire() override;

  HubState& hub_;
  Connection connection_;
  const std::uint64_t number_ = connection_.number();
  const Users::Membership membership_;
  User& user_;
  const std::vector<std::uint32_t> groups_;
  Permissions permissions_;
  Subscriber subscriber_;
  RequestedOptions options_;
  nats::Parser parser_;
  PublishDecision decision_;
  std::optional<IdentityHeader> identity_;  // made for the first message that needs it
  std::string header_;                      // of a message, if the hub changed it
  Delivery::Recipients delivered_to_;       // of the last message that this client published
  std::string counted_;                     // the answer to a question about counts
  std::optional<AwaitingRetained> awaiting_retained_;
  std::size_t work_ = 0;               // caused since turn_is_over() last read the clock
  core::Charge rest_memory_;           // for an operation that has not arrived completely
  std::uint64_t received_before_ = 0;  // bytes received when the ping timer last fired
  unsigned pings_out_ = 0;
  bool reading_ = true;
  bool held_back_ = false;  // paused: it waits for a subscriber or for memory
  bool answered_ = false;
  bool finishing_ = false;  // memory for the rest of a large message is charged
};

}  // namespace hallway::hub
