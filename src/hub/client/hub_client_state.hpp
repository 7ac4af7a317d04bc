// SPDX-License-Identifier: Apache-2.0
//
// The state behind a hub::Client: a connection that is re-established when it is lost, and
// everything that outlives the connection.
//
// One task, run(), lives as long as the client: it reads from the hub until the connection is lost,
// then reconnects. It reads even if the program is not receiving, because replies and errors arrive
// on the same connection as messages.
//
// Outgoing bytes go into the connection's own queue. Bytes that this queue does not accept now wait
// in waiting_, in order, until pump() moves them there. Messages published while there is no
// connection wait in kept_. All of these count against limits.outbound, but only a message can be
// refused because of it: SUB or PONG cannot.
//
// Tasks that wait for rare events share one list, changed_, and check their condition again when
// they are woken.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include <hallway/connection.hpp>
#include <hallway/deadline.hpp>
#include <hallway/hub_client.hpp>

#include "core/random.hpp"
#include "core/siphash.hpp"
#include "hub/client/client_errors.hpp"
#include "hub/client/hub_greeting.hpp"
#include "hub/client/subscription_state.hpp"
#include "hub/full_jitter.hpp"
#include "loop/task_group.hpp"
#include "wire/nats_parser.hpp"

namespace hallway::detail {

namespace reasons {
inline constexpr const char* bad_header = "the header has a name or value that cannot be sent";
}  // namespace reasons

/// The header block of these fields; empty if there are none.
/// @return nullopt if a name or value contains a byte that would break a line
std::optional<std::string> header_block_of(std::span<const hub::Field> fields,
                                           ByteView status = {});

class HubClientState : public std::enable_shared_from_this<HubClientState> {
 public:
  HubClientState(Loop& loop, AddressSpec address, hub::ClientOptions options);

  // Used by hub::Client --------------------------------------------------------------------------

  /// The first connect.
  Task<Result<void>> open();

  /// Queues one message.
  /// @return would_block if there is no room; failed if it cannot be sent, with the reason in `why`
  Outcome publish(const nats::Operation& message, const char*& why);
  /// The same, but waits for room. What the operation refers to is borrowed until it ends.
  Task<> publish_when_writable(nats::Operation message, Duration within, Outcome& outcome,
                               const char*& why);
  void count_dropped() noexcept { ++counters_.dropped; }

  Result<std::shared_ptr<SubscriptionState>> subscribe(ByteView subject,
                                                       const hub::SubscribeOptions& options);
  Task<hub::Received> request(ByteView subject, ByteView payload, Duration within,
                              std::optional<std::string> header);
  /// As hub::Client::publish_counted() and count_matches(). What they are given is borrowed until
  /// they end.
  Task<Result<hub::MatchCount>> publish_counted(nats::Operation message, Duration within);
  Task<Result<hub::MatchCount>> count_matches(ByteView subject, Duration within);
  Task<Outcome> flush(Duration within);
  Task<Outcome> drain(Duration within);
  void close();

  // Used by subscriptions ----------------------------------------------------------------------

  /// Asks the hub to stop sending messages to the subscription.
  void unsubscribe(const SubscriptionState& subscription);
  /// The program has destroyed its hub::Subscription.
  void forget(const SubscriptionState& subscription) noexcept;
  void wake_changed();
  void report(hub::ClientEvent::Kind kind, Error error) const;
  [[nodiscard]] Error error_about(std::errc code, std::string operation, std::string reason,
                                  std::string hint = {}) const;

  // Accessors ----------------------------------------------------------------------------------

  /// The outcome that ended the client; ok: it has not ended.
  [[nodiscard]] Outcome ended() const noexcept { return end_; }
  [[nodiscard]] bool connected() const noexcept { return connection_.has_value(); }
  [[nodiscard]] bool draining() const noexcept { return draining_; }
  [[nodiscard]] const hub::ClientOptions& options() const noexcept { return options_; }
  [[nodiscard]] const Address& address() const noexcept { return *address_.get(); }
  [[nodiscard]] std::size_t max_payload() const noexcept { return info_.max_payload; }
  [[nodiscard]] bool counts() const noexcept { return info_.hallway; }
  [[nodiscard]] std::size_t unsent_bytes() const noexcept;
  bool is_full();
  [[nodiscard]] const hub::ClientCounters& counters() const noexcept { return counters_; }
  [[nodiscard]] Loop& loop() const noexcept { return *loop_; }

  [[nodiscard]] const std::shared_ptr<ClientErrors>& errors() const noexcept { return errors_; }

 private:
  struct Pending;
  class Request;

  Task<Result<void>> send_connect(Duration retry_for);
  Task<Result<void>> wait_for(Connection& connection, nats::Verb wanted, Deadline deadline);

  Task<> run();
  Task<Error> read();
  void lose_connection(const Error& reason);
  Task<bool> reconnect(Error reason);
  void subscribe_again();
  void end(Outcome outcome, Error reason);

  void handle(const nats::Operation& operation);
  void answer_ping();
  Task<Result<hub::MatchCount>> ask_for_count(std::optional<nats::Operation> message,
                                              nats::Operation question, Duration within);
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
  [[nodiscard]] bool takes_messages() const noexcept;
  [[nodiscard]] bool next_hub_awaited() const noexcept;
  [[nodiscard]] bool repeats_the_last(const nats::Operation& message) const noexcept;
  void write(const nats::Operation& message);
  [[nodiscard]] Error no_hub() const;
  [[nodiscard]] Error too_large() const;
  [[nodiscard]] Error complaint_of(ByteView text, std::string operation) const;

  [[nodiscard]] LoopCore& core() const noexcept { return loop_->core(); }

  Loop* loop_;
  AddressSpec address_;
  hub::ClientOptions options_;
  hub::FullJitter jitter_;
  std::shared_ptr<ClientErrors> errors_;
  hub::ServerInfo info_;
  nats::Parser parser_;

  std::optional<Connection> connection_;  // to a hub that has accepted us
  std::uint64_t connections_ = 0;         // number of connections so far
  std::uint64_t seen_ = 0;  // messages on this connection or the last, including lost ones
  Loop::Clock::time_point connected_at_;
  std::uint64_t pings_ = 0;  // sent over this connection
  std::uint64_t pongs_ = 0;
  std::uint64_t announced_by_ = 0;  // the pong that confirms that the hub has our subscriptions
  std::string operation_;           // the operation last written
  std::string last_subject_;        // of the message in operation_; empty if it cannot be reused
  std::size_t last_payload_ = 0;
  std::string waiting_;  // to be sent after the connection's own queue
  std::string kept_;     // to be sent to the next connection
  bool pumping_ = false;

  std::map<std::uint64_t, SubscriptionState*> subscriptions_;
  std::uint64_t last_id_ = 0;
  std::uint64_t stalled_by_ = 0;  // the subscription that received the latest message
  std::string answers_to_;        // the subject of all replies, up to its last dot
  std::uint64_t answers_id_ = 0;  // the subscription to them; 0 before the first request
  std::map<std::uint64_t, Pending*> pending_;
  std::uint64_t last_request_ = 0;
  const core::HashKey request_key_{core::random_number(), core::random_number()};

  Outcome end_ = Outcome::ok;  // other than ok: the client has ended, with this outcome
  bool draining_ = false;
  hub::ClientCounters counters_;
  WaiterList changed_;
  TaskGroup tasks_{core()};  // last: the tasks refer to all members above
};

}  // namespace hallway::detail
