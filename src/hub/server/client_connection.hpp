// SPDX-License-Identifier: Apache-2.0
//
// One client: what it says, from its INFO to its end, and what it is answered. What it gets from
// others is the business of its Subscriber.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <hallway/connection.hpp>
#include <hallway/task.hpp>

#include "hub/json.hpp"
#include "hub/server/client_options.hpp"
#include "hub/server/hub_state.hpp"
#include "hub/server/identity_header.hpp"
#include "hub/server/permissions.hpp"
#include "hub/server/subscriber.hpp"
#include "hub/server/users.hpp"
#include "wire/nats_parser.hpp"

namespace hallway::hub {

class ClientConnection final : private Subscriber::Observer, private detail::Timer {
 public:
  /// Greets the client. @param connection  of the hub's server
  ClientConnection(HubState& hub, Connection connection);
  ClientConnection(const ClientConnection&) = delete;
  ClientConnection& operator=(const ClientConnection&) = delete;
  ~ClientConnection() override;

  /// Until the client goes, or has to go, or the hub drains.
  Task<> run();

  /// What is not allowed any more ends.
  void rules_changed();

  /// The hub drains.
  void enter_lame_duck();

  [[nodiscard]] const Connection& connection() const noexcept { return connection_; }
  [[nodiscard]] const Subscriber& subscriber() const noexcept { return subscriber_; }

 private:
  /// What the rules say of the subject it published to last. Most publish to the same again.
  struct PublishDecision {
    std::string subject;
    bool known = false;
    bool valid = false;
    bool allowed = false;
    bool identified = false;
  };

  Task<Outcome> read();
  [[nodiscard]] bool has_to_wait();
  [[nodiscard]] bool has_unread_answers();
  Task<> wait();
  Task<> wait_for(Subscriber& full);
  [[nodiscard]] bool turn_is_over();
  [[nodiscard]] bool reserve_rest_now() noexcept;
  void set_finishing(bool finishing) noexcept;
  Task<> reserve_rest();
  [[nodiscard]] std::size_t memory_for_rest() const noexcept;
  Task<> answer_when_writable();
  void dispatch(const nats::Operation& operation);
  void connect(ByteView text);
  void subscribe(const nats::Operation& operation);
  void subscribe_link(ByteView subject);
  void tell_missed();
  void pong();
  void leave_as_link() noexcept;
  void miss_from_now_on() noexcept;
  void unsubscribe(const nats::Operation& operation);
  void handle_publish(const nats::Operation& operation);
  void bring_back(const nats::Operation& answer);
  void bring_to_asker(const Publication& publication);
  [[nodiscard]] bool is_reserved(ByteView subject) const;
  void publish(const Publication& publication);
  void publish_again();
  void keep_for(Subscriber& full, const Publication& publication);
  void drop_large_header() noexcept;
  [[nodiscard]] ByteView with_identity(const nats::Operation& operation);
  [[nodiscard]] ByteView without_forged_identity(const nats::Operation& operation);
  [[nodiscard]] Subscriber* answer_statistics();
  [[nodiscard]] std::vector<JsonObject> users_to_be_told() const;
  [[nodiscard]] Permissions permissions_now() const;
  [[nodiscard]] const PublishDecision& decide_publish(ByteView subject);
  [[nodiscard]] std::string group_of(ByteView queue) const;
  [[nodiscard]] Service service_of(ByteView subject, bool in_part) const;

  void send_info();
  void reply(const nats::Operation& operation);
  void ok();
  void complain(ByteView error);
  void violation(ByteView text);
  void refuse(ByteView error);
  void stop_reading() noexcept;
  void restart_ping_clock();

  void settle_deliveries() noexcept override { hub_.delivery.settle(); }
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
  ClientOptions options_;
  nats::Parser parser_;
  PublishDecision decision_;
  std::optional<Publication> publication_;  // where a subscriber has to have room before
  std::optional<std::uint64_t> asker_;      // the only one that gets it, by its connection's number
  std::optional<ByteView> statistics_for_;  // the reply subject of a request not answered yet
  std::optional<IdentityHeader> identity_;  // once it published something that is stamped
  std::string header_;                      // of the publication, where it was changed
  core::Charge header_memory_;              // while that waits
  Duration hold_left_{};                    // that it may still be held back for readers
  Subscriber* full_ = nullptr;              // the one that publication_ waits for
  std::size_t work_ = 0;                    // that it caused since the clock was looked at
  core::Charge rest_memory_;                // of an operation that has not arrived whole
  std::uint64_t heard_ = 0;                 // bytes, when the ping clock was looked at
  unsigned pings_out_ = 0;
  bool reading_ = true;
  bool held_back_ = false;  // it waits for a subscriber
  bool answered_ = false;
  bool finishing_ = false;  // it has memory for the rest of a large message
};

}  // namespace hallway::hub
