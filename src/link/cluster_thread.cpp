// SPDX-License-Identifier: Apache-2.0
#include "link/cluster_thread.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <hallway/server_url.hpp>

#include "core/random.hpp"
#include "hub/full_jitter.hpp"
#include "link/callbacks.hpp"
#include "link/interest_gossip.hpp"
#include "link/libnats.hpp"
#include "subject/reserved_subjects.hpp"

namespace hallway::link {

namespace {

using Clock = std::chrono::steady_clock;
using Source = ForwardedMessage::Source;

/// Size of the patterns in one gossip message from which the rest goes into another, in bytes.
constexpr std::size_t piece = 32 * kibibyte;

/// The body of the thread. Only it and the callbacks use the objects that libnats creates.
class Worker {
 public:
  explicit Worker(ClusterState::Shared state)
      : state_(std::move(state)),
        number_(callbacks::register_state(state_)),
        group_(std::string(hub::link_group_prefix) + core::random_base32(20)),
        next_heartbeat_(Clock::now() + state_->options.heartbeat) {}
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker() { callbacks::unregister_state(number_); }

  void run() {
    const hub::Reconnect& bounds = state_->options.reconnect;
    hub::FullJitter jitter(bounds.first_wait, bounds.max_wait,
                           bounds.seed.value_or(std::random_device{}()));
    while (!over()) {
      if (connect()) {
        const auto since = Clock::now();
        serve();
        disconnect();
        if (Clock::now() - since >= bounds.max_wait) jitter.reset();
      }
      std::unique_lock lock(state_->mutex);
      state_->changed.wait_for(lock, jitter.next(),
                               [this] { return state_->stopping || state_->finishing; });
    }
    {
      const std::lock_guard lock(state_->mutex);
      state_->counts.dropped_out += state_->outbox.clear();
    }
    ClusterState::post_event(state_, [](Cluster::Observer& observer) { observer.finished(); });
  }

 private:
  using Connection = ClusterState::Connection;

  /// The work of one pass, taken from the shared state.
  struct WorkBatch {
    std::deque<ForwardedMessage> messages;
    InterestChanges::Wanted changes;
    bool announce_all = false;
    bool request_announcements = false;
    bool report_up = false;
    bool heartbeat = false;
  };

  bool over() {
    const std::lock_guard lock(state_->mutex);
    return state_->stopping || state_->finishing;
  }

  // Connecting -----------------------------------------------------------------------------------

  bool connect() {
    natsStatus status = NATS_OK;
    const NatsOptions options = options_of(status);
    natsConnection* made = nullptr;
    if (status == NATS_OK) status = natsConnection_Connect(&made, options.get());
    connection_.reset(made);
    if (status == NATS_OK) status = subscribe_to_our_own();
    if (status == NATS_OK) {
      state_->set(Connection::up);
      return true;
    }
    std::string reason = why(status);
    // In TLS 1.3 a server rejects our certificate after the handshake, by closing the connection.
    if (status == NATS_PROTOCOL_ERROR && is_secure()) {
      reason += "; the server may require a client certificate that it trusts";
    }
    disconnect();
    ClusterState::report(state_, LinkEvent::Kind::down,
                         std::make_error_code(std::errc::connection_refused), state_->options.urls,
                         reason, hint_for(status));
    return false;
  }

  ByteView hint_for(natsStatus status) const {
    if (status != NATS_CONNECTION_AUTH_FAILED) return {};
    return is_of_account()
               ? "correct the credentials of this account; until then its messages wait, or are "
                 "lost and counted"
               : "correct the user, token or credentials of the link";
  }

  /// An account's connection does not take part in the gossip of the hubs.
  bool is_of_account() const { return !state_->role.account.empty(); }

  /// Needed because libnats accepts tls:// but does not enable TLS for it.
  bool is_secure() const {
    const LinkOptions& options = state_->options;
    return options.tls.required || std::ranges::any_of(options.urls, [](ByteView url) {
             return url.starts_with("tls://");
           });
  }

  NatsOptions options_of(natsStatus& status) {
    const LinkOptions& from = state_->options;
    natsOptions* made = nullptr;
    status = natsOptions_Create(&made);
    NatsOptions owned(made);
    // libnats does not decode percent-escapes in URLs.
    std::vector<std::string> decoded;
    for (const std::string& url : from.urls) {
      if (const auto read = ServerUrl::parse(url)) decoded.push_back(read->with_secrets());
    }
    std::vector<const char*> urls;
    urls.reserve(decoded.size());
    for (const std::string& url : decoded) urls.push_back(url.c_str());
    void* const closure = callbacks::closure(number_);
    const auto set = [&](auto function, auto... arguments) {
      if (status == NATS_OK) status = function(made, arguments...);
    };
    set(natsOptions_SetServers, urls.data(), static_cast<int>(urls.size()));
    set(natsOptions_SetName, from.name.c_str());
    set(natsOptions_SetNoEcho, true);
    set(natsOptions_SetTimeout, milliseconds(from.connect_time));
    set(natsOptions_SetWriteDeadline, milliseconds(from.connect_time));
    set(natsOptions_SetPingInterval, milliseconds(std::max(from.heartbeat, from.connect_time)));
    set(natsOptions_UseGlobalMessageDelivery, true);
    set(natsOptions_SetMaxReconnect, -1);
    set(natsOptions_SetReconnectBufSize, 1);  // messages wait in our own queue
    set(natsOptions_SetCustomReconnectDelay, &callbacks::pause, closure);
    set(natsOptions_SetDisconnectedCB, &callbacks::lost, closure);
    set(natsOptions_SetReconnectedCB, &callbacks::back, closure);
    set(natsOptions_SetClosedCB, &callbacks::closed, closure);
    set(natsOptions_SetErrorHandler, &callbacks::complained, closure);
    if (!from.user.empty()) {
      set(natsOptions_SetUserInfo, from.user.c_str(), from.password.c_str());
    }
    if (!from.token.empty()) set(natsOptions_SetToken, from.token.c_str());
    if (!from.credentials.empty()) {
      set(natsOptions_SetUserCredentialsFromFiles, from.credentials.c_str(),
          static_cast<const char*>(nullptr));
    }
    if (is_secure()) set(natsOptions_SetSecure, true);
    if (!from.tls.ca.empty()) set(natsOptions_LoadCATrustedCertificates, from.tls.ca.c_str());
    if (!from.tls.certificate.empty()) {
      set(natsOptions_LoadCertificatesChain, from.tls.certificate.c_str(), from.tls.key.c_str());
    }
    return owned;
  }

  natsStatus subscribe_to_our_own() {
    void* const closure = callbacks::closure(number_);
    natsSubscription* made = nullptr;
    natsStatus status = NATS_OK;
    if (!is_of_account()) {
      status = natsConnection_Subscribe(&made, connection_.get(), gossip_subject,
                                        &callbacks::message<Source::gossip>, closure);
      if (status != NATS_OK) return status;
      gossip_.reset(made);
      callbacks::follow(made);
    }
    status = natsConnection_Subscribe(&made, connection_.get(), state_->role.answers.c_str(),
                                      &callbacks::message<Source::answer>, closure);
    if (status != NATS_OK) return status;
    answers_.reset(made);
    callbacks::follow(made);
    return status;
  }

  /// Takes a new number, so that late callbacks of the old connection do not affect the next one.
  void disconnect() {
    callbacks::unregister_state(std::exchange(number_, callbacks::register_state(state_)));
    count_overruns();
    overruns_before_ += overruns_now_;
    overruns_now_ = 0;
    subscriptions_.clear();
    leaving_.clear();
    gossip_.reset();
    answers_.reset();
    connection_.reset();
    is_new_ = true;
    const std::lock_guard lock(state_->mutex);
    state_->connection = Connection::none;
    state_->counts.up = false;
  }

  // Serving --------------------------------------------------------------------------------------

  void serve() {
    std::unique_lock lock(state_->mutex);
    while (!state_->stopping && !natsConnection_IsClosed(connection_.get())) {
      const bool there = state_->connection == Connection::up && connected();
      if (there) {
        WorkBatch batch = take_batch();
        if (has_work(batch)) {
          lock.unlock();
          run(std::move(batch));
          lock.lock();
          continue;
        }
        if (state_->finishing) break;
      } else if (state_->finishing) {
        break;
      }
      // No heartbeat is due while the cluster is not connected.
      state_->changed.wait_until(
          lock, there ? next_heartbeat_ : Clock::now() + state_->options.heartbeat);
    }
    const bool farewell = state_->connection == Connection::up;
    lock.unlock();
    if (farewell) {
      announce(
          {.hub = state_->role.id, .kind = InterestGossip::Kind::goodbye, .number = announced_});
      natsConnection_FlushTimeout(connection_.get(), milliseconds(state_->options.connect_time));
    }
  }

  WorkBatch take_batch() {
    ClusterState& state = *state_;
    WorkBatch batch{.messages = state.outbox.take_all(),
                    .changes = state.changes.take(),
                    .announce_all = std::exchange(state.announce_all, false),
                    .request_announcements = std::exchange(state.request_announcements, false),
                    .report_up = std::exchange(state.report_up, false)};
    const auto now = Clock::now();
    // After a reconnect, other hubs have one heartbeat interval before the check for silent ones.
    batch.heartbeat = !batch.report_up && now >= next_heartbeat_;
    if (batch.report_up || batch.heartbeat) next_heartbeat_ = now + state.options.heartbeat;
    return batch;
  }

  static bool has_work(const WorkBatch& batch) {
    return !batch.messages.empty() || !batch.changes.empty() || batch.announce_all ||
           batch.request_announcements || batch.report_up || batch.heartbeat;
  }

  void run(WorkBatch batch) {
    const std::uint64_t connection = reconnects();
    follow(std::move(batch.changes));
    if (batch.announce_all) announce_all();
    if (batch.request_announcements)
      announce({.hub = state_->role.id, .kind = InterestGossip::Kind::ask, .number = announced_});
    if (batch.heartbeat) {
      announce({.hub = state_->role.id, .kind = InterestGossip::Kind::here, .number = announced_});
      count_overruns();
      const auto now = Clock::now();
      ClusterState::post_event(state_,
                               [now](Cluster::Observer& observer) { observer.heartbeat(now); });
    }
    std::uint64_t sent = 0;
    std::uint64_t refused = 0;
    std::deque<ForwardedMessage>& messages = batch.messages;
    while (!messages.empty()) {
      const Outcome outcome = publish(messages.front());
      if (outcome == Outcome::peer_gone) break;
      ++(outcome == Outcome::ok ? sent : refused);
      messages.pop_front();
    }
    // A successful flush alone proves nothing: libnats flushes on a thread of its own after each
    // reconnect, and two flushes may share one PONG when a connection is lost, so that one of them
    // wrongly succeeds.
    const bool confirmed = flush() && connected() && reconnects() == connection;
    {
      const std::lock_guard lock(state_->mutex);
      (confirmed ? state_->counts.out : state_->counts.unconfirmed) += sent;
      state_->counts.dropped_out += refused;
      state_->outbox.settle(std::move(messages));
      const bool keep = state_->options.keep_while_away || state_->connection == Connection::up;
      if (!keep) state_->counts.dropped_out += state_->outbox.clear();
      // The server may have gone before it passed our gossip on to the other hubs.
      if (!confirmed) state_->announce_all = true;
      if (!confirmed && batch.report_up) state_->report_up = true;
    }
    if (confirmed && batch.report_up) report_up();
  }

  bool connected() {
    return natsConnection_Status(connection_.get()) == NATS_CONN_STATUS_CONNECTED;
  }

  void report_up() {
    std::string url(256, '\0');
    natsConnection_GetConnectedUrl(connection_.get(), url.data(), url.size());
    url.resize(url.find('\0'));
    ClusterState::report(state_, LinkEvent::Kind::up, {}, {url}, "connected");
  }

  /// Blocking: until the server has received everything.
  /// @return false if the connection was lost, or the link is stopping
  bool flush() {
    natsStatus status = NATS_TIMEOUT;
    while (status == NATS_TIMEOUT && connected()) {
      status = link::flush(connection_.get(), milliseconds(state_->options.connect_time));
      const std::lock_guard lock(state_->mutex);
      if (state_->stopping) break;
    }
    return status == NATS_OK;
  }

  /// @return ok; failed if the message can never be sent; peer_gone if it cannot be sent now
  Outcome publish(const ForwardedMessage& message) {
    const NatsMessage made = to_nats(message);
    if (!made) return Outcome::failed;
    switch (natsConnection_PublishMsg(connection_.get(), made.get())) {
      case NATS_OK: return Outcome::ok;
      case NATS_MAX_PAYLOAD:
      case NATS_INVALID_ARG:
      case NATS_INVALID_SUBJECT:
      case NATS_NO_SERVER_SUPPORT: return Outcome::failed;  // the server has no headers
      default: return Outcome::peer_gone;
    }
  }

  std::uint64_t reconnects() {
    natsStatistics* made = nullptr;
    if (natsStatistics_Create(&made) != NATS_OK) return 0;
    const NatsStatistics owned(made);
    std::uint64_t count = 0;
    if (natsConnection_GetStats(connection_.get(), made) != NATS_OK) return 0;
    natsStatistics_GetCounts(made, nullptr, nullptr, nullptr, nullptr, &count);
    return count;
  }

  // Interest -------------------------------------------------------------------------------------

  void follow(InterestChanges::Wanted changes) {
    for (const auto& [pattern, wanted] : changes) {
      if (wanted) {
        wanted_.insert(pattern);
      } else {
        wanted_.erase(pattern);
      }
    }
    if (std::exchange(is_new_, false)) {
      changes.clear();
      for (const std::string& pattern : wanted_) changes.emplace(pattern, true);
    }
    std::erase_if(leaving_, [](auto& one) { return !natsSubscription_IsValid(one.get()); });
    std::vector<std::string> lines;
    for (const auto& [pattern, wanted] : changes) {
      if (wanted ? subscribe(pattern) : unsubscribe(pattern)) {
        lines.push_back((wanted ? '+' : '-') + pattern);
      }
    }
    announce_lines(InterestGossip::Kind::change, lines);
  }

  /// Our subscriptions overlap if those in the hub do. As members of one queue group they still
  /// receive each message once, even while subscriptions are added and removed.
  /// @return false if the connection has been closed
  bool subscribe(const std::string& pattern) {
    natsSubscription* made = nullptr;
    const natsStatus status = natsConnection_QueueSubscribe(
        &made, connection_.get(), pattern.c_str(), group_.c_str(),
        &callbacks::message<Source::import>, callbacks::closure(number_));
    if (status != NATS_OK) return false;
    subscriptions_.emplace(pattern, made);
    callbacks::follow(made);
    return true;
  }

  /// Messages in flight to the subscription are still delivered.
  bool unsubscribe(const std::string& pattern) {
    const auto found = subscriptions_.find(pattern);
    if (found == subscriptions_.end()) return false;
    natsSubscription_Drain(found->second.get());
    leaving_.push_back(std::move(found->second));
    subscriptions_.erase(found);
    return true;
  }

  void announce_all() {
    std::vector<std::string> lines;
    lines.reserve(subscriptions_.size());
    for (const auto& [pattern, subscription] : subscriptions_) lines.push_back('+' + pattern);
    announce_lines(InterestGossip::Kind::all, lines);
  }

  /// Splits the lines into as many gossip messages as needed.
  void announce_lines(InterestGossip::Kind kind, const std::vector<std::string>& lines) {
    InterestGossip gossip{.hub = state_->role.id, .kind = kind, .number = announced_};
    std::size_t size = 0;
    const auto announce_part = [&] {
      if (gossip.kind == InterestGossip::Kind::change) gossip.number = ++announced_;
      announce(gossip);
      gossip = {.hub = state_->role.id, .kind = InterestGossip::Kind::change, .number = announced_};
      size = 0;
    };
    for (const std::string& line : lines) {
      gossip.lines.push_back(line);
      size += line.size() + 1;
      if (size >= piece) announce_part();
    }
    if (gossip.kind == InterestGossip::Kind::all || !gossip.lines.empty()) announce_part();
  }

  void announce(const InterestGossip& gossip) {
    if (is_of_account()) return;
    const std::string text = gossip.text();
    natsConnection_Publish(connection_.get(), gossip_subject, text.data(),
                           static_cast<int>(text.size()));
  }

  void count_overruns() {
    std::int64_t all = 0;
    const auto add = [&all](natsSubscription* one) {
      std::int64_t dropped = 0;
      if (natsSubscription_GetDropped(one, &dropped) == NATS_OK) all += dropped;
    };
    for (const auto& [pattern, subscription] : subscriptions_) add(subscription.get());
    if (answers_) add(answers_.get());
    overruns_now_ = std::max(overruns_now_, static_cast<std::uint64_t>(all));
    const std::lock_guard lock(state_->mutex);
    state_->overruns = overruns_before_ + overruns_now_;
  }

  ClusterState::Shared state_;
  callbacks::Number number_;
  const std::string group_;  // random, so that no other client can join it and take messages
  Clock::time_point next_heartbeat_;
  std::uint64_t announced_ = 0;  // the number of our last gossip message that changed anything
  std::uint64_t overruns_before_ = 0;
  std::uint64_t overruns_now_ = 0;
  NatsConnection connection_;
  bool is_new_ = true;            // it has no subscriptions to wanted patterns yet
  std::set<std::string> wanted_;  // patterns wanted from the cluster
  NatsSubscription gossip_;
  NatsSubscription answers_;
  std::map<std::string, NatsSubscription> subscriptions_;
  std::vector<NatsSubscription> leaving_;
};

}  // namespace

void serve_cluster(const ClusterState::Shared& state) {
  Worker(state).run();
  const std::lock_guard lock(state->mutex);
  state->ended = true;
  state->changed.notify_all();
}

}  // namespace hallway::link
