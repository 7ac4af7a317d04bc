// SPDX-License-Identifier: Apache-2.0
//
// A HubClient from the inside: a connection that is made anew when it is lost, and what outlives
// it.
//
// One task lives as long as the client: it reads from the hub until that goes away, then looks for
// it. It reads whether anybody receives or not: answers and errors come the same way as messages.
//
// What is to be sent goes into the connection's own queue. What that does not take now waits here,
// in the order of its sending, until pump() has brought it there; so does what is published while
// there is no connection. Together they count against limits.outbound, but only a message can be
// refused for it: SUB or PONG cannot.
//
// Whoever waits for something rare waits in one list, changed_, and looks again when it is woken.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include <hallway/connection.hpp>
#include <hallway/hub_client.hpp>

#include "core/deadline.hpp"
#include "core/random.hpp"
#include "core/siphash.hpp"
#include "hub/client/hub_greeting.hpp"
#include "hub/client/subscription_state.hpp"
#include "hub/full_jitter.hpp"
#include "loop/task_group.hpp"
#include "wire/nats_parser.hpp"

namespace hallway::detail {

namespace reasons {
inline constexpr const char* bad_header = "a name or value of the header cannot be sent";
}  // namespace reasons

/// The block of these fields, empty without any; nullopt: a line would break.
std::optional<std::string> header_block_of(const std::vector<HubField>& fields,
                                           ByteView status = {});

class HubClientState : public std::enable_shared_from_this<HubClientState> {
 public:
  HubClientState(Loop& loop, AddressSpec address, HubClientOptions options);

  // What HubClient does ------------------------------------------------------------------------

  /// The first connect.
  Task<Result<void>> open();

  /// Queues one message. would_block: there is no room. failed: `why` says why it is none to send.
  Outcome publish(const nats::Operation& message, const char*& why);
  /// The same, but waits for room. What the operation refers to is borrowed until it ends.
  Task<> publish_when_writable(nats::Operation message, Duration within, Outcome& outcome,
                               const char*& why);
  void count_dropped() noexcept { ++counters_.dropped; }

  Result<std::shared_ptr<SubscriptionState>> subscribe(ByteView subject,
                                                       const SubscribeOptions& options);
  Task<HubReceived> request(ByteView subject, ByteView payload, Duration within,
                            std::optional<std::string> header);
  Task<Outcome> flush(Duration within);
  Task<Outcome> drain(Duration within);
  void close();

  // What subscriptions do ----------------------------------------------------------------------

  /// The hub is to send no more.
  void unsubscribe(const SubscriptionState& subscription);
  /// The program has let go of it.
  void forget(const SubscriptionState& subscription) noexcept;
  void wake_changed();
  void report(HubClientEvent::Kind kind, Error error) const;
  [[nodiscard]] Error error_about(std::errc code, std::string operation, std::string reason,
                                  std::string hint = {}) const;

  // Looking ------------------------------------------------------------------------------------

  [[nodiscard]] bool connected() const noexcept { return connection_.has_value(); }
  [[nodiscard]] const HubClientOptions& options() const noexcept { return options_; }
  [[nodiscard]] const Address& address() const noexcept { return *address_.get(); }
  [[nodiscard]] std::size_t max_payload() const noexcept { return info_.max_payload; }
  [[nodiscard]] std::size_t unsent_bytes() const noexcept;
  [[nodiscard]] const HubClientCounters& counters() const noexcept { return counters_; }
  [[nodiscard]] Loop& loop() const noexcept { return *loop_; }

  /// `outcome` in words; `why`, where it is known better.
  [[nodiscard]] Error explain(const char* operation, Outcome outcome, const char* why) const;

 private:
  struct Pending;

  Task<Result<void>> send_connect();
  Task<Result<void>> wait_for(Connection& connection, nats::Verb wanted, core::Deadline deadline);

  Task<> run();
  Task<Error> read();
  void lose_connection(const Error& reason);
  Task<bool> reconnect(Error reason);
  void subscribe_again();
  void end(Outcome outcome, Error reason);

  void handle(const nats::Operation& operation);
  void answer_ping();
  void note_pong();
  void update_info(const hub::ServerInfo& info);
  void deliver(const nats::Operation& operation);
  void answer(const nats::Operation& operation);
  [[nodiscard]] bool stalled() const;

  void send_sub(const SubscriptionState& subscription);
  void send_sub_for_answers();
  [[nodiscard]] std::uint64_t next_request_id() noexcept;
  void send(const nats::Operation& operation);
  bool put(const std::string& bytes);
  void start_pump();
  Task<> pump();
  [[nodiscard]] const char* reason_against(const nats::Operation& message) const noexcept;
  [[nodiscard]] bool next_hub_awaited() const noexcept;
  [[nodiscard]] bool repeats_the_last(const nats::Operation& message) const noexcept;
  void write(const nats::Operation& message);
  [[nodiscard]] Error no_hub() const;
  [[nodiscard]] Error too_large() const;
  [[nodiscard]] Error complaint_of(ByteView text, std::string operation) const;

  [[nodiscard]] LoopCore& core() const noexcept { return loop_->core(); }

  Loop* loop_;
  AddressSpec address_;
  HubClientOptions options_;
  hub::FullJitter jitter_;
  hub::ServerInfo info_;
  nats::Parser parser_;

  std::optional<Connection> connection_;  // to a hub that has accepted us
  std::uint64_t connections_ = 0;         // how many there were
  std::uint64_t seen_ = 0;  // messages over this one or the last, those lost on it too
  Loop::Clock::time_point connected_at_;
  std::uint64_t pings_ = 0;  // of ours, over this connection
  std::uint64_t pongs_ = 0;
  std::uint64_t announced_by_ = 0;  // the pong that says that the hub has our subscriptions again
  std::string operation_;           // the one being written
  std::string last_subject_;  // of the message it is, without reply and header; empty: of none
  std::size_t last_payload_ = 0;
  std::string waiting_;  // to be sent behind what the connection has
  std::string kept_;     // to be sent to the next connection
  bool pumping_ = false;

  std::map<std::uint64_t, SubscriptionState*> subscriptions_;
  std::uint64_t last_id_ = 0;
  std::uint64_t stalled_by_ = 0;  // the subscription for which nothing is read
  std::string answers_to_;        // the subject of all answers, up to its last dot
  std::uint64_t answers_id_ = 0;  // the subscription to them; 0: nobody asked yet
  std::map<std::uint64_t, Pending*> pending_;
  std::uint64_t last_request_ = 0;
  const core::HashKey request_key_{core::random_number(), core::random_number()};

  Outcome end_ = Outcome::ok;  // why nothing is sent any more
  std::optional<Error> reason_;
  bool draining_ = false;
  HubClientCounters counters_;
  WaiterList changed_;
  TaskGroup tasks_;  // last: they refer to all of the above
};

}  // namespace hallway::detail
