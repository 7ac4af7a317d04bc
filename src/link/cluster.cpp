// SPDX-License-Identifier: Apache-2.0
#include "link/cluster.hpp"

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <utility>
#include <vector>

#include "core/deadline.hpp"
#include "core/quiet_thread.hpp"
#include "hub/full_jitter.hpp"
#include "link/bounded_queue.hpp"
#include "link/libnats.hpp"
#include "link/word.hpp"

namespace hallway::link {

namespace {

using Clock = std::chrono::steady_clock;
using Way = Crossing::Way;

/// Of patterns in one word.
constexpr std::size_t piece = 32 * kibibyte;

std::int64_t milliseconds(Duration time) {
  return std::max<std::int64_t>(
      1, std::chrono::duration_cast<std::chrono::milliseconds>(time).count());
}

LinkEvent event_of(LinkEvent::Kind kind, std::errc code, ByteView subject, ByteView reason) {
  return {.kind = kind,
          .about = {.code = std::make_error_code(code),
                    .operation = "link to",
                    .subject = printable(subject),
                    .reason = printable(reason),
                    .hint = {}}};
}

std::string listed(const std::vector<std::string>& urls) {
  std::string all;
  for (const std::string& url : urls) {
    // What stands before an @ is a secret.
    const std::size_t scheme = url.find("://");
    const std::size_t begin = scheme == std::string::npos ? 0 : scheme + 3;
    const std::size_t at = url.find('@', begin);
    if (!all.empty()) all += ", ";
    all += url.substr(0, begin) + url.substr(at == std::string::npos ? begin : at + 1);
  }
  return all;
}

}  // namespace

/// What the loop, our thread and those of libnats share. Each of them may be the last.
struct Cluster::State {
  enum class Connection : std::uint8_t { none, up, away, closed };

  State(Loop& of, LinkOptions with, std::string of_link, std::string leading_back, Observer& told)
      : options(std::move(with)),
        id(std::move(of_link)),
        answers(std::move(leading_back)),
        outbox(options.outbound, options.full),
        inbox(options.inbound, LinkFull::drop_newest),
        loop(&of),
        observer(&told) {}

  /// Calls the observer on the loop, as long as there is one.
  static void tell(const std::shared_ptr<State>& self, std::function<void(Observer&)> what) {
    const std::lock_guard lock(self->telling);
    if (self->loop == nullptr) return;
    self->loop->post([self, call = std::move(what)] {
      if (self->observer != nullptr) call(*self->observer);
    });
  }

  /// From a thread of libnats.
  static void arrive(const std::shared_ptr<State>& self, Crossing message) {
    bool first = false;
    {
      const std::lock_guard lock(self->mutex);
      first = self->inbox.empty();
      self->counts.dropped_in += self->inbox.offer(std::move(message));
    }
    if (first) tell(self, [](Observer& observer) { observer.arrived(); });
  }

  void set(Connection now) {
    const std::lock_guard lock(mutex);
    connection = now;
    counts.up = now == Connection::up;
    if (now == Connection::up) {
      ++counts.connects;
      say_all = ask_all = tell_up = true;
    } else if (!options.keep_while_away) {
      counts.dropped_out += outbox.clear();
    }
    news.notify_all();
  }

  const LinkOptions options;
  const std::string id;
  const std::string answers;

  std::mutex mutex;  // around what follows
  std::condition_variable news;
  BoundedQueue outbox;
  BoundedQueue inbox;
  std::set<std::string> wanted;
  LinkStatistics counts;
  std::uint64_t overruns = 0;  // lost within libnats
  Connection connection = Connection::none;
  bool wanted_changed = false;
  bool say_all = false;
  bool ask_all = false;
  bool tell_up = false;
  bool finishing = false;
  bool stopping = false;

  std::mutex telling;  // around `loop`; taken after the other, where both are
  Loop* loop;
  Observer* observer;  // used on the loop only
};

// What libnats calls. It may do so after a connection was destroyed, so that it gets no pointer but
// a number to look up.
struct Cluster::Callbacks {
  using Number = std::uintptr_t;

  static Number enter(const std::shared_ptr<State>& state) {
    Book& book = Callbacks::book();
    const std::lock_guard lock(book.mutex);
    book.states[++book.last] = state;
    return book.last;
  }

  static void strike(Number number) {
    Book& book = Callbacks::book();
    const std::lock_guard lock(book.mutex);
    book.states.erase(number);
  }

  /// Counts a subscription until libnats has let go of it.
  static void follow(natsSubscription* subscription) {
    Book& book = Callbacks::book();
    const std::lock_guard lock(book.mutex);
    if (natsSubscription_SetOnCompleteCB(subscription, &gone, nullptr) == NATS_OK) {
      ++book.subscriptions;
    }
  }

  /// Blocking: until libnats has let go of all of them.
  static void wait_until_gone(Duration within) {
    Book& book = Callbacks::book();
    const auto none_left = [&book] { return book.subscriptions == 0; };
    std::unique_lock lock(book.mutex);
    if (within == forever) {
      book.news.wait(lock, none_left);
    } else {
      book.news.wait_for(lock, within, none_left);
    }
  }

  static void* closure(Number number) {
    return reinterpret_cast<void*>(number);  // NOLINT(performance-no-int-to-ptr): never followed
  }

  template <Way way>
  static void message(natsConnection* /*connection*/, natsSubscription* /*subscription*/,
                      natsMsg* message, void* closure) {
    const NatsMessage owned(message);
    if (const auto state = find(closure)) State::arrive(state, from_nats(message, way));
  }

  static void lost(natsConnection* connection, void* closure) {
    const auto state = find(closure);
    if (!state) return;
    state->set(State::Connection::away);
    LinkEvent event =
        event_of(LinkEvent::Kind::reconnecting, std::errc::connection_reset,
                 listed(state->options.urls), reason(connection, "the connection was lost"));
    State::tell(state, [event = std::move(event)](Observer& observer) { observer.changed(event); });
  }

  static void back(natsConnection* /*connection*/, void* closure) {
    if (const auto state = find(closure)) state->set(State::Connection::up);
  }

  static void closed(natsConnection* connection, void* closure) {
    const auto state = find(closure);
    if (!state) return;
    state->set(State::Connection::closed);
    LinkEvent event =
        event_of(LinkEvent::Kind::down, std::errc::connection_refused, listed(state->options.urls),
                 reason(connection, "the server ended the connection"));
    State::tell(state, [event = std::move(event)](Observer& observer) { observer.changed(event); });
  }

  static void complained(natsConnection* connection, natsSubscription* /*subscription*/,
                         natsStatus status, void* closure) {
    const auto state = find(closure);
    if (!state) return;
    LinkEvent event =
        event_of(LinkEvent::Kind::complaint, std::errc::permission_denied,
                 listed(state->options.urls), reason(connection, natsStatus_GetText(status)));
    State::tell(state, [event = std::move(event)](Observer& observer) { observer.changed(event); });
  }

  /// How long to wait before the next attempt.
  static std::int64_t pause(natsConnection* /*connection*/, int attempts, void* closure) {
    const auto state = find(closure);
    if (!state) return 1;
    const HubReconnect& bounds = state->options.reconnect;
    hub::FullJitter jitter(bounds.first_wait, bounds.most_wait, std::random_device{}());
    Duration wait = jitter.next();
    for (int i = 1; i < std::min(attempts, 32); ++i) wait = jitter.next();
    return milliseconds(wait);
  }

 private:
  struct Book {
    std::mutex mutex;
    std::condition_variable news;
    std::map<Number, std::weak_ptr<State>> states;
    Number last = 0;
    std::size_t subscriptions = 0;  // of all links, that libnats has not let go of
  };
  static Book& book() {
    static Book book;
    return book;
  }

  static std::string reason(natsConnection* connection, const char* otherwise) {
    const char* said = nullptr;
    natsConnection_GetLastError(connection, &said);
    return said == nullptr || *said == '\0' ? otherwise : without_position(said);
  }

  static void gone(void* /*closure*/) {
    Book& book = Callbacks::book();
    const std::lock_guard lock(book.mutex);
    --book.subscriptions;
    book.news.notify_all();
  }

  static std::shared_ptr<State> find(void* closure) {
    Book& book = Callbacks::book();
    const std::lock_guard lock(book.mutex);
    const auto found = book.states.find(reinterpret_cast<Number>(closure));
    return found == book.states.end() ? nullptr : found->second.lock();
  }
};

/// What our own thread does.
class Cluster::Worker {
 public:
  explicit Worker(std::shared_ptr<State> state)
      : state_(std::move(state)),
        number_(Callbacks::enter(state_)),
        group_("_HALLWAY.LINK." + state_->id),
        next_heartbeat_(Clock::now() + state_->options.heartbeat) {}
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker() { Callbacks::strike(number_); }

  void run() {
    const HubReconnect& bounds = state_->options.reconnect;
    hub::FullJitter jitter(bounds.first_wait, bounds.most_wait,
                           bounds.seed.value_or(std::random_device{}()));
    while (!over()) {
      if (connect()) {
        const auto since = Clock::now();
        serve();
        part();
        if (Clock::now() - since >= bounds.most_wait) jitter.reset();
      }
      std::unique_lock lock(state_->mutex);
      state_->news.wait_for(lock, jitter.next(),
                            [this] { return state_->stopping || state_->finishing; });
    }
    {
      const std::lock_guard lock(state_->mutex);
      state_->counts.dropped_out += state_->outbox.clear();
    }
    State::tell(state_, [](Observer& observer) { observer.finished(); });
  }

 private:
  using Connection = State::Connection;

  /// What is to be done in one go.
  struct Errand {
    std::deque<Crossing> messages;
    std::set<std::string> wanted = {};
    bool wanted_changed = false;
    bool say_all = false;
    bool ask_all = false;
    bool tell_up = false;
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
      const std::lock_guard lock(state_->mutex);
      state_->wanted_changed = true;
    }
    if (status == NATS_OK) {
      state_->set(Connection::up);
      return true;
    }
    std::string reason = why(status);
    // By TLS 1.3 a server says what it thinks of our certificate after the handshake: it closes.
    if (status == NATS_PROTOCOL_ERROR && is_secure()) {
      reason += "; the server may want a certificate of ours that it knows";
    }
    LinkEvent event = event_of(LinkEvent::Kind::down, std::errc::connection_refused,
                               listed(state_->options.urls), reason);
    part();
    State::tell(state_,
                [event = std::move(event)](Observer& observer) { observer.changed(event); });
    return false;
  }

  /// libnats reads tls:// and does not act on it.
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
    std::vector<const char*> urls;
    urls.reserve(from.urls.size());
    for (const std::string& url : from.urls) urls.push_back(url.c_str());
    void* const closure = Callbacks::closure(number_);
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
    set(natsOptions_SetReconnectBufSize, 1);  // what waits, waits with us
    set(natsOptions_SetCustomReconnectDelay, &Callbacks::pause, closure);
    set(natsOptions_SetDisconnectedCB, &Callbacks::lost, closure);
    set(natsOptions_SetReconnectedCB, &Callbacks::back, closure);
    set(natsOptions_SetClosedCB, &Callbacks::closed, closure);
    set(natsOptions_SetErrorHandler, &Callbacks::complained, closure);
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
    void* const closure = Callbacks::closure(number_);
    natsSubscription* made = nullptr;
    natsStatus status = natsConnection_Subscribe(&made, connection_.get(), word_subject,
                                                 &Callbacks::message<Way::word>, closure);
    if (status != NATS_OK) return status;
    words_.reset(made);
    Callbacks::follow(made);
    status = natsConnection_Subscribe(&made, connection_.get(), state_->answers.c_str(),
                                      &Callbacks::message<Way::answer>, closure);
    if (status != NATS_OK) return status;
    answers_.reset(made);
    Callbacks::follow(made);
    return status;
  }

  /// Nothing that is said of the old connection is about the next one.
  void part() {
    Callbacks::strike(std::exchange(number_, Callbacks::enter(state_)));
    count_overruns();
    overruns_before_ += overruns_now_;
    overruns_now_ = 0;
    subscriptions_.clear();
    leaving_.clear();
    words_.reset();
    answers_.reset();
    connection_.reset();
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
        Errand errand = take_errand();
        if (is_anything(errand)) {
          lock.unlock();
          run(std::move(errand));
          lock.lock();
          continue;
        }
        if (state_->finishing) break;
      } else if (state_->finishing) {
        break;
      }
      // Nothing is due while the cluster is away.
      state_->news.wait_until(lock,
                              there ? next_heartbeat_ : Clock::now() + state_->options.heartbeat);
    }
    const bool farewell = state_->connection == Connection::up;
    lock.unlock();
    if (farewell) {
      say({.hub = state_->id, .kind = Word::Kind::bye, .number = said_});
      natsConnection_FlushTimeout(connection_.get(), milliseconds(state_->options.connect_time));
    }
  }

  Errand take_errand() {
    State& state = *state_;
    Errand errand{.messages = state.outbox.take_all(),
                  .wanted_changed = std::exchange(state.wanted_changed, false),
                  .say_all = std::exchange(state.say_all, false),
                  .ask_all = std::exchange(state.ask_all, false),
                  .tell_up = std::exchange(state.tell_up, false)};
    if (errand.wanted_changed) errand.wanted = state.wanted;
    const auto now = Clock::now();
    // After a silence that was ours the others have the time of a heartbeat to be heard.
    errand.heartbeat = !errand.tell_up && now >= next_heartbeat_;
    if (errand.tell_up || errand.heartbeat) next_heartbeat_ = now + state.options.heartbeat;
    return errand;
  }

  static bool is_anything(const Errand& errand) {
    return !errand.messages.empty() || errand.wanted_changed || errand.say_all || errand.ask_all ||
           errand.tell_up || errand.heartbeat;
  }

  void run(Errand errand) {
    const std::uint64_t connection = reconnects();
    if (errand.wanted_changed) subscribe(errand.wanted);
    if (errand.say_all) say_all();
    if (errand.ask_all) say({.hub = state_->id, .kind = Word::Kind::ask, .number = said_});
    if (errand.heartbeat) {
      say({.hub = state_->id, .kind = Word::Kind::here, .number = said_});
      count_overruns();
      const auto now = Clock::now();
      State::tell(state_, [now](Observer& observer) { observer.heartbeat(now); });
    }
    std::uint64_t sent = 0;
    std::uint64_t refused = 0;
    std::deque<Crossing>& messages = errand.messages;
    while (!messages.empty()) {
      const Outcome outcome = publish(messages.front());
      if (outcome == Outcome::peer_gone) break;
      ++(outcome == Outcome::ok ? sent : refused);
      messages.pop_front();
    }
    // It is asked besides: where a connection is lost, flushes on two threads, and libnats has one
    // of its own after each reconnect, may share a pong, and then one of them says that it came.
    const bool confirmed = flush() && connected() && reconnects() == connection;
    {
      const std::lock_guard lock(state_->mutex);
      (confirmed ? state_->counts.out : state_->counts.unconfirmed) += sent;
      state_->counts.dropped_out += refused;
      state_->outbox.settle(std::move(messages));
      const bool keep = state_->options.keep_while_away || state_->connection == Connection::up;
      if (!keep) state_->counts.dropped_out += state_->outbox.clear();
      // Whoever heard it may have been cut off before the others did.
      if (!confirmed) state_->say_all = true;
      if (!confirmed && errand.tell_up) state_->tell_up = true;
    }
    if (confirmed && errand.tell_up) tell_up();
  }

  bool connected() {
    return natsConnection_Status(connection_.get()) == NATS_CONN_STATUS_CONNECTED;
  }

  void tell_up() {
    std::string url(256, '\0');
    natsConnection_GetConnectedUrl(connection_.get(), url.data(), url.size());
    url.resize(url.find('\0'));
    LinkEvent event = event_of(LinkEvent::Kind::up, {}, listed({url}), "connected");
    event.about.code = {};
    State::tell(state_,
                [event = std::move(event)](Observer& observer) { observer.changed(event); });
  }

  /// Until the server has had everything. False: the connection went away.
  bool flush() {
    natsStatus status = NATS_TIMEOUT;
    while (status == NATS_TIMEOUT && connected()) {
      status = link::flush(connection_.get(), milliseconds(state_->options.connect_time));
      const std::lock_guard lock(state_->mutex);
      if (state_->stopping) break;
    }
    return status == NATS_OK;
  }

  /// ok; failed: it can never be sent; peer_gone: not now
  Outcome publish(const Crossing& message) {
    const NatsMessage made = to_nats(message);
    if (!made) return Outcome::failed;
    switch (natsConnection_PublishMsg(connection_.get(), made.get())) {
      case NATS_OK: return Outcome::ok;
      case NATS_MAX_PAYLOAD:
      case NATS_INVALID_ARG:
      case NATS_INVALID_SUBJECT:
      case NATS_NO_SERVER_SUPPORT: return Outcome::failed;  // the last: of headers
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

  // What is wanted -------------------------------------------------------------------------------

  /// Our subscriptions overlap where those of the hub do. In one queue group each message comes
  /// once nevertheless, also while they come and go.
  void subscribe(const std::set<std::string>& wanted) {
    std::vector<std::string> lines;
    for (const std::string& pattern : wanted) {
      if (subscriptions_.contains(pattern)) continue;
      natsSubscription* made = nullptr;
      const natsStatus status = natsConnection_QueueSubscribe(
          &made, connection_.get(), pattern.c_str(), group_.c_str(),
          &Callbacks::message<Way::import>, Callbacks::closure(number_));
      if (status != NATS_OK) continue;  // the connection has been closed
      subscriptions_.emplace(pattern, made);
      Callbacks::follow(made);
      lines.push_back('+' + pattern);
    }
    std::erase_if(leaving_, [](auto& one) { return !natsSubscription_IsValid(one.get()); });
    for (auto one = subscriptions_.begin(); one != subscriptions_.end();) {
      if (wanted.contains(one->first)) {
        ++one;
        continue;
      }
      lines.push_back('-' + one->first);
      // What is on its way to it is still delivered.
      natsSubscription_Drain(one->second.get());
      leaving_.push_back(std::move(one->second));
      one = subscriptions_.erase(one);
    }
    say_lines(Word::Kind::change, lines);
  }

  void say_all() {
    std::vector<std::string> lines;
    lines.reserve(subscriptions_.size());
    for (const auto& [pattern, subscription] : subscriptions_) lines.push_back('+' + pattern);
    say_lines(Word::Kind::all, lines);
  }

  /// In as many words as it takes.
  void say_lines(Word::Kind kind, const std::vector<std::string>& lines) {
    Word word{.hub = state_->id, .kind = kind, .number = said_};
    std::size_t size = 0;
    const auto say_word = [&] {
      if (word.kind == Word::Kind::change) word.number = ++said_;
      say(word);
      word = {.hub = state_->id, .kind = Word::Kind::change, .number = said_};
      size = 0;
    };
    for (const std::string& line : lines) {
      word.lines.push_back(line);
      size += line.size() + 1;
      if (size >= piece) say_word();
    }
    if (word.kind == Word::Kind::all || !word.lines.empty()) say_word();
  }

  void say(const Word& word) {
    const std::string text = word.text();
    natsConnection_Publish(connection_.get(), word_subject, text.data(),
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

  std::shared_ptr<State> state_;
  Callbacks::Number number_;
  std::string group_;
  Clock::time_point next_heartbeat_;
  std::uint64_t said_ = 0;  // the number of our last word that changed anything
  std::uint64_t overruns_before_ = 0;
  std::uint64_t overruns_now_ = 0;
  NatsConnection connection_;
  NatsSubscription words_;
  NatsSubscription answers_;
  std::map<std::string, NatsSubscription> subscriptions_;
  std::vector<NatsSubscription> leaving_;
};

// Cluster ----------------------------------------------------------------------------------------

Cluster::Cluster(Loop& loop, LinkOptions options, std::string id, std::string answers,
                 Observer& observer)
    : state_(std::make_shared<State>(loop, std::move(options), std::move(id), std::move(answers),
                                     observer)),
      thread_(core::quiet_thread([state = state_] { Worker(state).run(); })) {}

Cluster::~Cluster() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
    state_->news.notify_all();
  }
  thread_.join();
  const std::lock_guard lock(state_->telling);
  state_->loop = nullptr;
  state_->observer = nullptr;
}

void Cluster::offer(Crossing message) {
  const std::lock_guard lock(state_->mutex);
  if (!state_->options.keep_while_away && state_->connection != State::Connection::up) {
    ++state_->counts.dropped_out;
    return;
  }
  const bool first = state_->outbox.empty();
  state_->counts.dropped_out += state_->outbox.offer(std::move(message));
  if (first) state_->news.notify_all();
}

std::optional<Crossing> Cluster::take() {
  const std::lock_guard lock(state_->mutex);
  return state_->inbox.take();
}

void Cluster::want(const std::string& pattern, bool wanted) {
  const std::lock_guard lock(state_->mutex);
  if (wanted) {
    state_->wanted.insert(pattern);
  } else {
    state_->wanted.erase(pattern);
  }
  state_->wanted_changed = true;
  state_->news.notify_all();
}

void Cluster::say_all() {
  const std::lock_guard lock(state_->mutex);
  state_->say_all = true;
  state_->news.notify_all();
}

void Cluster::ask_all() {
  const std::lock_guard lock(state_->mutex);
  state_->ask_all = true;
  state_->news.notify_all();
}

void Cluster::finish() {
  const std::lock_guard lock(state_->mutex);
  state_->finishing = true;
  state_->news.notify_all();
}

LinkStatistics Cluster::statistics() const {
  const std::lock_guard lock(state_->mutex);
  LinkStatistics counts = state_->counts;
  counts.kept = state_->outbox.size();
  counts.dropped_in += state_->overruns;
  return counts;
}

// A message that libnats destroys goes to its collector, a thread; told to close, that one may end
// before the one that delivers, and leave behind what comes from there (3.4.1). So that one is to
// have nothing left to do.
bool Cluster::end_threads(Duration within) {
  const core::Deadline deadline(within);
  Callbacks::wait_until_gone(within);
  const std::int64_t left = within == forever ? 0 : milliseconds(deadline.left());  // 0: no end
  return nats_CloseAndWait(left) == NATS_OK;
}

}  // namespace hallway::link
