// SPDX-License-Identifier: Apache-2.0
#include <hallway/server.hpp>

#include <algorithm>
#include <cassert>
#include <new>
#include <optional>

#include <hallway/deadline.hpp>

#include "core/accounts.hpp"
#include "core/check_overflow.hpp"
#include "core/received_descriptors.hpp"
#include "core/scoped_value.hpp"
#include "loop/loop_core.hpp"
#include "message/server/server_handover.hpp"
#include "message/server/server_listeners.hpp"
#include "message/server/shard_set.hpp"
#include "message/server/takeover.hpp"
#include "net/listener_handover.hpp"
#include "net/path_monitor.hpp"
#include "net/resolve.hpp"
#include "net/responsible.hpp"
#include "net/tcp_listener.hpp"
#include "net/trust.hpp"
#include "sys/event.hpp"
#include "sys/file.hpp"
#include "sys/socket.hpp"

namespace hallway {

namespace {

using namespace std::chrono_literals;

// Clients accepted per event, so that a burst of new clients does not starve the connected ones.
constexpr int max_accepted_per_event = 64;
constexpr Duration accepting_share = 1ms;

// Out of descriptors or memory: unless one of our own connections ended, no event reports that
// there is room again.
constexpr Duration retry_accepting = 100ms;

// How long a successor waits before it asks again.
constexpr Duration between_takeovers = 20ms;

std::optional<int> reserve_from(std::size_t reserve) {
  const auto limit = sys::descriptor_limit();
  if (!limit || *limit > INT32_MAX || *limit <= reserve) return std::nullopt;
  return static_cast<int>(*limit - reserve);
}

// A uid may always have one message, or the 64th part of the memory if that is less.
constexpr std::size_t least_part = 64;

std::shared_ptr<core::Accounts> make_accounts(const ServerOptions& options) {
  const ServerLimits& limits = options.server_limits;
  const std::size_t message = std::min(options.connection.limits.max_message, bounds::max_message);
  const std::size_t least = std::min(limits.max_memory / least_part, message + bounds::chunk);
  return std::make_shared<core::Accounts>(core::Accounts::Limits{
      .connections = {limits.max_connections, limits.max_connections_per_uid},
      .memory = {limits.max_memory, limits.max_memory_per_uid, least},
      .send_buffers = {.all = limits.send_buffers}});
}

Result<void> check(const ServerOptions& options) {
  return core::check_overflow(options.connection.overflow, broadcast_policies,
                              "a server's broadcasts");
}

/// Whether it is an error of listening over TCP, which no other process is about to end.
bool of_tcp(const Error& error) { return error.subject.starts_with("tcp:"); }

BindOptions bind_options(const ServerOptions& options) {
  return {options.type, options.file, options.backlog};
}

/// A TCP listener, and what happens when a client waits on it.
class WatchedTcpListener final : private detail::Watch {
 public:
  using Action = std::function<void(net::TcpListener&)>;

  WatchedTcpListener(net::TcpListener listener, Action on_client)
      : listener_(std::move(listener)), on_client_(std::move(on_client)) {}
  WatchedTcpListener(const WatchedTcpListener&) = delete;
  WatchedTcpListener& operator=(const WatchedTcpListener&) = delete;
  ~WatchedTcpListener() override { stop_watching(); }  // before its socket closes

  Result<void> start(detail::LoopCore& core) {
    return watch(core, listener_.descriptor(), sys::event_readable);
  }
  using Watch::set_events;
  /// Safe while `on_client` runs. Clients that still wait are reset, unless a successor has the
  /// queue.
  void close() noexcept {
    stop_watching();
    listener_.close();
  }

  [[nodiscard]] net::TcpListener& listener() noexcept { return listener_; }
  [[nodiscard]] const net::TcpListener& listener() const noexcept { return listener_; }

 private:
  void ready(std::uint32_t /*events*/) override { on_client_(listener_); }

  net::TcpListener listener_;
  Action on_client_;
};

}  // namespace

/// Accepts and admits clients, and gives each admitted one to a shard.
class Server::Core : private detail::Watch, private detail::Timer {
 public:
  Core(Loop& loop, Listener listener, std::vector<net::TcpListener> tcp, ConnectionHandler handler,
       ServerOptions options)
      : loop_(loop),
        listener_(std::move(listener)),
        address_(listener_.address()),
        handler_(std::move(handler)),
        options_(std::move(options)),
        events_(std::move(options_.on_event)),
        accounts_(make_accounts(options_)),
        shards_(loop_, handler_, events_, [this] { finish_if_drained(); }) {
    accounts_->on_slot_freed([this] { slot_freed(); });
    for (net::TcpListener& one : tcp) {
      const auto accept = [this](net::TcpListener& from) { accept_some_over_tcp(from); };
      tcp_.push_back(std::make_unique<WatchedTcpListener>(std::move(one), accept));
    }
  }
  ~Core() override {
    stop_watching();
    accounts_->on_slot_freed({});  // connections that end after us still have slots
  }
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  Result<void> start();
  /// Offers the name to a successor, on `control` if a predecessor handed that over.
  Result<void> offer_takeover(std::optional<Listener> control);
  Result<void> set_allow(const std::vector<AllowRule>& rules);
  void drain();
  [[nodiscard]] Result<net::Handover> offer() const {
    return detail::ListenerHandover::offer(listener_);
  }
  [[nodiscard]] Descriptor export_state() const;
  void import_state(Descriptor state) const;
  [[nodiscard]] Result<std::vector<Descriptor>> offer_tcp() const;
  void hand_over();
  Result<void> claim();
  [[nodiscard]] Task<> broadcast(ByteView message) { return shards_.broadcast(message); }

  [[nodiscard]] const Address& address() const noexcept { return address_; }
  [[nodiscard]] std::vector<std::string> tcp_addresses() const;
  [[nodiscard]] std::optional<std::string> lost() const { return listener_.lost(); }
  [[nodiscard]] std::size_t connections() const noexcept {
    return accounts_->used(core::Quota::connections);
  }

 private:
  void ready(std::uint32_t events) override;
  void fire() override;

  template <typename AcceptOne>
  void accept_some(int most, AcceptOne accept_one);
  void accept_some(int most);
  void accept_some_over_tcp(net::TcpListener& from);
  bool may_accept();
  void pause_after(const Error& error);
  bool accept_one();
  bool accept_one_over_tcp(net::TcpListener& from);
  void add_client(Descriptor socket, const Result<Peer>& peer, bool over_tcp = false);
  [[nodiscard]] std::optional<core::Slot> admit(std::uint64_t number, const Peer& peer,
                                                Descriptor& socket);
  [[nodiscard]] bool is_allowed(int socket, const Peer& peer) const;
  void turn_away(std::uint64_t number, const Peer& peer, Descriptor socket, std::string reason);
  void turn_away_over_limit(std::uint64_t number, const Peer& peer, std::uint32_t uid,
                            Descriptor socket);
  [[nodiscard]] std::uint32_t responsible_for(const Peer& peer);
  void note_descriptor(int descriptor);
  void slot_freed();
  void pause(std::string reason);
  void resume();
  void accept_rest();
  void finish_if_drained();
  void close_tcp() noexcept {
    for (const auto& one : tcp_) one->close();
  }
  void set_accepting(bool accepting);
  void update_fd_passing() const;
  [[nodiscard]] bool only_the_reserve_is_left();
  [[nodiscard]] bool watches_paths() const noexcept;
  void watch_listener();
  void watch_control();
  bool rebind_listener();
  bool rebind_control(const Address& path);
  void path_lost(const Address& path, const std::string& why);
  void path_regained(const Address& path);
  void report(ServerEvent::Kind kind, std::string reason = {}) noexcept {
    events_.report(kind, 0, {}, std::move(reason));
  }
  void report_path(ServerEvent::Kind kind, const Address& path,
                   const std::string& why) const noexcept;

  Loop& loop_;
  Listener listener_;
  std::vector<Listener> unreachable_;  // lost their paths; clients may still be queued there
  std::vector<std::unique_ptr<WatchedTcpListener>> tcp_;
  const Address address_;
  ConnectionHandler handler_;
  ServerOptions options_;
  const message::EventReporter events_;
  const std::shared_ptr<core::Accounts> accounts_;    // also used by connections that end after us
  std::optional<net::SubordinateUids> subordinates_;  // unset until first read
  std::shared_ptr<const detail::ConnectionConfig> config_;
  std::uint64_t accepted_ = 0;
  bool accepting_ = false;
  bool paused_ = false;
  bool draining_ = false;
  int highest_below_reserve_ = -1;         // of the descriptors that clients had so far
  bool near_reserve_ = false;              // see only_the_reserve_is_left()
  std::optional<detail::WorkGuard> work_;  // until it has drained
  std::unique_ptr<message::TakeoverServer> takeover_;
  std::string no_takeover_;  // why there is none: its path could not be bound again
  std::optional<net::PathMonitor> listener_watch_;
  std::optional<net::PathMonitor> control_watch_;
  message::ShardSet shards_;      // handlers refer to everything above
  Loop::DrainCallback on_drain_;  // last: it refers to all members
};

Result<void> Server::Core::set_allow(const std::vector<AllowRule>& rules) {
  auto usable = resolved(rules);
  if (!usable) return std::unexpected(std::move(usable.error()));
  options_.allow = std::move(*usable);
  subordinates_.reset();  // a reload may also concern these
  return {};
}

Result<void> Server::Core::start() {
  if (auto set = set_allow(options_.allow); !set) return set;
  config_ = std::make_shared<const detail::ConnectionConfig>(
      detail::ConnectionConfig{options_.connection, address_, listener_.type(), "the client"});
  auto opened = shards_.open(options_.loops, config_, accounts_);
  if (!opened) return opened;
  // An adopted listener still belongs to the predecessor: claim() does this later.
  if (!options_.takeover) update_fd_passing();
  auto watched = watch(loop_.core(), listener_.descriptor(), sys::event_readable);
  for (const auto& one : tcp_) {
    if (watched) watched = one->start(loop_.core());
  }
  if (!watched) return watched;
  work_.emplace(loop_.core());
  on_drain_ = loop_.on_drain([this] { drain(); });
  watch_listener();
  return {};
}

Result<void> Server::Core::offer_takeover(std::optional<Listener> control) {
  message::TakeoverServer::Host offered{.offer = [this]() -> Result<std::optional<net::Handover>> {
                                          if (draining_) return std::nullopt;
                                          return offer();
                                        },
                                        .state = [this] { return export_state(); },
                                        .offer_tcp = [this] { return offer_tcp(); },
                                        .hand_over =
                                            [this](const Peer& successor) {
                                              hand_over();
                                              events_.report(ServerEvent::Kind::taken_over, 0,
                                                             successor,
                                                             "by " + successor.to_string());
                                            }};
  auto opened = control
                    ? message::TakeoverServer::open(loop_, std::move(*control), std::move(offered))
                    : message::TakeoverServer::open(loop_, address_, std::move(offered));
  if (!opened) return std::unexpected(opened.error());
  takeover_ = std::move(*opened);
  watch_control();
  return {};
}

// Accepting --------------------------------------------------------------------------------------
//
// The path of a client: accept_one() accepts its socket, admit() takes a slot for it,
// ShardSet::add() picks a shard, and Shard::add() starts its handler.

void Server::Core::ready(std::uint32_t /*events*/) { accept_some(max_accepted_per_event); }

void Server::Core::accept_some(int most) {
  accept_some(most, [this] { return accept_one(); });
}

/// A server that drains has closed its TCP listeners, so this never completes a drain.
void Server::Core::accept_some_over_tcp(net::TcpListener& from) {
  accept_some(max_accepted_per_event, [this, &from] { return accept_one_over_tcp(from); });
}

template <typename AcceptOne>
void Server::Core::accept_some(int most, AcceptOne accept_one) {
  // A handler that ends at once frees its slot inside this loop, which then simply continues.
  if (accepting_) return;
  const auto began = Loop::Clock::now();
  bool queue_empty = false;
  {
    const core::ScopedValue accepting(accepting_, true);
    shards_.tidy();
    try {
      const auto over = [&] {
        return most == max_accepted_per_event && Loop::Clock::now() - began > accepting_share;
      };
      for (int i = 0; i < most && !paused_ && !queue_empty && !over(); ++i) {
        queue_empty = !accept_one();
      }
    } catch (const std::bad_alloc&) {
      // Tried again in the next turn: clients that wait still make the listener readable.
    }
  }
  if (queue_empty) finish_if_drained();
}

/// @return false if there is no room for a client: accepting is then paused
bool Server::Core::may_accept() {
  if (connections() >= options_.server_limits.max_connections) {
    pause("all places (" + std::to_string(connections()) + ") are taken");
    return false;
  }
  if (only_the_reserve_is_left()) {
    start_after(loop_.core(), retry_accepting);
    pause("only reserved descriptors are left");
    return false;
  }
  return true;
}

/// If descriptors or memory are missing, only time helps. All other errors are also reported and
/// tried again: a server must not stop listening because of one client.
void Server::Core::pause_after(const Error& error) {
  start_after(loop_.core(), retry_accepting);
  pause(error.why());
}

/// @return false if no client waits
bool Server::Core::accept_one() {
  if (!may_accept()) return true;
  Listener& from = unreachable_.empty() ? listener_ : unreachable_.back();
  auto accepted = from.accept();
  if (!accepted) {
    pause_after(accepted.error());
    return true;
  }
  if (!*accepted) {
    if (unreachable_.empty()) return false;
    unreachable_.pop_back();
    return true;
  }
  const auto peer = Peer::of((*accepted)->get());
  add_client(std::move(**accepted), peer);
  return true;
}

/// As accept_one().
bool Server::Core::accept_one_over_tcp(net::TcpListener& from) {
  if (!may_accept()) return true;
  auto accepted = from.accept();
  if (!accepted) {
    pause_after(accepted.error());
    return true;
  }
  if (!*accepted) return false;
  const auto peer = net::tcp_peer((*accepted)->get());
  add_client(std::move(**accepted), peer, true);
  return true;
}

void Server::Core::add_client(Descriptor socket, const Result<Peer>& peer, bool over_tcp) {
  const std::uint64_t number = ++accepted_;
  try {
    if (!peer) {
      const Peer unknown{.over_tcp = over_tcp};
      return events_.report(ServerEvent::Kind::turned_away, number, unknown,
                            peer.error().explain());
    }
    auto slot = admit(number, *peer, socket);
    if (!slot) return;
    // Before the handler runs: if it ends at once, freeing its slot must find us paused.
    if (socket.get() > highest_below_reserve_) note_descriptor(socket.get());
    shards_.add({std::move(socket), *peer, number, std::move(*slot)});
  } catch (const std::bad_alloc&) {
    events_.report(ServerEvent::Kind::turned_away, number, {}, "out of memory");
  }
}

/// @return nullopt if the client was turned away
std::optional<core::Slot> Server::Core::admit(std::uint64_t number, const Peer& peer,
                                              Descriptor& socket) {
  if (!is_allowed(socket.get(), peer)) {
    turn_away(number, peer, std::move(socket), "no rule admits it");
    return std::nullopt;
  }
  const std::uint32_t uid = responsible_for(peer);
  const Peer responsible{.uid = uid, .over_tcp = peer.over_tcp};
  auto slot = accounts_->admit(uid, net::trusts(responsible));
  if (!slot) turn_away_over_limit(number, peer, uid, std::move(socket));
  return slot;
}

bool Server::Core::is_allowed(int socket, const Peer& peer) const {
  // Neither an abstract name nor a port has permissions.
  const bool bare = address_.kind() == Address::Kind::abstract || peer.over_tcp;
  if (options_.allow.empty() && !bare) return true;
  // Groups are looked up only if there are rules, because that is a system call.
  const auto groups = options_.allow.empty()
                          ? std::vector<std::uint32_t>()
                          : Peer::groups_of(socket).value_or(std::vector<std::uint32_t>());
  const auto admits = [&](const AllowRule& rule) { return rule.admits(peer, groups); };
  const bool own = bare && (admits(allow::same_uid()) || admits(allow::root()));
  return own || std::ranges::any_of(options_.allow, admits);
}

void Server::Core::turn_away(std::uint64_t number, const Peer& peer, Descriptor socket,
                             std::string reason) {
  events_.report(ServerEvent::Kind::turned_away, number, peer, std::move(reason));
  // Descriptors may be queued in the socket.
  if (options_.connection.descriptors > 0) core::close_in_background(std::move(socket));
}

/// Turns away a client whose uid has reached its limit or its share of the connections. What
/// refusal_text() returns is sent over a connection that no account is charged for: the text fits
/// into the socket's empty send buffer, and the connection closes at the end of the turn.
void Server::Core::turn_away_over_limit(std::uint64_t number, const Peer& peer, std::uint32_t uid,
                                        Descriptor socket) {
  const std::size_t present = accounts_->connections_of(uid);
  const bool own = uid == peer.uid;
  const bool at_limit = present >= options_.server_limits.max_connections_per_uid;
  std::string reason =
      (own ? "its uid" : "uid " + std::to_string(uid) + ", which is responsible for it,") +
      " already has " + std::to_string(present) + " connections" +
      (at_limit ? "" : ", its share of those left by other users");
  if (!options_.refusal_text) return turn_away(number, peer, std::move(socket), std::move(reason));
  const std::string text = options_.refusal_text(number);
  events_.report(ServerEvent::Kind::turned_away, number, peer, std::move(reason));
  auto connection = detail::ConnectionState::open(loop_, std::move(socket), peer, config_);
  if (!connection) return;
  connection->set_framing(Framing::raw(), Framing::raw());
  connection->try_send(text);
}

std::uint32_t Server::Core::responsible_for(const Peer& peer) {
  // A uid that has an account is responsible for itself.
  if (net::trusts(peer) || accounts_->connections_of(peer.uid) > 0) return peer.uid;
  if (!subordinates_) subordinates_ = net::SubordinateUids::read();
  return net::responsible_uid(peer, subordinates_.value_or(net::SubordinateUids()));
}

// Pausing ----------------------------------------------------------------------------------------

void Server::Core::slot_freed() {
  resume();
  if (draining_) {
    accept_rest();
  } else if (!unreachable_.empty()) {
    accept_some(max_accepted_per_event);
  }
}

// The kernel assigns the lowest free number, so a low free number means that the last client may be
// replaced. Checked only once the limit was reached, because it costs two system calls. One client
// at a time is served even if the program itself has used all descriptors but the reserve.
bool Server::Core::only_the_reserve_is_left() {
  near_reserve_ = near_reserve_ && connections() > 0;
  if (!near_reserve_) return false;
  const auto reserve = reserve_from(options_.server_limits.descriptor_reserve);
  const auto lowest = sys::duplicate(listener_.descriptor());
  // The client that reached the limit has exactly that number, and may also be replaced.
  return !lowest || (reserve && lowest->get() > *reserve);
}

/// Called only for a descriptor higher than all before, so that the limit is not looked up for
/// every client.
void Server::Core::note_descriptor(int descriptor) {
  const auto reserve = reserve_from(options_.server_limits.descriptor_reserve);
  near_reserve_ = reserve && descriptor >= *reserve;
  if (near_reserve_) {
    pause("only reserved descriptors are left");
  } else {
    highest_below_reserve_ = descriptor;
  }
}

void Server::Core::pause(std::string reason) {
  if (paused_) return;
  paused_ = true;
  set_accepting(false);
  report(ServerEvent::Kind::accepting_paused, std::move(reason));
}

void Server::Core::resume() {
  if (!paused_) return;
  paused_ = false;
  detail::Timer::stop();
  if (!draining_) set_accepting(true);
  report(ServerEvent::Kind::accepting_resumed);
}

void Server::Core::set_accepting(bool accepting) {
  const std::uint32_t events = accepting ? sys::event_readable : 0;
  set_events(events);
  for (const auto& one : tcp_) one->set_events(events);
}

// Draining ---------------------------------------------------------------------------------------

void Server::Core::drain() {
  if (draining_) return;
  // A TCP socket cannot refuse new clients and keep those in its queue, so these are accepted
  // first, as far as there are places.
  for (const auto& one : tcp_) {
    accept_some(INT32_MAX, [&] { return accept_one_over_tcp(one->listener()); });
  }
  close_tcp();
  draining_ = true;
  if (listener_watch_) listener_watch_->stop();
  if (control_watch_) control_watch_->stop();
  if (takeover_) takeover_->drain();
  listener_.refuse();
  // No client can join the queue any longer, or another process serves it. There is no event to
  // wait for, and epoll would report the socket permanently.
  set_events(0);
  shards_.drain();
  accept_rest();
}

Descriptor Server::Core::export_state() const {
  if (!options_.export_state) return {};
  try {
    return options_.export_state();
  } catch (const std::bad_alloc&) {
    return {};  // the successor begins without it
  }
}

void Server::Core::import_state(Descriptor state) const {
  if (!options_.import_state || !state.holds_one()) return;
  try {
    options_.import_state(std::move(state));
  } catch (const std::bad_alloc&) {
    // It goes on with what was imported so far.
  }
}

// The successor keeps the queue and the name: neither is shut down or removed here.
void Server::Core::hand_over() {
  close_tcp();
  detail::ListenerHandover::hand_over(listener_);
  drain();
}

/// Copies of the TCP listeners, except those that stay with the process that made them.
Result<std::vector<Descriptor>> Server::Core::offer_tcp() const {
  std::vector<Descriptor> copies;
  for (const auto& one : tcp_) {
    if (one->listener().inherited()) continue;
    auto copy = one->listener().copy();
    if (!copy) return std::unexpected(copy.error());
    copies.push_back(std::move(*copy));
  }
  return copies;
}

std::vector<std::string> Server::Core::tcp_addresses() const {
  std::vector<std::string> all;
  all.reserve(tcp_.size());
  for (const auto& one : tcp_) all.push_back(one->listener().address());
  return all;
}

Result<void> Server::Core::claim() {
  update_fd_passing();
  auto claimed = detail::ListenerHandover::claim(listener_);
  if (takeover_) {
    auto control = takeover_->claim();
    if (claimed) claimed = std::move(control);
  }
  return claimed;
}

// Accepted sockets inherit this, so it is set before accept(2). A listener that was made elsewhere
// may have the opposite setting.
void Server::Core::update_fd_passing() const {
  if (options_.connection.descriptors == 0) {
    sys::deny_fd_passing(listener_.descriptor());
  } else {
    (void)sys::allow_fd_passing(listener_.descriptor(),
                                true);  // older kernels pass them in any case
  }
}

// Clients in the backlog are already connected, so they are also served. Their number is bounded,
// because no more can join.
void Server::Core::accept_rest() { accept_some(INT32_MAX); }

void Server::Core::finish_if_drained() {
  if (!draining_ || paused_ || connections() > 0 || !work_) return;
  stop_watching();
  listener_.close();
  if (!shards_.end()) return;  // called again when a thread ends
  work_.reset();
}

void Server::Core::fire() {
  resume();
  if (draining_ && work_) accept_rest();  // once finished, there is no client to accept
}

// The paths --------------------------------------------------------------------------------------

bool Server::Core::watches_paths() const noexcept {
  return options_.on_path_lost != PathLost::ignore && address_.kind() == Address::Kind::path;
}

void Server::Core::watch_listener() {
  if (!watches_paths()) return;
  listener_watch_.emplace(
      loop_.core(), address_.name(),
      net::PathMonitor::Owner{.lost = [this] { return listener_.lost(); },
                              .on_lost = [this](const auto& why) { path_lost(address_, why); },
                              .on_regained = [this] { path_regained(address_); },
                              .rebind = [this] { return rebind_listener(); }});
  listener_watch_->start();
}

void Server::Core::watch_control() {
  if (!watches_paths()) return;
  if (control_watch_) return control_watch_->check_soon();
  const Address path = takeover_->address();
  control_watch_.emplace(
      loop_.core(), path.name(),
      net::PathMonitor::Owner{
          .lost = [this] { return takeover_ ? takeover_->lost() : std::optional(no_takeover_); },
          .on_lost = [this, path](const auto& why) { path_lost(path, why); },
          .on_regained = [this, path] { path_regained(path); },
          .rebind = [this, path] { return rebind_control(path); }});
  control_watch_->start();
}

void Server::Core::path_lost(const Address& path, const std::string& why) {
  report_path(ServerEvent::Kind::path_lost, path, why);
  if (options_.on_path_lost == PathLost::drain) drain();
}

void Server::Core::path_regained(const Address& path) {
  report_path(ServerEvent::Kind::path_regained, path, {});
  while (!unreachable_.empty() && !paused_) accept_one();
}

/// A socket can be bound only once, so the path gets a new socket.
bool Server::Core::rebind_listener() {
  if (options_.on_path_lost != PathLost::rebind) return false;
  // Listener::bind_again() would connect to a live server at the path on each attempt.
  if (net::is_held(address_).value_or(false)) return false;
  auto fresh = listener_.bind_again();
  if (!fresh) return false;
  stop_watching();
  const auto watched = watch(loop_.core(), fresh->descriptor(), paused_ ? 0 : sys::event_readable);
  if (!watched) {
    (void)watch(loop_.core(), listener_.descriptor(), paused_ ? 0 : sys::event_readable);
    return false;
  }
  unreachable_.push_back(std::exchange(listener_, std::move(*fresh)));
  update_fd_passing();
  // A successor that is about to take over has the other socket.
  if (takeover_) (void)rebind_control(Address(takeover_->address()));
  return true;
}

/// Binds under the lock of the listener's path, which is regained first.
bool Server::Core::rebind_control(const Address& path) {
  if (options_.on_path_lost != PathLost::rebind || listener_.lost()) return false;
  const bool is_ours = takeover_ && !takeover_->lost();
  if (!is_ours && net::is_held(path).value_or(false)) return false;
  takeover_.reset();
  auto offered = offer_takeover({});
  if (!offered) no_takeover_ = offered.error().why();
  return offered.has_value();
}

// Events -----------------------------------------------------------------------------------------

void Server::Core::report_path(ServerEvent::Kind kind, const Address& path,
                               const std::string& why) const noexcept {
  try {
    events_.report({kind, 0, {}, why, {}, path});
  } catch (const std::bad_alloc&) {
    // The event is lost, as in EventReporter::report().
  }
}

// Server -----------------------------------------------------------------------------------------

Result<Server> Server::open(Loop& loop, const AddressSpec& address, ConnectionHandler handler,
                            ServerOptions options) {
  return detail::ServerListeners::open(loop, address, std::move(handler), std::move(options), {});
}

Result<Server> Server::open(Loop& loop, Listener listener, ConnectionHandler handler,
                            ServerOptions options) {
  return detail::ServerListeners::start(loop, std::move(listener), {}, std::move(handler),
                                        std::move(options));
}

Server::Server(std::unique_ptr<Core> core) noexcept : core_(std::move(core)) {}
Server::Server(Server&&) noexcept = default;
Server& Server::operator=(Server&&) noexcept = default;
Server::~Server() = default;

Task<> Server::broadcast(ByteView message) { return core_->broadcast(message); }
Result<void> Server::set_allow(const std::vector<AllowRule>& rules) {
  return core_->set_allow(rules);
}
void Server::drain() { core_->drain(); }
const Address& Server::address() const noexcept { return core_->address(); }
std::optional<std::string> Server::lost() const { return core_->lost(); }
std::size_t Server::connections() const noexcept { return core_->connections(); }

namespace detail {

Result<net::Handover> ServerHandover::offer(const Server& server) { return server.core_->offer(); }
void ServerHandover::hand_over(Server& server) { server.core_->hand_over(); }
Result<void> ServerHandover::claim(Server& server) { return server.core_->claim(); }

Result<Server> ServerListeners::open(Loop& loop, const AddressSpec& address,
                                     ConnectionHandler handler, ServerOptions options,
                                     const Tcp& tcp) {
  if (loop.error()) return std::unexpected(*loop.error());
  if (auto checked = check(options); !checked) return std::unexpected(checked.error());
  if (options.takeover) return take_over(loop, address, handler, options, tcp);
  auto listener = Listener::bind(address, bind_options(options));
  if (!listener) return std::unexpected(listener.error());
  auto over_tcp = net::TcpListener::open(tcp.addresses, {options.backlog, tcp.anywhere});
  if (!over_tcp) return std::unexpected(over_tcp.error());
  return start(loop, std::move(*listener), std::move(*over_tcp), std::move(handler),
               std::move(options));
}

std::vector<std::string> ServerListeners::tcp_addresses(const Server& server) {
  return server.core_->tcp_addresses();
}

Result<Server> ServerListeners::start(Loop& loop, Listener listener,
                                      std::vector<net::TcpListener> tcp, ConnectionHandler handler,
                                      ServerOptions options) {
  if (auto checked = check(options); !checked) return std::unexpected(checked.error());
  auto core = std::make_unique<Server::Core>(loop, std::move(listener), std::move(tcp),
                                             std::move(handler), std::move(options));
  if (auto started = core->start(); !started) return std::unexpected(started.error());
  return Server(std::move(core));
}

// A server that ends during a handover has committed nothing. The successor then finds what any
// server leaves behind, and starts again.
Result<Server> ServerListeners::take_over(Loop& loop, const AddressSpec& address,
                                          const ConnectionHandler& handler,
                                          const ServerOptions& options, const Tcp& tcp) {
  const Deadline deadline(defaults::takeover_time);
  while (true) {
    auto server = try_take_over(loop, address, handler, options, tcp);
    // The server ended during the handover, or does not offer one yet, or stops and still holds its
    // lock.
    const bool in_between = !server && !of_tcp(server.error()) &&
                            (server.error().code == std::errc::operation_canceled ||
                             server.error().code == std::errc::address_in_use);
    if (!in_between) return server;
    if (deadline.passed()) {
      if (server.error().code == std::errc::address_in_use && address.get()) {
        server.error().hint = "it does not offer a takeover: " +
                              message::TakeoverClient::why_not_offered(*address.get()) +
                              "; stop it, or use another address";
      }
      return server;
    }
    sys::pause_for(between_takeovers);
  }
}

Result<Server> ServerListeners::try_take_over(Loop& loop, const AddressSpec& address,
                                              const ConnectionHandler& handler,
                                              const ServerOptions& options, const Tcp& tcp) {
  auto takeover = message::TakeoverClient::begin(address, bind_options(options));
  if (!takeover) return std::unexpected(takeover.error());
  auto listener = *takeover ? Result<Listener>((*takeover)->take_listener())
                            : Listener::bind(address, bind_options(options));
  if (!listener) return std::unexpected(listener.error());
  auto control = *takeover ? std::optional((*takeover)->take_control()) : std::nullopt;
  auto over_tcp =
      net::TcpListener::open(tcp.addresses, {options.backlog, tcp.anywhere},
                             *takeover ? (*takeover)->take_tcp() : std::vector<Descriptor>());
  if (!over_tcp) return std::unexpected(over_tcp.error());

  auto server = start(loop, std::move(*listener), std::move(*over_tcp), handler, options);
  if (!server) return server;
  if (auto offered = server->core_->offer_takeover(std::move(control)); !offered) {
    return std::unexpected(offered.error());
  }
  if (*takeover) {
    auto state = (*takeover)->complete();
    if (!state) return std::unexpected(state.error());
    server->core_->import_state(std::move(*state));
  }
  if (auto claimed = server->core_->claim(); !claimed) return std::unexpected(claimed.error());
  return server;
}

}  // namespace detail

}  // namespace hallway
