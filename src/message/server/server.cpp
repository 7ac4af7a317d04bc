// SPDX-License-Identifier: Apache-2.0
#include <hallway/server.hpp>

#include <algorithm>
#include <cassert>
#include <new>
#include <optional>

#include "core/accounts.hpp"
#include "core/received_descriptors.hpp"
#include "loop/loop_core.hpp"
#include "message/server/shard_set.hpp"
#include "message/server/takeover.hpp"
#include "net/path_monitor.hpp"
#include "net/resolve.hpp"
#include "net/responsible.hpp"
#include "net/trust.hpp"
#include "sys/event.hpp"
#include "sys/file.hpp"
#include "sys/socket.hpp"

namespace hallway {

namespace {

using namespace std::chrono_literals;

// Clients accepted per event, so that a burst of new clients does not starve the connected ones.
constexpr int most_accepted = 64;
constexpr Duration accepting_share = 1ms;

// Out of descriptors or memory: unless one of our own connections ended, no event reports that
// there is room again.
constexpr Duration retry_accepting = 100ms;

// How often a successor asks again.
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
  const std::size_t message = std::min(options.limits.max_message, bounds::largest_message);
  const std::size_t least = std::min(limits.memory / least_part, message + bounds::chunk);
  return std::make_shared<core::Accounts>(
      core::Accounts::Limits{.connections = {limits.max_connections, limits.max_per_uid},
                             .memory = {limits.memory, limits.memory_per_uid, least},
                             .send_buffers = {.all = limits.send_buffers}});
}

/// A connection charged to an account, until its slot is acquired.
class Admitted {
 public:
  Admitted(core::Accounts& accounts, std::uint32_t uid, bool trusted)
      : accounts_(accounts), account_(accounts.admit(uid, trusted)) {}
  Admitted(const Admitted&) = delete;
  Admitted& operator=(const Admitted&) = delete;
  ~Admitted() {
    if (account_ != nullptr) accounts_.leave(*account_);
  }

  explicit operator bool() const noexcept { return account_ != nullptr; }
  [[nodiscard]] core::Account& account() const noexcept { return *account_; }
  void acquire_slot() noexcept { account_ = nullptr; }

 private:
  core::Accounts& accounts_;
  core::Account* account_;
};

BindOptions bind_options(const ServerOptions& options) {
  return {options.type, options.mode, options.owner, options.group, options.backlog};
}

}  // namespace

/// Accepts and admits clients, and assigns each admitted one to a shard.
class Server::Core : private detail::Watch,
                     private detail::Timer,
                     private message::RemoteShardDelegate {
 public:
  Core(Loop& loop, Listener listener, Handler handler, ServerOptions options)
      : loop_(loop),
        listener_(std::move(listener)),
        address_(listener_.address()),
        handler_(std::move(handler)),
        options_(std::move(options)),
        accounts_(make_accounts(options_)),
        shards_(loop_, *this, handler_) {}
  ~Core() override;
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  Result<void> start();
  /// Offers the name to a successor, on `control` if a predecessor handed that over.
  Result<void> offer_takeover(std::optional<Listener> control);
  Result<void> set_allow(const std::vector<AllowRule>& rules);
  void drain();
  [[nodiscard]] Result<Handover> offer() const { return listener_.offer(); }
  void hand_over();
  Result<void> claim();
  [[nodiscard]] Task<> broadcast(ByteView message) { return shards_.broadcast(message); }

  [[nodiscard]] const Address& address() const noexcept { return address_; }
  [[nodiscard]] std::optional<std::string> lost() const { return listener_.lost(); }
  [[nodiscard]] std::size_t connections() const noexcept { return slots_; }

 private:
  void ready(std::uint32_t events) override;
  void fire() override;

  void acquire_slot(core::Account& account) override;
  void release_slot(core::Account& account) noexcept override;
  void report(ServerEvent::Kind kind, std::uint64_t connection, const Peer& peer,
              std::string reason, const Counters& counters) noexcept override;
  [[nodiscard]] bool wants_events() const noexcept override {
    return static_cast<bool>(options_.on_event);
  }
  void shard_ended() override { finish_if_drained(); }

  void accept_some(int most);
  bool accept_one();
  void admit_socket(Descriptor socket);
  void admit_numbered(std::uint64_t number, Descriptor socket);
  void note_number(int descriptor);
  [[nodiscard]] Result<void> admit(int socket, const Peer& peer) const;
  void turn_away(std::uint64_t number, const Peer& peer, Descriptor socket, std::string reason);
  void turn_away_for_want_of_room(std::uint64_t number, const Peer& peer, std::uint32_t uid,
                                  Descriptor socket);
  [[nodiscard]] std::uint32_t responsible_for(const Peer& peer);
  void pause(std::string reason);
  void resume();
  void accept_rest();
  void finish_if_drained();
  void update_fd_passing() const;
  [[nodiscard]] bool only_the_reserve_is_left();
  [[nodiscard]] bool watches_paths() const noexcept;
  void watch_listener();
  void watch_control();
  bool rebind_listener();
  bool rebind_control(const Address& path);
  void path_lost(const Address& path, const std::string& why);
  void path_regained(const Address& path);
  void announce(ServerEvent::Kind kind, std::string reason = {}) noexcept {
    report(kind, 0, {}, std::move(reason), {});
  }
  void announce_path(ServerEvent::Kind kind, const Address& path,
                     const std::string& why) const noexcept;

  Loop& loop_;
  Listener listener_;
  std::vector<Listener> unreachable_;  // lost their paths; clients may still be queued there
  const Address address_;
  Handler handler_;
  ServerOptions options_;
  const std::shared_ptr<core::Accounts> accounts_;    // also used by connections that end after us
  std::optional<net::SubordinateUids> subordinates_;  // unset until first read
  std::shared_ptr<const detail::ConnectionConfig> config_;
  std::size_t slots_ = 0;
  std::uint64_t accepted_ = 0;
  bool accepting_ = false;
  bool paused_ = false;
  bool draining_ = false;
  int clear_of_reserve_ = -1;  // the highest descriptor of a client that was not near it
  bool near_reserve_ = false;  // see only_the_reserve_is_left()
  bool holds_loop_ = false;
  std::unique_ptr<message::TakeoverServer> takeover_;
  std::string no_takeover_;  // why there is none: its path could not be bound again
  std::optional<net::PathMonitor> listener_watch_;
  std::optional<net::PathMonitor> control_watch_;
  message::ShardSet shards_;  // last: handlers refer to everything above
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
  const ConnectionOptions connections{options_.framing, options_.descriptors, options_.limits,
                                      options_.full};
  config_ = std::make_shared<const detail::ConnectionConfig>(
      detail::ConnectionConfig{connections, address_, listener_.type()});
  auto opened = shards_.open(options_.loops, config_, accounts_);
  if (!opened) return opened;
  // An adopted listener still belongs to the predecessor: claim() does this later.
  if (!options_.takeover) update_fd_passing();
  auto watched = watch(loop_.core(), listener_.descriptor(), sys::event_readable);
  if (!watched) return watched;
  loop_.core().hold();
  holds_loop_ = true;
  loop_.on_drain(this, [this] { drain(); });
  watch_listener();
  return {};
}

Result<void> Server::Core::offer_takeover(std::optional<Listener> control) {
  message::TakeoverServer::Host offered{.offer = [this]() -> Result<std::optional<Handover>> {
                                          if (draining_) return std::nullopt;
                                          return offer();
                                        },
                                        .hand_over =
                                            [this](const Peer& successor) {
                                              hand_over();
                                              report(ServerEvent::Kind::taken_over, 0, successor,
                                                     "by " + successor.to_string(), {});
                                            }};
  auto opened = control
                    ? message::TakeoverServer::open(loop_, std::move(*control), std::move(offered))
                    : message::TakeoverServer::open(loop_, address_, std::move(offered));
  if (!opened) return std::unexpected(opened.error());
  takeover_ = std::move(*opened);
  watch_control();
  return {};
}

Server::Core::~Core() {
  loop_.forget(this);
  shards_.close();
  stop_watching();
  if (holds_loop_) loop_.core().let_go();
}

// Accepting --------------------------------------------------------------------------------------

void Server::Core::ready(std::uint32_t /*events*/) { accept_some(most_accepted); }

void Server::Core::accept_some(int most) {
  // A handler that ends at once frees its slot inside this loop, which then simply continues.
  if (accepting_) return;
  const auto began = Loop::Clock::now();
  bool queue_empty = false;
  {
    struct Accepting {
      bool& flag;
      ~Accepting() { flag = false; }
    } const accepting{accepting_ = true};
    shards_.tidy();
    try {
      const auto over = [&] {
        return most == most_accepted && Loop::Clock::now() - began > accepting_share;
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

/// @return false if no client waits
bool Server::Core::accept_one() {
  if (slots_ >= options_.server_limits.max_connections) {
    pause("all " + std::to_string(slots_) + " places are taken");
    return true;
  }
  if (only_the_reserve_is_left()) {
    detail::Timer::start(loop_.core(), Loop::Clock::now() + retry_accepting);
    pause("only the reserve of descriptors is left");
    return true;
  }
  Listener& from = unreachable_.empty() ? listener_ : unreachable_.back();
  auto accepted = from.accept();
  if (!accepted) {
    // If descriptors or memory are missing, only time helps. All other errors are also reported and
    // tried again: a server must not stop listening because of one client.
    detail::Timer::start(loop_.core(), Loop::Clock::now() + retry_accepting);
    pause(accepted.error().why());
    return true;
  }
  if (!*accepted) {
    if (unreachable_.empty()) return false;
    unreachable_.pop_back();
    return true;
  }
  admit_socket(std::move(**accepted));
  return true;
}

// The kernel assigns the lowest free number, so a low free number means that the last client may be
// replaced. Checked only once the limit was reached, because it costs two system calls. One client
// at a time is served even if the program itself has used all descriptors but the reserve.
bool Server::Core::only_the_reserve_is_left() {
  near_reserve_ = near_reserve_ && slots_ > 0;
  if (!near_reserve_) return false;
  const auto reserve = reserve_from(options_.server_limits.descriptor_reserve);
  const auto lowest = sys::duplicate(listener_.descriptor());
  // The client that reached the limit has exactly that number, and may also be replaced.
  return !lowest || (reserve && lowest->get() > *reserve);
}

void Server::Core::admit_socket(Descriptor socket) {
  const std::uint64_t number = ++accepted_;
  try {
    admit_numbered(number, std::move(socket));
  } catch (const std::bad_alloc&) {
    report(ServerEvent::Kind::turned_away, number, {}, "out of memory", {});
  }
}

void Server::Core::admit_numbered(std::uint64_t number, Descriptor socket) {
  const int descriptor = socket.get();
  const auto peer = Peer::of(descriptor);
  if (!peer) {
    report(ServerEvent::Kind::turned_away, number, {}, peer.error().explain(), {});
    return;
  }
  if (auto admitted = admit(descriptor, *peer); !admitted) {
    return turn_away(number, *peer, std::move(socket), admitted.error().why());
  }
  const std::uint32_t uid = responsible_for(*peer);
  Admitted admitted(*accounts_, uid, net::trusts(Peer{.uid = uid}));
  if (!admitted) return turn_away_for_want_of_room(number, *peer, uid, std::move(socket));
  auto accepted =
      shards_.assign_shard(number, *peer, admitted.account(), std::move(socket), slots_);
  admitted.acquire_slot();
  // Before the handler runs: if it ends at once, freeing its slot must find us paused.
  if (descriptor > clear_of_reserve_) note_number(descriptor);
  shards_.add_connection(std::move(accepted));
}

void Server::Core::turn_away(std::uint64_t number, const Peer& peer, Descriptor socket,
                             std::string reason) {
  report(ServerEvent::Kind::turned_away, number, peer, std::move(reason), {});
  // Descriptors may be queued in the socket.
  if (options_.descriptors > 0) core::close_in_background(std::move(socket));
}

/// Its uid has as many connections as it may. This connection is in no account: the refusal fits
/// into the empty buffer of its socket, and it is closed at the end of the turn.
void Server::Core::turn_away_for_want_of_room(std::uint64_t number, const Peer& peer,
                                              std::uint32_t uid, Descriptor socket) {
  const std::size_t present = accounts_->connections_of(uid);
  const bool own = uid == peer.uid;
  const bool all_it_may = present >= options_.server_limits.max_per_uid;
  std::string reason =
      (own ? "its uid" : "uid " + std::to_string(uid) + ", which answers for it,") + " has " +
      std::to_string(present) + " connections already" +
      (all_it_may ? "" : ", its share of what others have left");
  if (!options_.refusal_text) return turn_away(number, peer, std::move(socket), std::move(reason));
  const std::string text = options_.refusal_text(number);
  report(ServerEvent::Kind::turned_away, number, peer, std::move(reason), {});
  auto connection = detail::ConnectionState::open(loop_, std::move(socket), peer, config_);
  if (!connection) return;
  detail::ConnectionState::of(*connection).set_framing(Framing::raw(), Framing::raw());
  connection->try_send(text);
}

std::uint32_t Server::Core::responsible_for(const Peer& peer) {
  // A uid that has an account is responsible for itself.
  if (net::trusts(peer) || accounts_->connections_of(peer.uid) > 0) return peer.uid;
  if (!subordinates_) subordinates_ = net::SubordinateUids::read();
  return net::responsible_uid(peer, subordinates_.value_or(net::SubordinateUids()));
}

/// The limit is looked up only for numbers higher than all before, and so not for every client.
void Server::Core::note_number(int descriptor) {
  const auto reserve = reserve_from(options_.server_limits.descriptor_reserve);
  near_reserve_ = reserve && descriptor >= *reserve;
  if (near_reserve_) {
    pause("only the reserve of descriptors is left");
  } else {
    clear_of_reserve_ = descriptor;
  }
}

Result<void> Server::Core::admit(int socket, const Peer& peer) const {
  const auto refused = [&](std::string reason) {
    return sys::failure(EACCES, "admit", peer.to_string(), std::move(reason));
  };
  const bool abstract = address_.kind() == Address::Kind::abstract;
  if (!options_.allow.empty() || abstract) {
    // Groups are looked up only if there are rules, because that is a system call.
    const auto groups = options_.allow.empty()
                            ? std::vector<std::uint32_t>()
                            : Peer::groups_of(socket).value_or(std::vector<std::uint32_t>());
    const auto admits = [&](const AllowRule& rule) { return rule.admits(peer, groups); };
    const bool own = abstract && (admits(allow::same_uid()) || admits(allow::root()));
    if (!own && std::ranges::none_of(options_.allow, admits)) return refused("no rule admits it");
  }
  return {};
}

void Server::Core::acquire_slot(core::Account& /*account*/) { ++slots_; }

void Server::Core::release_slot(core::Account& account) noexcept {
  --slots_;
  accounts_->leave(account);
  resume();
  if (draining_) {
    accept_rest();
  } else if (!unreachable_.empty()) {
    accept_some(most_accepted);
  }
}

void Server::Core::pause(std::string reason) {
  if (paused_) return;
  paused_ = true;
  set_events(0);
  announce(ServerEvent::Kind::accepting_paused, std::move(reason));
}

void Server::Core::resume() {
  if (!paused_) return;
  paused_ = false;
  detail::Timer::stop();
  if (!draining_) set_events(sys::event_readable);
  announce(ServerEvent::Kind::accepting_resumed);
}

// Draining ---------------------------------------------------------------------------------------

void Server::Core::drain() {
  if (draining_) return;
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

// The successor keeps the queue and the name: neither is shut down or removed here.
void Server::Core::hand_over() {
  listener_.hand_over();
  drain();
}

Result<void> Server::Core::claim() {
  update_fd_passing();
  auto claimed = listener_.claim();
  if (takeover_) {
    auto control = takeover_->claim();
    if (claimed) claimed = std::move(control);
  }
  return claimed;
}

// Accepted sockets inherit this, so it is set before accept(2). A listener that was made elsewhere
// may have the opposite setting.
void Server::Core::update_fd_passing() const {
  if (options_.descriptors == 0) {
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
  if (!draining_ || paused_ || slots_ > 0 || !holds_loop_) return;
  stop_watching();
  listener_.close();
  if (!shards_.end()) return;  // shard_ended() calls this again
  holds_loop_ = false;
  loop_.core().let_go();
}

void Server::Core::fire() {
  resume();
  if (draining_ && holds_loop_) accept_rest();  // once finished, there is no client to accept
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
  if (control_watch_) return control_watch_->look_soon();
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
  announce_path(ServerEvent::Kind::path_lost, path, why);
  if (options_.on_path_lost == PathLost::drain) drain();
}

void Server::Core::path_regained(const Address& path) {
  announce_path(ServerEvent::Kind::path_regained, path, {});
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

void Server::Core::report(ServerEvent::Kind kind, std::uint64_t connection, const Peer& peer,
                          std::string reason, const Counters& counters) noexcept {
  if (!options_.on_event) return;
  try {
    options_.on_event({kind, connection, peer, std::move(reason), counters});
  } catch (const std::bad_alloc&) {
    // The program has no memory for this event, which is lost.
  }
}

void Server::Core::announce_path(ServerEvent::Kind kind, const Address& path,
                                 const std::string& why) const noexcept {
  if (!options_.on_event) return;
  try {
    options_.on_event({kind, 0, {}, why, {}, path});
  } catch (const std::bad_alloc&) {
    // The event is lost, as in report().
  }
}

// Server -----------------------------------------------------------------------------------------

Result<Server> Server::open(Loop& loop, const AddressSpec& address, Handler handler,
                            ServerOptions options) {
  if (loop.error()) return std::unexpected(*loop.error());
  if (options.takeover) return succeed(loop, address, handler, options);
  auto listener = Listener::bind(address, bind_options(options));
  if (!listener) return std::unexpected(listener.error());
  return open(loop, std::move(*listener), std::move(handler), std::move(options));
}

Result<Server> Server::open(Loop& loop, Listener listener, Handler handler, ServerOptions options) {
  auto core =
      std::make_unique<Core>(loop, std::move(listener), std::move(handler), std::move(options));
  if (auto started = core->start(); !started) return std::unexpected(started.error());
  return Server(std::move(core));
}

// A server that ends during a handover has committed nothing. The successor then finds what any
// server leaves behind, and starts again.
Result<Server> Server::succeed(Loop& loop, const AddressSpec& address, const Handler& handler,
                               const ServerOptions& options) {
  const auto deadline = Loop::Clock::now() + defaults::takeover_time;
  while (true) {
    auto server = try_to_succeed(loop, address, handler, options);
    // The server ended during the handover, or does not offer one yet, or stops and still holds its
    // lock.
    const bool in_between = !server && (server.error().code == std::errc::operation_canceled ||
                                        server.error().code == std::errc::address_in_use);
    if (!in_between) return server;
    if (Loop::Clock::now() > deadline) {
      if (server.error().code == std::errc::address_in_use && address.get()) {
        server.error().hint =
            "it offers no takeover: " + message::TakeoverClient::why_not_offered(*address.get()) +
            "; stop it, or use another address";
      }
      return server;
    }
    sys::pause_for(between_takeovers);
  }
}

Result<Server> Server::try_to_succeed(Loop& loop, const AddressSpec& address,
                                      const Handler& handler, const ServerOptions& options) {
  auto succession = message::TakeoverClient::begin(address, bind_options(options));
  if (!succession) return std::unexpected(succession.error());
  auto listener = *succession ? Result<Listener>((*succession)->take_listener())
                              : Listener::bind(address, bind_options(options));
  if (!listener) return std::unexpected(listener.error());
  auto control = *succession ? std::optional((*succession)->take_control()) : std::nullopt;

  auto server = open(loop, std::move(*listener), handler, options);
  if (!server) return server;
  if (auto offered = server->core_->offer_takeover(std::move(control)); !offered) {
    return std::unexpected(offered.error());
  }
  if (*succession) {
    if (auto complete = (*succession)->complete(); !complete) {
      return std::unexpected(complete.error());
    }
  }
  if (auto claimed = server->claim(); !claimed) return std::unexpected(claimed.error());
  return server;
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
Result<Handover> Server::offer() const { return core_->offer(); }
void Server::hand_over() { core_->hand_over(); }
Result<void> Server::claim() { return core_->claim(); }
const Address& Server::address() const noexcept { return core_->address(); }
std::optional<std::string> Server::lost() const { return core_->lost(); }
std::size_t Server::connections() const noexcept { return core_->connections(); }

}  // namespace hallway
